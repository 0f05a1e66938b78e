// SPDX-License-Identifier: GPL-2.0
/*
 * A read-only attach stays read-only, and the memory of a segment keeps its size, by
 * whatever route somebody tries.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "common.h"

#define PAGES	4

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS		1033
#endif

FIXTURE(readonly) {
	int id;
	size_t size;
	char *rw, *ro;
};

BOTH_BACKENDS(readonly);

FIXTURE_SETUP(readonly)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	self->size = pages(PAGES);
	self->id = GET(IPC_PRIVATE, self->size, 0600);
	self->rw = ATTACH(self->id, 0);
	self->ro = ATTACH(self->id, SHM_RDONLY);
	memset(self->rw, 'A', self->size);
}

FIXTURE_TEARDOWN(readonly)
{
	if (self->id < 0)
		return;
	EXPECT_TRUE(all_bytes(self->rw, self->size, 'A'));
	EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

/* Lets the kernel write there, so that a refusal is no signal. */
static bool can_write(char *p)
{
	char byte = *p;
	int pipe_fd[2];
	bool can;

	if (pipe(pipe_fd) || write(pipe_fd[1], &byte, 1) != 1)
		abort();
	can = read(pipe_fd[0], p, 1) == 1;
	if (!can && errno != EFAULT)
		abort();
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	return can;
}

#define EXPECT_READ_ONLY(p) do {						\
	EXPECT_FALSE(can_write(p));						\
	EXPECT_EQ(-1, mprotect(p, pages(1), PROT_READ | PROT_WRITE));		\
	EXPECT_EQ(EACCES, errno);						\
	EXPECT_FALSE(can_write(p));						\
} while (0)

TEST_F(readonly, the_probe_tells_them_apart)
{
	EXPECT_TRUE(can_write(self->rw));
	EXPECT_FALSE(can_write(self->ro));
	EXPECT_EQ('A', *self->ro);
}

TEST_F(readonly, mprotect)
{
	static const int prots[] = { PROT_WRITE, PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_WRITE | PROT_EXEC };

	for (unsigned int i = 0; i < sizeof(prots) / sizeof(prots[0]); i++) {
		EXPECT_EQ(-1, mprotect(self->ro, self->size, prots[i]));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mprotect(self->ro + pages(1), pages(1), prots[i]));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, syscall(SYS_pkey_mprotect, self->ro, self->size, prots[i], -1));
		/* Not every kernel has protection keys. */
		if (errno != ENOSYS)
			EXPECT_EQ(EACCES, errno);
	}
	/* Not by way of no access either. */
	ASSERT_EQ(0, mprotect(self->ro, self->size, PROT_NONE));
	EXPECT_EQ(-1, mprotect(self->ro, self->size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mprotect(self->ro, self->size, PROT_READ));
	EXPECT_READ_ONLY(self->ro);
}

