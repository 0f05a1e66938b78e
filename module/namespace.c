// SPDX-License-Identifier: GPL-2.0
/*
 * namespace.c - an instance of everything for each IPC namespace
 *
 * An instance holds a reference on its namespace, so a namespace that has one
 * does not end by itself: what sees to that is the watch in ends.c.
 */
#include <linux/hash.h>
#include <linux/ipc_namespace.h>
#include <linux/nsproxy.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "compat.h"
#include "xshm.h"

/* The limits that System V shared memory starts with, from uapi/linux/shm.h. */
#define XSHM_SHMMAX_DEFAULT	(ULONG_MAX - (1UL << 24))
#define XSHM_SHMALL_DEFAULT	(ULONG_MAX - (1UL << 24))
#define XSHM_SHMMNI_DEFAULT	4096

/* An address is as good as random but for its lowest bits; 40 instructions less than jhash(). */
static __always_inline u32 xshm_instance_hash(const void *key, u32 len, u32 seed)
{
	return hash_ptr(*(void *const *)key, 32) ^ seed;
}

static const struct rhashtable_params xshm_instance_params = {
	.hashfn = xshm_instance_hash,
	.key_len = sizeof(struct ipc_namespace *),
	.key_offset = offsetof(struct xshm_ns, ipc_ns),
	.head_offset = offsetof(struct xshm_ns, node),
	.automatic_shrinking = true,
};

/* By their namespace's address, which is nobody else's while the instance holds it. */
static struct rhashtable xshm_instances;
/* All of them once more, to be visited in turn. */
static LIST_HEAD(xshm_instance_list);
static unsigned int xshm_instance_count;
/*
 * That of the initial namespace once more, as nearly all calls are made there: found
 * without looking into the table. It is retired when the module goes.
 */
static struct xshm_ns *xshm_first;
/* Protects the list and the count; held for a few instructions. */
static DEFINE_SPINLOCK(xshm_instances_lock);

static work_func_t xshm_instance_work, xshm_instance_leave;
static struct workqueue_struct *xshm_instance_queue;
/* What new instances begin with. */
static bool xshm_serve_new;

static struct xshm_ns *xshm_ns_create(struct ipc_namespace *ipc_ns)
{
	struct xshm_ns *ns;
	int err;

	ns = kzalloc(sizeof(*ns), GFP_KERNEL_ACCOUNT);
	if (!ns)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ns->refs, 1);
	INIT_WORK(&ns->work, xshm_instance_work);
	INIT_RCU_WORK(&ns->leave, xshm_instance_leave);
	ns->served = READ_ONCE(xshm_serve_new);
	mutex_init(&ns->mutex);
	xa_init(&ns->users);
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

/* Drop a reference. May sleep. */
void xshm_ns_put(struct xshm_ns *ns)
{
	if (!refcount_dec_and_test(&ns->refs))
		return;
	xshm_account_destroy(ns);
	xshm_ids_destroy(ns);
	kfree_rcu(ns, rcu);
}

/* The instance of a namespace, with a reference; NULL if it has none. */
struct xshm_ns *xshm_ns_find(struct ipc_namespace *ipc_ns)
{
	struct xshm_ns *ns;

	rcu_read_lock();
	ns = rhashtable_lookup(&xshm_instances, &ipc_ns, xshm_instance_params);
	if (ns && !refcount_inc_not_zero(&ns->refs))
		ns = NULL;
	rcu_read_unlock();
	return ns;
}

/*
 * Put a new instance into the table, with a reference beside the caller's.
 * Return: 0, or with the instance gone -EEXIST, if another thread was faster, or
 * -ENOMEM.
 */
static int xshm_ns_insert(struct xshm_ns *ns)
{
	int err;

	xshm_ns_get(ns);
	err = rhashtable_lookup_insert_fast(&xshm_instances, &ns->node, xshm_instance_params);
	if (err) {
		xshm_put_ipc_ns(ns->ipc_ns);
		xshm_ns_put(ns);
		xshm_ns_put(ns);
		return err == -EEXIST ? err : -ENOMEM;
	}

	spin_lock(&xshm_instances_lock);
	list_add_tail(&ns->listed, &xshm_instance_list);
	xshm_instance_count++;
	spin_unlock(&xshm_instances_lock);
	if (xshm_ns_is_first(ns))
		WRITE_ONCE(xshm_first, ns);
	/* It may have changed before the instance was in the list. */
	WRITE_ONCE(ns->served, READ_ONCE(xshm_serve_new));
	return 0;
}

