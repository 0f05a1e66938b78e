// SPDX-License-Identifier: GPL-2.0
/*
 * segment.c - the states of a segment: made, published, condemned, dead, freed
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "ids.h"
#include "xshm.h"
#include "trace.h"

/* Segments made through system calls, in all namespaces, while they are in the tables. */
atomic_t xshm_made_by_calls;

/* The process that made the segment, or the task, is gone, or on its way. */
bool xshm_segment_creator_gone(const struct xshm_segment *segment)
{
	if (segment->client && segment->client->owner)
		return READ_ONCE(segment->client->ended);
	return xshm_segment_process_gone(segment);
}

/* The process that made it has ended, whatever has become of its threads. */
bool xshm_segment_process_gone(const struct xshm_segment *segment)
{
	struct task_struct *task;
	bool gone;

	rcu_read_lock();
	task = pid_task(segment->creator, PIDTYPE_TGID);
	gone = !task || !atomic_read(&task->signal->live);
	rcu_read_unlock();
	return gone;
}

/**
 * xshm_segment_alloc - make a segment without pages, id and place in the tables
 * @ns: the instance that it shall belong to
 * @client: what it is made through, or NULL
 * @wish: what was asked for
 *
 * Return: the segment, with one reference, which goes over to the tables when
 * it is published; or NULL without memory.
 */
struct xshm_segment *xshm_segment_alloc(struct xshm_ns *ns, struct xshm_client *client,
					const struct xshm_wish *wish)
{
	struct xshm_segment *segment;

	segment = kzalloc(sizeof(*segment), GFP_KERNEL_ACCOUNT);
	if (!segment)
		return NULL;

	__module_get(THIS_MODULE);
	xshm_ns_get(ns);
	segment->ns = ns;
	segment->id = -1;
	segment->key = wish->key;
	segment->first_key = wish->key;
	segment->bytes = wish->bytes;
	refcount_set(&segment->refs, 1);
	spin_lock_init(&segment->lock);
	segment->mode = wish->shmflg & 0777;
	segment->uid = segment->cuid = current_euid();
	segment->gid = segment->cgid = current_egid();
	segment->ctime = ktime_get_real_seconds();
	segment->creator = get_pid(task_tgid(current));
	segment->by_policy = !(wish->options & XSHM_GET_OWNER_BOUND) &&
			     READ_ONCE(ns->owner_bound) >= (wish->key == XSHM_PRIVATE ?
							    XSHM_BIND_PRIVATE : XSHM_BIND_ALL);
	if (wish->options & XSHM_GET_OWNER_BOUND || segment->by_policy)
		segment->attributes |= XSHM_ATTR_OWNER_BOUND;
	if (client) {
		/* Who calls on behalf of a module holds it. */
		__module_get(client->owner);
		refcount_inc(&client->refs);
		segment->client = client;
	}
	return segment;
}

static void xshm_segment_free(struct xshm_segment *segment)
{
	if (segment->backing)
		xshm_backing_put(segment->backing);
	if (segment->client) {
		module_put(segment->client->owner);
		xshm_client_put(segment->client);
	}
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

/* Undo what publishing does beside the ids. */
static void xshm_segment_withdraw(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;

	lockdep_assert_held(&ns->mutex);

	if (segment->attributes & XSHM_ATTR_OWNER_BOUND)
		WRITE_ONCE(ns->bound, ns->bound - 1);
	if (segment->client) {
		if (segment->client->owner) {
			WRITE_ONCE(ns->by_calls, ns->by_calls - 1);
			atomic_dec(&xshm_made_by_calls);
		}
		xshm_client_remove(segment);
	}
	xshm_account_remove(segment);
}

/**
 * xshm_segment_publish - put a complete segment into all tables
 * @segment: the segment, its namespace's mutex held, with a key that is free
 *
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int xshm_segment_publish(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	int err;

	lockdep_assert_held(&ns->mutex);

	err = xshm_account_add(segment);
	if (err)
		return err;
	/* Before the segment can be found, or its end could be missed. */
	if (segment->client) {
		xshm_client_add(segment);
		if (segment->client->owner) {
			WRITE_ONCE(ns->by_calls, ns->by_calls + 1);
			atomic_inc(&xshm_made_by_calls);
		}
	}
	if (segment->attributes & XSHM_ATTR_OWNER_BOUND)
		WRITE_ONCE(ns->bound, ns->bound + 1);
	err = xshm_ids_insert(segment);
	if (err)
		xshm_segment_withdraw(segment);
	return err;
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
	if (xshm_segment_in_use(segment)) {
		segment->mode |= XSHM_DEST;
		return false;
	}
	segment->dead = true;
	xshm_ids_remove(segment);
	xshm_segment_withdraw(segment);
	ns->pages -= xshm_segment_pages(segment);
	trace_xshm_destroy(segment->id, segment->bytes);
	return true;
}

/* Drop what a dead segment holds, and the reference of the tables. */
static void xshm_segment_bury(struct xshm_segment *segment)
{
	enum xshm_mapping kind;

	/* Dead, so nobody locks it or takes a mapping file any more. */
	if (segment->mode & XSHM_LOCKED) {
		xshm_account_uncharge_locked(segment->locker,
					     xshm_segment_backing_size(segment) >> PAGE_SHIFT);
		/* Whoever may still have pages of it, they are nobody's to keep. */
		xshm_backing_mark_unevictable(segment, false);
		xshm_backing_check_evictable(segment);
	}
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
	killed = !segment->dead && !xshm_segment_in_use(segment) &&
		 (segment->mode & XSHM_DEST || xshm_ns_rmid_forced(ns)) &&
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
	if (xshm_may_control(segment))
		killed = xshm_segment_kill(segment);
	else
		err = -EPERM;
	spin_unlock(&segment->lock);
	mutex_unlock(&ns->mutex);
	if (killed)
		xshm_segment_bury(segment);
	return err;
}
