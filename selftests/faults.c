// SPDX-License-Identifier: GPL-2.0
/* What touching a segment costs in page faults and page tables. */
#include "counters.h"
#include "raw.h"

#define BIG	(64 * MIB)
#define BIG_KB	65536
/* One for each huge page, and some for the test itself. */
#define FEW	40

FIXTURE(faults) {
	bool thp;
};

FIXTURE_SETUP(faults)
{
	USE_BACKEND(&xshm);
	self->thp = !access("/sys/kernel/mm/transparent_hugepage/shmem_enabled", F_OK);
}

FIXTURE_TEARDOWN(faults)
{
}

#define NEEDS_THP() do {							\
	if (!self->thp)								\
		SKIP(return, "this kernel has no transparent huge pages");	\
} while (0)

/* So that the limits below are seen to mean something on this machine. */
TEST_F(faults, small_pages_of_system_v_for_comparison)
{
	const char *why = unavailable(&sysv);
	char *p;
	int id;

	if (why)
		SKIP(return, "%s", why);
	ipc = &sysv;
	id = GET(IPC_PRIVATE, BIG, 0600);
	p = ATTACH(id, 0);
	EXPECT_LE(BIG / 4096, touch(p, BIG));
	EXPECT_EQ(0, smaps(p, "ShmemPmdMapped"));
	EXPECT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(faults, first_touch)
{
	long faults, peak = 0;
	char *p;
	int id;

	NEEDS_THP();
	id = GET(IPC_PRIVATE, BIG, 0600);
	p = ATTACH(id, 0);
	EXPECT_EQ(0, (uintptr_t)p % HUGE_2M);
	faults = touch(p, BIG);
	EXPECT_GE(FEW, faults);
	EXPECT_EQ(BIG_KB, smaps(p, "ShmemPmdMapped"));
	EXPECT_EQ(BIG_KB, smaps(p, "Rss"));
	EXPECT_EQ(-1, check_touched(p, BIG));
	peak = meminfo("ShmemPmdMapped");
	EXPECT_LE(BIG_KB, peak);
	ASSERT_EQ(0, dt(p));
	/* Attached anew: all is there, and is only mapped. */
	p = ATTACH(id, 0);
	EXPECT_EQ(0, (uintptr_t)p % HUGE_2M);
	faults = look(p, BIG);
	EXPECT_GE(FEW, faults);
	EXPECT_EQ(BIG_KB, smaps(p, "ShmemPmdMapped"));
	EXPECT_EQ(-1, check_touched(p, BIG));
	ASSERT_EQ(0, dt(p));
	p = ATTACH(id, SHM_RDONLY);
	EXPECT_GE(FEW, look(p, BIG));
	EXPECT_EQ(BIG_KB, smaps(p, "ShmemPmdMapped"));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(faults, another_process_and_fork)
{
	char *p;
	int id;

	NEEDS_THP();
	id = GET(KEY, BIG, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	touch(p, BIG);
	IN_CHILD {
		EXPECT_GE(FEW, look(p, BIG));
		EXPECT_EQ(-1, check_touched(p, BIG));
		EXPECT_GE(FEW, touch(p, BIG));
		EXPECT_EQ(BIG_KB, smaps(p, "ShmemPmdMapped"));
	}
	IN_CHILD {
		char *q = ATTACH(GET(KEY, 0, 0), 0);

		EXPECT_GE(FEW, look(q, BIG));
	}
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

/* Faults that it takes to read, through a new mapping, a memfd that is resident. */
static long memfd_faults(size_t size)
{
	int fd = syscall(SYS_memfd_create, "reference", 1 /* MFD_CLOEXEC */);
	long faults;
	char *p;

	if (fd < 0 || ftruncate(fd, size))
		abort();
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touch(p, size);
	munmap(p, size);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	faults = look(p, size);
	munmap(p, size);
	close(fd);
	return faults;
}

static void fault_around(struct __test_metadata *_metadata, int id, size_t size)
{
	long reference = memfd_faults(size), faults;
	char *p = ATTACH(id, 0);

	touch(p, size);
	EXPECT_EQ(0, smaps(p, "ShmemPmdMapped"));
	ASSERT_EQ(0, dt(p));
	p = ATTACH(id, 0);
	faults = look(p, size);
	/* The reference itself maps several pages with each fault. */
	EXPECT_GE(size / 4096 / 8, reference);
	EXPECT_GE(reference + reference / 20, faults) {
		TH_LOG("a memfd took %ld", reference);
	}
	EXPECT_EQ(-1, check_touched(p, size));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
}

TEST_F(faults, fault_around_of_small_pages)
{
	fault_around(_metadata, RAW_GET(32 * MIB, 0600, XSHM_GET_SMALL), 32 * MIB);
}

TEST_F(faults, fault_around_without_reservation)
{
	fault_around(_metadata, GET(IPC_PRIVATE, 32 * MIB, SHM_NORESERVE | 0600), 32 * MIB);
}

TEST_F(faults, fault_around_of_small_segments)
{
	fault_around(_metadata, GET(IPC_PRIVATE, MIB, 0600), MIB);
}

TEST_F(faults, populate_at_attach)
{
	static const __u32 options[] = { 0, XSHM_GET_SMALL };

	for (int i = 0; i < 2; i++) {
		int id = RAW_GET(16 * MIB, 0600, options[i]);
		char *p = RAW_ATTACH(id, 0, XSHM_ATTACH_POPULATE);

		EXPECT_EQ(16 * KIB, smaps(p, "Rss"));
		EXPECT_GE(2, touch(p, 16 * MIB));
		ASSERT_EQ(0, dt(p));
		p = RAW_ATTACH(id, XSHM_RDONLY, XSHM_ATTACH_POPULATE);
		EXPECT_EQ(16 * KIB, smaps(p, "Rss"));
		EXPECT_GE(2, look(p, 16 * MIB));
		EXPECT_EQ(-1, check_touched(p, 16 * MIB));
		EXPECT_EQ(1, STAT(id).shm_nattch);
		ASSERT_EQ(0, dt(p));
		/* And without: the test would see the difference. */
		p = RAW_ATTACH(id, 0, 0);
		EXPECT_EQ(0, smaps(p, "Rss"));
		ASSERT_EQ(0, dt(p));
		REMOVE(id);
	}
}

/* Kilobytes of page tables of what is attached and touched. */
static long page_tables(struct __test_metadata *_metadata, size_t size)
{
	int id = GET(IPC_PRIVATE, size, 0600);
	long before = status_field("VmPTE"), after;
	char *p = ATTACH(id, 0);

	touch(p, size);
	after = status_field("VmPTE");
	EXPECT_EQ(0, dt(p));
	REMOVE(id);
	return after - before;
}

TEST_F_TIMEOUT(faults, page_tables_of_512_mib, 120)
{
	const char *why = unavailable(&sysv);
	/* One page table of 4 kB for each 2 MiB is what small pages need at least. */
	long small = 1024, huge;

	NEEDS_THP();
	if (getenv("XSHM_SLOW"))
		SKIP(return, "clearing 512 MiB takes too long on this kernel");
	if (meminfo("MemAvailable") < 700 * 1024)
		SKIP(return, "needs 700 MiB of free memory");
	if (!why) {
		/* An eighth of it, as these are 16,384 page faults. */
		ipc = &sysv;
		small = 8 * page_tables(_metadata, 64 * MIB);
		EXPECT_LE(1024, small);
	}
	ipc = &xshm;
	huge = page_tables(_metadata, 512 * MIB);
	EXPECT_GE(small / 50, huge) {
		TH_LOG("small pages took %ld kB", small);
	}
}

TEST_HARNESS_MAIN
