// SPDX-License-Identifier: GPL-2.0
/* shmctl: what each command reads, changes and refuses. */
#include <limits.h>

#include "common.h"

#define BAD	((void *)8)

FIXTURE(control)
{
	int id;
};

BOTH_BACKENDS(control);

FIXTURE_SETUP(control)
{
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, 5000, IPC_CREAT | 0640);
}

FIXTURE_TEARDOWN(control) { }

/* struct shminfo of the 64-bit calls, which the C library shows under other names. */
struct limits {
	unsigned long shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};

TEST_F(control, unknown_commands)
{
	static const int commands[] = {
		4, 5, 6, 7, 8, 9, 10, 16, 17, 255, 0x100 | IPC_STAT, 0x100 | IPC_RMID,
		INT32_MAX, -1, -2, INT32_MIN, INT32_MIN | IPC_STAT,
	};
	struct shmid_ds before = STAT(self->id), buf;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		memset(&buf, POISON, sizeof(buf));
		EXPECT_EQ(-EINVAL, ctl(self->id, commands[i], &buf))
			TH_LOG("command 0x%x", commands[i]);
		EXPECT_TRUE(all_bytes((char *)&buf, sizeof(buf), (char)POISON));
		EXPECT_EQ(-EINVAL, ctl(self->id, commands[i], NULL));
	}
	EXPECT_SAME_STAT(before, STAT(self->id));
}

TEST_F(control, bad_ids)
{
	static const int commands[] = {
		IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_STAT_ANY,
	};
	struct shmid_ds before = STAT(self->id), buf;
	int ids[] = { -1, INT32_MIN, self->id + 1, INT32_MAX };

	for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
			memset(&buf, POISON, sizeof(buf));
			EXPECT_EQ(-EINVAL, ctl(ids[i], commands[c], &buf))
				TH_LOG("command %d, id %d", commands[c], ids[i]);
			EXPECT_TRUE(all_bytes((char *)&buf, sizeof(buf), (char)POISON));
		}
	}
	EXPECT_EQ(-EINVAL, ctl(-1, IPC_INFO, &buf));
	EXPECT_EQ(-EINVAL, ctl(-1, SHM_INFO, &buf));
	EXPECT_EQ(-EINVAL, ctl(INT32_MIN, SHM_INFO, &buf));
	EXPECT_SAME_STAT(before, STAT(self->id));
}

TEST_F(control, id_of_another_sequence)
{
	int stale = self->id + (1 << 15);
	struct shmid_ds buf;

	EXPECT_EQ(-EINVAL, ctl(stale, IPC_STAT, &buf));
	EXPECT_EQ(-EINVAL, ctl(stale, IPC_RMID, NULL));
	EXPECT_EQ(-EINVAL, ctl(stale, SHM_LOCK, NULL));
	buf = STAT(self->id);
	EXPECT_EQ(-EINVAL, ctl(stale, IPC_SET, &buf));
	EXPECT_EQ(0640, buf.shm_perm.mode);
}

TEST_F(control, stat_needs_read_permission)
{
	struct shmid_ds buf;

	AS_USER(USER, GROUP) {
		memset(&buf, POISON, sizeof(buf));
		EXPECT_EQ(-EACCES, ctl(self->id, IPC_STAT, &buf));
		EXPECT_EQ(-EACCES, ctl(self->id & 0x7fff, SHM_STAT, &buf));
		EXPECT_TRUE(all_bytes((char *)&buf, sizeof(buf), (char)POISON));
		EXPECT_EQ(-EACCES, ctl(self->id, IPC_STAT, BAD));
	}
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, 1, 0200);

		EXPECT_EQ(-EACCES, ctl(id, IPC_STAT, &buf));
		id = GET(IPC_PRIVATE, 1, 0400);
		EXPECT_EQ(0, ctl(id, IPC_STAT, &buf));
	}
}

