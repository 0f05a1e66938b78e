// SPDX-License-Identifier: GPL-2.0
/* Limits against one user: segments and bytes of xshm, and RLIMIT_MEMLOCK for SHM_LOCK. */
#include "counters.h"
#include "raw.h"

#define SEGMENTS	"/proc/sys/xshm/user_segments"
#define TOTAL		"/proc/sys/xshm/user_bytes"

FIXTURE(limits_user) {
	int unused;
};

FIXTURE_SETUP(limits_user)
{
	USE_BACKEND(&xshm);
	EXPECT_EQ(0, read_number(SEGMENTS));
	EXPECT_EQ(0, read_number(TOTAL));
}

FIXTURE_TEARDOWN(limits_user)
{
}

TEST_F(limits_user, segments)
{
	ASSERT_EQ(0, write_number(SEGMENTS, 3));
	AS_USER(USER, GROUP) {
		int ids[3];

		for (int i = 0; i < 3; i++)
			ids[i] = GET(KEY + i, 100, IPC_CREAT | 0666);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
		EXPECT_EQ(-ENOSPC, get(KEY + 3, 100, IPC_CREAT | 0600));
		/* Finding one is not making one. */
		EXPECT_EQ(ids[1], get(KEY + 1, 0, 0));
		EXPECT_EQ(ids[1], get(KEY + 1, 50, IPC_CREAT | 0600));
		REMOVE(ids[1]);
		ids[1] = GET(IPC_PRIVATE, 100, 0600);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
	}
	/* Others have limits of their own. */
	AS_USER(USER + 1, GROUP) {
		for (int i = 0; i < 3; i++)
			GET(IPC_PRIVATE, 100, 0600);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
	}
	EXPECT_EQ(6, RAW_USAGE().used_ids);
	ASSERT_EQ(0, write_number(SEGMENTS, 0));
	AS_USER(USER, GROUP) {
		GET(IPC_PRIVATE, 100, 0600);
	}
}

TEST_F(limits_user, segments_that_are_marked_still_count)
{
	ASSERT_EQ(0, write_number(SEGMENTS, 1));
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, 100, 0600);
		char *p = ATTACH(id, 0);

		REMOVE(id);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
		ASSERT_EQ(0, dt(p));
		REMOVE(GET(IPC_PRIVATE, 100, 0600));
	}
}

TEST_F(limits_user, bytes)
{
	ASSERT_EQ(0, write_number(TOTAL, MIB));
	AS_USER(USER, GROUP) {
		int id, id2;

		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, MIB + 1, 0600));
		id = GET(IPC_PRIVATE, MIB, 0600);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
		REMOVE(id);
		id = GET(IPC_PRIVATE, MIB / 2, 0600);
		id2 = GET(IPC_PRIVATE, MIB / 2, 0600);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 4096, SHM_NORESERVE | 0600));
		REMOVE(id);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, MIB / 2 + 1, 0600));
		REMOVE(GET(IPC_PRIVATE, MIB / 2, 0600));
		REMOVE(id2);
		/* Nor does a sum wrap round. */
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1UL << 62, SHM_NORESERVE | 0600));
		EXPECT_EQ(-ENOSPC, raw_get(IPC_PRIVATE, MIB + 1, 0600, XSHM_GET_POPULATE));
	}
	EXPECT_EQ(0, RAW_USAGE().used_ids);
	EXPECT_EQ(0, RAW_USAGE().shm_tot);
}

/* A byte of a segment costs a page, and that is what a limit is against. */
TEST_F(limits_user, small_segments_cost_their_pages)
{
	int n = 0;

	ASSERT_EQ(0, write_number(TOTAL, 10 * 4096));
	AS_USER(USER, GROUP) {
		while (n < 1000 && get(IPC_PRIVATE, 1, 0600) >= 0)
			n++;
		EXPECT_EQ(10, n);
	}
}

