// SPDX-License-Identifier: GPL-2.0
/* xshm rm by condition. */
#include "tool.h"

FIXTURE(tool_rm) { struct said said; };

FIXTURE_SETUP(tool_rm)
{
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
}

FIXTURE_TEARDOWN(tool_rm) {}

#define SAYS(wanted_status, ...) do {						\
	tool(&self->said, __VA_ARGS__);						\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
} while (0)

static int make(size_t size, uid_t uid)
{
	int id = xshmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	struct shmid_ds ds;

	if (id < 0 || xshmctl(id, IPC_STAT, &ds))
		return -1;
	ds.shm_perm.uid = uid;
	return xshmctl(id, IPC_SET, &ds) ? -1 : id;
}

static bool is_there(int id)
{
	struct shmid_ds ds;

	return !xshmctl(id, IPC_STAT, &ds) && !(ds.shm_perm.mode & SHM_DEST);
}

TEST_F(tool_rm, wrong_usage)
{
	static const char *const lines[] = {
		"rm", "rm --attached", "rm --all --owner root", "rm 1 --older 10m",
		"rm -k 5 --size 4K", "rm --older", "rm --older ''", "rm --older 10x",
		"rm --older -5", "rm --older 1h30", "rm --older 99999999999999999999s",
		"rm --owner nobody-of-this-name", "rm --owner ''", "rm --owner 4294967295",
		"rm --size", "rm --size +", "rm --size +-4K", "rm --size 4X", "rm --all --attached",
	};
	int id = make(4096, 0);

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		tool(&self->said, "%s", lines[i]);
		EXPECT_EQ(2, self->said.status) TH_LOG("xshm %s", lines[i]);
		EXPECT_TRUE(is_one_line(self->said.err)) TH_LOG("%s", self->said.err);
	}
	EXPECT_TRUE(is_there(id));
}

TEST_F(tool_rm, size)
{
	int small = make(4096, 0), middle = make(8192, 0), large = make(12288, 0);

	SAYS(0, "rm --size +8K");
	EXPECT_FALSE(is_there(large));
	EXPECT_TRUE(is_there(middle) && is_there(small));
	SAYS(0, "rm --size 8192");
	EXPECT_FALSE(is_there(middle));
	EXPECT_TRUE(is_there(small));
	SAYS(0, "rm --size -4096");
	EXPECT_TRUE(is_there(small));
	SAYS(0, "rm --size -4097");
	EXPECT_FALSE(is_there(small));
}

/* Conditions combine by and; root's --owner is by name or number. */
TEST_F(tool_rm, owner)
{
	int roots = make(4096, 0), users = make(4096, 4711), large = make(8192, 4711);

	SAYS(0, "rm --owner 4711 --size -8K");
	EXPECT_FALSE(is_there(users));
	EXPECT_TRUE(is_there(roots) && is_there(large));
	SAYS(0, "rm --owner root --size 8K");
	EXPECT_TRUE(is_there(roots) && is_there(large));
	SAYS(0, "rm --owner root");
	EXPECT_FALSE(is_there(roots));
	EXPECT_TRUE(is_there(large));
}

/* Never attached: since it was made; else since the last detach. */
TEST_F(tool_rm, older)
{
	int never = make(4096, 0), detached = make(8192, 0);

	sleep(3);
	ASSERT_EQ(0, xshmdt(xshmat(detached, NULL, 0)));
	SAYS(0, "rm --older 1h --size +0");
	EXPECT_TRUE(is_there(never) && is_there(detached));
	SAYS(0, "rm --older 1s --size 4K");
	EXPECT_FALSE(is_there(never));
	SAYS(0, "rm --older 0h1m0s");
	EXPECT_TRUE(is_there(detached));
	sleep(2);
	SAYS(0, "rm --older 0");
	EXPECT_FALSE(is_there(detached));
}

/* What is attached stays unless that is said. */
TEST_F(tool_rm, attached)
{
	int id = make(4096, 0);
	void *p = xshmat(id, NULL, 0);

	ASSERT_NE((void *)-1, p);
	SAYS(0, "rm --size 4K");
	EXPECT_STREQ("", self->said.out);
	EXPECT_TRUE(is_there(id));
	SAYS(0, "rm --size 4K --attached --dry-run");
	EXPECT_TRUE(is_there(id));
	SAYS(0, "rm --size 4K --attached");
	EXPECT_FALSE(is_there(id));
	EXPECT_EQ(0, xshmdt(p));
}

TEST_F(tool_rm, orphans)
{
	int orphan = make_orphan(KEY, 4096), other = make_orphan(KEY + 1, 8192);
	int mine = make(4096, 0);

	SAYS(0, "rm --orphans --size 4K");
	EXPECT_FALSE(is_there(orphan));
	EXPECT_TRUE(is_there(other) && is_there(mine));
}

TEST_F(tool_rm, json)
{
	int id = make(4096, 0);
	char wanted[512];

	for (int dry = 1; dry >= 0; dry--) {
		SAYS(0, "rm --size 4K -J %s", dry ? "-n" : "");
		snprintf(wanted, sizeof(wanted), "{\n   \"%s\": [\n      {\n"
			 "         \"shmid\": %d,\n         \"key\": \"0x00000000\",\n"
			 "         \"size\": 4096,\n         \"nattch\": 0,\n"
			 "         \"owner\": \"root\"\n      }\n   ]\n}\n",
			 dry ? "would_remove" : "removed", id);
		EXPECT_STREQ(wanted, self->said.out);
		EXPECT_EQ(dry, is_there(id));
	}
	SAYS(0, "rm --size 4K -J");
	EXPECT_STREQ("{\n   \"removed\": []\n}\n", self->said.out);
}

TEST_HARNESS_MAIN