TEST_F(readonly, mremap)
{
	char *p, *copy;

	copy = mremap(self->ro, 0, self->size, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, (void *)copy);
	EXPECT_READ_ONLY(copy);
	p = mremap(self->ro, self->size, self->size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   free_range(self->size));
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_READ_ONLY(p);
	p = mremap(p, self->size, 2 * self->size, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_READ_ONLY(p);
	EXPECT_READ_ONLY(p + self->size - pages(1));
}

/* Maps the file behind the mapping once more: it must be one that can't be written. */
TEST_F(readonly, remap_file_pages)
{
	EXPECT_EQ(-1, remap_file_pages(self->ro, pages(1), 0, 2, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_READ_ONLY(self->ro);
	EXPECT_EQ(-1, remap_file_pages(self->ro + pages(2), pages(2), 0, 0, 0));
	EXPECT_READ_ONLY(self->ro + pages(2));
	EXPECT_EQ('A', self->ro[pages(2)]);
	/* Nor what was made of a writable attach for a while. */
	ASSERT_EQ(0, mprotect(self->rw, self->size, PROT_READ));
	ASSERT_EQ(0, remap_file_pages(self->rw, pages(1), 0, 2, 0));
	EXPECT_FALSE(can_write(self->rw));
	ASSERT_EQ(0, mprotect(self->rw, self->size, PROT_READ | PROT_WRITE));
	/* A writable attach made read-only for a while may become writable again. */
	ASSERT_EQ(0, mprotect(self->rw, self->size, PROT_READ));
	EXPECT_FALSE(can_write(self->rw));
	ASSERT_EQ(0, mprotect(self->rw, self->size, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(can_write(self->rw));
}

TEST_F(readonly, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	char byte = 'X';

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, (uintptr_t)self->ro));
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, (uintptr_t)self->ro + pages(3)));
	EXPECT_EQ('A', *self->ro);
	/* The same route works where it may. */
	EXPECT_EQ(1, pwrite(fd, &byte, 1, (uintptr_t)self->rw));
	EXPECT_EQ('X', *self->ro);
	*self->rw = 'A';
	close(fd);
}

TEST_F(readonly, process_vm_writev)
{
	char byte = 'X';
	struct iovec local = { &byte, 1 }, remote = { self->ro, 1 };

	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ('A', *self->ro);
	remote.iov_base = self->rw;
	EXPECT_EQ(1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ('X', *self->ro);
	*self->rw = 'A';
}

TEST_F(readonly, ptrace)
{
	char path[64], byte = 'X';
	int status, fd;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(*self->ro == 'A' ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, self->ro, 0x5858585858585858UL));
	EXPECT_EQ('A', *self->ro);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, (uintptr_t)self->ro));
	/* Where it may be written, it is written, and not to a private copy. */
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, self->rw, 0x5858585858585858UL));
	EXPECT_EQ('X', self->rw[7]);
	memset(self->rw, 'A', 8);
	close(fd);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(readonly, madvise)
{
	EXPECT_EQ(-1, madvise(self->ro, self->size, MADV_POPULATE_WRITE));
	EXPECT_EQ(-1, madvise(self->ro, self->size, MADV_REMOVE));
	EXPECT_EQ(EACCES, errno);
	/* May be refused or change nothing. */
	madvise(self->ro, self->size, MADV_DONTNEED);
	EXPECT_EQ('A', *self->ro);
	EXPECT_READ_ONLY(self->ro);
}

TEST_F(readonly, userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->ro, self->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	EXPECT_EQ(-1, ioctl(fd, UFFDIO_REGISTER, &reg));
	close(fd);
}

TEST_F(readonly, fork)
{
	IN_CHILD {
		EXPECT_READ_ONLY(self->ro);
		EXPECT_TRUE(can_write(self->rw));
	}
}

TEST_F(readonly, both_kinds_of_attach_in_each_order)
{
	char *rw2 = ATTACH(self->id, 0);
	char *ro2 = ATTACH(self->id, SHM_RDONLY);

	EXPECT_TRUE(can_write(rw2));
	EXPECT_READ_ONLY(ro2);
	ASSERT_EQ(0, dt(self->ro));
	ASSERT_EQ(0, dt(rw2));
	EXPECT_READ_ONLY(ro2);
	self->ro = ATTACH(self->id, SHM_RDONLY);
	EXPECT_READ_ONLY(self->ro);
}

static void map_files_path(char *path, const char *start, size_t size)
{
	sprintf(path, "/proc/self/map_files/%lx-%lx", (unsigned long)start,
		(unsigned long)start + size);
}

/*
 * Through /proc/PID/map_files the kernel opens the inode anew. For its own segments
 * this gives root a writable and truncatable file; xshm refuses it to everybody.
 */
TEST_F(readonly, map_files_gives_no_writable_file)
{
	char path[128], again[64], *p;
	int fd, fd2;

	if (!on_xshm())
		SKIP(return, "xshm is stricter here");
	map_files_path(path, self->ro, self->size);
	EXPECT_EQ(0, access(path, F_OK) ? errno : 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		p = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		EXPECT_EQ(MAP_FAILED, (void *)p);
		EXPECT_EQ(-1, write(fd, "X", 1));
		close(fd);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		EXPECT_EQ(-1, write(fd, "X", 1));
		close(fd);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		p = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			EXPECT_READ_ONLY(p);
		snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
		fd2 = open(again, O_RDWR | O_CLOEXEC);
		if (fd2 >= 0) {
			p = mmap(NULL, self->size, PROT_WRITE, MAP_SHARED, fd2, 0);
			EXPECT_EQ(MAP_FAILED, (void *)p);
			EXPECT_EQ(-1, write(fd2, "X", 1));
		}
	}
	EXPECT_TRUE(all_bytes(self->rw, self->size, 'A'));
}

