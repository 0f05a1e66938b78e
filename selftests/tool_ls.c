// SPDX-License-Identifier: GPL-2.0
/* What xshm ls costs: files that it opens, counted rather than timed. */
#include <sys/inotify.h>

#include "tool.h"

enum { SEGMENTS = 60 };

FIXTURE(tool_ls) {
	struct said said;
	int watch;
};

FIXTURE_SETUP(tool_ls)
{
	USE_BACKEND(&xshm);
	self->watch = -1;
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
	self->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ASSERT_LE(0, self->watch);
	for (int i = 0; i < SEGMENTS; i++)
		ASSERT_LE(0, xshmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
}

FIXTURE_TEARDOWN(tool_ls)
{
	if (self->watch >= 0)
		close(self->watch);
}

/* How often the file was opened; equal events that follow each other are one. */
static int count_opens(int watch)
{
	char buf[65536] __attribute__((aligned(8)));
	int count = 0;
	ssize_t got;

	while ((got = read(watch, buf, sizeof(buf))) > 0)
		for (char *at = buf; at < buf + got;
		     at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len)
			count += (((struct inotify_event *)at)->mask & IN_OPEN) != 0;
	return count;
}

#define OPENS(limit, file, ...) do {						\
	int opens_;								\
										\
	ASSERT_LE(0, inotify_add_watch(self->watch, file, IN_OPEN | IN_CLOSE));	\
	tool(&self->said, __VA_ARGS__);						\
	ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);		\
	opens_ = count_opens(self->watch);					\
	EXPECT_LE(1, opens_);							\
	EXPECT_GE(limit, opens_) TH_LOG("%s was opened %d times", file, opens_); \
} while (0)

/* An owner, of however many segments, is looked up once. */
TEST_F_TIMEOUT(tool_ls, users_once, 100)
{
	OPENS(2, "/etc/passwd", "ls");
	OPENS(2, "/etc/passwd", "ls -J -o owner,creator");
	OPENS(2, "/etc/passwd", "top -b -n 1");
}

TEST_F_TIMEOUT(tool_ls, groups_once, 100)
{
	OPENS(2, "/etc/group", "ls -c");
}

/* A process is read once, however often it has them attached, and named once. */
TEST_F_TIMEOUT(tool_ls, processes_once, 100)
{
	int id = xshmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	char path[64];

	for (int i = 0; i < SEGMENTS; i++)
		ASSERT_NE((void *)-1, xshmat(id, NULL, 0));
	snprintf(path, sizeof(path), "/proc/%d/comm", getpid());
	OPENS(1, path, "ls -A");
	OPENS(1, path, "ls -p");
	ASSERT_EQ(0, inotify_rm_watch(self->watch, 1));
	snprintf(path, sizeof(path), "/proc/%d/maps", getpid());
	OPENS(1, path, "ls -A");
}

TEST_HARNESS_MAIN
