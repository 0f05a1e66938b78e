// SPDX-License-Identifier: GPL-2.0
/*
 * XSHM_GET_POPULATE while something that is no signal wants the process to stop: a
 * tracer, the cgroup freezer. The command goes on and never says EINTR.
 */
#include <stdatomic.h>
#include <sys/ptrace.h>

#include "counters.h"
#include "raw.h"

#define BYTES		(64 * MIB)
#define POOL		((long)(BYTES / HUGE_2M))
#define STOPS		20	/* an end, as the command may begin anew with each */
#define CGROUP		"/sys/fs/cgroup/xshm-populate"

/* What the process that populates says. */
struct board {
	atomic_bool inside;
	atomic_int result;
	struct xshm_ds ds;
};

FIXTURE(populate) {
	struct board *board;
	long pool;
	bool cgroup;
};

FIXTURE_VARIANT(populate) {
	uint32_t flags, options;
};

FIXTURE_VARIANT_ADD(populate, small) { .options = XSHM_GET_SMALL };
FIXTURE_VARIANT_ADD(populate, thp) { .options = XSHM_GET_HUGE };
FIXTURE_VARIANT_ADD(populate, hugetlb) { .flags = SHM_HUGETLB };

FIXTURE_SETUP(populate)
{
	self->pool = -1;
	USE_BACKEND(&xshm);
	self->board = mmap(NULL, sizeof(*self->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->board);
	if (!(variant->flags & SHM_HUGETLB))
		return;
	self->pool = pool_of(HUGE_2M).total;
	if (set_pool(HUGE_2M, POOL) < POOL)
		SKIP(return, "no huge pages of 2 MB can be had");
}

FIXTURE_TEARDOWN(populate)
{
	if (self->pool >= 0)
		set_pool(HUGE_2M, self->pool);
	if (self->cgroup)
		rmdir(CGROUP);
}

static pid_t start_populating(struct board *board, uint32_t flags, uint32_t options)
{
	pid_t pid = fork();

	if (pid == 0) {
		int id;

		device();
		atomic_store(&board->inside, true);
		id = raw_get(IPC_PRIVATE, BYTES, flags | 0600, options | XSHM_GET_POPULATE);
		atomic_store(&board->inside, false);
		atomic_store(&board->result, id);
		_exit(id < 0 || raw_stat(id, &board->ds) || raw_remove(id));
	}
	/* Quick as it may be, it waits for its parent to have a chance. */
	while (pid > 0 && !atomic_load(&board->inside))
		sched_yield();
	return pid;
}

#define EXPECT_POPULATED(status) do {						\
	EXPECT_LE(0, self->board->result) TH_LOG("%s", strerror(-self->board->result)); \
	EXPECT_EQ(0, status);							\
	EXPECT_EQ(BYTES, self->board->ds.resident);				\
	EXPECT_EQ(0, RAW_USAGE().used_ids);					\
} while (0)

/* It may be over before it is stopped; then again. */
#define TRIES		20

TEST_F_TIMEOUT(populate, stopped_by_a_tracer, 120)
{
	int stops = 0;

	for (int i = 0; i < TRIES && !stops; i++) {
		pid_t pid = start_populating(self->board, variant->flags, variant->options);
		int status = -1;

		ASSERT_LT(0, pid);
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, NULL));
		/* After the last stop it runs on under the tracer, to its end. */
		while (stops < STOPS && atomic_load(&self->board->inside)) {
			if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
				break;
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			if (!WIFSTOPPED(status))
				break;
			stops += atomic_load(&self->board->inside);
			ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
			status = -1;
		}
		if (status == -1)
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_POPULATED(status);
	}
	if (!stops)
		SKIP(return, "it is over before it can be stopped");
}

static bool frozen(void)
{
	return read_field(CGROUP "/cgroup.events", "frozen") == 1;
}

TEST_F_TIMEOUT(populate, frozen_and_thawed, 120)
{
	int stops = 0;

	if (mkdir(CGROUP, 0755))
		SKIP(return, "no cgroup v2: %s", strerror(errno));
	self->cgroup = true;
	if (access(CGROUP "/cgroup.freeze", W_OK))
		SKIP(return, "no freezer");
	for (int i = 0; i < TRIES && !stops; i++) {
		pid_t pid = start_populating(self->board, variant->flags, variant->options);
		int status;

		ASSERT_LT(0, pid);
		ASSERT_EQ(0, write_number(CGROUP "/cgroup.procs", pid));
		for (int k = 0; k < STOPS && atomic_load(&self->board->inside); k++) {
			ASSERT_EQ(0, write_text(CGROUP "/cgroup.freeze", "1"));
			for (int m = 0; m < 1000 && !frozen(); m++)
				usleep(1000);
			stops += frozen() && atomic_load(&self->board->inside);
			ASSERT_EQ(0, write_text(CGROUP "/cgroup.freeze", "0"));
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_POPULATED(status);
	}
	if (!stops)
		SKIP(return, "it is over before it can be frozen");
}

TEST_HARNESS_MAIN
