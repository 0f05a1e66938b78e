// SPDX-License-Identifier: GPL-2.0
/*
 * syscall(2) under the preload library: the calls of System V shared memory go to
 * xshm, all others where they went. Built for 32 bits too, where ipc(2) has them.
 */
#include <pthread.h>
#include <sys/sem.h>

#include "preload.h"

/* As libraries of MPI do, which watch what is attached. */
static int wrapped;

void *shmat(int id, const void *address, int flags)
{
	wrapped++;
	return (void *)syscall(SYS_shmat, id, address, flags);
}

#ifdef SYS_ipc

#define IPC_64 0x100

static int ipc_get(key_t key, size_t size, int flags)
{
	return syscall(SYS_ipc, 23, key, size, flags, NULL);
}

static void *ipc_at(int id, const void *address, int flags)
{
	void *p = (void *)POISON;

	return syscall(SYS_ipc, 21, id, flags, &p, address) ? (void *)-1 : p;
}

static int ipc_dt(const void *address)
{
	return syscall(SYS_ipc, 22, 0, 0, 0, address);
}

static int ipc_ctl(int id, int command, struct shmid_ds *buf)
{
	return syscall(SYS_ipc, 24, id, command | IPC_64, 0, buf);
}

static const struct backend by_ipc = { .get = ipc_get, .at = ipc_at, .dt = ipc_dt, .ctl = ipc_ctl };

static int ipc_call(void)
{
	struct old_ds {
		int key;
		unsigned short uid, gid, cuid, cgid, mode, seq;
		int segsz;
	};
	union {
		struct old_ds it;
		char bytes[200];
	} old;
	void *p;
	int id;

	errno = 4711;
	id = ipc_get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(id >= 0 && errno == 4711 && kernel_segments() == 0 && xshm_segments() == 1);
	CHECK(ipc_get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
	memset(&old, POISON, sizeof(old));
	CHECK(syscall(SYS_ipc, 24, id, IPC_STAT, 0, &old) == 0);
	CHECK(old.it.key == KEY && old.it.mode == 0600 && old.it.segsz == SIZE);
	CHECK(all_bytes(old.bytes + 48, sizeof(old) - 48, (char)POISON));
	CHECK(syscall(SYS_ipc, 21 | 1 << 16, id, 0, &p, NULL) == -1 && errno == EINVAL);
	CHECK(syscall(SYS_ipc, 21, id, 0, 8, NULL) == -1 && errno == EFAULT);
	CHECK(xshmctl(id, IPC_RMID, NULL) == 0);
	id = ipc_get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(use_segment(&by_ipc, id) == 0);
	/* Semaphores stay. */
	id = syscall(SYS_ipc, 2, IPC_PRIVATE, 3, 0600);
	CHECK(access("/proc/sysvipc/sem", F_OK) ? id == -1 : id >= 0);
	CHECK(id < 0 || semctl(id, 0, IPC_RMID) == 0);
	return 0;
}

#endif

static int calls(void)
{
	struct xshm_ds ds;
	int id;

	errno = 4711;
	id = sysv.get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(id >= 0 && errno == 4711);
	CHECK(kernel_segments() == 0 && xshm_segments() == 1);
	CHECK(xshm_stat(id, &ds) == 0 && ds.key == KEY && ds.segsz == SIZE);
	CHECK(sysv.get(KEY, 0, 0) == id && shmget(KEY, 0, 0) == id);
	CHECK(sysv.get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
	CHECK(sysv.ctl(id, IPC_STAT, (void *)8) == -1 && errno == EFAULT);
	CHECK(sysv.at(id, (void *)1, 0) == (void *)-1 && errno == EINVAL);
	CHECK(sysv.ctl(id, 77, NULL) == -1 && errno == EINVAL);
	return use_segment(&sysv, id);
}

/* The upper half of a number is nothing to the kernel, nor here. */
static int upper_half(void)
{
#if __SIZEOF_LONG__ == 8
	int id = syscall(SYS_shmget | 1L << 40, IPC_PRIVATE, SIZE, 0600);

	CHECK(id >= 0 && kernel_segments() == 0 && xshm_segments() == 1);
	CHECK(syscall(SYS_shmctl | 1L << 40, id, IPC_RMID, NULL) == 0);
#endif
	return 0;
}

static int by_wrapper(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, 0600);
	char *p = shmat(id, NULL, 0);

	CHECK(p != (void *)-1 && wrapped == 1 && kernel_segments() == 0);
	strcpy(p, "one");
	CHECK(shmdt(p) == 0 && shmctl(id, IPC_RMID, NULL) == 0);
	return 0;
}

static int others(void)
{
#ifdef SYS_mmap2
	const long map = SYS_mmap2, second_page = 1;
#else
	const long map = SYS_mmap, second_page = 4096;
#endif
	int fd = memfd_create("pages", 0), status;
	pid_t pid;
	char *p;

	/* Six arguments. */
	CHECK(fd >= 0 && pwrite(fd, "two", 4, 4096) == 4);
	errno = 4711;
	p = (char *)syscall(map, NULL, 4096, PROT_READ, MAP_PRIVATE, fd, second_page);
	CHECK(p != MAP_FAILED && errno == 4711 && !strcmp(p, "two"));
	/* None, and errno. */
	CHECK(syscall(SYS_getpid) == getpid() && errno == 4711);
	CHECK(syscall(SYS_close, -1) == -1 && errno == EBADF);
	CHECK(syscall(-1L) == -1 && errno == ENOSYS);
	CHECK(syscall(100000L) == -1 && errno == ENOSYS);
	/* Returns twice. */
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		_exit(syscall(SYS_getppid) == getppid() ? 42 : 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 42 << 8);
	return 0;
}

static int ends[2];
static volatile int has_read;

static void *read_one(void *unused)
{
	char byte;

	if (syscall(SYS_read, ends[0], &byte, 1) == 1)
		has_read = 1;
	pthread_testcancel();
	has_read = 2;
	return NULL;
}

/* open() and read() of the C library can end a thread, syscall() can't. */
static int no_cancellation_point(void)
{
	pthread_t thread;
	void *result;

	CHECK(!pipe(ends) && !pthread_create(&thread, NULL, read_one, NULL));
	usleep(50000);
	CHECK(!pthread_cancel(thread));
	usleep(50000);
	CHECK(write(ends[1], "x", 1) == 1);
	CHECK(!pthread_join(thread, &result) && result == PTHREAD_CANCELED && has_read == 1);
	return 0;
}

static int not_there(void)
{
	struct shmid_ds ds;

	CHECK(sysv.get(KEY, SIZE, IPC_CREAT | 0600) == -1 && errno == ENOSYS);
	CHECK(sysv.at(0, NULL, 0) == (void *)-1 && errno == ENOSYS);
	CHECK(sysv.dt(NULL) == -1 && errno == ENOSYS);
	CHECK(sysv.ctl(0, IPC_STAT, &ds) == -1 && errno == ENOSYS);
	CHECK(kernel_segments() == 0);
	return 0;
}

static int on_the_kernels(void)
{
	int id = sysv.get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);

	CHECK(id >= 0 && kernel_segments() == 1);
	CHECK(shmget(KEY, 0, 0) == id);
	return use_segment(&sysv, id);
}

