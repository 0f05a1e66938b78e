// SPDX-License-Identifier: GPL-2.0
/*
 * get.c - what shmget(2) does: find a segment by its key, or make one
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>

#include "get.h"
#include "xshm.h"
#include "trace.h"

/*
 * Put a complete segment into the tables. Another one may have taken its key
 * since it was looked up, and others of the user may have come first.
 * Return: the id of this or that segment, or an errno; only if @segment has
 * that id, it was published.
 */
static long xshm_get_publish(struct xshm_segment *segment, const struct xshm_wish *wish)
{
	struct xshm_ns *ns = segment->ns;
	long ret;

	lockdep_assert_held(&ns->mutex);

	if (segment->key != XSHM_PRIVATE) {
		ret = xshm_get_existing(ns, wish->key, wish->bytes, wish->shmflg);
		if (ret != -ENOENT)
			return ret;
	}
	ret = xshm_account_check_user(ns, segment->cuid, xshm_segment_backing_size(segment));
	if (ret)
		return ret;
	return xshm_segment_publish(segment) ?: segment->id;
}

/**
 * xshm_get_new - make a segment
 * @ns: the instance
 * @client: what it is made through, or NULL
 * @wish: what is asked for; the doors refuse or drop flags that are not known
 *
 * Reserve, build, publish last: the pages are charged to the namespace before
 * they are asked for, and the backing is made without a lock, because
 * reserving huge pages takes the mmap_lock. May sleep.
 *
 * Return: the id, or that of a segment that has got the key meanwhile, or -EACCES,
 * -EEXIST, -EINTR, -EINVAL, -ENOMEM, -ENOSPC, -EPERM, -ERESTARTNOINTR.
 */
long xshm_get_new(struct xshm_ns *ns, struct xshm_client *client, const struct xshm_wish *wish)
{
	unsigned long pages = DIV_ROUND_UP_ULL(wish->bytes, PAGE_SIZE);
	struct xshm_limits_now limits = xshm_ns_limits(ns);
	struct xshm_segment *segment;
	unsigned long total;
	struct file *backing;
	long ret;

	if (wish->bytes < 1 || wish->bytes > limits.shmmax)
		return -EINVAL;
	if (wish->bytes > ULONG_MAX - (PAGE_SIZE - 1))
		return -ENOSPC;

	mutex_lock(&ns->mutex);
	ret = xshm_account_check_user(ns, current_euid(), (u64)pages << PAGE_SHIFT);
	total = ns->pages + limits.kernel_pages + pages;
	if (!ret && (total < pages || total > limits.shmall))
		ret = -ENOSPC;
	if (!ret)
		ns->pages += pages;
	mutex_unlock(&ns->mutex);
	if (ret)
		return ret;

	segment = xshm_segment_alloc(ns, client, wish);
	if (!segment) {
		ret = -ENOMEM;
		goto err_uncharge;
	}
	backing = xshm_backing_create(ns, wish, &segment->attributes);
	if (IS_ERR(backing)) {
		ret = PTR_ERR(backing);
		goto err_put;
	}
	segment->backing = backing;

	mutex_lock(&ns->mutex);
	ret = xshm_get_publish(segment, wish);
	if (ret >= 0 && ret == segment->id) {
		trace_xshm_create(segment->id, segment->key, segment->bytes);
		mutex_unlock(&ns->mutex);
		return ret;
	}
	mutex_unlock(&ns->mutex);

err_put:
	xshm_segment_put(segment);
err_uncharge:
	mutex_lock(&ns->mutex);
	ns->pages -= pages;
	mutex_unlock(&ns->mutex);
	return ret;
}
