// SPDX-License-Identifier: GPL-2.0
/*
 * libxshm: its descriptor under programs that close it, replace it, fork, clone,
 * run threads and out of descriptors; errno; what it exports.
 */
#include <dirent.h>
#include <elf.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "common.h"

#define DEVICE "/dev/xshm"

/* The number of the n-th descriptor of the device, -1 if there are fewer. */
static int device_fd(int n)
{
	char link[64], path[64];
	ssize_t length;
	int fd;

	for (fd = 0; fd < 4096; fd++) {
		/* Far quicker than to find no link. */
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, link, sizeof(link) - 1);
		if (length < 0)
			continue;
		link[length] = 0;
		if (!strcmp(link, DEVICE) && !n--)
			return fd;
	}
	return -1;
}

/* 0 if every call works, else where it didn't; errno stays as it was. */
static int all_calls(void)
{
	int before = errno, failed = 0, id;
	struct shmid_ds ds;
	char *p;

	errno = 4711;
	id = xshmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	if (id < 0 || errno != 4711)
		return __LINE__;
	p = xshmat(id, NULL, 0);
	if (p == (void *)-1)
		failed = __LINE__;
	else
		*p = 1;
	if (!failed && (xshmctl(id, IPC_STAT, &ds) || ds.shm_segsz != 4096))
		failed = __LINE__;
	if (!failed && xshmdt(p))
		failed = __LINE__;
	if (xshmctl(id, IPC_RMID, NULL) && !failed)
		failed = __LINE__;
	if (errno != 4711 && !failed)
		failed = __LINE__;
	errno = before;
	return failed;
}

/* The status of a child made in any way, -1 if it did not exit. */
static int exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

FIXTURE(library) { };

FIXTURE_SETUP(library)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(library)
{
}

TEST_F(library, errno_is_untouched_from_the_first_call_on)
{
	EXPECT_EQ(0, all_calls());
	EXPECT_EQ(0, all_calls());
}

TEST_F(library, one_descriptor_out_of_the_way_and_close_on_exec)
{
	int lowest = dup(0), fd;

	close(lowest);
	ASSERT_EQ(-1, device_fd(0));
	ASSERT_EQ(0, all_calls());
	ASSERT_EQ(0, all_calls());
	fd = device_fd(0);
	/* Not among the first, and within the table that every process has. */
	EXPECT_LE(48, fd);
	EXPECT_GT(64, fd);
	EXPECT_EQ(-1, device_fd(1));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(lowest, dup(0));
}

TEST_F(library, survives_its_descriptor_being_closed)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *p = ATTACH(id, 0);
	struct shmid_ds ds;

	/* Each call on its own finds the descriptor gone. */
	ASSERT_EQ(0, close(device_fd(0)));
	EXPECT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(1, ds.shm_nattch);
	ASSERT_EQ(0, close(device_fd(0)));
	EXPECT_EQ(0, xshmdt(p));
	ASSERT_EQ(0, close(device_fd(0)));
	p = xshmat(id, NULL, SHM_RDONLY);
	EXPECT_NE((void *)-1, p);
	ASSERT_EQ(0, close(device_fd(0)));
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
	ASSERT_EQ(0, close(device_fd(0)));
	EXPECT_EQ(-1, xshmget(KEY, 4096, 0600));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_EQ(0, close(device_fd(0)));
	EXPECT_LE(0, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(-1, device_fd(1));
}

TEST_F(library, survives_closing_of_all_descriptors)
{
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, all_calls());
		if (i % 2) {
			ASSERT_EQ(0, close_range(3, ~0U, 0));
		} else {
			for (int fd = 3; fd < 1024; fd++)
				close(fd);
		}
	}
	EXPECT_EQ(-1, device_fd(0));
}

static int open_kind(int kind)
{
	int fds[2];

	switch (kind) {
	case 0:
		return open("/dev/null", O_RDWR);
	case 1:
		return open("/", O_RDONLY | O_DIRECTORY);
	case 2:
		return open("/proc/self/exe", O_RDONLY);
	case 3:
		return open("/dev/ptmx", O_RDWR | O_NOCTTY);
	case 4:
		return pipe(fds) ? -1 : fds[1];
	case 5:
		return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) ? -1 : fds[0];
	case 6:
		return socket(AF_UNIX, SOCK_DGRAM, 0);
	case 7:
		return eventfd(0, 0);
	case 8:
		return epoll_create1(0);
	case 9:
		return memfd_create("test", 0);
	case 10:
		return open("/proc/self/fd/0", O_PATH);
	default:
		return -2;
	}
}

