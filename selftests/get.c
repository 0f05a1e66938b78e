// SPDX-License-Identifier: GPL-2.0
/* shmget: keys, sizes, flags, and what a fresh segment looks like. */
#include "common.h"

FIXTURE(get) { };

BOTH_BACKENDS(get);

FIXTURE_SETUP(get)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(get) { }

#define CREATE_NEW	(IPC_CREAT | IPC_EXCL)

static int used_ids(void)
{
	struct shm_info info = { .used_ids = -1 };

	return ctl(0, SHM_INFO, &info) < 0 ? -1 : info.used_ids;
}

TEST_F(get, private_always_creates)
{
	static const int flags[] = { 0, IPC_CREAT, IPC_EXCL, CREATE_NEW };
	int ids[ARRAY_SIZE(flags)];

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		ids[i] = GET(IPC_PRIVATE, 1, flags[i] | 0600);
		EXPECT_EQ(IPC_PRIVATE, STAT(ids[i]).shm_perm.__key);
		for (size_t j = 0; j < i; j++)
			EXPECT_NE(ids[j], ids[i]);
	}
	EXPECT_EQ((int)ARRAY_SIZE(flags), used_ids());
}

TEST_F(get, new_segment_of_size_0)
{
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, IPC_CREAT | 0600));
	EXPECT_EQ(-EINVAL, get(KEY, 0, IPC_CREAT | 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(0, used_ids());
}

TEST_F(get, absent_key_without_creat)
{
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(-ENOENT, get(KEY, 1, 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 4096, IPC_EXCL | 0600));
	EXPECT_EQ(-ENOENT, get(KEY, SIZE_MAX, 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 1UL << 62, SHM_HUGETLB | 0600));
}

TEST_F(get, existing_key_of_fitting_size)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);

	EXPECT_EQ(id, get(KEY, 0, 0));
	EXPECT_EQ(id, get(KEY, 1, 0));
	EXPECT_EQ(id, get(KEY, 4096, 0));
	EXPECT_EQ(id, get(KEY, 5000, 0));
	EXPECT_EQ(id, get(KEY, 5000, IPC_CREAT | 0600));
	EXPECT_EQ(id, get(KEY, 0, IPC_CREAT | 0777));
	EXPECT_EQ(1, used_ids());
}

TEST_F(get, existing_key_that_is_smaller)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);

	EXPECT_EQ(-EINVAL, get(KEY, 5001, 0));
	EXPECT_EQ(-EINVAL, get(KEY, 8192, IPC_CREAT | 0600));
	EXPECT_EQ(-EINVAL, get(KEY, SIZE_MAX, 0));
	EXPECT_EQ(id, get(KEY, 5000, 0));
}

TEST_F(get, size_is_kept_as_given)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 5000, (2 << 20) - 1, 2 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int id = GET(IPC_PRIVATE, sizes[i], 0600);

		EXPECT_EQ(sizes[i], STAT(id).shm_segsz);
		REMOVE(id);
	}
}

TEST_F(get, exclusive_on_existing_key)
{
	int id = GET(KEY, 5000, CREATE_NEW | 0600);

	EXPECT_EQ(-EEXIST, get(KEY, 5000, CREATE_NEW | 0600));
	EXPECT_EQ(-EEXIST, get(KEY, 0, CREATE_NEW));
	EXPECT_EQ(-EEXIST, get(KEY, SIZE_MAX, CREATE_NEW | 0600));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EEXIST, get(KEY, 5000, CREATE_NEW | 0600));
		EXPECT_EQ(-EEXIST, get(KEY, SIZE_MAX, CREATE_NEW | 0777));
	}
	EXPECT_EQ(id, get(KEY, 0, 0));
	EXPECT_EQ(1, used_ids());
}

TEST_F(get, flags_that_existing_keys_ignore)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);

	EXPECT_EQ(id, get(KEY, 5000, IPC_EXCL | 0600));
	EXPECT_EQ(id, get(KEY, 5000, SHM_HUGETLB | 0600));
	EXPECT_EQ(id, get(KEY, 5000, SHM_HUGETLB | PAGE_SIZE_FLAGS(63)));
	EXPECT_EQ(id, get(KEY, 5000, SHM_NORESERVE | 0600));
	EXPECT_EQ(id, get(KEY, 5000, ~(CREATE_NEW | SHM_HUGETLB)));
}

TEST_F(get, unknown_flags_on_new_segments)
{
	/* The page size means nothing without SHM_HUGETLB. */
	int flags = ~(CREATE_NEW | SHM_HUGETLB | SHM_NORESERVE | 0777);
	int id = GET(KEY, 5000, flags | CREATE_NEW | 0600);

	EXPECT_EQ(0600, STAT(id).shm_perm.mode);
}

TEST_F(get, mode_is_the_low_nine_bits)
{
	static const int modes[] = { 0, 0400, 0200, 0111, 0640, 0777 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		int id = GET(IPC_PRIVATE, 1, modes[i] | IPC_CREAT);

		EXPECT_EQ(modes[i], STAT(id).shm_perm.mode);
	}
}

TEST_F(get, size_error_before_permission_error)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);

	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EINVAL, get(KEY, 5001, 0666));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0666));
	}
	EXPECT_EQ(id, get(KEY, 0, 0));
}

