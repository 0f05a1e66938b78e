// SPDX-License-Identifier: GPL-2.0
/* shmdt: what it takes for an attach, and what it leaves alone. */
#include "common.h"
#include "differences.h"

FIXTURE(detach) { };

BOTH_BACKENDS(detach);

FIXTURE_SETUP(detach)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(detach) { }

#define KERNEL_ADDRESS	((void *)0xffff800000000000)

TEST_F(detach, of_what_is_no_attach)
{
	int id = GET(IPC_PRIVATE, 3 * 4096, 0600);
	char *p = free_range(5 * 4096) + 4096;
	char *other = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ((long)p, at(id, p, 0));
	EXPECT_EQ(-EINVAL, dt(p + 1));
	/* Less than a page before it, with nothing in between. */
	EXPECT_EQ(-EINVAL, dt(p - 1));
	EXPECT_EQ(-EINVAL, dt(p + 4096));
	EXPECT_EQ(-EINVAL, dt(p - 4096));
	EXPECT_EQ(-EINVAL, dt(other));
	EXPECT_EQ(-EINVAL, dt(NULL));
	EXPECT_EQ(-EINVAL, dt((void *)dt));
	EXPECT_EQ(-EINVAL, dt(KERNEL_ADDRESS));
	EXPECT_EQ(-EINVAL, dt((void *)-4096L));
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_TRUE(is_mapped(p));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-EINVAL, dt(p));
	EXPECT_TRUE(is_mapped(other));
}

TEST_F(detach, spares_other_segments_in_its_range)
{
	int a = GET(IPC_PRIVATE, 3 * 4096, 0600);
	int b = GET(IPC_PRIVATE, 3 * 4096, 0600);
	char *p = ATTACH(a, 0);
	char *q = ATTACH(b, 0);

	/* The middle page of b takes the place of the middle page of a. */
	q[4096] = 77;
	ASSERT_EQ(p + 4096, mremap(q + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
				   p + 4096));
	EXPECT_EQ(2, NATTCH(a));
	EXPECT_EQ(3, NATTCH(b));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(0, NATTCH(a));
	EXPECT_EQ(3, NATTCH(b));
	EXPECT_EQ(77, p[4096]);
	EXPECT_EQ(0, dt(q));
	EXPECT_EQ(1, NATTCH(b));
}

TEST_F(detach, spares_other_attaches_in_its_range)
{
	int id = GET(IPC_PRIVATE, 3 * 4096, 0600);
	char *p = ATTACH(id, 0);
	char *q = ATTACH(id, 0);

	ASSERT_EQ(p + 4096, mremap(q + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
				   p + 4096));
	/* 6.1 does not merge them, later kernels do. */
	EXPECT_LE(DIFFERS(SHARED_MAPPING_FILE, 5, 4), NATTCH(id));
	EXPECT_GE(5, NATTCH(id));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(DIFFERS(SHARED_MAPPING_FILE, true, false), is_mapped(p + 4096));
	EXPECT_EQ(DIFFERS(SHARED_MAPPING_FILE, 3, 2), NATTCH(id));
	EXPECT_EQ(0, dt(q));
	EXPECT_EQ(DIFFERS(SHARED_MAPPING_FILE, 1, 0), NATTCH(id));
}

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

/* Since 6.10, for 64-bit kernels. */
static bool can_seal(void)
{
	return !syscall(SYS_mseal, NULL, 0, 0) || errno != ENOSYS;
}

/* What can't be unmapped stays, and nobody is told. */
TEST_F(detach, sealed_attach)
{
	int id = GET(IPC_PRIVATE, 2 * 4096, 0600);

	if (!can_seal())
		SKIP(return, "this kernel has no mseal(2)");
	IN_CHILD {
		char *p = ATTACH(id, 0);
		struct map_line map;

		*p = 7;
		ASSERT_EQ(0, syscall(SYS_mseal, p, 2 * 4096, 0));
		ASSERT_EQ(-1, munmap(p, 2 * 4096));
		ASSERT_EQ(EPERM, errno);
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(0, dt(p));
			ASSERT_TRUE(find_map(p, &map));
			EXPECT_EQ((unsigned long)p + 2 * 4096, map.end);
			EXPECT_EQ(7, *p);
			EXPECT_EQ(1, NATTCH(id));
		}
	}
	EXPECT_EQ(0, NATTCH(id));
}

/* A part that can: it goes. */
TEST_F(detach, sealed_part)
{
	int id = GET(IPC_PRIVATE, 3 * 4096, 0600);

	if (!can_seal())
		SKIP(return, "this kernel has no mseal(2)");
	IN_CHILD {
		char *p = ATTACH(id, 0);

		ASSERT_EQ(0, syscall(SYS_mseal, p + 4096, 4096, 0));
		EXPECT_EQ(3, NATTCH(id));
		EXPECT_EQ(0, dt(p));
		EXPECT_FALSE(is_mapped(p));
		EXPECT_TRUE(is_mapped(p + 4096));
		EXPECT_FALSE(is_mapped(p + 2 * 4096));
		EXPECT_EQ(1, NATTCH(id));
	}
	EXPECT_EQ(0, NATTCH(id));
}

TEST_HARNESS_MAIN