TEST_F(library, takes_no_other_file_for_its_device)
{
	struct stat before, after;
	int kind, other, fd;

	for (kind = 0; (other = open_kind(kind)) != -2; kind++) {
		ASSERT_LE(0, other) TH_LOG("kind %d: errno %d", kind, errno);
		ASSERT_EQ(0, all_calls());
		fd = device_fd(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(fd, dup2(other, fd));
		ASSERT_EQ(0, fstat(fd, &before));

		EXPECT_EQ(0, all_calls()) TH_LOG("kind %d", kind);

		/* The other file is where it was, and still open. */
		ASSERT_EQ(0, fstat(fd, &after)) TH_LOG("kind %d", kind);
		EXPECT_EQ(before.st_ino, after.st_ino);
		EXPECT_EQ(before.st_dev, after.st_dev);
		EXPECT_NE(fd, device_fd(0));
		EXPECT_EQ(-1, device_fd(1));
		close(other);
		close(fd);
	}
	EXPECT_EQ(11, kind);
}

/* From now on ioctl(fd, ...) returns 0 and does nothing, as a careless driver's. */
static int accept_all_ioctls(int fd)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)fd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 6, .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

TEST_F(library, believes_no_file_that_accepts_everything)
{
	int null = open("/dev/null", O_RDWR);
	struct xshm_limits limits;
	struct shmid_ds ds;
	int fd, id, i;
	char *p;

	ASSERT_LE(0, null);
	id = GET(KEY, 5000, IPC_CREAT | 0600);
	for (i = 0; i < 4; i++) {
		fd = device_fd(0);
		ASSERT_EQ(fd, dup2(null, fd));
		ASSERT_EQ(0, accept_all_ioctls(fd));
		switch (i) {
		case 0:
			EXPECT_EQ(id, xshmget(KEY, 0, 0));
			break;
		case 1:
			p = xshmat(id, NULL, 0);
			ASSERT_NE((void *)-1, p);
			ASSERT_NE(NULL, p);
			p[4999] = 1;
			EXPECT_EQ(0, xshmdt(p));
			break;
		case 2:
			ASSERT_EQ(0, xshm_limits(&limits));
			EXPECT_EQ(1, limits.shmmin);
			break;
		default:
			ds.shm_perm.uid = 0;
			ds.shm_perm.gid = 0;
			ds.shm_perm.mode = 0400;
			ASSERT_EQ(0, xshmctl(id, IPC_SET, &ds));
			ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
			EXPECT_EQ(0400, ds.shm_perm.mode);
			break;
		}
		EXPECT_NE(fd, device_fd(0)) TH_LOG("round %d", i);
	}
	EXPECT_EQ(0, all_calls());
}

/* Does the child's n-th descriptor of the device have the parent's open file? */
static bool shares_file(pid_t parent, int parent_fd, int fd)
{
	return syscall(SYS_kcmp, parent, getpid(), KCMP_FILE, parent_fd, fd) == 0;
}

TEST_F(library, child_of_fork_has_its_own_open_file)
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

TEST_F(library, child_of_bare_clone_has_its_own_open_file)
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

TEST_F(library, descendants_each_open_their_own)
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

TEST_F(library, a_child_that_lives_on_keeps_no_bound_segment)
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

TEST_F(library, child_that_cannot_open_the_device_uses_what_it_inherited)
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

TEST_F(library, threads_that_call_first_share_one_descriptor)
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

TEST_F(library, fork_amid_threads_that_call)
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

TEST_F(library, descriptor_closed_by_a_thread_while_others_call)
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

TEST_F(library, first_call_is_no_cancellation_point)
{
	pthread_t thread;
	int reached = -2;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_is_cancelled, &reached));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, reached);
}

TEST_F(library, child_of_vfork_may_call_and_close)
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

static void fill_descriptors(void)
{
	while (dup(0) >= 0)
		;
}

TEST_F(library, needs_no_free_descriptor)
{
	struct rlimit limit = { 64, 128 }, after;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	fill_descriptors();
	ASSERT_EQ(EMFILE, errno);
	EXPECT_EQ(0, all_calls());
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &after));
	EXPECT_EQ(64, after.rlim_cur);
	EXPECT_EQ(128, after.rlim_max);
	EXPECT_EQ(-1, dup(0));
}

TEST_F(library, emfile_at_the_hard_limit)
{
	struct rlimit limit = { 64, 64 };
	const char *why;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	fill_descriptors();
	EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(EMFILE, errno);
	why = xshm_unavailable();
	ASSERT_NE(NULL, why);
	EXPECT_NE(NULL, strstr(why, "ulimit"));
	ASSERT_EQ(0, close(63));
	EXPECT_EQ(NULL, xshm_unavailable());
	EXPECT_EQ(0, all_calls());
	EXPECT_EQ(63, device_fd(0));
}

