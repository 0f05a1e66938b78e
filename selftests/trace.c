// SPDX-License-Identifier: GPL-2.0
/* The tracepoints: what they say, and when. */
#include "common.h"

#define TRACING		"/sys/kernel/tracing/"

FIXTURE(trace) {
	bool on;
	char text[65536];
};

FIXTURE_SETUP(trace)
{
	self->on = false;
	USE_BACKEND(&xshm);
	if (access(TRACING "events/xshm/enable", W_OK))
		SKIP(return, "no tracefs at " TRACING ", or no events in this kernel");
	/* Opened for writing anew, it is emptied. */
	close(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	ASSERT_EQ(0, write_text(TRACING "events/xshm/enable", "1"));
	self->on = true;
}

FIXTURE_TEARDOWN(trace)
{
	if (self->on)
		EXPECT_EQ(0, write_text(TRACING "events/xshm/enable", "0"));
}

static void read_trace(struct __test_metadata *_metadata, FIXTURE_DATA(trace) *self)
{
	int fd = open(TRACING "trace", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	ASSERT_LE(0, fd);
	while ((n = read(fd, self->text + length, sizeof(self->text) - 1 - length)) > 0)
		length += n;
	ASSERT_EQ(0, n);
	self->text[length] = 0;
	close(fd);
}

/* That text stands in the trace after the place, which then moves behind it. */
#define EXPECT_NEXT(at, ...) do {						\
	char wanted_[128], *found_;						\
										\
	snprintf(wanted_, sizeof(wanted_), __VA_ARGS__);			\
	found_ = strstr(at, wanted_);						\
	EXPECT_NE(NULL, found_) TH_LOG("no '%s' in '%s'", wanted_, at);		\
	if (found_)								\
		at = found_ + strlen(wanted_);					\
} while (0)

TEST_F(trace, life_of_a_segment)
{
	int id = GET(KEY, 5000, IPC_CREAT | 0600);
	char *p = ATTACH(id, 0), *at;
	pid_t child;

	child = fork();
	if (child == 0)
		_exit(0);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	ASSERT_EQ(0, dt(p));
	REMOVE(id);

	read_trace(_metadata, self);
	at = self->text;
	EXPECT_NEXT(at, "xshm_create: id=%d key=0x%08x bytes=5000\n", id, KEY);
	EXPECT_NEXT(at, "xshm_map: id=%d nattch=1\n", id);
	EXPECT_NEXT(at, "xshm_map: id=%d nattch=2\n", id);
	EXPECT_NEXT(at, "xshm_unmap: id=%d nattch=1\n", id);
	EXPECT_NEXT(at, "xshm_unmap: id=%d nattch=0\n", id);
	EXPECT_NEXT(at, "xshm_destroy: id=%d bytes=5000\n", id);
}

/* It says what happens, not what is refused. */
TEST_F(trace, nothing_of_what_is_refused)
{
	char mine[16], *line;
	int told = 0;

	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 0, 0600));
	EXPECT_EQ(-EINVAL, at(12345, NULL, 0));
	EXPECT_EQ(-EINVAL, ctl(12345, IPC_RMID, NULL));
	read_trace(_metadata, self);
	/* Segments of namespaces that have just ended may be on their way out. */
	snprintf(mine, sizeof(mine), "-%d ", getpid());
	for (line = strtok(self->text, "\n"); line; line = strtok(NULL, "\n"))
		told += strstr(line, mine) && strstr(line, "xshm_");
	EXPECT_EQ(0, told);
}

TEST_HARNESS_MAIN
