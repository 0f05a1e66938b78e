/* SPDX-License-Identifier: GPL-2.0 */
/* Unloading and loading the module, where a test knows its file. */
#ifndef SELFTESTS_XSHM_MODULE_H
#define SELFTESTS_XSHM_MODULE_H

#include "common.h"

/*
 * The module's file: the one that XSHM_KO says, or that the guest loaded, which says so
 * in its job. -1 if neither is known.
 */
static inline int open_module(void)
{
	const char *ko = getenv("XSHM_KO");
	char line[1024], path[512];
	FILE *f;
	int fd = -1;

	if (ko)
		return open(ko, O_RDONLY | O_CLOEXEC);
	f = fopen("/run/guest/job", "re");
	if (!f)
		return -1;
	if (fgets(line, sizeof(line), f) && sscanf(line, "ko=%511s", path) == 1)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	fclose(f);
	return fd;
}

static inline int load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static inline int unload(void)
{
	return syscall(SYS_delete_module, "xshm", O_NONBLOCK) ? -errno : 0;
}

/* A file is released a moment after its last use. */
static inline int unload_soon(void)
{
	int err = unload();

	for (int i = 0; i < 100 && (err == -EAGAIN || err == -EBUSY); i++) {
		usleep(20000);
		err = unload();
	}
	return err;
}

#endif
