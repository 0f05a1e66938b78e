// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dlopen(3), dlsym(3) and dlvsym(3) of the preload library
 *
 * Libraries that are loaded with RTLD_DEEPBIND, as PHP loads its extensions, would
 * find the C library's shmget() before the one here, and share nothing with the
 * others. So would who asks a handle on the C library, as Python's ctypes does.
 *
 * The C library knows by the return address whose RUNPATH counts, and whose RTLD_NEXT
 * is meant. So the calls there have to be jumps, which is why this file is built with
 * -O2 at any level of the rest.
 */
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

#include "preload.h"

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#endif

hidden void *preload_dlopen(const char *file, int mode);
hidden void *preload_dlsym(void *handle, const char *name);
hidden void *preload_dlvsym(void *handle, const char *name, const char *version);

void *preload_dlopen(const char *file, int mode)
{
	static void *(*_Atomic next)(const char *file, int mode);
	void *(*real)(const char *file, int mode) = next;

	if (!real) {
		real = (void *(*)(const char *, int))loaded_next("dlopen");
		next = real;
	}
	if (!real)
		return NULL;
	return real(file, mode & ~RTLD_DEEPBIND);
}

/* The function here that stands for one of the C library, NULL if it has none. */
static void *own_function(const char *name, const char *version)
{
	(void)version;
	/* Nearly all others end here. */
	if (name[0] != 's' && name[0] != '_')
		return NULL;
	if (loaded_same(name, "shmget"))
		return preload_shmget;
	if (loaded_same(name, "shmat"))
		return preload_shmat;
	if (loaded_same(name, "shmdt"))
		return preload_shmdt;
	if (loaded_same(name, "syscall"))
		return preload_syscall;
#ifdef __i386__
	if (loaded_same(name, "__shmctl64"))
		return __shmctl64;
	if (loaded_same(name, "shmctl") && version && loaded_same(version, "GLIBC_2.0"))
		return preload_shmctl_old;
#endif
	return loaded_same(name, "shmctl") ? (void *)preload_shmctl : NULL;
}

/* What an address is in; the copies of dlmopen(3) are in no list that is at hand. */
static struct link_map *map_of(const void *address)
{
	struct link_map *map = NULL;
	Dl_info info;

#ifdef __GLIBC__
	if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP))
		return NULL;
#else
	if (!dladdr(address, &info))
		return NULL;
	for (map = loaded_first(); map && map->l_addr != (uintptr_t)info.dli_fbase; )
		map = map->l_next;
#endif
	return map;
}

/* Whatever its name and its place, as a copy for tests has. */
static bool is_c_library(const struct link_map *map)
{
	return map && loaded_symbol(map, "__libc_start_main");
}

/*
 * Whether RTLD_NEXT of this object finds the C library's function: nobody else who has one
 * comes after it. What was loaded later is behind the C library in the list, and
 * searches in an order of its own: nobody else after this library, then.
 */
static bool is_next_c_library(const char *name, const struct link_map *from)
{
	const struct link_map *self = loaded_self(), *map = loaded_first();

	while (map && map != from && !is_c_library(map))
		map = map->l_next;
	if (map != from)
		map = self;
	while (map) {
		map = map->l_next;
		if (map && map != self && map != from && loaded_symbol(map, name) &&
		    !is_c_library(map))
			return false;
	}
	return true;
}

/*
 * Whether the answer is @own to who asked @handle for @name, @found being what this
 * library is answered and @caller an address in the one who asked.
 */
static bool stands_for(void *own, void *handle, const char *name, void *found, const void *caller)
{
	struct link_map *from;

	if (!found)
		return false;
	/* NULL in code that a program made for itself. */
	from = map_of(caller);
	/* A wrapper that is our own next one would be called by us, and call us. */
	if (own == preload_syscall && from && loaded_symbol(from, name) == next_syscall)
		return false;
	if (handle == RTLD_NEXT)
		return from && is_next_c_library(name, from);
	return is_c_library(map_of(found));
}

void *preload_dlsym(void *handle, const char *name)
{
	static void *(*_Atomic next)(void *handle, const char *name);
	void *(*real)(void *handle, const char *name) = next;
	void *own;

	if (!real) {
		real = (void *(*)(void *, const char *))loaded_next("dlsym");
		next = real;
	}
	if (!real)
		return NULL;
	own = own_function(name, NULL);
	if (own && stands_for(own, handle, name, real(handle, name), __builtin_return_address(0)))
		return own;
	return real(handle, name);
}

#ifdef __GLIBC__

void *preload_dlvsym(void *handle, const char *name, const char *version)
{
	static void *(*_Atomic next)(void *handle, const char *name, const char *version);
	void *(*real)(void *handle, const char *name, const char *version) = next;
	void *own;

	if (!real) {
		real = (void *(*)(void *, const char *, const char *))loaded_next("dlvsym");
		next = real;
	}
	if (!real)
		return NULL;
	own = own_function(name, version);
	if (own && stands_for(own, handle, name, real(handle, name, version),
			      __builtin_return_address(0)))
		return own;
	return real(handle, name, version);
}

#endif

#ifndef __i386__

EXPORT __typeof__(dlopen) dlopen __attribute__((alias("preload_dlopen")));
EXPORT __typeof__(dlsym) dlsym __attribute__((alias("preload_dlsym")));
#ifdef __GLIBC__
EXPORT __typeof__(dlvsym) dlvsym __attribute__((alias("preload_dlvsym")));
#endif

#else

/* Where there are versions, each that a program may have been linked with. */
#define VERSION(name, version, as)						\
	extern EXPORT __typeof__(preload_##name) as __attribute__((alias("preload_" #name))); \
	__asm__(".symver " #as ", " #name "@" version)

VERSION(dlopen, "GLIBC_2.1", dlopen_2_1);
VERSION(dlopen, "@GLIBC_2.34", dlopen_2_34);
VERSION(dlsym, "GLIBC_2.0", dlsym_2_0);
VERSION(dlsym, "@GLIBC_2.34", dlsym_2_34);
VERSION(dlvsym, "GLIBC_2.1", dlvsym_2_1);
VERSION(dlvsym, "@GLIBC_2.34", dlvsym_2_34);

#endif
