// SPDX-License-Identifier: GPL-2.0
/*
 * layout.c - the structures of shmctl(2), as 64-bit and 32-bit programs have them
 */
#include <linux/compat.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/shm.h>

#include "../status.h"
#include "sysv.h"

#ifdef CONFIG_COMPAT
/* ipc/util.h and ipc/shm.c have these for themselves. */
struct xshm_compat_ipc_perm {
	s32 key;
	__compat_uid_t uid;
	__compat_gid_t gid;
	__compat_uid_t cuid;
	__compat_gid_t cgid;
	compat_mode_t mode;
	u16 seq;
};

struct xshm_compat_shmid_ds {
	struct xshm_compat_ipc_perm shm_perm;
	s32 shm_segsz;
	s32 shm_atime;
	s32 shm_dtime;
	s32 shm_ctime;
	compat_ipc_pid_t shm_cpid;
	compat_ipc_pid_t shm_lpid;
	u16 shm_nattch;
	u16 shm_unused;
	compat_uptr_t shm_unused2;
	compat_uptr_t shm_unused3;
};

static int xshm_put_compat64(void __user *buf, const struct xshm_status *status)
{
	struct user_namespace *user_ns = current_user_ns();
	struct compat_shmid64_ds ds;

	memset(&ds, 0, sizeof(ds));
	ds.shm_perm.key = status->key;
	ds.shm_perm.uid = from_kuid_munged(user_ns, status->uid);
	ds.shm_perm.gid = from_kgid_munged(user_ns, status->gid);
	ds.shm_perm.cuid = from_kuid_munged(user_ns, status->cuid);
	ds.shm_perm.cgid = from_kgid_munged(user_ns, status->cgid);
	ds.shm_perm.mode = status->mode;
	ds.shm_perm.seq = status->id >> XSHM_INDEX_BITS;
	ds.shm_segsz = status->bytes;
	ds.shm_atime = lower_32_bits(status->atime);
	ds.shm_atime_high = upper_32_bits(status->atime);
	ds.shm_dtime = lower_32_bits(status->dtime);
	ds.shm_dtime_high = upper_32_bits(status->dtime);
	ds.shm_ctime = lower_32_bits(status->ctime);
	ds.shm_ctime_high = upper_32_bits(status->ctime);
	ds.shm_cpid = status->cpid;
	ds.shm_lpid = status->lpid;
	ds.shm_nattch = status->nattch;
	return copy_to_user(buf, &ds, sizeof(ds)) ? -EFAULT : 0;
}

static int xshm_put_compat_old(void __user *buf, const struct xshm_status *status)
{
	struct user_namespace *user_ns = current_user_ns();
	struct xshm_compat_shmid_ds ds;

	memset(&ds, 0, sizeof(ds));
	ds.shm_perm.key = status->key;
	SET_UID(ds.shm_perm.uid, from_kuid_munged(user_ns, status->uid));
	SET_GID(ds.shm_perm.gid, from_kgid_munged(user_ns, status->gid));
	SET_UID(ds.shm_perm.cuid, from_kuid_munged(user_ns, status->cuid));
	SET_GID(ds.shm_perm.cgid, from_kgid_munged(user_ns, status->cgid));
	ds.shm_perm.mode = status->mode;
	ds.shm_perm.seq = status->id >> XSHM_INDEX_BITS;
	ds.shm_segsz = status->bytes;
	ds.shm_atime = status->atime;
	ds.shm_dtime = status->dtime;
	ds.shm_ctime = status->ctime;
	ds.shm_cpid = status->cpid;
	ds.shm_lpid = status->lpid;
	ds.shm_nattch = status->nattch;
	return copy_to_user(buf, &ds, sizeof(ds)) ? -EFAULT : 0;
}
#endif

/* A segment, for IPC_STAT and its kin. Return: 0 or -EFAULT. */
int xshm_layout_put_status(void __user *buf, const struct xshm_status *status,
			   enum xshm_layout layout)
{
#ifdef CONFIG_COMPAT
	if (layout == XSHM_LAYOUT_COMPAT64)
		return xshm_put_compat64(buf, status);
	if (layout == XSHM_LAYOUT_COMPAT_OLD)
		return xshm_put_compat_old(buf, status);
#endif
	return xshm_put_status(buf, status);
}

/* What IPC_SET takes. Return: 0 or -EFAULT. */
int xshm_layout_get_set(const void __user *buf, uid_t *uid, gid_t *gid, umode_t *mode,
			enum xshm_layout layout)
{
	struct shmid64_ds ds;

#ifdef CONFIG_COMPAT
	if (layout == XSHM_LAYOUT_COMPAT64) {
		struct compat_ipc64_perm perm;

		if (copy_from_user(&perm, buf, sizeof(perm)))
			return -EFAULT;
		*uid = perm.uid;
		*gid = perm.gid;
		*mode = perm.mode;
		return 0;
	}
	if (layout == XSHM_LAYOUT_COMPAT_OLD) {
		struct xshm_compat_ipc_perm perm;

		if (copy_from_user(&perm, buf, sizeof(perm)))
			return -EFAULT;
		*uid = perm.uid;
		*gid = perm.gid;
		*mode = perm.mode;
		return 0;
	}
#endif
	if (copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	*uid = ds.shm_perm.uid;
	*gid = ds.shm_perm.gid;
	*mode = ds.shm_perm.mode;
	return 0;
}

/* IPC_INFO. Return: 0 or -EFAULT. */
int xshm_layout_put_limits(void __user *buf, const struct xshm_limits_now *limits,
			   enum xshm_layout layout)
{
	struct shminfo64 info = {
		.shmmax = limits->shmmax,
		.shmmin = 1,
		.shmmni = limits->shmmni,
		.shmseg = limits->shmmni,
		.shmall = limits->shmall,
	};

#ifdef CONFIG_COMPAT
	if (layout != XSHM_LAYOUT_NATIVE) {
		/* Five words of struct shminfo; nine of it with IPC_64. */
		u32 words[9] = {
			min_t(u64, limits->shmmax, INT_MAX), 1, limits->shmmni, limits->shmmni,
			limits->shmall,
		};
		unsigned int count = layout == XSHM_LAYOUT_COMPAT64 ? 9 : 5;

		return copy_to_user(buf, words, count * sizeof(words[0])) ? -EFAULT : 0;
	}
#endif
	return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : 0;
}

/* SHM_INFO. Return: 0 or -EFAULT. */
int xshm_layout_put_sums(void __user *buf, const struct xshm_sums *sums, enum xshm_layout layout)
{
	struct shm_info info;

#ifdef CONFIG_COMPAT
	if (layout != XSHM_LAYOUT_NATIVE) {
		u32 words[6] = {
			sums->segments, sums->size, sums->pages.resident, sums->pages.swapped,
		};

		return copy_to_user(buf, words, sizeof(words)) ? -EFAULT : 0;
	}
#endif
	memset(&info, 0, sizeof(info));
	info.used_ids = sums->segments;
	info.shm_tot = sums->size;
	info.shm_rss = sums->pages.resident;
	info.shm_swp = sums->pages.swapped;
	return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : 0;
}
