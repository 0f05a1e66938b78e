// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * shmctl(2) for 32-bit programs
 *
 * The module knows the 64-bit structures only. Those of 32-bit programs are
 * three: of glibc before 2.2, of the kernel's 32-bit interface since (with the
 * upper halves of the times in words of their own), and of programs built with
 * 64-bit time_t. They are spelled out here, because which of them <sys/shm.h> shows
 * depends on how this file itself is built.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/xshm.h>

#include "internal.h"

#if __SIZEOF_LONG__ != 4 || !defined(__GLIBC__)
#error "32-bit layouts of glibc"
#endif

struct old_ds32 {
	int32_t key;
	uint16_t uid, gid, cuid, cgid, mode, seq;
	int32_t segsz;
	int32_t atime, dtime, ctime;
	uint16_t cpid, lpid, nattch, unused;
	uint32_t unused2, unused3;
};

struct perm32 {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;
	uint16_t seq, pad;
	uint32_t reserved[2];
};

struct ds32_time32 {
	struct perm32 perm;
	uint32_t segsz;
	uint32_t atime, atime_high;
	uint32_t dtime, dtime_high;
	uint32_t ctime, ctime_high;
	int32_t cpid, lpid;
	uint32_t nattch;
	uint32_t reserved[2];
};

struct ds32_time64 {
	struct perm32 perm;
	uint32_t segsz;
	/* Not aligned to 8 bytes on i386. */
	int64_t atime, dtime, ctime;
	int32_t cpid, lpid;
	uint32_t nattch;
	uint32_t reserved[2];
};

struct limits32 {
	uint32_t shmmax, shmmin, shmmni, shmseg, shmall;
	uint32_t reserved[4];
};

/* What glibc had before 2.2: nothing reserved. */
#define LIMITS32_OLD_SIZE 20

struct usage32 {
	int32_t used_ids;
	uint32_t shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes;
};

union ds32 {
	struct old_ds32 old;
	struct ds32_time32 time32;
	struct ds32_time64 time64;
};

#ifdef __USE_TIME_BITS64
_Static_assert(sizeof(struct ds32_time64) == sizeof(struct shmid_ds), "struct shmid_ds");
#else
_Static_assert(sizeof(struct ds32_time32) == sizeof(struct shmid_ds), "struct shmid_ds");
_Static_assert(offsetof(struct ds32_time32, ctime) == offsetof(struct shmid_ds, shm_ctime) &&
	       offsetof(struct ds32_time32, nattch) == offsetof(struct shmid_ds, shm_nattch),
	       "struct shmid_ds");
_Static_assert(sizeof(struct ds32_time64) == sizeof(struct __shmid64_ds), "struct __shmid64_ds");
_Static_assert(offsetof(struct ds32_time64, ctime) == offsetof(struct __shmid64_ds, shm_ctime) &&
	       offsetof(struct ds32_time64, nattch) == offsetof(struct __shmid64_ds, shm_nattch),
	       "struct __shmid64_ds");
#endif
_Static_assert(sizeof(struct limits32) == sizeof(struct shminfo), "struct shminfo");
_Static_assert(sizeof(struct usage32) == sizeof(struct shm_info), "struct shm_info");

static size_t ds_size(enum layout32 layout)
{
	switch (layout) {
	case LAYOUT32_OLD:
		return sizeof(struct old_ds32);
	case LAYOUT32_TIME32:
		return sizeof(struct ds32_time32);
	default:
		return sizeof(struct ds32_time64);
	}
}

/*
 * Copy to or from a buffer of the caller that may not be there: EFAULT then, as
 * from the system call, and no SIGSEGV. A kernel or a system call filter
 * without process_vm_readv(2) leaves no choice but to trust the pointer.
 */
int copy_to_caller(void *buf, const void *from, size_t size)
{
	struct iovec local = { (void *)from, size }, remote = { buf, size };
	int saved_errno = errno;
	long copied;

	copied = syscall(SYS_process_vm_writev, (long)getpid(), &local, 1L, &remote, 1L, 0L);
	if (copied < 0 && errno != EFAULT) {
		memcpy(buf, from, size);
		copied = size;
	}
	errno = saved_errno;
	if ((size_t)copied == size)
		return 0;
	errno = EFAULT;
	return -1;
}

