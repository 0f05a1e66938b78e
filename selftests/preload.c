// SPDX-License-Identifier: GPL-2.0
/*
 * libxshm-preload.so: this program runs itself anew with the library preloaded,
 * and calls the C library's functions there as any program does.
 */
#include <dlfcn.h>

#include "preload.h"

/* The C library's functions. */
static const struct backend library = { .get = shmget, .at = shmat, .dt = shmdt, .ctl = shmctl };

static int all_calls(void)
{
	struct xshm_ds ds;
	int id;

	errno = 4711;
	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(id >= 0 && errno == 4711);
	CHECK(shmget(KEY, 0, 0) == id);
	CHECK(kernel_segments() == 0);
	CHECK(xshm_stat(id, &ds) == 0 && ds.key == KEY && ds.segsz == SIZE);
	CHECK(!(ds.attributes & XSHM_ATTR_OWNER_BOUND));
	return use_segment(&library, id);
}

static int in_children(void)
{
	volatile int i;
	int status;

	for (i = 0; i < 3; i++) {
		pid_t child = i ? fork() : vfork();

		if (child == 0)
			_exit(all_calls());
		CHECK(waitpid(child, &status, 0) == child);
		if (status)
			return WIFEXITED(status) ? WEXITSTATUS(status) : __LINE__;
		if (i == 1)
			CHECK(all_calls() == 0);
	}
	return 0;
}

static int owner_bound(void)
{
	struct xshm_ds ds;
	int id = shmget(KEY, SIZE, IPC_CREAT | 0600);

	CHECK(id >= 0 && xshm_stat(id, &ds) == 0);
	CHECK(ds.attributes & XSHM_ATTR_OWNER_BOUND);
	return 0;
}

static int not_there(void)
{
	struct shmid_ds ds;

	CHECK(shmget(KEY, SIZE, IPC_CREAT | 0600) == -1 && errno == ENOSYS);
	CHECK(shmat(0, NULL, 0) == (void *)-1 && errno == ENOSYS);
	CHECK(shmdt(NULL) == -1 && errno == ENOSYS);
	CHECK(shmctl(0, IPC_STAT, &ds) == -1 && errno == ENOSYS);
	CHECK(kernel_segments() == 0);
	return 0;
}

static int not_permitted(void)
{
	CHECK(shmget(KEY, SIZE, IPC_CREAT | 0600) == -1 && errno == EACCES);
	return 0;
}

static int on_the_kernels(void)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);

	CHECK(id >= 0);
	CHECK(kernel_segments() == 1);
	/* The device turns up, and the program stays with what it has. */
	CHECK(umount("/dev") == 0);
	CHECK(xshm_segments() == 0);
	CHECK(shmget(KEY, SIZE, 0) == id);
	return use_segment(&library, id);
}

static int without_root_and_descriptors(void)
{
	struct rlimit limit = { 3, 3 };

	CHECK(chroot("/proc/self") == 0);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	become(USER, GROUP);
	CHECK(use_segment(&library, shmget(IPC_PRIVATE, SIZE, 0600)) == 0);
	return 0;
}

static int before_everything;

static int called_before_constructors(void)
{
	struct xshm_ds ds;

	CHECK(before_everything >= 0);
	CHECK(kernel_segments() == 0);
	CHECK(xshm_stat(before_everything, &ds) == 0);
	CHECK(use_segment(&library, before_everything) == 0);
	return 0;
}

static int found_by_dlsym(void)
{
	int (*get)(key_t key, size_t size, int flags) = dlsym(RTLD_DEFAULT, "shmget");
	Dl_info info;

	CHECK(get && dladdr(get, &info) && strstr(info.dli_fname, "libxshm-preload.so"));
	CHECK(use_segment(&library, get(IPC_PRIVATE, SIZE, 0600)) == 0);
	return 0;
}

static const struct scene scenes[] = {
	SCENE(all_calls), SCENE(in_children), SCENE(owner_bound), SCENE(not_there),
	SCENE(not_permitted), SCENE(on_the_kernels), SCENE(without_root_and_descriptors),
	SCENE(called_before_constructors), SCENE(found_by_dlsym),
};

