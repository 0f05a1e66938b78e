/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xshm.h - the structures of the module, their lifetime and their locks
 *
 * Layers, each of which uses only what is below it
 *
 *	doors		device.c, table.c, sysctl.c, and sysv/, a module of its
 *			own: from and to user space
 *	ends		ends.c: what ends with a creator, a client, a namespace
 *	commands	get.c, attach.c, control.c, lock.c, limits.c: arguments in
 *			kernel memory, results by value, -errno
 *	states		segment.c, mapping.c
 *	parts		backing.c, hugetlb.c, permission.c, client.c
 *	namespaces	namespace.c
 *	tables		ids.c, account.c
 *
 * Lifetime
 *
 * A struct xshm_segment is counted in ->refs: its namespace's tables hold one
 * reference until the segment is destroyed, each of its mapping files holds
 * one until the file is released, and so does whoever sleeps while using it.
 * The segment in turn holds its mapping files. Destruction, which needs that
 * nothing is mapped, takes the segment out of the tables and drops the mapping
 * files; that breaks the circle. The memory of the structure goes after a
 * grace period, so a look-up under RCU may lock a segment that it found and
 * then see that it is dead.
 *
 * A struct xshm_ns stands for an IPC namespace. It holds a reference on it,
 * and when nobody is inside, which xshm_ipc_ns_occupied() knows, the instance
 * is retired. Whoever uses an instance holds a reference on it: a client that
 * of its opener's, a call in another namespace its own. What depends on the
 * namespace of the caller is asked of the caller's, which it keeps for the call.
 * Segments that are still mapped outlive the instance's place in the table and
 * hold it with ->refs.
 *
 * A struct xshm_client is held by its open file and by the segments made through
 * it, which are on its list as long as they are in the tables.
 *
 * A segment pins the module, and so does each mapping file.
 *
 * Locks, outermost first
 *
 *	mmap_lock		(taken by the kernel around vm_ops and ->mmap)
 *	  xshm_ns.mutex		what changes the tables of a namespace
 *	    ipc_ids.rwsem	the kernel's: its next ids, when serving ends
 *	    xshm_segment.lock	the state of a segment; a spinlock
 *	      xshm_client.lock	the segments of a client; a spinlock
 *	xshm_instances_lock	the list of instances; a spinlock, alone
 *	xshm_locked_pages	(xa_lock) locked memory of all users; alone
 *
 * Nothing is copied to or from user space under any of them, because a page
 * fault takes the mmap_lock. None is held for a walk over what somebody has
 * made: such a walk goes under RCU, with a reference on what it works on.
 */
#ifndef XSHM_H
#define XSHM_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/xshm.h>

/*
 * An id is a sequence number above an index. The sequence grows whenever the
 * indexes wrap, so that an id comes again only after 32,768 rounds.
 */
#define XSHM_INDEX_BITS		15
#define XSHM_INDEX_COUNT	(1 << XSHM_INDEX_BITS)
#define XSHM_INDEX_MASK		(XSHM_INDEX_COUNT - 1)
#define XSHM_SEQUENCE_COUNT	(INT_MAX >> XSHM_INDEX_BITS)
/* How far apart from the kernel's, at least. */
#define XSHM_SEQUENCE_APART	0x4000

/* Which segments the policy of a namespace binds to their creators. */
#define XSHM_BIND_NONE		0
#define XSHM_BIND_PRIVATE	1	/* those without a key */
#define XSHM_BIND_ALL		2

/**
 * struct xshm_ns - shared memory of an IPC namespace
 * @ipc_ns: the namespace, with a reference; NULL once the instance is retired
 * @node: place in the table of instances, by @ipc_ns; read under RCU
 * @listed: place in the list of instances; under xshm_instances_lock
 * @refs: one for the table of instances, one for each client and segment, one
 *	for @work while it is queued, one for each call that is not the client's
 * @work: reaps what needs it
 * @served: the system calls are served here, see sysv/; and where the kernel has
 *	System V, its limits are those of @ipc_ns, see xshm_ns_limits()
 * @by_calls: segments made through system calls; under @mutex, read without
 * @leaving: what @ipc_ns was, once the instance is retired
 * @leave: ends all segments of a retired instance, a grace period later
 * @mutex: protects what changes the tables, from @slots to @next_id
 * @slots: index to segment; read under RCU
 * @keys: key to segment; read under RCU
 * @used: number of segments in @slots
 * @bound: of these, owner-bound ones; read without the lock as a hint
 * @pages: size of all segments, in pages; also of those on their way in or out
 * @users: uid of a creator to its struct xshm_user
 * @idle_user: one in @users that has no segments, kept for the next
 * @next_index: where the next search for a free index starts
 * @last_index: index given last; such that a round begins, if none was
 * @sequence: sequence number of ids given now, that of the round
 * @next_id: id that the next segment shall get, -1 for any (shm_next_id)
 * @shmmax: largest segment, in bytes. The limits from here on are single words
 *	that are written and read without a lock.
 * @shmall: most memory of all segments, in pages
 * @shmmni: most segments
 * @rmid_forced: destroy a segment at its last detach
 * @huge: policy of new ordinary segments, XSHM_HUGE_*
 * @owner_bound: which new segments end with the process that makes them,
 *	XSHM_BIND_*
 * @user_segments: most segments of a user, 0 for no limit
 * @user_bytes: most memory of a user, in bytes, 0 for no limit
 * @rcu: for freeing
 */
