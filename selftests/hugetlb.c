// SPDX-License-Identifier: GPL-2.0
/*
 * SHM_HUGETLB: pages of the machine's pool, reserved at creation, and the pool's
 * account before, during and after.
 */
#include "counters.h"
#include "raw.h"

#define POOL		8
#define SHM_2MB		(21 << 26)
#define SHM_1GB		(30 << 26)

FIXTURE(hugetlb) {
	long before;
	const char *group_path;
	long long group;
};

BOTH_BACKENDS(hugetlb);

FIXTURE_SETUP(hugetlb)
{
	self->before = -1;
	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK))
		SKIP(return, "this machine has no huge pages of 2 MB");
	USE_BACKEND(variant->backend);
	self->group_path = on_xshm() ? "/proc/sys/xshm/hugetlb_shm_group"
				     : "/proc/sys/vm/hugetlb_shm_group";
	self->group = read_number(self->group_path);
	ASSERT_LE(0, self->group);
	self->before = pool_of(HUGE_2M).total;
	if (set_pool(HUGE_2M, POOL) != POOL)
		SKIP(return, "the pool can't be filled with %d pages of 2 MB", POOL);
	ASSERT_EQ(POOL, pool_of(HUGE_2M).free);
	ASSERT_EQ(0, pool_of(HUGE_2M).reserved);
}

FIXTURE_TEARDOWN(hugetlb)
{
	if (self->before < 0)
		return;
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	set_pool(HUGE_2M, self->before);
	EXPECT_EQ(0, write_number(self->group_path, self->group));
}

#define EXPECT_POOL(expected_free, expected_reserved) do {			\
	struct pool pool_ = pool_of(HUGE_2M);					\
										\
	EXPECT_EQ(POOL, pool_.total);						\
	EXPECT_EQ(expected_free, pool_.free);					\
	EXPECT_EQ(expected_reserved, pool_.reserved);				\
} while (0)

/* A place in a segment that is no multiple of its pages: the pool's files refuse it. */
TEST_F(hugetlb, remap_file_pages_between_pages)
{
	int id = GET(IPC_PRIVATE, 2 * HUGE_2M, SHM_HUGETLB | 0600);
	char *p = ATTACH(id, 0);

	p[0] = 1;
	EXPECT_EQ(-1, remap_file_pages(p, HUGE_2M, 0, 1, 0));
	EXPECT_EQ(EINVAL, errno);
	/* The kernel has unmapped before it asked: what is left is the second page's. */
	EXPECT_GE(1, NATTCH(id));
	EXPECT_EQ(0, munmap(p, 2 * HUGE_2M));
	EXPECT_EQ(0, NATTCH(id));
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, pool_account)
{
	int id = GET(IPC_PRIVATE, 4 * HUGE_2M, SHM_HUGETLB | 0600);
	char *p;

	EXPECT_POOL(POOL, 4);
	p = ATTACH(id, 0);
	EXPECT_POOL(POOL, 4);
	EXPECT_EQ(0, (uintptr_t)p % HUGE_2M);
	p[0] = 1;
	EXPECT_POOL(POOL - 1, 3);
	EXPECT_GE(4, touch(p, 4 * HUGE_2M));
	EXPECT_POOL(POOL - 4, 0);
	EXPECT_EQ(2048, smaps(p, "KernelPageSize"));
	EXPECT_EQ(2048, smaps(p, "MMUPageSize"));
	EXPECT_EQ(8192, smaps(p, "Shared_Hugetlb") + smaps(p, "Private_Hugetlb"));
	EXPECT_EQ(-1, check_touched(p, 4 * HUGE_2M));
	EXPECT_EQ(POOL - 4, meminfo("HugePages_Free"));
	ASSERT_EQ(0, dt(p));
	/* The pages stay with the segment. */
	EXPECT_POOL(POOL - 4, 0);
	p = ATTACH(id, SHM_RDONLY);
	EXPECT_EQ(-1, check_touched(p, 4 * HUGE_2M));
	REMOVE(id);
	EXPECT_POOL(POOL - 4, 0);
	ASSERT_EQ(0, dt(p));
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, reservation_goes_with_an_untouched_segment)
{
	int id = GET(IPC_PRIVATE, 3 * HUGE_2M, SHM_HUGETLB | SHM_2MB | 0600);

	EXPECT_POOL(POOL, 3);
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
	id = GET(IPC_PRIVATE, 3 * HUGE_2M, SHM_HUGETLB | 0600);
	ASSERT_EQ(0, dt(ATTACH(id, 0)));
	EXPECT_POOL(POOL, 3);
	IN_CHILD {
		ATTACH(id, 0);
	}
	EXPECT_POOL(POOL, 3);
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, size_is_rounded_inside_and_reported_as_asked)
{
	int id = GET(KEY, HUGE_2M + 12345, IPC_CREAT | SHM_HUGETLB | 0600);
	char *p;

	EXPECT_POOL(POOL, 2);
	EXPECT_EQ(HUGE_2M + 12345, STAT(id).shm_segsz);
	EXPECT_EQ(id, get(KEY, HUGE_2M + 12345, 0));
	EXPECT_EQ(-EINVAL, get(KEY, HUGE_2M + 12346, 0));
	p = ATTACH(id, 0);
	touch(p, 2 * HUGE_2M);
	EXPECT_EQ(4096, smaps(p, "Size"));
	EXPECT_POOL(POOL - 2, 0);
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(hugetlb, short_pool)
{
	int id;

	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, (POOL + 1) * HUGE_2M, SHM_HUGETLB | 0600));
	EXPECT_POOL(POOL, 0);
	EXPECT_EQ(-ENOMEM, get(KEY, POOL * HUGE_2M + 1, IPC_CREAT | SHM_HUGETLB | 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_POOL(POOL, 0);
	id = GET(IPC_PRIVATE, 5 * HUGE_2M, SHM_HUGETLB | 0600);
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 4 * HUGE_2M, SHM_HUGETLB | 0600));
	EXPECT_POOL(POOL, 5);
	EXPECT_EQ(id, GET(IPC_PRIVATE, 3 * HUGE_2M, SHM_HUGETLB | 0600) - 1);
	EXPECT_POOL(POOL, 8);
	REMOVE(id);
	EXPECT_POOL(POOL, 3);
	REMOVE(id + 1);
}

