// SPDX-License-Identifier: GPL-2.0
/*
 * namespace.c - an instance of everything for each IPC namespace
 *
 * A module is not told when a namespace ends. But an instance holds a
 * reference on its namespace, and once that is the only one, nobody is inside
 * or can get inside: its segments are destroyed and the reference dropped. A
 * watch looks for that every second while namespaces other than the first
 * have instances, or while segments may be waiting for the end of their
 * creator.
 */
#include <linux/ipc_namespace.h>
#include <linux/jiffies.h>
#include <linux/nsproxy.h>
#include <linux/proc_ns.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "xshm.h"

/* The limits that System V shared memory starts with, from uapi/linux/shm.h. */
#define XSHM_SHMMAX_DEFAULT	(ULONG_MAX - (1UL << 24))
#define XSHM_SHMALL_DEFAULT	(ULONG_MAX - (1UL << 24))
#define XSHM_SHMMNI_DEFAULT	4096

#define XSHM_WATCH_PERIOD	HZ

/*
 * Instances by the inode number of their namespace, which is not given anew as
 * long as the instance holds the namespace. Read under RCU or the lock,
 * changed under the lock.
 */
static DEFINE_XARRAY(xshm_instances);
/* Makes and retires instances; above xshm_ns.mutex. */
static DEFINE_MUTEX(xshm_instances_lock);

static void xshm_watch(struct work_struct *work);
static DECLARE_DELAYED_WORK(xshm_watch_work, xshm_watch);

static struct xshm_ns *xshm_ns_create(struct ipc_namespace *ipc_ns)
{
	struct xshm_ns *ns;
	int err;

	ns = kzalloc(sizeof(*ns), GFP_KERNEL_ACCOUNT);
	if (!ns)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ns->refs, 1);
	mutex_init(&ns->mutex);
	ns->shmmax = XSHM_SHMMAX_DEFAULT;
	ns->shmall = XSHM_SHMALL_DEFAULT;
	ns->shmmni = XSHM_SHMMNI_DEFAULT;
	ns->huge = XSHM_HUGE_WITHIN_SIZE;
	err = xshm_ids_init(ns);
	if (err) {
		kfree(ns);
		return ERR_PTR(err);
	}
	ns->ipc_ns = get_ipc_ns(ipc_ns);
	return ns;
}

void xshm_ns_get(struct xshm_ns *ns)
{
	refcount_inc(&ns->refs);
}

void xshm_ns_put(struct xshm_ns *ns)
{
	if (!refcount_dec_and_test(&ns->refs))
		return;
	xshm_ids_destroy(ns);
	kfree_rcu(ns, rcu);
}

/**
 * xshm_ns_lookup_current - the instance of the calling thread's IPC namespace
 *
 * Makes it if there is none. The thread keeps its namespace and so the
 * instance for as long as it runs the command. May sleep.
 *
 * Return: the instance, or -ENOMEM.
 */
struct xshm_ns *xshm_ns_lookup_current(void)
{
	struct ipc_namespace *ipc_ns = current->nsproxy->ipc_ns;
	unsigned long number = ipc_ns->ns.inum;
	struct xshm_ns *ns;
	int err;

	ns = xa_load(&xshm_instances, number);
	if (ns)
		return ns;

	mutex_lock(&xshm_instances_lock);
	ns = xa_load(&xshm_instances, number);
	if (!ns) {
		ns = xshm_ns_create(ipc_ns);
		if (!IS_ERR(ns)) {
			err = xa_err(xa_store(&xshm_instances, number, ns, GFP_KERNEL_ACCOUNT));
			if (err) {
				xshm_put_ipc_ns(ns->ipc_ns);
				xshm_ns_put(ns);
				ns = ERR_PTR(err);
			}
		}
	}
	mutex_unlock(&xshm_instances_lock);
	if (!IS_ERR(ns))
		xshm_ns_watch();
	return ns;
}

/* The same with a reference. */
struct xshm_ns *xshm_ns_get_current(void)
{
	struct xshm_ns *ns = xshm_ns_lookup_current();

	if (!IS_ERR(ns))
		xshm_ns_get(ns);
	return ns;
}

/**
 * xshm_ns_for_each - visit all instances
 * @visit: called with each instance; may sleep
 * @data: handed to it
 */
void xshm_ns_for_each(void (*visit)(struct xshm_ns *ns, const void *data), const void *data)
{
	struct xshm_ns *ns;
	unsigned long number;

	rcu_read_lock();
	xa_for_each(&xshm_instances, number, ns) {
		if (!refcount_inc_not_zero(&ns->refs))
			continue;
		rcu_read_unlock();
		visit(ns, data);
		xshm_ns_put(ns);
		rcu_read_lock();
	}
	rcu_read_unlock();
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

/*
 * Nobody is in the namespace: let it go. Its memory may serve another
 * namespace at once, hence ->ipc_ns is cleared first.
 */
static void xshm_ns_retire(struct xshm_ns *ns)
{
	struct ipc_namespace *ipc_ns = ns->ipc_ns;

	lockdep_assert_held(&xshm_instances_lock);

	xa_erase(&xshm_instances, ipc_ns->ns.inum);
	WRITE_ONCE(ns->ipc_ns, NULL);
	xshm_put_ipc_ns(ipc_ns);
	xshm_ns_condemn_all(ns);
	xshm_ns_put(ns);
}

static bool xshm_ns_is_first(const struct xshm_ns *ns)
{
	return ns->ipc_ns->ns.inum == PROC_IPC_INIT_INO;
}

static void xshm_watch(struct work_struct *work)
{
	struct xshm_ns *ns;
	unsigned long number;
	bool again = false;

	mutex_lock(&xshm_instances_lock);
	xa_for_each(&xshm_instances, number, ns) {
		if (xshm_ipc_ns_users(ns->ipc_ns) == 1) {
			xshm_ns_retire(ns);
		} else {
			if (xshm_ns_needs_reaping(ns))
				xshm_ns_reap(ns);
			again |= !xshm_ns_is_first(ns) || xshm_ns_needs_reaping(ns);
		}
		cond_resched();
	}
	mutex_unlock(&xshm_instances_lock);
	if (again)
		xshm_ns_watch();
}

/* See to it that the watch looks within a second, and goes on if it has to. */
void xshm_ns_watch(void)
{
	queue_delayed_work(system_unbound_wq, &xshm_watch_work, XSHM_WATCH_PERIOD);
}

int __init xshm_namespace_init(void)
{
	return 0;
}

/* The device is gone and no segment is left, or the module would be in use. */
void xshm_namespace_exit(void)
{
	struct xshm_ns *ns;
	unsigned long number;

	cancel_delayed_work_sync(&xshm_watch_work);
	mutex_lock(&xshm_instances_lock);
	xa_for_each(&xshm_instances, number, ns)
		xshm_ns_retire(ns);
	mutex_unlock(&xshm_instances_lock);
}