struct xshm_ns {
	struct ipc_namespace *ipc_ns;
	struct rhash_head node;
	struct list_head listed;
	refcount_t refs;
	struct work_struct work;
	bool served;
	unsigned int by_calls;
	struct ipc_namespace *leaving;
	struct rcu_work leave;

	struct mutex mutex;
	struct xshm_slots __rcu *slots;
	struct rhashtable keys;
	unsigned int used;
	unsigned int bound;
	unsigned long pages;
	struct xarray users;
	struct xshm_user *idle_user;
	u32 next_index;
	int last_index;
	unsigned int sequence;
	int next_id;

	unsigned long shmmax;
	unsigned long shmall;
	int shmmni;
	int rmid_forced;
	int huge;
	int owner_bound;
	unsigned long user_segments;
	unsigned long user_bytes;

	struct rcu_head rcu;
};

/**
 * struct xshm_wish - a segment as it is asked for
 * @key: key, or XSHM_PRIVATE
 * @bytes: size, in bytes
 * @shmflg: mode and XSHM_CREAT, XSHM_EXCL, XSHM_HUGETLB, XSHM_NORESERVE
 * @options: XSHM_GET_*
 */
struct xshm_wish {
	key_t key;
	u64 bytes;
	u32 shmflg;
	u32 options;
};

/* The mapping files of a segment; also their index. */
enum xshm_mapping {
	XSHM_MAPPING_RO,
	XSHM_MAPPING_RW,
	XSHM_MAPPINGS
};

/**
 * struct xshm_segment - a segment
 * @id: id; fixed once the segment is in the tables
 * @key: key, or XSHM_PRIVATE; written under both the namespace's mutex and
 *	@lock
 * @first_key: key at creation, which names the mappings; fixed
 * @key_node: place in the namespace's table of keys
 * @ns: the instance, with a reference
 * @backing: the file on xshm's own mount that holds the pages; never mapped
 *	into a process. Fixed until the segment is freed.
 * @bytes: size as asked for
 * @refs: see above
 * @lock: protects all that follows up to @client; held for a few instructions,
 *	and nests in nothing but what is said above
 * @mode: permissions, XSHM_DEST and XSHM_LOCKED
 * @attributes: XSHM_ATTR_*, fixed at creation
 * @by_policy: owner-bound as its namespace said then: to the process, and not to
 *	a descriptor that the program knows nothing of; fixed at creation
 * @dead: out of the tables; nothing can be attached any more
 * @mapping: files that attaches map, made by the first attach of their kind
 * @nattch: number of VMAs
 * @pins: attaches that are under way over something that may be mapped, see
 *	xshm_mapping_pin()
 * @unused_once: @nattch fell to 0 while @pins held off what follows from that
 * @uid: owner
 * @gid: group of the owner
 * @cuid: creator; fixed
 * @cgid: group of the creator; fixed
 * @locker: whose account @mode's XSHM_LOCKED is on
 * @atime: last attach
 * @dtime: last detach
 * @ctime: last change
 * @creator: process that made it; fixed
 * @last: process that attached or detached last, or NULL
 * @client: what it was made through, with a reference, or NULL; fixed
 * @user: the creator's account in @ns; under the namespace's mutex
 * @made: place in the client's list while it is in the tables; under the
 *	client's lock
 * @rcu: for freeing, after that
 */
struct xshm_segment {
	int id;
	key_t key;
	key_t first_key;
	struct rhash_head key_node;
	struct xshm_ns *ns;
	struct file *backing;
	size_t bytes;
	refcount_t refs;

