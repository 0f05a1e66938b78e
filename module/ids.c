// SPDX-License-Identifier: GPL-2.0
/*
 * ids.c - the ids and keys of a namespace
 *
 * Both tables are changed under the namespace's mutex and read under RCU.
 */
#include <linux/hash.h>
#include <linux/rhashtable.h>

#include "xshm.h"

/* Even of few segments an index comes again only after this many others. */
#define XSHM_INDEX_CYCLE_MIN	64

/*
 * Multiplication by a number that nobody can guess: no choice of keys makes
 * many of them collide. The table uses the lowest bits of the hash; of
 * the product, those from 32 on depend on all bits of the key.
 */
static __always_inline u32 xshm_key_hash(const void *key, u32 len, u32 seed)
{
	return *(const u32 *)key * (seed * GOLDEN_RATIO_64 | 1) >> 32;
}

static __always_inline int xshm_key_compare(struct rhashtable_compare_arg *arg,
					    const void *segment)
{
	return ((const struct xshm_segment *)segment)->first_key != *(const key_t *)arg->key;
}

static const struct rhashtable_params xshm_key_params = {
	.key_len = sizeof(key_t),
	/* Unlike ->key it doesn't change under a reader; who finds it looks at both. */
	.key_offset = offsetof(struct xshm_segment, first_key),
	.head_offset = offsetof(struct xshm_segment, key_node),
	.hashfn = xshm_key_hash,
	.obj_cmpfn = xshm_key_compare,
	.automatic_shrinking = true,
};

int xshm_ids_init(struct xshm_ns *ns)
{
	xa_init_flags(&ns->segments, XA_FLAGS_ALLOC);
	ns->last_index = -1;
	ns->next_id = -1;
	return rhashtable_init(&ns->keys, &xshm_key_params);
}

void xshm_ids_destroy(struct xshm_ns *ns)
{
	WARN_ON(!xa_empty(&ns->segments));
	rhashtable_destroy(&ns->keys);
	xa_destroy(&ns->segments);
}

/**
 * xshm_ids_find - look an id up
 * @ns: the instance
 * @id: the id
 *
 * Context: under rcu_read_lock().
 * Return: the segment, which may be dead until locked and checked, or NULL.
 */
struct xshm_segment *xshm_ids_find(struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment;

	if (id < 0)
		return NULL;
	segment = xa_load(&ns->segments, id & XSHM_INDEX_MASK);
	return segment && segment->id == id ? segment : NULL;
}

/* The same with a reference, for who sleeps while using it; or NULL. */
struct xshm_segment *xshm_ids_find_ref(struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment;

	rcu_read_lock();
	segment = xshm_ids_find(ns, id);
	if (segment && !refcount_inc_not_zero(&segment->refs))
		segment = NULL;
	rcu_read_unlock();
	return segment;
}

/*
 * The highest index in use, 0 without any. The tables keep no maximum that
 * each removal would have to search anew; it is asked for rarely, and found
 * bit by bit.
 */
int xshm_ids_highest_index(struct xshm_ns *ns)
{
	unsigned long highest = 0, index;
	int bit;

	for (bit = XSHM_INDEX_BITS - 1; bit >= 0; bit--) {
		index = highest | BIT(bit);
		if (xa_find(&ns->segments, &index, XSHM_INDEX_MASK, XA_PRESENT))
			highest |= BIT(bit);
	}
	return highest;
}

/*
 * Find an index and make it an id. The index is reserved only; a look-up
 * doesn't find it until the segment is stored there.
 */
static int xshm_ids_alloc(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	unsigned int sequence;
	u32 index;
	int err;

	lockdep_assert_held(&ns->mutex);

	if (ns->used >= min(READ_ONCE(ns->shmmni), XSHM_INDEX_COUNT))
		return -ENOSPC;

	if (ns->next_id < 0) {
		u32 end = clamp_t(u32, ns->used * 3 / 2, XSHM_INDEX_CYCLE_MIN, XSHM_INDEX_COUNT);

		err = xa_alloc_cyclic(&ns->segments, &index, NULL, XA_LIMIT(0, end - 1),
				      &ns->next_index, GFP_KERNEL_ACCOUNT);
		if (err < 0)
			return err == -EBUSY ? -ENOSPC : err;
		if ((int)index <= ns->last_index && ++ns->sequence > XSHM_SEQUENCE_MAX - 1)
			ns->sequence = 0;
		ns->last_index = index;
		sequence = ns->sequence;
	} else {
		int wanted = ns->next_id;

		ns->next_id = -1;
		err = xa_alloc(&ns->segments, &index, NULL,
			       XA_LIMIT(wanted & XSHM_INDEX_MASK, XSHM_INDEX_MASK),
			       GFP_KERNEL_ACCOUNT);
		if (err)
			return err == -EBUSY ? -ENOSPC : err;
		sequence = wanted >> XSHM_INDEX_BITS;
	}
	segment->id = sequence << XSHM_INDEX_BITS | index;
	return 0;
}

/**
 * xshm_ids_find_key - look a key up
 * @ns: the instance
 * @key: the key
 *
 * Context: under rcu_read_lock().
 * Return: the segment, which may have lost its key until it is locked, or
 * NULL.
 */
__flatten struct xshm_segment *xshm_ids_find_key(struct xshm_ns *ns, key_t key)
{
	return rhashtable_lookup(&ns->keys, &key, xshm_key_params);
}

/**
 * xshm_ids_insert - give a segment its id, and put it into the tables
 * @segment: the segment, complete, with its namespace's mutex held and a key
 *	that is free
 *
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int xshm_ids_insert(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	int err;

	err = xshm_ids_alloc(segment);
	if (err)
		return err;
	xshm_backing_name(segment);

	/* Locked, so that who finds the key finds the id, too. */
	spin_lock(&segment->lock);
	if (segment->key != XSHM_PRIVATE)
		err = rhashtable_insert_fast(&ns->keys, &segment->key_node, xshm_key_params);
	/* The index is reserved: this neither allocates nor fails. */
	if (!err)
		xa_store(&ns->segments, segment->id & XSHM_INDEX_MASK, segment, 0);
	spin_unlock(&segment->lock);

	if (err)
		xa_release(&ns->segments, segment->id & XSHM_INDEX_MASK);
	else
		ns->used++;
	return err;
}

/* Free the key, for the next segment that wants it. */
void xshm_ids_drop_key(struct xshm_segment *segment)
{
	lockdep_assert_held(&segment->ns->mutex);
	lockdep_assert_held(&segment->lock);

	if (segment->key == XSHM_PRIVATE)
		return;
	rhashtable_remove_fast(&segment->ns->keys, &segment->key_node, xshm_key_params);
	segment->key = XSHM_PRIVATE;
}

/* Take a segment without key out of the tables. */
void xshm_ids_remove(struct xshm_segment *segment)
{
	lockdep_assert_held(&segment->ns->mutex);

	xa_erase(&segment->ns->segments, segment->id & XSHM_INDEX_MASK);
	segment->ns->used--;
}
