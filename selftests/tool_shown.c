// SPDX-License-Identifier: GPL-2.0
/*
 * What others have chosen and the command shows: names of processes, of users, of
 * interpreters. None of it may reach a terminal as a control, and JSON stays JSON.
 */
#include <sys/mount.h>
#include <sys/prctl.h>

#include "tool.h"

#define UTF8	"LC_ALL=C.UTF-8 "
#define ASCII	"LC_ALL=C "

FIXTURE(tool_shown) {
	struct said said;
	int id, stop[2];
	pid_t user;
};

FIXTURE_SETUP(tool_shown)
{
	self->user = 0;
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
}

/* A user's process of that name, which has made a segment and attached it. */
static void start_user(struct __test_metadata *_metadata, FIXTURE_DATA(tool_shown) *self,
		       const char *name)
{
	int ids[2];

	ASSERT_EQ(0, pipe(ids));
	ASSERT_EQ(0, pipe(self->stop));
	self->user = fork();
	if (!self->user) {
		char byte;
		int id;

		close(self->stop[1]);
		if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER) ||
		    prctl(PR_SET_NAME, name) || prctl(PR_SET_DUMPABLE, 1))
			_exit(1);
		id = xshmget(IPC_PRIVATE, 4096, 0644);
		if (xshmat(id, NULL, 0) == (void *)-1 ||
		    write(ids[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		_exit(read(self->stop[0], &byte, 1) != 0);
	}
	close(ids[1]);
	ASSERT_EQ(sizeof(self->id), read(ids[0], &self->id, sizeof(self->id)));
	close(ids[0]);
}

FIXTURE_TEARDOWN(tool_shown)
{
	if (self->user <= 0)
		return;
	close(self->stop[1]);
	waitpid(self->user, NULL, 0);
	xshmctl(self->id, IPC_RMID, NULL);
}

/* Where the text is no printable UTF-8, or -1. */
static long harm_at(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		unsigned int c = *at;
		int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : -1;

		if ((c < ' ' && c != '\n') || c == 0x7f || more < 0)
			return (char *)at - text;
		/* C1, and what turns the order of the others round. */
		if ((c == 0xc2 && at[1] < 0xa0) ||
		    (c == 0xe2 && at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae))
			return (char *)at - text;
		for (at++; more; more--, at++)
			if ((*at & 0xc0) != 0x80)
				return (char *)at - text;
	}
	return -1;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

/* In all that shows it, in both kinds of locale. */
static void expect_shown(struct __test_metadata *_metadata, FIXTURE_DATA(tool_shown) *self,
			 const char *in_utf8, const char *in_ascii)
{
	static const char *const commands[] = {
		"stat %d", "ls -A", "ls -A %d", "ls -p", "top -b -n 1", "ls -a", "sysv -A",
	};
	char line[8192];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		for (int utf8 = 0; utf8 < 2; utf8++) {
			int length = snprintf(line, sizeof(line), "%s exec '%s' ",
					      utf8 ? UTF8 : ASCII, built("xshm"));

			snprintf(line + length, sizeof(line) - length, commands[i], self->id);
			run_line(&self->said, 0, line);
			ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
			EXPECT_EQ(-1, harm_at(self->said.out)) TH_LOG("%s", commands[i]);
			EXPECT_EQ(-1, harm_at(self->said.err));
			/* Others than the first process of a namespace are not shown there. */
			if (strncmp(commands[i], "sysv", 4))
				EXPECT_NE(NULL, strstr(self->said.out, utf8 ? in_utf8 : in_ascii))
					TH_LOG("%s: %s", commands[i], self->said.out);
			if (!utf8)
				EXPECT_TRUE(is_ascii(self->said.out));
		}
	}
}

TEST_F_TIMEOUT(tool_shown, escape, 100)
{
	start_user(_metadata, self, "\033[2J\007\177x");
	expect_shown(_metadata, self, "?[2J??x", "?[2J??x");
}

TEST_F_TIMEOUT(tool_shown, c1, 100)
{
	start_user(_metadata, self, "a\302\2332J\233b\303\251");
	expect_shown(_metadata, self, "a??2J?b\303\251", "a??2J?b??");
}

/* Right to left from here on, a line separator, and one that has no width. */
TEST_F_TIMEOUT(tool_shown, order, 100)
{
	start_user(_metadata, self, "\342\200\256a\342\200\250b\342\200\213");
	expect_shown(_metadata, self, "???a???b???", "???a???b???");
}

/* The kernel cuts names at 15 bytes. */
TEST_F_TIMEOUT(tool_shown, cut_character, 100)
{
	start_user(_metadata, self, "aaaaaaaaaaaaa\342\202\254");
	expect_shown(_metadata, self, "aaaaaaaaaaaaa??", "aaaaaaaaaaaaa??");
}

