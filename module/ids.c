// SPDX-License-Identifier: GPL-2.0
/*
 * ids.c - the ids and keys of a namespace
 *
 * Both tables are changed under the namespace's mutex and read under RCU. That
 * of the ids is an array, since indexes are small and dense by construction: a
 * look-up is one load, however many segments there are.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/idr.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "get.h"
#include "ids.h"

/* Even of few segments an index comes again only after this many others. */
#define XSHM_INDEX_CYCLE_MIN	64

/* With all that belongs to them a bit less than 1 KiB; twice as many, than 2 KiB, and so on. */
#define XSHM_SLOTS_MIN		120

/* Memory for @size slots, and behind them for @used. */
static struct xshm_slots *xshm_slots_alloc(u32 size)
{
	struct xshm_slots *slots;

	slots = kvzalloc(struct_size(slots, slot, size) + BITS_TO_LONGS(size) * sizeof(long),
			 GFP_KERNEL_ACCOUNT);
	if (slots) {
		slots->size = size;
		slots->used = (unsigned long *)&slots->slot[size];
	}
	return slots;
}

/* For who holds the mutex, or is the only one. */
static struct xshm_slots *xshm_slots_locked(const struct xshm_ns *ns)
{
	return rcu_dereference_protected(ns->slots, lockdep_is_held(&ns->mutex) ||
					 !refcount_read(&ns->refs));
}

int xshm_ids_init(struct xshm_ns *ns)
{
	struct xshm_slots *slots;
	int err;

	slots = xshm_slots_alloc(XSHM_SLOTS_MIN);
	if (!slots)
		return -ENOMEM;
	err = rhashtable_init(&ns->keys, &xshm_key_params);
	if (err) {
		kvfree(slots);
		return err;
	}
	RCU_INIT_POINTER(ns->slots, slots);
	ns->last_index = XSHM_INDEX_COUNT;
	ns->sequence = -1;
	ns->next_id = -1;
	return 0;
}

void xshm_ids_destroy(struct xshm_ns *ns)
{
	WARN_ON(ns->used);
	rhashtable_destroy(&ns->keys);
	kvfree(xshm_slots_locked(ns));
}

/* As xshm_ids_find(), with a reference, for who sleeps while using it. */
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

/**
 * xshm_ids_next - the first segment from an index on
 * @ns: the instance
 * @index: the index; becomes that of the segment
 *
 * Context: under rcu_read_lock(), which may be dropped between two calls, or
 * the namespace's mutex.
 * Return: the segment, which may be dead until locked and checked, or NULL.
 */
struct xshm_segment *xshm_ids_next(struct xshm_ns *ns, u32 *index)
{
	const struct xshm_slots *slots;
	struct xshm_segment *segment;

	slots = rcu_dereference_check(ns->slots, lockdep_is_held(&ns->mutex));
	for (; *index < slots->size; ++*index) {
		segment = rcu_dereference_check(slots->slot[*index],
						lockdep_is_held(&ns->mutex));
		if (segment)
			return segment;
	}
	return NULL;
}

/* The highest index in use, 0 without any. */
int xshm_ids_highest_index(struct xshm_ns *ns)
{
	const struct xshm_slots *slots;
	unsigned int highest;

	mutex_lock(&ns->mutex);
	slots = xshm_slots_locked(ns);
	highest = find_last_bit(slots->used, slots->size);
	if (highest == slots->size)
		highest = 0;
	mutex_unlock(&ns->mutex);
	return highest;
}

/* The first index from @from on that is free; those beyond the slots are. */
static u32 xshm_ids_next_free(const struct xshm_ns *ns, u32 from)
{
	const struct xshm_slots *slots = xshm_slots_locked(ns);

	return max_t(u32, from, find_next_zero_bit(slots->used, slots->size, from));
}

/*
 * See to it that an index has a slot. There are never more slots than twice
 * what was needed most, and they stay until the namespace ends: 260 KiB with
 * all 32,768.
 */