static int copy_from_caller(void *to, const void *buf, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)buf, size };
	int saved_errno = errno;
	long copied;

	copied = syscall(SYS_process_vm_readv, (long)getpid(), &local, 1L, &remote, 1L, 0L);
	if (copied < 0 && errno != EFAULT) {
		memcpy(to, buf, size);
		copied = size;
	}
	errno = saved_errno;
	if ((size_t)copied == size)
		return 0;
	errno = EFAULT;
	return -1;
}

/* 16-bit ids show what doesn't fit as the kernel does: the overflow id. */
static uint16_t id16(uint32_t id)
{
	return id > 0xffff ? 65534 : id;
}

static void old_from_module(struct old_ds32 *to, const struct xshm_ds *ds)
{
	*to = (struct old_ds32){
		.key = ds->key,
		.uid = id16(ds->uid),
		.gid = id16(ds->gid),
		.cuid = id16(ds->cuid),
		.cgid = id16(ds->cgid),
		.mode = ds->mode,
		.seq = ds->seq,
		.segsz = ds->segsz,
		.atime = ds->atime,
		.dtime = ds->dtime,
		.ctime = ds->ctime,
		.cpid = ds->cpid,
		.lpid = ds->lpid,
		.nattch = ds->nattch,
	};
}

static void perm_from_module(struct perm32 *to, const struct xshm_ds *ds)
{
	*to = (struct perm32){
		.key = ds->key,
		.uid = ds->uid,
		.gid = ds->gid,
		.cuid = ds->cuid,
		.cgid = ds->cgid,
		.mode = ds->mode,
		.seq = ds->seq,
	};
}

static void time32_from_module(struct ds32_time32 *to, const struct xshm_ds *ds)
{
	*to = (struct ds32_time32){
		.segsz = ds->segsz,
		.atime = ds->atime,
		.atime_high = (uint64_t)ds->atime >> 32,
		.dtime = ds->dtime,
		.dtime_high = (uint64_t)ds->dtime >> 32,
		.ctime = ds->ctime,
		.ctime_high = (uint64_t)ds->ctime >> 32,
		.cpid = ds->cpid,
		.lpid = ds->lpid,
		.nattch = ds->nattch,
	};
	perm_from_module(&to->perm, ds);
}

static void time64_from_module(struct ds32_time64 *to, const struct xshm_ds *ds)
{
	*to = (struct ds32_time64){
		.segsz = ds->segsz,
		.atime = ds->atime,
		.dtime = ds->dtime,
		.ctime = ds->ctime,
		.cpid = ds->cpid,
		.lpid = ds->lpid,
		.nattch = ds->nattch,
	};
	perm_from_module(&to->perm, ds);
}

static int stat32(int shmid, unsigned int select, void *buf, enum layout32 layout)
{
	struct xshm_ds ds;
	union ds32 to;
	int result;

	result = control(XSHM_IOC_STAT, shmid, select, &ds, XSHM_DS_SIZE_SYSV);
	if (result < 0)
		return result;
	switch (layout) {
	case LAYOUT32_OLD:
		old_from_module(&to.old, &ds);
		break;
	case LAYOUT32_TIME32:
		time32_from_module(&to.time32, &ds);
		break;
	case LAYOUT32_TIME64:
		time64_from_module(&to.time64, &ds);
		break;
	}
	return copy_to_caller(buf, &to, ds_size(layout)) < 0 ? -1 : result;
}

/* The old -1, "leave alone" for chown(2), is -1 in 32 bits too, and refused. */
static uint32_t id32(uint16_t id)
{
	return id == 0xffff ? UINT32_MAX : id;
}

static int set32(int shmid, const void *buf, enum layout32 layout)
{
	struct xshm_ds ds;
	union ds32 from;

	memset(&ds, 0, sizeof(ds));
	if (copy_from_caller(&from, buf, ds_size(layout)) < 0)
		return -1;
	if (layout == LAYOUT32_OLD) {
		ds.uid = id32(from.old.uid);
		ds.gid = id32(from.old.gid);
		ds.mode = from.old.mode;
	} else {
		/* Both others start with it. */
		ds.uid = from.time32.perm.uid;
		ds.gid = from.time32.perm.gid;
		ds.mode = from.time32.perm.mode;
	}
	return control(XSHM_IOC_SET, shmid, 0, &ds, XSHM_DS_SIZE_SYSV);
}

