/* SPDX-License-Identifier: GPL-2.0 */
/* What tool_run does when xshm run has started it, each part in a process of its own. */
#ifndef SELFTESTS_XSHM_TOOL_SCENES_H
#define SELFTESTS_XSHM_TOOL_SCENES_H

#include <pthread.h>
#include <stdatomic.h>

#include "scenes.h"
#include "tool.h"

static int use_segment(void)
{
	int id = sysv_get(IPC_PRIVATE, SIZE, 0600 | 0x02000000);
	struct shminfo64 { unsigned long field[9]; } info;
	struct shm_info usage;
	struct shmid_ds ds;
	char *p, *q;

	CHECK(id >= 0);
	p = sysv_at(id, NULL, 0);
	CHECK(p != (void *)-1);
	q = sysv_at(id, NULL, SHM_RDONLY | 1);
	CHECK(q != (void *)-1 && q != p);
	strcpy(p, "one");
	CHECK(!strcmp(q, "one"));
	CHECK(sysv_ctl(id, IPC_STAT, &ds) == 0);
	CHECK(ds.shm_segsz == SIZE && ds.shm_nattch == 2 && ds.shm_cpid == getpid());
	ds.shm_perm.mode = 0640;
	CHECK(sysv_ctl(id, IPC_SET, &ds) == 0);
	CHECK(sysv_ctl(0, IPC_INFO, (void *)&info) >= 0 && info.field[1] == 1);
	CHECK(sysv_ctl(0, SHM_INFO, (void *)&usage) >= 0 && usage.used_ids == 1);
	CHECK(sysv_ctl(0, SHM_STAT_ANY, &ds) == id && ds.shm_perm.mode == 0640);
	CHECK(sysv_ctl(id, IPC_STAT, (void *)8) == -1 && errno == EFAULT);
	CHECK(sysv_ctl(id, 77, &ds) == -1 && errno == EINVAL);
	CHECK(sysv_get(KEY, 1, 0) == -1 && errno == ENOENT);
	CHECK(sysv_at(id, p + 1, 0) == (void *)-1 && errno == EINVAL);
	CHECK(sysv_dt(p) == 0);
	CHECK(sysv_dt(p) == -1 && errno == EINVAL);
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0);
	CHECK(sysv_ctl(id, IPC_STAT, &ds) == 0 && ds.shm_perm.mode & SHM_DEST);
	CHECK(sysv_dt(q) == 0);
	CHECK(sysv_ctl(id, IPC_STAT, &ds) == -1 && errno == EINVAL);
	return 0;
}

/* The memory below the stack pointer is the program's where it says so. */
static int keep_stack(void)
{
	enum { STACK = 65536, DEPTH = 16384 };
	static unsigned char stack[STACK] __attribute__((aligned(16)));
	long id;

	memset(stack, POISON, sizeof(stack));
#if defined(__x86_64__)
	__asm__ volatile ("mov %%rsp, %%rbx\n\tmov %[top], %%rsp\n\tsyscall\n\tmov %%rbx, %%rsp"
			  : "=a" (id)
			  : "a" (SYS_shmget), "D" (IPC_PRIVATE), "S" (SIZE), "d" (0600),
			    [top] "r" (stack + DEPTH)
			  : "rbx", "rcx", "r11", "memory");
#else
	register long x0 __asm__("x0") = IPC_PRIVATE, x1 __asm__("x1") = SIZE;
	register long x2 __asm__("x2") = 0600, x8 __asm__("x8") = SYS_shmget;

	__asm__ volatile ("mov x19, sp\n\tmov sp, %[top]\n\tsvc 0\n\tmov sp, x19"
			  : "+r" (x0)
			  : "r" (x1), "r" (x2), "r" (x8), [top] "r" (stack + DEPTH)
			  : "x19", "memory");
	id = x0;
#endif
	CHECK(id >= 0);
	for (int i = 0; i < STACK; i++)
		CHECK(stack[i] == POISON);
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0);
	return 0;
}

static atomic_int ticks;

static void tick(int sig)
{
	ticks++;
}

static void *work(void *done)
{
	for (int i = 0; i < 40; i++) {
		int id = sysv_get(IPC_PRIVATE, SIZE, 0600);
		volatile int *p = sysv_at(id, NULL, 0);

		if (p == (void *)-1)
			return NULL;
		*p = i;
		if (sysv_ctl(id, IPC_RMID, NULL) || *p != i || sysv_dt((void *)p))
			return NULL;
	}
	++*(atomic_int *)done;
	return NULL;
}

/* Threads, and signals whose handlers run between and inside of the calls. */
static int threads(void)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	atomic_int done = 0;
	pthread_t thread[4];

	sigaction(SIGALRM, &action, NULL);
	ualarm(2000, 2000);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&thread[i], NULL, work, &done));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ualarm(0, 0);
	CHECK(done == 4 && ticks > 0);
	return 0;
}

static int devices_open(void)
{
	struct stat device, st;
	int count = 0;

	if (stat("/dev/xshm", &device))
		return -1;
	for (int fd = 0; fd < 200; fd++)
		count += !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == device.st_rdev;
	return count;
}

static void *first_call(void *barrier)
{
	pthread_barrier_wait(barrier);
	return (void *)(long)sysv_get(KEY, 0, 0);
}

