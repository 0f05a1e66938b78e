/* SPDX-License-Identifier: GPL-2.0 */
/* What tool_trace does when xshm run --trace has started it. */
#ifndef SELFTESTS_XSHM_TOOL_TRACE_SCENES_H
#define SELFTESTS_XSHM_TOOL_TRACE_SCENES_H

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "scenes.h"
#include "tool.h"

enum { SPINNERS = 8, WARM_UP = 20 };

static atomic_long made[SPINNERS];
static atomic_long total;
static atomic_int warm;
static atomic_bool enough;
static pthread_barrier_t together;

static void spin(int which, long limit)
{
	struct shm_info usage;

	pthread_barrier_wait(&together);
	/* Counted from where all of them are at it. */
	for (int i = 0; !enough; i++) {
		sysv_ctl(0, SHM_INFO, (void *)&usage);
		if (i == WARM_UP)
			warm++;
		if (warm < SPINNERS)
			continue;
		made[which]++;
		if (++total == limit)
			enough = true;
	}
}

static long spin_limit;

static void *spinner(void *which)
{
	spin((int)(long)which, spin_limit);
	return NULL;
}

static int start_spinners(int first, pthread_t *thread)
{
	pthread_barrier_init(&together, NULL, SPINNERS);
	for (int i = first; i < SPINNERS; i++)
		CHECK(!pthread_create(&thread[i], NULL, spinner, (void *)(long)i));
	return 0;
}

static pid_t tracer_pid(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	pid_t pid = -1;

	while (file && pid < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "TracerPid: %d", &pid);
	if (file)
		fclose(file);
	return pid;
}

static int share_processor(pid_t pid)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	return sched_setaffinity(pid, sizeof(first), &first);
}

/* As many calls for each thread, also for the first, which was traced first. */
static int fair(void)
{
	long least = LONG_MAX, most = 0;
	pthread_t thread[SPINNERS];

	/* Who has a processor of his own is another matter. */
	CHECK(!share_processor(tracer_pid()) && !share_processor(0));
	spin_limit = 4000;
	CHECK(!start_spinners(1, thread));
	spin(0, spin_limit);
	for (int i = 0; i < SPINNERS; i++) {
		/* Threads that wait for their turn may need for ever to end. */
		least = made[i] < least ? made[i] : least;
		most = made[i] > most ? made[i] : most;
	}
	printf("least %ld most %ld\n", least, most);
	fflush(stdout);
	_exit(most <= 2 * least ? 0 : 1);
}

static void *one_call(void *unused)
{
	return (void *)(long)(sysv_get(KEY, 0, 0) == -1 && errno == ENOENT);
}

/* New threads come up among those that call all the time. */
static int creation(void)
{
	enum { NEW = 200 };
	pthread_t thread[SPINNERS], new;
	long before;
	void *ok;

	CHECK(!share_processor(tracer_pid()) && !share_processor(0));
	spin_limit = -1;
	CHECK(!start_spinners(1, thread));
	pthread_barrier_wait(&together);
	before = total;
	for (int i = 0; i < NEW; i++) {
		CHECK(!pthread_create(&new, NULL, one_call, NULL));
		CHECK(!pthread_join(new, &ok) && ok);
	}
	printf("%ld calls for each new thread\n", (total - before) / NEW);
	fflush(stdout);
	/* Six stops until one has come up, made its call and is gone; the others spin. */
	_exit((total - before) / NEW <= 40 * SPINNERS ? 0 : 1);
}

static int nothing(void)
{
	return 0;
}

static int exec_spinning(void)
{
	pthread_t thread[SPINNERS];

	spin_limit = -1;
	CHECK(!start_spinners(1, thread));
	pthread_barrier_wait(&together);
	execl("/proc/self/exe", "tool_trace", "scene", "nothing", NULL);
	return 1;
}

static int works(void)
{
	int id = sysv_get(IPC_PRIVATE, SIZE, 0600);

	return id >= 0 && sysv_ctl(id, IPC_RMID, NULL) == 0;
}

/* Signals for each process of a unit: the command may still do all it does. */
static int signals(void)
{
	pid_t tracer = tracer_pid();

	CHECK(tracer > 1 && works());
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		CHECK(syscall(SYS_kill, tracer, sig) == 0);
		CHECK(works() && tracer_pid() == tracer);
	}
	printf("%d\n", tracer);
	return 0;
}

