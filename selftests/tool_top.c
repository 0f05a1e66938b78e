// SPDX-License-Identifier: GPL-2.0
/* xshm top: in a pipe, and on a terminal that it must leave as it was. */
#include <sys/ioctl.h>
#include <termios.h>

#include "tool.h"

#define LEAVES "\033[?25h\033[?1049l"

FIXTURE(tool_top) {
	struct said said;
	int id, master;
	pid_t pid;
	struct termios before;
	char screen[1 << 16];
	size_t used;
};

/* Starts it on a terminal of 80x24. */
static void start(FIXTURE_DATA(tool_top) *self, const char *option)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int slave;

	self->master = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(self->master);
	unlockpt(self->master);
	ioctl(self->master, TIOCSWINSZ, &size);
	slave = open(ptsname(self->master), O_RDWR | O_NOCTTY);
	tcgetattr(slave, &self->before);
	self->pid = fork();
	if (!self->pid) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		setenv("TERM", "xterm", 1);
		execl(built("xshm"), "xshm", "top", "-d", "0.2", option, NULL);
		_exit(99);
	}
	/* Ours stays open: else its end would be the end of the terminal. */
}

static int occurrences(const char *where, const char *text)
{
	int count = 0;

	while ((where = strstr(where, text))) {
		count++;
		where += strlen(text);
	}
	return count;
}

/* Reads until the text has come so often since the last call, at most 20 seconds. */
static bool await_times(FIXTURE_DATA(tool_top) *self, const char *text, int times)
{
	time_t end = time(NULL) + 20;

	self->used = 0;
	while (time(NULL) < end && self->used < sizeof(self->screen) - 1) {
		struct pollfd fd = { self->master, POLLIN, 0 };
		ssize_t got;

		if (poll(&fd, 1, 500) <= 0)
			continue;
		got = read(self->master, self->screen + self->used,
			   sizeof(self->screen) - 1 - self->used);
		if (got <= 0)
			return false;
		self->used += got;
		self->screen[self->used] = 0;
		if (occurrences(self->screen, text) >= times)
			return true;
	}
	return false;
}

static bool await(FIXTURE_DATA(tool_top) *self, const char *text)
{
	return await_times(self, text, 1);
}