/* What is reserved can't be taken by anybody, so that touching it never fails. */
TEST_F(hugetlb, reservation_holds)
{
	int id = GET(IPC_PRIVATE, 5 * HUGE_2M, SHM_HUGETLB | 0600);
	char *p = ATTACH(id, 0);

	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4 * HUGE_2M, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
	IN_CHILD {
		char *q = mmap(NULL, 3 * HUGE_2M, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

		ASSERT_NE(MAP_FAILED, (void *)q);
		touch(q, 3 * HUGE_2M);
		touch(p, 5 * HUGE_2M);
		EXPECT_POOL(0, 0);
	}
	EXPECT_EQ(-1, check_touched(p, 5 * HUGE_2M));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(hugetlb, without_reservation)
{
	int id = GET(IPC_PRIVATE, (POOL + 2) * HUGE_2M, SHM_HUGETLB | SHM_NORESERVE | 0600);
	char *p;

	EXPECT_POOL(POOL, 0);
	p = ATTACH(id, 0);
	EXPECT_POOL(POOL, 0);
	touch(p, 2 * HUGE_2M);
	EXPECT_POOL(POOL - 2, 0);
	touch(p, POOL * HUGE_2M);
	EXPECT_POOL(0, 0);
	/* The pool is empty: whoever wants more gets SIGBUS. */
	pid_t pid = fork();

	if (pid == 0) {
		p[POOL * HUGE_2M] = 1;
		_exit(0);
	}
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, addresses)
{
	int id = GET(IPC_PRIVATE, 2 * HUGE_2M, SHM_HUGETLB | 0600);
	char *range = free_range(4 * HUGE_2M);
	struct pool before = pool_of(HUGE_2M);

	EXPECT_EQ(-EINVAL, at(id, range + 4096, 0));
	EXPECT_EQ(-EINVAL, at(id, range + HUGE_2M / 2, 0));
	EXPECT_EQ(-EINVAL, at(id, range + 4096 + 1, SHM_RND));
	EXPECT_EQ(0, STAT(id).shm_nattch);
	EXPECT_EQ(before.reserved, pool_of(HUGE_2M).reserved);
	EXPECT_EQ((long)range, at(id, range, 0));
	/* Over itself, with leave. */
	EXPECT_EQ(-EINVAL, at(id, range + HUGE_2M, 0));
	EXPECT_EQ((long)range + (long)HUGE_2M, at(id, range + HUGE_2M, SHM_REMAP));
	EXPECT_EQ(2, NATTCH(id));
	for (int i = 0; i < 20; i++) {
		char *p = ATTACH(id, 0);

		EXPECT_EQ(0, (uintptr_t)p % HUGE_2M);
		ASSERT_EQ(0, dt(p));
	}
	EXPECT_POOL(POOL, 2);
	EXPECT_EQ(0, dt(range));
	EXPECT_EQ(0, dt(range + HUGE_2M));
	REMOVE(id);
}

TEST_F(hugetlb, page_sizes)
{
	/* 64 kB and 32 MB are sizes of arm64. */
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 15 << 26 | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 12 << 26 | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 34U << 26 | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 63U << 26 | 0600));
	EXPECT_POOL(POOL, 0);
	/* Without SHM_HUGETLB they mean nothing. */
	int id = GET(IPC_PRIVATE, HUGE_2M, 16 << 26 | 0600);

	EXPECT_POOL(POOL, 0);
	REMOVE(id);
}

