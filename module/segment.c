// SPDX-License-Identifier: GPL-2.0
/*
 * segment.c - segments: found, made, published, destroyed
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "xshm.h"
#include "trace.h"

/* The process that made the segment is gone, or on its way. */
bool xshm_segment_creator_gone(const struct xshm_segment *segment)
{
	struct task_struct *task;
	bool gone;

	rcu_read_lock();
	task = pid_task(segment->creator, PIDTYPE_TGID);
	gone = !task || !atomic_read(&task->signal->live);
	rcu_read_unlock();
	return gone;
}

static void xshm_segment_free(struct xshm_segment *segment)
{
	if (segment->backing)
		fput(segment->backing);
	put_pid(segment->creator);
	put_pid(segment->last);
	xshm_ns_put(segment->ns);
	kfree_rcu(segment, rcu);
	/*
	 * Not the last reference on the module as long as its code runs: an
	 * open file, a mapping or the watch over namespaces brought us here.
	 */
	module_put(THIS_MODULE);
}

/* Drop a reference. May sleep. */
void xshm_segment_put(struct xshm_segment *segment)
{
	if (refcount_dec_and_test(&segment->refs))
		xshm_segment_free(segment);
}

/*
 * Mark the segment for destruction, and begin with it when nothing is attached.
 * Return: true if it is dead now; the caller goes on with
 * xshm_segment_bury() once it has dropped the locks.
 */
static bool xshm_segment_kill(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;

	lockdep_assert_held(&ns->mutex);
	lockdep_assert_held(&segment->lock);

	xshm_ids_drop_key(segment);
	if (segment->nattch) {
		segment->mode |= XSHM_DEST;
		return false;
	}
	segment->dead = true;
	xshm_ids_remove(segment);
	ns->pages -= xshm_segment_pages(segment);
	trace_xshm_destroy(segment->id, segment->bytes);
	return true;
}

/* Drop what a dead segment holds, and the reference of the tables. */
static void xshm_segment_bury(struct xshm_segment *segment)
{
	enum xshm_mapping kind;

	/* Dead, so nobody locks it or takes a mapping file any more. */
	xshm_account_release(segment);
	for (kind = 0; kind < XSHM_MAPPINGS; kind++) {
		if (segment->mapping[kind])
			fput(segment->mapping[kind]);
	}
	xshm_segment_put(segment);
}

/**
 * xshm_segment_condemn - destroy a segment now or at its last detach
 * @segment: the segment, with a reference
 *
 * What IPC_RMID does, without asking who wants it. May sleep.
 */
void xshm_segment_condemn(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	bool killed;

	mutex_lock(&ns->mutex);
	spin_lock(&segment->lock);
	killed = !segment->dead && xshm_segment_kill(segment);
	spin_unlock(&segment->lock);
	mutex_unlock(&ns->mutex);
	if (killed)
		xshm_segment_bury(segment);
}

/**
 * xshm_segment_destroy_unused - destroy a segment that shall not stay unused
 * @segment: the segment, with a reference (a mapping's will do)
 *
 * Looks again under the locks whether nothing is attached and the segment was
 * marked for destruction or shm_rmid_forced is on. May sleep.
 */
void xshm_segment_destroy_unused(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	bool killed;

	mutex_lock(&ns->mutex);
	spin_lock(&segment->lock);
	killed = !segment->dead && !segment->nattch &&
		 (segment->mode & XSHM_DEST || READ_ONCE(ns->rmid_forced)) &&
		 xshm_segment_kill(segment);
	spin_unlock(&segment->lock);
	mutex_unlock(&ns->mutex);
	if (killed)
		xshm_segment_bury(segment);
}

/**
 * xshm_segment_remove - mark a segment for destruction, as IPC_RMID does
 * @ns: the instance
 * @id: its id
 *
 * Return: 0, -EINVAL without such a segment, -EPERM.
 */
long xshm_segment_remove(struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment;
	bool killed = false;
	long err = 0;

	mutex_lock(&ns->mutex);
	/* Under the mutex what is in the tables is not dead. */
	rcu_read_lock();
	segment = xshm_ids_find(ns, id);
	rcu_read_unlock();
	if (!segment) {
		mutex_unlock(&ns->mutex);
		return -EINVAL;
	}

	spin_lock(&segment->lock);
	if (xshm_may_control(ns, segment))
		killed = xshm_segment_kill(segment);
	else
		err = -EPERM;
	spin_unlock(&segment->lock);
	mutex_unlock(&ns->mutex);
	if (killed)
		xshm_segment_bury(segment);
	return err;
}

/*
 * Check that an existing segment is what the caller of shmget(2) wants.
 * Return: its id, or what shmget(2) says, in its order.
 */
static long xshm_segment_check(struct xshm_ns *ns, struct xshm_segment *segment,
			       const struct xshm_get *get)
{
	lockdep_assert_held(&segment->lock);

	if (get->shmflg & XSHM_CREAT && get->shmflg & XSHM_EXCL)
		return -EEXIST;
	if (segment->bytes < get->bytes)
		return -EINVAL;
	if (!xshm_may_access(ns, segment, get->shmflg))
		return -EACCES;
	return segment->id;
}

