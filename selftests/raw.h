/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands of the ABI themselves, for what the four calls can't say. As
 * the calls of common.h they return a negative errno.
 */
#ifndef SELFTESTS_XSHM_RAW_H
#define SELFTESTS_XSHM_RAW_H

#include <fcntl.h>
#include <linux/xshm.h>
#include <sys/ioctl.h>

#include "common.h"

/* Its own descriptor in each process: a segment may be bound to it. */
static inline int device(void)
{
	static int fd = -1;
	static pid_t owner;

	if (owner != getpid()) {
		if (owner)
			close(fd);
		fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
		owner = getpid();
	}
	return fd;
}

static inline int raw(int fd, unsigned int command, void *arg)
{
	int result = ioctl(fd, command, arg);

	return result < 0 ? -errno : result;
}

static inline int raw_get(key_t key, __u64 bytes, __u32 shmflg, __u32 options)
{
	struct xshm_get get = {
		.size = sizeof(get), .key = key, .bytes = bytes, .shmflg = shmflg,
		.options = options,
	};

	return raw(device(), XSHM_IOC_GET, &get);
}

static inline long raw_attach(int id, const void *address, __u32 shmflg, __u32 options)
{
	struct xshm_attach attach = {
		.size = sizeof(attach), .id = id, .addr = (uintptr_t)address, .shmflg = shmflg,
		.options = options,
	};
	int result = raw(device(), XSHM_IOC_ATTACH, &attach);

	return result < 0 ? result : (long)attach.addr;
}

static inline int raw_detach(const void *address)
{
	struct xshm_detach detach = { .size = sizeof(detach), .addr = (uintptr_t)address };

	return raw(device(), XSHM_IOC_DETACH, &detach);
}

static inline int raw_control(unsigned int command, int id, void *buf, __u32 buf_size)
{
	struct xshm_control control = {
		.size = sizeof(control), .id = id, .buf = (uintptr_t)buf, .buf_size = buf_size,
	};

	return raw(device(), command, &control);
}

static inline int raw_stat(int id, struct xshm_ds *ds)
{
	memset(ds, POISON, sizeof(*ds));
	return raw_control(XSHM_IOC_STAT, id, ds, sizeof(*ds));
}

static inline int raw_remove(int id)
{
	return raw_control(XSHM_IOC_REMOVE, id, NULL, 0);
}

/* The commands where they are expected to work. */
#define RAW_GET(bytes, shmflg, options) ({					\
	int id_ = raw_get(IPC_PRIVATE, bytes, shmflg, options);			\
	ASSERT_LE(0, id_);							\
	id_;									\
})

#define RAW_ATTACH(id, shmflg, options) ({					\
	long at_ = raw_attach(id, NULL, shmflg, options);			\
	ASSERT_LT(0, at_);							\
	(char *)at_;								\
})

#define RAW_STAT(id) ({								\
	struct xshm_ds ds_;							\
	ASSERT_EQ(0, raw_stat(id, &ds_));					\
	ds_;									\
})

#define RAW_USAGE() ({								\
	struct xshm_usage usage_;						\
	memset(&usage_, POISON, sizeof(usage_));				\
	ASSERT_LE(0, raw_control(XSHM_IOC_USAGE, 0, &usage_, sizeof(usage_)));	\
	usage_;									\
})

#endif
