// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the pool for ordinary users, who may be the first to ask for some after the
 * module was loaded, and in a user namespace; and for those who may not have any.
 */
#include "counters.h"
#include "module.h"
#include "raw.h"

#define POOL	2
#define TRIES	100
#define KMSG	"/dev/kmsg"

FIXTURE(hugetlb_user) {
	long pool;
	int log;
	bool group;
};

FIXTURE_SETUP(hugetlb_user)
{
	self->pool = self->log = -1;
	USE_BACKEND(&xshm);
	self->pool = pool_of(HUGE_2M).total;
	if (self->pool < 0 || set_pool(HUGE_2M, POOL) < POOL)
		SKIP(return, "no huge pages of 2 MB can be had");
	self->log = open(KMSG, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, lseek(self->log, 0, SEEK_END));
}

FIXTURE_TEARDOWN(hugetlb_user)
{
	if (self->pool < 0)
		return;
	EXPECT_EQ(POOL, pool_of(HUGE_2M).free);
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	set_pool(HUGE_2M, self->pool);
	if (self->group)
		EXPECT_EQ(0, set_sysctl("hugetlb_shm_group", 0));
	close(self->log);
}

/* Lines of the kernel's log about hugetlbfs since the last call. */
static int log_lines(int log)
{
	char record[8192];
	int lines = 0;
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, "hugetlbfs"))
			lines++;
	}
	return lines;
}

static int load_anew(void)
{
	int module = open_module(), err;

	if (module < 0)
		return -ENOENT;
	err = unload_soon() ?: load(module);
	close(module);
	return err;
}

static int try_pages(uint32_t page_size_flags)
{
	int id = raw_get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | page_size_flags | 0600, 0);
	char *p;

	if (id < 0)
		return id;
	p = (char *)raw_attach(id, NULL, 0, 0);
	p[HUGE_2M - 1] = 'x';
	return raw_detach(p) ?: raw_remove(id);
}

static bool can_unshare_user(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		become(USER, GROUP);
		_exit(unshare(CLONE_NEWUSER) != 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

TEST_F(hugetlb_user, first_in_a_user_namespace)
{
	static const uint32_t sizes[] = { PAGE_SIZE_FLAGS(21), 0 };
	static const int flags[] = { 0, CLONE_NEWIPC };
	int err;

	if (!can_unshare_user())
		SKIP(return, "a user can make no user namespace");
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 2; i++) {
			err = load_anew();
			if (err == -ENOENT)
				SKIP(return, "XSHM_KO does not say where xshm.ko is");
			ASSERT_EQ(0, err);
			ASSERT_EQ(0, set_sysctl("hugetlb_shm_group", GROUP));
			self->group = true;
			AS_USER(USER, GROUP) {
				ASSERT_EQ(0, unshare(CLONE_NEWUSER | flags[k]));
				EXPECT_EQ(0, try_pages(sizes[i]));
			}
			AS_USER(USER, GROUP + 1) {
				ASSERT_EQ(0, unshare(CLONE_NEWUSER | flags[k]));
				EXPECT_EQ(-EPERM, try_pages(sizes[i]));
			}
			AS_USER(USER, GROUP) {
				EXPECT_EQ(0, try_pages(sizes[i]));
			}
		}
	}
	/* Loading tries each size once; the kernel may lack one that the processor has. */
	EXPECT_GE(4, log_lines(self->log));
}

/* Who may have none learns that there are none of that size, as with shmget(2). */
TEST_F(hugetlb_user, refused_without_a_line_in_the_log)
{
	/* No architecture has all of these. */
	static const int absent[] = { 13, 15, 17, 22, 23, 26, 31, 63 };
	int err = load_anew();

	if (err == -ENOENT)
		SKIP(return, "XSHM_KO does not say where xshm.ko is");
	ASSERT_EQ(0, err);
	/* What loading says is once. */
	EXPECT_GE(1, log_lines(self->log));
	for (int user = 0; user < 3; user++) {
		IN_CHILD {
			if (user)
				become(USER, GROUP);
			if (user == 2 && can_unshare_user())
				ASSERT_EQ(0, unshare(CLONE_NEWUSER));
			for (int i = 0; i < TRIES; i++) {
				uint32_t size = PAGE_SIZE_FLAGS(absent[i % ARRAY_SIZE(absent)]);

				EXPECT_EQ(-EINVAL, try_pages(size)) {
					TH_LOG("2 to the power of %u", size >> 26);
					break;
				}
			}
			for (int i = 0; i < TRIES; i++)
				EXPECT_EQ(user ? -EPERM : 0, try_pages(PAGE_SIZE_FLAGS(21)))
					break;
		}
		EXPECT_EQ(0, log_lines(self->log)) TH_LOG("user %d", user);
	}
}

TEST_HARNESS_MAIN
