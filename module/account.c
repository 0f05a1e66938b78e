// SPDX-License-Identifier: GPL-2.0
/*
 * account.c - what users may take: locked memory, segments
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/xarray.h>

#include "xshm.h"

/*
 * Locked memory of each user over all namespaces: the number of a kuid to a
 * value, pages. The kernel's own account is not exported.
 */
static DEFINE_XARRAY(xshm_locked_pages);
/* Protects @xshm_locked_pages and changes of XSHM_LOCKED; above xshm_segment.lock. */
static DEFINE_MUTEX(xshm_account_lock);

static unsigned long xshm_account_pages(const struct xshm_segment *segment)
{
	return xshm_segment_backing_size(segment) >> PAGE_SHIFT;
}

/* Return: 0, -ENOMEM over the limit or without memory. */
static int xshm_account_charge(kuid_t uid, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);
	unsigned long locked;

	lockdep_assert_held(&xshm_account_lock);

	locked = xa_to_value(xa_load(&xshm_locked_pages, __kuid_val(uid)) ?: xa_mk_value(0));
	locked += pages;
	if (limit != RLIM_INFINITY && locked > limit >> PAGE_SHIFT && !capable(CAP_IPC_LOCK))
		return -ENOMEM;
	if (locked > LONG_MAX)
		return -ENOMEM;
	return xa_err(xa_store(&xshm_locked_pages, __kuid_val(uid), xa_mk_value(locked),
			       GFP_KERNEL_ACCOUNT));
}

static void xshm_account_uncharge(kuid_t uid, unsigned long pages)
{
	unsigned long locked;

	lockdep_assert_held(&xshm_account_lock);

	locked = xa_to_value(xa_load(&xshm_locked_pages, __kuid_val(uid))) - pages;
	/* Replacing an entry does not allocate. */
	if (locked)
		xa_store(&xshm_locked_pages, __kuid_val(uid), xa_mk_value(locked), 0);
	else
		xa_erase(&xshm_locked_pages, __kuid_val(uid));
}

/**
 * xshm_account_release - give back what a dead segment has locked
 * @segment: the segment
 *
 * May sleep.
 */
void xshm_account_release(struct xshm_segment *segment)
{
	if (!(segment->mode & XSHM_LOCKED))
		return;
	mutex_lock(&xshm_account_lock);
	xshm_account_uncharge(segment->locker, xshm_account_pages(segment));
	mutex_unlock(&xshm_account_lock);
}

/* Return: 0, -EPERM, or -EIDRM if the segment died. In the order of shmctl(2). */
static int xshm_lock_check(struct xshm_ns *ns, struct xshm_segment *segment, bool lock)
{
	kuid_t euid = current_euid();

	lockdep_assert_held(&segment->lock);

	if (segment->dead)
		return -EIDRM;
	if (ns_capable(ns->ipc_ns->user_ns, CAP_IPC_LOCK))
		return 0;
	if (!uid_eq(euid, segment->uid) && !uid_eq(euid, segment->cuid))
		return -EPERM;
	if (lock && !rlimit(RLIMIT_MEMLOCK))
		return -EPERM;
	return 0;
}

static long xshm_lock_segment(struct xshm_ns *ns, struct xshm_segment *segment)
{
	kuid_t uid = current_uid();
	bool locked;
	int err;

	spin_lock(&segment->lock);
	err = xshm_lock_check(ns, segment, true);
	locked = segment->mode & XSHM_LOCKED;
	spin_unlock(&segment->lock);
	if (err || locked || segment->attributes & XSHM_ATTR_HUGETLB)
		return err;

	err = xshm_account_charge(uid, xshm_account_pages(segment));
	if (err)
		return err;

	spin_lock(&segment->lock);
	if (segment->dead) {
		err = -EIDRM;
	} else {
		segment->mode |= XSHM_LOCKED;
		segment->locker = uid;
	}
	spin_unlock(&segment->lock);
	if (err)
		xshm_account_uncharge(uid, xshm_account_pages(segment));
	else
		xshm_backing_set_unevictable(segment, true);
	return err;
}

static long xshm_unlock_segment(struct xshm_ns *ns, struct xshm_segment *segment)
{
	bool locked;
	int err;

	spin_lock(&segment->lock);
	err = xshm_lock_check(ns, segment, false);
	locked = !err && segment->mode & XSHM_LOCKED;
	if (locked)
		segment->mode &= ~XSHM_LOCKED;
	spin_unlock(&segment->lock);
	if (!locked)
		return err;

	xshm_account_uncharge(segment->locker, xshm_account_pages(segment));
	xshm_backing_set_unevictable(segment, false);
	return 0;
}

static long xshm_lock_command(struct xshm_call *call,
			      long (*command)(struct xshm_ns *ns, struct xshm_segment *segment))
{
	const struct xshm_control *control = &call->arg.control;
	struct xshm_segment *segment;
	long err;

	if (control->select || control->buf_size || control->buf)
		return -EINVAL;
	segment = xshm_ids_find_ref(call->ns, control->id);
	if (!segment)
		return -EINVAL;
	mutex_lock(&xshm_account_lock);
	err = command(call->ns, segment);
	mutex_unlock(&xshm_account_lock);
	xshm_segment_put(segment);
	return err;
}

/* XSHM_IOC_LOCK: keep a segment from being swapped out. */
long xshm_lock(struct xshm_call *call)
{
	return xshm_lock_command(call, xshm_lock_segment);
}

/* XSHM_IOC_UNLOCK: allow a segment to be swapped out again. */
long xshm_unlock(struct xshm_call *call)
{
	return xshm_lock_command(call, xshm_unlock_segment);
}

/**
 * xshm_account_check_user - check the limits of a user
 * @ns: the instance, its mutex held
 * @bytes: size of the backing of the segment that the caller wants to make
 *
 * Who created a segment pays for it, whomever it is given to. The sums are
 * made from the segments when a limit is set, which by default none is, so
 * there is no account that could be wrong.
 *
 * Return: 0 or -ENOSPC.
 */
int xshm_account_check_user(struct xshm_ns *ns, u64 bytes)
{
	unsigned long max_segments = READ_ONCE(ns->user_segments);
	unsigned long max_bytes = READ_ONCE(ns->user_bytes);
	unsigned long segments = 1;
	struct xshm_segment *segment;
	kuid_t uid = current_euid();
	u64 total = bytes;
	u32 index;

	lockdep_assert_held(&ns->mutex);

	if (!max_segments && !max_bytes)
		return 0;

	xshm_ids_for_each(ns, index, segment) {
		if (!uid_eq(segment->cuid, uid))
			continue;
		segments++;
		if (check_add_overflow(total, xshm_segment_backing_size(segment), &total))
			return -ENOSPC;
	}
	if (max_segments && segments > max_segments)
		return -ENOSPC;
	if (max_bytes && total > max_bytes)
		return -ENOSPC;
	return 0;
}
