// SPDX-License-Identifier: GPL-2.0
/* Ids: how they are made of index and sequence, and shm_next_id. */
#include "common.h"
#include "differences.h"

FIXTURE(ids) { };

BOTH_BACKENDS(ids);

FIXTURE_SETUP(ids)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(ids) { }

#define INDEX_BITS	15
/* Sequences are those of the test, from 0. */
#define ID(seq, index)	((first_sequence + (seq)) << INDEX_BITS | (index))

/* As long as few segments exist, indexes up to this one are handed out in turn. */
#define MIN_CYCLE	64

static int new_segment(void)
{
	return get(IPC_PRIVATE, 1, 0600);
}

TEST_F(ids, first_ids_of_a_namespace)
{
	for (int i = 0; i < MIN_CYCLE; i++) {
		ASSERT_EQ(ID(0, i), new_segment());
		EXPECT_EQ(first_sequence, STAT(ID(0, i)).shm_perm.__seq);
	}
}

TEST_F(ids, indexes_go_round_and_the_sequence_grows)
{
	for (int seq = 0; seq < 4; seq++) {
		for (int i = 0; i < MIN_CYCLE; i++) {
			int id = new_segment();

			ASSERT_EQ(ID(seq, i), id);
			EXPECT_EQ(first_sequence + seq, STAT(id).shm_perm.__seq);
			REMOVE(id);
		}
	}
}

TEST_F(ids, used_indexes_are_left_out)
{
	int kept = 0;

	for (int i = 0; i < MIN_CYCLE; i++) {
		int id = new_segment();

		ASSERT_EQ(ID(0, i), id);
		if (i == 0 || i == 2 || i == 3)
			kept++;
		else
			REMOVE(id);
	}
	ASSERT_EQ(3, kept);
	EXPECT_EQ(ID(1, 1), new_segment());
	EXPECT_EQ(ID(1, 4), new_segment());
	EXPECT_EQ(0, ctl(ID(0, 2), IPC_RMID, NULL));
	EXPECT_EQ(ID(1, 5), new_segment());
}

TEST_F(ids, more_segments_use_more_indexes)
{
	for (int i = 0; i < 200; i++)
		ASSERT_EQ(ID(0, i), new_segment());
	for (int i = 0; i < 200; i++)
		REMOVE(ID(0, i));
	EXPECT_EQ(ID(1, 0), new_segment());
}

TEST_F(ids, stale_id_is_never_another_segment)
{
	int stale = new_segment();
	struct shmid_ds buf;

	REMOVE(stale);
	for (int i = 0; i < 20 * MIN_CYCLE; i++) {
		int id = new_segment();

		ASSERT_LE(0, id);
		ASSERT_NE(stale, id);
		ASSERT_EQ(-EINVAL, ctl(stale, IPC_STAT, &buf));
		ASSERT_EQ(-EINVAL, at(stale, NULL, 0));
		ASSERT_EQ(-EINVAL, ctl(stale, IPC_RMID, NULL));
		REMOVE(id);
	}
}

TEST_F(ids, failed_creation_uses_no_id)
{
	EXPECT_EQ(ID(0, 0), new_segment());
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, SIZE_MAX, 0600));
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 1UL << 46, 0600));
	EXPECT_EQ(ID(0, 1), new_segment());
}

TEST_F(ids, next_id)
{
	ASSERT_EQ(-1, get_sysctl("shm_next_id"));
	ASSERT_EQ(0, set_sysctl("shm_next_id", 4242));
	EXPECT_EQ(4242, get_sysctl("shm_next_id"));
	EXPECT_EQ(4242, new_segment());
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
	EXPECT_EQ(ID(0, 0), new_segment());
}

TEST_F(ids, next_id_with_a_sequence)
{
	struct shm_info info;

	ASSERT_EQ(ID(0, 0), new_segment());
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(7, 300)));
	EXPECT_EQ(ID(7, 300), new_segment());
	EXPECT_EQ(first_sequence + 7, STAT(ID(7, 300)).shm_perm.__seq);
	EXPECT_EQ(300, ctl(0, SHM_INFO, &info));
	/* The cycle goes on where it was. */
	EXPECT_EQ(ID(0, 1), new_segment());
	REMOVE(ID(7, 300));
	EXPECT_EQ(1, ctl(0, SHM_INFO, &info));
}

