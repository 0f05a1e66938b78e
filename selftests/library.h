/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of libxshm share; out of line, as some call it around vfork(2). */
#ifndef SELFTESTS_XSHM_LIBRARY_H
#define SELFTESTS_XSHM_LIBRARY_H

#include "common.h"

#define DEVICE "/dev/xshm"

/* The number of the n-th descriptor of the device, -1 if there are fewer. */
static __attribute__((noinline, unused)) int device_fd(int n)
{
	char link[64], path[64];
	ssize_t length;
	int fd;

	for (fd = 0; fd < 4096; fd++) {
		/* Far quicker than to find no link. */
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, link, sizeof(link) - 1);
		if (length < 0)
			continue;
		link[length] = 0;
		if (!strcmp(link, DEVICE) && !n--)
			return fd;
	}
	return -1;
}

/* 0 if every call works, else where it didn't; errno stays as it was. */
static __attribute__((noinline, unused)) int all_calls(void)
{
	int before = errno, failed = 0, id;
	struct shmid_ds ds;
	char *p;

	errno = 4711;
	id = xshmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	if (id < 0 || errno != 4711)
		return __LINE__;
	p = xshmat(id, NULL, 0);
	if (p == (void *)-1)
		failed = __LINE__;
	else
		*p = 1;
	if (!failed && (xshmctl(id, IPC_STAT, &ds) || ds.shm_segsz != 4096))
		failed = __LINE__;
	if (!failed && xshmdt(p))
		failed = __LINE__;
	if (xshmctl(id, IPC_RMID, NULL) && !failed)
		failed = __LINE__;
	if (errno != 4711 && !failed)
		failed = __LINE__;
	errno = before;
	return failed;
}

/* The status of a child made in any way, -1 if it did not exit. */
static __attribute__((noinline, unused)) int exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif
