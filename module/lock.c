// SPDX-License-Identifier: GPL-2.0
/*
 * lock.c - SHM_LOCK and SHM_UNLOCK
 */
#include <linux/cred.h>
#include <linux/sched/signal.h>

#include "xshm.h"

static unsigned long xshm_locked_size(const struct xshm_segment *segment)
{
	return xshm_segment_backing_size(segment) >> PAGE_SHIFT;
}

/* Return: 0, -EPERM, or -EIDRM if the segment died. In the order of shmctl(2). */
static int xshm_lock_check(struct xshm_segment *segment, bool lock)
{
	kuid_t euid = current_euid();

	lockdep_assert_held(&segment->lock);

	if (segment->dead)
		return -EIDRM;
	if (xshm_may_lock_anything())
		return 0;
	if (!uid_eq(euid, segment->uid) && !uid_eq(euid, segment->cuid))
		return -EPERM;
	if (lock && !rlimit(RLIMIT_MEMLOCK))
		return -EPERM;
	return 0;
}

/*
 * The account comes first, so that what is locked is counted at any time; it
 * was for nothing if another thread has locked the segment meanwhile.
 */
static int xshm_lock_segment(struct xshm_segment *segment)
{
	unsigned long pages = xshm_locked_size(segment);
	kuid_t uid = current_uid();
	bool locked;
	int err, charged;

	spin_lock(&segment->lock);
	err = xshm_lock_check(segment, true);
	locked = segment->mode & XSHM_LOCKED;
	spin_unlock(&segment->lock);
	if (err || locked || segment->attributes & XSHM_ATTR_HUGETLB)
		return err;

	charged = xshm_account_charge_locked(uid, pages);

	spin_lock(&segment->lock);
	locked = segment->mode & XSHM_LOCKED;
	if (segment->dead) {
		err = -EIDRM;
	} else if (!locked) {
		err = charged;
		if (!err) {
			segment->mode |= XSHM_LOCKED;
			segment->locker = uid;
			xshm_backing_mark_unevictable(segment, true);
		}
	}
	spin_unlock(&segment->lock);
	if (!charged && (err || locked))
		xshm_account_uncharge_locked(uid, pages);
	return err;
}

static int xshm_unlock_segment(struct xshm_segment *segment)
{
	kuid_t locker;
	bool locked;
	int err;

	spin_lock(&segment->lock);
	err = xshm_lock_check(segment, false);
	locked = !err && segment->mode & XSHM_LOCKED;
	if (locked) {
		segment->mode &= ~XSHM_LOCKED;
		locker = segment->locker;
		xshm_backing_mark_unevictable(segment, false);
	}
	spin_unlock(&segment->lock);
	if (!locked)
		return err;

	xshm_account_uncharge_locked(locker, xshm_locked_size(segment));
	/* Walks the pages, so without any lock. */
	xshm_backing_check_evictable(segment);
	return 0;
}

/**
 * xshm_lock - keep a segment from being swapped out, as SHM_LOCK does
 * @ns: the instance
 * @id: its id
 *
 * Return: 0, -EIDRM, -EINVAL, -ENOMEM, -EPERM.
 */
long xshm_lock(struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment = xshm_ids_find_ref(ns, id);
	int err;

	if (!segment)
		return -EINVAL;
	err = xshm_lock_segment(segment);
	xshm_segment_put(segment);
	return err;
}

/* Allow it to be swapped out again, as SHM_UNLOCK does. -EIDRM, -EINVAL, -EPERM. */
long xshm_unlock(struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment = xshm_ids_find_ref(ns, id);
	int err;

	if (!segment)
		return -EINVAL;
	err = xshm_unlock_segment(segment);
	xshm_segment_put(segment);
	return err;
}
