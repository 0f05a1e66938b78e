// SPDX-License-Identifier: GPL-2.0
/* Which segments get transparent huge pages: policy, options, advice, the machine's veto. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "counters.h"
#include "raw.h"

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define POLICY		"/proc/sys/xshm/huge"
#define BYTES		(8 * MIB)

FIXTURE(thp) {
	bool usable;
};

FIXTURE_SETUP(thp)
{
	self->usable = false;
	if (access(SHMEM_ENABLED, F_OK))
		SKIP(return, "this kernel has no transparent huge pages");
	USE_BACKEND(&xshm);
	self->usable = true;
}

FIXTURE_TEARDOWN(thp)
{
	if (self->usable)
		EXPECT_EQ(0, write_text(SHMEM_ENABLED, "never"));
}

/* What a segment of BYTES has in huge pages once touched: by xshm, and mapped in smaps. */
struct outcome {
	long huge, mapped, resident;
	__u32 attributes;
};

static struct outcome outcome_of(struct __test_metadata *_metadata, int id, int advice)
{
	struct outcome outcome;
	struct xshm_ds ds;
	char *p = ATTACH(id, 0);

	if (advice)
		EXPECT_EQ(0, madvise(p, BYTES, advice));
	touch(p, BYTES);
	EXPECT_EQ(-1, check_touched(p, BYTES));
	ds = RAW_STAT(id);
	outcome = (struct outcome){
		.huge = ds.huge, .resident = ds.resident, .attributes = ds.attributes,
		.mapped = smaps(p, "ShmemPmdMapped") * KIB,
	};
	EXPECT_EQ(4096, ds.page_size);
	EXPECT_EQ(0, ds.swapped);
	EXPECT_EQ(0, ds.attributes & XSHM_ATTR_HUGETLB);
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
	return outcome;
}

#define EXPECT_HUGE(id, advice) do {						\
	struct outcome o_ = outcome_of(_metadata, id, advice);			\
										\
	EXPECT_EQ(BYTES, o_.resident);						\
	EXPECT_EQ(BYTES, o_.huge);						\
	EXPECT_EQ(BYTES, o_.mapped);						\
} while (0)

#define EXPECT_SMALL(id, advice) do {						\
	struct outcome o_ = outcome_of(_metadata, id, advice);			\
										\
	EXPECT_EQ(BYTES, o_.resident);						\
	EXPECT_EQ(0, o_.huge);							\
	EXPECT_EQ(0, o_.mapped);						\
} while (0)

