/* SPDX-License-Identifier: GPL-2.0 */
/*
 * status.h - how IPC_STAT is told to 64-bit programs, by either door
 */
#ifndef XSHM_STATUS_H
#define XSHM_STATUS_H

#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "xshm.h"

/*
 * Ids of users and groups as the caller's namespace has them. The map of the
 * first namespace is the identity, which is not worth four searches in it.
 */
static inline u32 xshm_uid(struct user_namespace *user_ns, kuid_t uid)
{
	return user_ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(user_ns, uid);
}

static inline u32 xshm_gid(struct user_namespace *user_ns, kgid_t gid)
{
	return user_ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(user_ns, gid);
}

/*
 * The part that shmctl(2) has, field by field: IPC_STAT is what programs call
 * most, and a copy by a string instruction would make it half as long again
 * (1,557 instructions).
 */
static __always_inline int xshm_put_status(struct xshm_ds __user *to,
					   const struct xshm_status *status)
{
	struct user_namespace *user_ns = current_user_ns();
	u32 uid = xshm_uid(user_ns, status->uid), cuid = xshm_uid(user_ns, status->cuid);
	u32 gid = xshm_gid(user_ns, status->gid), cgid = xshm_gid(user_ns, status->cgid);

	if (!user_access_begin(to, XSHM_DS_SIZE_SYSV))
		return -EFAULT;
	unsafe_put_user(status->key, &to->key, fault);
	unsafe_put_user(uid, &to->uid, fault);
	unsafe_put_user(gid, &to->gid, fault);
	unsafe_put_user(cuid, &to->cuid, fault);
	unsafe_put_user(cgid, &to->cgid, fault);
	unsafe_put_user(status->mode, &to->mode, fault);
	unsafe_put_user(status->id >> XSHM_INDEX_BITS, &to->seq, fault);
	unsafe_put_user(0, &to->reserved0, fault);
	unsafe_put_user(0, &to->reserved1, fault);
	unsafe_put_user(0, &to->reserved2[0], fault);
	unsafe_put_user(0, &to->reserved2[1], fault);
	unsafe_put_user(status->bytes, &to->segsz, fault);
	unsafe_put_user(status->atime, &to->atime, fault);
	unsafe_put_user(status->dtime, &to->dtime, fault);
	unsafe_put_user(status->ctime, &to->ctime, fault);
	unsafe_put_user(status->cpid, &to->cpid, fault);
	unsafe_put_user(status->lpid, &to->lpid, fault);
	unsafe_put_user(status->nattch, &to->nattch, fault);
	unsafe_put_user(0, &to->reserved3[0], fault);
	unsafe_put_user(0, &to->reserved3[1], fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

#endif /* XSHM_STATUS_H */
