// SPDX-License-Identifier: GPL-2.0
/*
 * xshm run: this program runs itself under it, with the library preloaded or
 * traced, and calls there what any program calls; some as raw system calls,
 * which only the tracer sees.
 */
#include <elf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>

#include "tool.h"

#define SIZE 5000

#define CHECK(condition) do {			\
	if (!(condition))			\
		return __LINE__ & 0xff ?: 1;	\
} while (0)

/* Segments that the kernel's own System V has; 0 if it has no such thing. */
static int kernel_segments(void)
{
	char line[512];
	int count = -1;
	FILE *file = fopen("/proc/sysvipc/shm", "r");

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		count++;
	fclose(file);
	return count;
}

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

#define SCENE(name) { #name, name }

static const struct {
	const char *name;
	int (*play)(void);
} scenes[] = {
	SCENE(use_segment), SCENE(one_segment), SCENE(keep_stack), SCENE(threads),
	SCENE(first_calls), SCENE(children), SCENE(descriptors), SCENE(stops), SCENE(bound_to_maker),
	SCENE(exec_from_thread), SCENE(status_42), SCENE(killed), SCENE(by_library),
};

static int play(const char *name)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		if (!strcmp(scenes[i].name, name))
			return scenes[i].play();
	return 97;
}

FIXTURE(tool_run) {
	struct said said;
	char self[4096];
};

FIXTURE_SETUP(tool_run)
{
	ssize_t length;

	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
	length = readlink("/proc/self/exe", self->self, sizeof(self->self) - 1);
	ASSERT_LT(0, length);
	self->self[length] = 0;
}

/* What nobody removed is somebody's mistake. */
FIXTURE_TEARDOWN(tool_run)
{
	if (!unavailable(&xshm) && !geteuid())
		EXPECT_EQ(0, kernel_segments());
}

#define PLAY(wanted_status, options, scene) do {				\
	tool(&self->said, "run " options " -- '%s' scene " scene, self->self);	\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
	EXPECT_STREQ("", self->said.err);					\
} while (0)

TEST_F_TIMEOUT(tool_run, trace_calls, 100)
{
	PLAY(0, "--trace", "use_segment");
}

TEST_F_TIMEOUT(tool_run, trace_stack, 100)
{
	PLAY(0, "--trace", "keep_stack");
}

TEST_F_TIMEOUT(tool_run, trace_threads, 100)
{
	PLAY(0, "--trace", "threads");
}

TEST_F_TIMEOUT(tool_run, trace_first_calls, 100)
{
	PLAY(0, "--trace", "first_calls");
}

TEST_F_TIMEOUT(tool_run, trace_children, 100)
{
	PLAY(0, "--trace", "children");
}

TEST_F_TIMEOUT(tool_run, trace_descriptors, 100)
{
	PLAY(0, "--trace", "descriptors");
}

TEST_F_TIMEOUT(tool_run, trace_stops, 100)
{
	PLAY(0, "--trace", "stops");
}

TEST_F_TIMEOUT(tool_run, trace_exec, 100)
{
	PLAY(0, "--trace", "exec_from_thread");
}

TEST_F_TIMEOUT(tool_run, trace_owner_bound, 100)
{
	PLAY(0, "--trace --owner-bound", "bound_to_maker");
}

/* Without the option nothing of that happens. */
TEST_F_TIMEOUT(tool_run, trace_not_bound, 100)
{
	tool(&self->said, "run --trace -- '%s' scene bound_to_maker", self->self);
	EXPECT_LT(0, self->said.status);
}

TEST_F_TIMEOUT(tool_run, status, 100)
{
	PLAY(42, "", "status_42");
	PLAY(42, "--trace", "status_42");
	PLAY(-SIGKILL, "", "killed");
	PLAY(-SIGKILL, "--trace", "killed");
}

TEST_F_TIMEOUT(tool_run, trace_as_user, 100)
{
	tool_as(&self->said, USER, "run --trace -- '%s' scene children", self->self);
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
}

TEST_F_TIMEOUT(tool_run, preload, 100)
{
	int id;

	PLAY(0, "", "by_library");
	id = xshmget(KEY, 0, 0);
	EXPECT_LE(0, id);
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
	/* What is preloaded already stays, behind. */
	tool(&self->said, "run -- sh -c 'echo $LD_PRELOAD'");
	EXPECT_NE(NULL, strstr(self->said.out, "/$LIB/libxshm-preload.so\n"));
	setenv("LD_PRELOAD", "libm.so.6", 1);
	setenv("XSHM_FALLBACK", "1", 1);
	tool(&self->said, "run -- sh -c 'echo $LD_PRELOAD$XSHM_FALLBACK'");
	unsetenv("LD_PRELOAD");
	unsetenv("XSHM_FALLBACK");
	EXPECT_NE(NULL, strstr(self->said.out, "/$LIB/libxshm-preload.so:libm.so.6\n"));
	EXPECT_STREQ("", self->said.err);
}

