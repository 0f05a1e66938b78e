// SPDX-License-Identifier: GPL-2.0
/*
 * control.c - looking at segments and changing them: what shmctl(2) does
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/timekeeping.h>

#include "ids.h"
#include "xshm.h"

/* May sleep; the reference on the segment is the caller's. */
static void xshm_segment_details(const struct xshm_segment *segment, unsigned int mode,
				 struct xshm_details *details)
{
	*details = (struct xshm_details){
		.attributes = segment->attributes,
		.page_size = xshm_backing_page_size(segment),
		.dev = file_inode(segment->backing)->i_sb->s_dev,
	};
	if (xshm_segment_creator_gone(segment))
		details->attributes |= XSHM_ATTR_CREATOR_GONE;
	xshm_backing_count(segment, &details->pages);
	details->pages.huge += xshm_backing_count_huge(segment);
	if (mode & XSHM_LOCKED)
		details->locked = xshm_segment_backing_size(segment);
}

/**
 * xshm_stat - look at a segment: IPC_STAT, SHM_STAT and SHM_STAT_ANY
 * @ns: the instance
 * @id: its id or index
 * @select: XSHM_SELECT_*, what @id is
 * @status: what is told of it
 * @details: NULL, or what is told beyond that; may sleep then
 *
 * Return: 0, or the id where it was asked for by index; -EACCES, -EIDRM,
 * -EINVAL.
 */
long xshm_stat(struct xshm_ns *ns, int id, unsigned int select, struct xshm_status *status,
	       struct xshm_details *details)
{
	struct xshm_segment *segment;
	long ret = -EINVAL;

	if (id < 0)
		return -EINVAL;

	rcu_read_lock();
	if (select == XSHM_SELECT_ID)
		segment = xshm_ids_find(ns, id);
	else
		segment = xshm_ids_find_index(ns, id & XSHM_INDEX_MASK);
	if (segment) {
		spin_lock(&segment->lock);
		if (select != XSHM_SELECT_INDEX_ANY && !xshm_may_access(segment, 0444)) {
			ret = -EACCES;
		} else if (segment->dead) {
			ret = -EIDRM;
		} else {
			ret = select == XSHM_SELECT_ID ? 0 : segment->id;
			xshm_segment_status(segment, task_active_pid_ns(current), status);
			if (details)
				refcount_inc(&segment->refs);
		}
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	if (ret < 0 || !details)
		return ret;

	xshm_segment_details(segment, status->mode, details);
	xshm_segment_put(segment);
	return ret;
}

/**
 * xshm_set - change owner and mode: IPC_SET
 * @ns: the instance
 * @id: id of the segment
 * @uid: new owner
 * @gid: new group
 * @mode: new permissions; other bits are ignored
 *
 * Return: 0, -EIDRM, -EINVAL (also for ids that aren't valid), -EPERM.
 */
long xshm_set(struct xshm_ns *ns, int id, kuid_t uid, kgid_t gid, umode_t mode)
{
	struct xshm_segment *segment;
	long err = -EINVAL;

	rcu_read_lock();
	segment = xshm_ids_find(ns, id);
	if (segment) {
		spin_lock(&segment->lock);
		if (!xshm_may_control(segment)) {
			err = -EPERM;
		} else if (segment->dead) {
			err = -EIDRM;
		} else if (uid_valid(uid) && gid_valid(gid)) {
			segment->uid = uid;
			segment->gid = gid;
			segment->mode = (segment->mode & ~0777) | (mode & 0777);
			segment->ctime = ktime_get_real_seconds();
			err = 0;
		}
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	return err;
}

/**
 * xshm_sum_up - what all segments of an instance are together: SHM_INFO
 * @ns: the instance
 * @extended: also count transparent huge pages and locked memory
 * @sums: where to put it
 *
 * Without a lock on the namespace: what comes or goes meanwhile counts or not.
 * May sleep.
 */
void xshm_sum_up(struct xshm_ns *ns, bool extended, struct xshm_sums *sums)
{
	struct xshm_segment *segment;
	u32 index;

	*sums = (struct xshm_sums){ };
	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		if (!refcount_inc_not_zero(&segment->refs))
			continue;
		rcu_read_unlock();
		sums->segments++;
		sums->size += xshm_segment_pages(segment);
		xshm_backing_count(segment, &sums->pages);
		if (extended) {
			sums->pages.huge += xshm_backing_count_huge(segment);
			/* Of a moment, as the sum is. */
			if (data_race(segment->mode) & XSHM_LOCKED)
				sums->locked += xshm_segment_backing_size(segment);
		}
		xshm_segment_put(segment);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
}