TEST_F(control, stat_any_needs_no_permission)
{
	AS_USER(USER, GROUP) {
		struct shmid_ds buf;

		memset(&buf, POISON, sizeof(buf));
		EXPECT_EQ(self->id, ctl(self->id & 0x7fff, SHM_STAT_ANY, &buf));
		EXPECT_EQ(KEY, buf.shm_perm.__key);
		EXPECT_EQ(5000, buf.shm_segsz);
		EXPECT_EQ(0640, buf.shm_perm.mode);
		EXPECT_EQ(0, buf.shm_perm.uid);
	}
}

TEST_F(control, stat_by_index_returns_the_id)
{
	struct shmid_ds by_id, by_index;
	int id = 0;

	/* So that the sequence is not 0 and id and index differ. */
	for (int i = 0; i < 100; i++) {
		id = GET(IPC_PRIVATE, 100 + i, 0600);
		if (i < 99)
			REMOVE(id);
	}
	ASSERT_LT(0x7fff, id);
	by_id = STAT(id);
	EXPECT_EQ(199, by_id.shm_segsz);
	memset(&by_index, POISON, sizeof(by_index));
	EXPECT_EQ(id, ctl(id & 0x7fff, SHM_STAT, &by_index));
	EXPECT_SAME_STAT(by_id, by_index);
	memset(&by_index, POISON, sizeof(by_index));
	EXPECT_EQ(id, ctl(id & 0x7fff, SHM_STAT_ANY, &by_index));
	EXPECT_SAME_STAT(by_id, by_index);
	/* A full id counts by its index, whatever its sequence. */
	EXPECT_EQ(id, ctl(id, SHM_STAT, &by_index));
	EXPECT_EQ(id, ctl(id + (1 << 15), SHM_STAT, &by_index));
	EXPECT_EQ(id, ctl(id, SHM_STAT_ANY, &by_index));
	EXPECT_EQ(-EINVAL, ctl(id & 0x7fff, IPC_STAT, &by_index));
	EXPECT_EQ(-EINVAL, ctl((id & 0x7fff) + 1, SHM_STAT, &by_index));
	EXPECT_EQ(-EINVAL, ctl(0x7fff, SHM_STAT_ANY, &by_index));
}

TEST_F(control, bad_buffers)
{
	struct shmid_ds before = STAT(self->id);

	EXPECT_EQ(-EFAULT, ctl(self->id, IPC_STAT, BAD));
	EXPECT_EQ(-EFAULT, ctl(self->id, IPC_STAT, NULL));
	EXPECT_EQ(-EFAULT, ctl(self->id & 0x7fff, SHM_STAT, BAD));
	EXPECT_EQ(-EFAULT, ctl(self->id & 0x7fff, SHM_STAT_ANY, BAD));
	EXPECT_EQ(-EFAULT, ctl(0, IPC_INFO, BAD));
	EXPECT_EQ(-EFAULT, ctl(0, SHM_INFO, BAD));
	EXPECT_EQ(-EFAULT, ctl(self->id, IPC_SET, BAD));
	EXPECT_EQ(-EFAULT, ctl(self->id, IPC_SET, NULL));
	EXPECT_SAME_STAT(before, STAT(self->id));
}

TEST_F(control, stat_looks_at_the_id_before_the_buffer)
{
	EXPECT_EQ(-EINVAL, ctl(self->id + 1, IPC_STAT, BAD));
	EXPECT_EQ(-EINVAL, ctl(self->id + 1, SHM_STAT, BAD));
}

TEST_F(control, set_looks_at_the_buffer_before_the_id)
{
	EXPECT_EQ(-EFAULT, ctl(self->id + 1, IPC_SET, BAD));
	EXPECT_EQ(-EINVAL, ctl(-1, IPC_SET, BAD));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EFAULT, ctl(self->id, IPC_SET, BAD));
	}
}

