/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the preload library share. */
#ifndef _XSHM_PRELOAD_H
#define _XSHM_PRELOAD_H

#include <stdbool.h>
#include <sys/shm.h>

#include "internal.h"

#define EXPORT __attribute__((visibility("default")))

struct link_map;

/*
 * The functions that programs see, under names that no other library can take:
 * one that wraps shmat() and makes the system call itself would meet itself.
 */
hidden int preload_shmget(key_t key, size_t size, int shmflg);
hidden void *preload_shmat(int shmid, const void *shmaddr, int shmflg);
hidden int preload_shmdt(const void *shmaddr);
#ifdef __i386__
/* Not hidden: versions of the exported one are made of these. */
EXPORT int preload_shmctl_old(int shmid, int cmd, void *buf);
EXPORT int preload_shmctl(int shmid, int cmd, void *buf);
EXPORT int __shmctl64(int shmid, int cmd, void *buf);
#else
hidden int preload_shmctl(int shmid, int cmd, struct shmid_ds *buf);
#endif
hidden long preload_syscall(long number, ...);

/* The kernel's own segments are used. */
hidden bool preload_is_on_kernel(void);

/* syscall() of the C library, or of who is before it. */
extern hidden long (*next_syscall)(long number, ...);

/* preload_next.c */
hidden struct link_map *loaded_first(void);
hidden struct link_map *loaded_self(void);
hidden void *loaded_symbol(const struct link_map *map, const char *name);
hidden void *loaded_next(const char *name);
hidden bool loaded_same(const char *a, const char *b);

#endif /* _XSHM_PRELOAD_H */
