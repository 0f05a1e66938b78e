// SPDX-License-Identifier: GPL-2.0
/* shmat: addresses, flags, protection, and calls that must fail. */
#include <pthread.h>

#include "common.h"

FIXTURE(attach) { };

BOTH_BACKENDS(attach);

FIXTURE_SETUP(attach)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(attach) { }

#define KERNEL_ADDRESS	((void *)0xffff800000000000)

/* The first address that a process can't have: the processor may have 47 or 56 bits for it. */
static char *user_end(void)
{
	void *hint = (void *)(1UL << 47);
	void *p = mmap(hint, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);

	if (p == MAP_FAILED)
		return (char *)hint - 4096;
	munmap(p, 4096);
	return (char *)(1UL << 56) - 4096;
}

/* After a failed attach the segment is as if nothing had been tried. */
#define EXPECT_UNTOUCHED(id) do {						\
	struct shmid_ds seen_ = STAT(id);					\
	EXPECT_EQ(0, seen_.shm_nattch);						\
	EXPECT_EQ(0, seen_.shm_atime);						\
	EXPECT_EQ(0, seen_.shm_dtime);						\
	EXPECT_EQ(0, seen_.shm_lpid);						\
} while (0)

TEST_F(attach, anywhere)
{
	int id = GET(IPC_PRIVATE, 5000, 0600);
	char *p = ATTACH(id, 0);
	struct map_line map;

	EXPECT_EQ(0, (uintptr_t)p % SHMLBA);
	EXPECT_EQ(1, NATTCH(id));
	ASSERT_TRUE(find_map(p, &map));
	EXPECT_EQ((uintptr_t)p + 8192, map.end);
	EXPECT_STREQ("rw-s", map.prot);
	EXPECT_EQ(0, map.offset);
	/* The rest of the last page is there too. */
	p[8191] = 1;
	EXPECT_EQ(0, dt(p));
	EXPECT_FALSE(is_mapped(p));
	EXPECT_EQ(0, NATTCH(id));
}

TEST_F(attach, null_with_rnd_is_anywhere)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *p = ATTACH(id, SHM_RND);

	EXPECT_EQ(1, NATTCH(id));
	p[0] = 1;
	EXPECT_EQ(0, dt(p));
}

TEST_F(attach, null_with_remap)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);

	EXPECT_EQ(-EINVAL, at(id, NULL, SHM_REMAP));
	EXPECT_EQ(-EINVAL, at(id, NULL, SHM_REMAP | SHM_RND));
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, unaligned_address)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *free = free_range(pages(4));

	EXPECT_EQ(-EINVAL, at(id, free + 1, 0));
	EXPECT_EQ(-EINVAL, at(id, free + 2048, 0));
	EXPECT_EQ(-EINVAL, at(id, free + 4095, SHM_REMAP));
	EXPECT_UNTOUCHED(id);
	EXPECT_EQ((long)free, at(id, free + 1, SHM_RND));
	EXPECT_EQ((long)(free + 4096), at(id, free + 8191, SHM_RND | SHM_REMAP));
	EXPECT_EQ(2, NATTCH(id));
}

TEST_F(attach, address_1)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);

	EXPECT_EQ(-EINVAL, at(id, (void *)1, 0));
	EXPECT_EQ(-EINVAL, at(id, (void *)1, SHM_REMAP));
	EXPECT_EQ(-EINVAL, at(id, (void *)1, SHM_RND | SHM_REMAP));
	EXPECT_UNTOUCHED(id);
	EXPECT_FALSE(is_mapped(NULL));
}

TEST_F(attach, address_1_rounds_to_address_0)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *volatile p = NULL;

	ASSERT_EQ(0, at(id, (void *)1, SHM_RND));
	EXPECT_TRUE(is_mapped(NULL));
	EXPECT_EQ(1, NATTCH(id));
	p[5] = 1;
	EXPECT_EQ(0, dt(NULL));
	EXPECT_FALSE(is_mapped(NULL));
	EXPECT_EQ(0, NATTCH(id));
	EXPECT_EQ(-EINVAL, dt(NULL));
}

