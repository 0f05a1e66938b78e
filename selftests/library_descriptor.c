// SPDX-License-Identifier: GPL-2.0
/* libxshm: its descriptor, where the program closes it, replaces it or has no other. */
#include <dirent.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "library.h"

FIXTURE(library_descriptor) { };

FIXTURE_SETUP(library_descriptor)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(library_descriptor)
{
}

TEST_F(library_descriptor, one_descriptor_out_of_the_way_and_close_on_exec)
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

TEST_F(library_descriptor, survives_its_descriptor_being_closed)
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

TEST_F(library_descriptor, survives_closing_of_all_descriptors)
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

TEST_F(library_descriptor, takes_no_other_file_for_its_device)
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

TEST_F(library_descriptor, believes_no_file_that_accepts_everything)
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

static void fill_descriptors(void)
{
	while (dup(0) >= 0)
		;
}

TEST_F(library_descriptor, needs_no_free_descriptor)
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

TEST_F(library_descriptor, emfile_at_the_hard_limit)
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

TEST_HARNESS_MAIN
