// SPDX-License-Identifier: GPL-2.0
/* After every failure, and at the end, the sums are what they were. */
#include "counters.h"
#include "raw.h"

FIXTURE(accounting) {
	long committed;
	long modules;
};

BOTH_BACKENDS(accounting);

static long module_users(void)
{
	long users = on_xshm() ? read_number("/sys/module/xshm/refcnt") : 0;

	return users + (served() ? read_number("/sys/module/xshm_sysv/refcnt") : 0);
}

FIXTURE_SETUP(accounting)
{
	self->committed = -1;
	USE_BACKEND(variant->backend);
	/* The descriptor and whatever is made once. */
	REMOVE(GET(IPC_PRIVATE, 4096, 0600));
	self->committed = meminfo("Committed_AS");
	self->modules = module_users();
}

static struct shm_info usage(struct __test_metadata *_metadata)
{
	struct shm_info info;

	memset(&info, POISON, sizeof(info));
	EXPECT_LE(0, ctl(0, SHM_INFO, (void *)&info));
	return info;
}

#define EXPECT_USAGE(ids, pages, resident) do {					\
	struct shm_info info_ = usage(_metadata);				\
										\
	EXPECT_EQ(ids, info_.used_ids);						\
	EXPECT_EQ(pages, info_.shm_tot);					\
	EXPECT_EQ(resident, info_.shm_rss);					\
	EXPECT_EQ(0, info_.shm_swp);						\
} while (0)

FIXTURE_TEARDOWN(accounting)
{
	if (self->committed < 0)
		return;
	EXPECT_USAGE(0, 0, 0);
	/* A file is released a moment after its last use. */
	for (int i = 0; i < 50 && module_users() != self->modules; i++)
		usleep(20000);
	EXPECT_EQ(self->modules, module_users());
}

/* What is committed to by creation, in kB; others on the machine may add a little. */
#define EXPECT_COMMITTED(expected) do {						\
	long more_ = meminfo("Committed_AS") - self->committed;			\
										\
	EXPECT_LE((long)(expected) - 2048, more_);				\
	EXPECT_GE((long)(expected) + 2048, more_);				\
} while (0)

TEST_F(accounting, memory_is_committed_at_creation)
{
	int id = GET(IPC_PRIVATE, 64 * MIB, 0600);

	EXPECT_COMMITTED(65536);
	EXPECT_USAGE(1, 16384, 0);
	REMOVE(id);
	EXPECT_COMMITTED(0);
	id = GET(IPC_PRIVATE, 64 * MIB, SHM_NORESERVE | 0600);
	EXPECT_COMMITTED(0);
	EXPECT_USAGE(1, 16384, 0);
	char *p = ATTACH(id, 0);

	touch(p, 8 * MIB);
	EXPECT_COMMITTED(8192);
	EXPECT_USAGE(1, 16384, 2048);
	ASSERT_EQ(0, dt(p));
	REMOVE(id);
	EXPECT_COMMITTED(0);
}

TEST_F(accounting, failures_of_creation)
{
	__u64 too_much = (meminfo("MemTotal") + meminfo("SwapTotal")) * 2 * KIB;
	int id = GET(KEY, 8192, IPC_CREAT | 0600);

	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, too_much, 0600));
		EXPECT_EQ(-EEXIST, get(KEY, 8192, IPC_CREAT | IPC_EXCL | 0600));
		EXPECT_EQ(-EINVAL, get(KEY, 8193, IPC_CREAT | 0600));
		EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
		EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, -1, 0600));
	}
	EXPECT_COMMITTED(0);
	EXPECT_USAGE(1, 2, 0);
	ASSERT_EQ(0, set_sysctl("shmall", 100));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 64 * MIB, 0600));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 99 * 4096, 0600));
	EXPECT_COMMITTED(0);
	EXPECT_USAGE(1, 2, 0);
	/* To the page: 98 are left. */
	int rest = GET(IPC_PRIVATE, 98 * 4096, 0600);

	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	EXPECT_USAGE(2, 100, 0);
	REMOVE(rest);
	ASSERT_EQ(0, set_sysctl("shmmni", 1));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 64 * MIB, SHM_NORESERVE | 0600));
	EXPECT_USAGE(1, 2, 0);
	REMOVE(id);
}

