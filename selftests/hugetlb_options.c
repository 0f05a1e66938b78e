// SPDX-License-Identifier: GPL-2.0
/* Options of xshm for pages of the pool, and what its extended stat says of them. */
#include <signal.h>
#include <sys/time.h>

#include "counters.h"
#include "raw.h"

#define POOL	8

FIXTURE(hugetlb_options) {
	long before;
};

FIXTURE_SETUP(hugetlb_options)
{
	self->before = -1;
	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK))
		SKIP(return, "this machine has no huge pages of 2 MB");
	USE_BACKEND(&xshm);
	self->before = pool_of(HUGE_2M).total;
	if (set_pool(HUGE_2M, POOL) != POOL)
		SKIP(return, "the pool can't be filled with %d pages of 2 MB", POOL);
}

FIXTURE_TEARDOWN(hugetlb_options)
{
	if (self->before < 0)
		return;
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	set_pool(HUGE_2M, self->before);
}

TEST_F(hugetlb_options, stat)
{
	int id = RAW_GET(3 * HUGE_2M - 5, SHM_HUGETLB | 0600, 0);
	struct xshm_ds ds = RAW_STAT(id);
	char *p;

	EXPECT_EQ(HUGE_2M, ds.page_size);
	EXPECT_EQ(XSHM_ATTR_HUGETLB, ds.attributes);
	EXPECT_EQ(0, ds.resident);
	EXPECT_EQ(0, ds.huge);
	EXPECT_EQ(0, ds.locked);
	p = RAW_ATTACH(id, 0, 0);
	p[0] = p[HUGE_2M] = 1;
	ds = RAW_STAT(id);
	EXPECT_EQ(2 * HUGE_2M, ds.resident);
	EXPECT_EQ(2 * HUGE_2M, ds.huge);
	EXPECT_EQ(0, ds.swapped);
	EXPECT_EQ(2 * HUGE_2M, RAW_USAGE().huge);
	EXPECT_EQ(2 * HUGE_2M / 4096, RAW_USAGE().shm_rss);
	EXPECT_EQ(3 * HUGE_2M / 4096, RAW_USAGE().shm_tot);
	ASSERT_EQ(0, raw_detach(p));
	ASSERT_EQ(0, raw_remove(id));
	EXPECT_EQ(0, RAW_USAGE().shm_tot);
	EXPECT_EQ(0, RAW_USAGE().huge);
}

TEST_F(hugetlb_options, try_where_there_are_pages)
{
	int id = RAW_GET(4 * HUGE_2M, 0600, XSHM_GET_TRY_HUGETLB);
	struct xshm_ds ds = RAW_STAT(id);

	EXPECT_EQ(HUGE_2M, ds.page_size);
	EXPECT_EQ(XSHM_ATTR_HUGETLB, ds.attributes & XSHM_ATTR_HUGETLB);
	EXPECT_EQ(4, pool_of(HUGE_2M).reserved);
	ASSERT_EQ(0, raw_remove(id));
	id = RAW_GET(4 * HUGE_2M, 21 << 26 | 0600, XSHM_GET_TRY_HUGETLB);
	EXPECT_EQ(HUGE_2M, RAW_STAT(id).page_size);
	ASSERT_EQ(0, raw_remove(id));
}

#define EXPECT_ORDINARY(id) do {						\
	int ordinary_ = (id);							\
	struct xshm_ds ds_ = RAW_STAT(ordinary_);				\
	char *p_ = RAW_ATTACH(ordinary_, 0, 0);					\
										\
	EXPECT_EQ(4096, ds_.page_size);						\
	EXPECT_EQ(0, ds_.attributes & XSHM_ATTR_HUGETLB);			\
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);					\
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);				\
	/* With transparent huge pages, where the kernel has them. */		\
	touch(p_, 4 * HUGE_2M);							\
	if (!access("/sys/kernel/mm/transparent_hugepage", F_OK))		\
		EXPECT_EQ(4 * HUGE_2M, RAW_STAT(ordinary_).huge);		\
	ASSERT_EQ(0, raw_detach(p_));						\
	ASSERT_EQ(0, raw_remove(ordinary_));					\
} while (0)

TEST_F(hugetlb_options, try_where_there_are_too_few)
{
	EXPECT_ORDINARY(RAW_GET((POOL + 1) * HUGE_2M, 0600, XSHM_GET_TRY_HUGETLB));
	/* The policy does not matter, as it is asked for. */
	ASSERT_EQ(0, write_text("/proc/sys/xshm/huge", "never"));
	EXPECT_ORDINARY(RAW_GET((POOL + 1) * HUGE_2M, 0600, XSHM_GET_TRY_HUGETLB));
}

TEST_F(hugetlb_options, try_without_the_right)
{
	AS_USER(USER, GROUP) {
		EXPECT_ORDINARY(RAW_GET(4 * HUGE_2M, 0600, XSHM_GET_TRY_HUGETLB));
	}
}

TEST_F(hugetlb_options, try_a_size_that_the_machine_lacks)
{
	int id = raw_get(IPC_PRIVATE, 4 * HUGE_2M, 16 << 26 | 0600, XSHM_GET_TRY_HUGETLB);

	/* Refused, or an ordinary segment: never another page size than asked for. */
	if (id < 0) {
		EXPECT_EQ(-EINVAL, id);
		EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	} else {
		EXPECT_ORDINARY(id);
	}
}

TEST_F(hugetlb_options, populate)
{
	int id = RAW_GET(4 * HUGE_2M - 1, SHM_HUGETLB | 0600, XSHM_GET_POPULATE);
	char *p;

	EXPECT_EQ(POOL - 4, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	EXPECT_EQ(4 * HUGE_2M, RAW_STAT(id).resident);
	EXPECT_EQ(0, RAW_STAT(id).nattch);
	p = RAW_ATTACH(id, 0, XSHM_ATTACH_POPULATE);
	EXPECT_EQ(0, look(p, 4 * HUGE_2M));
	EXPECT_TRUE(all_bytes(p, 4 * HUGE_2M, 0));
	ASSERT_EQ(0, raw_detach(p));
	ASSERT_EQ(0, raw_remove(id));
	/* Without reservation, and more than there is: nothing is left of it. */
	EXPECT_EQ(-ENOMEM, raw_get(IPC_PRIVATE, (POOL + 1) * HUGE_2M,
				   SHM_HUGETLB | SHM_NORESERVE | 0600, XSHM_GET_POPULATE));
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, RAW_USAGE().used_ids);
	EXPECT_EQ(0, RAW_USAGE().shm_tot);
}

static void on_alarm(int signal)
{
}

/* Signals that a program handles are no reason to fail. */
TEST_F(hugetlb_options, populate_among_signals)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { };

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 5; i++) {
		int id = raw_get(IPC_PRIVATE, POOL * HUGE_2M, SHM_HUGETLB | 0600,
				 XSHM_GET_POPULATE);

		EXPECT_LE(0, id);
		if (id >= 0)
			EXPECT_EQ(0, raw_remove(id));
	}
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
}

TEST_F(hugetlb_options, attach_populates)
{
	int id = RAW_GET(4 * HUGE_2M, SHM_HUGETLB | 0600, 0);
	char *p = RAW_ATTACH(id, 0, XSHM_ATTACH_POPULATE);

	EXPECT_EQ(POOL - 4, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, touch(p, 4 * HUGE_2M));
	ASSERT_EQ(0, raw_detach(p));
	ASSERT_EQ(0, raw_remove(id));
}

TEST_HARNESS_MAIN