static int limits32(int shmid, void *buf, enum layout32 layout)
{
	struct xshm_limits limits;
	struct limits32 to;
	int result;

	result = control(XSHM_IOC_LIMITS, shmid, 0, &limits, XSHM_LIMITS_SIZE_SYSV);
	if (result < 0)
		return result;
	to = (struct limits32){
		/* The kernel's 32-bit interface shows no more than this either. */
		.shmmax = limits.shmmax > INT_MAX ? INT_MAX : limits.shmmax,
		.shmmin = limits.shmmin,
		.shmmni = limits.shmmni,
		.shmseg = limits.shmseg,
		.shmall = limits.shmall,
	};
	if (copy_to_caller(buf, &to, layout == LAYOUT32_OLD ? LIMITS32_OLD_SIZE : sizeof(to)) < 0)
		return -1;
	return result;
}

static int usage32(int shmid, void *buf)
{
	struct xshm_usage usage;
	struct usage32 to;
	int result;

	result = control(XSHM_IOC_USAGE, shmid, 0, &usage, XSHM_USAGE_SIZE_SYSV);
	if (result < 0)
		return result;
	to = (struct usage32){
		.used_ids = usage.used_ids,
		.shm_tot = usage.shm_tot,
		.shm_rss = usage.shm_rss,
		.shm_swp = usage.shm_swp,
		.swap_attempts = usage.swap_attempts,
		.swap_successes = usage.swap_successes,
	};
	return copy_to_caller(buf, &to, sizeof(to)) < 0 ? -1 : result;
}

int control32(int shmid, int cmd, void *buf, enum layout32 layout)
{
	switch (cmd) {
	case IPC_STAT:
		return stat32(shmid, XSHM_SELECT_ID, buf, layout);
	case SHM_STAT:
		return stat32(shmid, XSHM_SELECT_INDEX, buf, layout);
	case SHM_STAT_ANY:
		return stat32(shmid, XSHM_SELECT_INDEX_ANY, buf, layout);
	case IPC_SET:
		return set32(shmid, buf, layout);
	case IPC_INFO:
		return limits32(shmid, buf, layout);
	case SHM_INFO:
		return usage32(shmid, buf);
	case IPC_RMID:
		return control(XSHM_IOC_REMOVE, shmid, 0, NULL, 0);
	case SHM_LOCK:
		return control(XSHM_IOC_LOCK, shmid, 0, NULL, 0);
	case SHM_UNLOCK:
		return control(XSHM_IOC_UNLOCK, shmid, 0, NULL, 0);
	default:
		errno = EINVAL;
		return -1;
	}
}

/* The kernel's own shmctl(2), for the preload library without xshm. */
int kernel_shmctl32(int shmid, int cmd, void *buf, enum layout32 layout)
{
	struct ds32_time32 ds;
	struct ds32_time64 to;
	int result;

	if (layout == LAYOUT32_OLD) {
		/* Call number 24 of ipc(2), without the bit that means the new structure. */
		return syscall(SYS_ipc, 24, shmid, cmd, 0, buf);
	}
	if (layout == LAYOUT32_TIME64 && (cmd == IPC_STAT || cmd == SHM_STAT ||
					  cmd == SHM_STAT_ANY)) {
		result = syscall(SYS_shmctl, shmid, cmd, &ds);
		if (result < 0)
			return result;
		to = (struct ds32_time64){
			.perm = ds.perm,
			.segsz = ds.segsz,
			.atime = (uint64_t)ds.atime_high << 32 | ds.atime,
			.dtime = (uint64_t)ds.dtime_high << 32 | ds.dtime,
			.ctime = (uint64_t)ds.ctime_high << 32 | ds.ctime,
			.cpid = ds.cpid,
			.lpid = ds.lpid,
			.nattch = ds.nattch,
		};
		return copy_to_caller(buf, &to, sizeof(to)) < 0 ? -1 : result;
	}
	/* IPC_SET looks at what all layouts have in common. */
	return syscall(SYS_shmctl, shmid, cmd, buf);
}
