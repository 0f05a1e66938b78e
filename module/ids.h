/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ids.h - finding a segment by its id, which each call but one begins with: in place
 */
#ifndef XSHM_IDS_H
#define XSHM_IDS_H

#include <linux/nospec.h>
#include <linux/rcupdate.h>

#include "xshm.h"

/**
 * struct xshm_slots - the segments of a namespace, by index
 * @rcu: for freeing, once a larger one has taken its place
 * @size: number of slots; fixed
 * @used: which slots are in use; under the namespace's mutex
 * @slot: the segments, or NULL; read under RCU
 */
struct xshm_slots {
	struct rcu_head rcu;
	u32 size;
	unsigned long *used;
	struct xshm_segment __rcu *slot[];
};

/**
 * xshm_ids_find_index - look an index up
 * @ns: the instance
 * @index: the index
 *
 * Context: under rcu_read_lock().
 * Return: the segment, which may be dead until locked and checked, or NULL.
 */
static inline struct xshm_segment *xshm_ids_find_index(const struct xshm_ns *ns, u32 index)
{
	const struct xshm_slots *slots = rcu_dereference(ns->slots);

	if (index >= slots->size)
		return NULL;
	return rcu_dereference(slots->slot[array_index_nospec(index, slots->size)]);
}

/* The same for an id. */
static inline struct xshm_segment *xshm_ids_find(const struct xshm_ns *ns, int id)
{
	struct xshm_segment *segment;

	if (id < 0)
		return NULL;
	segment = xshm_ids_find_index(ns, id & XSHM_INDEX_MASK);
	return segment && segment->id == id ? segment : NULL;
}

#endif /* XSHM_IDS_H */
