// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks a handle for shmget() and its relatives, under the preload library: a
 * handle on the C library, as Python's ctypes and Ruby's Fiddle do, or on what
 * brings it along.
 */
#include <dlfcn.h>

#include "preload.h"

#if defined(__i386__)
#define VERSION "GLIBC_2.0"
#define VERSION_OF_SHMCTL "GLIBC_2.2"
#elif defined(__x86_64__)
#define VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define VERSION "GLIBC_2.17"
#endif

#ifndef VERSION_OF_SHMCTL
#define VERSION_OF_SHMCTL VERSION
#endif

static const char *const names[] = { "shmget", "shmat", "shmdt", "shmctl", "syscall" };

/* The file that a function is in. */
static const char *file_of(void *function)
{
	Dl_info info;

	return function && dladdr(function, &info) ? info.dli_fname : "";
}

static int is_ours(void *function)
{
	return !!strstr(file_of(function), "libxshm-preload");
}

static int is_c_library(void *function)
{
	return !!strstr(file_of(function), "libc.so");
}

/* What a handle gives is what the program has anyway. */
static int is_same(void *handle)
{
	for (int i = 0; i < 5; i++) {
		void *found = dlsym(handle, names[i]);

		CHECK(is_ours(found));
		CHECK(found == dlsym(RTLD_DEFAULT, names[i]));
	}
	return 0;
}

static int use_handle(void *handle)
{
	const struct backend by_handle = {
		.get = dlsym(handle, "shmget"),
		.at = dlsym(handle, "shmat"),
		.dt = dlsym(handle, "shmdt"),
		.ctl = dlsym(handle, "shmctl"),
	};
	long (*call)(long number, ...) = dlsym(handle, "syscall");
	int id = by_handle.get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);

	CHECK(id >= 0 && kernel_segments() == 0 && xshm_segments() == 1);
	CHECK(call(SYS_shmget, KEY, 0, 0) == id && call(SYS_getpid) == getpid());
	return use_segment(&by_handle, id);
}

static int handle_on_c_library(void)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_LOCAL);

	CHECK(handle && is_same(handle) == 0);
	return use_handle(handle);
}

/* Its dependencies are searched as well. */
static int handle_on_another(void)
{
	void *handle = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);

	CHECK(handle && is_same(handle) == 0);
	return use_handle(handle);
}

static int handle_with_version(void)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW);

	CHECK(handle);
	for (int i = 0; i < 5; i++) {
		const char *version = i == 3 ? VERSION_OF_SHMCTL : VERSION;

		CHECK(dlvsym(handle, names[i], version) == dlsym(RTLD_DEFAULT, names[i]));
		CHECK(!dlvsym(handle, names[i], "GLIBC_1.99") && dlerror());
	}
#ifdef __i386__
	/* Another structure, so another function. */
	CHECK(is_ours(dlvsym(handle, "shmctl", VERSION)));
	CHECK(dlvsym(handle, "shmctl", VERSION) != dlsym(RTLD_DEFAULT, "shmctl"));
	CHECK(dlsym(handle, "__shmctl64") == dlsym(RTLD_DEFAULT, "__shmctl64"));
	CHECK(is_ours(dlsym(handle, "__shmctl64")));
#endif
	CHECK(is_c_library(dlvsym(handle, "semget", VERSION)));
	return 0;
}

/* A C library of its own, whose functions a program gets by its handle alone. */
static int handle_on_a_copy(void)
{
	void *handle = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW), *found;

	CHECK(handle && is_same(handle) == 0);
	found = dlsym(handle, "semget");
	CHECK(is_c_library(found) && found != dlsym(RTLD_DEFAULT, "semget"));
	return use_handle(handle);
}

int shmat_of_program(void);
int shmat_of_program(void)
{
	return 0;
}

