// SPDX-License-Identifier: GPL-2.0
/*
 * client.c - open files of the device, and what their end means
 *
 * System V ties a segment to the task that made it, for shm_rmid_forced. A
 * module can't hook the exit of a task, but it sees the descriptor being
 * closed, in the exit at the latest. A program that closes its descriptor
 * before (exec does) is found by the watch over the namespaces instead, about a
 * second after its exit.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "xshm.h"

/*
 * Some namespace has asked for xshm_ns_reap(). Never cleared; until then the
 * exit of a process costs nothing more.
 */
static bool xshm_reaping;

/* From now on segments may have to end with their creators. */
void xshm_want_reaping(void)
{
	WRITE_ONCE(xshm_reaping, true);
	xshm_ns_watch();
}

/* Open a client for the calling process. */
struct xshm_client *xshm_client_create(void)
{
	struct xshm_client *client;
	struct xshm_ns *ns;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);

	ns = xshm_ns_get_current();
	if (IS_ERR(ns)) {
		kfree(client);
		return ERR_CAST(ns);
	}
	client->ns = ns;
	return client;
}

static void xshm_ns_condemn_bound(struct xshm_ns *ns, const void *client)
{
	struct xshm_segment *segment;
	u32 index;

	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		if (segment->client != client ||
		    !refcount_inc_not_zero(&segment->refs))
			continue;
		rcu_read_unlock();
		xshm_segment_condemn(segment);
		xshm_segment_put(segment);
		rcu_read_lock();
	}
	rcu_read_unlock();
}

/**
 * xshm_ns_reap - end the segments of creators that are gone
 * @ns: the instance
 *
 * Owner-bound segments are marked for destruction; with shm_rmid_forced, other
 * segments without attaches are destroyed. May sleep.
 */
void xshm_ns_reap(struct xshm_ns *ns)
{
	struct xshm_segment *segment;
	u32 index;

	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		bool bound = segment->client;

		/* Without the lock, to pass most by; what is not is looked at again under it. */
		if (!bound && (!READ_ONCE(ns->rmid_forced) || data_race(segment->nattch)))
			continue;
		if (!refcount_inc_not_zero(&segment->refs))
			continue;
		rcu_read_unlock();
		if (xshm_segment_creator_gone(segment)) {
			if (bound)
				xshm_segment_condemn(segment);
			else
				xshm_segment_destroy_unused(segment);
		}
		xshm_segment_put(segment);
		rcu_read_lock();
	}
	rcu_read_unlock();
}

/* After a change of ->rmid_forced. May sleep. */
void xshm_ns_rmid_forced_set(struct xshm_ns *ns)
{
	if (READ_ONCE(ns->rmid_forced)) {
		xshm_want_reaping();
		xshm_ns_reap(ns);
	}
}

static void xshm_ns_reap_one(struct xshm_ns *ns, const void *unused)
{
	if (xshm_ns_needs_reaping(ns))
		xshm_ns_reap(ns);
}

/**
 * xshm_client_exiting - a process that has the client open is exiting
 * @client: the client
 *
 * Its segments may be orphans now. When other processes still have the file
 * open, this comes before xshm_client_destroy().
 */
void xshm_client_exiting(struct xshm_client *client)
{
	if (READ_ONCE(xshm_reaping) && READ_ONCE(client->created) &&
	    !atomic_read(&current->signal->live))
		xshm_ns_for_each(xshm_ns_reap_one, NULL);
}

/* The last descriptor of a client was closed. */
void xshm_client_destroy(struct xshm_client *client)
{
	if (client->bound)
		xshm_ns_for_each(xshm_ns_condemn_bound, client);
	xshm_ns_watch();
	xshm_ns_put(client->ns);
	kfree(client);
}
