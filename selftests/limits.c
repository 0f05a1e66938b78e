// SPDX-License-Identifier: GPL-2.0
/* shmmax, shmall, shmmni: what they limit, and what they take. */
#include <limits.h>

#include "common.h"
#include "differences.h"

#define DEFAULT_SIZE	(ULONG_MAX - (1UL << 24))
#define OVERCOMMIT	"/proc/sys/vm/overcommit_memory"

#define HUGE_PAGES	"/proc/sys/vm/nr_hugepages"

FIXTURE(limits)
{
	long long overcommit;
	long long huge_pages;
};

BOTH_BACKENDS(limits);

FIXTURE_SETUP(limits)
{
	self->overcommit = -1;
	self->huge_pages = -1;
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(limits)
{
	if (self->overcommit >= 0)
		write_number(OVERCOMMIT, self->overcommit);
	if (self->huge_pages >= 0)
		write_number(HUGE_PAGES, self->huge_pages);
}

/* What the kernel takes for the sum of all segments, and how many there are. */
#define EXPECT_USAGE(ids, pages) do {						\
	struct shm_info info_;							\
	ASSERT_LE(0, ctl(0, SHM_INFO, &info_));					\
	EXPECT_EQ(ids, info_.used_ids);						\
	EXPECT_EQ(pages, info_.shm_tot);					\
} while (0)

TEST_F(limits, defaults_of_a_namespace)
{
	char text[64] = "";
	int fd = open(sysctl_path("shmmax"), O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, text, sizeof(text) - 1));
	close(fd);
	EXPECT_STREQ("18446744073692774399\n", text);
	EXPECT_EQ(4096, get_sysctl("shmmni"));
	EXPECT_EQ(0, get_sysctl("shm_rmid_forced"));
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
}

TEST_F(limits, size_over_shmmax)
{
	int id;

	ASSERT_EQ(0, set_sysctl("shmmax", 10000));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 10001, 0600));
	EXPECT_EQ(-EINVAL, get(KEY, 10001, IPC_CREAT | 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 10001, 0600));
	EXPECT_USAGE(0, 0);
	id = GET(KEY, 10000, IPC_CREAT | 0600);
	EXPECT_USAGE(1, 3);

	/* It limits no segment that is there. */
	ASSERT_EQ(0, set_sysctl("shmmax", 1));
	EXPECT_EQ(id, get(KEY, 10000, 0600));
	EXPECT_EQ(0, dt(ATTACH(id, 0)));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 2, 0600));
	GET(IPC_PRIVATE, 1, 0600);
	ASSERT_EQ(0, set_sysctl("shmmax", 0));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 1, 0600));
}

TEST_F(limits, sizes_that_no_limit_stops)
{
	static const int flags[] = { 0, SHM_NORESERVE };

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, SIZE_MAX, flags[i] | 0600));
		EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, DEFAULT_SIZE, flags[i] | 0600));
		EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 1UL << 63, flags[i] | 0600));
		EXPECT_EQ(-EINVAL, get(KEY, DEFAULT_SIZE, flags[i] | IPC_CREAT | 0600));
	}
	/* Rounding up to pages must not make it 0. */
	ASSERT_EQ(0, set_sysctl("shmmax", ULONG_MAX));
	ASSERT_EQ(0, set_sysctl("shmall", ULONG_MAX));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, SIZE_MAX, 0600));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, SIZE_MAX - 4094, SHM_NORESERVE | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, SIZE_MAX - 4095, SHM_NORESERVE | 0600));
	EXPECT_USAGE(0, 0);
}

TEST_F(limits, more_than_there_is_memory)
{
	int id;

	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 1UL << 46, 0600));
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 1UL << 62, 0600));
	EXPECT_EQ(-ENOMEM, get(KEY, 1UL << 46, IPC_CREAT | 0600));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_USAGE(0, 0);
	id = GET(IPC_PRIVATE, 1UL << 62, SHM_NORESERVE | 0600);
	EXPECT_EQ(1UL << 62, STAT(id).shm_segsz);
	EXPECT_USAGE(1, 1UL << 50);
	REMOVE(id);
	EXPECT_USAGE(0, 0);
}

TEST_F(limits, noreserve_under_strict_overcommit)
{
	self->overcommit = read_number(OVERCOMMIT);
	ASSERT_LE(0, self->overcommit);
	ASSERT_EQ(0, write_number(OVERCOMMIT, 2));
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 1UL << 46, SHM_NORESERVE | 0600));
	EXPECT_EQ(-ENOMEM, get(IPC_PRIVATE, 1UL << 46, 0600));
	GET(IPC_PRIVATE, 1 << 20, SHM_NORESERVE | 0600);
	ASSERT_EQ(0, write_number(OVERCOMMIT, self->overcommit));
}

