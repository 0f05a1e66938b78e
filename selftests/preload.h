/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of the preload library: programs with it preloaded, this one too, and
 * what such a program does, a scene, whose status is 0 or a line.
 */
#ifndef SELFTESTS_XSHM_PRELOAD_H
#define SELFTESTS_XSHM_PRELOAD_H

#include <sys/mount.h>
#include <sys/wait.h>

#include "scenes.h"

static inline const char *preload_library(void)
{
	return built(sizeof(long) == 8 ? "libxshm-preload.so" : "libxshm-preload32.so");
}

static inline int xshm_segments(void)
{
	struct xshm_usage usage;

	return xshm_usage(&usage) < 0 ? -1 : usage.used_ids;
}

static inline int use_segment(const struct backend *by, int id)
{
	struct shmid_ds ds;
	char *p, *q;

	p = by->at(id, NULL, 0);
	CHECK(p != (void *)-1);
	q = by->at(id, NULL, SHM_RDONLY);
	CHECK(q != (void *)-1);
	strcpy(p, "one");
	CHECK(!strcmp(q, "one"));
	CHECK(by->ctl(id, IPC_STAT, &ds) == 0);
	CHECK(ds.shm_segsz == SIZE && ds.shm_nattch == 2 && ds.shm_cpid == getpid());
	ds.shm_perm.mode = 0640;
	CHECK(by->ctl(id, IPC_SET, &ds) == 0);
	CHECK(by->dt(p) == 0);
	CHECK(by->dt(p) == -1 && errno == EINVAL);
	CHECK(by->dt(q) == 0);
	CHECK(by->ctl(id, IPC_STAT, &ds) == 0 && ds.shm_perm.mode == 0640);
	CHECK(by->ctl(id, IPC_RMID, NULL) == 0);
	CHECK(by->ctl(id, IPC_STAT, &ds) == -1 && errno == EINVAL);
	return 0;
}

/* The status of a command with the library preloaded and two more variables. */
static inline int run(char *const argv[], const char *variable, const char *another)
{
	char preload[4200];
	char *environment[] = { preload, (char *)variable, (char *)another, NULL };
	int status;
	pid_t child;

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", preload_library());
	child = fork();
	if (child == 0) {
		execve(argv[0], argv, environment);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/*
 * The status of this program, playing a scene, of which an array with PLAY_SCENES has
 * the names.
 */
static inline int run_scene(const char *name, const char *variable)
{
	char *argv[] = { "/proc/self/exe", NULL }, which[100];

	snprintf(which, sizeof(which), "TEST_SCENE=%s", name);
	return run(argv, which, variable);
}

/* To be called before main(), where the test harness is. */
static inline void play_preloaded(const struct scene *scenes, size_t count)
{
	const char *name = getenv("TEST_SCENE");

	if (!name)
		return;
	/* An endless loop in the library must not last. */
	alarm(30);
	_exit(play(scenes, count, name));
}

#define PLAY_SCENES(scenes)							\
__attribute__((constructor)) static void play_scenes_(void)			\
{										\
	play_preloaded(scenes, sizeof(scenes) / sizeof(*(scenes)));			\
}

/* Hides the device, for this test alone. */
static inline int hide_device(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("tmpfs", "/dev", "tmpfs", 0, NULL);
}

#define USE_PRELOAD do {							\
	if (access(preload_library(), R_OK))					\
		SKIP(return, "the library is not built for this size");		\
	USE_BACKEND(&xshm);							\
} while (0)

#endif
