// SPDX-License-Identifier: GPL-2.0
/*
 * Segments of the kernel's own and of xshm in one namespace, whose system calls
 * are served for a part of the time. Loads xshm_sysv.ko if it isn't there.
 */
#include "served.h"

#define INDEX(id)	((id) & 0x7fff)

FIXTURE(served) { };

FIXTURE_VARIANT(served) { int unused; };
FIXTURE_VARIANT_ADD(served, calls) { };

FIXTURE_SETUP(served)
{
	USE_CALLS();
}

FIXTURE_TEARDOWN(served)
{
	/* They would keep the module for as long as the watch takes. */
	if (ipc == &sysv)
		remove_all(&xshm);
}

#define NEEDS_KERNEL()								\
	if (!kernel_has_sysv())							\
		SKIP(return, "this kernel has no segments of its own")

static int kernels(key_t key, size_t size, int flags)
{
	int id;

	if (serve(false))
		return -1000;
	id = get(key, size, flags);
	if (serve(true))
		return -1001;
	return id;
}

TEST_F(served, each_makes_its_own)
{
	int theirs, ours = GET(IPC_PRIVATE, 4096, 0600);

	EXPECT_TRUE(of_xshm(ours));
	ASSERT_EQ(0, serve(false));
	EXPECT_EQ(0, read_number(SWITCH));
	theirs = get(KEY, 4096, IPC_CREAT | 0600);
	if (!kernel_has_sysv()) {
		EXPECT_EQ(-ENOSYS, theirs);
		SKIP(return, "this kernel has no segments of its own");
	}
	ASSERT_LE(0, theirs);
	/* It is found by its key, which xshm knows nothing of. */
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(theirs, get(KEY, 0, 0));
	EXPECT_EQ(0, serve(true));
	EXPECT_EQ(theirs, get(KEY, 0, 0));
}

