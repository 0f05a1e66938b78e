// SPDX-License-Identifier: GPL-2.0
/* Who may attach, look at, change and remove a segment. */
#include "common.h"

FIXTURE(permission) { };

BOTH_BACKENDS(permission);

FIXTURE_SETUP(permission)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(permission) { }

/* Users and groups of these tests. */
#define OWNER		2000
#define OWNERS		2001
#define CREATOR		3000
#define CREATORS	3001
#define STRANGER	4000
#define STRANGERS	4001

/* A segment that CREATOR made and gave to OWNER. */
static int given_segment(int mode)
{
	struct shmid_ds buf = {
		.shm_perm = { .uid = OWNER, .gid = OWNERS, .mode = mode },
	};
	static key_t key = KEY;
	pid_t pid = fork();
	int status = -1;

	key++;
	if (pid == 0) {
		int id;

		become(CREATOR, CREATORS);
		id = get(key, 4096, IPC_CREAT | IPC_EXCL);
		_exit(id < 0 || ctl(id, IPC_SET, &buf));
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return -1;
	return get(key, 0, 0);
}

#define GIVEN(mode) ({								\
	int given_ = given_segment(mode);					\
	ASSERT_LE(0, given_);							\
	given_;									\
})

/*
 * What the calling user can do with a segment, as the bits of a mode. w and x
 * can't be seen without r: there is no attach that asks for one of them alone.
 */
static int access_bits(int id)
{
	struct shmid_ds buf;
	int bits = 0;
	long p;

	p = at(id, NULL, SHM_RDONLY);
	if (p > 0 && !dt((void *)p))
		bits |= 4;
	if (!!(bits & 4) != (ctl(id, IPC_STAT, &buf) == 0))
		return -1;
	p = at(id, NULL, 0);
	if (p > 0 && !dt((void *)p))
		bits |= 2;
	p = at(id, NULL, SHM_RDONLY | SHM_EXEC);
	if (p > 0 && !dt((void *)p))
		bits |= 1;
	return bits;
}

TEST_F(permission, classes_of_mode_bits)
{
	static const struct {
		const char *who;
		uid_t uid;
		gid_t gid;
		int shift;
	} users[] = {
		{ "owner", OWNER, STRANGERS, 6 },
		{ "creator", CREATOR, STRANGERS, 6 },
		{ "group of the owner", STRANGER, OWNERS, 3 },
		{ "group of the creator", STRANGER, CREATORS, 3 },
		{ "other", STRANGER, STRANGERS, 0 },
	};
	static const int bits[] = { 0, 4, 5, 6, 7 };

	for (size_t u = 0; u < ARRAY_SIZE(users); u++) {
		for (size_t b = 0; b < ARRAY_SIZE(bits); b++) {
			int granted = GIVEN(bits[b] << users[u].shift);
			int denied = GIVEN(0777 & ~(7 << users[u].shift));

			AS_USER(users[u].uid, users[u].gid) {
				EXPECT_EQ(bits[b], access_bits(granted))
					TH_LOG("%s, mode %o", users[u].who,
					       bits[b] << users[u].shift);
				/* The first class that fits decides, though another has more. */
				EXPECT_EQ(0, access_bits(denied)) TH_LOG("%s", users[u].who);
			}
			REMOVE(granted);
			REMOVE(denied);
		}
	}
}

TEST_F(permission, supplementary_groups_count)
{
	int id = GIVEN(0040), by_creator = GIVEN(0060);

	IN_CHILD {
		gid_t groups[] = { 1, OWNERS, 2 };

		ASSERT_EQ(0, setgroups(3, groups));
		ASSERT_EQ(0, setresgid(STRANGERS, STRANGERS, STRANGERS));
		ASSERT_EQ(0, setresuid(STRANGER, STRANGER, STRANGER));
		EXPECT_EQ(4, access_bits(id));
		EXPECT_EQ(6, access_bits(by_creator));
	}
}

TEST_F(permission, effective_ids_count)
{
	int id = GIVEN(0600);

	IN_CHILD {
		ASSERT_EQ(0, setresgid(OWNERS, STRANGERS, OWNERS));
		ASSERT_EQ(0, setresuid(OWNER, STRANGER, OWNER));
		EXPECT_EQ(0, access_bits(id));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		ASSERT_EQ(0, setresuid(STRANGER, OWNER, STRANGER));
		EXPECT_EQ(6, access_bits(id));
	}
}

TEST_F(permission, bits_that_shmget_asks_for)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0640);

	AS_USER(STRANGER, 0) {
		EXPECT_EQ(id, get(KEY, 0, 0040));
		EXPECT_EQ(id, get(KEY, 0, 0400));
		EXPECT_EQ(id, get(KEY, 0, 0444));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0020));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0200));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0600));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0001));
	}
	AS_USER(STRANGER, STRANGERS) {
		EXPECT_EQ(id, get(KEY, 0, 0));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0004));
	}
}