static int others(void)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW), *self = dlopen(NULL, RTLD_NOW);

	CHECK(handle && self);
	CHECK(is_c_library(dlsym(handle, "semget")));
	CHECK(dlsym(handle, "semget") == (void *)dlsym(RTLD_NEXT, "semget"));
	CHECK(is_c_library(dlsym(handle, "sched_yield")) && is_c_library(dlsym(self, "_exit")));
	dlerror();
	CHECK(!dlsym(handle, "shmat_of_program"));
	CHECK(strstr(dlerror(), "shmat_of_program") && !dlerror());
	CHECK(!dlsym(RTLD_DEFAULT, "shm_of_nobody") && dlerror());
	/* A library without the C library, which even the real one doesn't find there. */
	handle = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	CHECK(!handle || !dlsym(handle, "shmat"));
	return 0;
}

/* The next one after the program is this library, as for all who link. */
static int next(void)
{
	for (int i = 0; i < 5; i++)
		CHECK(dlsym(RTLD_NEXT, names[i]) == dlsym(RTLD_DEFAULT, names[i]));
	CHECK(is_ours(dlsym(RTLD_NEXT, "shmget")));
	CHECK(dlvsym(RTLD_NEXT, "shmget", VERSION) == dlsym(RTLD_DEFAULT, "shmget"));
	CHECK(dlvsym(RTLD_DEFAULT, "shmget", VERSION) == dlsym(RTLD_DEFAULT, "shmget"));
	CHECK(!dlvsym(RTLD_NEXT, "shmget", "GLIBC_1.99") && dlerror());
	return 0;
}

static const struct scene scenes[] = {
	SCENE(handle_on_c_library), SCENE(handle_on_another), SCENE(handle_with_version),
	SCENE(handle_on_a_copy), SCENE(others), SCENE(next),
};

PLAY_SCENES(scenes)

FIXTURE(preload_dlsym) { };

FIXTURE_SETUP(preload_dlsym)
{
	USE_PRELOAD;
}

FIXTURE_TEARDOWN(preload_dlsym)
{
	EXPECT_EQ(0, kernel_segments());
}

TEST_F(preload_dlsym, of_the_c_library)
{
	EXPECT_EQ(0, run_scene("handle_on_c_library", NULL));
	EXPECT_EQ(0, xshm_segments());
}

TEST_F(preload_dlsym, of_what_brings_it)
{
	EXPECT_EQ(0, run_scene("handle_on_another", NULL));
}

TEST_F(preload_dlsym, with_version)
{
	EXPECT_EQ(0, run_scene("handle_with_version", NULL));
}

TEST_F(preload_dlsym, of_a_copy)
{
	EXPECT_EQ(0, run_scene("handle_on_a_copy", NULL));
}

TEST_F(preload_dlsym, others_are_unchanged)
{
	EXPECT_EQ(0, run_scene("others", NULL));
}

TEST_F(preload_dlsym, next)
{
	EXPECT_EQ(0, run_scene("next", NULL));
}

/* By the name of the file, as many programs have it, and by none. */
TEST_F(preload_dlsym, python)
{
	static char program[] =
		"import ctypes, sys\n"
		"for name in 'libc.so.6', None:\n"
		"    c = ctypes.CDLL(name, use_errno=True)\n"
		"    c.shmat.restype = ctypes.c_void_p\n"
		"    c.shmat.argtypes = c.shmdt.argtypes = None\n"
		"    id = c.shmget(77, 100, 0o1600)\n"
		"    p = ctypes.c_void_p(c.shmat(id, None, 0))\n"
		"    ctypes.memmove(p, b'hello', 6)\n"
		"    if ctypes.string_at(p) != b'hello' or c.shmdt(p):\n"
		"        sys.exit(1)\n";
	char *argv[] = { "/usr/bin/python3", "-c", program, NULL };
	struct xshm_ds ds;
	int id;

	if (sizeof(long) == 4 || access(argv[0], X_OK))
		SKIP(return, "no %s of this size", argv[0]);
	EXPECT_EQ(0, run(argv, "LC_ALL=C", NULL));
	EXPECT_EQ(0, kernel_segments());
	id = xshmget(77, 0, 0);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, xshm_stat(id, &ds));
	EXPECT_EQ(100, ds.segsz);
	EXPECT_EQ(0, ds.nattch);
	ASSERT_EQ(0, xshmctl(id, IPC_RMID, NULL));
}

TEST_HARNESS_MAIN