TEST_F(attach, address_0_needs_a_capability)
{
	int id = GET(IPC_PRIVATE, 4096, 0666);

	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EPERM, at(id, (void *)1, SHM_RND));
	}
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, fixed_address)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	char *free = free_range(8192);

	EXPECT_EQ((long)free, at(id, free, 0));
	EXPECT_EQ(1, NATTCH(id));
	memset(free, 7, 8192);
	EXPECT_EQ(0, dt(free));
	EXPECT_EQ((long)free, at(id, free, SHM_RDONLY));
	EXPECT_TRUE(all_bytes(free, 8192, 7));
}

TEST_F(attach, fixed_address_over_a_mapping)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	char *p = free_range(pages(3));

	/* Only the second of the segment's two pages is in the way. */
	ASSERT_EQ(p + 4096, mmap(p + 4096, 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memset(p + 4096, 9, 4096);
	EXPECT_EQ(-EINVAL, at(id, p, 0));
	EXPECT_EQ(-EINVAL, at(id, p + 1, SHM_RND));
	EXPECT_EQ(-EINVAL, at(id, p + 4096, 0));
	EXPECT_FALSE(is_mapped(p));
	EXPECT_FALSE(is_mapped(p + 8192));
	EXPECT_TRUE(all_bytes(p + 4096, 4096, 9));
	EXPECT_UNTOUCHED(id);

	EXPECT_EQ((long)p, at(id, p, SHM_REMAP));
	EXPECT_TRUE(all_bytes(p, 8192, 0));
	EXPECT_EQ(1, NATTCH(id));
}

TEST_F(attach, remap_over_another_segment)
{
	int old = GET(IPC_PRIVATE, 3 * 4096, 0600);
	int new = GET(IPC_PRIVATE, 4096, 0600);
	char *p = ATTACH(old, 0);

	memset(p, 1, 3 * 4096);
	EXPECT_EQ(-EINVAL, at(new, p + 4096, 0));
	EXPECT_EQ(1, NATTCH(old));
	EXPECT_EQ((long)(p + 4096), at(new, p + 4096, SHM_REMAP));
	EXPECT_EQ(2, NATTCH(old));
	EXPECT_EQ(1, NATTCH(new));
	EXPECT_EQ(1, p[4095]);
	EXPECT_EQ(0, p[4096]);
	EXPECT_EQ(1, p[8192]);
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(0, NATTCH(old));
	EXPECT_EQ(1, NATTCH(new));
	EXPECT_TRUE(is_mapped(p + 4096));
	EXPECT_EQ(0, dt(p + 4096));
	EXPECT_EQ(0, NATTCH(new));
}

TEST_F(attach, remap_over_itself)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	char *p = ATTACH(id, 0);

	p[8191] = 3;
	EXPECT_EQ((long)p, at(id, p, SHM_REMAP));
	EXPECT_EQ(3, p[8191]);
	EXPECT_EQ(1, NATTCH(id));
}

TEST_F(attach, kernel_address)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);

	EXPECT_EQ(-ENOMEM, at(id, KERNEL_ADDRESS, 0));
	EXPECT_EQ(-ENOMEM, at(id, KERNEL_ADDRESS, SHM_REMAP));
	EXPECT_EQ(-ENOMEM, at(id, KERNEL_ADDRESS + 1, SHM_RND));
	EXPECT_EQ(-ENOMEM, at(id, user_end(), 0));
	EXPECT_EQ(-ENOMEM, at(id, user_end() - 4096, 0));
	EXPECT_EQ(-ENOMEM, at(id, user_end() - 4096, SHM_REMAP));
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, wrapping_address)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	void *last = (void *)-4096L;

	EXPECT_EQ(-EINVAL, at(id, last, 0));
	EXPECT_EQ(-EINVAL, at(id, (void *)-1L, SHM_RND));
	EXPECT_EQ(-EINVAL, at(id, (void *)-8192L, 0));
	EXPECT_EQ(-ENOMEM, at(id, (void *)-12288L, 0));
	EXPECT_EQ(-ENOMEM, at(id, last, SHM_REMAP));
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, more_than_the_address_space)
{
	int id = GET(IPC_PRIVATE, 1UL << 62, SHM_NORESERVE | 0600);

	EXPECT_EQ(-ENOMEM, at(id, NULL, 0));
	EXPECT_EQ(-ENOMEM, at(id, NULL, SHM_RDONLY));
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, address_space_limit)
{
	int id = GET(IPC_PRIVATE, 64 << 20, 0600);

	IN_CHILD {
		struct rlimit limit = { .rlim_cur = 32 << 20, .rlim_max = RLIM_INFINITY };

		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
		EXPECT_EQ(-ENOMEM, at(id, NULL, 0));
	}
	EXPECT_UNTOUCHED(id);
}

