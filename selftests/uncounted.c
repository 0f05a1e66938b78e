// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a segment is never in an address space uncounted: not while the segment is
 * made, when other threads take what they find at the address where it would be, and
 * not unevictable once the segment is gone. As an ordinary user.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "counters.h"
#include "raw.h"

#define POOL		2
#define THIEVES		3
#define SEGMENTS	200
#define SLOTS		16	/* what a thief can keep */

/* How the segments are made, and what a thief does. */
struct theft {
	size_t bytes;		/* of a segment */
	size_t mapped;		/* what may be mapped of it for a moment */
	uint32_t flags;
	bool copy;		/* else move */
};

FIXTURE(uncounted) {
	long pool;
};

FIXTURE_VARIANT(uncounted) {
	struct theft theft;
};

FIXTURE_VARIANT_ADD(uncounted, noreserve_copied) {
	.theft = { .bytes = 7 * MIB, .mapped = 4096, .flags = SHM_NORESERVE, .copy = true },
};

FIXTURE_VARIANT_ADD(uncounted, noreserve_moved) {
	.theft = { .bytes = 7 * MIB, .mapped = 4096, .flags = SHM_NORESERVE },
};

FIXTURE_VARIANT_ADD(uncounted, hugetlb_moved) {
	.theft = { .bytes = HUGE_2M, .mapped = HUGE_2M, .flags = SHM_HUGETLB },
};

FIXTURE_SETUP(uncounted)
{
	self->pool = -1;
	USE_BACKEND(&xshm);
	if (!(variant->theft.flags & SHM_HUGETLB))
		return;
	self->pool = pool_of(HUGE_2M).total;
	if (set_pool(HUGE_2M, POOL) < POOL)
		SKIP(return, "no huge pages of 2 MB can be had");
	ASSERT_EQ(0, set_sysctl("hugetlb_shm_group", GROUP));
}

FIXTURE_TEARDOWN(uncounted)
{
	if (self->pool < 0)
		return;
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	set_sysctl("hugetlb_shm_group", 0);
	set_pool(HUGE_2M, self->pool);
}

/* A thread that takes what appears at an address. */
struct thief {
	pthread_t thread;
	const struct theft *theft;
	char *from, *to;	/* @to: SLOTS places that nothing is at */
	int taken;
	unsigned long tries;
};

static atomic_bool start, stop;

static void *steal(void *arg)
{
	struct thief *t = arg;
	size_t size = t->theft->mapped;

	while (!atomic_load(&start))
		sched_yield();
	for (; !atomic_load(&stop) && t->taken < SLOTS; t->tries++) {
		char *to = t->to + t->taken * size;

		if (mremap(t->from, t->theft->copy ? 0 : size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
			t->taken++;
	}
	return NULL;
}

/* Where the kernel puts a mapping of that size now: it looks for a place from above. */
static char *next_place(const struct theft *theft)
{
	int id = raw_get(IPC_PRIVATE, theft->mapped, theft->flags | 0600, 0);
	long p = raw_attach(id, NULL, 0, 0);

	if (id < 0 || p <= 0 || raw_detach((void *)p) || raw_remove(id))
		abort();
	return (char *)p;
}

static void report(struct __test_metadata *_metadata, struct thief *t)
{
	struct map_line map;

	if (!find_map(t->to, &map))
		return;
	TH_LOG("%lx-%lx %s %s, writable: %d", map.start, map.end, map.prot, map.name,
	       !mprotect(t->to, pages(1), PROT_READ | PROT_WRITE));
}

TEST_F_TIMEOUT(uncounted, while_it_is_made, 120)
{
	const struct theft *theft = &variant->theft;
	long unevictable = meminfo("Unevictable");

	AS_USER(USER, GROUP) {
		struct rlimit limit = { 8 * MIB, 8 * MIB };
		unsigned long tries = 0;
		struct thief thief[THIEVES] = {};
		int taken = 0;
		char *place;

		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
		for (int i = 0; i < THIEVES; i++) {
			thief[i].theft = theft;
			ASSERT_EQ(0, pthread_create(&thief[i].thread, NULL, steal, &thief[i]));
		}
		place = next_place(theft);
		for (int i = 0; i < THIEVES; i++) {
			thief[i].from = place;
			thief[i].to = place - (i + 1) * GIB;
		}
		atomic_store(&start, true);
		for (int i = 0; i < SEGMENTS && !taken; i++) {
			int id = RAW_GET(theft->bytes, theft->flags | 0600, 0);

			for (int k = 0; k < THIEVES; k++)
				taken += thief[k].taken;
			EXPECT_EQ(0, RAW_STAT(id).nattch);
			/* What was taken would be locked beyond the end of the segment. */
			if (taken && !(theft->flags & SHM_HUGETLB)) {
				ASSERT_EQ(0, raw_control(XSHM_IOC_LOCK, id, NULL, 0));
				/* Away from where the thieves look. */
				char *p = (char *)raw_attach(id, place - 8 * GIB, 0, 0);

				ASSERT_EQ(place - 8 * GIB, p);
				touch(p, theft->bytes);
				ASSERT_EQ(0, raw_detach(p));
			}
			ASSERT_EQ(0, raw_remove(id));
		}
		atomic_store(&stop, true);
		for (int i = 0; i < THIEVES; i++) {
			ASSERT_EQ(0, pthread_join(thief[i].thread, NULL));
			tries += thief[i].tries;
			EXPECT_EQ(0, thief[i].taken);
			report(_metadata, &thief[i]);
		}
		/* They were at it. */
		EXPECT_LT(SEGMENTS, tries);
		EXPECT_LE(meminfo_falls_to("Unevictable", unevictable + SLACK_KB, 5),
			  unevictable + SLACK_KB);
	}
}

/* A path to the inode of an attach, which root can have of its own. */
static int path_of_map(const void *p, size_t size)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)p,
		 (long)p + (long)size);
	return open(path, O_PATH | O_CLOEXEC);
}

FIXTURE(unevictable) {
};

FIXTURE_SETUP(unevictable)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(unevictable)
{
}

/* Whoever still has the inode: nobody pays for what is locked. */
TEST_F(unevictable, ends_with_the_segment)
{
	long before = meminfo("Unevictable");
	size_t size = 16 * MIB;
	int id = RAW_GET(size, 0600, XSHM_GET_SMALL), fd;
	char *p = RAW_ATTACH(id, 0, 0);

	/* The pages come to the list when they are new. */
	ASSERT_EQ(0, raw_control(XSHM_IOC_LOCK, id, NULL, 0));
	touch(p, size);
	EXPECT_LE(before + (long)(size / KIB) - SLACK_KB, meminfo("Unevictable"));
	fd = path_of_map(p, size);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_remove(id));
	ASSERT_EQ(0, raw_detach(p));
	EXPECT_LE(meminfo_falls_to("Unevictable", before + SLACK_KB, 5), before + SLACK_KB);
	close(fd);
	EXPECT_LE(meminfo_falls_to("Unevictable", before + SLACK_KB, 5), before + SLACK_KB);
}

TEST_HARNESS_MAIN
