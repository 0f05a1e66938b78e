/* SPDX-License-Identifier: GPL-2.0 */
/* xshm_sysv.ko, where a test loads it, unloads it or switches it in its namespace. */
#ifndef SELFTESTS_XSHM_SERVED_H
#define SELFTESTS_XSHM_SERVED_H

#include "module.h"

#define SWITCH	"/proc/sys/xshm/sysv"
#define FTRACE	"/proc/sys/kernel/ftrace_enabled"

/* Beside xshm.ko: a descriptor, or -1. */
static inline int open_sysv_module(void)
{
	char link[64], path[4096];
	int fd = open_module(), sysv_fd;
	ssize_t length;

	if (fd < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 20);
	close(fd);
	if (length < 0)
		return -1;
	path[length] = 0;
	strcpy(strrchr(path, '/'), "/xshm_sysv.ko");
	sysv_fd = open(path, O_RDONLY | O_CLOEXEC);
	return sysv_fd;
}

static inline int load_sysv(int fd, const char *parameters)
{
	return syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
}

static inline int try_unload_sysv(void)
{
	return syscall(SYS_delete_module, "xshm_sysv", O_NONBLOCK) ? -errno : 0;
}

/* A segment that was just removed may still be going. */
static inline int unload_sysv(void)
{
	int err = try_unload_sysv();

	for (int i = 0; i < 100 && err == -EAGAIN; i++) {
		usleep(50000);
		err = try_unload_sysv();
	}
	return err;
}

/* Loading and unloading takes seconds: once for all tests of a program. */
static pid_t sysv_program_;
/* How the program found it, or finds it best: serving nobody but who asks. */
static const char *sysv_parameters = "serve=0";

__attribute__((constructor)) static inline void sysv_begin_(void)
{
	FILE *f = fopen("/sys/module/xshm_sysv/parameters/serve", "re");

	if (f && fgetc(f) == 'Y')
		sysv_parameters = "serve=1";
	if (f)
		fclose(f);
	else
		sysv_program_ = getpid();
}

__attribute__((destructor)) static inline void sysv_end_(void)
{
	int err;

	if (sysv_program_ != getpid() || access(SWITCH, F_OK))
		return;
	err = unload_sysv();
	if (err) {
		fprintf(stderr, "# xshm_sysv can't be unloaded: %s\n", strerror(-err));
		_exit(1);
	}
}

/* Loads it if it isn't there; NULL, or why not. */
static inline const char *load_sysv_once(void)
{
	static char why[64];
	int err, fd;

	if (!access(SWITCH, F_OK))
		return NULL;
	fd = open_sysv_module();
	if (fd < 0)
		return "no xshm_sysv.ko beside xshm.ko";
	err = load_sysv(fd, sysv_parameters);
	close(fd);
	if (!err)
		return NULL;
	snprintf(why, sizeof(why), "xshm_sysv.ko can't be loaded: %s", strerror(-err));
	return why;
}

/*
 * For FIXTURE_SETUP(): a namespace that is served, and the calls as the backend. Such
 * fixtures have a variant named calls, which tells selftests/run so.
 */
#define USE_CALLS() do {							\
	const char *why_;							\
										\
	if (in_initial())							\
		SKIP(return, "needs a namespace of its own");			\
	USE_BACKEND(&xshm);							\
	why_ = load_sysv_once();						\
	if (why_)								\
		SKIP(return, "%s", why_);					\
	ipc = &sysv;								\
	ASSERT_EQ(0, serve(true));						\
} while (0)

/* Of this namespace. */
static inline int serve(bool on)
{
	return write_number(SWITCH, on);
}

/* Who made a segment: the device finds xshm's. */
static inline bool of_xshm(int id)
{
	struct shmid_ds ds;

	return !xshmctl(id, IPC_STAT, &ds);
}

/* The kernel has calls of its own: semaphores are there, too. */
static inline bool kernel_has_sysv(void)
{
	return !access("/proc/sysvipc/sem", F_OK);
}

#endif