/* A child of the other size finds its own library, and the loader is content. */
TEST_F_TIMEOUT(tool_run, preload_32, 100)
{
	snprintf(strrchr(self->self, '/'), 20, "/compat32");
	if (access(self->self, X_OK))
		SKIP(return, "no 32-bit program");
	tool(&self->said, "run -- sh -c \"'%s' --help; true\"", self->self);
	EXPECT_EQ(NULL, strstr(self->said.err, "ERROR: ld.so")) TH_LOG("%s", self->said.err);
	tool(&self->said, "run -- '%s' --help", self->self);
	EXPECT_EQ(NULL, strstr(self->said.err, "ERROR: ld.so")) TH_LOG("%s", self->said.err);
	EXPECT_NE(125, self->said.status);
}

TEST_F_TIMEOUT(tool_run, owner_bound, 100)
{
	PLAY(0, "--owner-bound", "by_library");
	for (int i = 0; i < 100 && xshmget(KEY, 0, 0) >= 0; i++)
		usleep(50000);
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
}

/* Unmodified tools see xshm's table and limits where the kernel has its own. */
TEST_F_TIMEOUT(tool_run, tables, 100)
{
	char wanted[64];
	int id;

	if (access("/proc/sysvipc/shm", F_OK))
		SKIP(return, "this kernel has no System V shared memory");
	id = xshmget(KEY, SIZE, IPC_CREAT | 0600);
	ASSERT_LE(0, id);
	snprintf(wanted, sizeof(wanted), "\n0x%08x %d ", KEY, id);
	tool(&self->said, "run -- ipcs -m");
	EXPECT_NE(NULL, strstr(self->said.out, wanted)) TH_LOG("%s", self->said.out);
	tool(&self->said, "run -- sh -c 'echo 99 > /proc/sys/kernel/shmmni'");
	EXPECT_EQ(0, self->said.status);
	tool(&self->said, "limits -rn shmmni");
	EXPECT_STREQ("shmmni 99 1\n", self->said.out);
	tool(&self->said, "run --no-tables -- cat /proc/sys/kernel/shmmni");
	EXPECT_STREQ("4096\n", self->said.out);
	/* The mounts are the command's only. */
	run_line(&self->said, 0, "cat /proc/sys/kernel/shmmni");
	EXPECT_STREQ("4096\n", self->said.out);
	tool(&self->said, "run -- ipcrm -m %d", id);
	EXPECT_EQ(0, self->said.status);
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
}

static const char *make_file(char *path, const void *data, size_t size, mode_t mode, uid_t uid)
{
	int fd;

	strcpy(path, "/tmp/xshm-tool-run-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchown(fd, uid, uid) ||
	    fchmod(fd, mode))
		return NULL;
	close(fd);
	return path;
}

TEST_F_TIMEOUT(tool_run, refuses_static, 100)
{
	Elf64_Ehdr elf = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_ehsize = sizeof(elf),
	};
	char path[64], script[128], line[128];

#if !defined(__x86_64__)
	elf.e_machine = EM_AARCH64;
#endif
	ASSERT_NE(NULL, make_file(path, &elf, sizeof(elf), 0755, 0));
	tool(&self->said, "run -- %s", path);
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "--trace"));
	EXPECT_TRUE(is_one_line(self->said.err));
	/* A script of a static interpreter is one as well. */
	snprintf(line, sizeof(line), "#!%s -x\n", path);
	ASSERT_NE(NULL, make_file(script, line, strlen(line), 0755, 0));
	tool(&self->said, "run -- %s", script);
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, path));
	unlink(path);
	unlink(script);
}

TEST_F_TIMEOUT(tool_run, refuses_set_uid, 100)
{
	char path[64];

	ASSERT_NE(NULL, make_file(path, "\177ELF", 4, 04755, OTHER));
	tool_as(&self->said, USER, "run -- %s", path);
	EXPECT_EQ(126, self->said.status) TH_LOG("%s", self->said.err);
	EXPECT_NE(NULL, strstr(self->said.err, "is set-uid"));
	tool_as(&self->said, USER, "run --trace -- %s", path);
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "is set-uid"));
	unlink(path);
}

TEST_F_TIMEOUT(tool_run, no_command, 100)
{
	tool(&self->said, "run -- /nonexistent/program");
	EXPECT_EQ(127, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
	tool(&self->said, "run -- /etc/passwd");
	EXPECT_EQ(126, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
}

/* Without the device: a refusal, or, when asked for, a word and the kernel's own. */
TEST_F_TIMEOUT(tool_run, fallback, 100)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("/dev/null", "/dev/xshm", NULL, MS_BIND, NULL));
	tool(&self->said, "run -- echo ran");
	EXPECT_EQ(125, self->said.status);
	EXPECT_STREQ("", self->said.out);
	tool(&self->said, "run --fallback -- echo ran");
	EXPECT_EQ(0, self->said.status);
	EXPECT_STREQ("ran\n", self->said.out);
	EXPECT_NE(NULL, strstr(self->said.err, "kernel's own"));
	ASSERT_EQ(0, umount("/dev/xshm"));
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "scene"))
		return play(argv[2]);
	return test_harness_run(argc, argv);
}
