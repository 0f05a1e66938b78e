// SPDX-License-Identifier: GPL-2.0
/*
 * ends.c - what ends because something else has ended
 *
 * System V ties a segment to the task that made it, for shm_rmid_forced. A
 * module can't hook the exit of a task, but it sees the descriptor being
 * closed, in the exit at the latest. A program that closes its descriptor
 * before (exec does) is found by the watch instead, about a second after its
 * exit. The watch also finds the end of a namespace, which a module isn't told
 * of either. It looks every second, as long as there is something to find, and
 * itself does only what is the same for every instance: the rest is work of
 * the instance, so that nobody waits for what another has made.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "xshm.h"
#include "trace.h"

#define XSHM_WATCH_PERIOD	HZ

/*
 * Segments that are looked at before the client's lock is dropped for a moment: who makes
 * or removes one waits for it with the mutex of a namespace, which others need.
 */
#define XSHM_LOOKS		64

static struct workqueue_struct *xshm_workqueue;

/* Segments can outlive their purpose here when their creator goes. */
static bool xshm_ns_needs_reaping(const struct xshm_ns *ns)
{
	return xshm_ns_rmid_forced(ns) || READ_ONCE(ns->bound);
}

/* What follows for a segment from what has ended. */
enum xshm_end {
	XSHM_END_NONE,
	XSHM_END_UNUSED,	/* as long as nothing is attached */
	XSHM_END_BOUND,		/* now, or with the last detach */
};

/*
 * Seen without the segment's lock, to pass most by: it is looked at again under the
 * lock. @closed: so was the client that it was made through.
 */
static enum xshm_end xshm_end_of(const struct xshm_segment *segment, bool closed)
{
	if (segment->attributes & XSHM_ATTR_OWNER_BOUND &&
	    !(READ_ONCE(segment->mode) & XSHM_DEST) &&
	    ((closed && !segment->by_policy) || xshm_segment_process_gone(segment)))
		return XSHM_END_BOUND;
	if (xshm_ns_rmid_forced(segment->ns) && !READ_ONCE(segment->nattch) &&
	    xshm_segment_creator_gone(segment))
		return XSHM_END_UNUSED;
	return XSHM_END_NONE;
}

/* Carry that out, and drop the reference. May sleep. */
static void xshm_end_segment(struct xshm_segment *segment, enum xshm_end end)
{
	if (end == XSHM_END_BOUND)
		xshm_segment_condemn(segment);
	else
		xshm_segment_destroy_unused(segment);
	xshm_segment_put(segment);
}

/*
 * End segments of a client: all owner-bound ones if it is closed, else those
 * whose creator is gone. Each segment is looked at once; where the lock is
 * dropped, what is not yet looked at stays on a list of its own, from which
 * the destruction of a segment takes it as from the client's.
 */
static void xshm_client_end_segments(struct xshm_client *client, bool closed)
{
	unsigned int looked = 0, ended = 0;
	struct xshm_segment *segment;
	LIST_HEAD(left);

	spin_lock(&client->lock);
	list_splice_init(&client->made, &left);
	while (!list_empty(&left)) {
		enum xshm_end end;

		segment = list_first_entry(&left, struct xshm_segment, made);
		list_move_tail(&segment->made, &client->made);
		looked++;
		end = xshm_end_of(segment, closed);
		if (end && !refcount_inc_not_zero(&segment->refs))
			end = XSHM_END_NONE;
		if (!end && looked % XSHM_LOOKS)
			continue;
		spin_unlock(&client->lock);
		if (end) {
			ended++;
			xshm_end_segment(segment, end);
		}
		cond_resched();
		spin_lock(&client->lock);
	}
	spin_unlock(&client->lock);
	trace_xshm_reap(looked, ended);
}

/* A creator is gone: look at the client's own segments, and only where one may end. */
static void xshm_client_creator_gone(struct xshm_client *client)
{
	if (READ_ONCE(client->bound) || READ_ONCE(client->foreign) ||
	    (xshm_ns_rmid_forced(client->ns) && !list_empty_careful(&client->made)))
		xshm_client_end_segments(client, false);
}

/**
 * xshm_client_exiting - a process that has the client open is exiting
 * @client: the client
 *
 * Its segments may be orphans now. When other processes still have the file
 * open, this comes before xshm_client_close().
 */
void xshm_client_exiting(struct xshm_client *client)
{
	if (atomic_read(&current->signal->live))
		return;
	xshm_client_creator_gone(client);
}

/* The last descriptor of a client was closed. */
void xshm_client_close(struct xshm_client *client)
{
	if (READ_ONCE(client->bound))
		xshm_client_end_segments(client, true);
	xshm_client_put(client);
}

/*
 * A task that makes segments has ended, or leaves its namespace. What is bound to the
 * process ends here if the task was its last one; else the watch sees it.
 */