/* Nor where the process has no room in which the setting could be tried out. */
TEST_F(limits, noreserve_under_strict_overcommit_without_room)
{
	static const unsigned long sizes[] = { 100UL << 30, 1UL << 46 };
	struct rlimit limit = { 4096, 4096 };
	int status;
	pid_t pid;

	self->overcommit = read_number(OVERCOMMIT);
	ASSERT_LE(0, self->overcommit);
	ASSERT_EQ(0, write_number(OVERCOMMIT, 2));
	/* Without IN_CHILD, which ends the test: the setting is the machine's. */
	pid = fork();
	if (pid == 0) {
		/* Opens what the library needs. */
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		EXPECT_EQ(0, setrlimit(RLIMIT_AS, &limit));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
					   -1, 0));
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(-ENOMEM, get(KEY + i, sizes[i],
					       IPC_CREAT | SHM_NORESERVE | 0600));
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, write_number(OVERCOMMIT, self->overcommit));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_EQ(-ENOENT, get(KEY + 1, 0, 0));
	EXPECT_USAGE(0, 0);
}

/* What is committed to by all of the machine, in kB. */
static long long committed(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	long long kb = -1;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Committed_AS: %lld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

TEST_F(limits, size_is_committed_at_creation)
{
	enum { MB = 256 };
	long long before = committed(), slack = 32 << 10;
	int id;

	ASSERT_LT(0, before);
	id = GET(IPC_PRIVATE, (size_t)MB << 20, 0600);
	EXPECT_LT(before + (MB << 10) - slack, committed());
	EXPECT_GT(before + (MB << 10) + slack, committed());
	/* And an attach commits to nothing more. */
	ATTACH(id, 0);
	EXPECT_GT(before + (MB << 10) + slack, committed());
	ASSERT_EQ(0, dt(ATTACH(id, 0)));
	IN_CHILD {
		REMOVE(id);
	}
	EXPECT_LT(before + (MB << 10) - slack, committed());
	ASSERT_EQ(0, munmap(ATTACH(id, 0), (size_t)MB << 20));
	id = GET(IPC_PRIVATE, (size_t)MB << 20, SHM_NORESERVE | 0600);
	EXPECT_GT(before + (MB << 10) + slack, committed());
}

TEST_F(limits, address_space_for_huge_pages)
{
	self->huge_pages = read_number(HUGE_PAGES);
	if (self->huge_pages < 0 || write_number(HUGE_PAGES, self->huge_pages + 4) ||
	    read_number(HUGE_PAGES) != self->huge_pages + 4)
		SKIP(return, "no pool of huge pages to be had");
	IN_CHILD {
		struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
		int id;

		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
		id = get(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | PAGE_SIZE_FLAGS(21) | 0600);
		EXPECT_EQ(DIFFERS(HUGE_RESERVATION, 0, -ENOMEM), id < 0 ? id : 0);
		id = GET(IPC_PRIVATE, 2 << 20, 0600);
		EXPECT_EQ(-ENOMEM, at(id, NULL, 0));
	}
}

TEST_F(limits, shmall)
{
	int a, b;
	char *p;

	ASSERT_EQ(0, set_sysctl("shmall", 10));
	a = GET(KEY, 4 * 4096, IPC_CREAT | 0600);
	b = GET(IPC_PRIVATE, 5 * 4096 + 1, 0600);
	EXPECT_USAGE(2, 10);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(-ENOSPC, get(KEY + 1, 1, IPC_CREAT | 0600));
	EXPECT_EQ(a, get(KEY, 1, IPC_CREAT | 0600));
	EXPECT_EQ(-EEXIST, get(KEY, 1, IPC_CREAT | IPC_EXCL | 0600));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
	EXPECT_USAGE(2, 10);

	/* A segment counts until its last detach. */
	p = ATTACH(b, 0);
	REMOVE(b);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	ASSERT_EQ(0, dt(p));
	EXPECT_USAGE(1, 4);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 6 * 4096 + 1, 0600));
	GET(IPC_PRIVATE, 6 * 4096, 0600);

	/* Less than what is in use only stops new segments. */
	ASSERT_EQ(0, set_sysctl("shmall", 1));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(a, get(KEY, 1, 0));
	EXPECT_USAGE(2, 10);
}

TEST_F(limits, shmall_does_not_overflow)
{
	ASSERT_EQ(0, set_sysctl("shmall", ULONG_MAX));
	for (int i = 0; i < 3; i++)
		GET(IPC_PRIVATE, 1UL << 62, SHM_NORESERVE | 0600);
	EXPECT_USAGE(3, 3UL << 50);
	ASSERT_EQ(0, set_sysctl("shmall", 3UL << 50));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, SHM_NORESERVE | 0600));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1UL << 63, SHM_NORESERVE | 0600));
}

TEST_F(limits, shmmni)
{
	int a, b;
	char *p;

	ASSERT_EQ(0, set_sysctl("shmmni", 2));
	a = GET(KEY, 100, IPC_CREAT | 0600);
	b = GET(IPC_PRIVATE, 100, 0600);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(-ENOSPC, get(KEY + 1, 1, IPC_CREAT | 0600));
	EXPECT_EQ(a, get(KEY, 100, IPC_CREAT | 0600));
	EXPECT_USAGE(2, 2);

	p = ATTACH(b, 0);
	REMOVE(b);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	ASSERT_EQ(0, dt(p));
	b = GET(IPC_PRIVATE, 1, 0600);

	ASSERT_EQ(0, set_sysctl("shmmni", 0));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	REMOVE(a);
	REMOVE(b);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	ASSERT_EQ(0, set_sysctl("shmmni", 1));
	GET(IPC_PRIVATE, 1, 0600);
}