/**
 * xshm_ns_get_current - the instance of the calling thread's IPC namespace
 *
 * Makes it if there is none. May sleep.
 *
 * Return: the instance with a reference, or -ENOMEM, or -ESRCH for a thread
 * that has left its namespaces, as it does near the end of its exit.
 */
struct xshm_ns *xshm_ns_get_current(void)
{
	struct ipc_namespace *ipc_ns;
	struct xshm_ns *ns;
	int err;

	/* On kernels where acct(2) writes to its file that late; it may be a sysctl. */
	if (unlikely(!current->nsproxy))
		return ERR_PTR(-ESRCH);
	ipc_ns = current->nsproxy->ipc_ns;
	do {
		ns = xshm_ns_find(ipc_ns);
		if (likely(ns))
			return ns;
		ns = xshm_ns_create(ipc_ns);
		if (IS_ERR(ns))
			return ns;
		err = xshm_ns_insert(ns);
	} while (err == -EEXIST);
	return err ? ERR_PTR(err) : ns;
}

static bool xshm_ns_is_served(const struct xshm_ns *ns, bool anyhow)
{
	return READ_ONCE(ns->served) || (anyhow && READ_ONCE(ns->by_calls));
}

static noinline struct xshm_ns *xshm_ns_get_served_other(struct ipc_namespace *ipc_ns,
							 bool anyhow)
{
	struct xshm_ns *ns;

	rcu_read_lock();
	ns = rhashtable_lookup(&xshm_instances, &ipc_ns, xshm_instance_params);
	if (likely(ns)) {
		if (!xshm_ns_is_served(ns, anyhow) || !refcount_inc_not_zero(&ns->refs))
			ns = NULL;
		rcu_read_unlock();
		return ns;
	}
	rcu_read_unlock();
	return READ_ONCE(xshm_serve_new) ? ERR_PTR(-ENOENT) : NULL;
}

/**
 * xshm_ns_get_served - the instance of the caller's namespace, if its calls are served
 * @anyhow: also if they are not, but were when segments were made that are still there
 *
 * Return: the instance with a reference, NULL if the calls are not served, or -ENOENT
 * if there is none yet and new ones are served, which is for xshm_ns_enter().
 */
struct xshm_ns *xshm_ns_get_served(bool anyhow)
{
	struct ipc_namespace *ipc_ns = current->nsproxy->ipc_ns;
	struct xshm_ns *ns = READ_ONCE(xshm_first);

	if (unlikely(!ns || READ_ONCE(ns->ipc_ns) != ipc_ns))
		return xshm_ns_get_served_other(ipc_ns, anyhow);
	if (!xshm_ns_is_served(ns, anyhow))
		return NULL;
	xshm_ns_get(ns);
	return ns;
}

/* Serve the system calls of a namespace, or don't. */
void xshm_ns_serve(struct xshm_ns *ns, bool on)
{
	mutex_lock(&ns->mutex);
	if (ns->served && !on)
		xshm_ids_leave_behind(ns);
	WRITE_ONCE(ns->served, on);
	mutex_unlock(&ns->mutex);
}

static void xshm_ns_set_served(struct xshm_ns *ns, void *on)
{
	xshm_ns_serve(ns, on);
}

/* Serve the system calls of all namespaces, or of none; new ones too. */
void xshm_serve(bool on)
{
	WRITE_ONCE(xshm_serve_new, on);
	xshm_ns_for_each(xshm_ns_set_served, on ? &xshm_serve_new : NULL);
}

/**
 * xshm_ns_limit - where a limit is kept
 * @ns: the instance of the caller's namespace
 * @own: the limit's field in it
 *
 * Return: @own, or the namespace's field of the same type, where that is in force: see
 * xshm_ns_limits().
 */
