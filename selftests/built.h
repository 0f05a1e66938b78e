/* SPDX-License-Identifier: GPL-2.0 */
/* Where the build has this program, and other files. */
#ifndef SELFTESTS_XSHM_BUILT_H
#define SELFTESTS_XSHM_BUILT_H

#include "common.h"

/* This program. */
static inline bool own_path(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	path[length > 0 ? length : 0] = 0;
	return length > 0;
}

/* A file of the build, beside the folder of this program. */
static inline const char *built(const char *name)
{
	static char path[4096];

	if (!own_path(path, sizeof(path) - 100))
		return "";
	snprintf(strrchr(path, '/'), 100, "/../userlib/%s", name);
	return path;
}

#endif