TEST_F(attach, owner_needs_read_and_write)
{
	static const int modes[] = { 0400, 0200, 0, 0077 };

	AS_USER(USER, GROUP) {
		for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
			int id = GET(IPC_PRIVATE, 4096, modes[i]);

			EXPECT_EQ(-EACCES, at(id, NULL, 0)) TH_LOG("mode %o", modes[i]);
			EXPECT_EQ(-EACCES, at(id, NULL, SHM_EXEC));
			EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
		}
	}
}

TEST_F(attach, readonly_needs_only_read)
{
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, 4096, 0400);
		char *p = ATTACH(id, SHM_RDONLY);
		struct map_line map;

		EXPECT_EQ(0, p[0]);
		ASSERT_TRUE(find_map(p, &map));
		EXPECT_STREQ("r--s", map.prot);
		EXPECT_EQ(0, dt(p));
		EXPECT_EQ(-EACCES, at(GET(IPC_PRIVATE, 4096, 0200), NULL, SHM_RDONLY));
		EXPECT_EQ(-EACCES, at(GET(IPC_PRIVATE, 4096, 0), NULL, SHM_RDONLY));
	}
}

TEST_F(attach, exec_needs_x)
{
	AS_USER(USER, GROUP) {
		int id = GET(IPC_PRIVATE, 4096, 0600);
		struct map_line map;
		char *p;

		EXPECT_EQ(-EACCES, at(id, NULL, SHM_EXEC));
		EXPECT_EQ(-EACCES, at(id, NULL, SHM_EXEC | SHM_RDONLY));
		id = GET(IPC_PRIVATE, 4096, 0700);
		p = ATTACH(id, SHM_EXEC);
		ASSERT_TRUE(find_map(p, &map));
		EXPECT_STREQ("rwxs", map.prot);
#ifdef __x86_64__
		p[0] = (char)0xc3;	/* ret */
		((void (*)(void))p)();
#endif
		id = GET(IPC_PRIVATE, 4096, 0500);
		EXPECT_EQ(-EACCES, at(id, NULL, SHM_EXEC));
		p = ATTACH(id, SHM_EXEC | SHM_RDONLY);
		ASSERT_TRUE(find_map(p, &map));
		EXPECT_STREQ("r-xs", map.prot);
	}
}

TEST_F(attach, permission_error_before_address_error)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	char *p = ATTACH(id, 0);

	IN_CHILD {
		become(USER, GROUP);
		EXPECT_EQ(-EACCES, at(id, p, 0));
		EXPECT_EQ(-EACCES, at(id, KERNEL_ADDRESS, 0));
		EXPECT_EQ(-EINVAL, at(id, p + 1, 0));
		EXPECT_EQ(-EINVAL, at(id, NULL, SHM_REMAP));
	}
}

TEST_F(attach, readonly_stays_readonly)
{
	int id = GET(IPC_PRIVATE, 8192, 0600);
	char *p = ATTACH(id, SHM_RDONLY);

	EXPECT_EQ(-1, mprotect(p, 8192, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(p, 8192, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mprotect(p, 8192, PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, mprotect(p, 8192, PROT_NONE));
	EXPECT_EQ(0, mprotect(p, 8192, PROT_READ));
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_EQ(0, dt(p));
}

TEST_F(attach, readwrite_can_be_protected_and_back)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *p = ATTACH(id, 0);

	ASSERT_EQ(0, mprotect(p, 4096, PROT_READ));
	ASSERT_EQ(0, mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
	p[0] = 1;
	EXPECT_EQ(0, dt(p));
}

TEST_F(attach, write_to_readonly_attach_is_sigsegv)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *volatile p = ATTACH(id, SHM_RDONLY);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		p[0] = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
	EXPECT_EQ(0, p[0]);
	EXPECT_EQ(1, NATTCH(id));
}

TEST_F(attach, bad_ids)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);

	EXPECT_EQ(-EINVAL, at(-1, NULL, 0));
	EXPECT_EQ(-EINVAL, at(INT32_MIN, NULL, 0));
	EXPECT_EQ(-EINVAL, at(INT32_MAX, NULL, 0));
	EXPECT_EQ(-EINVAL, at(id + 1, NULL, 0));
	EXPECT_EQ(-EINVAL, at(id + (1 << 15), NULL, 0));
	EXPECT_UNTOUCHED(id);
	REMOVE(id);
	EXPECT_EQ(-EINVAL, at(id, NULL, 0));
}