void *xshm_ns_limit(struct xshm_ns *ns, void *own)
{
#ifdef CONFIG_SYSVIPC
	struct ipc_namespace *ipc_ns = current->nsproxy->ipc_ns;

	BUILD_BUG_ON(sizeof(ipc_ns->shm_ctlmax) != sizeof(ns->shmmax));
	BUILD_BUG_ON(sizeof(ipc_ns->shm_ctlall) != sizeof(ns->shmall));

	if (!READ_ONCE(ns->served))
		return own;
	if (own == &ns->shmmax)
		return &ipc_ns->shm_ctlmax;
	if (own == &ns->shmall)
		return &ipc_ns->shm_ctlall;
	if (own == &ns->shmmni)
		return &ipc_ns->shm_ctlmni;
	if (own == &ns->rmid_forced)
		return &ipc_ns->shm_rmid_forced;
#ifdef CONFIG_CHECKPOINT_RESTORE
	if (own == &ns->next_id)
		return &ipc_ns->ids[XSHM_KERNEL_IDS].next_id;
#endif
#endif
	return own;
}

/* Somebody is in the namespace, or can get there. Not for a retired instance. */
bool xshm_ns_is_occupied(const struct xshm_ns *ns)
{
	return xshm_ipc_ns_occupied(ns->ipc_ns);
}

/* It is that of the initial IPC namespace, which never ends. */
bool xshm_ns_is_first(const struct xshm_ns *ns)
{
	return xshm_ipc_ns_is_initial(ns->ipc_ns);
}

/**
 * xshm_ns_retire - let a namespace go
 * @ns: its instance, with a reference; nobody is inside, or nobody can call
 *
 * Only the watch does so, and unloading after the watch has ended, hence each
 * instance once. What is left to do after a grace period is its ->leave, to
 * which the reference of the table goes over.
 */
void xshm_ns_retire(struct xshm_ns *ns)
{
	spin_lock(&xshm_instances_lock);
	list_del(&ns->listed);
	xshm_instance_count--;
	spin_unlock(&xshm_instances_lock);
	rhashtable_remove_fast(&xshm_instances, &ns->node, xshm_instance_params);
	/* Who reads it under RCU has it for as long as that; then it may serve another. */
	ns->leaving = ns->ipc_ns;
	WRITE_ONCE(ns->ipc_ns, NULL);
	queue_rcu_work(xshm_instance_queue, &ns->leave);
}

/**
 * xshm_ns_for_each - visit all instances
 * @visit: called with each instance and a reference on it; may sleep and retire it
 * @data: handed to it
 *
 * Those that come meanwhile may be left out. One caller waits for the other, as
 * both move the list along.
 */
void xshm_ns_for_each(void (*visit)(struct xshm_ns *ns, void *data), void *data)
{
	static DEFINE_MUTEX(turn);
	struct xshm_ns *ns;
	unsigned int left;

	mutex_lock(&turn);
	spin_lock(&xshm_instances_lock);
	for (left = xshm_instance_count; left; left--) {
		ns = list_first_entry(&xshm_instance_list, struct xshm_ns, listed);
		list_move_tail(&ns->listed, &xshm_instance_list);
		/* What is in the list is in the table, and has its reference. */
		xshm_ns_get(ns);
		spin_unlock(&xshm_instances_lock);
		visit(ns, data);
		xshm_ns_put(ns);
		cond_resched();
		spin_lock(&xshm_instances_lock);
	}
	spin_unlock(&xshm_instances_lock);
	mutex_unlock(&turn);
}

/* @work, @leave: what the work of each instance does, see ends.c; @queue: where. */
int __init xshm_namespace_init(work_func_t work, work_func_t leave,
			       struct workqueue_struct *queue)
{
	xshm_instance_work = work;
	xshm_instance_leave = leave;
	xshm_instance_queue = queue;
	return rhashtable_init(&xshm_instances, &xshm_instance_params);
}

/* All instances are retired. */
void xshm_namespace_exit(void)
{
	rhashtable_destroy(&xshm_instances);
}
