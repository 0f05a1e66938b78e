// SPDX-License-Identifier: GPL-2.0
/* What /proc shows: the table of segments, and the mappings of a process. */
#include "common.h"

FIXTURE(table) { };

BOTH_BACKENDS(table);

FIXTURE_SETUP(table)
{
	USE_BACKEND(variant->backend);
}

FIXTURE_TEARDOWN(table) { }

/* KEY as the table shows it. */
#define DECIMAL_KEY	"1481853012"

#define HEADER									\
	"       key      shmid perms                  size  cpid  lpid nattch   uid   gid"	\
	"  cuid  cgid      atime      dtime      ctime                   rss"		\
	"                  swap\n"

/* The whole table, read in pieces of a given size. */
static char *read_table(size_t piece)
{
	static char text[1 << 20];
	size_t length = 0;
	ssize_t n;
	int fd;

	fd = open(ipc->table, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	memset(text, 0, sizeof(text));
	while (length + piece < sizeof(text) && (n = read(fd, text + length, piece)) > 0)
		length += n;
	close(fd);
	return text;
}

#define TABLE(piece) ({								\
	char *table_ = read_table(piece);					\
	ASSERT_NE(NULL, table_);						\
	table_;									\
})

/* The line that a segment has to have. */
static const char *line_of(int id, unsigned long rss, unsigned long swap)
{
	static char line[512];
	struct shmid_ds ds;

	if (ctl(id, SHM_STAT_ANY, &ds) != id)
		return "(no such segment)";
	snprintf(line, sizeof(line),
		 "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n",
		 ds.shm_perm.__key, id, ds.shm_perm.mode, ds.shm_segsz, ds.shm_cpid,
		 ds.shm_lpid, ds.shm_nattch, ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.cuid,
		 ds.shm_perm.cgid, ds.shm_atime, ds.shm_dtime, ds.shm_ctime, rss, swap);
	return line;
}

#define EXPECT_TABLE(...) do {							\
	const char *lines_[] = { __VA_ARGS__ };					\
	char expected_[4096] = HEADER;						\
	for (size_t l_ = 0; l_ < ARRAY_SIZE(lines_); l_++)			\
		strcat(expected_, lines_[l_]);					\
	EXPECT_STREQ(expected_, TABLE(65536));					\
} while (0)

TEST_F(table, empty)
{
	EXPECT_STREQ(HEADER, TABLE(65536));
}

TEST_F(table, a_segment_of_known_values)
{
	char expected[512];
	struct shmid_ds ds;
	int id;

	ASSERT_EQ(0, set_sysctl("shm_next_id", 163940));
	IN_CHILD {
		ASSERT_EQ(0, setresgid(-1, 4321, -1));
		ASSERT_EQ(0, setresuid(-1, 1234, -1));
		id = GET(-2, 5000, IPC_CREAT | 0640);
		ASSERT_EQ(163940, id);
		ds = STAT(id);
		ds.shm_perm.uid = 77;
		ds.shm_perm.gid = 88;
		ASSERT_EQ(0, ctl(id, IPC_SET, &ds));
		snprintf(expected, sizeof(expected),
			 "%s        -2     163940   640                  5000 %5d     0      0"
			 "    77    88  1234  4321          0          0 %10lu"
			 "                     0                     0\n",
			 HEADER, getpid(), STAT(id).shm_ctime);
		EXPECT_STREQ(expected, TABLE(65536));
	}
}

TEST_F(table, follows_attach_detach_and_removal)
{
	/* Small pages: since 6.14 even a fault of a small segment may take several pages. */
	int id = GET(KEY, 5 * 4096, IPC_CREAT | SHM_NORESERVE | 0600);
	char *p;

	EXPECT_TABLE(line_of(id, 0, 0));
	p = ATTACH(id, 0);
	memset(p, 1, 2 * 4096);
	EXPECT_TABLE(line_of(id, 8192, 0));
	ASSERT_EQ(0, ctl(id, SHM_LOCK, NULL));
	EXPECT_NE(NULL, strstr(TABLE(4096), "  2600 "));
	ASSERT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
	REMOVE(id);
	EXPECT_NE(NULL, strstr(TABLE(4096), "\n         0 "));
	EXPECT_NE(NULL, strstr(TABLE(4096), "  1600 "));
	EXPECT_TABLE(line_of(id, 8192, 0));
	ASSERT_EQ(0, dt(p));
	EXPECT_STREQ(HEADER, TABLE(65536));
}

TEST_F(table, in_the_order_of_indexes)
{
	char *line, *next;
	int expected = 0, later = NTH_ID(42) + (5 << 15);
	int id;

	for (int i = 0; i < 100; i++)
		ASSERT_EQ(NTH_ID(i), get(KEY + i, 1 + i, IPC_CREAT | 0600));
	/* An index from before, with a later sequence. */
	REMOVE(NTH_ID(42));
	ASSERT_EQ(0, set_sysctl("shm_next_id", later));
	ASSERT_EQ(later, get(KEY + 42, 43, IPC_CREAT | 0600));

	line = strchr(TABLE(65536), '\n') + 1;
	for (; *line; line = next + 1, expected++) {
		next = strchr(line, '\n');
		ASSERT_NE(NULL, next);
		ASSERT_EQ(1, sscanf(line, "%*d %d", &id));
		EXPECT_EQ(expected == 42 ? later : NTH_ID(expected), id);
	}
	EXPECT_EQ(100, expected);
}