TEST_F(accounting, failures_of_attaching)
{
	struct rlimit limit;
	int id = GET(IPC_PRIVATE, 64 * MIB, 0600);

	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(-EINVAL, at(id, (void *)4097, 0));
		EXPECT_EQ(-EINVAL, at(id, (void *)(((uintptr_t)&limit) & ~4095UL), 0));
		EXPECT_EQ(-EINVAL, at(id, NULL, SHM_REMAP));
		EXPECT_EQ(-ENOMEM, at(id, (void *)(1UL << 62), 0));
	}
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, at(id, NULL, 0));
	}
	EXPECT_EQ(0, NATTCH(id));
	EXPECT_EQ(0, STAT(id).shm_atime);
	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = 32 * MIB;
	IN_CHILD {
		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
		EXPECT_EQ(-ENOMEM, at(id, NULL, 0));
		EXPECT_EQ(-ENOMEM, at(id, NULL, SHM_RDONLY));
	}
	EXPECT_EQ(0, NATTCH(id));
	EXPECT_EQ(0, STAT(id).shm_dtime);
	REMOVE(id);
	EXPECT_EQ(-EINVAL, at(id, NULL, 0));
}

TEST_F(accounting, marked_segments_count_until_they_go)
{
	int id = GET(KEY, 4 * MIB, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0);

	touch(p, 4 * MIB);
	REMOVE(id);
	EXPECT_USAGE(1, 1024, 1024);
	IN_CHILD {
		EXPECT_USAGE(1, 1024, 1024);
		EXPECT_EQ(2, NATTCH(id));
	}
	ASSERT_EQ(0, dt(p));
	EXPECT_USAGE(0, 0, 0);
}

TEST_F(accounting, remapped_files_outlive_nothing)
{
	/* Small pages: since 6.14 even a fault of a small segment may take several pages. */
	int id = GET(IPC_PRIVATE, 4 * 4096, SHM_NORESERVE | 0600);
	char *p = ATTACH(id, 0);

	memcpy(p + 3 * 4096, "last", 5);
	ASSERT_EQ(0, remap_file_pages(p, 4096, 0, 3, 0));
	EXPECT_STREQ("last", p);
	EXPECT_EQ(2, NATTCH(id));
	REMOVE(id);
	ASSERT_EQ(0, munmap(p + 4096, 3 * 4096));
	EXPECT_STREQ("last", p);
	EXPECT_USAGE(1, 4, 1);
	ASSERT_EQ(0, munmap(p, 4096));
}

TEST_F(accounting, many_segments_many_processes)
{
	int ids[50];

	for (int i = 0; i < 50; i++)
		ids[i] = GET(IPC_PRIVATE, (i + 1) * 4096, 0600);
	EXPECT_USAGE(50, 1275, 0);
	for (int k = 0; k < 4; k++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (int i = k; i < 50; i += 2) {
				long p = at(ids[i], NULL, 0);

				/* Removed by the others, its id perhaps with it. */
				if (p == -EINVAL || p == -EIDRM)
					continue;
				*(char *)p = 1;
				if (i % 3 == 0)
					ctl(ids[i], IPC_RMID, NULL);
			}
			raise(SIGKILL);
		}
	}
	for (int k = 0; k < 4; k++) {
		int status;

		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	for (int i = 0; i < 50; i++) {
		struct shmid_ds ds;
		int result = ctl(ids[i], IPC_STAT, &ds);

		if (i % 3 == 0) {
			EXPECT_EQ(-EINVAL, result);
		} else {
			EXPECT_EQ(0, result);
			EXPECT_EQ(0, ds.shm_nattch);
			REMOVE(ids[i]);
		}
	}
}

TEST_HARNESS_MAIN
