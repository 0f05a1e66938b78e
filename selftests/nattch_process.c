// SPDX-License-Identifier: GPL-2.0
/* The attach count through fork, exec and the ends of processes, and who did what when. */
#include <signal.h>
#include <sys/prctl.h>

#include "common.h"

#define PAGE	4096
#define SIZE	(5 * PAGE)

FIXTURE(nattch_process)
{
	int id;
	char *p;
};

BOTH_BACKENDS(nattch_process);

FIXTURE_SETUP(nattch_process)
{
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, SIZE, IPC_CREAT | 0600);
	self->p = ATTACH(self->id, 0);
	ASSERT_EQ(1, NATTCH(self->id));
}

FIXTURE_TEARDOWN(nattch_process) { }

/* Two pipes to hold a child where its parent wants it. */
struct child {
	pid_t pid;
	int ready, go;
};

static struct child hold_child(bool exec)
{
	int ready[2], go[2];
	struct child c;
	char byte;

	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		abort();
	c.pid = fork();
	if (c.pid < 0)
		abort();
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		if (exec) {
			/* The new program closes its end of ready by starting. */
			dup2(go[0], 0);
			execlp("cat", "cat", NULL);
			abort();
		}
		if (write(ready[1], "", 1) != 1)
			abort();
		while (read(go[0], &byte, 1) < 0)
			;
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	c.ready = ready[0];
	c.go = go[1];
	while (read(c.ready, &byte, 1) < 0)
		;
	return c;
}

static int release_child(struct child c)
{
	int status = -1;

	close(c.go);
	close(c.ready);
	waitpid(c.pid, &status, 0);
	return status;
}

TEST_F(nattch_process, fork_and_exit)
{
	char *second = ATTACH(self->id, SHM_RDONLY);
	struct child c;

	c = hold_child(false);
	EXPECT_EQ(4, NATTCH(self->id));
	ASSERT_EQ(0, release_child(c));
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(c.pid, STAT(self->id).shm_lpid);
	EXPECT_EQ(0, dt(second));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(getpid(), STAT(self->id).shm_lpid);
}

TEST_F(nattch_process, fork_of_a_split_attach)
{
	struct child c;

	ASSERT_EQ(0, munmap(self->p + PAGE, PAGE));
	ASSERT_EQ(0, mprotect(self->p + 4 * PAGE, PAGE, PROT_READ));
	c = hold_child(false);
	EXPECT_EQ(6, NATTCH(self->id));
	ASSERT_EQ(0, release_child(c));
	EXPECT_EQ(3, NATTCH(self->id));
}