static const char *read_policy(void)
{
	static char text[128];
	int fd = open(POLICY, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static unsigned int limits_huge(void)
{
	struct xshm_limits limits;

	memset(&limits, POISON, sizeof(limits));
	raw_control(XSHM_IOC_LIMITS, 0, &limits, sizeof(limits));
	return limits.huge;
}

TEST_F(thp, default_is_huge)
{
	int id = GET(IPC_PRIVATE, BYTES, 0600);
	struct xshm_ds ds = RAW_STAT(id);

	EXPECT_EQ(0, ds.resident);
	EXPECT_EQ(0, ds.huge);
	EXPECT_EQ(XSHM_ATTR_THP, ds.attributes);
	EXPECT_HUGE(id, 0);
}

TEST_F(thp, nothing_below_two_megabytes)
{
	int id = GET(IPC_PRIVATE, HUGE_2M - 4096, 0600);
	char *p = ATTACH(id, 0);

	touch(p, HUGE_2M - 4096);
	EXPECT_EQ(HUGE_2M - 4096, RAW_STAT(id).resident);
	EXPECT_EQ(0, RAW_STAT(id).huge);
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

/* No memory is spent behind the end. */
TEST_F(thp, as_far_as_the_segment_reaches)
{
	int id = GET(IPC_PRIVATE, 3 * MIB + 5, 0600);
	char *p = ATTACH(id, 0);

	*(volatile char *)(p + 3 * MIB) = 1;
	EXPECT_EQ(4096, RAW_STAT(id).resident);
	EXPECT_EQ(0, RAW_STAT(id).huge);
	touch(p, 3 * MIB);
	EXPECT_EQ(3 * MIB + 4096, RAW_STAT(id).resident);
	EXPECT_EQ(HUGE_2M, RAW_STAT(id).huge);
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(thp, policy_is_read_and_written_by_name)
{
	static const struct {
		const char *name, *shown;
		unsigned int value;
	} policies[] = {
		{ "never", "[never]", XSHM_HUGE_NEVER },
		{ "always\n", "[always]", XSHM_HUGE_ALWAYS },
		{ "advise", "[advise]", XSHM_HUGE_ADVISE },
		{ "within_size\n", "[within_size]", XSHM_HUGE_WITHIN_SIZE },
	};
	static const char *const junk[] = { "", "\n", "nev", "neverr", "never always", "1", "-1",
					    "Never", "[never]", "within size" };

	EXPECT_NE(NULL, strstr(read_policy(), "[within_size]"));
	EXPECT_EQ(XSHM_HUGE_WITHIN_SIZE, limits_huge());
	for (int i = 0; i < 4; i++) {
		const char *text;

		ASSERT_EQ(0, write_text(POLICY, policies[i].name));
		text = read_policy();
		EXPECT_NE(NULL, strstr(text, policies[i].shown)) {
			TH_LOG("it reads %s", text);
		}
		for (int k = 0; k < 4; k++) {
			char name[16] = "";

			strncpy(name, policies[k].shown + 1, strlen(policies[k].shown) - 2);
			EXPECT_NE(NULL, strstr(text, name));
		}
		EXPECT_EQ(strchr(text, '['), strrchr(text, '['));
		EXPECT_EQ('\n', text[strlen(text) - 1]);
		EXPECT_EQ(policies[i].value, limits_huge());
	}
	for (unsigned int i = 1; i < sizeof(junk) / sizeof(junk[0]); i++) {
		EXPECT_EQ(-EINVAL, write_text(POLICY, junk[i])) {
			TH_LOG("'%s' was taken", junk[i]);
		}
		EXPECT_EQ(XSHM_HUGE_WITHIN_SIZE, limits_huge());
	}
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, write_text(POLICY, "never"));
		EXPECT_NE(NULL, strstr(read_policy(), "[within_size]"));
	}
}

TEST_F(thp, policy_never)
{
	int old = GET(IPC_PRIVATE, BYTES, 0600);

	ASSERT_EQ(0, write_text(POLICY, "never"));
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), 0);
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), MADV_HUGEPAGE);
	/* A segment keeps the policy that it was made under; who asks for it gets it. */
	EXPECT_HUGE(old, 0);
	EXPECT_HUGE(RAW_GET(BYTES, 0600, XSHM_GET_HUGE), 0);
}

TEST_F(thp, policy_advise)
{
	ASSERT_EQ(0, write_text(POLICY, "advise"));
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), 0);
	EXPECT_HUGE(GET(IPC_PRIVATE, BYTES, 0600), MADV_HUGEPAGE);
}

TEST_F(thp, policy_always)
{
	int id;

	ASSERT_EQ(0, write_text(POLICY, "always"));
	EXPECT_HUGE(GET(IPC_PRIVATE, BYTES, 0600), 0);
	/*
	 * Also where the segment ends within the huge page. A fault of Linux 6.12 asks
	 * for room in the mapping too, hence without one.
	 */
	id = RAW_GET(3 * MIB, 0600, XSHM_GET_POPULATE);
	EXPECT_EQ(2 * HUGE_2M, RAW_STAT(id).huge);
	REMOVE(id);
	ASSERT_EQ(0, write_text(POLICY, "within_size"));
	id = RAW_GET(3 * MIB, 0600, XSHM_GET_POPULATE);
	EXPECT_EQ(HUGE_2M, RAW_STAT(id).huge);
	REMOVE(id);
}

TEST_F(thp, policy_within_size_again)
{
	ASSERT_EQ(0, write_text(POLICY, "never"));
	ASSERT_EQ(0, write_text(POLICY, "within_size"));
	EXPECT_HUGE(GET(IPC_PRIVATE, BYTES, 0600), 0);
}