TEST_F(limits_user, failures_cost_nothing)
{
	ASSERT_EQ(0, write_number(SEGMENTS, 2));
	ASSERT_EQ(0, write_number(TOTAL, 64 * 4096));
	AS_USER(USER, GROUP) {
		for (int i = 0; i < 10; i++) {
			EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
			EXPECT_EQ(-EPERM, get(IPC_PRIVATE, 1, SHM_HUGETLB | 0600));
			EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 65 * 4096, 0600));
			EXPECT_EQ(-ENOENT, get(KEY, 1, 0));
		}
		int id = GET(IPC_PRIVATE, 32 * 4096, 0600);

		REMOVE(GET(IPC_PRIVATE, 32 * 4096, 0600));
		REMOVE(id);
	}
}

/* Giving a segment away is no way round the limit, and gives nobody trouble for long. */
TEST_F(limits_user, owner_change)
{
	struct shmid_ds ds;
	int id = -1;

	ASSERT_EQ(0, write_number(SEGMENTS, 1));
	AS_USER(USER, GROUP) {
		id = GET(KEY, 100, IPC_CREAT | 0600);
		ds = STAT(id);
		ds.shm_perm.uid = USER + 1;
		ASSERT_EQ(0, ctl(id, IPC_SET, &ds));
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
	}
	AS_USER(USER + 1, GROUP) {
		REMOVE(GET(IPC_PRIVATE, 100, 0600));
		REMOVE(get(KEY, 0, 0));
	}
	AS_USER(USER, GROUP) {
		REMOVE(GET(IPC_PRIVATE, 100, 0600));
	}
}

TEST_F(limits_user, set_below_what_is_used)
{
	int id = -1;

	AS_USER(USER, GROUP) {
		GET(KEY, 100, IPC_CREAT | 0600);
		GET(KEY + 1, 100, IPC_CREAT | 0600);
	}
	ASSERT_EQ(0, write_number(SEGMENTS, 1));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
		id = get(KEY, 0, 0);
		EXPECT_EQ(0, dt(ATTACH(id, 0)));
		REMOVE(id);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 100, 0600));
		REMOVE(get(KEY + 1, 0, 0));
		REMOVE(GET(IPC_PRIVATE, 100, 0600));
	}
}

TEST_F(limits_user, shown_and_per_namespace)
{
	struct xshm_limits limits;

	ASSERT_EQ(0, write_number(SEGMENTS, 5));
	ASSERT_EQ(0, write_number(TOTAL, 123456789));
	memset(&limits, POISON, sizeof(limits));
	ASSERT_LE(0, raw_control(XSHM_IOC_LIMITS, 0, &limits, sizeof(limits)));
	EXPECT_EQ(5, limits.user_segments);
	EXPECT_EQ(123456789, limits.user_bytes);
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(0, read_number(SEGMENTS));
		EXPECT_EQ(0, read_number(TOTAL));
		ASSERT_EQ(0, write_number(SEGMENTS, 1));
	}
	EXPECT_EQ(5, read_number(SEGMENTS));
	EXPECT_NE(0, write_text(SEGMENTS, "-1"));
	EXPECT_NE(0, write_text(SEGMENTS, "many"));
	EXPECT_EQ(5, read_number(SEGMENTS));
	AS_USER(USER, GROUP) {
		EXPECT_NE(0, write_number(SEGMENTS, 0));
		EXPECT_NE(0, write_number(TOTAL, 0));
	}
	EXPECT_EQ(5, read_number(SEGMENTS));
}

/* One user that takes all he may leaves the others what shmmni and shmall have. */
TEST_F(limits_user, others_are_spared)
{
	ASSERT_EQ(0, set_sysctl("shmmni", 20));
	ASSERT_EQ(0, set_sysctl("shmall", 100));
	ASSERT_EQ(0, write_number(SEGMENTS, 10));
	ASSERT_EQ(0, write_number(TOTAL, 50 * 4096));
	AS_USER(USER, GROUP) {
		while (get(IPC_PRIVATE, 4096, 0600) >= 0)
			;
		EXPECT_EQ(10, RAW_USAGE().used_ids);
	}
	AS_USER(USER + 1, GROUP) {
		GET(IPC_PRIVATE, 50 * 4096, 0600);
	}
}

FIXTURE(memlock) {
	int id;
};

BOTH_BACKENDS(memlock);

