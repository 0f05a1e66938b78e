// SPDX-License-Identifier: LGPL-2.1-or-later
/* The calls: each is one command on the device. */
#include <errno.h>
#include <string.h>

#include <linux/xshm.h>

#include "device.h"
#include "internal.h"
#include "xshm.h"

#define EXPORT __attribute__((visibility("default")))

/* System calls ignore the bits that they don't know, the module refuses them. */
#define GET_FLAGS (0777 | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE)
#define GET_HUGE_SIZE (XSHM_HUGE_MASK << XSHM_HUGE_SHIFT)
#define ATTACH_FLAGS (XSHM_RDONLY | XSHM_RND | XSHM_REMAP | XSHM_EXEC)

_Static_assert(XSHM_CREAT == IPC_CREAT && XSHM_EXCL == IPC_EXCL, "flags of shmget");
_Static_assert(XSHM_RDONLY == SHM_RDONLY && XSHM_RND == SHM_RND && XSHM_REMAP == SHM_REMAP &&
	       XSHM_EXEC == SHM_EXEC, "flags of shmat");
_Static_assert(XSHM_PRIVATE == IPC_PRIVATE, "private key");

static inline int get_segment(key_t key, size_t size, int shmflg, unsigned int options)
{
	struct xshm_get get = {
		.size = sizeof(get),
		.key = key,
		.bytes = size,
		.shmflg = shmflg & GET_FLAGS,
		.options = options,
	};

	if ((shmflg & XSHM_HUGETLB) || (options & XSHM_GET_TRY_HUGETLB))
		get.shmflg |= shmflg & GET_HUGE_SIZE;
	if (options & XSHM_GET_OWNER_BOUND)
		device_bind();
	return device_call(XSHM_IOC_GET, &get, DEVICE_ZERO_VERIFIED);
}

static inline void *attach_segment(int id, const void *addr, int shmflg, unsigned int options)
{
	struct xshm_attach attach = {
		.size = sizeof(attach),
		.id = id,
		.addr = (uintptr_t)addr,
		.shmflg = shmflg & ATTACH_FLAGS,
		.options = options,
	};

	if (device_call(XSHM_IOC_ATTACH, &attach, DEVICE_ZERO_TRUSTED) < 0)
		return (void *)-1;

	/*
	 * The module says where; who leaves the address alone is not the module,
	 * and has attached nothing.
	 */
	if (__builtin_expect(!attach.addr && !addr, 0) &&
	    device_call(XSHM_IOC_ATTACH, &attach, DEVICE_ZERO_VERIFIED) < 0)
		return (void *)-1;
	return (void *)(uintptr_t)attach.addr;
}

EXPORT int xshm_get(key_t key, size_t size, int shmflg, unsigned int options)
{
	return get_segment(key, size, shmflg, options);
}

EXPORT int xshmget(key_t key, size_t size, int shmflg)
{
	return get_segment(key, size, shmflg, 0);
}

EXPORT void *xshm_attach(int id, const void *addr, int shmflg, unsigned int options)
{
	return attach_segment(id, addr, shmflg, options);
}

EXPORT void *xshmat(int shmid, const void *shmaddr, int shmflg)
{
	return attach_segment(shmid, shmaddr, shmflg, 0);
}

EXPORT int xshmdt(const void *shmaddr)
{
	struct xshm_detach detach = {
		.size = sizeof(detach),
		.addr = (uintptr_t)shmaddr,
	};

	return device_call(XSHM_IOC_DETACH, &detach, DEVICE_ZERO_TRUSTED);
}

int control(unsigned int command, int id, unsigned int select, void *buf, size_t size)
{
	struct xshm_control control = {
		.size = sizeof(control),
		.id = id,
		.select = select,
		.buf_size = size,
		.buf = (uintptr_t)buf,
	};
	enum device_zero zero = DEVICE_ZERO_VERIFIED;

	if (command == XSHM_IOC_STAT || command == XSHM_IOC_REMOVE)
		zero = DEVICE_ZERO_TRUSTED;
	return device_call(command, &control, zero);
}

EXPORT int xshm_stat_sized(unsigned int select, int id, struct xshm_ds *ds, size_t size)
{
	memset(ds, 0, size);
	return control(XSHM_IOC_STAT, id, select, ds, size);
}

