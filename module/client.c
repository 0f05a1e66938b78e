// SPDX-License-Identifier: GPL-2.0
/*
 * client.c - open files of the device, and what was made through them
 */
#include <linux/slab.h>

#include "xshm.h"

/**
 * xshm_client_create - begin with an open file
 * @ns: the instance of who opens it; the reference goes over to the client
 *
 * Return: the client, or -ENOMEM; then the reference is still the caller's.
 */
struct xshm_client *xshm_client_create(struct xshm_ns *ns)
{
	struct xshm_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);
	client->ns = ns;
	refcount_set(&client->refs, 1);
	spin_lock_init(&client->lock);
	INIT_LIST_HEAD(&client->made);
	return client;
}

/* Drop a reference. May sleep. */
void xshm_client_put(struct xshm_client *client)
{
	if (!refcount_dec_and_test(&client->refs))
		return;
	WARN_ON(!list_empty(&client->made));
	xshm_ns_put(client->ns);
	kfree(client);
}

static void xshm_client_count(struct xshm_segment *segment, int change)
{
	struct xshm_client *client = segment->client;

	lockdep_assert_held(&client->lock);

	if (segment->attributes & XSHM_ATTR_OWNER_BOUND)
		client->bound += change;
	if (segment->ns != client->ns)
		client->foreign += change;
}

/* The segment comes into the tables. */
void xshm_client_add(struct xshm_segment *segment)
{
	struct xshm_client *client = segment->client;

	spin_lock(&client->lock);
	list_add_tail(&segment->made, &client->made);
	xshm_client_count(segment, 1);
	spin_unlock(&client->lock);
}

/* The segment has left the tables. */
void xshm_client_remove(struct xshm_segment *segment)
{
	struct xshm_client *client = segment->client;

	spin_lock(&client->lock);
	list_del(&segment->made);
	xshm_client_count(segment, -1);
	spin_unlock(&client->lock);
}
