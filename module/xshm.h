/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xshm.h - the structures of the module, their lifetime and their locks
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
 * and when that is the last one nobody can be inside: the instance is retired.
 * A caller of an ioctl is inside, so it needs no reference on its instance.
 * Segments that are still mapped then outlive the instance's place in the
 * table and hold it with ->refs.
 *
 * A segment pins the module, and so does each mapping file.
 *
 * Locks, outermost first
 *
 *	xshm_instances_lock	which namespaces have an instance
 *	mmap_lock		(taken by the kernel around vm_ops and ->mmap)
 *	  xshm_account_lock	locked memory of all users
 *	  xshm_ns.mutex		what changes the tables of a namespace
 *	    xshm_segment.lock	the state of a segment; a spinlock
 *
 * xshm_account_lock and xshm_ns.mutex are never held together. Nothing is
 * copied to or from user space under any of them, because a page fault takes
 * the mmap_lock.
 */
#ifndef XSHM_H
#define XSHM_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/xshm.h>

/*
 * An id is a sequence number above an index. The sequence grows whenever the
 * indexes wrap, so that an id comes again only after 65,536 rounds.
 */
#define XSHM_INDEX_BITS		15
#define XSHM_INDEX_COUNT	(1 << XSHM_INDEX_BITS)
#define XSHM_INDEX_MASK		(XSHM_INDEX_COUNT - 1)
#define XSHM_SEQUENCE_MAX	(INT_MAX >> XSHM_INDEX_BITS)

/**
 * struct xshm_ns - shared memory of an IPC namespace
 * @ipc_ns: the namespace, with a reference; NULL once the instance is retired
 * @refs: one for the table of instances, one for each client and segment
 * @mutex: protects what changes the tables, from @slots to @next_id
 * @slots: index to segment; read under RCU
 * @keys: key to segment; read under RCU
 * @used: number of segments in @slots
 * @pages: size of all segments, in pages; also of those on their way in or out
 * @next_index: where the next search for a free index starts
 * @last_index: index given last, -1 if none was
 * @sequence: sequence number of ids given now
 * @next_id: id that the next segment shall get, -1 for any (shm_next_id)
 * @shmmax: largest segment, in bytes. The limits from here on are single words
 *	that are written and read without a lock.
 * @shmall: most memory of all segments, in pages
 * @shmmni: most segments
 * @rmid_forced: destroy a segment at its last detach
 * @bound: an owner-bound segment was made here; never cleared
 * @huge: policy of new ordinary segments, XSHM_HUGE_*
 * @user_segments: most segments of a user, 0 for no limit
 * @user_bytes: most memory of a user, in bytes, 0 for no limit
 * @rcu: for freeing
 */
struct xshm_ns {
	struct ipc_namespace *ipc_ns;
	refcount_t refs;

	struct mutex mutex;
	struct xshm_slots __rcu *slots;
	struct rhashtable keys;
	unsigned int used;
	unsigned long pages;
	u32 next_index;
	int last_index;
	unsigned int sequence;
	int next_id;

	unsigned long shmmax;
	unsigned long shmall;
	int shmmni;
	int rmid_forced;
	bool bound;
	int huge;
	unsigned long user_segments;
	unsigned long user_bytes;

	struct rcu_head rcu;
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
 * @lock: protects all that follows up to @rcu; held for a few instructions,
 *	and nests in nothing but what is said above
 * @mode: permissions, XSHM_DEST and XSHM_LOCKED
 * @attributes: XSHM_ATTR_*, fixed at creation
 * @dead: out of the tables; nothing can be attached any more
 * @mapping: files that attaches map, made by the first attach of their kind
 * @nattch: number of VMAs
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
 * @client: the open file that an owner-bound segment is bound to, else NULL;
 *	only ever compared; fixed
 * @rcu: for freeing
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
	u32 attributes;
	struct file *mapping[XSHM_MAPPINGS];
	unsigned long nattch;
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
	const struct xshm_client *client;

	struct rcu_head rcu;
};

/**
 * struct xshm_client - an open file of /dev/xshm
 * @ns: instance of the opener's namespace, with a reference. Only a short cut:
 *	a caller in another namespace gets that one's instance.
 * @created: a segment was made through it
 * @bound: one that ends with it
 */
struct xshm_client {
	struct xshm_ns *ns;
	bool created;
	bool bound;
};

/**
 * struct xshm_call - a command being carried out
 * @client: the open file it came through
 * @ns: the instance of the calling thread's namespace
 * @user: the argument in user space
 * @user_size: its size as the caller says, in bytes
 * @arg: the argument, zero-extended to what the module knows
 */
