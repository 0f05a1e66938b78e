// SPDX-License-Identifier: GPL-2.0
/* Segments whose creator is gone: shm_rmid_forced, and what it spares. */
#include "counters.h"
#include "raw.h"

FIXTURE(orphan) {
	int unused;
};

BOTH_BACKENDS(orphan);

FIXTURE_SETUP(orphan)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(orphan)
{
}

/* The module may need a moment to see that a process is gone. */
static bool gone_soon(int id)
{
	struct shmid_ds ds;

	for (int i = 0; i < 100; i++) {
		if (ctl(id, IPC_STAT, &ds) == -EINVAL)
			return true;
		usleep(50000);
	}
	return false;
}

/* Gives such a mistake time to show. */
static bool stays(int id)
{
	struct shmid_ds ds;

	usleep(1500000);
	return ctl(id, IPC_STAT, &ds) == 0;
}

/* Makes a segment in a process that then ends in that way. */
enum end { EXIT, KILL, SEGFAULT };

static int segment_of_the_dead(enum end end, bool attach)
{
	int fds[2], id = -1, status;
	pid_t pid;

	if (pipe(fds))
		abort();
	pid = fork();
	if (pid == 0) {
		id = get(IPC_PRIVATE, 8192, 0600);
		if (attach && at(id, NULL, 0) < 0)
			id = -1;
		if (write(fds[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		if (end == KILL)
			raise(SIGKILL);
		if (end == SEGFAULT) {
			struct rlimit none = { 0, 0 };

			setrlimit(RLIMIT_CORE, &none);
			signal(SIGSEGV, SIG_DFL);
			raise(SIGSEGV);
		}
		_exit(0);
	}
	if (read(fds[0], &id, sizeof(id)) != sizeof(id) || waitpid(pid, &status, 0) != pid)
		abort();
	close(fds[0]);
	close(fds[1]);
	return id;
}

TEST_F(orphan, stays_by_default)
{
	int id = segment_of_the_dead(EXIT, false);
	int killed = segment_of_the_dead(KILL, true);

	ASSERT_LE(0, id);
	EXPECT_EQ(0, get_sysctl("shm_rmid_forced"));
	EXPECT_TRUE(stays(id));
	EXPECT_EQ(0, NATTCH(killed));
	REMOVE(id);
	REMOVE(killed);
}

TEST_F(orphan, forced_never_attached_goes_with_its_creator)
{
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	EXPECT_TRUE(gone_soon(segment_of_the_dead(EXIT, false)));
	EXPECT_TRUE(gone_soon(segment_of_the_dead(KILL, false)));
	EXPECT_TRUE(gone_soon(segment_of_the_dead(SEGFAULT, false)));
}

TEST_F(orphan, forced_last_detach)
{
	int id, id2;
	char *p;

	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	EXPECT_TRUE(gone_soon(segment_of_the_dead(KILL, true)));
	/* Its creator living or not. */
	id = GET(KEY, 8192, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	EXPECT_EQ(0, STAT(id).shm_perm.mode & 01000);
	IN_CHILD {
		strcpy(ATTACH(id, 0), "kept");
	}
	EXPECT_STREQ("kept", p);
	EXPECT_EQ(id, get(KEY, 0, 0));
	ASSERT_EQ(0, dt(p));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(-EINVAL, at(id, NULL, 0));
	/* Somebody else has it when the creator dies. */
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	IN_CHILD {
		id2 = GET(KEY, 8192, IPC_CREAT | 0600);
		ASSERT_EQ(sizeof(id2), write(fds[1], &id2, sizeof(id2)));
	}
	ASSERT_EQ(sizeof(id2), read(fds[0], &id2, sizeof(id2)));
	EXPECT_TRUE(gone_soon(id2));
}

TEST_F(orphan, forced_spares_what_is_attached)
{
	int ready[2], id;
	char byte, *p;
	pid_t pid;

	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (pid == 0) {
		id = get(KEY, 8192, IPC_CREAT | 0600);
		if (write(ready[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		pause();
	}
	ASSERT_EQ(sizeof(id), read(ready[0], &id, sizeof(id)));
	p = ATTACH(id, 0);
	strcpy(p, "mine");
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(stays(id));
	EXPECT_STREQ("mine", p);
	EXPECT_EQ(id, get(KEY, 0, 0));
	byte = *p;
	EXPECT_EQ('m', byte);
	ASSERT_EQ(0, dt(p));
	EXPECT_TRUE(gone_soon(id));
}

TEST_F(orphan, switching_it_on)
{
	int dead = segment_of_the_dead(EXIT, false);
	int killed = segment_of_the_dead(KILL, true);
	int alive = GET(IPC_PRIVATE, 8192, 0600);
	int attached = segment_of_the_dead(EXIT, false);
	char *p = ATTACH(attached, 0);

	EXPECT_TRUE(stays(dead));
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	EXPECT_TRUE(gone_soon(dead));
	EXPECT_TRUE(gone_soon(killed));
	EXPECT_TRUE(stays(alive));
	EXPECT_EQ(1, NATTCH(attached));
	ASSERT_EQ(0, dt(p));
	EXPECT_TRUE(gone_soon(attached));
	REMOVE(alive);
	/* Only 0 and 1. */
	EXPECT_EQ(-EINVAL, write_text(sysctl_path("shm_rmid_forced"), "2"));
	EXPECT_EQ(-EINVAL, write_text(sysctl_path("shm_rmid_forced"), "-1"));
	EXPECT_EQ(1, get_sysctl("shm_rmid_forced"));
}

/* Another one's end is none of the segment's business. */
TEST_F(orphan, forced_spares_segments_of_the_living)
{
	int id;

	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	id = GET(KEY, 8192, IPC_CREAT | 0600);
	IN_CHILD {
		EXPECT_EQ(id, get(KEY, 0, 0));
		EXPECT_EQ(0, STAT(id).shm_nattch);
	}
	EXPECT_TRUE(stays(id));
	REMOVE(id);
}

/* The creator's children don't count for him, though they inherit what he has open. */
TEST_F(orphan, forced_while_a_child_lives_on)
{
	int fds[2], id;
	pid_t pids[2];

	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	ASSERT_EQ(0, pipe(fds));
	pids[0] = fork();
	if (pids[0] == 0) {
		id = get(IPC_PRIVATE, 8192, 0600);
		pids[1] = fork();
		if (pids[1] == 0) {
			/* Ended by the test, or by this. */
			alarm(20);
			pause();
		}
		if (write(fds[1], &pids[1], sizeof(pid_t)) < 0 ||
		    write(fds[1], &id, sizeof(id)) < 0)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(sizeof(pid_t), read(fds[0], &pids[1], sizeof(pid_t)));
	ASSERT_EQ(sizeof(id), read(fds[0], &id, sizeof(id)));
	ASSERT_EQ(pids[0], waitpid(pids[0], NULL, 0));
	EXPECT_TRUE(gone_soon(id));
	kill(pids[1], SIGKILL);
}

TEST_HARNESS_MAIN