TEST_F(library, bad_buffers)
{
	static const int commands[] = { IPC_STAT, IPC_SET, IPC_INFO, SHM_INFO, SHM_STAT,
					SHM_STAT_ANY };
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *bad[] = { NULL, (char *)8, (char *)-4096L, mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE |
							      MAP_ANONYMOUS, -1, 0) };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
			EXPECT_EQ(-EFAULT, ctl(id, commands[i], bad[j])) {
				TH_LOG("command %d, buffer %p", commands[i], bad[j]);
			}
		}
	}
	EXPECT_EQ(0, ctl(id, IPC_RMID, bad[1]));
}

TEST_F(library, unknown_flags_are_dropped)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600 | 0x03ff0000 | PAGE_SIZE_FLAGS(63));
	struct shmid_ds ds;
	char *p = ATTACH(id, 0x7fff0000 | 07777);

	EXPECT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(0600, ds.shm_perm.mode);
	EXPECT_EQ(id, xshmget(KEY, 0, PAGE_SIZE_FLAGS(17) | 0x01000000));
	EXPECT_EQ(0, xshmdt(p));
}

TEST_F(library, unknown_commands)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	static const int unknown[] = { -1, 4, 10, 16, 0x100, 0x102, INT32_MIN, INT32_MAX };
	struct shmid_ds ds;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		EXPECT_EQ(-EINVAL, ctl(id, unknown[i], &ds)) TH_LOG("command %d", unknown[i]);
	}
	for (int command = 0; command < 16; command++) {
		EXPECT_EQ(-EINVAL, ctl(-1, command, &ds)) TH_LOG("command %d", command);
	}
}

TEST_F(library, extensions)
{
	struct xshm_version version;
	struct xshm_limits limits;
	struct xshm_usage usage;
	struct xshm_ds ds;
	char buf[sizeof(ds) + 8];
	int id, other;
	char *p;

	ASSERT_EQ(0, xshm_prepare());
	EXPECT_EQ(NULL, xshm_unavailable());
	ASSERT_EQ(0, xshm_version(&version));
	EXPECT_EQ(XSHM_ABI_VERSION, version.abi);
	EXPECT_TRUE(version.get_options & XSHM_GET_POPULATE);

	id = xshm_get(KEY, 8192, IPC_CREAT | 0640, XSHM_GET_SMALL | XSHM_GET_POPULATE);
	ASSERT_LE(0, id);
	EXPECT_EQ(-1, xshm_get(KEY, 8192, IPC_CREAT | 0640, 1U << 31));
	EXPECT_EQ(EINVAL, errno);
	p = xshm_attach(id, NULL, SHM_RDONLY, XSHM_ATTACH_POPULATE);
	ASSERT_NE((void *)-1, p);
	EXPECT_EQ((void *)-1, xshm_attach(id, NULL, 0, 1U << 31));
	EXPECT_EQ(EINVAL, errno);

	memset(&ds, POISON, sizeof(ds));
	ASSERT_EQ(0, xshm_stat(id, &ds));
	EXPECT_EQ(id, ds.id);
	EXPECT_EQ(8192, ds.segsz);
	EXPECT_EQ(8192, ds.resident);
	EXPECT_EQ(pages(1), ds.page_size);
	EXPECT_EQ(1, ds.nattch);
	EXPECT_EQ(0, ds.reserved1);

	ASSERT_LE(0, xshm_limits(&limits));
	EXPECT_EQ(4096, limits.shmmni);
	other = xshm_usage(&usage);
	ASSERT_LE(0, other);
	EXPECT_EQ(1, usage.used_ids);
	EXPECT_EQ(2 * 4096 / pages(1), usage.shm_tot);
	EXPECT_EQ(id, xshm_stat_index(other, &ds));
	EXPECT_EQ(id, xshm_stat_index_any(other, &ds));

	/* A program that knows less, or more, than this library. */
	memset(buf, POISON, sizeof(buf));
	ASSERT_EQ(0, xshm_stat_sized(XSHM_SELECT_ID, id, (void *)buf, XSHM_DS_SIZE_SYSV));
	EXPECT_EQ(8192, ((struct xshm_ds *)buf)->segsz);
	EXPECT_EQ((char)POISON, buf[XSHM_DS_SIZE_SYSV]);
	ASSERT_EQ(0, xshm_stat_sized(XSHM_SELECT_ID, id, (void *)buf, sizeof(buf)));
	EXPECT_EQ(id, ((struct xshm_ds *)buf)->id);
	EXPECT_EQ(0, buf[sizeof(ds)]);
}

