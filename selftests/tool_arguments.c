// SPDX-License-Identifier: GPL-2.0
/* The xshm command: what its numbers mean, and options that meet. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "tool.h"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

FIXTURE(tool_arguments) {
	struct said said;
};

FIXTURE_SETUP(tool_arguments)
{
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
}

FIXTURE_TEARDOWN(tool_arguments)
{
}

#define EXPECT_REFUSED(...) do {						\
	tool(&self->said, __VA_ARGS__);						\
	EXPECT_EQ(2, self->said.status)						\
		TH_LOG("%s: %s%s", #__VA_ARGS__, self->said.out, self->said.err); \
	EXPECT_STREQ("", self->said.out);					\
	EXPECT_TRUE(is_one_line(self->said.err)) TH_LOG("%s", self->said.err);	\
} while (0)

/* Ids are decimal wherever there is one. */
TEST_F_TIMEOUT(tool_arguments, ids, 200)
{
	static const char *const wrong[] = {
		"0x1", "010", "00", "+1", "-1", "\" 1\"", "\"1 \"", "1x", "\"\"", "2147483648",
		"99999999999999999999", "1.0",
	};
	static const char *const commands[] = { "ls %s", "stat %s", "rm -n %s", "rm -n -m %s",
						"ls -i %s" };
	int id = xshmget(IPC_PRIVATE, 4096, 0600);

	ASSERT_LE(0, id);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++) {
			/* It would be taken for an option. */
			if (!strcmp(wrong[i], "-1") && k != 3 && k != 4)
				continue;
			EXPECT_REFUSED(commands[k], wrong[i]);
		}
	tool(&self->said, "ls -rn -o shmid %d", id);
	EXPECT_EQ(id, atoi(self->said.out));
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
}

TEST_F_TIMEOUT(tool_arguments, keys, 100)
{
	struct xshm_ds ds;
	int id;

	EXPECT_REFUSED("mk -k 010 4K");
	EXPECT_REFUSED("mk -k 0x 4K");
	EXPECT_REFUSED("mk -k 0x1g 4K");
	EXPECT_REFUSED("stat -k 010");
	EXPECT_REFUSED("rm -k 010");
	tool(&self->said, "mk -k 10 4K");
	ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	id = xshmget(10, 0, 0);
	EXPECT_EQ(id, atoi(self->said.out));
	ASSERT_EQ(0, xshm_stat(id, &ds));
	EXPECT_EQ(10, ds.key);
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
}

TEST_F_TIMEOUT(tool_arguments, sizes_and_modes, 100)
{
	static const struct {
		const char *text;
		unsigned long bytes;
	} right[] = {
		{ "4096", 4096 }, { "0x1000", 4096 }, { "4K", 4096 }, { "0.5K", 512 },
		{ "1.5K", 1536 }, { "4KB", 4000 }, { "4KiB", 4096 },
	};
	static const char *const wrong[] = {
		"010", "010K", "0x1.8K", "0x1K", "0x", "+4K", "4KK", "1.5", "-4096", "K",
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		struct xshm_ds ds;

		tool(&self->said, "mk -m 640 %s", right[i].text);
		ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
		ASSERT_EQ(0, xshm_stat(atoi(self->said.out), &ds));
		EXPECT_EQ(right[i].bytes, ds.segsz) TH_LOG("%s", right[i].text);
		EXPECT_EQ(0640, ds.mode & 0777);
		EXPECT_EQ(0, xshmctl(atoi(self->said.out), IPC_RMID, NULL));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		EXPECT_REFUSED("mk -M %s", wrong[i]);
	/* Its last 32 bits alone would be a mode. */
	EXPECT_REFUSED("mk -p 40000000644 4K");
	EXPECT_REFUSED("mk -p -1 4K");
	EXPECT_REFUSED("mk -p 1000 4K");
	EXPECT_REFUSED("mk -p 8 4K");
	EXPECT_REFUSED("limits shmmni=010");
	EXPECT_REFUSED("limits shmmax=010");
	EXPECT_REFUSED("limits shmmax=0x1.8K");
	EXPECT_REFUSED("top -b -n +1");
	EXPECT_REFUSED("top -b -n 01");
	EXPECT_REFUSED("top -b -n 1 -d 0x1");
	EXPECT_REFUSED("top -b -n 1 -d +1");
}

/* When nobody learns its id, there is no segment. */
TEST_F_TIMEOUT(tool_arguments, mk_cant_say, 100)
{
	tool(&self->said, "mk -k 0x%x 4K > /dev/full", KEY);
	EXPECT_EQ(1, self->said.status);
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F_TIMEOUT(tool_arguments, ls_letters, 100)
{
	int id = xshmget(IPC_PRIVATE, 4096, 0600);
	char wanted[64];

	ASSERT_LE(0, id);
	tool(&self->said, "ls -J -l");
	EXPECT_EQ(0, self->said.status);
	EXPECT_TRUE(begins(self->said.out, "{\n   \"limits\": ["));
	tool(&self->said, "ls -l -J");
	EXPECT_TRUE(begins(self->said.out, "{\n   \"limits\": ["));
	tool(&self->said, "ls -rnl");
	EXPECT_TRUE(begins(self->said.out, "shmmax "));
	tool(&self->said, "ls -J -i %d", id);
	snprintf(wanted, sizeof(wanted), "\"shmid\": %d,", id);
	EXPECT_TRUE(begins(self->said.out, "{\n   \"segments\": ["));
	EXPECT_NE(NULL, strstr(self->said.out, wanted));
	tool(&self->said, "ls -b -i %d", id);
	EXPECT_NE(NULL, strstr(self->said.out, "  size          4096\n"));
	EXPECT_REFUSED("ls -r -i %d", id);
	EXPECT_REFUSED("ls -l -i %d", id);
	EXPECT_REFUSED("ls -l %d", id);
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
}

/* From here on a system call fails. */
static int refuse(long number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The tables are a convenience. */
TEST_F_TIMEOUT(tool_arguments, run_without_mounts, 100)
{
	tool(&self->said, "run -v -- echo ran");
	EXPECT_EQ(NULL, strstr(self->said.err, "without"));
	ASSERT_EQ(0, refuse(SYS_mount));
	tool(&self->said, "run -- echo ran");
	EXPECT_EQ(0, self->said.status);
	EXPECT_STREQ("ran\n", self->said.out);
	EXPECT_STREQ("", self->said.err);
	tool(&self->said, "run -v -- echo ran");
	EXPECT_EQ(0, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "without xshm's tables"));
	ASSERT_EQ(0, refuse(SYS_unshare));
	tool(&self->said, "run -- echo ran");
	EXPECT_EQ(0, self->said.status);
	EXPECT_STREQ("ran\n", self->said.out);
}

TEST_HARNESS_MAIN
