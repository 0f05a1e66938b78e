// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * LD_PRELOAD for programs of both sizes: the loader of each replaces $LIB by
 * the folder of its own libraries, and the folder preload (in the build
 * folder) or xshm (installed) has a library under each of these names. So neither
 * meets the other's, about which it would complain.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

#define LIBRARY "libxshm-preload.so"

/* What $LIB may be: on Fedora and SUSE, and on Debian. */
#ifdef __x86_64__
static const char *const lib64[] = { "lib64", "lib/x86_64-linux-gnu", "lib" };
static const char *const lib32[] = { "lib32", "lib/i386-linux-gnu" };
#elif defined(__aarch64__)
static const char *const lib64[] = { "lib64", "lib/aarch64-linux-gnu", "lib" };
static const char *const lib32[] = { "lib32", "lib/arm-linux-gnueabihf" };
#else
static const char *const lib64[] = { "lib64", "lib" };
static const char *const lib32[] = { "lib32", "lib" };
#endif

/* From the folder of this program. */
static const char *const places[] = {
	"preload", "../lib/xshm", "../lib64/xshm",
#if defined(__x86_64__)
	"../lib/x86_64-linux-gnu/xshm",
#elif defined(__aarch64__)
	"../lib/aarch64-linux-gnu/xshm",
#endif
};

static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		return xprintf("/usr/local/bin");
	path[length] = 0;
	*strrchr(path, '/') = 0;
	return xprintf("%s", path);
}

static bool has_library(const char *folder, int bits)
{
	const char *const *names = bits == 32 ? lib32 : lib64;
	size_t count = bits == 32 ? ARRAY_SIZE(lib32) : ARRAY_SIZE(lib64);
	bool found = false;

	for (size_t i = 0; !found && i < count; i++) {
		char *path = xprintf("%s/%s/" LIBRARY, folder, names[i]);

		found = !access(path, R_OK);
		free(path);
	}
	return found;
}

/*
 * The folder that has the library for programs of @bits, to be freed; NULL
 * after a message.
 */
char *preload_path(int bits)
{
	char *own = own_folder(), *found = NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(places); i++) {
		char *folder = xprintf("%s/%s", own, places[i]), *real;

		if (has_library(folder, bits)) {
			real = realpath(folder, NULL);
			found = real ? real : xprintf("%s", folder);
		}
		free(folder);
	}
	if (!found)
		complain(bits == 32 ?
			 "no " LIBRARY " for 32-bit programs near %s: make lib says what its "
			 "build needs; or use --trace" :
			 "no " LIBRARY " near %s: build it with make lib, or make install", own);
	else if (strpbrk(found, " :$")) {
		/* LD_PRELOAD knows no way to quote them. */
		complain("the loader can't be told of a folder with a blank, a colon or a dollar: "
			 "%s", found);
		free(found);
		found = NULL;
	}
	free(own);
	return found;
}

/* Adds the library to LD_PRELOAD, before what is there. Returns 0 or -1. */
int preload_environment(int bits)
{
	const char *old = getenv("LD_PRELOAD");
	char *folder = preload_path(bits ? bits : (int)(8 * sizeof(void *)));
	char *library, *value;

	if (!folder)
		return -1;
	library = xprintf("%s/$LIB/" LIBRARY, folder);
	/* xshm run inside of xshm run: once is enough. */
	if (old && strstr(old, library))
		return 0;
	value = old && *old ? xprintf("%s:%s", library, old) : xprintf("%s", library);
	if (setenv("LD_PRELOAD", value, 1)) {
		complain("can't set LD_PRELOAD: %s", strerror(errno));
		return -1;
	}
	free(library);
	free(value);
	free(folder);
	return 0;
}