/* Puts another node, or nothing, in place of the device for this test alone. */
static int replace_device(const char *with)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	if (with)
		return mount(with, DEVICE, NULL, MS_BIND, NULL);
	return mount("tmpfs", "/dev", "tmpfs", 0, NULL);
}

TEST_F(library, no_device)
{
	const char *why;

	ASSERT_EQ(0, replace_device(NULL));
	EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(ENOSYS, errno);
	EXPECT_EQ((void *)-1, xshmat(0, NULL, 0));
	EXPECT_EQ(ENOSYS, errno);
	EXPECT_EQ(-1, xshm_prepare());
	why = xshm_unavailable();
	ASSERT_NE(NULL, why);
	EXPECT_NE(NULL, strstr(why, "modprobe xshm"));
}

TEST_F(library, another_device_in_its_place)
{
	const char *why;

	ASSERT_EQ(0, replace_device("/dev/null"));
	EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(ENOSYS, errno);
	why = xshm_unavailable();
	ASSERT_NE(NULL, why);
	EXPECT_NE(NULL, strstr(why, "not the device"));
}

TEST_F(library, no_permission_on_the_device)
{
	struct stat st;

	ASSERT_EQ(0, stat(DEVICE, &st));
	EXPECT_EQ(0666, st.st_mode & 0777);
	ASSERT_EQ(0, replace_device(NULL));
	ASSERT_EQ(0, mknod(DEVICE, S_IFCHR | 0600, st.st_rdev));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
		EXPECT_EQ(EACCES, errno);
		EXPECT_NE(NULL, strstr(xshm_unavailable(), "permission"));
	}
	EXPECT_EQ(0, all_calls());
	AS_USER(USER, GROUP) {
		/* Opened before the rights were dropped. */
		EXPECT_EQ(0, all_calls());
	}
}

/* The names that a shared library defines for others, sorted as they come. */
static int exported(const char *path, char names[][64], int most)
{
	int fd = open(path, O_RDONLY), count = 0;
	const Elf64_Ehdr *elf;
	const Elf64_Shdr *section;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	elf = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (elf == MAP_FAILED || memcmp(elf->e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	section = (const void *)((const char *)elf + elf->e_shoff);
	for (int i = 0; i < elf->e_shnum; i++) {
		const Elf64_Sym *symbol = (const void *)((const char *)elf + section[i].sh_offset);
		const char *strings = (const char *)elf + section[section[i].sh_link].sh_offset;

		if (section[i].sh_type != SHT_DYNSYM)
			continue;
		for (size_t j = 0; j < section[i].sh_size / sizeof(*symbol); j++) {
			/* Not those of others, nor the name of a version. */
			if (symbol[j].st_shndx == SHN_UNDEF || symbol[j].st_shndx == SHN_ABS ||
			    ELF64_ST_BIND(symbol[j].st_info) == STB_LOCAL)
				continue;
			if (count < most)
				snprintf(names[count], 64, "%s", strings + symbol[j].st_name);
			count++;
		}
	}
	return count;
}

/* A file of the build, beside the folder of this program. */
static const char *built(const char *name)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 100);
	char *slash;

	if (length < 0)
		return "";
	path[length] = 0;
	slash = strrchr(path, '/');
	snprintf(slash, 100, "/../userlib/%s", name);
	return path;
}

static void expect_exports(struct __test_metadata *_metadata, const char *library,
			   const char *const *expected)
{
	char names[64][64];
	int count, wanted, found;

	count = exported(built(library), names, 64);
	if (count == -ENOENT)
		SKIP(return, "%s is not there", built(library));
	for (wanted = 0; expected[wanted]; wanted++) {
		for (found = 0; found < count && strcmp(names[found], expected[wanted]); found++)
			;
		EXPECT_GT(count, found) TH_LOG("%s: no %s", library, expected[wanted]);
	}
	EXPECT_EQ(wanted, count);
}

TEST(exports)
{
	static const char *const shared[] = {
		"xshmget", "xshmat", "xshmdt", "xshmctl", "xshm_get", "xshm_attach",
		"xshm_stat_sized", "xshm_limits_sized", "xshm_usage_sized", "xshm_version_sized",
		"xshm_prepare", "xshm_unavailable", NULL,
	};
	static const char *const preload[] = {
		"shmget", "shmat", "shmdt", "shmctl", "dlopen", NULL,
	};

	expect_exports(_metadata, "libxshm.so.0", shared);
	expect_exports(_metadata, "libxshm-preload.so", preload);
}

TEST_HARNESS_MAIN