static int names(void)
{
	char path[64], text[4096] = "";
	pid_t tracer = tracer_pid();
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", tracer);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = read(fd, text, sizeof(text));
	CHECK(got > 0);
	for (ssize_t i = 0; i < got; i++)
		text[i] = text[i] ?: ' ';
	CHECK(!strncmp(text, "xshm-tracer", 11));
	for (ssize_t i = 11; i < got; i++)
		CHECK(text[i] == ' ');
	snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, 12) == 12 && !strncmp(text, "xshm-tracer\n", 12));
	return 0;
}

/* shmget(2) with the stack pointer at @top. */
static long get_at(void *top)
{
	long id;

#if defined(__x86_64__)
	__asm__ volatile ("mov %%rsp, %%rbx\n\tmov %[top], %%rsp\n\tsyscall\n\tmov %%rbx, %%rsp"
			  : "=a" (id)
			  : "a" (SYS_shmget), "D" (KEY), "S" (0), "d" (0), [top] "r" (top)
			  : "rbx", "rcx", "r11", "memory");
#else
	register long x0 __asm__("x0") = KEY, x1 __asm__("x1") = 0;
	register long x2 __asm__("x2") = 0, x8 __asm__("x8") = SYS_shmget;

	__asm__ volatile ("mov x19, sp\n\tmov sp, %[top]\n\tsvc 0\n\tmov sp, x19"
			  : "+r" (x0)
			  : "r" (x1), "r" (x2), "r" (x8), [top] "r" (top)
			  : "x19", "memory");
	id = x0;
#endif
	return id;
}

enum { STACK = 65536 };

static unsigned char lent[STACK] __attribute__((aligned(16)));

static void *watch_stack(void *unused)
{
	long seen = 0;

	pthread_barrier_wait(&together);
	while (!enough)
		for (int i = 0; i < STACK; i += 8)
			seen += *(volatile uint64_t *)(lent + i) != 0;
	return (void *)seen;
}

/* Memory around the stack pointer, as another thread sees it meanwhile. */
static int unseen(void)
{
	pthread_t thread;
	void *seen;

	pthread_barrier_init(&together, NULL, 2);
	CHECK(!pthread_create(&thread, NULL, watch_stack, NULL));
	pthread_barrier_wait(&together);
	for (int i = 0; i < 3000; i++)
		CHECK(get_at(lent + STACK / 2) == -ENOENT);
	enough = true;
	pthread_join(thread, &seen);
	printf("seen %ld times\n", (long)seen);
	return seen ? 1 : 0;
}

/* Where the stack ends. */
static int last_of_stack(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED && !mprotect(p, page, PROT_NONE));
	for (int room = 16; room <= 512; room += 16)
		CHECK(get_at(p + page + room) == -ENOENT);
	return 0;
}

/* How many mappings there are that are the process's only. */
static int mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];
	int count = 0;

	while (file && fgets(line, sizeof(line), file))
		count++;
	if (file)
		fclose(file);
	return count;
}

static void *some_calls(void *unused)
{
	long good = 0;

	pthread_barrier_wait(&together);
	for (int i = 0; i < 20; i++)
		good += works();
	return (void *)good;
}

/* More threads at the same time than there is room for in what was mapped first. */
static int many_threads(void)
{
	enum { THREADS = 150 };
	pthread_t thread[THREADS];
	pthread_attr_t attr;
	void *good;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&thread[i], &attr, some_calls, NULL));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &good);
		CHECK((long)good == 20);
	}
	return 0;
}

