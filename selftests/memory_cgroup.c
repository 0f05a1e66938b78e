// SPDX-License-Identifier: GPL-2.0
/* Pages are charged to the memory cgroup that touches them, and its limit hits only that one. */
#include "counters.h"
#include "raw.h"

#define ROOT	"/sys/fs/cgroup"
#define GROUP_A	ROOT "/xshm-selftest"
#define BYTES	(16 * MIB)

FIXTURE(memory_cgroup) {
	bool made;
};

BOTH_BACKENDS(memory_cgroup);

FIXTURE_SETUP(memory_cgroup)
{
	self->made = false;
	if (access(ROOT "/cgroup.controllers", F_OK))
		SKIP(return, "no cgroup v2 at " ROOT);
	if (write_text(ROOT "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller");
	USE_BACKEND(variant->backend);
	rmdir(GROUP_A);
	ASSERT_EQ(0, mkdir(GROUP_A, 0755));
	self->made = true;
	if (!access(GROUP_A "/memory.swap.max", F_OK))
		ASSERT_EQ(0, write_text(GROUP_A "/memory.swap.max", "0"));
}

FIXTURE_TEARDOWN(memory_cgroup)
{
	if (!self->made)
		return;
	/* Its last process may not have been reaped in full yet. */
	for (int i = 0; i < 100 && rmdir(GROUP_A) && errno == EBUSY; i++)
		usleep(20000);
	EXPECT_NE(0, access(GROUP_A, F_OK));
}

static void enter(void)
{
	if (write_text(GROUP_A "/cgroup.procs", "0"))
		abort();
}

static long charged_shmem(void)
{
	return read_field(GROUP_A "/memory.stat", "shmem");
}

TEST_F(memory_cgroup, the_toucher_is_charged)
{
	int id = GET(IPC_PRIVATE, BYTES, 0600);
	char *p = ATTACH(id, 0);

	/* Half by a process outside. */
	touch(p, BYTES / 2);
	EXPECT_EQ(0, charged_shmem());
	IN_CHILD {
		enter();
		touch(p, BYTES);
	}
	EXPECT_EQ(BYTES / 2, charged_shmem());
	EXPECT_LE(BYTES / 2, read_number(GROUP_A "/memory.current"));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
	for (int i = 0; i < 100 && charged_shmem() > 0; i++)
		usleep(20000);
	EXPECT_EQ(0, charged_shmem());
}

TEST_F(memory_cgroup, the_limit_kills_only_the_toucher)
{
	int id = GET(IPC_PRIVATE, 2 * BYTES, 0600);
	char *p = ATTACH(id, 0);
	int status;
	pid_t pid;

	touch(p, BYTES / 2);
	ASSERT_EQ(0, write_number(GROUP_A "/memory.max", BYTES / 2));
	pid = fork();
	if (pid == 0) {
		enter();
		touch(p, 2 * BYTES);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(1, read_field(GROUP_A "/memory.events", "oom_kill"));
	/* Nothing happened to what others have, and the segment can be used. */
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_EQ(-1, check_touched(p, BYTES / 2));
	touch(p, 2 * BYTES);
	EXPECT_EQ(-1, check_touched(p, 2 * BYTES));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

/* A segment that nobody has touched costs kernel memory, which is on its maker's account. */
TEST_F(memory_cgroup, segments_themselves_are_charged)
{
	IN_CHILD {
		enter();
		for (int i = 0; i < 1000; i++)
			ASSERT_LE(0, get(IPC_PRIVATE, 4096, 0600));
	}
	EXPECT_LE(1000 * 700, read_field(GROUP_A "/memory.stat", "slab"));
}

/* ENOMEM at creation, instead of a kill later, and nothing is left of it. */
TEST_F(memory_cgroup, populate_beyond_the_limit)
{
	static const __u32 options[] = { 0, XSHM_GET_SMALL };

	if (ipc == &sysv)
		SKIP(return, "populating is xshm's own");
	for (int i = 0; i < 2; i++) {
		long before = meminfo("Shmem");

		ASSERT_EQ(0, write_number(GROUP_A "/memory.max", BYTES));
		IN_CHILD {
			enter();
			EXPECT_EQ(-ENOMEM, raw_get(KEY, 4 * BYTES, IPC_CREAT | 0600,
						   options[i] | XSHM_GET_POPULATE));
			EXPECT_EQ(-ENOENT, raw_get(KEY, 0, 0, 0));
			EXPECT_EQ(0, RAW_USAGE().used_ids);
			EXPECT_EQ(0, RAW_USAGE().shm_tot);
			/* What fits is had. */
			int id = raw_get(KEY, BYTES / 4, IPC_CREAT | 0600,
					 options[i] | XSHM_GET_POPULATE);

			ASSERT_LE(0, id);
			EXPECT_EQ(BYTES / 4, RAW_STAT(id).resident);
			REMOVE(id);
		}
		EXPECT_EQ(0, read_field(GROUP_A "/memory.events", "oom_kill"));
		EXPECT_GE(before + SLACK_KB, meminfo_falls_to("Shmem", before + SLACK_KB, 5));
		for (int k = 0; k < 100 && charged_shmem() > 0; k++)
			usleep(20000);
		EXPECT_EQ(0, charged_shmem());
	}
}

TEST_F(memory_cgroup, more_than_the_machine_has)
{
	struct xshm_usage usage;
	long before = meminfo("Shmem");
	__u64 bytes = 2UL * KIB * (meminfo("MemTotal") + meminfo("SwapTotal"));

	if (ipc == &sysv)
		SKIP(return, "populating is xshm's own");
	EXPECT_EQ(-ENOMEM, raw_get(IPC_PRIVATE, bytes, 0600, XSHM_GET_POPULATE));
	usage = RAW_USAGE();
	EXPECT_EQ(0, usage.used_ids);
	EXPECT_EQ(0, usage.shm_tot);
	EXPECT_GE(before + SLACK_KB, meminfo_falls_to("Shmem", before + SLACK_KB, 5));
}

TEST_HARNESS_MAIN