/* JSON::PP refuses what is not UTF-8 and what is no JSON. */
static void expect_json(struct __test_metadata *_metadata, FIXTURE_DATA(tool_shown) *self,
			const char *wanted)
{
	static const char *const commands[] = { "ls -aAJ", "stat -J %d", "ls -J -o ccommand" };
	char line[8192];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		tool(&self->said, commands[i], self->id);
		ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
		EXPECT_NE(NULL, strstr(self->said.out, wanted))
			TH_LOG("%s: %s", commands[i], self->said.out);
		EXPECT_TRUE(is_ascii(self->said.out));
		EXPECT_EQ(-1, harm_at(self->said.out));
		run_line(&self->said, 0, "perl -MJSON::PP -e 1");
		if (self->said.status)
			continue;
		snprintf(line, sizeof(line), "'%s' ", built("xshm"));
		snprintf(line + strlen(line), sizeof(line) - strlen(line), commands[i], self->id);
		strcat(line, " | perl -MJSON::PP -e 'local $/; decode_json(<STDIN>); print 1'");
		run_line(&self->said, 0, line);
		EXPECT_STREQ("1", self->said.out) TH_LOG("%s", self->said.err);
	}
}

TEST_F_TIMEOUT(tool_shown, json_cut_character, 100)
{
	start_user(_metadata, self, "aaaaaaaaaaaaa\342\202\254");
	expect_json(_metadata, self, "\"aaaaaaaaaaaaa\\ufffd\\ufffd\"");
}

/* Too long a form, a surrogate, and what is right: two, three and four bytes. */
TEST_F_TIMEOUT(tool_shown, json_bytes, 100)
{
	start_user(_metadata, self, "\"\\\377\300\257\355\240\200");
	expect_json(_metadata, self,
		    "\"\\\"\\\\\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

TEST_F_TIMEOUT(tool_shown, json_characters, 100)
{
	start_user(_metadata, self, "\303\251\342\202\254\360\237\230\200\302\233");
	expect_json(_metadata, self, "\"\\u00e9\\u20ac\\ud83d\\ude00\\u009b\"");
}

/* In a line for scripts, each word can be read back. */
TEST_F_TIMEOUT(tool_shown, raw, 100)
{
	char line[8192];

	start_user(_metadata, self, "a b\\\033\302\233\303\251");
	snprintf(line, sizeof(line), ASCII "exec '%s' ls -rn -o ccommand", built("xshm"));
	run_line(&self->said, 0, line);
	EXPECT_STREQ("a\\x20b\\x5c\\x1b\\xc2\\x9b\\xc3\\xa9\n", self->said.out);
	snprintf(line, sizeof(line), UTF8 "exec '%s' ls -rn -o ccommand", built("xshm"));
	run_line(&self->said, 0, line);
	EXPECT_STREQ("a\\x20b\\x5c\\x1b\\xc2\\x9b\303\251\n", self->said.out);
}

/* Aligned by what is seen, and cut between characters. */
TEST_F_TIMEOUT(tool_shown, width, 100)
{
	char line[8192], *first, *second;

	start_user(_metadata, self, "\303\251\303\251\303\251");
	snprintf(line, sizeof(line), UTF8 "exec '%s' ls -o ccommand,shmid", built("xshm"));
	run_line(&self->said, 0, line);
	first = strchr(self->said.out, '\n');
	ASSERT_NE(NULL, first);
	second = strchr(first + 1, '\n');
	ASSERT_NE(NULL, second);
	/* CCOMMAND SHMID: three characters, whose bytes are six. */
	EXPECT_EQ((first - self->said.out) + 3, second - first - 1) TH_LOG("%s", self->said.out);
}

TEST_F_TIMEOUT(tool_shown, user_name, 100)
{
	char path[] = "/tmp/xshm-tool-shown-XXXXXX";
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	dprintf(fd, "root:x:0:0::/:\n\033[2Jme:x:%d:%d::/:\n", USER, USER);
	fchmod(fd, 0644);
	close(fd);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount(path, "/etc/passwd", NULL, MS_BIND, NULL));
	unlink(path);
	start_user(_metadata, self, "plain");
	expect_shown(_metadata, self, "?[2Jme", "?[2Jme");
	tool(&self->said, "ls -c");
	EXPECT_NE(NULL, strstr(self->said.out, "?[2Jme"));
	ASSERT_EQ(0, umount("/etc/passwd"));
}

/* What a script names as its interpreter comes out in messages. */
TEST_F_TIMEOUT(tool_shown, interpreter, 100)
{
	char path[] = "/tmp/xshm-tool-shown-XXXXXX", file[64];
	int fd;

	ASSERT_NE(NULL, mkdtemp(path));
	snprintf(file, sizeof(file), "%s/\033[2J", path);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ASSERT_LE(0, fd);
	ASSERT_EQ(64, write(fd, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\377\377"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 64));
	close(fd);
	snprintf(file, sizeof(file), "%s/script", path);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ASSERT_LE(0, fd);
	dprintf(fd, "#!%s/\033[2J\n", path);
	close(fd);
	tool(&self->said, "run -- %s", file);
	EXPECT_EQ(126, self->said.status);
	EXPECT_EQ(-1, harm_at(self->said.err)) TH_LOG("%s", self->said.err);
	EXPECT_NE(NULL, strstr(self->said.err, "/?[2J")) TH_LOG("%s", self->said.err);
	tool(&self->said, "ls \"$(printf '\\033[2J')\"");
	EXPECT_EQ(2, self->said.status);
	EXPECT_EQ(-1, harm_at(self->said.err));
	snprintf(file, sizeof(file), "rm -r %s", path);
	run_line(&self->said, 0, file);
}

TEST_HARNESS_MAIN
