// SPDX-License-Identifier: GPL-2.0
/* shm_rmid_forced: segments that die with their last user or their creator. */
#include <pthread.h>

#include "common.h"
#include "differences.h"

FIXTURE(rmid_forced) { };

BOTH_BACKENDS(rmid_forced);

FIXTURE_SETUP(rmid_forced)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(rmid_forced) { }

#define EXPECT_GONE(id) do {							\
	struct shmid_ds ds_;							\
	EXPECT_EQ(-EINVAL, ctl(id, IPC_STAT, &ds_));				\
} while (0)

#define EXPECT_THERE(id) do {							\
	struct shmid_ds ds_;							\
	EXPECT_EQ(0, ctl(id, IPC_STAT, &ds_));					\
} while (0)

static void force(int value)
{
	if (set_sysctl("shm_rmid_forced", value))
		abort();
}

/* A segment whose creator is gone. */
static int orphan(key_t key)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(get(key, 4096, IPC_CREAT | IPC_EXCL | 0600) < 0);
	if (waitpid(pid, &status, 0) != pid || status)
		return -1;
	return get(key, 0, 0);
}

/* Waits for the end of a segment, at most so many milliseconds. */
static bool gone_within(key_t key, int milliseconds)
{
	while (get(key, 0, 0) >= 0 && milliseconds > 0) {
		usleep(10000);
		milliseconds -= 10;
	}
	return get(key, 0, 0) == -ENOENT;
}

TEST_F(rmid_forced, off_keeps_orphans)
{
	int id = orphan(KEY);

	ASSERT_LE(0, id);
	EXPECT_EQ(0, dt(ATTACH(id, 0)));
	EXPECT_THERE(id);
}

TEST_F(rmid_forced, dies_at_the_last_detach)
{
	char *p, *q;
	int id;

	force(1);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	q = ATTACH(id, 0);
	EXPECT_EQ(0600, STAT(id).shm_perm.mode);
	ASSERT_EQ(0, dt(p));
	EXPECT_THERE(id);
	ASSERT_EQ(0, dt(q));
	EXPECT_GONE(id);
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

TEST_F(rmid_forced, dies_with_the_last_process_attached)
{
	int id;

	force(1);
	IN_CHILD {
		id = GET(KEY, 4096, IPC_CREAT | 0600);
		ATTACH(id, 0);
	}
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

TEST_F(rmid_forced, creator_that_exits_takes_an_unattached_segment)
{
	force(1);
	EXPECT_EQ(-ENOENT, orphan(KEY));
}

TEST_F(rmid_forced, creator_that_leaves_the_namespace)
{
	int id = -1, left[2], go[2], status;
	struct shmid_ds ds;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(left));
	ASSERT_EQ(0, pipe(go));
	force(1);
	pid = fork();
	if (pid == 0) {
		id = GET(KEY, 4096, IPC_CREAT | 0600);
		_exit(unshare(CLONE_NEWIPC) || write(left[1], &id, sizeof(id)) != sizeof(id) ||
		      read(go[0], &byte, 1) != 1);
	}
	ASSERT_EQ(sizeof(id), read(left[0], &id, sizeof(id)));
	EXPECT_EQ(DIFFERS(CREATOR_THAT_LEAVES, -EINVAL, 0), ctl(id, IPC_STAT, &ds));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gone_within(KEY, 3000));
}

TEST_F(rmid_forced, creator_that_is_killed_takes_an_unattached_segment)
{
	pid_t pid;
	int status;

	force(1);
	pid = fork();
	if (pid == 0) {
		GET(KEY, 4096, IPC_CREAT | 0600);
		GET(KEY + 1, 4096, IPC_CREAT | 0600);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(-ENOENT, get(KEY + 1, 0, 0));
}

TEST_F(rmid_forced, creator_that_exits_spares_an_attached_segment)
{
	int ready[2], go[2], id, status;
	char byte, *p;
	pid_t pid;

	force(1);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		GET(KEY, 4096, IPC_CREAT | 0600);
		ASSERT_EQ(1, write(ready[1], "", 1));
		close(go[1]);
		ASSERT_EQ(0, read(go[0], &byte, 1));
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	id = GET(KEY, 0, 0);
	p = ATTACH(id, 0);
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(1, NATTCH(id));
	ASSERT_EQ(0, dt(p));
	EXPECT_GONE(id);
}

TEST_F(rmid_forced, switching_it_on_reaps_orphans)
{
	int a = orphan(KEY), b = orphan(KEY + 1), attached = orphan(KEY + 2);
	int mine = GET(KEY + 3, 4096, IPC_CREAT | 0600);
	char *p = ATTACH(attached, 0);

	EXPECT_THERE(a);
	EXPECT_THERE(b);
	force(1);
	EXPECT_GONE(a);
	EXPECT_GONE(b);
	/* Neither those in use nor those of a living creator. */
	EXPECT_THERE(attached);
	EXPECT_THERE(mine);
	EXPECT_EQ(mine, get(KEY + 3, 0, 0));
	ASSERT_EQ(0, dt(p));
	EXPECT_GONE(attached);
	EXPECT_THERE(mine);
}

TEST_F(rmid_forced, any_write_of_1_reaps)
{
	int id;

	force(1);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	force(0);
	ASSERT_EQ(0, dt(ATTACH(id, 0)));
	EXPECT_THERE(id);
	force(1);
	force(1);
	EXPECT_THERE(id);
}

TEST_F(rmid_forced, switching_it_off)
{
	int id;

	force(1);
	force(0);
	id = orphan(KEY);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, dt(ATTACH(id, 0)));
	EXPECT_THERE(id);
}