void xshm_client_end_task(struct xshm_client *client)
{
	WRITE_ONCE(client->ended, true);
	xshm_client_creator_gone(client);
	xshm_client_put(client);
}

/* End all segments of creators that are gone. */
static void xshm_ns_reap(struct xshm_ns *ns)
{
	unsigned int looked = 0, ended = 0;
	struct xshm_segment *segment;
	enum xshm_end end;
	u32 index;

	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		looked++;
		end = xshm_end_of(segment, false);
		if (end && refcount_inc_not_zero(&segment->refs)) {
			rcu_read_unlock();
			ended++;
			xshm_end_segment(segment, end);
			cond_resched();
			rcu_read_lock();
		} else if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	trace_xshm_reap(looked, ended);
}

/* Mark all segments for destruction; those that are mapped go with their last detach. */
static void xshm_ns_condemn_all(struct xshm_ns *ns)
{
	struct xshm_segment *segment;
	u32 index;

	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		if (!refcount_inc_not_zero(&segment->refs))
			continue;
		rcu_read_unlock();
		xshm_segment_condemn(segment);
		xshm_segment_put(segment);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
}

static void xshm_ns_work(struct work_struct *work)
{
	struct xshm_ns *ns = container_of(work, struct xshm_ns, work);

	xshm_ns_reap(ns);
	xshm_ns_put(ns);
}

static void xshm_ns_leave(struct work_struct *work)
{
	struct xshm_ns *ns = container_of(to_rcu_work(work), struct xshm_ns, leave);

	xshm_put_ipc_ns(ns->leaving);
	xshm_ns_condemn_all(ns);
	xshm_ns_put(ns);
}

static void xshm_ns_queue_work(struct xshm_ns *ns)
{
	xshm_ns_get(ns);
	if (!queue_work(xshm_workqueue, &ns->work))
		xshm_ns_put(ns);
}

static void xshm_watch_ns(struct xshm_ns *ns, void *data)
{
	bool *again = data;

	if (!xshm_ns_is_occupied(ns)) {
		xshm_ns_retire(ns);
		return;
	}
	if (xshm_ns_needs_reaping(ns))
		xshm_ns_queue_work(ns);
	*again |= !xshm_ns_is_first(ns) || xshm_ns_needs_reaping(ns);
}

static void xshm_watch_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(xshm_watch_later, xshm_watch_work);

/* See to it that the watch looks within a second, and goes on if it has to. */
static void xshm_watch(void)
{
	queue_delayed_work(xshm_workqueue, &xshm_watch_later, XSHM_WATCH_PERIOD);
}

static void xshm_watch_work(struct work_struct *work)
{
	bool again = false;

	xshm_ns_for_each(xshm_watch_ns, &again);
	if (again)
		xshm_watch();
}

/**
 * xshm_ns_enter - the caller's instance, for a door
 *
 * As xshm_ns_get_current(), and sees to it that its end will be noticed.
 */
struct xshm_ns *xshm_ns_enter(void)
{
	struct xshm_ns *ns = xshm_ns_get_current();

	if (!IS_ERR(ns))
		xshm_watch();
	return ns;
}

/**
 * xshm_make - make a segment, for a door
 * @ns: as for xshm_get_new()
 * @client: the same
 * @wish: the same
 *
 * As xshm_get_new(), and sees to it that the end of a creator is noticed. No door is
 * told of each: the descriptor may be closed while others have it open, and the task
 * may end before the other threads of its process.
 */
long xshm_make(struct xshm_ns *ns, struct xshm_client *client, const struct xshm_wish *wish)
{
	long ret = xshm_get_new(ns, client, wish);

	if (READ_ONCE(ns->bound))
		xshm_watch();
	return ret;
}

/* After a change of ->rmid_forced. May sleep. */
void xshm_rmid_forced_changed(struct xshm_ns *ns)
{
	if (xshm_ns_rmid_forced(ns)) {
		xshm_watch();
		xshm_ns_reap(ns);
	}
}

int __init xshm_ends_init(void)
{
	int err;

	xshm_workqueue = alloc_workqueue("xshm", WQ_UNBOUND, 0);
	if (!xshm_workqueue)
		return -ENOMEM;
	err = xshm_namespace_init(xshm_ns_work, xshm_ns_leave, xshm_workqueue);
	if (err)
		destroy_workqueue(xshm_workqueue);
	return err;
}

static void xshm_ns_retire_idle(struct xshm_ns *ns, void *unused)
{
	xshm_ns_retire(ns);
}

/* The doors are closed and no segment is left, or the module would be in use. */
void xshm_ends_exit(void)
{
	cancel_delayed_work_sync(&xshm_watch_later);
	xshm_ns_for_each(xshm_ns_retire_idle, NULL);
	/* Waits for what is queued after a grace period, and for what is queued. */
	rcu_barrier();
	destroy_workqueue(xshm_workqueue);
	xshm_namespace_exit();
}