static int early_segment = -1;
static pid_t early_pid;

static int before_constructors(void)
{
	CHECK(early_pid == getpid());
	CHECK(early_segment >= 0 && kernel_segments() == 0 && xshm_segments() == 1);
	return use_segment(&sysv, early_segment);
}

/* Runs before the constructors of all libraries, the preloaded one's too. */
static void call_early(int argc, char **argv, char **envp)
{
	for (; *envp; envp++) {
		if (!strcmp(*envp, "TEST_SCENE=before_constructors")) {
			early_pid = syscall(SYS_getpid);
			early_segment = sysv.get(IPC_PRIVATE, SIZE, 0600);
		}
	}
}

__attribute__((section(".preinit_array"), used))
static void (*const early)(int argc, char **argv, char **envp) = call_early;

static const struct scene scenes[] = {
	SCENE(calls), SCENE(upper_half), SCENE(by_wrapper), SCENE(others),
	SCENE(no_cancellation_point), SCENE(not_there), SCENE(on_the_kernels),
	SCENE(before_constructors),
#ifdef SYS_ipc
	SCENE(ipc_call),
#endif
};

PLAY_SCENES(scenes)

FIXTURE(preload_syscall) { };

FIXTURE_SETUP(preload_syscall)
{
	USE_PRELOAD;
}

FIXTURE_TEARDOWN(preload_syscall)
{
}

TEST_F(preload_syscall, calls_go_to_xshm)
{
	EXPECT_EQ(0, run_scene("calls", NULL));
	EXPECT_EQ(0, run_scene("upper_half", NULL));
	EXPECT_EQ(0, xshm_segments());
}

TEST_F(preload_syscall, ipc)
{
#ifdef SYS_ipc
	EXPECT_EQ(0, run_scene("ipc_call", NULL));
	EXPECT_EQ(0, xshm_segments());
#else
	SKIP(return, "this machine has no ipc(2)");
#endif
}

TEST_F(preload_syscall, in_a_wrapper_of_shmat)
{
	EXPECT_EQ(0, run_scene("by_wrapper", NULL));
}

TEST_F(preload_syscall, others_are_passed_on)
{
	EXPECT_EQ(0, run_scene("others", NULL));
}

TEST_F(preload_syscall, is_no_cancellation_point)
{
	EXPECT_EQ(0, run_scene("no_cancellation_point", NULL));
}

TEST_F(preload_syscall, before_the_first_constructor)
{
	EXPECT_EQ(0, run_scene("before_constructors", NULL));
}

TEST_F(preload_syscall, no_silent_fallback)
{
	ASSERT_EQ(0, hide_device());
	EXPECT_EQ(0, run_scene("not_there", NULL));
}

TEST_F(preload_syscall, fallback)
{
	if (unavailable(&sysv))
		SKIP(return, "%s", unavailable(&sysv));
	ASSERT_EQ(0, hide_device());
	EXPECT_EQ(0, run_scene("on_the_kernels", "XSHM_FALLBACK=1"));
}

TEST_HARNESS_MAIN
