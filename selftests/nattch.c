// SPDX-License-Identifier: GPL-2.0
/* The attach count: one for each mapping, whatever is done to the mappings. */
#include "common.h"
#include "differences.h"

#define PAGE	4096
#define SIZE	(5 * PAGE)

FIXTURE(nattch)
{
	int id;
	char *p;
};

BOTH_BACKENDS(nattch);

FIXTURE_SETUP(nattch)
{
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, SIZE, IPC_CREAT | 0600);
	self->p = ATTACH(self->id, 0);
	ASSERT_EQ(1, NATTCH(self->id));
}

FIXTURE_TEARDOWN(nattch) { }

/* The number of mappings in a range of addresses. */
static unsigned long mappings(const char *start, size_t size)
{
	unsigned long count = 0;
	struct map_line map;

	for (size_t i = 0; i < size; i += PAGE)
		count += find_map(start + i, &map);
	return count;
}

TEST_F(nattch, split_by_munmap_and_mprotect)
{
	char *p = self->p;

	ASSERT_EQ(0, munmap(p + PAGE, PAGE));
	EXPECT_EQ(2, NATTCH(self->id));
	ASSERT_EQ(0, mprotect(p + 4 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(3, NATTCH(self->id));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(0, NATTCH(self->id));
	for (int i = 0; i < 5; i++)
		EXPECT_FALSE(is_mapped(p + i * PAGE));
}

TEST_F(nattch, munmap_of_the_first_page)
{
	ASSERT_EQ(0, munmap(self->p, PAGE));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(-EINVAL, dt(self->p + PAGE));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
	EXPECT_FALSE(is_mapped(self->p + PAGE));
}

TEST_F(nattch, munmap_of_the_last_page)
{
	ASSERT_EQ(0, munmap(self->p + 4 * PAGE, PAGE));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
	EXPECT_FALSE(is_mapped(self->p));
}

TEST_F(nattch, munmap_of_the_whole)
{
	ASSERT_EQ(0, munmap(self->p, SIZE));
	EXPECT_EQ(0, NATTCH(self->id));
	EXPECT_EQ(-EINVAL, dt(self->p));
}

TEST_F(nattch, munmap_of_a_removed_segment_destroys_it)
{
	struct shmid_ds ds;

	REMOVE(self->id);
	ASSERT_EQ(0, munmap(self->p, SIZE - PAGE));
	EXPECT_EQ(01600, STAT(self->id).shm_perm.mode);
	ASSERT_EQ(0, munmap(self->p, SIZE));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
}

TEST_F(nattch, mapping_over_an_attach)
{
	ASSERT_EQ(self->p, mmap(self->p, SIZE, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, NATTCH(self->id));
	EXPECT_EQ(-EINVAL, dt(self->p));
	EXPECT_TRUE(is_mapped(self->p));
}

TEST_F(nattch, mprotect_there_and_back)
{
	ASSERT_EQ(0, mprotect(self->p + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(3, NATTCH(self->id));
	/* Mappings with a close operation are not merged again. */
	ASSERT_EQ(0, mprotect(self->p + PAGE, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(3, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, mremap_moves)
{
	char *to = free_range(SIZE);

	self->p[SIZE - 1] = 11;
	ASSERT_EQ(to, mremap(self->p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(11, to[SIZE - 1]);
	EXPECT_EQ(-EINVAL, dt(self->p));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, dt(to));
	EXPECT_EQ(0, NATTCH(self->id));
}

/* Two mappings with a hole between them, which Linux moves at once since 6.17. */
TEST_F(nattch, mremap_moves_several)
{
	char *probe = free_range(3 * PAGE), *to;
	int expected = -EFAULT;

	for (int i = 0; i < 3; i += 2)
		ASSERT_EQ(probe + i * PAGE, mmap(probe + i * PAGE, PAGE, PROT_READ,
						 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	to = free_range(SIZE);
	if (mremap(probe, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		expected = DIFFERS(MOVED_PARTS, -EFAULT, 0);

	self->p[SIZE - 1] = 11;
	ASSERT_EQ(0, munmap(self->p + PAGE, PAGE));
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(expected, mremap(self->p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to ?
			    0 : -errno);
	EXPECT_EQ(2, NATTCH(self->id));
	if (!expected) {
		EXPECT_FALSE(is_mapped(self->p));
		EXPECT_EQ(11, to[SIZE - 1]);
		EXPECT_EQ(0, dt(to));
		EXPECT_EQ(0, NATTCH(self->id));
	}
}

TEST_F(nattch, mremap_grows)
{
	int id = GET(IPC_PRIVATE, PAGE, 0600);
	char *p = ATTACH(id, 0);
	char *grown = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	struct map_line map;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, grown);
	EXPECT_EQ(1, NATTCH(id));
	ASSERT_TRUE(find_map(grown, &map));
	EXPECT_EQ((uintptr_t)grown + 3 * PAGE, map.end);
	grown[PAGE - 1] = 1;

	pid = fork();
	if (pid == 0) {
		*(volatile char *)(grown + PAGE) = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));

	EXPECT_EQ(PAGE, STAT(id).shm_segsz);
	EXPECT_EQ(0, dt(grown));
	EXPECT_EQ(0, NATTCH(id));
	EXPECT_FALSE(is_mapped(grown));
	EXPECT_FALSE(is_mapped(grown + 2 * PAGE));
}

TEST_F(nattch, mremap_shrinks)
{
	ASSERT_EQ(self->p, mremap(self->p, SIZE, PAGE, 0));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_FALSE(is_mapped(self->p + PAGE));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, mremap_of_old_size_0_duplicates)
{
	char *copy = mremap(self->p, 0, SIZE, MREMAP_MAYMOVE);

	ASSERT_NE(MAP_FAILED, copy);
	ASSERT_NE(self->p, copy);
	EXPECT_EQ(2, NATTCH(self->id));
	copy[PAGE] = 5;
	EXPECT_EQ(5, self->p[PAGE]);
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(5, copy[PAGE]);
	EXPECT_EQ(0, dt(copy));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, mremap_dontunmap)
{
	char *to = mremap(self->p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ(2, NATTCH(self->id));
	to[0] = 6;
	EXPECT_EQ(6, self->p[0]);
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, dt(to));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, remap_file_pages_of_one_page)
{
	self->p[0] = 1;
	self->p[2 * PAGE] = 3;
	ASSERT_EQ(0, remap_file_pages(self->p, PAGE, 0, 2, 0));
	EXPECT_EQ(3, self->p[0]);
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_TRUE(is_mapped(self->p));
	EXPECT_FALSE(is_mapped(self->p + PAGE));
	EXPECT_EQ(-EINVAL, dt(self->p));
	ASSERT_EQ(0, munmap(self->p, PAGE));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, remap_file_pages_to_the_same_page)
{
	ASSERT_EQ(0, remap_file_pages(self->p + PAGE, PAGE, 0, 1, 0));
	/* Kernels differ in what they merge, but not in what they count. */
	EXPECT_EQ(mappings(self->p, SIZE), NATTCH(self->id));
	EXPECT_LE(2, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, remap_file_pages_after_removal)
{
	struct shmid_ds ds;

	REMOVE(self->id);
	ASSERT_EQ(0, remap_file_pages(self->p, PAGE, 0, 2, 0));
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(1, NATTCH(self->id));
	ASSERT_EQ(0, munmap(self->p, PAGE));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
}

TEST_F(nattch, remap_file_pages_of_the_only_mapping)
{
	/* The old mapping goes before the new one comes: the segment must not. */
	ASSERT_EQ(0, remap_file_pages(self->p, SIZE, 0, 0, 0));
	EXPECT_EQ(1, NATTCH(self->id));
	self->p[0] = 1;
	EXPECT_EQ(0, dt(self->p));
}

TEST_F(nattch, remap_file_pages_of_the_only_mapping_after_removal)
{
	struct shmid_ds ds;

	REMOVE(self->id);
	EXPECT_EQ(-1, remap_file_pages(self->p, SIZE, 0, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
	EXPECT_FALSE(is_mapped(self->p));
}

TEST_F(nattch, mlock_of_one_page)
{
	ASSERT_EQ(0, mlock(self->p, PAGE));
	EXPECT_EQ(2, NATTCH(self->id));
	ASSERT_EQ(0, mlock(self->p + 2 * PAGE, PAGE));
	EXPECT_EQ(4, NATTCH(self->id));
	ASSERT_EQ(0, munlockall());
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(nattch, advice_and_msync_return_0)
{
	char *p = self->p;
	struct shm_info info;

	memset(p, 1, SIZE);
	EXPECT_EQ(0, msync(p, SIZE, MS_SYNC));
	EXPECT_EQ(0, msync(p, SIZE, MS_ASYNC));
	/* PREEMPT_RT has no transparent huge pages. */
	if (!access("/sys/kernel/mm/transparent_hugepage", F_OK)) {
		EXPECT_EQ(0, madvise(p, SIZE, MADV_HUGEPAGE));
		EXPECT_EQ(0, madvise(p, SIZE, MADV_NOHUGEPAGE));
	}
	EXPECT_EQ(0, madvise(p, SIZE, MADV_WILLNEED));
	EXPECT_EQ(0, madvise(p, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(all_bytes(p, SIZE, 1));
	EXPECT_EQ(1, NATTCH(self->id));

	EXPECT_EQ(0, madvise(p, SIZE, MADV_REMOVE));
	ASSERT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(0, info.shm_rss);
	EXPECT_EQ(0, madvise(p, SIZE, MADV_POPULATE_WRITE));
	ASSERT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(5, info.shm_rss);
	EXPECT_TRUE(all_bytes(p, SIZE, 0));
}

TEST_F(nattch, advice_on_a_part_splits)
{
	/* MADV_DONTNEED changes pages, MADV_HUGEPAGE the mapping. */
	EXPECT_EQ(0, madvise(self->p + PAGE, PAGE, MADV_DONTNEED));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, madvise(self->p + PAGE, PAGE, MADV_DONTFORK));
	EXPECT_EQ(3, NATTCH(self->id));
	EXPECT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_HARNESS_MAIN