struct xshm_call {
	struct xshm_client *client;
	struct xshm_ns *ns;
	void __user *user;
	u32 user_size;
	union {
		u32 size;
		u64 words[3];
		struct xshm_version version;
		struct xshm_get get;
		struct xshm_attach attach;
		struct xshm_detach detach;
		struct xshm_control control;
	} arg;
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

/* namespace.c */
int xshm_namespace_init(void);
void xshm_namespace_exit(void);
struct xshm_ns *xshm_ns_get_current(void);
void xshm_ns_get(struct xshm_ns *ns);
void xshm_ns_put(struct xshm_ns *ns);
struct xshm_ns *xshm_ns_lookup_current(void);
void xshm_ns_watch(void);
void xshm_ns_for_each(void (*visit)(struct xshm_ns *ns, const void *data), const void *data);

static inline bool xshm_ns_is_current(const struct xshm_ns *ns)
{
	return READ_ONCE(ns->ipc_ns) == current->nsproxy->ipc_ns;
}

/* Segments can outlive their purpose here when their creator goes. */
static inline bool xshm_ns_needs_reaping(const struct xshm_ns *ns)
{
	return READ_ONCE(ns->rmid_forced) || READ_ONCE(ns->bound);
}

/* ids.c */
struct xshm_slots;
int xshm_ids_init(struct xshm_ns *ns);
void xshm_ids_destroy(struct xshm_ns *ns);
struct xshm_segment *xshm_ids_find_index(struct xshm_ns *ns, u32 index);
struct xshm_segment *xshm_ids_find(struct xshm_ns *ns, int id);
struct xshm_segment *xshm_ids_find_ref(struct xshm_ns *ns, int id);
struct xshm_segment *xshm_ids_find_key(struct xshm_ns *ns, key_t key);
struct xshm_segment *xshm_ids_next(struct xshm_ns *ns, u32 *index);
int xshm_ids_highest_index(struct xshm_ns *ns);
int xshm_ids_insert(struct xshm_segment *segment);
void xshm_ids_drop_key(struct xshm_segment *segment);
void xshm_ids_remove(struct xshm_segment *segment);

/* All segments of an instance; see xshm_ids_next(). */
#define xshm_ids_for_each(ns, index, segment)				\
	for ((index) = 0; ((segment) = xshm_ids_next(ns, &(index))); (index)++)

/* segment.c */
long xshm_segment_get(struct xshm_call *call);
void xshm_segment_put(struct xshm_segment *segment);
long xshm_segment_remove(struct xshm_ns *ns, int id);
void xshm_segment_condemn(struct xshm_segment *segment);
void xshm_segment_destroy_unused(struct xshm_segment *segment);
bool xshm_segment_creator_gone(const struct xshm_segment *segment);

/* mapping.c */
struct file *xshm_mapping_get(struct xshm_ns *ns, int id, enum xshm_mapping kind,
			      unsigned int access);
bool xshm_mapping_pin(struct file *file);
void xshm_mapping_unpin(struct file *file);
bool xshm_vma_is_attach(const struct vm_area_struct *vma);

/* attach.c */
long xshm_attach(struct xshm_call *call);
long xshm_detach(struct xshm_call *call);

/* backing.c */
int xshm_backing_init(void);
void xshm_backing_exit(void);
struct file *xshm_backing_create(const struct xshm_ns *ns, const struct xshm_get *get,
				 u32 *attributes);
void xshm_backing_name(struct xshm_segment *segment);
bool xshm_backing_has_thp(void);
bool xshm_backing_has_hugetlb(void);
void xshm_backing_set_unevictable(struct xshm_segment *segment, bool unevictable);

/**
 * struct xshm_pages - where the pages of a segment are
 * @resident: in memory, in pages
 * @swapped: swapped out, in pages
 * @huge: of @resident, in huge pages of either kind, in pages
 */
struct xshm_pages {
	unsigned long resident;
	unsigned long swapped;
	unsigned long huge;
};

void xshm_backing_count(const struct xshm_segment *segment, struct xshm_pages *pages);
unsigned long xshm_backing_count_huge(const struct xshm_segment *segment);
unsigned long xshm_backing_page_size(const struct xshm_segment *segment);

/* control.c */
long xshm_stat(struct xshm_call *call);
long xshm_set(struct xshm_call *call);
long xshm_remove(struct xshm_call *call);
long xshm_limits(struct xshm_call *call);
long xshm_set_limits(struct xshm_call *call);
long xshm_usage(struct xshm_call *call);

/* account.c */
long xshm_lock(struct xshm_call *call);
long xshm_unlock(struct xshm_call *call);
void xshm_account_release(struct xshm_segment *segment);
int xshm_account_check_user(struct xshm_ns *ns, u64 bytes);

/* What the module knows of the option words of the ABI. */
#define XSHM_GET_OPTIONS	(XSHM_GET_HUGE | XSHM_GET_SMALL |		\
				 XSHM_GET_TRY_HUGETLB | XSHM_GET_POPULATE |	\
				 XSHM_GET_OWNER_BOUND)
#define XSHM_ATTACH_OPTIONS	XSHM_ATTACH_POPULATE

#define XSHM_LIMITS_ALL		(XSHM_LIMIT_SHMMAX | XSHM_LIMIT_SHMMNI |	\
				 XSHM_LIMIT_SHMALL | XSHM_LIMIT_USER_SEGMENTS |	\
				 XSHM_LIMIT_USER_BYTES | XSHM_LIMIT_RMID_FORCED | \
				 XSHM_LIMIT_HUGE | XSHM_LIMIT_NEXT_ID)

/* client.c */
struct xshm_client *xshm_client_create(void);
void xshm_client_exiting(struct xshm_client *client);
void xshm_client_destroy(struct xshm_client *client);
void xshm_ns_reap(struct xshm_ns *ns);
void xshm_want_reaping(void);
void xshm_ns_rmid_forced_set(struct xshm_ns *ns);

/* permission.c */
bool xshm_may_access(const struct xshm_ns *ns, const struct xshm_segment *segment,
		     unsigned int flags);
bool xshm_may_control(const struct xshm_ns *ns, const struct xshm_segment *segment);
bool xshm_may_use_hugetlb(void);
bool xshm_may_set_limits(const struct xshm_ns *ns);
bool xshm_may_choose_id(const struct xshm_ns *ns);
extern int xshm_hugetlb_shm_group;

/* table.c, sysctl.c */
int xshm_table_init(void);
void xshm_table_exit(void);
int xshm_sysctl_init(void);
void xshm_sysctl_exit(void);

#endif /* XSHM_H */