static int xshm_ids_grow(struct xshm_ns *ns, u32 index)
{
	struct xshm_slots *old = xshm_slots_locked(ns);
	u32 size = old->size;
	struct xshm_slots *new;

	if (likely(index < size))
		return 0;
	while (size <= index)
		size *= 2;
	new = xshm_slots_alloc(min_t(u32, size, XSHM_INDEX_COUNT));
	if (!new)
		return -ENOMEM;
	memcpy(new->slot, old->slot, array_size(old->size, sizeof(old->slot[0])));
	bitmap_copy(new->used, old->used, old->size);
	rcu_assign_pointer(ns->slots, new);
	kvfree_rcu(old, rcu);
	return 0;
}

/*
 * A segment of the kernel's own has the index, in a namespace whose calls are
 * served: there SHM_STAT and the table show both kinds.
 */
static bool xshm_ids_kernel_has(const struct xshm_ns *ns, u32 index)
{
	bool has;

	if (!IS_ENABLED(CONFIG_SYSVIPC) || likely(!ns->served) ||
	    !READ_ONCE(ns->ipc_ns->ids[XSHM_KERNEL_IDS].in_use))
		return false;
	rcu_read_lock();
	has = idr_find(&ns->ipc_ns->ids[XSHM_KERNEL_IDS].ipcs_idr, index);
	rcu_read_unlock();
	return has;
}

/* As xshm_ids_next_free(), of what the kernel doesn't have either. */
static u32 xshm_ids_next_usable(const struct xshm_ns *ns, u32 from)
{
	u32 index = xshm_ids_next_free(ns, from);

	while (unlikely(index < XSHM_INDEX_COUNT && xshm_ids_kernel_has(ns, index)))
		index = xshm_ids_next_free(ns, index + 1);
	return index;
}

/* shm_next_id, which counts once. */
static int xshm_ids_take_wanted(struct xshm_ns *ns)
{
	int wanted = ns->next_id;

#if defined(CONFIG_SYSVIPC) && defined(CONFIG_CHECKPOINT_RESTORE)
	if (ns->served) {
		int *next_id = &ns->ipc_ns->ids[XSHM_KERNEL_IDS].next_id;

		return READ_ONCE(*next_id) < 0 ? -1 : xchg(next_id, -1);
	}
#endif
	ns->next_id = -1;
	return wanted;
}

#ifdef CONFIG_SYSVIPC

/* How many rounds of its ids the kernel makes before one has a sequence number. */
static unsigned int xshm_ids_ahead(const struct xshm_ns *ns, unsigned int sequence)
{
	const struct ipc_namespace *ipc_ns;
	unsigned int kernel;

	/* There under RCU also if the instance was retired, which has no new ids. */
	rcu_read_lock();
	ipc_ns = READ_ONCE(ns->ipc_ns);
	kernel = ipc_ns ? READ_ONCE(ipc_ns->ids[XSHM_KERNEL_IDS].seq) : 0;
	rcu_read_unlock();
	return (sequence + XSHM_SEQUENCE_COUNT - kernel) % XSHM_SEQUENCE_COUNT;
}

/*
 * Where the calls are the kernel's, xshm's sequence numbers stay far ahead of those that
 * it gives (ipc_idr_alloc(), 6.1 to 7.3), and far from where those were: an id of the
 * one means nothing to the other, so that who mixes them up gets EINVAL and not a
 * stranger's memory. Test: selftests/apart.c.
 */
static unsigned int xshm_ids_apart(const struct xshm_ns *ns, unsigned int sequence)
{
	unsigned int ahead = xshm_ids_ahead(ns, sequence);

	if (ns->served || (ahead >= XSHM_SEQUENCE_APART &&
			   ahead <= XSHM_SEQUENCE_COUNT - XSHM_SEQUENCE_APART))
		return sequence;
	return (sequence + XSHM_SEQUENCE_COUNT - ahead + XSHM_SEQUENCE_APART) %
	       XSHM_SEQUENCE_COUNT;
}