TEST_F(ids, next_id_that_is_busy)
{
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(3, 50)));
	ASSERT_EQ(ID(3, 50), new_segment());
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(3, 50)));
	EXPECT_EQ(ID(3, 51), new_segment());
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
	/* The index is what can be busy. */
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(9, 50)));
	EXPECT_EQ(ID(9, 52), new_segment());
}

TEST_F(ids, next_id_at_the_last_index)
{
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(2, 32767)));
	ASSERT_EQ(ID(2, 32767), new_segment());
	ASSERT_EQ(0, set_sysctl("shm_next_id", ID(2, 32767)));
	EXPECT_EQ(-ENOSPC, new_segment());
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
	ASSERT_EQ(0, set_sysctl("shm_next_id", INT32_MAX - 32767));
	EXPECT_EQ(INT32_MAX - 32767, new_segment());
}

TEST_F(ids, next_id_counts_for_creation_only)
{
	int id = get(KEY, 1, IPC_CREAT | 0600);

	ASSERT_EQ(0, set_sysctl("shm_next_id", 4242));
	EXPECT_EQ(id, get(KEY, 1, IPC_CREAT | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
	EXPECT_EQ(4242, get_sysctl("shm_next_id"));
	EXPECT_EQ(4242, get(KEY + 1, 1, IPC_CREAT | 0600));
}

TEST_F(ids, next_id_takes_ids_only)
{
	const char *path = sysctl_path("shm_next_id");

	EXPECT_EQ(-EINVAL, write_text(path, "-1\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "-2147483648\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "2147483648\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "word\n"));
	EXPECT_EQ(-1, read_number(path));
	EXPECT_EQ(0, write_text(path, "0\n"));
	EXPECT_EQ(0, read_number(path));
	EXPECT_EQ(0, write_text(path, "2147483647\n"));
	EXPECT_EQ(INT32_MAX, read_number(path));
}

TEST_F(ids, next_id_needs_a_capability)
{
	int with_it = DIFFERS(WHO_WRITES_SYSCTLS, 0, -EACCES);

	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, set_sysctl("shm_next_id", 4242));
		EXPECT_EQ(-1, get_sysctl("shm_next_id"));
	}
	AS_USER_WITH(USER, GROUP, CAP_SYS_ADMIN) {
		EXPECT_EQ(with_it, set_sysctl("shm_next_id", 4343));
	}
	EXPECT_EQ(with_it ? ID(0, 0) : 4343, new_segment());
	AS_USER_WITH(USER, GROUP, CAP_CHECKPOINT_RESTORE) {
		EXPECT_EQ(with_it, set_sysctl("shm_next_id", 4242));
	}
	EXPECT_EQ(with_it ? ID(0, 1) : 4242, new_segment());
	AS_USER_WITH(USER, GROUP, CAP_IPC_OWNER) {
		EXPECT_EQ(-EACCES, set_sysctl("shm_next_id", 4242));
	}
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
}

TEST_F(ids, namespaces_count_on_their_own)
{
	ASSERT_EQ(ID(0, 0), get(KEY, 100, IPC_CREAT | 0600));
	ASSERT_EQ(ID(0, 1), new_segment());
	IN_CHILD {
		struct shmid_ds buf;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-EINVAL, ctl(ID(0, 0), IPC_STAT, &buf));
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		first_sequence = new_sequence();
		EXPECT_EQ(ID(0, 0), get(KEY, 200, IPC_CREAT | IPC_EXCL | 0600));
		EXPECT_EQ(200, STAT(ID(0, 0)).shm_segsz);
		EXPECT_EQ(-EINVAL, ctl(ID(0, 1), IPC_RMID, NULL));
		ASSERT_EQ(0, set_sysctl("shm_next_id", 77));
	}
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
	EXPECT_EQ(100, STAT(ID(0, 0)).shm_segsz);
	EXPECT_EQ(ID(0, 2), new_segment());
}

TEST_HARNESS_MAIN
