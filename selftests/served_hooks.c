// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks of xshm_sysv.ko beside others' uses of ftrace, loads that are refused, and
 * unloading that is.
 */
#include "hooks.h"

#define CALLS	20

FIXTURE(served_hooks) {
	bool there;		/* loaded when the test began */
	int file;
	struct trace trace;
	char function[32];	/* what shmget(2) is in the kernel */
};

FIXTURE_VARIANT(served_hooks) { int unused; };
FIXTURE_VARIANT_ADD(served_hooks, calls) { };

FIXTURE_SETUP(served_hooks)
{
	self->file = -1;
	USE_CALLS();
	self->there = true;
	self->file = open_sysv_module();
	strcpy(self->function, SHMGET);
}

FIXTURE_TEARDOWN(served_hooks)
{
	char path[160];

	if (!self->there)
		return;
	remove_all(&xshm);
	write_text(FTRACE, "1");
	if (self->trace.dir[0]) {
		snprintf(path, sizeof(path), "%s/current_tracer", self->trace.dir);
		write_text(path, "nop");
		trace_end(&self->trace);
	}
	if (access(SWITCH, F_OK))
		EXPECT_EQ(0, load_sysv(self->file, sysv_parameters));
	close(self->file);
}

#define UNLOAD() do {								\
	if (self->file < 0)							\
		SKIP(return, "no xshm_sysv.ko to load again");			\
	int err_ = unload_sysv();						\
										\
	if (err_ == -EAGAIN)							\
		SKIP(return, "somebody else has segments");			\
	ASSERT_EQ(0, err_);							\
	ASSERT_EQ(-ENOENT, read_number(SWITCH));				\
} while (0)

#define LOAD() do {								\
	ASSERT_EQ(0, load_sysv(self->file, sysv_parameters));			\
	ASSERT_EQ(0, serve(true));						\
} while (0)

TEST_F(served_hooks, function_tracer)
{
	char path[160];

	if (trace_begin(&self->trace, "xshm/xshm_create") == -ENOENT)
		SKIP(return, "no tracefs");
	snprintf(path, sizeof(path), "%s/set_ftrace_filter", self->trace.dir);
	if (write_text(path, self->function))
		SKIP(return, "no function tracing");
	snprintf(path, sizeof(path), "%s/current_tracer", self->trace.dir);
	ASSERT_EQ(0, write_text(path, "function"));
	for (int i = 0; i < CALLS; i++)
		EXPECT_TRUE(calls_work());
	snprintf(path, sizeof(path), "%s/tracing_on", self->trace.dir);
	ASSERT_EQ(0, write_text(path, "0"));
	snprintf(path, sizeof(path), "%s/trace", self->trace.dir);
	EXPECT_LE(CALLS, lines_with(path, self->function));
}

#define PROBE	"xshm_test_probe"