/* Runs before the constructors of all libraries, the preloaded one's too. */
static void call_early(int argc, char **argv, char **envp)
{
	static const char early[] = "TEST_SCENE=called_before_constructors";

	for (; *envp; envp++)
		if (!strcmp(*envp, early))
			before_everything = shmget(IPC_PRIVATE, SIZE, 0600);
}

__attribute__((section(".preinit_array"), used))
static void (*const early)(int argc, char **argv, char **envp) = call_early;

PLAY_SCENES(scenes)

FIXTURE(preload) { };

FIXTURE_SETUP(preload)
{
	USE_PRELOAD;
}

FIXTURE_TEARDOWN(preload)
{
}

TEST_F(preload, calls_go_to_xshm)
{
	EXPECT_EQ(0, run_scene("all_calls", NULL));
	EXPECT_EQ(0, xshm_segments());
}

TEST_F(preload, fallback_is_not_used_while_the_device_is_there)
{
	EXPECT_EQ(0, run_scene("all_calls", "XSHM_FALLBACK=1"));
}

TEST_F(preload, children)
{
	EXPECT_EQ(0, run_scene("in_children", NULL));
}

TEST_F(preload, calls_from_before_the_first_constructor)
{
	EXPECT_EQ(0, run_scene("called_before_constructors", NULL));
}

TEST_F(preload, dlsym_finds_it)
{
	EXPECT_EQ(0, run_scene("found_by_dlsym", NULL));
}

TEST_F(preload, works_without_dev_rights_and_descriptors)
{
	EXPECT_EQ(0, run_scene("without_root_and_descriptors", NULL));
}

TEST_F(preload, owner_bound)
{
	EXPECT_EQ(0, run_scene("owner_bound", "XSHM_OWNER_BOUND=1"));
	for (int i = 0; i < 500 && xshm_segments() > 0; i++)
		usleep(10000);
	EXPECT_EQ(0, xshm_segments());
	EXPECT_NE(0, run_scene("owner_bound", "XSHM_OWNER_BOUND=0"));
}

TEST_F(preload, no_silent_fallback)
{
	ASSERT_EQ(0, hide_device());
	EXPECT_EQ(0, run_scene("not_there", NULL));
	EXPECT_EQ(0, run_scene("not_there", "XSHM_FALLBACK=0"));
}

TEST_F(preload, fallback)
{
	if (unavailable(&sysv))
		SKIP(return, "%s", unavailable(&sysv));
	ASSERT_EQ(0, hide_device());
	EXPECT_EQ(0, run_scene("on_the_kernels", "XSHM_FALLBACK=1"));
}

TEST_F(preload, no_fallback_for_lack_of_permission)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/xshm", &st));
	ASSERT_EQ(0, hide_device());
	ASSERT_EQ(0, mknod("/dev/xshm", S_IFCHR | 0600, st.st_rdev));
	AS_USER(USER, GROUP)
		EXPECT_EQ(0, run_scene("not_permitted", "XSHM_FALLBACK=1"));
}

TEST_F(preload, perl)
{
	static char program[] =
		"use strict; my $id = shmget(77, 100, 0600 | 01000); defined $id or die;"
		"shmwrite($id, 'hello', 0, 5) or die; my $s; shmread($id, $s, 0, 5) or die;"
		"exit($s eq 'hello' ? 0 : 1)";
	char *argv[] = { "/usr/bin/perl", "-e", program, NULL };
	struct xshm_ds ds;
	int id;

	if (access(argv[0], X_OK))
		SKIP(return, "no %s", argv[0]);
	EXPECT_EQ(0, run(argv, "LC_ALL=C", NULL));
	EXPECT_EQ(0, kernel_segments());
	id = xshmget(77, 0, 0);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, xshm_stat(id, &ds));
	EXPECT_EQ(100, ds.segsz);
	EXPECT_EQ(0, ds.nattch);
}

TEST_HARNESS_MAIN