TEST_F(control, set_changes_owner_and_mode_only)
{
	struct shmid_ds before = STAT(self->id), buf, after;

	memset(&buf, POISON, sizeof(buf));
	buf.shm_perm.uid = USER;
	buf.shm_perm.gid = GROUP + 1;
	buf.shm_perm.mode = 0604;
	next_second();
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	after = STAT(self->id);
	EXPECT_EQ(USER, after.shm_perm.uid);
	EXPECT_EQ(GROUP + 1, after.shm_perm.gid);
	EXPECT_EQ(0604, after.shm_perm.mode);
	EXPECT_LT(before.shm_ctime, after.shm_ctime);
	EXPECT_LE(after.shm_ctime, time(NULL));

	after.shm_perm.uid = before.shm_perm.uid;
	after.shm_perm.gid = before.shm_perm.gid;
	after.shm_perm.mode = before.shm_perm.mode;
	after.shm_ctime = before.shm_ctime;
	EXPECT_SAME_STAT(before, after);
	EXPECT_EQ(self->id, get(KEY, 0, 0));
}

TEST_F(control, set_takes_nine_bits_of_the_mode)
{
	struct shmid_ds buf = STAT(self->id);

	buf.shm_perm.mode = 07777;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	EXPECT_EQ(0777, STAT(self->id).shm_perm.mode);
	buf.shm_perm.mode = ~0777;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	EXPECT_EQ(0, STAT(self->id).shm_perm.mode);
}

TEST_F(control, set_refuses_uid_and_gid_minus_1)
{
	struct shmid_ds before = STAT(self->id), buf = before;

	buf.shm_perm.uid = -1;
	buf.shm_perm.mode = 0777;
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &buf));
	buf = before;
	buf.shm_perm.gid = -1;
	buf.shm_perm.uid = USER;
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &buf));
	EXPECT_SAME_STAT(before, STAT(self->id));
}

TEST_F(control, set_on_a_removed_segment)
{
	char *p = ATTACH(self->id, 0);
	struct shmid_ds buf = STAT(self->id);

	REMOVE(self->id);
	buf.shm_perm.mode = 0666;
	buf.shm_perm.uid = USER;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &buf));
	EXPECT_EQ(01666, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(USER, STAT(self->id).shm_perm.uid);
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &buf));
}

TEST_F(control, rmid_of_an_unattached_segment)
{
	struct shmid_ds buf;

	ASSERT_EQ(0, ctl(self->id, IPC_RMID, NULL));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &buf));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_RMID, NULL));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(-EINVAL, at(self->id, NULL, 0));
}

TEST_F(control, rmid_of_an_attached_segment)
{
	struct shmid_ds before, after;
	char *p = ATTACH(self->id, 0);
	int new;

	p[4999] = 1;
	before = STAT(self->id);
	next_second();
	ASSERT_EQ(0, ctl(self->id, IPC_RMID, NULL));
	after = STAT(self->id);
	EXPECT_EQ(01640, after.shm_perm.mode);
	EXPECT_EQ(0, after.shm_perm.__key);
	EXPECT_EQ(1, after.shm_nattch);
	after.shm_perm.mode = before.shm_perm.mode;
	after.shm_perm.__key = before.shm_perm.__key;
	EXPECT_SAME_STAT(before, after);
	EXPECT_EQ(1, p[4999]);

	/* The key is free at once, for another segment. */
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	new = GET(KEY, 100, IPC_CREAT | IPC_EXCL | 0600);
	EXPECT_NE(self->id, new);

	EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(new, get(KEY, 0, 0));

	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &before));
	EXPECT_EQ(100, STAT(new).shm_segsz);
}

TEST_F(control, rmid_ignores_its_buffer)
{
	char *p = ATTACH(self->id, 0);

	EXPECT_EQ(0, ctl(self->id, IPC_RMID, BAD));
	EXPECT_EQ(01640, STAT(self->id).shm_perm.mode);
	EXPECT_EQ(0, ctl(self->id, IPC_RMID, (void *)-1L));
	EXPECT_EQ(0, dt(p));
}

TEST_F(control, rmid_needs_no_permission_bits)
{
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, 4096, 0);

		EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
		EXPECT_EQ(-EINVAL, ctl(id, IPC_RMID, NULL));
	}
}