TEST_F(rmid_forced, takes_0_and_1_only)
{
	const char *path = sysctl_path("shm_rmid_forced");

	EXPECT_EQ(-EINVAL, write_text(path, "2\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "-1\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "x\n"));
	EXPECT_EQ(0, read_number(path));
	EXPECT_EQ(0, write_text(path, "1\n"));
	EXPECT_EQ(1, read_number(path));
}

TEST_F(rmid_forced, failed_attach_is_a_last_detach)
{
	char *p;
	int id;

	force(1);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_EQ(-EINVAL, at(id, p, 0));
	EXPECT_EQ(DIFFERS(FAILED_ATTACH, -EINVAL, 0), ctl(id, IPC_RMID, NULL));
}

/*
 * A segment that was never attached, at the end of each kind of failed attach; that of
 * System V is gone then.
 */
#define EXPECT_LEFT(id) do {							\
	int id_ = (id);								\
	struct shmid_ds left_;							\
	EXPECT_EQ(DIFFERS(FAILED_ATTACH, -EINVAL, 0), ctl(id_, IPC_STAT, &left_)); \
	if (on_xshm()) {							\
		EXPECT_EQ(0, left_.shm_nattch);					\
		EXPECT_EQ(0, left_.shm_atime);					\
		EXPECT_EQ(0, left_.shm_dtime);					\
		EXPECT_EQ(0, left_.shm_lpid);					\
		EXPECT_EQ(0, ctl(id_, IPC_RMID, NULL));				\
	}									\
} while (0)

#define KERNEL_ADDRESS	((void *)(1UL << 63))

TEST_F(rmid_forced, failed_replacing_attach)
{
	int id;

	force(1);
	id = GET(IPC_PRIVATE, 4096, 0600);
	EXPECT_EQ(-ENOMEM, at(id, KERNEL_ADDRESS, SHM_REMAP));
	EXPECT_LEFT(id);

	id = GET(IPC_PRIVATE, 4096, 0600);
	IN_CHILD {
		struct rlimit limit = { 4096, 4096 };
		char *p = free_range(4096);

		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
		EXPECT_EQ(-ENOMEM, at(id, p, SHM_REMAP));
	}
	EXPECT_LEFT(id);

	/* Rounded to address 0, which is not for everybody. */
	id = GET(IPC_PRIVATE, 4096, 0666);
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EPERM, at(id, (void *)1, SHM_RND));
	}
	EXPECT_LEFT(id);
}

/* A failure of another's, while the segment is attached, is no last detach either. */
TEST_F(rmid_forced, failed_replacing_attach_of_an_attached_segment)
{
	int id;
	char *p;

	force(1);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	EXPECT_EQ(-ENOMEM, at(id, KERNEL_ADDRESS, SHM_REMAP));
	EXPECT_EQ(1, NATTCH(id));
	ASSERT_EQ(0, dt(p));
	EXPECT_GONE(id);
}

TEST_F(rmid_forced, attach_that_replaces_the_last_one)
{
	char *p;
	int id;

	force(1);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	*p = 'x';
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ((long)p, at(id, p, SHM_REMAP));
		EXPECT_EQ('x', *p);
		EXPECT_EQ(1, NATTCH(id));
	}
	ASSERT_EQ(0, dt(p));
	EXPECT_GONE(id);
	/* One marked for destruction, too. */
	force(0);
	id = GET(KEY, 4096, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	*p = 'y';
	REMOVE(id);
	EXPECT_EQ((long)p, at(id, p, SHM_REMAP));
	EXPECT_EQ('y', *p);
	EXPECT_EQ(1, NATTCH(id));
	ASSERT_EQ(0, dt(p));
	EXPECT_GONE(id);
}

TEST_F(rmid_forced, children_of_the_creator_do_not_keep_it)
{
	int go[2], status;
	pid_t pid;

	force(1);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		GET(KEY, 4096, IPC_CREAT | 0600);
		close(go[1]);
		if (fork() == 0) {
			char byte;

			ASSERT_EQ(0, read(go[0], &byte, 1));
		}
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	close(go[1]);
}

TEST_F(rmid_forced, exec_of_the_creator_keeps_it)
{
	int in[2], closed[2], status;
	char byte;
	pid_t pid;

	force(1);
	ASSERT_EQ(0, pipe2(in, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(closed, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		GET(KEY, 4096, IPC_CREAT | 0600);
		dup2(in[0], 0);
		execlp("cat", "cat", NULL);
		_exit(1);
	}
	close(closed[1]);
	ASSERT_EQ(0, read(closed[0], &byte, 1));
	EXPECT_LE(0, get(KEY, 0, 0));
	close(in[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_TRUE(gone_within(KEY, DIFFERS(CREATOR_THAT_EXECUTED, 0, 5000)));
}

static void *create_segment(void *arg)
{
	*(int *)arg = get(KEY, 4096, IPC_CREAT | 0600);
	return NULL;
}

TEST_F(rmid_forced, exit_of_the_creating_thread)
{
	pthread_t thread;
	int id = -1;

	force(1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, create_segment, &id));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LE(0, id);
	/* The join may return a moment before the thread's exit is complete. */
	EXPECT_EQ(DIFFERS(CREATOR_IS_A_PROCESS, true, false), gone_within(KEY, 2500));
}

TEST_F(rmid_forced, is_of_the_namespace)
{
	force(1);
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(0, get_sysctl("shm_rmid_forced"));
		ASSERT_LE(0, orphan(KEY));
		EXPECT_LE(0, get(KEY, 0, 0));
	}
	EXPECT_EQ(1, get_sysctl("shm_rmid_forced"));
}

TEST_F(rmid_forced, the_namespace_of_the_segment_decides)
{
	int status;
	pid_t pid;

	force(1);
	pid = fork();
	if (pid == 0) {
		GET(KEY, 4096, IPC_CREAT | 0600);
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

TEST_HARNESS_MAIN