/* What was made while it was on, all its life. */
TEST_F(served, segments_stay_when_it_is_switched_off)
{
	unsigned long limits[9];
	struct shm_info info;
	struct shmid_ds ds;
	char *p, *q;
	int id, other, theirs;

	/* Away from the ids that the kernel begins with. */
	ASSERT_EQ(0, set_sysctl("shm_next_id", 500));
	id = GET(KEY, 5000, IPC_CREAT | 0640);
	ASSERT_EQ(0, set_sysctl("shm_next_id", 600));
	other = GET(IPC_PRIVATE, 4096, 0600);
	p = ATTACH(id, 0);
	strcpy(p, "before");
	ASSERT_EQ(0, set_sysctl("shmmni", 77));
	ASSERT_EQ(0, serve(false));
	/* Of all segments it is the kernel that tells, which has none. */
	EXPECT_EQ(kernel_has_sysv() ? 0 : -EINVAL, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(kernel_has_sysv() ? 0 : -EINVAL, ctl(0, IPC_INFO, limits));
	if (kernel_has_sysv()) {
		EXPECT_EQ(0, info.used_ids);
		EXPECT_EQ(77, limits[2]);
	}
	ds = STAT(id);
	EXPECT_EQ(5000, ds.shm_segsz);
	EXPECT_EQ(KEY, ds.shm_perm.__key);
	EXPECT_EQ(1, ds.shm_nattch);
	q = ATTACH(id, SHM_RDONLY);
	EXPECT_STREQ("before", q);
	EXPECT_EQ(2, NATTCH(id));
	ds.shm_perm.mode = 0600;
	EXPECT_EQ(0, ctl(id, IPC_SET, &ds));
	EXPECT_EQ(0600, STAT(id).shm_perm.mode);
	EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
	EXPECT_EQ(0600 | 02000, STAT(id).shm_perm.mode);
	EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	EXPECT_EQ(0, dt(q));
	IN_CHILD {
		EXPECT_EQ(2, NATTCH(id));
		EXPECT_EQ(0, dt(p));
		EXPECT_EQ(-EINVAL, dt(p));
	}
	EXPECT_EQ(1, NATTCH(id));
	/* Its key is the kernel's to give. */
	theirs = get(KEY, 0, 0);
	EXPECT_EQ(kernel_has_sysv() ? -ENOENT : -ENOSYS, theirs);
	EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
	EXPECT_STREQ("before", p);
	EXPECT_EQ(0, dt(p));
	EXPECT_FALSE(of_xshm(id));
	EXPECT_EQ(0, ctl(other, IPC_RMID, NULL));
	EXPECT_FALSE(of_xshm(other));
}

/* The kernel begins with the same numbers. */
TEST_F(served, ids_stay_apart_when_it_is_switched_off)
{
	int id[5], theirs[5];

	if (!kernel_has_sysv())
		SKIP(return, "the kernel makes none");
	for (int i = 0; i < 5; i++) {
		char *p;

		id[i] = GET(IPC_PRIVATE, 4096, 0600);
		p = ATTACH(id[i], 0);
		strcpy(p, "of xshm");
		ASSERT_EQ(0, dt(p));
	}
	ASSERT_EQ(0, serve(false));
	for (int i = 0; i < 5; i++) {
		char *p;

		theirs[i] = GET(IPC_PRIVATE, 8192, 0600);
		for (int k = 0; k < 5; k++)
			EXPECT_NE(id[k], theirs[i]);
		EXPECT_EQ(8192, STAT(theirs[i]).shm_segsz);
		p = ATTACH(theirs[i], 0);
		EXPECT_STREQ("", p);
		ASSERT_EQ(0, dt(p));
	}
	for (int i = 0; i < 5; i++) {
		char *p = ATTACH(id[i], 0);

		EXPECT_STREQ("of xshm", p);
		ASSERT_EQ(0, dt(p));
		EXPECT_EQ(0, ctl(id[i], IPC_RMID, NULL));
		EXPECT_EQ(0, ctl(theirs[i], IPC_RMID, NULL));
	}
}

#define SEQUENCES	0xffff
/* How far apart sequence numbers are at least where the calls are the kernel's. */
#define APART		0x4000

static int chosen(int sequence, int index)
{
	return set_sysctl("shm_next_id", sequence << 15 | index) ?: get(IPC_PRIVATE, 1, 0600);
}

/* The kernel goes on after the last that was served, and xshm's are away from there. */
TEST_F(served, sequences_when_it_is_switched_off)
{
	int theirs, ours, ahead;

	NEEDS_KERNEL();
	ASSERT_EQ(1 << 15 | 5, chosen(1, 5));
	ASSERT_EQ(3 << 15 | 9, chosen(3, 9));
	/* Nothing that the kernel would soon come to. */
	ASSERT_EQ((APART + 5) << 15 | 11, chosen(APART + 5, 11));
	ASSERT_EQ(0, serve(false));
	theirs = GET(IPC_PRIVATE, 1, 0600);
	EXPECT_EQ(4, theirs >> 15);
	/* The first of xshm's own numbers are behind the kernel's now. */
	ours = xshmget(IPC_PRIVATE, 1, 0600);
	ASSERT_LE(0, ours);
	ahead = ((ours >> 15) - (theirs >> 15) + SEQUENCES) % SEQUENCES;
	EXPECT_LE(APART, ahead);
	EXPECT_GE(SEQUENCES - APART, ahead);
	REMOVE(theirs);
}

/* What was made before, all its life. */
TEST_F(served, segments_of_the_kernel)
{
	int id, again, keyless;
	unsigned long limits[9];
	struct shm_info info;
	struct shmid_ds ds;
	char *p, *q;

	NEEDS_KERNEL();
	ASSERT_EQ(0, serve(false));
	id = GET(KEY, 5000, IPC_CREAT | 0640);
	keyless = GET(IPC_PRIVATE, 4096, 0600);
	p = ATTACH(id, 0);
	strcpy(p, "of before");
	ASSERT_EQ(0, serve(true));
	EXPECT_FALSE(of_xshm(id));
	ds = STAT(id);
	EXPECT_EQ(5000, ds.shm_segsz);
	EXPECT_EQ(getpid(), ds.shm_cpid);
	EXPECT_EQ(1, ds.shm_nattch);
	q = ATTACH(id, 0);
	EXPECT_STREQ("of before", q);
	EXPECT_EQ(2, NATTCH(id));
	EXPECT_EQ(-EINVAL, at(id, q, 0));
	EXPECT_EQ((long)q, at(id, q, SHM_REMAP));
	EXPECT_EQ(2, NATTCH(id));
	ds.shm_perm.mode = 0600;
	EXPECT_EQ(0, ctl(id, IPC_SET, &ds));
	EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
	EXPECT_EQ(0600 | 02000, STAT(id).shm_perm.mode);
	EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	memset(&ds, POISON, sizeof(ds));
	EXPECT_EQ(id, ctl(INDEX(id), SHM_STAT, &ds));
	EXPECT_EQ(KEY, ds.shm_perm.__key);
	EXPECT_EQ(keyless, ctl(INDEX(keyless), SHM_STAT_ANY, &ds));
	EXPECT_EQ(IPC_PRIVATE, ds.shm_perm.__key);
	EXPECT_EQ(INDEX(keyless), ctl(0, SHM_INFO, &info));
	EXPECT_EQ(INDEX(keyless), ctl(0, IPC_INFO, limits));
	/* The key's conflicts are answered by who has it. */
	EXPECT_EQ(id, get(KEY, 0, 0));
	EXPECT_EQ(id, get(KEY, 100, IPC_CREAT | 0600));
	EXPECT_EQ(-EEXIST, get(KEY, 100, IPC_CREAT | IPC_EXCL | 0600));
	EXPECT_EQ(-EINVAL, get(KEY, 5001, 0));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, get(KEY, 0, 0400));
		EXPECT_EQ(-EACCES, at(id, NULL, SHM_RDONLY));
		EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
	}
	EXPECT_EQ(0, dt(q));
	EXPECT_EQ(-EINVAL, dt(q));
	/* Removed with somebody attached, its key is free for xshm's next one. */
	EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	again = GET(KEY, 100, IPC_CREAT | IPC_EXCL | 0600);
	EXPECT_TRUE(of_xshm(again));
	EXPECT_NE(id, again);
	EXPECT_STREQ("of before", p);
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-EINVAL, ctl(id, IPC_STAT, &ds));
	EXPECT_EQ(0, ctl(keyless, IPC_RMID, NULL));
	EXPECT_EQ(again, get(KEY, 0, 0));
}