/* Look a key up without a lock on the namespace. -ENOENT if it is not taken. */
static __always_inline long xshm_segment_find_key(struct xshm_ns *ns, const struct xshm_get *get)
{
	struct xshm_segment *segment;
	long ret = -ENOENT;

	rcu_read_lock();
	segment = xshm_ids_find_key(ns, get->key);
	if (segment) {
		spin_lock(&segment->lock);
		/* It lost its key since: then the key was free just now. */
		if (segment->key == get->key)
			ret = xshm_segment_check(ns, segment, get);
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	return ret;
}

/*
 * Put a complete segment into the tables. Another one may have taken its key
 * since it was looked up.
 * Return: the id of this or that segment, or an errno; only if @segment has
 * that id, it was published.
 */
static long xshm_segment_publish(struct xshm_segment *segment, const struct xshm_get *get)
{
	struct xshm_ns *ns = segment->ns;
	long ret;
	int err;

	lockdep_assert_held(&ns->mutex);

	if (segment->key != XSHM_PRIVATE) {
		ret = xshm_segment_find_key(ns, get);
		if (ret != -ENOENT)
			return ret;
	}
	/* Again: others of the user may have come first. */
	err = xshm_account_check_user(ns, xshm_segment_backing_size(segment));
	if (err)
		return err;
	err = xshm_ids_insert(segment);
	if (err)
		return err;
	return segment->id;
}

/* A segment without pages, id and place in the tables. */
static struct xshm_segment *xshm_segment_alloc(struct xshm_call *call)
{
	const struct xshm_get *get = &call->arg.get;
	struct xshm_segment *segment;

	segment = kzalloc(sizeof(*segment), GFP_KERNEL_ACCOUNT);
	if (!segment)
		return NULL;

	__module_get(THIS_MODULE);
	xshm_ns_get(call->ns);
	segment->ns = call->ns;
	segment->id = -1;
	segment->key = get->key;
	segment->first_key = get->key;
	segment->bytes = get->bytes;
	refcount_set(&segment->refs, 1);
	spin_lock_init(&segment->lock);
	segment->mode = get->shmflg & 0777;
	segment->uid = segment->cuid = current_euid();
	segment->gid = segment->cgid = current_egid();
	segment->ctime = ktime_get_real_seconds();
	segment->creator = get_pid(task_tgid(current));
	if (get->options & XSHM_GET_OWNER_BOUND) {
		segment->attributes |= XSHM_ATTR_OWNER_BOUND;
		segment->client = call->client;
	}
	return segment;
}

/*
 * Reserve, build, publish last: the pages are charged to the namespace before
 * they are asked for, and the backing is made without a lock, because
 * reserving huge pages takes the mmap_lock.
 */
static noinline long xshm_segment_create(struct xshm_call *call)
{
	const struct xshm_get *get = &call->arg.get;
	struct xshm_ns *ns = call->ns;
	unsigned long pages = DIV_ROUND_UP_ULL(get->bytes, PAGE_SIZE);
	struct xshm_segment *segment;
	struct file *backing;
	long ret;

	if (get->bytes < 1 || get->bytes > READ_ONCE(ns->shmmax))
		return -EINVAL;
	if (get->bytes > ULONG_MAX - (PAGE_SIZE - 1))
		return -ENOSPC;

	mutex_lock(&ns->mutex);
	ret = xshm_account_check_user(ns, (u64)pages << PAGE_SHIFT);
	if (!ret && (ns->pages + pages < pages || ns->pages + pages > READ_ONCE(ns->shmall)))
		ret = -ENOSPC;
	if (!ret)
		ns->pages += pages;
	mutex_unlock(&ns->mutex);
	if (ret)
		return ret;

	segment = xshm_segment_alloc(call);
	if (!segment) {
		ret = -ENOMEM;
		goto err_uncharge;
	}
	backing = xshm_backing_create(ns, get, &segment->attributes);
	if (IS_ERR(backing)) {
		ret = PTR_ERR(backing);
		goto err_put;
	}
	segment->backing = backing;
	/* Before the segment can be found, or its end could be missed. */
	WRITE_ONCE(call->client->created, true);
	if (segment->client) {
		WRITE_ONCE(call->client->bound, true);
		WRITE_ONCE(ns->bound, true);
		xshm_want_reaping();
	}

	mutex_lock(&ns->mutex);
	ret = xshm_segment_publish(segment, get);
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

/**
 * xshm_segment_get - XSHM_IOC_GET: find or make a segment
 * @call: the command
 *
 * Return: the id, or the errno values of &struct xshm_get.
 */
long xshm_segment_get(struct xshm_call *call)
{
	const struct xshm_get *get = &call->arg.get;
	const u32 known = 0777 | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE |
			  XSHM_HUGE_MASK << XSHM_HUGE_SHIFT;
	long ret;

	if (get->shmflg & ~known || get->options & ~XSHM_GET_OPTIONS)
		return -EINVAL;
	if (get->options & XSHM_GET_SMALL &&
	    get->options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB))
		return -EINVAL;

	if (get->key != XSHM_PRIVATE) {
		ret = xshm_segment_find_key(call->ns, get);
		if (ret != -ENOENT || !(get->shmflg & XSHM_CREAT))
			return ret;
	}
	return xshm_segment_create(call);
}
