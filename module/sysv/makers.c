// SPDX-License-Identifier: GPL-2.0
/*
 * makers.c - the tasks that make segments through system calls
 *
 * System V ties a segment to the task that made it, until that exits or leaves
 * the IPC namespace, and so does this door: exit_shm(), which the kernel calls
 * for both, is hooked, or without System V what it calls to leave and to change
 * namespaces.
 */
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "sysv.h"

/**
 * struct xshm_maker - a task that has made a segment
 * @task: the task; only ever compared
 * @node: place in the table; read under RCU
 * @client: what its segments are made through, with a reference
 * @rcu: for freeing
 */
struct xshm_maker {
	const struct task_struct *task;
	struct rhash_head node;
	struct xshm_client *client;
	struct rcu_head rcu;
};

static const struct rhashtable_params xshm_maker_params = {
	.key_len = sizeof(struct task_struct *),
	.key_offset = offsetof(struct xshm_maker, task),
	.head_offset = offsetof(struct xshm_maker, node),
	.automatic_shrinking = true,
};

static struct rhashtable xshm_makers;

static struct xshm_maker *xshm_maker_create(struct xshm_ns *ns)
{
	struct xshm_maker *maker;

	maker = kzalloc(sizeof(*maker), GFP_KERNEL_ACCOUNT);
	if (!maker)
		return NULL;
	xshm_ns_get(ns);
	maker->client = xshm_client_create(ns);
	if (IS_ERR(maker->client)) {
		xshm_ns_put(ns);
		kfree(maker);
		return NULL;
	}
	maker->client->owner = THIS_MODULE;
	maker->task = current;
	return maker;
}

/**
 * xshm_maker_get - what the calling task makes segments through
 * @ns: the instance of its namespace
 *
 * Return: the client, with a reference, or -ENOMEM.
 */
struct xshm_client *xshm_maker_get(struct xshm_ns *ns)
{
	const struct task_struct *task = current;
	struct xshm_client *client = NULL;
	struct xshm_maker *maker;

	/* Nobody but the task itself puts its maker into the table or takes it out. */
	rcu_read_lock();
	maker = rhashtable_lookup(&xshm_makers, &task, xshm_maker_params);
	if (maker) {
		client = maker->client;
		refcount_inc(&client->refs);
	}
	rcu_read_unlock();
	if (client)
		return client;

	maker = xshm_maker_create(ns);
	if (!maker)
		return ERR_PTR(-ENOMEM);
	client = maker->client;
	if (rhashtable_insert_fast(&xshm_makers, &maker->node, xshm_maker_params)) {
		xshm_client_put(client);
		kfree(maker);
		return ERR_PTR(-ENOMEM);
	}
	refcount_inc(&client->refs);
	return client;
}

/* The task exits, or leaves its IPC namespace. May sleep. */
void xshm_maker_end(const struct task_struct *task)
{
	struct xshm_client *client = NULL;
	struct xshm_maker *maker;

	if (likely(!atomic_read(&xshm_makers.nelems)))
		return;
	rcu_read_lock();
	maker = rhashtable_lookup(&xshm_makers, &task, xshm_maker_params);
	if (maker)
		client = maker->client;
	rcu_read_unlock();
	if (!maker)
		return;
	rhashtable_remove_fast(&xshm_makers, &maker->node, xshm_maker_params);
	kfree_rcu(maker, rcu);
	xshm_client_end_task(client);
}

int __init xshm_makers_init(void)
{
	return rhashtable_init(&xshm_makers, &xshm_maker_params);
}

static void xshm_maker_forget(void *node, void *unused)
{
	struct xshm_maker *maker = node;

	xshm_client_put(maker->client);
	kfree(maker);
}

/* No segment is left, or the module would be in use. */
void xshm_makers_exit(void)
{
	rhashtable_free_and_destroy(&xshm_makers, xshm_maker_forget, NULL);
}