#define THEIRS	20
#define OURS	40

TEST_F(served, ids_of_both_kinds)
{
	bool seen[THEIRS + OURS] = {};
	int id[THEIRS + OURS], highest = 0;
	unsigned long limits[9];
	struct shm_info info;
	struct shmid_ds ds;

	NEEDS_KERNEL();
	for (int i = 0; i < THEIRS; i++) {
		id[i] = kernels(IPC_PRIVATE, 4096, 0600);
		ASSERT_LE(0, id[i]);
	}
	/* With gaps, which may be anybody's. */
	REMOVE(id[3]);
	REMOVE(id[10]);
	for (int i = THEIRS; i < THEIRS + OURS; i++)
		id[i] = GET(IPC_PRIVATE, 8192, 0600);
	for (int i = 0; i < THEIRS + OURS; i++) {
		if (i == 3 || i == 10)
			continue;
		EXPECT_EQ(i >= THEIRS, of_xshm(id[i])) TH_LOG("id %d", id[i]);
		if (INDEX(id[i]) > highest)
			highest = INDEX(id[i]);
		ASSERT_GT(THEIRS + OURS, INDEX(id[i]));
		EXPECT_FALSE(seen[INDEX(id[i])]) TH_LOG("index %d twice", INDEX(id[i]));
		seen[INDEX(id[i])] = true;
		EXPECT_EQ(id[i], ctl(INDEX(id[i]), SHM_STAT, &ds));
		EXPECT_EQ(i < THEIRS ? 4096 : 8192, ds.shm_segsz);
	}
	EXPECT_EQ(highest, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(THEIRS - 2 + OURS, info.used_ids);
	EXPECT_EQ(THEIRS - 2 + 2 * OURS, info.shm_tot);
	EXPECT_EQ(highest, ctl(0, IPC_INFO, (void *)limits));
	/* An id asked for, whose index the kernel has: the next index that is free. */
	ASSERT_EQ(0, set_sysctl("shm_next_id", 7 << 15 | INDEX(id[5])));
	ASSERT_LE(0, id[3] = get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(7, id[3] >> 15);
	EXPECT_NE(INDEX(id[5]), INDEX(id[3]));
	EXPECT_EQ(-1, get_sysctl("shm_next_id"));
}

/* The namespace's limits are of both kinds together. */
TEST_F(served, limits_of_both_kinds)
{
	int theirs[2], ours;

	NEEDS_KERNEL();
	for (int i = 0; i < 2; i++)
		ASSERT_LE(0, theirs[i] = kernels(IPC_PRIVATE, 4096, 0600));
	ours = GET(IPC_PRIVATE, 4096, 0600);
	ASSERT_EQ(0, set_sysctl("shmmni", 3));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 4096, 0600));
	REMOVE(theirs[0]);
	GET(IPC_PRIVATE, 4096, 0600);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 4096, 0600));
	ASSERT_EQ(0, set_sysctl("shmmni", 4096));
	ASSERT_EQ(0, set_sysctl("shmall", 4));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 8192, 0600));
	REMOVE(theirs[1]);
	GET(IPC_PRIVATE, 8192, 0600);
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	REMOVE(ours);
	GET(IPC_PRIVATE, 1, 0600);
	ASSERT_EQ(0, set_sysctl("shmmax", 4096));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 4097, 0600));
}

