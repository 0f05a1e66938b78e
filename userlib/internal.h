/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share and nobody else sees. */
#ifndef _XSHM_INTERNAL_H
#define _XSHM_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#define hidden __attribute__((visibility("hidden")))

hidden int device_prepare(void);
hidden const char *device_unavailable(void);
hidden void device_bind(void);

/* xshm_stat() and the like with a buffer of any kind. */
hidden int control(unsigned int command, int id, unsigned int select, void *buf, size_t size);

/* shmctl() of 32-bit callers: the layout of struct shmid_ds to convert to. */
enum layout32 {
	LAYOUT32_OLD,		/* before glibc 2.2 */
	LAYOUT32_TIME32,
	LAYOUT32_TIME64,
};

hidden int control32(int shmid, int cmd, void *buf, enum layout32 layout);
hidden int copy_to_caller(void *buf, const void *from, size_t size);
hidden int kernel_shmctl32(int shmid, int cmd, void *buf, enum layout32 layout);

#endif /* _XSHM_INTERNAL_H */