/* The status as a shell would have it, -1 if it did not end. */
static int end_of(pid_t pid)
{
	int status;

	for (int i = 0; i < 200; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		usleep(50000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static bool is_as_before(FIXTURE_DATA(tool_top) *self)
{
	struct termios after;
	int slave = open(ptsname(self->master), O_RDWR | O_NOCTTY);

	tcgetattr(slave, &after);
	close(slave);
	return after.c_lflag == self->before.c_lflag && after.c_iflag == self->before.c_iflag &&
	       after.c_oflag == self->before.c_oflag;
}

FIXTURE_SETUP(tool_top)
{
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
	self->id = make_orphan(KEY, 12345678);
	ASSERT_LE(0, self->id);
}

FIXTURE_TEARDOWN(tool_top) {}

TEST_F(tool_top, pipe)
{
	char wanted[128];

	tool(&self->said, "top");
	EXPECT_EQ(0, self->said.status);
	snprintf(wanted, sizeof(wanted), "%10d 0x%08x root       11M     0     0     0      0 ",
		 self->id, KEY);
	EXPECT_NE(NULL, strstr(self->said.out, wanted)) TH_LOG("%s", self->said.out);
	EXPECT_NE(NULL, strstr(self->said.out, "orphan"));
	EXPECT_NE(NULL, strstr(self->said.out, "1 of 4096 segments, 1 orphans"));
	EXPECT_EQ(NULL, strchr(self->said.out, '\033'));
	tool(&self->said, "top -b -n 2 -d 0.1 | grep -c '^xshm top'");
	EXPECT_STREQ("2\n", self->said.out);
}

TEST_F(tool_top, sorted)
{
	int small = xshmget(IPC_PRIVATE, 4096, 0600);
	char *first, *second, a[32], b[32];
	void *p = xshmat(small, NULL, 0);

	ASSERT_NE((void *)-1, p);
	*(char *)p = 1;
	snprintf(a, sizeof(a), "\n%10d ", self->id);
	snprintf(b, sizeof(b), "\n%10d ", small);
	tool(&self->said, "top -s size");
	first = strstr(self->said.out, a);
	second = strstr(self->said.out, b);
	ASSERT_NE(NULL, first);
	EXPECT_LT(first, second);
	tool(&self->said, "top -s res");
	first = strstr(self->said.out, a);
	second = strstr(self->said.out, b);
	ASSERT_NE(NULL, second);
	EXPECT_LT(second, first);
	EXPECT_EQ(0, xshmdt(p));
}

TEST_F(tool_top, quit)
{
	start(self, NULL);
	ASSERT_TRUE(await(self, "orphan"));
	EXPECT_NE(NULL, strstr(self->screen, "\033[?1049h"));
	ASSERT_EQ(1, write(self->master, "s", 1));
	EXPECT_TRUE(await(self, "by swap"));
	ASSERT_EQ(1, write(self->master, "r", 1));
	EXPECT_TRUE(await(self, "ascending"));
	ASSERT_EQ(1, write(self->master, "q", 1));
	EXPECT_TRUE(await(self, LEAVES));
	EXPECT_EQ(0, end_of(self->pid));
	EXPECT_TRUE(is_as_before(self));
}

TEST_F(tool_top, interrupt)
{
	start(self, NULL);
	ASSERT_TRUE(await(self, "orphan"));
	/* The key, so that the terminal makes the signal of it. */
	ASSERT_EQ(1, write(self->master, "\003", 1));
	EXPECT_TRUE(await(self, LEAVES));
	EXPECT_EQ(128 + SIGINT, end_of(self->pid));
	EXPECT_TRUE(is_as_before(self));
}

TEST_F(tool_top, terminate)
{
	start(self, NULL);
	ASSERT_TRUE(await(self, "orphan"));
	kill(self->pid, SIGTERM);
	EXPECT_TRUE(await(self, LEAVES));
	EXPECT_EQ(128 + SIGTERM, end_of(self->pid));
	EXPECT_TRUE(is_as_before(self));
}

/* No line is longer than the terminal, and it fills just its rows. */
TEST_F(tool_top, resize)
{
	struct winsize size = { .ws_row = 10, .ws_col = 40 };
	int rows = 1;
	char *picture, *line;

	for (int i = 0; i < 20; i++)
		ASSERT_LE(0, make_orphan(IPC_PRIVATE, 4096));
	start(self, NULL);
	ASSERT_TRUE(await(self, "more below"));
	ASSERT_EQ(0, ioctl(self->master, TIOCSWINSZ, &size));
	kill(self->pid, SIGWINCH);
	/* What is cut like this at the new width only; then a whole picture. */
	ASSERT_TRUE(await(self, "q quit  s sort  r reverse  o orphans   1\033"));
	ASSERT_TRUE(await_times(self, "\033[H", 2));
	picture = strstr(self->screen, "\033[H");
	ASSERT_NE(NULL, picture);
	picture += 3;
	line = strstr(picture, "\033[H");
	ASSERT_NE(NULL, line);
	*line = 0;
	for (line = picture; *line; ) {
		size_t length = strcspn(line, "\033\r\n");

		EXPECT_GE(40, length);
		line += length;
		if (!strncmp(line, "\033[K", 3))
			line += 3;
		if (!strncmp(line, "\r\n", 2)) {
			line += 2;
			rows++;
		} else if (*line == '\r' || *line == '\n') {
			line++;
		}
	}
	EXPECT_EQ(10, rows);
	kill(self->pid, SIGTERM);
	EXPECT_TRUE(await(self, LEAVES));
	EXPECT_EQ(128 + SIGTERM, end_of(self->pid));
}

/* A key of more than one byte is none of the letters in it. */
TEST_F(tool_top, function_keys)
{
	start(self, NULL);
	ASSERT_TRUE(await(self, "xshm top"));
	/* F2 and the arrow upwards. */
	ASSERT_EQ(6, write(self->master, "\033OQ\033[A", 6));
	EXPECT_TRUE(await_times(self, "xshm top", 5));
	EXPECT_EQ(0, waitpid(self->pid, NULL, WNOHANG));
	ASSERT_EQ(1, write(self->master, "q", 1));
	EXPECT_EQ(0, end_of(self->pid));
	close(self->master);
}

/* SIGSTOP can't be caught; the shell then takes the terminal back. */
TEST_F(tool_top, stopped_and_continued)
{
	struct termios now;
	int slave, status;

	start(self, NULL);
	ASSERT_TRUE(await(self, "xshm top"));
	kill(self->pid, SIGSTOP);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, WUNTRACED));
	slave = open(ptsname(self->master), O_RDWR | O_NOCTTY);
	ASSERT_EQ(0, tcsetattr(slave, TCSANOW, &self->before));
	kill(self->pid, SIGCONT);
	ASSERT_TRUE(await(self, "\033[?1049h"));
	ASSERT_TRUE(await(self, "xshm top"));
	ASSERT_EQ(0, tcgetattr(slave, &now));
	EXPECT_EQ(0, now.c_lflag & (ICANON | ECHO));
	close(slave);
	ASSERT_EQ(1, write(self->master, "q", 1));
	EXPECT_EQ(0, end_of(self->pid));
	EXPECT_TRUE(is_as_before(self));
	close(self->master);
}

/* What is left out is not further below: 19 lines of 24 are for segments. */
TEST_F(tool_top, more_below)
{
	enum { ORPHANS = 30, ALL = 40 };
	int ids[ALL];

	for (int i = 0; i < ALL; i++) {
		ids[i] = i < ORPHANS ? make_orphan(IPC_PRIVATE, 4096) :
			 xshmget(IPC_PRIVATE, 4096, 0600);
		ASSERT_LE(0, ids[i]);
	}
	start(self, NULL);
	EXPECT_TRUE(await(self, " 22 more below"));
	ASSERT_EQ(1, write(self->master, "o", 1));
	EXPECT_TRUE(await(self, " 12 more below"));
	ASSERT_EQ(1, write(self->master, "q", 1));
	EXPECT_EQ(0, end_of(self->pid));
	close(self->master);
	for (int i = 0; i < ALL; i++)
		EXPECT_EQ(0, xshmctl(ids[i], IPC_RMID, NULL));
}

TEST_F(tool_top, dumb_terminal)
{
	run_line(&self->said, 0, "command -v script");
	if (self->said.status)
		SKIP(return, "no script(1), which makes terminals");
	snprintf(self->screen, sizeof(self->screen),
		 "TERM=dumb script -qec \"'%s' top -n 1\" /dev/null", built("xshm"));
	run_line(&self->said, 0, self->screen);
	EXPECT_EQ(0, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.out, "xshm top"));
	EXPECT_EQ(NULL, strchr(self->said.out, '\033'));
}

TEST_HARNESS_MAIN