static int exit_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Mapped once in a process, in what it forks not at all, and again if it is gone. */
static int mapped_once(void)
{
	int before, after;
	uintptr_t start, end;
	char line[512];
	FILE *file;
	pid_t pid;

	CHECK(works());
	before = mappings();
	for (int i = 0; i < 300; i++)
		CHECK(works());
	CHECK(mappings() == before);
	for (int i = 0; i < 20; i++) {
		pid = vfork();
		if (!pid)
			_exit(sysv_get(KEY, 0, 0) != -1);
		CHECK(exit_of(pid) == 0);
	}
	CHECK(mappings() == before);
	pid = fork();
	if (!pid) {
		before = mappings();
		after = works() ? mappings() : -1;
		_exit(after != before);
	}
	CHECK(exit_of(pid) == 0);
	/* All that is anonymous, writable and as large: the tracer's is among them. */
	file = fopen("/proc/self/maps", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx rw-p 00000000 00:00 0 %*c", &start, &end) == 2 &&
		    !strchr(line, '[') && !strchr(line, '/') && end - start == 16384)
			memset((void *)start, 0x55, end - start);
	if (file)
		fclose(file);
	CHECK(works());
	return 0;
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Calls fail with @err, and each leaves nothing. */
static int fails_with(int err)
{
	int before, maps;

	errno = 0;
	CHECK(sysv_get(IPC_PRIVATE, SIZE, 0600) == -1 && errno == err);
	before = descriptors();
	maps = mappings();
	for (int i = 0; i < 50; i++) {
		errno = 0;
		CHECK(sysv_get(IPC_PRIVATE, SIZE, 0600) == -1 && errno == err);
		CHECK(sysv_ctl(0, IPC_STAT, NULL) == -1 && errno == err);
	}
	CHECK(descriptors() == before && mappings() == maps);
	return 0;
}

static int node_is_a_file(void)
{
	char path[] = "/tmp/xshm-tool-trace-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0 && !close(fd));
	CHECK(!unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mount(path, "/dev/xshm", NULL, MS_BIND, NULL));
	unlink(path);
	return fails_with(ENOSYS);
}

static int no_permission(void)
{
	CHECK(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
	CHECK(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	return fails_with(EACCES);
}

/* In the mount namespace that the tracer is in, too: xshm run has made it. */
static int proc_is_gone(void)
{
	CHECK(!mount("none", "/proc", "tmpfs", 0, NULL));
	return fails_with(ENOSYS);
}

static int not_dumpable(void)
{
	CHECK(!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	return geteuid() ? fails_with(EPERM) : !works();
}

#if defined(__x86_64__)
static long int80(long number, long b, long c, long d)
{
	long result;

	__asm__ volatile ("int $0x80"
			  : "=a" (result)
			  : "a" (number), "b" (b), "c" (c), "d" (d)
			  : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* System calls of the other size. */
static int both_sizes(void)
{
	long id = int80(395, KEY, SIZE, IPC_CREAT | 0600);

	CHECK(id >= 0 && sysv_get(KEY, 0, 0) == id && int80(395, KEY, 0, 0) == id);
	CHECK(works());
	CHECK(int80(396, id, IPC_RMID, 0) == 0);
	CHECK(sysv_get(KEY, 0, 0) == -1 && errno == ENOENT);
	return 0;
}

/* In the layout before IPC_64 a size is what fits of it: as the kernel says it. */
static int old_size(void)
{
	enum { SHMCTL = 24, SEGSZ = 16 };
	int id = sysv_get(IPC_PRIVATE, 5UL << 30, 0600 | SHM_NORESERVE);
	char *ds = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result;

	CHECK(id >= 0 && ds != MAP_FAILED);
	/* ipc(SHMCTL, id, IPC_STAT, 0, ds) */
	__asm__ volatile ("int $0x80"
			  : "=a" (result)
			  : "a" (117L), "b" ((long)SHMCTL), "c" ((long)id), "d" ((long)IPC_STAT),
			    "S" (0L), "D" (ds)
			  : "memory", "r8", "r9", "r10", "r11");
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0);
	CHECK((int)result == 0);
	CHECK(*(uint32_t *)(ds + SEGSZ) == 1U << 30);
	return 0;
}
#endif

#include "tool_trace_reach.h"

static const struct scene scenes[] = {
	SCENE(fair), SCENE(creation), SCENE(exec_spinning), SCENE(nothing), SCENE(signals),
	SCENE(names), SCENE(unseen), SCENE(last_of_stack), SCENE(many_threads),
	SCENE(mapped_once), SCENE(node_is_a_file), SCENE(no_permission),
	SCENE(proc_is_gone), SCENE(not_dumpable), SCENE(full_table), SCENE(full_for_good),
	SCENE(empty_root),
#if defined(__x86_64__)
	SCENE(both_sizes), SCENE(old_size),
#endif
};

#endif
