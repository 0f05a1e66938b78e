// SPDX-License-Identifier: GPL-2.0
/* SHM_LOCK and SHM_UNLOCK, and whose limit locked segments count against. */
#include "common.h"

#define BAD	((void *)8)

FIXTURE(lock)
{
	int id;
};

BOTH_BACKENDS(lock);

FIXTURE_SETUP(lock)
{
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, 5000, IPC_CREAT | 0640);
}

FIXTURE_TEARDOWN(lock) { }

TEST_F(lock, set_does_not_lock)
{
	struct shmid_ds buf = STAT(self->id);

	ASSERT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	buf.shm_perm.mode = 0600;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	EXPECT_EQ(02600, STAT(self->id).shm_perm.mode);
	ASSERT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
	buf.shm_perm.mode = 03600;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	EXPECT_EQ(0600, STAT(self->id).shm_perm.mode);
}

TEST_F(lock, on_and_off)
{
	struct shmid_ds before = STAT(self->id);

	EXPECT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
	EXPECT_EQ(0640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	EXPECT_EQ(02640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, SHM_LOCK, BAD));
	EXPECT_EQ(02640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, SHM_UNLOCK, BAD));
	EXPECT_EQ(0640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
	EXPECT_SAME_STAT(before, STAT(self->id));
	EXPECT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	REMOVE(self->id);
}

TEST_F(lock, locked_and_removed)
{
	char *p = ATTACH(self->id, 0);

	ASSERT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
	REMOVE(self->id);
	EXPECT_EQ(03640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
	EXPECT_EQ(01640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, dt(p));
}

static void limit_memlock(rlim_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		abort();
}

TEST_F(lock, by_others)
{
	int id = GET(IPC_PRIVATE, 4096, 0666);

	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EPERM, ctl(id, SHM_LOCK, NULL));
		EXPECT_EQ(-EPERM, ctl(id, SHM_UNLOCK, NULL));
		EXPECT_EQ(0666, STAT(id).shm_perm.mode);
	}
}

TEST_F(lock, with_a_limit_of_0)
{
	IN_CHILD {
		int id;

		limit_memlock(0);
		/* Root is not limited. */
		EXPECT_EQ(0, ctl(self->id, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(self->id, SHM_UNLOCK, NULL));
		become(USER, GROUP);
		id = GET(IPC_PRIVATE, 4096, 0600);
		EXPECT_EQ(-EPERM, ctl(id, SHM_LOCK, NULL));
		EXPECT_EQ(0600, STAT(id).shm_perm.mode);
		EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	}
}

TEST_F(lock, over_the_limit)
{
	IN_CHILD {
		int big, small;

		limit_memlock(64 << 10);
		become(USER, GROUP);
		big = GET(IPC_PRIVATE, 68 << 10, 0600);
		small = GET(IPC_PRIVATE, 64 << 10, 0600);
		EXPECT_EQ(-ENOMEM, ctl(big, SHM_LOCK, NULL));
		EXPECT_EQ(0600, STAT(big).shm_perm.mode);
		EXPECT_EQ(0, ctl(small, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(small, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(small, SHM_UNLOCK, NULL));
	}
}

TEST_F(lock, account_is_returned)
{
	IN_CHILD {
		int a, b, c;
		char *p;

		limit_memlock(64 << 10);
		become(USER, GROUP);
		a = GET(IPC_PRIVATE, 40 << 10, 0600);
		b = GET(IPC_PRIVATE, 40 << 10, 0600);
		c = GET(IPC_PRIVATE, 24 << 10, 0600);
		EXPECT_EQ(0, ctl(a, SHM_LOCK, NULL));
		EXPECT_EQ(-ENOMEM, ctl(b, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(c, SHM_LOCK, NULL));

		/* By unlocking. */
		EXPECT_EQ(0, ctl(a, SHM_UNLOCK, NULL));
		EXPECT_EQ(0, ctl(b, SHM_LOCK, NULL));
		EXPECT_EQ(-ENOMEM, ctl(a, SHM_LOCK, NULL));

		/* By destruction. */
		REMOVE(b);
		EXPECT_EQ(0, ctl(a, SHM_LOCK, NULL));

		/* By the last detach of a removed segment, not before. */
		p = ATTACH(a, 0);
		b = GET(IPC_PRIVATE, 40 << 10, 0600);
		REMOVE(a);
		EXPECT_EQ(-ENOMEM, ctl(b, SHM_LOCK, NULL));
		ASSERT_EQ(0, dt(p));
		EXPECT_EQ(0, ctl(b, SHM_LOCK, NULL));
		/* The account is the user's: the namespace may end too late for other tests. */
		REMOVE(b);
		REMOVE(c);
	}
}

TEST_F(lock, account_survives_an_owner_change)
{
	int id;

	IN_CHILD {
		struct shmid_ds buf;

		limit_memlock(64 << 10);
		become(USER, GROUP);
		id = GET(KEY + 1, 64 << 10, IPC_CREAT | 0600);
		ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
		buf = STAT(id);
		buf.shm_perm.uid = OTHER;
		ASSERT_EQ(0, ctl(id, IPC_SET, &buf));
	}
	id = GET(KEY + 1, 0, 0);
	AS_USER(OTHER, OTHER) {
		EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	}
	EXPECT_EQ(0600, STAT(id).shm_perm.mode);
	REMOVE(id);
	/* The first user has all of the limit again. */
	IN_CHILD {
		limit_memlock(64 << 10);
		become(USER, GROUP);
		id = GET(IPC_PRIVATE, 64 << 10, 0600);
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
		REMOVE(id);
	}
}

TEST_F(lock, mlock_is_another_account)
{
	IN_CHILD {
		int id;

		limit_memlock(64 << 10);
		become(USER, GROUP);
		id = GET(IPC_PRIVATE, 64 << 10, 0600);
		/* That of the process: the two are not added up. */
		ASSERT_EQ(0, mlock(ATTACH(id, 0), 64 << 10));
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
		REMOVE(id);
	}
}

TEST_F(lock, locked_pages_are_unevictable)
{
	int id = GET(IPC_PRIVATE, 4 << 20, 0600);
	char *p = ATTACH(id, 0);
	struct shm_info info;

	memset(p, 3, 4 << 20);
	ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
	/* Reclaim is refused and the contents stay. */
	ASSERT_EQ(0, madvise(p, 4 << 20, MADV_PAGEOUT));
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(1024, info.shm_rss);
	EXPECT_EQ(0, info.shm_swp);
	ASSERT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	EXPECT_TRUE(all_bytes(p, 4 << 20, 3));
}

TEST_HARNESS_MAIN
