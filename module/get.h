/* SPDX-License-Identifier: GPL-2.0 */
/*
 * get.h - finding a segment by its key, in the doors themselves: a call of its own
 * would be 14 of their 830 and 527 instructions
 */
#ifndef XSHM_GET_H
#define XSHM_GET_H

#include "xshm.h"

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