TEST_F(permission, a_descriptor_of_the_first_user_gives_nothing)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600);
	struct shmid_ds buf;

	/* The library's descriptor of the device was opened by root, before. */
	AS_USER(STRANGER, STRANGERS) {
		EXPECT_EQ(0, access_bits(id));
		EXPECT_EQ(-EACCES, ctl(id, IPC_STAT, &buf));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
	}
}

TEST_F(permission, set_and_rmid_by_owner_and_creator)
{
	static const uid_t users[] = { OWNER, CREATOR };

	for (int i = 0; i < 2; i++) {
		int id = GIVEN(0);

		AS_USER(users[i], STRANGERS) {
			struct shmid_ds buf = {
				.shm_perm = { .uid = STRANGER, .gid = STRANGERS, .mode = 0666 },
			};

			EXPECT_EQ(0, ctl(id, IPC_SET, &buf));
		}
		EXPECT_EQ(STRANGER, STAT(id).shm_perm.uid);
		EXPECT_EQ(CREATOR, STAT(id).shm_perm.cuid);
		EXPECT_EQ(CREATORS, STAT(id).shm_perm.cgid);
		AS_USER(OWNER, OWNERS) {
			/* No longer the owner. */
			EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		}
		AS_USER(i ? STRANGER : CREATOR, OTHER) {
			EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
		}
	}
}

TEST_F(permission, set_and_rmid_by_others)
{
	int id = GIVEN(0777);
	struct shmid_ds buf = {
		.shm_perm = { .uid = STRANGER, .gid = STRANGERS, .mode = 0 },
	};

	AS_USER(STRANGER, OWNERS) {
		EXPECT_EQ(-EPERM, ctl(id, IPC_SET, &buf));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		buf.shm_perm.uid = -1;
		EXPECT_EQ(-EPERM, ctl(id, IPC_SET, &buf));
	}
	EXPECT_EQ(0777, STAT(id).shm_perm.mode);
	EXPECT_EQ(OWNER, STAT(id).shm_perm.uid);
}

TEST_F(permission, cap_ipc_owner_is_for_access)
{
	int id = GIVEN(0);
	struct shmid_ds buf;

	AS_USER_WITH(STRANGER, STRANGERS, CAP_IPC_OWNER) {
		EXPECT_EQ(7, access_bits(id));
		buf = STAT(id);
		EXPECT_EQ(-EPERM, ctl(id, IPC_SET, &buf));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		EXPECT_EQ(-EPERM, ctl(id, SHM_LOCK, NULL));
	}
}

TEST_F(permission, cap_sys_admin_is_for_set_and_rmid)
{
	int id = GIVEN(0);
	struct shmid_ds buf = {
		.shm_perm = { .uid = OWNER, .gid = OWNERS, .mode = 0111 },
	};

	AS_USER_WITH(STRANGER, STRANGERS, CAP_SYS_ADMIN) {
		EXPECT_EQ(0, access_bits(id));
		EXPECT_EQ(-EPERM, ctl(id, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(id, IPC_SET, &buf));
	}
	EXPECT_EQ(0111, STAT(id).shm_perm.mode);
	AS_USER_WITH(STRANGER, STRANGERS, CAP_SYS_ADMIN) {
		EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
	}
}

TEST_F(permission, cap_ipc_lock_is_for_lock)
{
	int id = GIVEN(0);

	AS_USER_WITH(STRANGER, STRANGERS, CAP_IPC_LOCK) {
		struct rlimit none = {};

		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
		EXPECT_EQ(0, access_bits(id));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
	}
	EXPECT_EQ(02000, STAT(id).shm_perm.mode);
	AS_USER_WITH(STRANGER, STRANGERS, CAP_IPC_LOCK) {
		EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	}
	EXPECT_EQ(0, STAT(id).shm_perm.mode);
}

TEST_F(permission, root_without_capabilities)
{
	int id = GIVEN(0);
	struct shmid_ds buf = {};

	IN_CHILD {
		drop_capability(CAP_IPC_OWNER);
		EXPECT_EQ(0, access_bits(id));
		drop_capability(CAP_IPC_LOCK);
		EXPECT_EQ(-EPERM, ctl(id, SHM_LOCK, NULL));
		drop_capability(CAP_SYS_ADMIN);
		EXPECT_EQ(-EPERM, ctl(id, IPC_SET, &buf));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
	}
	EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
}

TEST_F(permission, root_attaches_what_nobody_may)
{
	EXPECT_EQ(7, access_bits(GIVEN(0)));
}

TEST_F(permission, an_attach_outlives_a_lost_permission)
{
	int id = GIVEN(0666);

	AS_USER(STRANGER, STRANGERS) {
		char *p = ATTACH(id, 0);

		p[0] = 1;
		IN_CHILD {
			p[0] = 2;
		}
		EXPECT_EQ(2, p[0]);
		EXPECT_EQ(0, dt(p));
	}
	AS_USER(OWNER, OWNERS) {
		struct shmid_ds buf = STAT(id);

		buf.shm_perm.mode = 0600;
		ASSERT_EQ(0, ctl(id, IPC_SET, &buf));
	}
	AS_USER(STRANGER, STRANGERS) {
		EXPECT_EQ(0, access_bits(id));
	}
}

TEST_HARNESS_MAIN