/* Nobody's descriptor is taken away where threads make the first calls at once. */
static int first_calls(void)
{
	enum { THREADS = 4 };
	int id = sysv_get(KEY, SIZE, IPC_CREAT | 0600), status;
	struct shmid_ds ds;

	CHECK(id >= 0 && devices_open() == 1);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t thread[THREADS];
			pthread_barrier_t barrier;
			int failed = 0;
			void *got;

			pthread_barrier_init(&barrier, NULL, THREADS);
			for (int k = 0; k < THREADS; k++)
				if (pthread_create(&thread[k], NULL, first_call, &barrier))
					_exit(99);
			for (int k = 0; k < THREADS; k++) {
				pthread_join(thread[k], &got);
				failed += (long)got != id;
			}
			_exit(failed * 10 + devices_open());
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		if (status != 1 << 8)
			break;
	}
	CHECK(sysv_ctl(id, IPC_RMID, &ds) == 0);
	return status == 1 << 8 ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* An attach is inherited, and a child's calls are its own. */
static int children(void)
{
	int id = sysv_get(KEY, SIZE, IPC_CREAT | 0600), status;
	volatile char *p = sysv_at(id, NULL, 0);
	struct shmid_ds ds;
	pid_t pid;

	CHECK(p != (void *)-1);
	pid = fork();
	if (!pid) {
		volatile char *q = sysv_at(sysv_get(KEY, 0, 0), NULL, 0);

		p[0] = 'c';
		_exit(q == (void *)-1 ? 1 : q[0] == 'c' ? 7 : 2);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 7 << 8);
	CHECK(p[0] == 'c');
	pid = vfork();
	if (!pid)
		_exit(sysv_get(KEY, 0, 0) == id ? 8 : 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 8 << 8);
	CHECK(sysv_ctl(id, IPC_STAT, &ds) == 0 && ds.shm_nattch == 1);
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0 && sysv_dt((void *)p) == 0);
	return 0;
}

/* A program may close every descriptor, and put others in their place. */
static int descriptors(void)
{
	int id = sysv_get(IPC_PRIVATE, SIZE, 0600), again;

	CHECK(id >= 0);
	syscall(SYS_close_range, 3, ~0U, 0);
	again = sysv_get(IPC_PRIVATE, SIZE, 0600);
	CHECK(again >= 0);
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0);
	for (int fd = 3; fd < 200; fd++)
		dup2(1, fd);
	CHECK(sysv_ctl(again, IPC_RMID, NULL) == 0);
	/* And none of them was touched. */
	for (int fd = 3; fd < 200; fd++)
		CHECK(fcntl(fd, F_GETFL) == fcntl(1, F_GETFL));
	return 0;
}

static int stops(void)
{
	atomic_long *calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	CHECK(calls != MAP_FAILED);
	pid = fork();
	if (!pid) {
		for (;;) {
			sysv_ctl(sysv_get(IPC_PRIVATE, SIZE, 0600), IPC_RMID, NULL);
			++*calls;
		}
	}
	for (int i = 0; i < 3; i++) {
		long before = *calls;

		for (int k = 0; k < 1000 && *calls == before; k++)
			usleep(10000);
		CHECK(*calls > before);
		kill(pid, SIGSTOP);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		before = *calls;
		usleep(100000);
		CHECK(*calls == before);
		kill(pid, SIGCONT);
		CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	}
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return 0;
}

/*
 * The maker is gone when it has exited, though a child of it lives on and makes
 * calls of its own.
 */
static int bound_to_maker(void)
{
	int to_child[2], id, status;
	struct shmid_ds ds;
	pid_t pid, child;

	CHECK(!pipe(to_child));
	pid = fork();
	if (!pid) {
		id = sysv_get(KEY, SIZE, IPC_CREAT | 0600);
		child = fork();
		if (!child) {
			char byte;

			_exit(read(to_child[0], &byte, 1) < 0);
		}
		_exit(id < 0 || child < 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	for (int i = 0; i < 100 && sysv_get(KEY, 0, 0) >= 0; i++)
		usleep(50000);
	id = sysv_get(KEY, 0, 0);
	CHECK(write(to_child[1], "x", 1) == 1);
	if (id >= 0)
		sysv_ctl(id, IPC_RMID, &ds);
	CHECK(id < 0);
	return 0;
}

static int one_segment(void)
{
	int id = sysv_get(IPC_PRIVATE, SIZE, 0600);

	CHECK(id >= 0 && sysv_ctl(id, IPC_RMID, NULL) == 0);
	return 0;
}

static void *exec_now(void *unused)
{
	usleep(20000);
	execl("/proc/self/exe", "tool_run", "scene", "one_segment", NULL);
	return NULL;
}

/* Another thread than the first starts a new program, in the middle of calls. */
static int exec_from_thread(void)
{
	pthread_t thread;
	atomic_int done = 0;

	CHECK(!pthread_create(&thread, NULL, exec_now, NULL));
	for (;;)
		work(&done);
}

static int status_42(void)
{
	return 42;
}

static int killed(void)
{
	raise(SIGKILL);
	return 1;
}

/* By the C library: what the preload library takes. */
static int by_library(void)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	char *p = shmat(id, NULL, 0);

	CHECK(p != (void *)-1);
	CHECK(shmdt(p) == 0);
	return 0;
}

static const struct scene scenes[] = {
	SCENE(use_segment), SCENE(one_segment), SCENE(keep_stack), SCENE(threads),
	SCENE(first_calls), SCENE(children), SCENE(descriptors), SCENE(stops),
	SCENE(bound_to_maker), SCENE(exec_from_thread), SCENE(status_42), SCENE(killed),
	SCENE(by_library),
};

#endif