	spinlock_t lock;
	umode_t mode;
	bool dead;
	bool unused_once;
	bool by_policy;
	u32 attributes;
	struct file *mapping[XSHM_MAPPINGS];
	unsigned long nattch;
	unsigned int pins;
	kuid_t uid;
	kgid_t gid;
	kuid_t cuid;
	kgid_t cgid;
	kuid_t locker;
	time64_t atime;
	time64_t dtime;
	time64_t ctime;
	struct pid *creator;
	struct pid *last;
	struct xshm_client *client;
	struct xshm_user *user;

	union {
		struct list_head made;
		struct rcu_head rcu;
	};
};

/**
 * struct xshm_client - what segments are made through
 * @ns: instance of the opener's namespace, with a reference
 * @owner: NULL for an open file of /dev/xshm, whose segments end with the
 *	process that made them; else the module for which this is a task
 *	that makes segments, and they end with the task
 * @ended: the task has ended, or left the namespace
 * @refs: one for the open file or the task, one for each segment
 * @lock: protects what follows
 * @made: the segments made through it that are in the tables
 * @bound: how many of these are owner-bound
 * @foreign: how many of these are in another instance than @ns
 */
struct xshm_client {
	struct xshm_ns *ns;
	struct module *owner;
	bool ended;
	refcount_t refs;

	spinlock_t lock;
	struct list_head made;
	unsigned int bound;
	unsigned int foreign;
};

static inline unsigned long xshm_segment_pages(const struct xshm_segment *segment)
{
	return DIV_ROUND_UP(segment->bytes, PAGE_SIZE);
}

/* Memory that the backing takes when all of it is touched, in bytes. */
static inline u64 xshm_segment_backing_size(const struct xshm_segment *segment)
{
	return PAGE_ALIGN((u64)i_size_read(file_inode(segment->backing)));
}

/* Something is mapped, or just being mapped. */
static inline bool xshm_segment_in_use(const struct xshm_segment *segment)
{
	lockdep_assert_held(&segment->lock);

	return segment->nattch || segment->pins;
}

/*
 * Limits. While the calls are served where the kernel has System V, its own
 * sysctls are in force, with their owner rules. The namespace is there under
 * RCU also after the instance is retired.
 */
struct xshm_limits_now {
	unsigned long shmmax;
	unsigned long shmall;
	int shmmni;
	/* What the kernel has of its own in the namespace: segments, pages. */
	int kernel_used;
	unsigned long kernel_pages;
};

/* The index of shared memory in ipc_namespace.ids (ipc/util.h). */
#define XSHM_KERNEL_IDS	2

static inline struct xshm_limits_now xshm_ns_limits(const struct xshm_ns *ns)
{
	struct xshm_limits_now now = {
		.shmmax = READ_ONCE(ns->shmmax),
		.shmall = READ_ONCE(ns->shmall),
		.shmmni = READ_ONCE(ns->shmmni),
	};
	const struct ipc_namespace *ipc_ns;

	if (!IS_ENABLED(CONFIG_SYSVIPC) || likely(!READ_ONCE(ns->served)))
		return now;
	rcu_read_lock();
	ipc_ns = READ_ONCE(ns->ipc_ns);
	if (ipc_ns) {
		now.shmmax = READ_ONCE(ipc_ns->shm_ctlmax);
		now.shmall = READ_ONCE(ipc_ns->shm_ctlall);
		now.shmmni = READ_ONCE(ipc_ns->shm_ctlmni);
		now.kernel_used = READ_ONCE(ipc_ns->ids[XSHM_KERNEL_IDS].in_use);
		now.kernel_pages = READ_ONCE(ipc_ns->shm_tot);
	}
	rcu_read_unlock();
	return now;
}

/*
 * The same of shm_rmid_forced, for who holds a spinlock, which is a reader of RCU as
 * well: by itself, or in rt_spin_lock() (6.1 to 7.3). A detach has 51 instructions less so.
 */
static inline bool xshm_ns_rmid_forced_locked(const struct xshm_ns *ns)
{
	const struct ipc_namespace *ipc_ns = NULL;

	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(), "xshm: shm_rmid_forced read without a lock");
	if (IS_ENABLED(CONFIG_SYSVIPC) && unlikely(READ_ONCE(ns->served)))
		ipc_ns = READ_ONCE(ns->ipc_ns);
	return ipc_ns ? READ_ONCE(ipc_ns->shm_rmid_forced) : READ_ONCE(ns->rmid_forced);
}

static inline bool xshm_ns_rmid_forced(const struct xshm_ns *ns)
{
	bool forced;

	rcu_read_lock();
	forced = xshm_ns_rmid_forced_locked(ns);
	rcu_read_unlock();
	return forced;
}

#include "core.h"

#endif /* XSHM_H */