TEST_F(limits, the_default_shmmni_can_be_reached)
{
	int all = 4096;

	/* The default itself is there on every kernel. */
	if (getenv("XSHM_SLOW")) {
		all = 512;
		ASSERT_EQ(0, set_sysctl("shmmni", all));
	}
	for (int i = 0; i < all; i++)
		ASSERT_EQ(NTH_ID(i), get(KEY + i, 1, IPC_CREAT | 0600));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(NTH_ID(all - 96), get(KEY + all - 96, 0, 0));
	EXPECT_USAGE(all, all);
	for (int i = 0; i < all; i++)
		ASSERT_EQ(0, ctl(NTH_ID(i), IPC_RMID, NULL));
	EXPECT_USAGE(0, 0);
}

TEST_F(limits, shmmni_takes_up_to_32768)
{
	const char *path = sysctl_path("shmmni");

	EXPECT_EQ(0, write_text(path, "32768\n"));
	EXPECT_EQ(32768, read_number(path));
	EXPECT_EQ(-EINVAL, write_text(path, "32769\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "-1\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "4294967297\n"));
	EXPECT_EQ(-EINVAL, write_text(path, "many\n"));
	EXPECT_EQ(32768, read_number(path));
	EXPECT_EQ(0, write_text(path, "0\n"));
	EXPECT_EQ(0, read_number(path));
}

TEST_F(limits, sizes_are_unsigned_long)
{
	static const char *const names[] = { "shmmax", "shmall" };

	for (int i = 0; i < 2; i++) {
		const char *path = sysctl_path(names[i]);

		EXPECT_EQ(0, write_text(path, "123456789012345\n"));
		EXPECT_EQ(123456789012345, read_number(path));
		EXPECT_EQ(-EINVAL, write_text(path, "word\n"));
		EXPECT_EQ(123456789012345, read_number(path));
		EXPECT_EQ(0, write_text(path, "0\n"));
		EXPECT_EQ(0, read_number(path));
		EXPECT_EQ(0, write_text(path, "18446744073709551615\n"));
		EXPECT_EQ(-EINVAL, write_text(path, "18446744073709551616\n"));
	}
}

TEST_F(limits, only_root_changes_them)
{
	static const char *const names[] = { "shmmax", "shmall", "shmmni", "shm_rmid_forced" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, stat(sysctl_path(names[i]), &st));
		EXPECT_EQ(S_IFREG | 0644, st.st_mode) TH_LOG("%s", names[i]);
		EXPECT_EQ(0, st.st_uid);
		AS_USER(USER, GROUP) {
			EXPECT_EQ(-EACCES, set_sysctl(names[i], 1)) TH_LOG("%s", names[i]);
			EXPECT_NE(-EACCES, get_sysctl(names[i]));
		}
	}
}

TEST_F(limits, root_of_the_owning_user_namespace)
{
	int owner = DIFFERS(WHO_WRITES_SYSCTLS, 0, -EACCES);

	IN_CHILD {
		become(USER, GROUP);
		if (unshare(CLONE_NEWUSER))
			SKIP(_exit(0), "users can't make user namespaces here");
		/* A change of uid takes /proc/self from its owner. */
		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
		ASSERT_EQ(0, write_text("/proc/self/setgroups", "deny"));
		ASSERT_EQ(0, write_text("/proc/self/uid_map", "0 1000 1"));
		ASSERT_EQ(0, write_text("/proc/self/gid_map", "0 1000 1"));
		EXPECT_EQ(-EACCES, set_sysctl("shmmax", 1));
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(owner, set_sysctl("shmmni", 1));
		EXPECT_EQ(owner, set_sysctl("shm_next_id", 4242));
		EXPECT_EQ(owner ? -1 : 4242, get_sysctl("shm_next_id"));
	}
	EXPECT_EQ(4096, get_sysctl("shmmni"));
}

TEST_F(limits, namespaces_have_their_own)
{
	ASSERT_EQ(0, set_sysctl("shmmax", 1000));
	ASSERT_EQ(0, set_sysctl("shmall", 100));
	ASSERT_EQ(0, set_sysctl("shmmni", 10));
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(4096, get_sysctl("shmmni"));
		GET(IPC_PRIVATE, 1 << 20, 0600);
		ASSERT_EQ(0, set_sysctl("shmmni", 1));
		ASSERT_EQ(0, set_sysctl("shmmax", 2000));
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	}
	EXPECT_EQ(1000, get_sysctl("shmmax"));
	EXPECT_EQ(100, get_sysctl("shmall"));
	EXPECT_EQ(10, get_sysctl("shmmni"));
	EXPECT_USAGE(0, 0);
	GET(IPC_PRIVATE, 1000, 0600);
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 1001, 0600));
}

TEST_HARNESS_MAIN
