// SPDX-License-Identifier: GPL-2.0
/* libxshm: its descriptor in children of each kind, and under threads. */
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "library.h"

FIXTURE(library_processes) { };

FIXTURE_SETUP(library_processes)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(library_processes)
{
}

/* Does the child's n-th descriptor of the device have the parent's open file? */
static bool shares_file(pid_t parent, int parent_fd, int fd)
{
	return syscall(SYS_kcmp, parent, getpid(), KCMP_FILE, parent_fd, fd) == 0;
}

TEST_F(library_processes, child_of_fork_has_its_own_open_file)
{
	pid_t parent = getpid();
	int fd;

	ASSERT_EQ(0, all_calls());
	fd = device_fd(0);
	if (syscall(SYS_kcmp, parent, parent, KCMP_FILE, fd, fd) != 0)
		SKIP(return, "no kcmp(2)");
	IN_CHILD {
		ASSERT_EQ(0, all_calls());
		EXPECT_LE(0, device_fd(0));
		EXPECT_EQ(-1, device_fd(1));
		EXPECT_FALSE(shares_file(parent, fd, device_fd(0)));
	}
	EXPECT_EQ(fd, device_fd(0));
	EXPECT_EQ(0, all_calls());
}

TEST_F(library_processes, child_of_bare_clone_has_its_own_open_file)
{
	pid_t parent = getpid(), child;
	int fd, wrong;

	ASSERT_EQ(0, all_calls());
	fd = device_fd(0);
	child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0) {
		wrong = all_calls() || device_fd(0) < 0 || device_fd(1) >= 0 ||
			shares_file(parent, fd, device_fd(0));
		_exit(wrong);
	}
	EXPECT_EQ(0, exit_status(child));
	EXPECT_EQ(fd, device_fd(0));
}

TEST_F(library_processes, descendants_each_open_their_own)
{
	ASSERT_EQ(0, all_calls());
	IN_CHILD {
		/* This one doesn't call. */
		IN_CHILD {
			ASSERT_EQ(0, all_calls());
			EXPECT_EQ(-1, device_fd(1));
			IN_CHILD {
				ASSERT_EQ(0, all_calls());
				EXPECT_EQ(-1, device_fd(1));
			}
		}
	}
}

TEST_F(library_processes, a_child_that_lives_on_keeps_no_bound_segment)
{
	struct xshm_ds ds;
	int ready[2], hold[2], id = -1, i;
	char c;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(hold));
	IN_CHILD {
		pid_t child;

		id = xshm_get(IPC_PRIVATE, 4096, IPC_CREAT | 0600, XSHM_GET_OWNER_BOUND);
		ASSERT_LE(0, id);
		child = fork();
		ASSERT_LE(0, child);
		if (child == 0) {
			close(hold[1]);
			i = device_fd(0);
			if (write(ready[1], &i, sizeof(i)) != sizeof(i))
				_exit(1);
			/* Until the test is over, however it ends. */
			while (read(hold[0], &c, 1) > 0)
				;
			_exit(0);
		}
		ASSERT_EQ(sizeof(i), read(ready[0], &i, sizeof(i)));
		EXPECT_EQ(-1, i);
		ASSERT_EQ(0, xshm_stat(id, &ds));
		/* Closing is enough; the child has no part in it. */
		ASSERT_EQ(0, close(device_fd(0)));
		for (i = 0; i < 500 && !xshm_stat(id, &ds); i++)
			usleep(10000);
		EXPECT_GT(500, i);
	}
	close(hold[1]);
}

TEST_F(library_processes, child_that_cannot_open_the_device_uses_what_it_inherited)
{
	ASSERT_EQ(0, all_calls());
	IN_CHILD {
		/* No /dev there. */
		ASSERT_EQ(0, chroot("/proc/self"));
		EXPECT_EQ(0, all_calls());
		EXPECT_EQ(0, all_calls());
	}
	IN_CHILD {
		struct rlimit limit = { 3, 3 };

		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		become(USER, GROUP);
		EXPECT_EQ(0, all_calls());
	}
}

static void *thread_calls(void *barrier)
{
	pthread_barrier_wait(barrier);
	for (int i = 0; i < 20; i++)
		if (all_calls())
			return (void *)1;
	return NULL;
}

TEST_F(library_processes, threads_that_call_first_share_one_descriptor)
{
	pthread_barrier_t barrier;
	pthread_t threads[8];
	void *wrong;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 8));
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, thread_calls, &barrier));
	}
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &wrong));
		EXPECT_EQ(NULL, wrong);
	}
	EXPECT_LE(0, device_fd(0));
	EXPECT_EQ(-1, device_fd(1));
}

static volatile bool stop;

static void *thread_calls_until_stop(void *unused)
{
	while (!stop)
		if (all_calls())
			return (void *)1;
	return NULL;
}

TEST_F(library_processes, fork_amid_threads_that_call)
{
	pthread_t threads[2];
	void *wrong;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, thread_calls_until_stop, NULL));
	}
	for (int i = 0; i < 30; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(all_calls() || all_calls());
		ASSERT_EQ(0, exit_status(child));
	}
	stop = true;
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &wrong));
		EXPECT_EQ(NULL, wrong);
	}
}

static void *thread_closes(void *unused)
{
	while (!stop) {
		int fd = device_fd(0);

		if (fd >= 0)
			close(fd);
		usleep(1000);
	}
	return NULL;
}

TEST_F(library_processes, descriptor_closed_by_a_thread_while_others_call)
{
	pthread_t threads[3];
	void *wrong;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, thread_closes, NULL));
	for (int i = 1; i < 3; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, thread_calls_until_stop, NULL));
	}
	usleep(500000);
	stop = true;
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &wrong));
		EXPECT_EQ(NULL, wrong);
	}
	EXPECT_EQ(0, all_calls());
}

static void *thread_is_cancelled(void *reached)
{
	pthread_cancel(pthread_self());
	*(int *)reached = xshmget(KEY, 4096, IPC_CREAT | 0600);
	pthread_testcancel();
	*(int *)reached = -3;
	return NULL;
}

TEST_F(library_processes, first_call_is_no_cancellation_point)
{
	pthread_t thread;
	int reached = -2;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_is_cancelled, &reached));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, reached);
}

TEST_F(library_processes, child_of_vfork_may_call_and_close)
{
	volatile int wrong = -1;
	int fd;
	pid_t child;

	ASSERT_EQ(0, all_calls());
	fd = device_fd(0);
	child = vfork();
	if (child == 0) {
		wrong = all_calls();
		_exit(0);
	}
	EXPECT_EQ(0, exit_status(child));
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(fd, device_fd(0));

	/* Opens anew, at a number that the parent does not know. */
	wrong = -1;
	child = vfork();
	if (child == 0) {
		close(fd);
		wrong = all_calls();
		_exit(0);
	}
	EXPECT_EQ(0, exit_status(child));
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, all_calls());
	EXPECT_EQ(fd, device_fd(0));
}

TEST_HARNESS_MAIN