/* What is written to xshm's own files is what is in force. */
TEST_F(served, limits_have_two_files)
{
	static const char *const names[] = {
		"shmmax", "shmall", "shmmni", "shm_next_id", "shm_rmid_forced",
	};
	char path[64];

	NEEDS_KERNEL();
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/proc/sys/xshm/%s", names[i]);
		ASSERT_EQ(0, write_number(path, 1));
		EXPECT_EQ(1, get_sysctl(names[i])) TH_LOG("%s", names[i]);
		EXPECT_EQ(1, read_number(path));
	}
}

/* The ids that the table has, read in pieces of a given size. */
static int rows(int *ids, size_t piece)
{
	static char text[65536];
	size_t length = 0;
	int fd = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC), count = 0;
	ssize_t n = -1;
	char *line;

	memset(text, 0, sizeof(text));
	while (length + piece < sizeof(text) && (n = read(fd, text + length, piece)) > 0)
		length += n;
	close(fd);
	if (n || strncmp(text, "       key      shmid perms ", 28))
		return -1;
	for (line = text; (line = strchr(line, '\n')) && line[1]; count++)
		sscanf(++line, "%*d %d", &ids[count]);
	return count;
}

/* A file has a line that names its columns, and no other. */
static bool is_empty(const char *path, const char *column)
{
	FILE *f = fopen(path, "re");
	char line[256] = "";
	bool empty = f && fgets(line, sizeof(line), f) && strstr(line, column) &&
		     !fgets(line, sizeof(line), f);

	if (f)
		fclose(f);
	return empty;
}

