// SPDX-License-Identifier: GPL-2.0
/*
 * An attach is ordinary memory to the rest of the kernel: direct I/O, splicing, other
 * processes' reads and writes, futexes and robust mutexes.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "counters.h"

#define BYTES	(4 * MIB)

FIXTURE(memory_access) {
	int id;
	char *p;
};

BOTH_BACKENDS(memory_access);

FIXTURE_SETUP(memory_access)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	self->id = GET(IPC_PRIVATE, BYTES, 0600);
	self->p = ATTACH(self->id, 0);
}

FIXTURE_TEARDOWN(memory_access)
{
	if (self->id >= 0)
		EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

/* A block device in memory, which takes direct I/O on every kernel. */
TEST_F(memory_access, direct_io)
{
	size_t size = 256 * KIB;
	int fd;

	if (access("/dev/ram0", F_OK) &&
	    system("modprobe -q brd rd_nr=1 rd_size=1024 2>/dev/null") != 0)
		SKIP(return, "no block device in memory: brd can't be loaded");
	fd = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "/dev/ram0: %s", strerror(errno));
	for (size_t i = 0; i < size; i++)
		self->p[i] = i * 7 + i / 4096;
	ASSERT_EQ(size, pwrite(fd, self->p, size, 0));
	/* Into pages that nobody touched, and across the border of two huge pages. */
	ASSERT_EQ(size, pread(fd, self->p + HUGE_2M - size / 2, size, 0));
	EXPECT_EQ(0, memcmp(self->p, self->p + HUGE_2M - size / 2, size));
	close(fd);
}

TEST_F(memory_access, vmsplice)
{
	struct iovec part = { self->p + 4096, 4096 };
	char seen[4096];
	int fds[2];

	memset(self->p + 4096, 's', 4096);
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(4096, vmsplice(fds[1], &part, 1, 0));
	/* The pipe has the page itself and not a copy. */
	self->p[4096] = 'S';
	ASSERT_EQ(4096, read(fds[0], seen, 4096));
	EXPECT_EQ('S', seen[0]);
	EXPECT_EQ('s', seen[1]);
	/* And keeps it when the attach is gone. */
	ASSERT_EQ(4096, vmsplice(fds[1], &part, 1, 0));
	ASSERT_EQ(0, dt(self->p));
	ASSERT_EQ(4096, read(fds[0], seen, 4096));
	EXPECT_EQ('S', seen[0]);
	EXPECT_EQ('s', seen[4095]);
}

TEST_F(memory_access, from_another_process)
{
	char path[64], byte;
	struct iovec local = { &byte, 1 }, remote = { self->p + 5, 1 };
	int ready[2], status, fd;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (pid == 0) {
		self->p[5] = 'a';
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(self->p[5] == 'b' && self->p[6] == 'c' && self->p[7] == 'd' ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	/* Out of this process, so that only the other one has it. */
	char *own = self->p;

	ASSERT_EQ(0, dt(own));
	EXPECT_EQ(1, NATTCH(self->id));
	ASSERT_EQ(1, process_vm_readv(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ('a', byte);
	byte = 'b';
	ASSERT_EQ(1, process_vm_writev(pid, &local, 1, &remote, 1, 0));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pread(fd, &byte, 1, (uintptr_t)own + 5));
	EXPECT_EQ('b', byte);
	byte = 'c';
	ASSERT_EQ(1, pwrite(fd, &byte, 1, (uintptr_t)own + 6));
	errno = 0;
	long word = ptrace(PTRACE_PEEKDATA, pid, own + 8, NULL);

	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, word);
	word = ptrace(PTRACE_PEEKDATA, pid, own, NULL);
	((char *)&word)[7] = 'd';
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, own, word));
	close(fd);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static long futex(void *word, int op, int value, const struct timespec *limit)
{
	return syscall(SYS_futex, word, op, value, limit, NULL, 0);
}

/* Two attaches at different addresses: the futex is found by the memory behind. */
TEST_F(memory_access, futex)
{
	int *word = (int *)(self->p + 64);
	struct timespec limit = { .tv_sec = 10 };
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		char *other = (char *)at(self->id, NULL, 0);

		if ((long)other < 0 || other == self->p)
			_exit(2);
		while (*(volatile int *)(other + 64) == 0)
			if (futex(other + 64, FUTEX_WAIT, 0, &limit) && errno == ETIMEDOUT)
				_exit(3);
		_exit(*(int *)(other + 64) == 42 ? 0 : 4);
	}
	usleep(50000);
	*(volatile int *)word = 42;
	futex(word, FUTEX_WAKE, 1, NULL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(memory_access, robust_mutex)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)(self->p + 128);
	pthread_mutexattr_t attr;
	struct timespec limit;
	int status, error;
	pid_t pid;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	ASSERT_EQ(0, pthread_mutex_init(mutex, &attr));
	pid = fork();
	if (pid == 0) {
		if (pthread_mutex_lock(mutex))
			_exit(1);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 10;
	error = pthread_mutex_timedlock(mutex, &limit);
	EXPECT_EQ(EOWNERDEAD, error);
	EXPECT_EQ(0, pthread_mutex_consistent(mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(mutex));
	IN_CHILD {
		EXPECT_EQ(0, pthread_mutex_lock(mutex));
		EXPECT_EQ(0, pthread_mutex_unlock(mutex));
	}
}

/* A lock that waits while the other process works: priority inheritance has its own path. */
TEST_F(memory_access, pi_mutex)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)(self->p + 128);
	volatile int *count = (int *)(self->p + 256);
	pthread_mutexattr_t attr;
	int status;
	pid_t pid;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	ASSERT_EQ(0, pthread_mutex_init(mutex, &attr));
	pid = fork();
	for (int i = 0; i < 1000; i++) {
		if (pthread_mutex_lock(mutex))
			break;
		++*count;
		if (i % 100 == 0)
			sched_yield();
		pthread_mutex_unlock(mutex);
	}
	if (pid == 0)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(2000, *count);
}

TEST_HARNESS_MAIN
