// SPDX-License-Identifier: GPL-2.0
/* Sizes, ids and addresses that make arithmetic overflow: answered as System V does. */
#include <limits.h>

#include "common.h"

FIXTURE(absurd) {
	int id;
};

BOTH_BACKENDS(absurd);

FIXTURE_SETUP(absurd)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	/* The same id with either, whatever was there before. */
	ASSERT_EQ(0, set_sysctl("shm_next_id", 0));
	self->id = GET(KEY, 8192, IPC_CREAT | 0600);
}

FIXTURE_TEARDOWN(absurd)
{
	struct shmid_ds ds;

	if (self->id < 0)
		return;
	memset(&ds, POISON, sizeof(ds));
	EXPECT_EQ(0, ctl(self->id, IPC_STAT, &ds));
	EXPECT_EQ(8192, ds.shm_segsz);
	EXPECT_EQ(0, ds.shm_nattch);
	EXPECT_EQ(0600, ds.shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

/*
 * What is said to each absurd request is what the kernel's own calls say, which have the
 * same segment.
 */
static int oracle_segment(void)
{
	const struct backend *own = ipc;
	int id;

	ipc = &sysv;
	if (own != ipc) {
		if (in_initial() && !begin_in_initial(ipc))
			abort();
		set_sysctl("shm_next_id", 0);
	}
	id = get(KEY, 8192, IPC_CREAT | 0600);
	ipc = own;
	return id;
}

#define EXPECT_SAME(call, what, ...) do {					\
	const struct backend *own_ = ipc;					\
	int seen_ = call, expected_;						\
										\
	ipc = &sysv;								\
	expected_ = call;							\
	ipc = own_;								\
	EXPECT_EQ(expected_ < 0 ? expected_ : 0, seen_ < 0 ? seen_ : 0) {	\
		TH_LOG(what, ##__VA_ARGS__);					\
	}									\
} while (0)

static int get_and_remove(size_t size, int flags)
{
	int id = get(IPC_PRIVATE, size, flags);

	if (id >= 0 && ctl(id, IPC_RMID, NULL))
		return -1000;
	return id;
}

TEST_F(absurd, absurd_sizes)
{
	static const size_t sizes[] = {
		0, SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX - (1 << 24),
		SIZE_MAX - (1 << 24) - 1, SIZE_MAX - (1 << 24) + 1, LONG_MAX, LONG_MAX - 4095,
		LONG_MAX - 4096, 1UL << 63, (1UL << 63) + 1, 1UL << 62, (1UL << 62) - 1,
		1UL << 52, 1UL << 47, 1UL << 46, (1UL << 44) + 1,
	};
	static const int flags[] = { 0600, SHM_NORESERVE | 0600, IPC_CREAT | 0600 };

	if (unavailable(&sysv))
		SKIP(return, "%s", unavailable(&sysv));
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned int k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			EXPECT_SAME(get_and_remove(sizes[i], flags[k]),
				    "size 0x%zx, flags 0%o", sizes[i], flags[k]);
		}
	}
	struct shm_info info;

	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(1, info.used_ids);
	EXPECT_EQ(2, info.shm_tot);
}

/* The sum over all segments doesn't wrap round the limit. */
TEST_F(absurd, sum_of_absurd_sizes)
{
	struct shm_info info;
	int ids[8];

	ASSERT_EQ(0, set_sysctl("shmall", 1UL << 52));
	for (int i = 0; i < 8; i++)
		ids[i] = get(IPC_PRIVATE, 1UL << 62, SHM_NORESERVE | 0600);
	/* Of 2^50 pages each, with the two that exist: three fit. */
	for (int i = 0; i < 8; i++) {
		if (i < 3) {
			EXPECT_LE(0, ids[i]);
		} else {
			EXPECT_EQ(-ENOSPC, ids[i]);
		}
	}
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ((3UL << 50) + 2, info.shm_tot);
	for (int i = 0; i < 3; i++)
		REMOVE(ids[i]);
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(2, info.shm_tot);
}

TEST_F(absurd, absurd_ids_and_indexes)
{
	static const int ids[] = { -1, INT_MIN, INT_MAX, 0x7fff, 0x8000, 0x10000, 1 << 24,
				   1 << 30, -32768 };
	static const int commands[] = { IPC_STAT, SHM_STAT, SHM_STAT_ANY, IPC_RMID, SHM_LOCK,
					SHM_UNLOCK, -1, INT_MIN, INT_MAX, 99, 4, 5, 10, 16 };
	struct shmid_ds ds;

	if (unavailable(&sysv))
		SKIP(return, "%s", unavailable(&sysv));
	ASSERT_EQ(self->id, oracle_segment());
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		EXPECT_SAME(at(ids[i], NULL, 0), "id %d", ids[i]);
		for (unsigned int k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
			EXPECT_SAME(ctl(ids[i], commands[k], &ds), "id %d, command %d", ids[i],
				    commands[k]);
		}
	}
}

static int attach_at(uintptr_t address, int flags)
{
	int id = get(IPC_PRIVATE, 8192, 0600);
	long p = at(id, (void *)address, flags);

	if (p > 0)
		dt((void *)p);
	ctl(id, IPC_RMID, NULL);
	return p < 0 && p > -4096 ? p : 0;
}

TEST_F(absurd, absurd_addresses)
{
	static const uintptr_t addresses[] = {
		1, 4095, 1UL << 47, (1UL << 47) - 4096, (1UL << 47) - 8192, (1UL << 47) - 12288,
		1UL << 63, -4096UL, -8192UL, -12288UL, -1UL, 0xffffffff81000000UL, LONG_MAX,
		(1UL << 56) - 4096,
	};
	static const int flags[] = { 0, SHM_RND, SHM_REMAP, SHM_RND | SHM_REMAP, SHM_RDONLY };

	if (unavailable(&sysv))
		SKIP(return, "%s", unavailable(&sysv));
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		for (unsigned int k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			EXPECT_SAME(attach_at(addresses[i], flags[k]), "address 0x%lx, flags 0%o",
				    addresses[i], flags[k]);
		}
	}
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		EXPECT_EQ(-EINVAL, dt((void *)addresses[i]));
}

TEST_HARNESS_MAIN
