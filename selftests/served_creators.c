// SPDX-License-Identifier: GPL-2.0
/*
 * shm_rmid_forced where a thread, a program or a change of namespace is the end of
 * a creator: asked of the kernel's own calls and of those that xshm serves.
 */
#include <pthread.h>

#include "served.h"

FIXTURE(served_creators) { };

FIXTURE_VARIANT(served_creators) { bool on; };
FIXTURE_VARIANT_ADD(served_creators, kernel) { .on = false };
FIXTURE_VARIANT_ADD(served_creators, calls) { .on = true };

FIXTURE_SETUP(served_creators)
{
	USE_CALLS();
	if (!variant->on && !kernel_has_sysv())
		SKIP(return, "this kernel has no calls of its own");
	ASSERT_EQ(0, serve(variant->on));
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
}

FIXTURE_TEARDOWN(served_creators)
{
	if (ipc == &sysv)
		remove_all(&xshm);
}

/* A thread's exit may end a moment after its join. */
static bool gone(key_t key)
{
	for (int i = 0; i < 100 && get(key, 0, 0) >= 0; i++)
		usleep(10000);
	return get(key, 0, 0) == -ENOENT;
}

struct task {
	pthread_t thread;
	pid_t tid;
	int made, go[2], end[2];
	void (*act)(struct task *task);
};

static void *run(void *arg)
{
	struct task *task = arg;
	char byte;

	task->tid = gettid();
	task->made = get(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600);
	if (task->act)
		task->act(task);
	if (write(task->go[1], "", 1) != 1 || read(task->end[0], &byte, 1) < 0)
		abort();
	return NULL;
}

/* A thread that makes a segment, does something, and waits for its end. */
static int begin(struct task *task)
{
	char byte;

	if (pipe2(task->go, O_CLOEXEC) || pipe2(task->end, O_CLOEXEC) ||
	    pthread_create(&task->thread, NULL, run, task) || read(task->go[0], &byte, 1) != 1)
		abort();
	return task->made;
}

static void end(struct task *task)
{
	close(task->end[1]);
	pthread_join(task->thread, NULL);
}

TEST_F(served_creators, it_is_whose_calls_it_says)
{
	EXPECT_EQ(variant->on, of_xshm(GET(KEY, 4096, IPC_CREAT | 0600)));
}

TEST_F(served_creators, thread_that_ends)
{
	struct task task = {}, other = {};
	int id;

	ASSERT_LE(0, begin(&task));
	ASSERT_EQ(task.made, get(KEY, 0, 0));
	/* The end of one that only found it is none of a creator. */
	ASSERT_EQ(-EEXIST, begin(&other));
	end(&other);
	usleep(50000);
	ASSERT_EQ(task.made, get(KEY, 0, 0));
	id = GET(KEY + 1, 4096, IPC_CREAT | 0600);
	end(&task);
	EXPECT_TRUE(gone(KEY));
	EXPECT_EQ(id, get(KEY + 1, 0, 0));
}

TEST_F(served_creators, thread_that_ends_spares_what_is_attached)
{
	struct task task = {};
	char *p;

	ASSERT_LE(0, begin(&task));
	p = ATTACH(task.made, 0);
	end(&task);
	usleep(50000);
	EXPECT_EQ(1, NATTCH(task.made));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

static void leave(struct task *task)
{
	if (unshare(CLONE_NEWIPC))
		task->made = -errno;
}

/* The thread alone. */
TEST_F(served_creators, thread_that_leaves_the_namespace)
{
	struct task task = { .act = leave };
	int id = GET(KEY + 1, 4096, IPC_CREAT | 0600);

	ASSERT_LE(0, begin(&task));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(id, get(KEY + 1, 0, 0));
	end(&task);
	EXPECT_EQ(id, get(KEY + 1, 0, 0));
}

static int other_namespace;

static void enter(struct task *task)
{
	if (setns(other_namespace, CLONE_NEWIPC))
		task->made = -errno;
}

/* By setns(2), which is no end for System V: that comes with the exit, wherever it is. */
TEST_F(served_creators, thread_that_enters_a_namespace)
{
	struct task task = { .act = enter };
	int home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);

	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	other_namespace = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, setns(home, CLONE_NEWIPC));
	ASSERT_LE(0, begin(&task));
	EXPECT_EQ(task.made, get(KEY, 0, 0));
	end(&task);
	EXPECT_TRUE(gone(KEY));
}