TEST_F(hugetlb, limits_return_the_reservation)
{
	int id;

	ASSERT_EQ(0, set_sysctl("shmall", 1024));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 3 * HUGE_2M, SHM_HUGETLB | 0600));
	EXPECT_POOL(POOL, 0);
	ASSERT_EQ(0, set_sysctl("shmmax", HUGE_2M));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, HUGE_2M + 1, SHM_HUGETLB | 0600));
	EXPECT_POOL(POOL, 0);
	ASSERT_EQ(0, set_sysctl("shmmni", 1));
	id = GET(KEY, HUGE_2M, IPC_CREAT | SHM_HUGETLB | 0600);
	EXPECT_POOL(POOL, 1);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 0600));
	EXPECT_EQ(-EEXIST, get(KEY, HUGE_2M, IPC_CREAT | IPC_EXCL | SHM_HUGETLB | 0600));
	EXPECT_EQ(-EINVAL, get(KEY, 2 * HUGE_2M, IPC_CREAT | SHM_HUGETLB | 0600));
	EXPECT_POOL(POOL, 1);
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, who_may)
{
	struct rlimit none = { 0, 0 };

	AS_USER(USER, GROUP) {
		/* The kernel's own calls fall back to this account, with a warning. */
		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
		EXPECT_EQ(-EPERM, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 0600));
		EXPECT_EQ(-EPERM, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | SHM_NORESERVE | 0600));
		EXPECT_NE(0, write_number(self->group_path, GROUP));
		EXPECT_POOL(POOL, 0);
	}
	ASSERT_EQ(0, write_number(self->group_path, GROUP));
	AS_USER(USER, GROUP) {
		int id;

		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
		id = GET(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 0600);
		EXPECT_POOL(POOL, 1);
		REMOVE(id);
	}
	AS_USER(USER, GROUP + 1) {
		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
		EXPECT_EQ(-EPERM, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 0600));
	}
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, holes_give_pages_back)
{
	int id = GET(IPC_PRIVATE, 4 * HUGE_2M, SHM_HUGETLB | 0600);
	char *p = ATTACH(id, 0);

	touch(p, 4 * HUGE_2M);
	EXPECT_POOL(POOL - 4, 0);
	ASSERT_EQ(0, madvise(p + HUGE_2M, 2 * HUGE_2M, MADV_REMOVE));
	EXPECT_EQ(POOL - 2, pool_of(HUGE_2M).free);
	EXPECT_TRUE(all_bytes(p + HUGE_2M, 2 * HUGE_2M, 0));
	EXPECT_EQ(-1, check_touched(p, HUGE_2M));
	/* A part of a huge page can't be unmapped, and stays counted once. */
	EXPECT_EQ(-1, munmap(p, 4096));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, munmap(p, HUGE_2M));
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_EQ(0, munmap(p + 2 * HUGE_2M, HUGE_2M));
	EXPECT_EQ(2, NATTCH(id));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(0, NATTCH(id));
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, death_of_every_process_returns_all)
{
	int id = GET(IPC_PRIVATE, 4 * HUGE_2M, SHM_HUGETLB | 0600);
	int status;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			char *p = (char *)at(id, NULL, 0);

			touch(p, 3 * HUGE_2M);
			raise(SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	EXPECT_POOL(POOL - 3, 1);
	EXPECT_EQ(0, NATTCH(id));
	REMOVE(id);
	EXPECT_POOL(POOL, 0);
}

TEST_F(hugetlb, pages_of_1_gib)
{
	struct pool before = pool_of(GIB), now;
	char *p;
	int id;

	if (before.total < 0)
		SKIP(return, "this machine has no huge pages of 1 GB");
	if (before.free < 1 && set_pool(GIB, 1) < 1)
		SKIP(return, "no huge page of 1 GB can be had: hugepagesz=1G hugepages=1");
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 100 * GIB, SHM_HUGETLB | SHM_1GB | 0600));
	now = pool_of(GIB);
	EXPECT_EQ(0, now.reserved);
	id = GET(IPC_PRIVATE, 5000, SHM_HUGETLB | SHM_1GB | 0600);
	EXPECT_EQ(now.free, pool_of(GIB).free);
	EXPECT_EQ(1, pool_of(GIB).reserved);
	EXPECT_EQ(5000, STAT(id).shm_segsz);
	p = ATTACH(id, 0);
	EXPECT_EQ(0, (uintptr_t)p % GIB);
	EXPECT_EQ(1048576, smaps(p, "KernelPageSize"));
	EXPECT_EQ(-EINVAL, at(id, p + GIB + HUGE_2M, 0));
	p[GIB - 1] = 7;
	EXPECT_EQ(now.free - 1, pool_of(GIB).free);
	EXPECT_EQ(0, pool_of(GIB).reserved);
	EXPECT_EQ(1048576, smaps(p, "Shared_Hugetlb") + smaps(p, "Private_Hugetlb"));
	EXPECT_GE(1, touch(p, 64 * MIB));
	if (on_xshm()) {
		struct xshm_ds ds = RAW_STAT(id);

		EXPECT_EQ(GIB, ds.page_size);
		EXPECT_EQ(GIB, ds.resident);
		EXPECT_EQ(GIB, ds.huge);
	}
	REMOVE(id);
	ASSERT_EQ(0, dt(p));
	EXPECT_EQ(now.free, pool_of(GIB).free);
	EXPECT_EQ(0, pool_of(GIB).reserved);
	if (before.free < 1)
		set_pool(GIB, before.total);
}

TEST_HARNESS_MAIN
