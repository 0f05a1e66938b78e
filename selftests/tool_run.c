// SPDX-License-Identifier: GPL-2.0
/*
 * xshm run: this program runs itself under it, with the library preloaded or
 * traced, and calls there what any program calls; some as raw system calls,
 * which only the tracer sees.
 */
#include <sys/mount.h>

#include "tool_scenes.h"

FIXTURE(tool_run) {
	struct said said;
	char self[4096];
};

FIXTURE_SETUP(tool_run)
{
	FIND_SELF(self->self);
}

/* What nobody removed is somebody's mistake. */
FIXTURE_TEARDOWN(tool_run)
{
	if (!unavailable(&xshm) && !geteuid())
		EXPECT_EQ(0, kernel_segments());
}

#define PLAY(wanted_status, options, scene) do {				\
	tool(&self->said, "run " options " -- '%s' scene " scene, self->self);	\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
	EXPECT_STREQ("", self->said.err);					\
} while (0)

TEST_F_TIMEOUT(tool_run, trace_calls, 100)
{
	PLAY(0, "--trace", "use_segment");
}

TEST_F_TIMEOUT(tool_run, trace_stack, 100)
{
	PLAY(0, "--trace", "keep_stack");
}

TEST_F_TIMEOUT(tool_run, trace_threads, 100)
{
	PLAY(0, "--trace", "threads");
}

TEST_F_TIMEOUT(tool_run, trace_first_calls, 100)
{
	PLAY(0, "--trace", "first_calls");
}

TEST_F_TIMEOUT(tool_run, trace_children, 100)
{
	PLAY(0, "--trace", "children");
}

TEST_F_TIMEOUT(tool_run, trace_descriptors, 100)
{
	PLAY(0, "--trace", "descriptors");
}

TEST_F_TIMEOUT(tool_run, trace_stops, 100)
{
	PLAY(0, "--trace", "stops");
}

TEST_F_TIMEOUT(tool_run, trace_exec, 100)
{
	PLAY(0, "--trace", "exec_from_thread");
}

TEST_F_TIMEOUT(tool_run, trace_owner_bound, 100)
{
	PLAY(0, "--trace --owner-bound", "bound_to_maker");
}

/* Without the option nothing of that happens. */
TEST_F_TIMEOUT(tool_run, trace_not_bound, 100)
{
	tool(&self->said, "run --trace -- '%s' scene bound_to_maker", self->self);
	EXPECT_LT(0, self->said.status);
}

TEST_F_TIMEOUT(tool_run, status, 100)
{
	PLAY(42, "", "status_42");
	PLAY(42, "--trace", "status_42");
	PLAY(-SIGKILL, "", "killed");
	PLAY(-SIGKILL, "--trace", "killed");
}

TEST_F_TIMEOUT(tool_run, trace_as_user, 100)
{
	tool_as(&self->said, USER, "run --trace -- '%s' scene children", self->self);
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
}

TEST_F_TIMEOUT(tool_run, preload, 100)
{
	int id;

	PLAY(0, "", "by_library");
	id = xshmget(KEY, 0, 0);
	EXPECT_LE(0, id);
	EXPECT_EQ(0, xshmctl(id, IPC_RMID, NULL));
	/* What is preloaded already stays, behind. */
	tool(&self->said, "run -- sh -c 'echo $LD_PRELOAD'");
	EXPECT_NE(NULL, strstr(self->said.out, "/$LIB/libxshm-preload.so\n"));
	setenv("LD_PRELOAD", "libm.so.6", 1);
	setenv("XSHM_FALLBACK", "1", 1);
	tool(&self->said, "run -- sh -c 'echo $LD_PRELOAD$XSHM_FALLBACK'");
	unsetenv("LD_PRELOAD");
	unsetenv("XSHM_FALLBACK");
	EXPECT_NE(NULL, strstr(self->said.out, "/$LIB/libxshm-preload.so:libm.so.6\n"));
	EXPECT_STREQ("", self->said.err);
}

/* A child of the other size finds its own library, and the loader is content. */
TEST_F_TIMEOUT(tool_run, preload_32, 100)
{
	snprintf(strrchr(self->self, '/'), 20, "/compat32");
	if (access(self->self, X_OK))
		SKIP(return, "no 32-bit program");
	tool(&self->said, "run -- sh -c \"'%s' --help; true\"", self->self);
	EXPECT_EQ(NULL, strstr(self->said.err, "ERROR: ld.so")) TH_LOG("%s", self->said.err);
	tool(&self->said, "run -- '%s' --help", self->self);
	EXPECT_EQ(NULL, strstr(self->said.err, "ERROR: ld.so")) TH_LOG("%s", self->said.err);
	EXPECT_NE(125, self->said.status);
}