TEST_F(table, the_same_in_pieces_of_any_size)
{
	static const size_t sizes[] = { 1, 7, 100, 4096, 5000 };
	char *whole;

	for (int i = 0; i < 200; i++)
		GET(KEY + i, 1 + i, IPC_CREAT | 0600);
	whole = strdup(TABLE(65536));
	ASSERT_EQ(200, ({
		int lines = -1;

		for (char *c = whole; *c; c++)
			lines += *c == '\n';
		lines;
	}));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(0, strcmp(whole, TABLE(sizes[i])));
	free(whole);
}

TEST_F(table, rewound_and_read_again)
{
	int fd = open(ipc->table, O_RDONLY | O_CLOEXEC);
	char text[4096] = "", again[4096] = "";

	ASSERT_LE(0, fd);
	GET(KEY, 4096, IPC_CREAT | 0600);
	ASSERT_LT(0, read(fd, text, sizeof(text) - 1));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_LT(0, read(fd, again, sizeof(again) - 1));
	EXPECT_STREQ(text, again);
	ASSERT_EQ(strlen(HEADER), pread(fd, again, strlen(HEADER), 0));
	EXPECT_EQ(0, strncmp(HEADER, again, strlen(HEADER)));
	close(fd);
}

TEST_F(table, everybody_may_read_it)
{
	int id = GET(KEY, 4096, IPC_CREAT);
	struct stat st;

	ASSERT_EQ(0, stat(ipc->table, &st));
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	AS_USER(USER, GROUP) {
		EXPECT_TABLE(line_of(id, 0, 0));
	}
}

TEST_F(table, shows_the_namespace_of_who_opened_it)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600);
	int fd = open(ipc->table, O_RDONLY | O_CLOEXEC);

	IN_CHILD {
		char text[4096] = "";

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_STREQ(HEADER, TABLE(65536));
		ASSERT_LT(0, read(fd, text, sizeof(text) - 1));
		EXPECT_NE(NULL, strstr(text, DECIMAL_KEY));
	}
	EXPECT_TABLE(line_of(id, 0, 0));
}

TEST_F(table, removal_while_reading)
{
	char text[1024] = "";
	int fd, lines = 0;
	ssize_t n;

	for (int i = 0; i < 50; i++)
		GET(KEY + i, 1, IPC_CREAT | 0600);
	fd = open(ipc->table, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, text, 300));
	for (int i = 0; i < 50; i += 2)
		REMOVE(NTH_ID(i));
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	EXPECT_EQ(0, n);
	EXPECT_LE(24, lines);
	EXPECT_GE(51, lines);
	close(fd);
}

TEST_F(table, name_and_inode_in_maps)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0), *q;
	struct map_line map;

	ASSERT_TRUE(find_map(p, &map));
	EXPECT_STREQ("/SYSV58534854 (deleted)", map.name);
	EXPECT_EQ(id, map.inode);
	EXPECT_EQ(0, map.offset);
	EXPECT_EQ((uintptr_t)p + 8192, map.end);

	/* The name is that of the creation. */
	REMOVE(id);
	q = ATTACH(id, SHM_RDONLY);
	ASSERT_TRUE(find_map(q, &map));
	EXPECT_STREQ("/SYSV58534854 (deleted)", map.name);
	EXPECT_EQ(id, map.inode);

	id = GET(IPC_PRIVATE, 1, 0600);
	p = ATTACH(id, SHM_RDONLY);
	ASSERT_TRUE(find_map(p, &map));
	EXPECT_STREQ("/SYSV00000000 (deleted)", map.name);
	EXPECT_EQ(id, map.inode);

	id = GET(-1, 1, IPC_CREAT | 0600);
	p = ATTACH(id, 0);
	ASSERT_TRUE(find_map(p, &map));
	EXPECT_STREQ("/SYSVffffffff (deleted)", map.name);
	EXPECT_EQ(id, map.inode);
}

TEST_F(table, maps_of_a_large_id_and_of_fragments)
{
	struct map_line map;
	char *p;
	int id;

	ASSERT_EQ(0, set_sysctl("shm_next_id", 2147450879));
	id = GET(KEY, 3 * 4096, IPC_CREAT | 0600);
	ASSERT_EQ(2147450879, id);
	p = ATTACH(id, 0);
	ASSERT_EQ(0, munmap(p + 4096, 4096));
	ASSERT_TRUE(find_map(p + 8192, &map));
	EXPECT_STREQ("/SYSV58534854 (deleted)", map.name);
	EXPECT_EQ(2147450879, map.inode);
	EXPECT_EQ(8192, map.offset);
}

TEST_F(table, map_files_names_the_segment)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0);
	char path[128], target[128] = "";

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)p, (long)p + 4096);
	ASSERT_LT(0, readlink(path, target, sizeof(target) - 1));
	EXPECT_STREQ("/SYSV58534854 (deleted)", target);
}

TEST_HARNESS_MAIN