TEST_F(attach, segment_marked_for_destruction)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0);
	char *q;

	p[0] = 42;
	REMOVE(id);
	q = ATTACH(id, 0);
	EXPECT_EQ(42, q[0]);
	EXPECT_EQ(2, NATTCH(id));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_EQ(42, q[0]);
	EXPECT_EQ(0, dt(q));
	EXPECT_EQ(-EINVAL, at(id, NULL, 0));
}

TEST_F(attach, unknown_flags_are_ignored)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	int known = SHM_RDONLY | SHM_RND | SHM_REMAP | SHM_EXEC;
	char *p = ATTACH(id, ~known);
	struct map_line map;

	ASSERT_TRUE(find_map(p, &map));
	EXPECT_STREQ("rw-s", map.prot);
	EXPECT_EQ(1, NATTCH(id));
}

TEST_F(attach, two_attaches_share_memory)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *p = ATTACH(id, 0);
	char *q = ATTACH(id, SHM_RDONLY);

	EXPECT_NE(p, q);
	strcpy(p, "one segment");
	EXPECT_STREQ("one segment", q);
	EXPECT_EQ(2, NATTCH(id));
	EXPECT_EQ(0, dt(p));
	EXPECT_STREQ("one segment", q);
	EXPECT_EQ(1, NATTCH(id));
}

TEST_F(attach, contents_outlive_the_last_detach)
{
	int id = GET(IPC_PRIVATE, 64 << 10, 0600);
	char *p = ATTACH(id, 0);

	memset(p, 0x5a, 64 << 10);
	ASSERT_EQ(0, dt(p));
	IN_CHILD {
		p = ATTACH(id, SHM_RDONLY);
		EXPECT_TRUE(all_bytes(p, 64 << 10, 0x5a));
	}
}

TEST_F(attach, locked_future_mappings_are_populated)
{
	int id = GET(IPC_PRIVATE, 64 << 10, 0600);
	unsigned char vec[16] = {};
	struct shm_info info;
	char *p;

	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	p = ATTACH(id, 0);
	ASSERT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(16, info.shm_rss);
	ASSERT_EQ(0, mincore(p, 64 << 10, vec));
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(1, vec[i]);
	munlockall();
}

static void *attach_and_detach(void *arg)
{
	int id = *(int *)arg;

	for (int i = 0; i < 200; i++) {
		long p = at(id, NULL, 0);

		if (p < 0)
			return (void *)p;
		__atomic_add_fetch((int *)p, 1, __ATOMIC_RELAXED);
		if (dt((void *)p))
			return (void *)-1L;
	}
	return NULL;
}

TEST_F(attach, threads_at_once)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	pthread_t threads[4];
	void *result;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, attach_and_detach, &id));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(NULL, result);
	}
	EXPECT_EQ(0, NATTCH(id));
	EXPECT_EQ(800, *(int *)ATTACH(id, SHM_RDONLY));
}

TEST_F(attach, removal_while_attaching)
{
	/* Whatever happens first, an attach works or says that the segment is gone. */
	for (int i = 0; i < 100; i++) {
		int id = GET(IPC_PRIVATE, 4096, 0600);
		pid_t pid = fork();
		int status;
		long p;

		if (pid == 0)
			_exit(ctl(id, IPC_RMID, NULL) != 0);
		p = at(id, NULL, 0);
		if (p > 0) {
			*(char *)p = 1;
			EXPECT_EQ(0, dt((void *)p));
		} else {
			EXPECT_TRUE(p == -EINVAL || p == -EIDRM) TH_LOG("%ld", p);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(-EINVAL, at(id, NULL, 0));
	}
}

TEST_HARNESS_MAIN