TEST_F(readonly, map_files_cannot_truncate)
{
	char *const attaches[] = { self->rw, self->ro };

	if (!on_xshm())
		SKIP(return, "xshm is stricter here");
	for (int i = 0; i < 2; i++) {
		static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC,
					     O_RDONLY | O_TRUNC, O_PATH };
		char path[128];

		map_files_path(path, attaches[i], self->size);
		EXPECT_EQ(-1, truncate(path, 0));
		EXPECT_EQ(-1, truncate(path, pages(100)));
		for (unsigned int m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			int fd = open(path, modes[m] | O_CLOEXEC);

			if (fd < 0)
				continue;
			EXPECT_EQ(-1, ftruncate(fd, 0));
			EXPECT_EQ(-1, ftruncate(fd, pages(100)));
			EXPECT_EQ(-1, fallocate(fd, 0, 0, pages(100)));
			/* Punch a hole, keeping the size. */
			EXPECT_EQ(-1, fallocate(fd, 3, 0, pages(1)));
			fcntl(fd, F_ADD_SEALS, 0xf);
			close(fd);
		}
		/* May be refused or of no effect. */
		if (chmod(path, 0) == 0)
			TH_LOG("chmod of the inode is possible");
		EXPECT_TRUE(all_bytes(self->rw, self->size, 'A'));
	}
	/* Nobody was locked out by it. */
	for (int i = 0; i < 2; i++) {
		char *p = ATTACH(self->id, i ? SHM_RDONLY : 0);

		EXPECT_TRUE(all_bytes(p, self->size, 'A'));
		EXPECT_EQ(0, dt(p));
	}
}

TEST_F(readonly, map_files_of_pool_pages)
{
	size_t huge = 2UL << 20;
	const char *pool = "/proc/sys/vm/nr_hugepages";
	long long before = read_number(pool);
	char path[128], *p;
	int id, fd;

	if (!on_xshm())
		SKIP(return, "xshm is stricter here");
	if (write_number(pool, 2) || read_number(pool) != 2)
		SKIP(return, "no huge pages can be had");
	id = GET(IPC_PRIVATE, 2 * huge, SHM_HUGETLB | 0600);
	p = ATTACH(id, SHM_RDONLY);
	EXPECT_READ_ONLY(p);
	map_files_path(path, p, 2 * huge);
	EXPECT_EQ(-1, truncate(path, 0));
	EXPECT_EQ(-1, truncate(path, 4 * huge));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		EXPECT_EQ(-1, ftruncate(fd, 0));
		EXPECT_EQ(-1, fallocate(fd, 3, 0, huge));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, huge, PROT_WRITE, MAP_SHARED, fd, 0));
		close(fd);
	}
	EXPECT_EQ(0, p[2 * huge - 1]);
	EXPECT_EQ(0, dt(p));
	REMOVE(id);
	EXPECT_EQ(0, write_number(pool, before));
}

TEST_F(readonly, map_files_is_closed_to_users)
{
	/* The mappings of a segment that the user may attach himself. */
	struct shmid_ds ds = STAT(self->id);

	ds.shm_perm.uid = USER;
	ds.shm_perm.gid = GROUP;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	AS_USER(USER, GROUP) {
		char path[128], *p = ATTACH(self->id, SHM_RDONLY);

		map_files_path(path, p, self->size);
		EXPECT_EQ(-1, open(path, O_RDWR));
		EXPECT_EQ(-1, open(path, O_RDONLY));
		EXPECT_EQ(-1, truncate(path, 0));
		EXPECT_READ_ONLY(p);
	}
}

TEST_HARNESS_MAIN