EXPORT int xshm_limits_sized(struct xshm_limits *limits, size_t size)
{
	memset(limits, 0, size);
	return control(XSHM_IOC_LIMITS, 0, 0, limits, size);
}

EXPORT int xshm_usage_sized(struct xshm_usage *usage, size_t size)
{
	memset(usage, 0, size);
	return control(XSHM_IOC_USAGE, 0, 0, usage, size);
}

EXPORT int xshm_version_sized(struct xshm_version *version, size_t size)
{
	memset(version, 0, size);
	version->size = size;
	return device_call(XSHM_IOC_VERSION, version, DEVICE_ZERO_VERIFIED);
}

EXPORT int xshm_prepare(void)
{
	return device_prepare();
}

EXPORT const char *xshm_unavailable(void)
{
	return device_unavailable();
}

#if __SIZEOF_LONG__ == 8

/* The module writes straight to the caller's buffer, and says EFAULT if it can't. */
_Static_assert(sizeof(struct shmid_ds) == XSHM_DS_SIZE_SYSV, "struct shmid_ds");
#define SAME(member, of)                                                              \
	_Static_assert(offsetof(struct shmid_ds, member) == offsetof(struct xshm_ds, of) &&   \
		       sizeof(((struct shmid_ds *)0)->member) ==                              \
		       sizeof(((struct xshm_ds *)0)->of), "struct shmid_ds." #member)
SAME(shm_perm.uid, uid);
SAME(shm_perm.gid, gid);
SAME(shm_perm.cuid, cuid);
SAME(shm_perm.cgid, cgid);
SAME(shm_perm.mode, mode);
SAME(shm_segsz, segsz);
SAME(shm_atime, atime);
SAME(shm_dtime, dtime);
SAME(shm_ctime, ctime);
SAME(shm_cpid, cpid);
SAME(shm_lpid, lpid);
SAME(shm_nattch, nattch);
#if defined(__GLIBC__)
SAME(shm_perm.__key, key);
SAME(shm_perm.__seq, seq);
#endif

EXPORT int xshmctl(int shmid, int cmd, struct shmid_ds *buf)
{
	switch (cmd) {
	case IPC_STAT:
		return control(XSHM_IOC_STAT, shmid, XSHM_SELECT_ID, buf, XSHM_DS_SIZE_SYSV);
	case IPC_SET:
		return control(XSHM_IOC_SET, shmid, 0, buf, XSHM_DS_SIZE_SYSV);
	case IPC_RMID:
		return control(XSHM_IOC_REMOVE, shmid, 0, NULL, 0);
	case SHM_LOCK:
		return control(XSHM_IOC_LOCK, shmid, 0, NULL, 0);
	case SHM_UNLOCK:
		return control(XSHM_IOC_UNLOCK, shmid, 0, NULL, 0);
	case IPC_INFO:
		return control(XSHM_IOC_LIMITS, shmid, 0, buf, XSHM_LIMITS_SIZE_SYSV);
	case SHM_INFO:
		return control(XSHM_IOC_USAGE, shmid, 0, buf, XSHM_USAGE_SIZE_SYSV);
	case SHM_STAT:
		return control(XSHM_IOC_STAT, shmid, XSHM_SELECT_INDEX, buf, XSHM_DS_SIZE_SYSV);
	case SHM_STAT_ANY:
		return control(XSHM_IOC_STAT, shmid, XSHM_SELECT_INDEX_ANY, buf, XSHM_DS_SIZE_SYSV);
	default:
		errno = EINVAL;
		return -1;
	}
}

#else

/*
 * xshmctl() for 32-bit and for 64-bit time_t. The header names one of them
 * xshmctl(), according to how this is built.
 */
int control_time32(int shmid, int cmd, void *buf) __asm__("xshmctl");
int control_time64(int shmid, int cmd, void *buf) __asm__("xshmctl64");

EXPORT int control_time32(int shmid, int cmd, void *buf)
{
	return control32(shmid, cmd, buf, LAYOUT32_TIME32);
}

EXPORT int control_time64(int shmid, int cmd, void *buf)
{
	return control32(shmid, cmd, buf, LAYOUT32_TIME64);
}

#endif