TEST_F(thp, small_on_request)
{
	int id = RAW_GET(BYTES, 0600, XSHM_GET_SMALL);

	EXPECT_EQ(0, RAW_STAT(id).attributes);
	EXPECT_SMALL(id, 0);
	EXPECT_SMALL(RAW_GET(BYTES, 0600, XSHM_GET_SMALL), MADV_HUGEPAGE);
	ASSERT_EQ(0, write_text(POLICY, "always"));
	EXPECT_SMALL(RAW_GET(BYTES, 0600, XSHM_GET_SMALL), 0);
}

TEST_F(thp, sparse_segments_are_small)
{
	int id = GET(IPC_PRIVATE, BYTES, SHM_NORESERVE | 0600);

	EXPECT_EQ(XSHM_ATTR_NORESERVE, RAW_STAT(id).attributes);
	EXPECT_SMALL(id, 0);
	EXPECT_HUGE(RAW_GET(BYTES, SHM_NORESERVE | 0600, XSHM_GET_HUGE), 0);
}

TEST_F(thp, advice_against)
{
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), MADV_NOHUGEPAGE);
}

TEST_F(thp, the_machine_may_forbid_it)
{
	ASSERT_EQ(0, write_text(SHMEM_ENABLED, "deny"));
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), 0);
	EXPECT_SMALL(RAW_GET(BYTES, 0600, XSHM_GET_HUGE), 0);
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), MADV_HUGEPAGE);
	ASSERT_EQ(0, write_text(POLICY, "always"));
	EXPECT_SMALL(GET(IPC_PRIVATE, BYTES, 0600), 0);
	ASSERT_EQ(0, write_text(SHMEM_ENABLED, "never"));
	EXPECT_HUGE(GET(IPC_PRIVATE, BYTES, 0600), 0);
}

/* An option is for the segment that the call makes. */
TEST_F(thp, options_of_an_existing_key)
{
	int id = raw_get(KEY, BYTES, IPC_CREAT | 0600, XSHM_GET_SMALL);

	ASSERT_LE(0, id);
	EXPECT_EQ(id, raw_get(KEY, 0, 0, XSHM_GET_HUGE | XSHM_GET_POPULATE));
	EXPECT_EQ(0, RAW_STAT(id).resident);
	EXPECT_SMALL(id, 0);
}

TEST_F(thp, populate_at_creation)
{
	static const __u32 options[] = { 0, XSHM_GET_SMALL };

	for (int i = 0; i < 2; i++) {
		long before = meminfo("Shmem");
		int id = RAW_GET(BYTES, 0600, options[i] | XSHM_GET_POPULATE);
		struct xshm_ds ds = RAW_STAT(id);
		char *p;

		EXPECT_EQ(BYTES, ds.resident);
		EXPECT_EQ(i ? 0 : BYTES, ds.huge);
		EXPECT_EQ(0, ds.nattch);
		EXPECT_EQ(0, ds.atime);
		EXPECT_LE(before + (long)(BYTES / KIB) - SLACK_KB, meminfo("Shmem"));
		p = ATTACH(id, 0);
		EXPECT_TRUE(all_bytes(p, BYTES, 0));
		ASSERT_EQ(0, dt(p));
		REMOVE(id);
		EXPECT_GE(before + SLACK_KB, meminfo_falls_to("Shmem", before + SLACK_KB, 5));
	}
	/* Of odd size, to the last page. */
	EXPECT_EQ(3 * MIB + 4096,
		  RAW_STAT(RAW_GET(3 * MIB + 1, 0600, XSHM_GET_POPULATE)).resident);
}

static void on_alarm(int signal)
{
}

/* Signals that a program handles are no reason to fail. */
TEST_F(thp, populate_among_signals)
{
	static const __u32 options[] = { 0, XSHM_GET_SMALL };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { };

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 2; i++) {
		int id = raw_get(IPC_PRIVATE, 64 * MIB, 0600, options[i] | XSHM_GET_POPULATE);

		EXPECT_LE(0, id);
		if (id >= 0) {
			EXPECT_EQ(64 * MIB, RAW_STAT(id).resident);
			EXPECT_EQ(0, raw_remove(id));
		}
	}
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_EQ(0, RAW_USAGE().used_ids);
}