TEST_F_TIMEOUT(tool_run, owner_bound, 100)
{
	PLAY(0, "--owner-bound", "by_library");
	for (int i = 0; i < 100 && xshmget(KEY, 0, 0) >= 0; i++)
		usleep(50000);
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
}

/* Unmodified tools see xshm's table and limits where the kernel has its own. */
TEST_F_TIMEOUT(tool_run, tables, 100)
{
	char wanted[64];
	int id;

	if (access("/proc/sysvipc/shm", F_OK))
		SKIP(return, "this kernel has no System V shared memory");
	id = xshmget(KEY, SIZE, IPC_CREAT | 0600);
	ASSERT_LE(0, id);
	snprintf(wanted, sizeof(wanted), "\n0x%08x %d ", KEY, id);
	tool(&self->said, "run -- ipcs -m");
	EXPECT_NE(NULL, strstr(self->said.out, wanted)) TH_LOG("%s", self->said.out);
	tool(&self->said, "run -- sh -c 'echo 99 > /proc/sys/kernel/shmmni'");
	EXPECT_EQ(0, self->said.status);
	tool(&self->said, "limits -rn shmmni");
	EXPECT_STREQ("shmmni 99 1\n", self->said.out);
	tool(&self->said, "run --no-tables -- cat /proc/sys/kernel/shmmni");
	EXPECT_STREQ("4096\n", self->said.out);
	/* The mounts are the command's only. */
	run_line(&self->said, 0, "cat /proc/sys/kernel/shmmni");
	EXPECT_STREQ("4096\n", self->said.out);
	tool(&self->said, "run -- ipcrm -m %d", id);
	EXPECT_EQ(0, self->said.status);
	EXPECT_EQ(-1, xshmget(KEY, 0, 0));
}

static const char *make_file(char *path, const void *data, size_t size, mode_t mode, uid_t uid)
{
	int fd;

	strcpy(path, "/tmp/xshm-tool-run-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchown(fd, uid, uid) ||
	    fchmod(fd, mode))
		return NULL;
	close(fd);
	return path;
}

TEST_F_TIMEOUT(tool_run, refuses_set_uid, 100)
{
	char path[64];

	ASSERT_NE(NULL, make_file(path, "\177ELF", 4, 04755, OTHER));
	tool_as(&self->said, USER, "run -- %s", path);
	EXPECT_EQ(126, self->said.status) TH_LOG("%s", self->said.err);
	EXPECT_NE(NULL, strstr(self->said.err, "is set-uid"));
	tool_as(&self->said, USER, "run --trace -- %s", path);
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "is set-uid"));
	/* Found along PATH, it is run by nobody else. */
	setenv("PATH", "/tmp:/usr/bin:/bin", 1);
	tool_as(&self->said, USER, "run -- %s", path + 5);
	EXPECT_EQ(126, self->said.status);
	EXPECT_NE(NULL, strstr(self->said.err, "is set-uid"));
	EXPECT_EQ(NULL, strstr(self->said.err, "run by")) TH_LOG("%s", self->said.err);
	unlink(path);
}

TEST_F_TIMEOUT(tool_run, no_command, 100)
{
	tool(&self->said, "run -- /nonexistent/program");
	EXPECT_EQ(127, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
	tool(&self->said, "run -- /etc/passwd");
	EXPECT_EQ(126, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
}

/* Without the device: a refusal, or, when asked for, a word and the kernel's own. */
TEST_F_TIMEOUT(tool_run, fallback, 100)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("/dev/null", "/dev/xshm", NULL, MS_BIND, NULL));
	tool(&self->said, "run -- echo ran");
	EXPECT_EQ(125, self->said.status);
	EXPECT_STREQ("", self->said.out);
	tool(&self->said, "run --fallback -- echo ran");
	EXPECT_EQ(0, self->said.status);
	EXPECT_STREQ("ran\n", self->said.out);
	EXPECT_NE(NULL, strstr(self->said.err, "kernel's own"));
	ASSERT_EQ(0, umount("/dev/xshm"));
}

SCENES_MAIN
