// SPDX-License-Identifier: GPL-2.0
/* Segments go to swap and come back whole, and SHM_LOCK keeps them from it. */
#include "counters.h"
#include "raw.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define BYTES		(8 * MIB)
#define BYTES_KB	((long)(BYTES / KIB))

FIXTURE(memory_swap) {
	int id;
	char *p;
};

FIXTURE_VARIANT(memory_swap) {
	const struct backend *backend;
	__u32 options;
};

FIXTURE_VARIANT_ADD(memory_swap, sysv) { .backend = &sysv };
FIXTURE_VARIANT_ADD(memory_swap, xshm) { .backend = &xshm };
FIXTURE_VARIANT_ADD(memory_swap, xshm_small) { .backend = &xshm, .options = XSHM_GET_SMALL };

FIXTURE_SETUP(memory_swap)
{
	self->id = -1;
	if (meminfo("SwapFree") < 4 * BYTES_KB)
		SKIP(return, "needs %lu MiB of free swap", 4 * BYTES / MIB);
	USE_BACKEND(variant->backend);
	self->id = variant->options ? RAW_GET(BYTES, 0600, variant->options)
				    : GET(IPC_PRIVATE, BYTES, 0600);
	self->p = ATTACH(self->id, 0);
	for (size_t i = 0; i < BYTES / sizeof(long); i++)
		((long *)self->p)[i] = i * 2654435761UL;
}

FIXTURE_TEARDOWN(memory_swap)
{
	if (self->id >= 0)
		EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

static long first_wrong(const char *p)
{
	for (size_t i = 0; i < BYTES / sizeof(long); i++)
		if (((const long *)p)[i] != (long)(i * 2654435761UL))
			return i;
	return -1;
}

static unsigned long swapped_pages(void)
{
	struct shm_info info = { .shm_swp = 12345 };

	return ctl(0, SHM_INFO, &info) < 0 ? 0 : info.shm_swp;
}

/* Asks for it several times, as a page that is in use somewhere is passed over. */
static void page_out(char *p)
{
	for (int i = 0; i < 20 && swapped_pages() < BYTES / 4096; i++)
		madvise(p, BYTES, MADV_PAGEOUT);
}

TEST_F(memory_swap, out_and_back)
{
	long out = vmstat("pswpout");

	EXPECT_EQ(0, swapped_pages());
	page_out(self->p);
	EXPECT_LE(BYTES / 4096 * 9 / 10, swapped_pages());
	EXPECT_LE(out + (long)(BYTES / 4096 * 9 / 10), vmstat("pswpout"));
	EXPECT_LE(BYTES_KB * 9 / 10, smaps(self->p, "Swap"));
	if (on_xshm()) {
		struct xshm_ds ds = RAW_STAT(self->id);

		EXPECT_EQ(swapped_pages() * 4096, ds.swapped);
		EXPECT_EQ(BYTES, ds.swapped + ds.resident);
		EXPECT_EQ(RAW_USAGE().shm_swp, swapped_pages());
	}
	EXPECT_EQ(-1, first_wrong(self->p));
	if (on_xshm())
		EXPECT_EQ(BYTES, RAW_STAT(self->id).resident);
}

TEST_F(memory_swap, seen_by_another_process)
{
	page_out(self->p);
	IN_CHILD {
		char *q = ATTACH(self->id, SHM_RDONLY);

		EXPECT_EQ(-1, first_wrong(q));
	}
	/* Only what this process has mapped goes out. */
	EXPECT_EQ(-1, first_wrong(self->p));
	page_out(self->p);
	ASSERT_EQ(0, dt(self->p));
	/* Nobody has it mapped. */
	EXPECT_LT(0, swapped_pages());
	self->p = ATTACH(self->id, 0);
	EXPECT_EQ(-1, first_wrong(self->p));
}

TEST_F(memory_swap, swap_is_freed_with_the_segment)
{
	long before = meminfo("SwapFree");

	page_out(self->p);
	EXPECT_GT(before - BYTES_KB / 2, meminfo("SwapFree"));
	ASSERT_EQ(0, dt(self->p));
	/* What is on its way out keeps its place for as long as the kernel likes. */
	for (int i = 0; i < 100 && meminfo("Writeback"); i++)
		usleep(20000);
	REMOVE(self->id);
	EXPECT_EQ(0, swapped_pages());
	/* Some of it may stay for a while in caches of the kernel. */
	for (int i = 0; i < 100 && meminfo("SwapFree") < before - BYTES_KB / 4; i++)
		usleep(20000);
	EXPECT_LE(before - BYTES_KB / 4, meminfo("SwapFree"));
	self->id = -1;
}

TEST_F(memory_swap, locked_segments_stay)
{
	ASSERT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	for (int i = 0; i < 3; i++)
		madvise(self->p, BYTES, MADV_PAGEOUT);
	EXPECT_EQ(0, swapped_pages());
	ASSERT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
	page_out(self->p);
	EXPECT_LE(BYTES / 4096 / 2, swapped_pages());
	/* Locking takes what is out back in sooner or later, and harms nothing. */
	ASSERT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	EXPECT_EQ(-1, first_wrong(self->p));
	madvise(self->p, BYTES, MADV_PAGEOUT);
	EXPECT_EQ(0, swapped_pages());
	ASSERT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
}

/* Huge pages are split on their way out; what is touched anew may be huge again. */
TEST_F(memory_swap, huge_pages_come_back)
{
	if (!on_xshm() || variant->options)
		SKIP(return, "for segments with huge pages");
	if (RAW_STAT(self->id).huge != BYTES)
		SKIP(return, "no huge pages to begin with");
	page_out(self->p);
	EXPECT_GE(BYTES / 10, RAW_STAT(self->id).huge);
	EXPECT_EQ(-1, first_wrong(self->p));
	/* Given back and touched again. */
	ASSERT_EQ(0, madvise(self->p, BYTES, MADV_REMOVE));
	EXPECT_EQ(0, RAW_STAT(self->id).resident);
	EXPECT_EQ(0, RAW_STAT(self->id).swapped);
	touch(self->p, BYTES);
	EXPECT_EQ(BYTES, RAW_STAT(self->id).huge);
}

TEST_HARNESS_MAIN