TEST_F(control, rmid_frees_the_memory_at_the_last_detach)
{
	int id = GET(IPC_PRIVATE, 64 << 10, 0600);
	char *p = ATTACH(id, 0);
	struct shm_info info;

	memset(p, 1, 64 << 10);
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(2, info.used_ids);
	EXPECT_EQ(16 + 2, info.shm_tot);
	EXPECT_EQ(16, info.shm_rss);
	REMOVE(id);
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(2, info.used_ids);
	EXPECT_EQ(16 + 2, info.shm_tot);
	EXPECT_EQ(16, info.shm_rss);
	ASSERT_EQ(0, dt(p));
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(1, info.used_ids);
	EXPECT_EQ(2, info.shm_tot);
	EXPECT_EQ(0, info.shm_rss);
}

TEST_F(control, ipc_info)
{
	struct limits info;

	memset(&info, POISON, sizeof(info));
	EXPECT_EQ(0, ctl(0, IPC_INFO, &info));
	EXPECT_EQ(ULONG_MAX - (1UL << 24), info.shmmax);
	EXPECT_EQ(1, info.shmmin);
	EXPECT_EQ(4096, info.shmmni);
	EXPECT_EQ(4096, info.shmseg);
	EXPECT_EQ(ULONG_MAX - (1UL << 24), info.shmall);
	EXPECT_TRUE(all_bytes((char *)info.unused, sizeof(info.unused), 0));

	ASSERT_EQ(0, set_sysctl("shmmni", 77));
	ASSERT_EQ(0, set_sysctl("shmmax", 123456));
	ASSERT_EQ(0, set_sysctl("shmall", 7890));
	memset(&info, POISON, sizeof(info));
	EXPECT_EQ(0, ctl(12345, IPC_INFO, &info));
	EXPECT_EQ(123456, info.shmmax);
	EXPECT_EQ(77, info.shmmni);
	EXPECT_EQ(77, info.shmseg);
	EXPECT_EQ(7890, info.shmall);
}

TEST_F(control, info_returns_the_highest_index)
{
	struct limits limits;
	struct shm_info info;
	int ids[5];

	ASSERT_EQ(NTH_ID(0), self->id);
	for (int i = 0; i < 5; i++) {
		ids[i] = GET(IPC_PRIVATE, 1, 0600);
		EXPECT_EQ(i + 1, ctl(0, SHM_INFO, &info));
		EXPECT_EQ(i + 1, ctl(0, IPC_INFO, &limits));
	}
	REMOVE(ids[2]);
	EXPECT_EQ(5, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(5, info.used_ids);
	REMOVE(ids[4]);
	EXPECT_EQ(4, ctl(0, SHM_INFO, &info));
	REMOVE(ids[3]);
	EXPECT_EQ(2, ctl(0, IPC_INFO, &limits));
	REMOVE(ids[0]);
	REMOVE(ids[1]);
	EXPECT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(1, info.used_ids);
	REMOVE(self->id);
	EXPECT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(0, ctl(0, IPC_INFO, &limits));
	EXPECT_EQ(0, info.used_ids);
}

TEST_F(control, shm_info)
{
	/* Small pages: since 6.14 even a fault of a small segment may take several pages. */
	int id = GET(IPC_PRIVATE, 10 * 4096, SHM_NORESERVE | 0600);
	char *p = ATTACH(id, 0);
	struct limits limits;
	struct shm_info info;

	memset(p, 1, 3 * 4096);
	p[9 * 4096] = 1;
	memset(&info, POISON, sizeof(info));
	EXPECT_EQ(1, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(2, info.used_ids);
	EXPECT_EQ(12, info.shm_tot);
	EXPECT_EQ(4, info.shm_rss);
	EXPECT_EQ(0, info.shm_swp);
	EXPECT_EQ(0, info.swap_attempts);
	EXPECT_EQ(0, info.swap_successes);
	/* The hole between used_ids and shm_tot is part of what is copied. */
	EXPECT_EQ(0, ((uint32_t *)&info)[1]);
	AS_USER(USER, GROUP) {
		EXPECT_EQ(1, ctl(0, SHM_INFO, &info));
		EXPECT_EQ(1, ctl(0, IPC_INFO, &limits));
	}
}

TEST_HARNESS_MAIN
