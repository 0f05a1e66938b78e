// SPDX-License-Identifier: GPL-2.0
/*
 * control.c - looking at segments and changing them: what shmctl(2) does
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "xshm.h"

static int xshm_copy_buf(const struct xshm_control *control, const void *from, size_t size)
{
	if (copy_to_user(u64_to_user_ptr(control->buf), from,
			 min_t(size_t, control->buf_size, size)))
		return -EFAULT;
	return 0;
}

/*
 * Ids of users and groups as the caller's namespace has them. The map of the
 * first namespace is the identity, which is not worth four searches in it.
 */
static u32 xshm_uid(struct user_namespace *user_ns, kuid_t uid)
{
	return user_ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(user_ns, uid);
}

static u32 xshm_gid(struct user_namespace *user_ns, kgid_t gid)
{
	return user_ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(user_ns, gid);
}

/* What shmctl(2) tells of a segment. Names are those of the caller's namespaces. */
static void xshm_fill_sysv(struct xshm_ds *ds, const struct xshm_segment *segment)
{
	struct user_namespace *user_ns = current_user_ns();

	lockdep_assert_held(&segment->lock);

	ds->key = segment->key;
	ds->uid = xshm_uid(user_ns, segment->uid);
	ds->gid = xshm_gid(user_ns, segment->gid);
	ds->cuid = xshm_uid(user_ns, segment->cuid);
	ds->cgid = xshm_gid(user_ns, segment->cgid);
	ds->mode = segment->mode;
	ds->seq = segment->id >> XSHM_INDEX_BITS;
	ds->reserved0 = 0;
	ds->reserved1 = 0;
	ds->reserved2[0] = 0;
	ds->reserved2[1] = 0;
	ds->segsz = segment->bytes;
	ds->atime = segment->atime;
	ds->dtime = segment->dtime;
	ds->ctime = segment->ctime;
	ds->cpid = pid_vnr(segment->creator);
	ds->lpid = pid_vnr(segment->last);
	ds->nattch = segment->nattch;
	ds->reserved3[0] = 0;
	ds->reserved3[1] = 0;
}