/**
 * xshm_ids_leave_behind - let the kernel's next ids be none that xshm gave
 * @ns: the instance, served so far, with its mutex held; the caller is inside of its
 *	namespace, or visits it by xshm_ns_for_each(): it is not retired meanwhile
 *
 * The kernel goes on with later sequence numbers than served segments have: as it does
 * itself each time its indexes have wrapped. Test: selftests/served.c.
 */
void xshm_ids_leave_behind(struct xshm_ns *ns)
{
	struct ipc_ids *ids = &ns->ipc_ns->ids[XSHM_KERNEL_IDS];
	struct xshm_segment *segment;
	unsigned int ahead, most = 0;
	u32 index;

	lockdep_assert_held(&ns->mutex);

	down_write(&ids->rwsem);
	rcu_read_lock();
	xshm_ids_for_each(ns, index, segment) {
		ahead = xshm_ids_ahead(ns, segment->id >> XSHM_INDEX_BITS) + 1;
		if (ahead <= XSHM_SEQUENCE_APART)
			most = max(most, ahead);
	}
	rcu_read_unlock();
	ids->seq = (ids->seq + most) % XSHM_SEQUENCE_COUNT;
	up_write(&ids->rwsem);
}

#else

static unsigned int xshm_ids_apart(const struct xshm_ns *ns, unsigned int sequence)
{
	return sequence;
}

void xshm_ids_leave_behind(struct xshm_ns *ns)
{
}

#endif

/* Find a free index that has a slot, and make it an id. */
static int xshm_ids_alloc(struct xshm_segment *segment)
{
	struct xshm_ns *ns = segment->ns;
	struct xshm_limits_now limits = xshm_ns_limits(ns);
	unsigned int sequence, used = ns->used + limits.kernel_used;
	u32 index, end;
	int err, wanted;

	lockdep_assert_held(&ns->mutex);

	if (used >= min(limits.shmmni, XSHM_INDEX_COUNT))
		return -ENOSPC;

	wanted = xshm_ids_take_wanted(ns);
	if (wanted < 0) {
		/* More than are used, so that one is free. */
		end = clamp_t(u32, used * 3 / 2, XSHM_INDEX_CYCLE_MIN, XSHM_INDEX_COUNT);
		index = xshm_ids_next_usable(ns, ns->next_index);
		if (index >= end)
			index = xshm_ids_next_usable(ns, 0);
	} else {
		index = xshm_ids_next_usable(ns, wanted & XSHM_INDEX_MASK);
	}
	if (index >= XSHM_INDEX_COUNT)
		return -ENOSPC;
	err = xshm_ids_grow(ns, index);
	if (err)
		return err;

	if (wanted < 0) {
		if ((int)index <= ns->last_index)
			ns->sequence = xshm_ids_apart(ns, (ns->sequence + 1) % XSHM_SEQUENCE_COUNT);
		ns->last_index = index;
		ns->next_index = index + 1;
		sequence = ns->sequence;
	} else {
		sequence = wanted >> XSHM_INDEX_BITS;
	}
	segment->id = sequence << XSHM_INDEX_BITS | index;
	return 0;
}

/* Put a segment in the slot of its id, or NULL for none. */
static void xshm_ids_store(struct xshm_ns *ns, int id, struct xshm_segment *segment)
{
	struct xshm_slots *slots = xshm_slots_locked(ns);
	u32 index = id & XSHM_INDEX_MASK;

	__assign_bit(index, slots->used, segment);
	rcu_assign_pointer(slots->slot[index], segment);
	ns->used += segment ? 1 : -1;
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
	if (!err)
		xshm_ids_store(ns, segment->id, segment);
	spin_unlock(&segment->lock);
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

	xshm_ids_store(segment->ns, segment->id, NULL);
}
