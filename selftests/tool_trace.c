// SPDX-License-Identifier: GPL-2.0
/*
 * xshm run --trace: that threads get their turn, that the tracer ends with its
 * command and not before, and what it leaves alone in those that it traces.
 */
#include "tool_trace_scenes.h"

FIXTURE(tool_trace) {
	struct said said;
	char self[4096];
};

FIXTURE_SETUP(tool_trace)
{
	FIND_SELF(self->self);
}

FIXTURE_TEARDOWN(tool_trace)
{
}

#define PLAY_AS(uid, scene) do {						\
	tool_as(&self->said, uid, "run --trace -- '%s' scene " scene, self->self); \
	ASSERT_EQ(0, self->said.status)						\
		TH_LOG("said '%s' '%s'", self->said.out, self->said.err);	\
	EXPECT_STREQ("", self->said.err);					\
} while (0)

#define PLAY(scene) PLAY_AS(0, scene)

TEST_F_TIMEOUT(tool_trace, threads_have_turns, 100)
{
	PLAY("fair");
	TH_LOG("%s", self->said.out);
}

TEST_F_TIMEOUT(tool_trace, threads_come_up, 100)
{
	PLAY("creation");
	TH_LOG("%s", self->said.out);
}

TEST_F_TIMEOUT(tool_trace, exec_among_many, 100)
{
	PLAY("exec_spinning");
}

TEST_F_TIMEOUT(tool_trace, many_threads, 100)
{
	PLAY("many_threads");
}

/* It ends with the command, and by nothing else. */
TEST_F_TIMEOUT(tool_trace, signals, 100)
{
	pid_t tracer;

	PLAY("signals");
	tracer = atoi(self->said.out);
	ASSERT_LT(1, tracer);
	for (int i = 0; i < 200 && !kill(tracer, 0); i++)
		usleep(50000);
	EXPECT_EQ(-1, kill(tracer, 0));
}

/* What pkill -f looks for is the command's. */
TEST_F_TIMEOUT(tool_trace, names, 100)
{
	PLAY("names");
}

TEST_F_TIMEOUT(tool_trace, memory_is_its_own, 100)
{
	PLAY("unseen");
	PLAY("last_of_stack");
}

TEST_F_TIMEOUT(tool_trace, mapped_once, 100)
{
	PLAY("mapped_once");
}

TEST_F_TIMEOUT(tool_trace, other_file, 100)
{
	PLAY("node_is_a_file");
}

/* As the library says it. */
TEST_F_TIMEOUT(tool_trace, forbidden, 100)
{
	int status;

	ASSERT_EQ(0, chmod("/dev/xshm", 0600));
	tool(&self->said, "run --trace -- '%s' scene no_permission", self->self);
	status = self->said.status;
	EXPECT_EQ(0, chmod("/dev/xshm", 0666));
	EXPECT_EQ(0, status);
}

TEST_F_TIMEOUT(tool_trace, closed_files, 100)
{
	char line[9000];

	snprintf(line, sizeof(line), "exec '%s' run -t -- '%s' scene nothing <&- >&-",
		 built("xshm"), self->self);
	run_line(&self->said, 0, line);
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	snprintf(line, sizeof(line), "exec '%s' run -t -- '%s' scene nothing <&- >&- 2>&-",
		 built("xshm"), self->self);
	run_line(&self->said, 0, line);
	EXPECT_EQ(0, self->said.status);
}

TEST_F_TIMEOUT(tool_trace, other_proc, 100)
{
	PLAY("proc_is_gone");
	/* Told at the start where it is so then. */
	snprintf(self->said.out, sizeof(self->said.out),
		 "exec unshare --pid --fork '%s' run --trace -- true", built("xshm"));
	run_line(&self->said, 0, strdupa(self->said.out));
	EXPECT_EQ(125, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "/proc is not")) TH_LOG("%s", self->said.err);
}

TEST_F_TIMEOUT(tool_trace, not_dumpable, 100)
{
	PLAY_AS(USER, "not_dumpable");
	PLAY_AS(0, "not_dumpable");
}

/* May be executed, but not read: no tracer may see into it. */
TEST_F_TIMEOUT(tool_trace, not_readable, 100)
{
	char line[10000];

	snprintf(line, sizeof(line), "umask 077; mkdir /tmp/xshm-0111 && chmod 755 /tmp/xshm-0111 "
		 "&& cp '%s' /tmp/xshm-0111/p && chmod 0111 /tmp/xshm-0111/p", self->self);
	run_line(&self->said, 0, line);
	ASSERT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	tool_as(&self->said, USER, "run --trace -- /tmp/xshm-0111/p scene nothing");
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "not read")) TH_LOG("%s", self->said.err);
	tool(&self->said, "run --trace -- /tmp/xshm-0111/p scene nothing");
	EXPECT_EQ(0, self->said.status);
	run_line(&self->said, 0, "rm -r /tmp/xshm-0111");
}

TEST_F_TIMEOUT(tool_trace, descriptors_in_use, 100)
{
	PLAY_AS(USER, "full_table");
	PLAY("full_for_good");
}

TEST_F_TIMEOUT(tool_trace, chroot, 100)
{
	PLAY("empty_root");
	run_line(&self->said, 0, "rmdir /tmp/xshm-tool-trace-*");
}

#if defined(__x86_64__)
TEST_F_TIMEOUT(tool_trace, both_sizes, 100)
{
	PLAY("both_sizes");
	PLAY("old_size");
}
#endif

SCENES_MAIN
