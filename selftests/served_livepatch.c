// SPDX-License-Identifier: GPL-2.0
/*
 * A live patch of a function that xshm_sysv.ko hooks: who comes second is refused, and the
 * first goes on. The patch is a module of the tests' own, in which shmget(2) says EXDEV.
 */
#include "hooks.h"

#define PATCH	"/sys/kernel/livepatch/xshm_test_livepatch"

FIXTURE(served_livepatch) {
	int sysv, patch;
};

FIXTURE_VARIANT(served_livepatch) { int unused; };
FIXTURE_VARIANT_ADD(served_livepatch, calls) { };

/* In tests/ beside xshm.ko: a descriptor, or -1. */
static int open_patch(int sysv)
{
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", sysv);
	length = readlink(link, path, sizeof(path) - 40);
	if (length < 0)
		return -1;
	path[length] = 0;
	strcpy(strrchr(path, '/'), "/tests/xshm_test_livepatch.ko");
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int load_patch(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static bool in_transition(void)
{
	return read_number(PATCH "/transition") == 1;
}

/* A patch is complete once every task has left the function. */
static bool patch_complete(void)
{
	for (int i = 0; i < 600 && in_transition(); i++)
		usleep(50000);
	return read_number(PATCH "/transition") == 0;
}

static int unload_patch(void)
{
	int err = write_text(PATCH "/enabled", "0");

	for (int i = 0; i < 600 && !err && !access(PATCH, F_OK); i++)
		usleep(50000);
	for (int i = 0; i < 100 && !err; i++) {
		if (!syscall(SYS_delete_module, "xshm_test_livepatch", O_NONBLOCK))
			return 0;
		usleep(50000);
	}
	return err ?: -errno;
}

FIXTURE_SETUP(served_livepatch)
{
	self->sysv = self->patch = -1;
	if (access("/sys/kernel/livepatch", F_OK))
		SKIP(return, "no live patches in this kernel");
	USE_CALLS();
	self->sysv = open_sysv_module();
	self->patch = open_patch(self->sysv);
	if (self->patch < 0)
		SKIP(return, "no live patch beside xshm.ko: make test-modules-KERNEL");
}

FIXTURE_TEARDOWN(served_livepatch)
{
	if (!access(PATCH, F_OK))
		EXPECT_EQ(0, unload_patch());
	if (self->sysv >= 0 && access(SWITCH, F_OK))
		EXPECT_EQ(0, load_sysv(self->sysv, sysv_parameters));
	close(self->patch);
	close(self->sysv);
}

TEST_F_TIMEOUT(served_livepatch, after_the_module, 120)
{
	EXPECT_EQ(-EBUSY, load_patch(self->patch));
	EXPECT_NE(0, access(PATCH, F_OK));
	EXPECT_NE(0, access("/sys/module/xshm_test_livepatch", F_OK));
	EXPECT_TRUE(calls_work());
}

TEST_F_TIMEOUT(served_livepatch, before_the_module, 120)
{
	int refused = log_lines(SHMGET);

	if (unload_sysv() == -EAGAIN)
		SKIP(return, "somebody else has segments");
	ASSERT_EQ(0, load_patch(self->patch));
	ASSERT_TRUE(patch_complete());
	EXPECT_EQ(-EXDEV, get(IPC_PRIVATE, 4096, 0600));
	EXPECT_EQ(-EBUSY, load_sysv(self->sysv, "serve=1"));
	/* One line that names the function, and nothing half done. */
	EXPECT_EQ(refused + 1, log_lines(SHMGET));
	EXPECT_NE(0, access("/sys/module/xshm_sysv", F_OK));
	EXPECT_EQ(0, lines_with(TRACEFS "/enabled_functions", "xshm_sysv"));
	EXPECT_EQ(-EXDEV, get(IPC_PRIVATE, 4096, 0600));
	ASSERT_EQ(0, unload_patch());
	EXPECT_STREQ("", what_is_left());
	ASSERT_EQ(0, load_sysv(self->sysv, sysv_parameters));
	ASSERT_EQ(0, serve(true));
	EXPECT_TRUE(calls_work());
}

TEST_HARNESS_MAIN