static void enter_and_make(struct task *task)
{
	enter(task);
	if (get(KEY + 1, 4096, IPC_CREAT | IPC_EXCL | 0600) < 0)
		task->made = -1;
}

/* All that a thread made ends as its namespace says, and at once. */
TEST_F(served_creators, thread_of_two_namespaces)
{
	struct task task = { .act = enter_and_make };
	int home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	char path[64];

	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 0));
	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	ASSERT_EQ(0, serve(variant->on));
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	other_namespace = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, setns(home, CLONE_NEWIPC));
	ASSERT_LE(0, begin(&task));
	ASSERT_EQ(0, setns(other_namespace, CLONE_NEWIPC));
	ASSERT_LE(0, get(KEY + 1, 0, 0));
	end(&task);
	/* Not by the watch, which would find it, too. */
	snprintf(path, sizeof(path), "/proc/self/task/%d", task.tid);
	while (!access(path, F_OK))
		usleep(1000);
	EXPECT_EQ(-ENOENT, get(KEY + 1, 0, 0));
	ASSERT_EQ(0, setns(home, CLONE_NEWIPC));
	EXPECT_EQ(task.made, get(KEY, 0, 0));
}

static void *execute(void *in)
{
	get(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600);
	dup2(*(int *)in, 0);
	execlp("cat", "cat", NULL);
	_exit(1);
}

static void *just_make(void *key)
{
	get(*(int *)key, 4096, IPC_CREAT | IPC_EXCL | 0600);
	pause();
	return NULL;
}

/* exec by a thread is the end of all others, the first one included. */
TEST_F(served_creators, thread_that_executes)
{
	int in[2], status, key = KEY + 1;
	pid_t pid;

	ASSERT_EQ(0, pipe2(in, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		pthread_t thread, other;

		pthread_create(&other, NULL, just_make, &key);
		while (get(key, 0, 0) < 0)
			usleep(1000);
		GET(KEY + 2, 4096, IPC_CREAT | 0600);
		pthread_create(&thread, NULL, execute, &in[0]);
		pthread_join(thread, NULL);
		_exit(2);
	}
	for (int i = 0; i < 500 && get(KEY, 0, 0) < 0; i++)
		usleep(10000);
	EXPECT_TRUE(gone(KEY + 1));
	EXPECT_TRUE(gone(KEY + 2));
	EXPECT_LE(0, get(KEY, 0, 0));
	close(in[0]);
	close(in[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gone(KEY));
}

/* Written through a file that was opened here, from elsewhere: it is of here. */
TEST_F(served_creators, switched_on_from_elsewhere)
{
	int fd, home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	char byte = '1';

	if (!kernel_has_sysv())
		SKIP(return, "the module's files are of the namespace of who writes");
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 0));
	IN_CHILD {
		GET(KEY, 4096, IPC_CREAT | 0600);
	}
	ASSERT_LE(0, get(KEY, 0, 0));
	fd = open(sysctl_path("shm_rmid_forced"), O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	ASSERT_EQ(1, write(fd, &byte, 1));
	close(fd);
	ASSERT_EQ(0, setns(home, CLONE_NEWIPC));
	/* Before a look at the file, which reaps, too. */
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(1, get_sysctl("shm_rmid_forced"));
}

/* What was made before the service, and what was made since, of one creator. */
TEST_F(served_creators, of_both_kinds)
{
	if (!kernel_has_sysv())
		SKIP(return, "this kernel has no segments of its own");
	IN_CHILD {
		ASSERT_EQ(0, serve(false));
		GET(KEY, 4096, IPC_CREAT | 0600);
		ASSERT_EQ(0, serve(true));
		GET(KEY + 1, 4096, IPC_CREAT | 0600);
		EXPECT_TRUE(of_xshm(get(KEY + 1, 0, 0)));
		/* Switched off, xshm's segments are under xshm's own limits again. */
		ASSERT_EQ(0, serve(variant->on));
		ASSERT_EQ(0, write_number("/proc/sys/xshm/shm_rmid_forced", 1));
	}
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	ASSERT_EQ(0, serve(true));
	EXPECT_EQ(-ENOENT, get(KEY + 1, 0, 0));
}

TEST_HARNESS_MAIN