/* IPC_STAT is what programs call most, so it copies without a string instruction. */
static int xshm_copy_sysv(const struct xshm_control *control, const struct xshm_ds *ds)
{
	u64 __user *to = u64_to_user_ptr(control->buf);
	const u64 *from = (const u64 *)ds;
	unsigned int i;

	BUILD_BUG_ON(XSHM_DS_SIZE_SYSV != 14 * sizeof(u64));

	if (!user_access_begin(to, XSHM_DS_SIZE_SYSV))
		return -EFAULT;
	for (i = 0; i < 14; i += 7) {
		unsafe_put_user(from[i], &to[i], fault);
		unsafe_put_user(from[i + 1], &to[i + 1], fault);
		unsafe_put_user(from[i + 2], &to[i + 2], fault);
		unsafe_put_user(from[i + 3], &to[i + 3], fault);
		unsafe_put_user(from[i + 4], &to[i + 4], fault);
		unsafe_put_user(from[i + 5], &to[i + 5], fault);
		unsafe_put_user(from[i + 6], &to[i + 6], fault);
	}
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/* What xshm tells beyond that. May sleep; the segment's references are the caller's. */
static void xshm_fill_extended(struct xshm_ds *ds, const struct xshm_segment *segment)
{
	struct super_block *sb = file_inode(segment->backing)->i_sb;
	struct xshm_pages pages = { };

	memset_startat(ds, 0, id);
	xshm_backing_count(segment, &pages);
	ds->id = segment->id;
	ds->attributes = segment->attributes;
	if (xshm_segment_creator_gone(segment))
		ds->attributes |= XSHM_ATTR_CREATOR_GONE;
	ds->page_size = xshm_backing_page_size(segment);
	ds->resident = (u64)pages.resident << PAGE_SHIFT;
	ds->swapped = (u64)pages.swapped << PAGE_SHIFT;
	ds->huge = (u64)(pages.huge + xshm_backing_count_huge(segment)) << PAGE_SHIFT;
	if (ds->mode & XSHM_LOCKED)
		ds->locked = xshm_segment_backing_size(segment);
	ds->dev_major = MAJOR(sb->s_dev);
	ds->dev_minor = MINOR(sb->s_dev);
}

/**
 * xshm_stat - XSHM_IOC_STAT: IPC_STAT, SHM_STAT and SHM_STAT_ANY
 * @call: the command
 *
 * Return: 0, or the id where it was asked for by index; -EACCES, -EFAULT,
 * -EINVAL.
 */
long xshm_stat(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	bool extended = control->buf_size > XSHM_DS_SIZE_SYSV;
	struct xshm_segment *segment;
	struct xshm_ds ds __uninitialized;
	long ret = -EINVAL;

	if (control->select > XSHM_SELECT_INDEX_ANY || control->id < 0 ||
	    control->buf_size < XSHM_DS_SIZE_SYSV)
		return -EINVAL;

	rcu_read_lock();
	if (control->select == XSHM_SELECT_ID)
		segment = xshm_ids_find(call->ns, control->id);
	else
		segment = xshm_ids_find_index(call->ns, control->id & XSHM_INDEX_MASK);
	if (segment) {
		spin_lock(&segment->lock);
		if (control->select != XSHM_SELECT_INDEX_ANY &&
		    !xshm_may_access(call->ns, segment, 0444)) {
			ret = -EACCES;
		} else if (segment->dead) {
			ret = -EIDRM;
		} else {
			ret = control->select == XSHM_SELECT_ID ? 0 : segment->id;
			xshm_fill_sysv(&ds, segment);
			if (extended)
				refcount_inc(&segment->refs);
		}
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	if (ret < 0)
		return ret;

	if (!extended)
		return xshm_copy_sysv(control, &ds) ?: ret;
	xshm_fill_extended(&ds, segment);
	xshm_segment_put(segment);
	return xshm_copy_buf(control, &ds, sizeof(ds)) ?: ret;
}

/**
 * xshm_set - XSHM_IOC_SET: IPC_SET
 * @call: the command
 *
 * Return: 0, -EFAULT, -EIDRM, -EINVAL, -EPERM.
 */
long xshm_set(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct user_namespace *user_ns = current_user_ns();
	struct xshm_segment *segment;
	struct xshm_ds ds;
	long err = -EINVAL;
	kuid_t uid;
	kgid_t gid;

	if (control->select || control->id < 0 || control->buf_size < XSHM_DS_SIZE_SYSV)
		return -EINVAL;
	if (copy_from_user(&ds, u64_to_user_ptr(control->buf), XSHM_DS_SIZE_SYSV))
		return -EFAULT;

	rcu_read_lock();
	segment = xshm_ids_find(call->ns, control->id);
	if (segment) {
		uid = make_kuid(user_ns, ds.uid);
		gid = make_kgid(user_ns, ds.gid);

		spin_lock(&segment->lock);
		if (!xshm_may_control(call->ns, segment)) {
			err = -EPERM;
		} else if (segment->dead) {
			err = -EIDRM;
		} else if (uid_valid(uid) && gid_valid(gid)) {
			segment->uid = uid;
			segment->gid = gid;
			segment->mode = (segment->mode & ~0777) | (ds.mode & 0777);
			segment->ctime = ktime_get_real_seconds();
			err = 0;
		}
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	return err;
}

/* XSHM_IOC_REMOVE: IPC_RMID. */
long xshm_remove(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;

	if (control->select || control->buf_size || control->buf)
		return -EINVAL;
	return xshm_segment_remove(call->ns, control->id);
}

/**
 * xshm_limits - XSHM_IOC_LIMITS: IPC_INFO
 * @call: the command
 *
 * Return: the highest index in use; -EFAULT, -EINVAL.
 */
long xshm_limits(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	const struct xshm_ns *ns = call->ns;
	struct xshm_limits limits = {
		.shmmax = READ_ONCE(ns->shmmax),
		.shmmin = 1,
		.shmmni = READ_ONCE(ns->shmmni),
		.shmseg = READ_ONCE(ns->shmmni),
		.shmall = READ_ONCE(ns->shmall),
		.user_segments = READ_ONCE(ns->user_segments),
		.user_bytes = READ_ONCE(ns->user_bytes),
		.rmid_forced = READ_ONCE(ns->rmid_forced),
		.huge = READ_ONCE(ns->huge),
		.next_id = READ_ONCE(ns->next_id),
	};

	if (control->select || control->id < 0 || control->buf_size < XSHM_LIMITS_SIZE_SYSV)
		return -EINVAL;
	return xshm_copy_buf(control, &limits, sizeof(limits)) ?:
	       xshm_ids_highest_index(call->ns);
}

/* The values that the sysctl files take, too. */
static bool xshm_limits_valid(const struct xshm_limits *limits, u32 which)
{
	if (which & ~XSHM_LIMITS_ALL || limits->reserved1 ||
	    memchr_inv(limits->reserved, 0, sizeof(limits->reserved)))
		return false;
	if (which & XSHM_LIMIT_SHMMNI && limits->shmmni > XSHM_INDEX_COUNT)
		return false;
	if (which & XSHM_LIMIT_RMID_FORCED && limits->rmid_forced > 1)
		return false;
	if (which & XSHM_LIMIT_HUGE && limits->huge > XSHM_HUGE_ADVISE)
		return false;
	if (which & XSHM_LIMIT_NEXT_ID && limits->next_id < 0)
		return false;
	return limits->shmmax <= ULONG_MAX && limits->shmall <= ULONG_MAX &&
	       limits->user_segments <= ULONG_MAX && limits->user_bytes <= ULONG_MAX;
}

/**
 * xshm_set_limits - XSHM_IOC_SET_LIMITS
 * @call: the command
 *
 * Return: 0, -E2BIG, -EFAULT, -EINVAL, -EPERM.
 */
long xshm_set_limits(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	u32 which = control->select;
	struct xshm_ns *ns = call->ns;
	struct xshm_limits limits;
	int err;

	if (control->id || control->buf_size < offsetofend(struct xshm_limits, reserved1))
		return -EINVAL;
	if (control->buf_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&limits, sizeof(limits), u64_to_user_ptr(control->buf),
				    control->buf_size);
	if (err)
		return err;
	if (!xshm_limits_valid(&limits, which))
		return -EINVAL;
	if (which & ~XSHM_LIMIT_NEXT_ID && !xshm_may_set_limits(ns))
		return -EPERM;
	if (which & XSHM_LIMIT_NEXT_ID && !xshm_may_choose_id(ns))
		return -EPERM;

	mutex_lock(&ns->mutex);
	if (which & XSHM_LIMIT_SHMMAX)
		WRITE_ONCE(ns->shmmax, limits.shmmax);
	if (which & XSHM_LIMIT_SHMMNI)
		WRITE_ONCE(ns->shmmni, limits.shmmni);
	if (which & XSHM_LIMIT_SHMALL)
		WRITE_ONCE(ns->shmall, limits.shmall);
	if (which & XSHM_LIMIT_USER_SEGMENTS)
		WRITE_ONCE(ns->user_segments, limits.user_segments);
	if (which & XSHM_LIMIT_USER_BYTES)
		WRITE_ONCE(ns->user_bytes, limits.user_bytes);
	if (which & XSHM_LIMIT_RMID_FORCED)
		WRITE_ONCE(ns->rmid_forced, limits.rmid_forced);
	if (which & XSHM_LIMIT_HUGE)
		WRITE_ONCE(ns->huge, limits.huge);
	if (which & XSHM_LIMIT_NEXT_ID)
		WRITE_ONCE(ns->next_id, limits.next_id);
	mutex_unlock(&ns->mutex);

	if (which & XSHM_LIMIT_RMID_FORCED)
		xshm_ns_rmid_forced_set(ns);
	return 0;
}

/**
 * xshm_usage - XSHM_IOC_USAGE: SHM_INFO
 * @call: the command
 *
 * Return: the highest index in use; -EFAULT, -EINVAL.
 */
long xshm_usage(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	bool extended = control->buf_size > XSHM_USAGE_SIZE_SYSV;
	struct xshm_ns *ns = call->ns;
	struct xshm_segment *segment;
	struct xshm_pages pages = { };
	struct xshm_usage usage = { };
	u32 index;

	if (control->select || control->id < 0 || control->buf_size < XSHM_USAGE_SIZE_SYSV)
		return -EINVAL;

	/* No lock on the namespace: what comes or goes meanwhile counts or not. */
	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		if (!refcount_inc_not_zero(&segment->refs))
			continue;
		rcu_read_unlock();
		usage.used_ids++;
		usage.shm_tot += xshm_segment_pages(segment);
		xshm_backing_count(segment, &pages);
		if (extended) {
			pages.huge += xshm_backing_count_huge(segment);
			/* Of a moment, as the sum is. */
			if (data_race(segment->mode) & XSHM_LOCKED)
				usage.locked += xshm_segment_backing_size(segment);
		}
		xshm_segment_put(segment);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();

	usage.shm_rss = pages.resident;
	usage.shm_swp = pages.swapped;
	usage.huge = (u64)pages.huge << PAGE_SHIFT;
	return xshm_copy_buf(control, &usage, sizeof(usage)) ?: xshm_ids_highest_index(ns);
}