#define LIMIT	(64 * KIB)

FIXTURE_SETUP(memlock)
{
	struct rlimit limit = { LIMIT, LIMIT };

	USE_BACKEND(variant->backend);
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
}

FIXTURE_TEARDOWN(memlock)
{
}

TEST_F(memlock, returned_by_unlock)
{
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, LIMIT, 0600), id2 = GET(IPC_PRIVATE, 4096, 0600);

		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
			ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
			EXPECT_EQ(02600, STAT(id).shm_perm.mode);
			EXPECT_EQ(-ENOMEM, ctl(id2, SHM_LOCK, NULL));
			EXPECT_EQ(0600, STAT(id2).shm_perm.mode);
			if (on_xshm()) {
				EXPECT_EQ(LIMIT, RAW_STAT(id).locked);
				EXPECT_EQ(LIMIT, RAW_USAGE().locked);
			}
			ASSERT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
			ASSERT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
			ASSERT_EQ(0, ctl(id2, SHM_LOCK, NULL));
			EXPECT_EQ(-ENOMEM, ctl(id, SHM_LOCK, NULL));
			ASSERT_EQ(0, ctl(id2, SHM_UNLOCK, NULL));
		}
		REMOVE(id);
		REMOVE(id2);
	}
}

TEST_F(memlock, returned_by_destruction)
{
	AS_USER(USER, GROUP) {
		for (int i = 0; i < 3; i++) {
			int id = GET(IPC_PRIVATE, LIMIT, 0600);

			ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
			REMOVE(id);
		}
		/* With its last detach, if that comes later. */
		int id = GET(IPC_PRIVATE, LIMIT, 0600), id2 = GET(IPC_PRIVATE, LIMIT, 0600);
		char *p = ATTACH(id, 0);

		ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
		REMOVE(id);
		EXPECT_EQ(-ENOMEM, ctl(id2, SHM_LOCK, NULL));
		ASSERT_EQ(0, dt(p));
		EXPECT_EQ(0, ctl(id2, SHM_LOCK, NULL));
		REMOVE(id2);
	}
}

TEST_F(memlock, returned_after_an_owner_change)
{
	AS_USER(USER, GROUP) {
		int id = GET(KEY, LIMIT, IPC_CREAT | 0600);

		ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
	}
	int id = GET(KEY, 0, 0);
	struct shmid_ds ds = STAT(id);

	ds.shm_perm.uid = USER + 1;
	ASSERT_EQ(0, ctl(id, IPC_SET, &ds));
	/* Unlocked by the new owner, it is off the account of whoever it was on. */
	AS_USER(USER + 1, GROUP) {
		ASSERT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
	}
	AS_USER(USER, GROUP) {
		int mine = GET(IPC_PRIVATE, LIMIT, 0600);

		EXPECT_EQ(0, ctl(mine, SHM_LOCK, NULL));
		REMOVE(mine);
	}
	AS_USER(USER + 1, GROUP) {
		int mine = GET(IPC_PRIVATE, LIMIT, 0600);

		EXPECT_EQ(-ENOMEM, ctl(mine, SHM_LOCK, NULL));
		REMOVE(id);
		EXPECT_EQ(0, ctl(mine, SHM_LOCK, NULL));
		REMOVE(mine);
	}
}

/* The account is of the user, whatever namespace he locks in, and goes with that one. */
TEST_F(memlock, across_namespaces)
{
	int ready[2], go[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWIPC))
			_exit(1);
		become(USER, GROUP);
		if (ctl(get(IPC_PRIVATE, LIMIT, 0600), SHM_LOCK, NULL) ||
		    write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-ENOMEM, ctl(GET(KEY, 4096, IPC_CREAT | 0600), SHM_LOCK, NULL));
	}
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	AS_USER(USER, GROUP) {
		int id = GET(KEY, 0, 0), result = -1;

		for (int i = 0; i < 100 && result; i++) {
			result = ctl(id, SHM_LOCK, NULL);
			usleep(50000);
		}
		EXPECT_EQ(0, result);
		REMOVE(id);
	}
}

TEST_HARNESS_MAIN