TEST_F(served_hooks, kprobe)
{
	char line[128], path[160];
	int fd;

	snprintf(line, sizeof(line), "p:%s %s\n", PROBE, self->function);
	fd = open(TRACEFS "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "no kprobe events");
	ASSERT_EQ(strlen(line), write(fd, line, strlen(line)));
	EXPECT_EQ(0, trace_begin(&self->trace, "kprobes/" PROBE));
	for (int i = 0; i < CALLS; i++)
		EXPECT_TRUE(calls_work());
	snprintf(path, sizeof(path), "%s/trace", self->trace.dir);
	EXPECT_LE(CALLS, lines_with(path, PROBE));
	trace_end(&self->trace);
	ASSERT_EQ(strlen("-:" PROBE), write(fd, "-:" PROBE, strlen("-:" PROBE)));
	close(fd);
}

/* A tracer that is there first, and one that goes while the module is loaded. */
TEST_F_TIMEOUT(served_hooks, loaded_while_traced, 100)
{
	char path[160];

	UNLOAD();
	if (trace_begin(&self->trace, "xshm/xshm_create") == -ENOENT)
		SKIP(return, "no tracefs");
	snprintf(path, sizeof(path), "%s/set_ftrace_filter", self->trace.dir);
	if (write_text(path, self->function))
		SKIP(return, "no function tracing");
	snprintf(path, sizeof(path), "%s/current_tracer", self->trace.dir);
	ASSERT_EQ(0, write_text(path, "function"));
	LOAD();
	EXPECT_TRUE(calls_work());
	ASSERT_EQ(0, write_text(path, "nop"));
	EXPECT_TRUE(calls_work());
	ASSERT_EQ(0, write_text(path, "function"));
	UNLOAD();
	EXPECT_EQ(kernel_has_sysv() ? -ENOENT : -ENOSYS, get(KEY, 0, 0));
}

TEST_F(served_hooks, ftrace_stays_on)
{
	if (access(FTRACE, F_OK))
		SKIP(return, "no switch for ftrace");
	/* Linux 7.x refuses it on its own. */
	int err = write_text(FTRACE, "0");

	EXPECT_TRUE(err == -EBUSY || err == -EOPNOTSUPP) TH_LOG("%d", err);
	EXPECT_EQ(1, read_number(FTRACE));
	EXPECT_TRUE(calls_work());
}

TEST_F_TIMEOUT(served_hooks, refused_without_ftrace, 100)
{
	int lines, of_all, err;

	if (access(FTRACE, F_OK))
		SKIP(return, "no switch for ftrace");
	UNLOAD();
	err = write_text(FTRACE, "0");
	if (err == -EOPNOTSUPP)
		SKIP(return, "this kernel's ftrace can't be switched off");
	ASSERT_EQ(0, err);
	lines = log_lines("ftrace is switched off");
	of_all = log_lines("");
	EXPECT_EQ(-EBUSY, load_sysv(self->file, ""));
	EXPECT_EQ(lines + 1, log_lines("ftrace is switched off"));
	EXPECT_EQ(of_all + 1, log_lines(""));
	EXPECT_STREQ("", what_is_left());
	ASSERT_EQ(0, write_text(FTRACE, "1"));
	EXPECT_STREQ("", what_is_left());
	LOAD();
	EXPECT_TRUE(calls_work());
}

/* As it is loaded by default: namespaces that are there are served, and new ones. */
TEST_F_TIMEOUT(served_hooks, of_all_namespaces, 100)
{
	UNLOAD();
	ASSERT_EQ(0, load_sysv(self->file, "serve=1"));
	EXPECT_EQ(1, read_number(SWITCH));
	EXPECT_TRUE(calls_work());
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_TRUE(calls_work());
	}
	UNLOAD();
	LOAD();
}

TEST_F(served_hooks, loaded_twice)
{
	if (self->file < 0)
		SKIP(return, "no xshm_sysv.ko");
	EXPECT_EQ(-EEXIST, load_sysv(self->file, "serve=0"));
	EXPECT_TRUE(calls_work());
}

TEST_F_TIMEOUT(served_hooks, xshm_goes_last, 100)
{
	EXPECT_NE(0, unload());
	EXPECT_TRUE(calls_work());
	UNLOAD();
	EXPECT_EQ(kernel_has_sysv() ? 0 : -1, access("/proc/sysvipc/shm", F_OK));
	EXPECT_EQ(kernel_has_sysv() ? -ENOENT : -ENOSYS, get(KEY, 0, 0));
}

/* What is in use stays loaded, and goes on to serve. */
TEST_F_TIMEOUT(served_hooks, busy, 100)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600), fd;
	char line[64];
	char *p;

	EXPECT_EQ(-EAGAIN, try_unload_sysv());
	EXPECT_EQ(id, get(KEY, 0, 0));
	EXPECT_TRUE(calls_work());
	p = ATTACH(id, 0);
	REMOVE(id);
	*p = 1;
	EXPECT_EQ(-EAGAIN, try_unload_sysv());
	EXPECT_TRUE(calls_work());
	EXPECT_EQ(0, dt(p));
	/* A table that is open holds it, too, and can be read to its end. */
	fd = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(10, read(fd, line, 10));
	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(-EAGAIN, try_unload_sysv());
		usleep(50000);
	}
	EXPECT_EQ(10, read(fd, line, 10));
	close(fd);
	UNLOAD();
}

/* What the kernel has holds nothing, and nobody finds xshm's of another life. */
TEST_F_TIMEOUT(served_hooks, segments_of_the_kernel_hold_nothing, 100)
{
	int theirs;
	char *p;

	if (!kernel_has_sysv())
		SKIP(return, "this kernel has no segments of its own");
	ASSERT_EQ(0, serve(false));
	theirs = GET(KEY, 4096, IPC_CREAT | 0600);
	ASSERT_EQ(0, serve(true));
	p = ATTACH(theirs, 0);
	*p = 'k';
	UNLOAD();
	EXPECT_EQ('k', *p);
	EXPECT_EQ(1, NATTCH(theirs));
	LOAD();
	EXPECT_EQ(theirs, get(KEY, 0, 0));
	EXPECT_EQ(1, NATTCH(theirs));
	EXPECT_EQ(0, dt(p));
	REMOVE(theirs);
}

TEST_HARNESS_MAIN