TEST_F(nattch_process, exec)
{
	struct child c = hold_child(true);

	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(c.pid, STAT(self->id).shm_lpid);
	ASSERT_EQ(0, release_child(c));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(nattch_process, sigkill)
{
	struct child c = hold_child(false);
	int status;

	EXPECT_EQ(2, NATTCH(self->id));
	ASSERT_EQ(0, kill(c.pid, SIGKILL));
	status = release_child(c);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(c.pid, STAT(self->id).shm_lpid);
}

TEST_F(nattch_process, sigkill_of_the_last_process_destroys_a_removed_segment)
{
	struct shmid_ds ds;
	struct child c;

	REMOVE(self->id);
	c = hold_child(false);
	ASSERT_EQ(0, dt(self->p));
	EXPECT_EQ(1, NATTCH(self->id));
	ASSERT_EQ(0, kill(c.pid, SIGKILL));
	release_child(c);
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
}

TEST_F(nattch_process, detach_in_the_child)
{
	IN_CHILD {
		EXPECT_EQ(2, NATTCH(self->id));
		EXPECT_EQ(0, dt(self->p));
		EXPECT_EQ(1, NATTCH(self->id));
		EXPECT_EQ(-EINVAL, dt(self->p));
	}
	EXPECT_EQ(1, NATTCH(self->id));
	self->p[0] = 1;
}

TEST_F(nattch_process, many_children)
{
	struct child c[16];

	for (int i = 0; i < 16; i++)
		c[i] = hold_child(false);
	EXPECT_EQ(17, NATTCH(self->id));
	/* A later child has inherited the pipes of the earlier ones. */
	for (int i = 15; i >= 0; i--)
		ASSERT_EQ(0, release_child(c[i]));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(nattch_process, many_attaches_of_a_process)
{
	enum { MANY = 300 };
	char *p[MANY];

	for (int i = 0; i < MANY; i++)
		p[i] = ATTACH(self->id, 0);
	EXPECT_EQ(MANY + 1, NATTCH(self->id));
	IN_CHILD {
		EXPECT_EQ(2 * (MANY + 1), NATTCH(self->id));
	}
	EXPECT_EQ(MANY + 1, NATTCH(self->id));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, dt(p[i]));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(nattch_process, madv_dontfork)
{
	char *second = ATTACH(self->id, 0);

	ASSERT_EQ(0, madvise(self->p, SIZE, MADV_DONTFORK));
	IN_CHILD {
		EXPECT_EQ(3, NATTCH(self->id));
		EXPECT_FALSE(is_mapped(self->p));
		EXPECT_TRUE(is_mapped(second));
		EXPECT_EQ(-EINVAL, dt(self->p));
	}
	EXPECT_EQ(2, NATTCH(self->id));
	ASSERT_EQ(0, madvise(self->p, SIZE, MADV_DOFORK));
	IN_CHILD {
		EXPECT_EQ(4, NATTCH(self->id));
	}
}

TEST_F(nattch_process, unshared_namespace_keeps_the_mapping)
{
	IN_CHILD {
		struct shmid_ds ds;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
		EXPECT_EQ(-EINVAL, at(self->id, NULL, 0));
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		self->p[PAGE] = 8;
		ASSERT_EQ(0, munmap(self->p + 2 * PAGE, PAGE));
		EXPECT_EQ(0, dt(self->p));
		EXPECT_FALSE(is_mapped(self->p));
		EXPECT_EQ(-EINVAL, dt(self->p));
	}
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(8, self->p[PAGE]);
}

TEST_F(nattch_process, times_and_pids)
{
	pid_t me = getpid();
	struct shmid_ds a, b;
	struct child c;

	a = STAT(self->id);
	EXPECT_EQ(me, a.shm_cpid);
	EXPECT_EQ(me, a.shm_lpid);
	EXPECT_EQ(0, a.shm_dtime);
	EXPECT_GE(a.shm_atime, a.shm_ctime);
	EXPECT_LE(a.shm_atime, time(NULL));

	/* A fork is an attach, by the parent. */
	next_second();
	c = hold_child(false);
	b = STAT(self->id);
	EXPECT_LT(a.shm_atime, b.shm_atime);
	EXPECT_EQ(0, b.shm_dtime);
	EXPECT_EQ(me, b.shm_lpid);

	/* An exit is a detach. */
	a = b;
	next_second();
	ASSERT_EQ(0, release_child(c));
	b = STAT(self->id);
	EXPECT_EQ(a.shm_atime, b.shm_atime);
	EXPECT_LT(a.shm_atime, b.shm_dtime);
	EXPECT_EQ(c.pid, b.shm_lpid);
	EXPECT_EQ(a.shm_ctime, b.shm_ctime);

	/* So is shmdt. */
	a = b;
	next_second();
	ASSERT_EQ(0, dt(self->p));
	b = STAT(self->id);
	EXPECT_EQ(a.shm_atime, b.shm_atime);
	EXPECT_LT(a.shm_dtime, b.shm_dtime);
	EXPECT_EQ(me, b.shm_lpid);
	EXPECT_EQ(a.shm_ctime, b.shm_ctime);
	EXPECT_EQ(me, b.shm_cpid);

	/* And shmat, by whoever does it. */
	a = b;
	next_second();
	c.pid = fork();
	if (c.pid == 0)
		_exit(at(self->id, NULL, SHM_RDONLY) < 0);
	ASSERT_EQ(c.pid, waitpid(c.pid, NULL, 0));
	b = STAT(self->id);
	EXPECT_LT(a.shm_atime, b.shm_atime);
	EXPECT_EQ(c.pid, b.shm_lpid);
	EXPECT_EQ(me, b.shm_cpid);
}

TEST_HARNESS_MAIN
