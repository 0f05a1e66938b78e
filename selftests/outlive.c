// SPDX-License-Identifier: GPL-2.0
/*
 * What outlives a segment and the module: the inode of a segment's memory, by O_PATH.
 * It can't be opened as long as the segment lives, and is its filesystem's own then.
 * Unloads the module, so only where its file is known: see module.h.
 */
#include "counters.h"
#include "module.h"
#include "raw.h"

#define POOL	2

FIXTURE(outlive) {
	long pool;
	int module;
};

FIXTURE_VARIANT(outlive) {
	size_t bytes;
	uint32_t flags, options;
};

FIXTURE_VARIANT_ADD(outlive, small) { .bytes = 5000, .options = XSHM_GET_SMALL };
FIXTURE_VARIANT_ADD(outlive, thp) { .bytes = HUGE_2M, .options = XSHM_GET_HUGE };
FIXTURE_VARIANT_ADD(outlive, hugetlb) { .bytes = HUGE_2M, .flags = SHM_HUGETLB };

FIXTURE_SETUP(outlive)
{
	self->pool = -1;
	self->module = -1;
	USE_BACKEND(&xshm);
	self->module = open_module();
	if (!(variant->flags & SHM_HUGETLB))
		return;
	self->pool = pool_of(HUGE_2M).total;
	if (set_pool(HUGE_2M, POOL) < POOL)
		SKIP(return, "no huge pages of 2 MB can be had");
}

FIXTURE_TEARDOWN(outlive)
{
	if (self->pool < 0)
		return;
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	set_pool(HUGE_2M, self->pool);
}

/* The link to what is mapped there. */
static const char *map_file(const void *p)
{
	static char path[96];
	struct map_line map;

	if (!find_map(p, &map))
		abort();
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", map.start, map.end);
	return path;
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC };

TEST_F(outlive, not_opened_while_it_lives)
{
	int id = RAW_GET(variant->bytes, variant->flags | 0600, variant->options);
	char *rw = RAW_ATTACH(id, 0, 0), *ro = RAW_ATTACH(id, SHM_RDONLY, 0);

	rw[1] = 'x';
	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		EXPECT_EQ(-ENXIO, try_open(map_file(rw), modes[i]));
		EXPECT_EQ(-ENXIO, try_open(map_file(ro), modes[i]));
	}
	/* Marked and still mapped, it lives. */
	ASSERT_EQ(0, raw_remove(id));
	EXPECT_EQ(-ENXIO, try_open(map_file(rw), O_RDWR));
	EXPECT_EQ('x', ro[1]);
	ASSERT_EQ(0, raw_detach(rw));
	EXPECT_EQ(-ENXIO, try_open(map_file(ro), O_RDONLY));
	ASSERT_EQ(0, raw_detach(ro));
}

TEST_F(outlive, the_module)
{
	char path[2][32];
	int id, fd[2];
	char *rw, *ro;

	if (self->module < 0)
		SKIP(return, "XSHM_KO does not say where xshm.ko is");
	id = RAW_GET(variant->bytes, variant->flags | 0600, variant->options);
	rw = RAW_ATTACH(id, 0, 0);
	ro = RAW_ATTACH(id, SHM_RDONLY, 0);
	rw[1] = 'x';
	fd[0] = open(map_file(rw), O_PATH | O_CLOEXEC);
	fd[1] = open(map_file(ro), O_PATH | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		ASSERT_LE(0, fd[i]);
		snprintf(path[i], sizeof(path[i]), "/proc/self/fd/%d", fd[i]);
	}
	ASSERT_EQ(0, raw_detach(rw));
	ASSERT_EQ(0, raw_detach(ro));
	ASSERT_EQ(0, raw_remove(id));
	close(device());
	/* Whether the open works is its filesystem's to say now; that nobody oopses counts, too. */
	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (int k = 0; k < 2; k++)
			EXPECT_NE(-ENXIO, try_open(path[k], modes[i]));
	ASSERT_EQ(0, unload_soon());
	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (int k = 0; k < 2; k++)
			EXPECT_NE(-ENXIO, try_open(path[k], modes[i]));
	for (int k = 0; k < 2; k++)
		close(fd[k]);
	ASSERT_EQ(0, load(self->module));
	int again = open("/dev/xshm", O_RDWR | O_CLOEXEC);

	EXPECT_LE(0, again);
	close(again);
}

/* Nor is it private any more, which keeps hugetlbfs from reserving pages for a mapping. */
TEST_F(outlive, its_pages_are_reserved)
{
	int id, fd[2];
	char path[32];
	char *p;

	if (!(variant->flags & SHM_HUGETLB))
		SKIP(return, "only those of the pool are");
	id = RAW_GET(variant->bytes, variant->flags | SHM_NORESERVE | 0600, variant->options);
	p = RAW_ATTACH(id, 0, 0);
	fd[0] = open(map_file(p), O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd[0]);
	ASSERT_EQ(0, raw_detach(p));
	ASSERT_EQ(0, raw_remove(id));
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	fd[1] = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd[1]);
	p = mmap(NULL, HUGE_2M, PROT_READ | PROT_WRITE, MAP_SHARED, fd[1], 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(1, pool_of(HUGE_2M).reserved);
	ASSERT_EQ(0, munmap(p, HUGE_2M));
	for (int i = 0; i < 2; i++)
		close(fd[i]);
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
}

TEST_HARNESS_MAIN
