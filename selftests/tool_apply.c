// SPDX-License-Identifier: GPL-2.0
/* xshm apply: segments by declaration. */
#include "tool.h"

#define FILES "/tmp/xshm-apply.conf"

FIXTURE(tool_apply) { struct said said; };

FIXTURE_SETUP(tool_apply)
{
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
}

FIXTURE_TEARDOWN(tool_apply)
{
	unlink(FILES);
}

#define SAYS(wanted_status, ...) do {						\
	tool(&self->said, __VA_ARGS__);						\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
} while (0)

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file && fputs(text, file) >= 0 && !fclose(file);
}

TEST_F(tool_apply, makes_and_corrects)
{
	struct shmid_ds ds;
	char *p;
	int id;

	ASSERT_TRUE(write_file(FILES, "# of a pair of daemons\n\n"
			       "key=0x77 size=8K mode=0640 owner=4711 group=4712 # both\n"));
	SAYS(1, "apply --check " FILES);
	EXPECT_STREQ("missing 0x00000077\n", self->said.out);
	EXPECT_EQ(-1, xshmget(0x77, 0, 0));
	SAYS(0, "apply " FILES);
	id = xshmget(0x77, 0, 0);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(8192, ds.shm_segsz);
	EXPECT_EQ(0640, ds.shm_perm.mode & 0777);
	EXPECT_EQ(4711, ds.shm_perm.uid);
	EXPECT_EQ(4712, ds.shm_perm.gid);
	/* Again, nothing is to be done. */
	SAYS(0, "apply --check " FILES);
	EXPECT_STREQ("", self->said.out);
	SAYS(0, "apply " FILES);
	EXPECT_STREQ("", self->said.out);
	/* Whoever came first had it otherwise; what is in it stays. */
	p = xshmat(id, NULL, 0);
	ASSERT_NE((void *)-1, p);
	strcpy(p, "content");
	ds.shm_perm.mode = 0600;
	ds.shm_perm.uid = 1;
	ASSERT_EQ(0, xshmctl(id, IPC_SET, &ds));
	SAYS(1, "apply --check " FILES);
	EXPECT_NE(NULL, strstr(self->said.out, "mode 600 to 640, owner 1 to 4711\n"))
		TH_LOG("%s", self->said.out);
	ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(1, ds.shm_perm.uid);
	SAYS(0, "apply " FILES);
	ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(0640, ds.shm_perm.mode & 0777);
	EXPECT_EQ(4711, ds.shm_perm.uid);
	EXPECT_EQ(id, xshmget(0x77, 0, 0));
	EXPECT_STREQ("content", p);
	EXPECT_EQ(0, xshmdt(p));
}

/* Owner and mode are left alone where they aren't declared; a size can't be corrected. */
TEST_F(tool_apply, differs)
{
	int id = xshmget(0x78, 4096, IPC_CREAT | 0611);
	struct shmid_ds ds;

	ASSERT_LE(0, id);
	ASSERT_TRUE(write_file(FILES, "key=0x78 size=8K small\n"));
	for (int check = 0; check < 2; check++) {
		SAYS(1, "apply %s " FILES, check ? "-n" : "");
		EXPECT_NE(NULL, strstr(check ? self->said.out : self->said.err,
				       "size is 4096, not 8192")) TH_LOG("%s", self->said.err);
		ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
		EXPECT_EQ(4096, ds.shm_segsz);
		EXPECT_EQ(0611, ds.shm_perm.mode & 0777);
	}
}

TEST_F_TIMEOUT(tool_apply, wrong_lines, 100)
{
	static const char *const lines[] = {
		"key=0x81", "size=4K", "key=0 size=4K", "key=x size=4K", "key size=4K",
		"key=0x81 size=0", "key=0x81 size=4X", "key=0x81 size=4K mode=888",
		"key=0x81 size=4K owner=nobody-of-this-name", "key=0x81 size=4K group=",
		"key=0x81 size=4K colour=red", "key=0x81 size=4K huge=2M", "key=0x81 size=4K large",
		"key=0x81 size=4K hugetlb=3M", "key=0x81 size=4K small huge",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), "\n%s\nkey=0x82 size=4K\n", lines[i]);
		ASSERT_TRUE(write_file(FILES, text));
		SAYS(1, "apply " FILES);
		EXPECT_TRUE(is_one_line(self->said.err)) TH_LOG("%s: %s", text, self->said.err);
		EXPECT_EQ(0, strncmp(self->said.err, "xshm: " FILES ":2: ",
				     strlen("xshm: " FILES ":2: "))) TH_LOG("%s", self->said.err);
		EXPECT_EQ(-1, xshmget(0x81, 0, 0)) TH_LOG("%s", text);
		EXPECT_LE(0, xshmget(0x82, 0, 0)) TH_LOG("%s", text);
	}
	SAYS(1, "apply /nonexistent/file");
	EXPECT_TRUE(is_one_line(self->said.err));
}

/* The first declaration of a key counts, and a file in /etc hides others of its name. */
TEST_F(tool_apply, folders)
{
	struct shmid_ds ds;

	if ((mkdir("/etc/xshm.d", 0755) && errno != EEXIST) ||
	    (mkdir("/run/xshm.d", 0755) && errno != EEXIST))
		SKIP(return, "no folder can be made");
	ASSERT_TRUE(write_file("/etc/xshm.d/50-a.conf", "key=0x91 size=4K mode=0600\n"));
	ASSERT_TRUE(write_file("/run/xshm.d/50-a.conf", "key=0x92 size=4K\n"));
	ASSERT_TRUE(write_file("/run/xshm.d/40-b.conf", "key=0x93 size=4K mode=0622\n"));
	ASSERT_TRUE(write_file("/etc/xshm.d/60-c.conf", "key=0x93 size=8K mode=0644\n"));
	ASSERT_TRUE(write_file("/etc/xshm.d/70-d", "key=0x94 size=4K\n"));
	tool(&self->said, "apply");
	EXPECT_EQ(0, unlink("/etc/xshm.d/50-a.conf") | unlink("/run/xshm.d/50-a.conf") |
		  unlink("/run/xshm.d/40-b.conf") | unlink("/etc/xshm.d/60-c.conf") |
		  unlink("/etc/xshm.d/70-d"));
	rmdir("/etc/xshm.d");
	rmdir("/run/xshm.d");
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	EXPECT_NE(NULL, strstr(self->said.err, "/etc/xshm.d/60-c.conf:1: ignored"));
	EXPECT_LE(0, xshmget(0x91, 0, 0));
	EXPECT_EQ(-1, xshmget(0x92, 0, 0));
	EXPECT_EQ(-1, xshmget(0x94, 0, 0));
	ASSERT_EQ(0, xshmctl(xshmget(0x93, 0, 0), IPC_STAT, &ds));
	EXPECT_EQ(0622, ds.shm_perm.mode & 0777);
}

TEST_F(tool_apply, json)
{
	char wanted[512];

	ASSERT_TRUE(write_file(FILES, "key=0xa1 size=4K\n"));
	SAYS(0, "apply -J " FILES);
	snprintf(wanted, sizeof(wanted), "{\n   \"segments\": [\n      {\n"
		 "         \"key\": \"0x000000a1\",\n         \"shmid\": %d,\n"
		 "         \"state\": \"made\",\n         \"detail\": \"\",\n"
		 "         \"from\": \"%s:1\"\n      }\n   ]\n}\n",
		 xshmget(0xa1, 0, 0), FILES);
	EXPECT_STREQ(wanted, self->said.out);
}

TEST_HARNESS_MAIN