/* The table is of all segments: first of the kernel's own, if there are some. */
TEST_F(served, table)
{
	int id[4], shown[8];

	EXPECT_EQ(0, rows(shown, 4096));
	id[2] = GET(IPC_PRIVATE, 4096, 0600);
	id[3] = GET(IPC_PRIVATE, 4096, 0600);
	ASSERT_EQ(2, rows(shown, 4096));
	EXPECT_EQ(0, memcmp(shown, id + 2, 2 * sizeof(int)));
	NEEDS_KERNEL();
	/* The kernel doesn't know of xshm's ids while it gives its own. */
	ASSERT_EQ(0, set_sysctl("shm_next_id", 500));
	id[0] = kernels(IPC_PRIVATE, 4096, 0600);
	ASSERT_EQ(500, id[0]);
	ASSERT_EQ(0, set_sysctl("shm_next_id", 501));
	id[1] = kernels(IPC_PRIVATE, 4096, 0600);
	ASSERT_EQ(501, id[1]);
	for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
		memset(shown, 0, sizeof(shown));
		ASSERT_EQ(4, rows(shown, piece));
		EXPECT_EQ(0, memcmp(shown, id, sizeof(id)));
	}
	/* Of the files beside it nothing changes. */
	EXPECT_TRUE(is_empty("/proc/sysvipc/sem", " semid "));
	EXPECT_TRUE(is_empty("/proc/sysvipc/msg", " msqid "));
	REMOVE(id[0]);
	ASSERT_EQ(3, rows(shown, 4096));
	EXPECT_EQ(0, memcmp(shown, id + 1, 3 * sizeof(int)));
	/* Those of xshm stay usable, and shown, when it is switched off. */
	ASSERT_EQ(0, serve(false));
	ASSERT_EQ(3, rows(shown, 100));
	EXPECT_EQ(0, memcmp(shown, id + 1, 3 * sizeof(int)));
	REMOVE(id[1]);
	ASSERT_EQ(2, rows(shown, 4096));
	REMOVE(id[2]);
	REMOVE(id[3]);
	EXPECT_EQ(0, rows(shown, 4096));
}

#define OPENS	500

/* Nothing is left of a table that was open: it is two files, of which one is the kernel's. */
TEST_F(served, table_leaves_no_file)
{
	int shown[8];
	long long before;

	NEEDS_KERNEL();
	ASSERT_LE(0, kernels(IPC_PRIVATE, 4096, 0600));
	GET(IPC_PRIVATE, 4096, 0600);
	before = read_number("/proc/sys/fs/file-nr");
	for (int i = 0; i < OPENS; i++)
		ASSERT_EQ(2, rows(shown, 4096));
	EXPECT_GT(before + OPENS / 2, read_number("/proc/sys/fs/file-nr"));
}

/* A table that is open tells of the namespace of who opened it, for whoever reads. */
TEST_F(served, table_of_the_opener)
{
	int id = GET(IPC_PRIVATE, 4096, 0600), fd, found = 0;
	char text[4096] = "";

	if (kernel_has_sysv())
		kernels(IPC_PRIVATE, 4096, 0600);
	fd = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		ASSERT_LT(0, pread(fd, text, sizeof(text) - 1, 0));
		for (char *line = text; (line = strchr(line, '\n')) && line[1]; line++)
			found++;
		EXPECT_EQ(kernel_has_sysv() ? 2 : 1, found);
	}
	close(fd);
	REMOVE(id);
}

/* Another namespace has a switch of its own, and a segment of one is none of the other. */
TEST_F(served, is_of_the_namespace)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0);

	IN_CHILD {
		struct shmid_ds ds;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		ASSERT_EQ(0, serve(false));
		EXPECT_EQ(kernel_has_sysv() ? -ENOENT : -ENOSYS, get(KEY, 0, 0));
		EXPECT_EQ(kernel_has_sysv() ? -EINVAL : -ENOSYS, ctl(id, IPC_STAT, &ds));
		if (kernel_has_sysv()) {
			int theirs = GET(KEY, 100, IPC_CREAT | 0600);

			EXPECT_FALSE(of_xshm(theirs));
			EXPECT_EQ(100, STAT(theirs).shm_segsz);
		}
		/* An attach came along, and can go. */
		EXPECT_EQ(0, dt(p));
	}
	EXPECT_EQ(1, read_number(SWITCH));
	EXPECT_EQ(id, get(KEY, 0, 0));
	EXPECT_EQ(1, NATTCH(id));
	EXPECT_EQ(0, dt(p));
}

TEST_F(served, only_root_switches)
{
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, serve(false));
	}
	EXPECT_EQ(-EINVAL, write_text(SWITCH, "2"));
	EXPECT_EQ(-EINVAL, write_text(SWITCH, "-1"));
	EXPECT_EQ(1, read_number(SWITCH));
}

TEST_HARNESS_MAIN
