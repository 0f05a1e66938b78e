// SPDX-License-Identifier: LGPL-2.1-or-later
/* dlopen(3) of the preload library. */
#include <dlfcn.h>
#include <stddef.h>

/*
 * Libraries that are loaded with RTLD_DEEPBIND, as PHP loads its extensions, would
 * find the C library's shmget() before the one here, and share nothing with the
 * others.
 *
 * The C library knows by the return address whose RUNPATH counts. So the call there
 * has to be a jump, which is why this file is built with -O2 at any level of the rest.
 */
__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
	static void *(*_Atomic next)(const char *file, int mode);
	void *(*real)(const char *file, int mode) = next;

	if (!real) {
		real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
		next = real;
	}
	if (!real)
		return NULL;
	return real(file, mode & ~RTLD_DEEPBIND);
}