/* But a fatal one ends it, and nothing is left. */
TEST_F(thp, populate_and_kill)
{
	long before = meminfo("Shmem");
	__u64 bytes = 256 * MIB;
	int status;
	pid_t pid;

	if (meminfo("MemAvailable") < 512 * 1024)
		SKIP(return, "needs 512 MiB of free memory");
	pid = fork();
	if (pid == 0)
		_exit(raw_get(IPC_PRIVATE, bytes, 0600, XSHM_GET_SMALL | XSHM_GET_POPULATE) >= 0);
	usleep(20000);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (WIFSIGNALED(status)) {
		EXPECT_EQ(0, RAW_USAGE().used_ids);
		EXPECT_GE(before + SLACK_KB, meminfo_falls_to("Shmem", before + SLACK_KB, 5));
	}
}

TEST_F(thp, usage_counts_huge_bytes)
{
	int id = GET(IPC_PRIVATE, BYTES, 0600);
	int small = RAW_GET(BYTES, 0600, XSHM_GET_SMALL);
	char *p = ATTACH(id, 0), *q = ATTACH(small, 0);

	EXPECT_EQ(2 * BYTES / 4096, RAW_USAGE().shm_tot);
	EXPECT_EQ(0, RAW_USAGE().shm_rss);
	touch(p, BYTES);
	touch(q, MIB);
	EXPECT_EQ(BYTES, RAW_USAGE().huge);
	EXPECT_EQ((BYTES + MIB) / 4096, RAW_USAGE().shm_rss);
	EXPECT_EQ(0, RAW_USAGE().shm_swp);
	EXPECT_EQ(2, RAW_USAGE().used_ids);
	ASSERT_EQ(0, dt(p));
	ASSERT_EQ(0, dt(q));
	REMOVE(id);
	EXPECT_EQ(0, RAW_USAGE().huge);
	EXPECT_EQ(MIB / 4096, RAW_USAGE().shm_rss);
	REMOVE(small);
	EXPECT_EQ(0, RAW_USAGE().shm_rss);
	EXPECT_EQ(0, RAW_USAGE().shm_tot);
	EXPECT_EQ(0, RAW_USAGE().used_ids);
}

struct puncher {
	char *p;
	atomic_bool stop;
	unsigned long rounds;
};

static void *punch_and_touch(void *arg)
{
	struct puncher *puncher = arg;

	/* All of it; or a part, for which a huge page is split. */
	for (; !atomic_load(&puncher->stop); puncher->rounds++) {
		bool whole = puncher->rounds % 2;

		if (madvise(puncher->p + (whole ? 0 : 4096), whole ? BYTES : HUGE_2M, MADV_REMOVE))
			abort();
		touch(puncher->p, BYTES);
	}
	return NULL;
}

/* Huge pages are counted while they come, are split and go. */
TEST_F_TIMEOUT(thp, counted_while_they_change, 120)
{
	int id = GET(IPC_PRIVATE, BYTES, 0600);
	struct puncher puncher = { .p = ATTACH(id, 0) };
	int looks = getenv("XSHM_SLOW") ? 300 : 3000;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, punch_and_touch, &puncher));
	for (int i = 0; i < looks || (puncher.rounds < 10 && i < 100 * looks); i++) {
		unsigned long huge = i % 2 ? RAW_STAT(id).huge : RAW_USAGE().huge;

		ASSERT_EQ(0, huge % HUGE_2M);
		ASSERT_GE(BYTES, huge);
	}
	atomic_store(&puncher.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(10, puncher.rounds);
	ASSERT_EQ(0, madvise(puncher.p, BYTES, MADV_REMOVE));
	EXPECT_EQ(0, RAW_STAT(id).huge);
	touch(puncher.p, BYTES);
	EXPECT_EQ(BYTES, RAW_STAT(id).huge);
	ASSERT_EQ(0, dt(puncher.p));
	REMOVE(id);
}

TEST_HARNESS_MAIN
