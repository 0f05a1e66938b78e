// SPDX-License-Identifier: GPL-2.0
/*
 * account.c - what users have: locked memory, segments
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "xshm.h"

/*
 * Locked memory of each user over all namespaces: the number of a kuid to a
 * value, pages. The kernel's own account is not exported.
 */
static DEFINE_XARRAY(xshm_locked_pages);

/* Under the lock of the xarray, and where there is an entry for the user. */
static int xshm_account_try_charge(kuid_t uid, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);
	unsigned long locked = 0;
	void *entry;

	entry = xa_load(&xshm_locked_pages, __kuid_val(uid));
	if (entry)
		locked = xa_to_value(entry);
	locked += pages;
	if (limit != RLIM_INFINITY && locked > limit >> PAGE_SHIFT && !capable(CAP_IPC_LOCK))
		return -EPERM;
	if (locked > LONG_MAX)
		return -EPERM;
	/* Where there is an entry, or a reserved one, this does not allocate. */
	return xa_err(__xa_store(&xshm_locked_pages, __kuid_val(uid), xa_mk_value(locked), 0));
}

/**
 * xshm_account_charge_locked - count memory that a user locks
 * @uid: the user
 * @pages: how much
 *
 * May sleep.
 *
 * Return: 0, or -ENOMEM over RLIMIT_MEMLOCK or without memory.
 */
int xshm_account_charge_locked(kuid_t uid, unsigned long pages)
{
	int err;

	do {
		/* Memory for the entry, without the lock. */
		err = xa_reserve(&xshm_locked_pages, __kuid_val(uid), GFP_KERNEL_ACCOUNT);
		if (err)
			return err;
		xa_lock(&xshm_locked_pages);
		err = xshm_account_try_charge(uid, pages);
		xa_unlock(&xshm_locked_pages);
		/* The user's last locked memory went in between, and the entry with it. */
	} while (err == -ENOMEM);
	if (err)
		xa_release(&xshm_locked_pages, __kuid_val(uid));
	return err ? -ENOMEM : 0;
}

void xshm_account_uncharge_locked(kuid_t uid, unsigned long pages)
{
	unsigned long locked;

	xa_lock(&xshm_locked_pages);
	locked = xa_to_value(xa_load(&xshm_locked_pages, __kuid_val(uid))) - pages;
	if (locked)
		/* Replacing an entry does not allocate. */
		__xa_store(&xshm_locked_pages, __kuid_val(uid), xa_mk_value(locked), 0);
	else
		__xa_erase(&xshm_locked_pages, __kuid_val(uid));
	xa_unlock(&xshm_locked_pages);
}

/**
 * struct xshm_user - what a user has made in a namespace
 * @uid: the user
 * @segments: number of the segments
 * @bytes: memory that they take when all of it is touched
 */
struct xshm_user {
	kuid_t uid;
	unsigned int segments;
	u64 bytes;
};

/**
 * xshm_account_check_user - check the limits of a user
 * @ns: the instance, its mutex held
 * @uid: who wants to make a segment
 * @bytes: size of its backing
 *
 * Who created a segment pays for it, whomever it is given to.
 *
 * Return: 0 or -ENOSPC.
 */
int xshm_account_check_user(struct xshm_ns *ns, kuid_t uid, u64 bytes)
{
	unsigned long max_segments = READ_ONCE(ns->user_segments);
	unsigned long max_bytes = READ_ONCE(ns->user_bytes);
	const struct xshm_user *user;
	unsigned int segments = 0;
	u64 total = bytes;

	lockdep_assert_held(&ns->mutex);

	if (!max_segments && !max_bytes)
		return 0;

	user = xa_load(&ns->users, __kuid_val(uid));
	if (user) {
		segments = user->segments;
		if (check_add_overflow(total, user->bytes, &total))
			return -ENOSPC;
	}
	if (max_segments && segments >= max_segments)
		return -ENOSPC;
	if (max_bytes && total > max_bytes)
		return -ENOSPC;
	return 0;
}

static struct xshm_user *xshm_user_create(struct xshm_ns *ns, kuid_t uid)
{
	struct xshm_user *user;
	int err;

	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return ERR_PTR(-ENOMEM);
	user->uid = uid;
	err = xa_err(xa_store(&ns->users, __kuid_val(uid), user, GFP_KERNEL_ACCOUNT));
	if (err) {
		kfree(user);
		return ERR_PTR(err);
	}
	return user;
}

static void xshm_user_destroy(struct xshm_ns *ns, struct xshm_user *user)
{
	if (user)
		xa_erase(&ns->users, __kuid_val(user->uid));
	kfree(user);
}

/**
 * xshm_account_add - count a segment for its creator
 * @segment: the segment, its namespace's mutex held
 *
 * Return: 0 or -ENOMEM.
 */
int xshm_account_add(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	struct xshm_user *user;

	lockdep_assert_held(&ns->mutex);

	user = xa_load(&ns->users, __kuid_val(segment->cuid));
	if (!user) {
		user = xshm_user_create(ns, segment->cuid);
		if (IS_ERR(user))
			return PTR_ERR(user);
	}
	if (ns->idle_user == user)
		ns->idle_user = NULL;
	user->segments++;
	user->bytes += xshm_segment_backing_size(segment);
	segment->user = user;
	return 0;
}

/* The opposite. Who has no segments any more is forgotten when the next has none. */
void xshm_account_remove(struct xshm_segment *segment)
{
	struct xshm_user *user = segment->user;
	struct xshm_ns *ns = segment->ns;

	lockdep_assert_held(&ns->mutex);

	user->bytes -= xshm_segment_backing_size(segment);
	if (--user->segments)
		return;
	xshm_user_destroy(ns, ns->idle_user);
	ns->idle_user = user;
}

/* The instance has no segments and goes. */
void xshm_account_destroy(struct xshm_ns *ns)
{
	xshm_user_destroy(ns, ns->idle_user);
	WARN_ON(!xa_empty(&ns->users));
	xa_destroy(&ns->users);
}