TEST_F(get, permission_of_other_users)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);

	AS_USER(USER, GROUP) {
		EXPECT_EQ(id, get(KEY, 5000, 0));
		EXPECT_EQ(id, get(KEY, 5000, IPC_CREAT));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0400));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0040));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0004));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0200));
		EXPECT_EQ(-EACCES, get(KEY, 5000, 0100));
		EXPECT_EQ(-EACCES, get(KEY, 5000, IPC_CREAT | 0600));
	}
}

TEST_F(get, fresh_segment)
{
	time_t before = time(NULL);
	struct shmid_ds ds;
	time_t after;
	char *p;
	int id;

	IN_CHILD {
		ASSERT_EQ(0, setresgid(-1, OTHER, -1));
		ASSERT_EQ(0, setresuid(-1, USER, -1));
		id = GET(KEY, 3 * 4096 + 1, IPC_CREAT | 0640);
		after = time(NULL);

		ds = STAT(id);
		EXPECT_EQ(KEY, ds.shm_perm.__key);
		EXPECT_EQ(USER, ds.shm_perm.uid);
		EXPECT_EQ(USER, ds.shm_perm.cuid);
		EXPECT_EQ(OTHER, ds.shm_perm.gid);
		EXPECT_EQ(OTHER, ds.shm_perm.cgid);
		EXPECT_EQ(0640, ds.shm_perm.mode);
		EXPECT_EQ(id >> 15, ds.shm_perm.__seq);
		EXPECT_EQ(3 * 4096 + 1, ds.shm_segsz);
		EXPECT_EQ(0, ds.shm_atime);
		EXPECT_EQ(0, ds.shm_dtime);
		EXPECT_LE(before, ds.shm_ctime);
		EXPECT_LE(ds.shm_ctime, after);
		EXPECT_EQ(getpid(), ds.shm_cpid);
		EXPECT_EQ(0, ds.shm_lpid);
		EXPECT_EQ(0, ds.shm_nattch);

		p = ATTACH(id, 0);
		EXPECT_TRUE(all_bytes(p, 4 * 4096, 0));
	}
}

TEST_F(get, unused_words_are_zero)
{
	/* As raw words: the C library has no names for some of the padding. */
	uint64_t words[sizeof(struct shmid_ds) / 8 + 2];
	int id = GET(KEY, 4096, IPC_CREAT | 0600);

	memset(words, POISON, sizeof(words));
	ASSERT_EQ(0, ctl(id, IPC_STAT, words));
	ASSERT_EQ(112, sizeof(struct shmid_ds));
	EXPECT_EQ(0, words[3] >> 16);
	EXPECT_EQ(0, words[4]);
	EXPECT_EQ(0, words[5]);
	EXPECT_EQ(4096, words[6]);
	EXPECT_EQ(0, words[12]);
	EXPECT_EQ(0, words[13]);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, words[14]);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, words[15]);
}

TEST_F(get, memory_is_not_that_of_a_removed_segment)
{
	for (int i = 0; i < 8; i++) {
		int id = GET(IPC_PRIVATE, 256 << 10, 0600);
		char *p = ATTACH(id, 0);

		ASSERT_TRUE(all_bytes(p, 256 << 10, 0));
		memset(p, POISON, 256 << 10);
		ASSERT_EQ(0, dt(p));
		REMOVE(id);
	}
}

TEST_F(get, any_key_value)
{
	static const key_t keys[] = { 1, -1, INT32_MAX, INT32_MIN, KEY };
	int ids[ARRAY_SIZE(keys)];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ids[i] = GET(keys[i], 100 + i, CREATE_NEW | 0600);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		EXPECT_EQ(ids[i], get(keys[i], 0, 0));
		EXPECT_EQ(keys[i], STAT(ids[i]).shm_perm.__key);
		EXPECT_EQ(100 + i, STAT(ids[i]).shm_segsz);
	}
}

TEST_F(get, key_is_free_after_removal)
{
	int old = GET(KEY, 100, CREATE_NEW | 0600);
	int new;

	REMOVE(old);
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	new = GET(KEY, 200, CREATE_NEW | 0600);
	EXPECT_NE(old, new);
	EXPECT_EQ(-EINVAL, ctl(old, IPC_RMID, NULL));
	EXPECT_EQ(200, STAT(new).shm_segsz);
}

TEST_F(get, two_processes_share_by_key)
{
	int id = GET(KEY, 4096, CREATE_NEW | 0600);
	char *p = ATTACH(id, 0);

	IN_CHILD {
		char *q = ATTACH(GET(KEY, 0, 0), 0);

		EXPECT_NE(p, q);
		strcpy(q, "from the other process");
	}
	EXPECT_STREQ("from the other process", p);
}

TEST_F(get, concurrent_creation_gives_one_winner)
{
	enum { PROCESSES = 4, ROUNDS = 50 };
	int *wins = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, wins);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		for (int round = 1; round <= ROUNDS; round++) {
			int id = get(round, 100, CREATE_NEW | 0600);

			if (id >= 0)
				__atomic_add_fetch(&wins[round], 1, __ATOMIC_RELAXED);
			else if (id != -EEXIST)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	for (int round = 1; round <= ROUNDS; round++)
		EXPECT_EQ(1, wins[round]);
	EXPECT_EQ(ROUNDS, used_ids());
}

TEST_HARNESS_MAIN
