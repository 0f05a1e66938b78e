/* SPDX-License-Identifier: GPL-2.0 */
/*
 * core.h - what each file offers to those above it, from below; part of xshm.h
 */
#ifndef XSHM_CORE_H
#define XSHM_CORE_H

/* ids.c */
struct xshm_slots;
int xshm_ids_init(struct xshm_ns *ns);
void xshm_ids_destroy(struct xshm_ns *ns);
struct xshm_segment *xshm_ids_find_ref(struct xshm_ns *ns, int id);
struct xshm_segment *xshm_ids_next(struct xshm_ns *ns, u32 *index);
int xshm_ids_highest_index(struct xshm_ns *ns);
int xshm_ids_insert(struct xshm_segment *segment);
void xshm_ids_drop_key(struct xshm_segment *segment);
void xshm_ids_remove(struct xshm_segment *segment);
void xshm_ids_leave_behind(struct xshm_ns *ns);

/* All segments of an instance; see xshm_ids_next(). */
#define xshm_ids_for_each(ns, index, segment)				\
	for ((index) = 0; ((segment) = xshm_ids_next(ns, &(index))); (index)++)

/* account.c */
int xshm_account_charge_locked(kuid_t uid, unsigned long pages);
void xshm_account_uncharge_locked(kuid_t uid, unsigned long pages);
int xshm_account_check_user(struct xshm_ns *ns, kuid_t uid, u64 bytes);
int xshm_account_add(struct xshm_segment *segment);
void xshm_account_remove(struct xshm_segment *segment);
void xshm_account_destroy(struct xshm_ns *ns);

/* namespace.c */
int xshm_namespace_init(work_func_t work, work_func_t leave, struct workqueue_struct *queue);
void xshm_namespace_exit(void);
struct xshm_ns *xshm_ns_find(struct ipc_namespace *ipc_ns);
struct xshm_ns *xshm_ns_get_current(void);
struct xshm_ns *xshm_ns_get_served(bool anyhow);
void xshm_serve(bool on);
void xshm_ns_serve(struct xshm_ns *ns, bool on);
void *xshm_ns_limit(struct xshm_ns *ns, void *own);
void xshm_ns_get(struct xshm_ns *ns);
void xshm_ns_put(struct xshm_ns *ns);
bool xshm_ns_is_occupied(const struct xshm_ns *ns);
bool xshm_ns_is_first(const struct xshm_ns *ns);
void xshm_ns_retire(struct xshm_ns *ns);
void xshm_ns_for_each(void (*visit)(struct xshm_ns *ns, void *data), void *data);

static inline bool xshm_ns_is_current(const struct xshm_ns *ns)
{
	return READ_ONCE(ns->ipc_ns) == current->nsproxy->ipc_ns;
}

/* client.c */
struct xshm_client *xshm_client_create(struct xshm_ns *ns);
void xshm_client_put(struct xshm_client *client);
void xshm_client_add(struct xshm_segment *segment);
void xshm_client_remove(struct xshm_segment *segment);

/* permission.c */
int xshm_credentials_init(void);
void xshm_credentials_exit(void);
const struct cred *xshm_use_kernel_credentials(void);
bool xshm_may_control(const struct xshm_segment *segment);
bool xshm_may_lock_anything(void);
bool xshm_may_use_hugetlb(void);
bool xshm_may_set_limits(void);
bool xshm_may_choose_id(void);
extern int xshm_hugetlb_shm_group;
bool xshm_may_access_wanted(const struct xshm_segment *segment, unsigned int wanted);

static inline bool xshm_owns(const struct xshm_segment *segment)
{
	kuid_t euid = current_euid();

	lockdep_assert_held(&segment->lock);

	return uid_eq(euid, segment->cuid) || uid_eq(euid, segment->uid);
}

/**
 * xshm_may_access - check the mode of a segment
 * @segment: the segment, locked
 * @flags: permission bits; what any of the three triples asks for is wanted
 *
 * Return: true if owner or creator, group or others, whichever of them the
 * caller is first, have all of it, or the caller has CAP_IPC_OWNER.
 */
static inline bool xshm_may_access(const struct xshm_segment *segment, unsigned int flags)
{
	unsigned int wanted = flags >> 6 | flags >> 3 | flags;

	/* The usual case in place, as the search for the key is: see get.h. */
	if (likely(xshm_owns(segment) && !(wanted & ~(segment->mode >> 6) & 0007)))
		return true;
	return xshm_may_access_wanted(segment, wanted);
}

/* backing.c, hugetlb.c */
struct vfsmount *xshm_mount(const char *type_name, char *options);
int xshm_backing_init(void);
void xshm_backing_exit(void);
struct file *xshm_backing_create(const struct xshm_ns *ns, const struct xshm_wish *wish,
				 u32 *attributes);
void xshm_backing_put(struct file *backing);
void xshm_backing_name(struct xshm_segment *segment);
struct file *xshm_backing_alias(struct file *backing, const char *name, int flags,
				const struct file_operations *fops);
bool xshm_backing_has_thp(void);
void xshm_backing_mark_unevictable(struct xshm_segment *segment, bool unevictable);
void xshm_backing_check_evictable(struct xshm_segment *segment);
unsigned long xshm_backing_page_size(const struct xshm_segment *segment);

void xshm_hugetlb_init(void);
void xshm_hugetlb_exit(void);
bool xshm_hugetlb_is_there(void);
struct file *xshm_hugetlb_create(const struct xshm_wish *wish);

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

/* segment.c */
extern atomic_t xshm_made_by_calls;
struct xshm_segment *xshm_segment_alloc(struct xshm_ns *ns, struct xshm_client *client,
					const struct xshm_wish *wish);
int xshm_segment_publish(struct xshm_segment *segment);
void xshm_segment_put(struct xshm_segment *segment);
long xshm_segment_remove(struct xshm_ns *ns, int id);
void xshm_segment_condemn(struct xshm_segment *segment);
void xshm_segment_destroy_unused(struct xshm_segment *segment);
bool xshm_segment_creator_gone(const struct xshm_segment *segment);
bool xshm_segment_process_gone(const struct xshm_segment *segment);

/* mapping.c */
struct file *xshm_mapping_get(struct xshm_ns *ns, int id, enum xshm_mapping kind,
			      unsigned int access);
bool xshm_mapping_pin(struct file *file);
void xshm_mapping_unpin(struct file *file);

/**
 * struct xshm_vm_ops - the operations of a backing's mappings, with counting
 * @ops: what the vmas of attaches point to: a copy of @base but for open and
 *	close. A copy keeps fault-around, huge faults, NUMA policy and what later kernels
 *	add.
 * @base: what the backing set, once known
 */
struct xshm_vm_ops {
	struct vm_operations_struct ops;
	const struct vm_operations_struct *base;
};

extern struct xshm_vm_ops xshm_shmem_vm_ops, xshm_hugetlb_vm_ops;

/* The vma maps a segment. */
static inline bool xshm_vma_is_attach(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &xshm_shmem_vm_ops.ops ||
	       vma->vm_ops == &xshm_hugetlb_vm_ops.ops;
}

/* get.c */
long xshm_get_new(struct xshm_ns *ns, struct xshm_client *client, const struct xshm_wish *wish);

/* attach.c */
unsigned long xshm_attach(struct xshm_ns *ns, int id, unsigned long addr, u32 shmflg,
			  u32 options);
int xshm_detach(unsigned long addr);

/**
 * struct xshm_status - what is told of a segment
 * @id: id
 * @key: key, XSHM_PRIVATE once it is marked for destruction
 * @uid: owner
 * @gid: group of the owner
 * @cuid: creator
 * @cgid: group of the creator
 * @mode: permissions, XSHM_DEST and XSHM_LOCKED
 * @bytes: size as asked for
 * @nattch: number of VMAs
 * @atime: time of the last attach, in seconds
 * @dtime: time of the last detach, in seconds
 * @ctime: time of the last change, in seconds
 * @cpid: process that made it, in the PID namespace that was asked for
 * @lpid: process that attached or detached last, or 0
 */
struct xshm_status {
	int id;
	key_t key;
	kuid_t uid;
	kgid_t gid;
	kuid_t cuid;
	kgid_t cgid;
	unsigned int mode;
	size_t bytes;
	unsigned long nattch;
	time64_t atime;
	time64_t dtime;
	time64_t ctime;
	pid_t cpid;
	pid_t lpid;
};

/* What is told of a segment, which is locked; process ids as @pid_ns has them. */
static inline void xshm_segment_status(const struct xshm_segment *segment,
				       struct pid_namespace *pid_ns,
				       struct xshm_status *status)
{
	lockdep_assert_held(&segment->lock);

	status->id = segment->id;
	status->key = segment->key;
	status->uid = segment->uid;
	status->gid = segment->gid;
	status->cuid = segment->cuid;
	status->cgid = segment->cgid;
	status->mode = segment->mode;
	status->bytes = segment->bytes;
	status->nattch = segment->nattch;
	status->atime = segment->atime;
	status->dtime = segment->dtime;
	status->ctime = segment->ctime;
	status->cpid = pid_nr_ns(segment->creator, pid_ns);
	status->lpid = pid_nr_ns(segment->last, pid_ns);
}

/**
 * struct xshm_details - what is told beyond that
 * @attributes: XSHM_ATTR_*
 * @page_size: in bytes
 * @pages: where the pages are
 * @locked: what counts against RLIMIT_MEMLOCK, in bytes
 * @dev: device number that /proc/PID/maps shows
 */
struct xshm_details {
	u32 attributes;
	unsigned long page_size;
	struct xshm_pages pages;
	u64 locked;
	dev_t dev;
};

/**
 * struct xshm_sums - what all segments of an instance are together
 * @segments: their number
 * @size: their size, in pages
 * @pages: where the pages are; huge ones only if they were asked for
 * @locked: what counts against RLIMIT_MEMLOCK, in bytes
 */
struct xshm_sums {
	unsigned int segments;
	unsigned long size;
	struct xshm_pages pages;
	u64 locked;
};

/* control.c */
long xshm_stat(struct xshm_ns *ns, int id, unsigned int select, struct xshm_status *status,
	       struct xshm_details *details);
long xshm_set(struct xshm_ns *ns, int id, kuid_t uid, kgid_t gid, umode_t mode);
void xshm_sum_up(struct xshm_ns *ns, bool extended, struct xshm_sums *sums);

/* limits.c */
void xshm_get_limits(struct xshm_ns *ns, struct xshm_limits *limits);
int xshm_set_limits(struct xshm_ns *ns, const struct xshm_limits *limits, u32 which);

/* lock.c */
long xshm_lock(struct xshm_ns *ns, int id);
long xshm_unlock(struct xshm_ns *ns, int id);

/* What the module knows of the option words of the ABI. */
#define XSHM_GET_OPTIONS	(XSHM_GET_HUGE | XSHM_GET_SMALL |		\
				 XSHM_GET_TRY_HUGETLB | XSHM_GET_POPULATE |	\
				 XSHM_GET_OWNER_BOUND)
#define XSHM_ATTACH_OPTIONS	XSHM_ATTACH_POPULATE

#define XSHM_LIMITS_ALL		(XSHM_LIMIT_SHMMAX | XSHM_LIMIT_SHMMNI |	\
				 XSHM_LIMIT_SHMALL | XSHM_LIMIT_USER_SEGMENTS |	\
				 XSHM_LIMIT_USER_BYTES | XSHM_LIMIT_RMID_FORCED | \
				 XSHM_LIMIT_HUGE | XSHM_LIMIT_NEXT_ID)

/* ends.c */
int xshm_ends_init(void);
void xshm_ends_exit(void);
struct xshm_ns *xshm_ns_enter(void);
long xshm_make(struct xshm_ns *ns, struct xshm_client *client, const struct xshm_wish *wish);
void xshm_client_exiting(struct xshm_client *client);
void xshm_client_close(struct xshm_client *client);
void xshm_client_end_task(struct xshm_client *client);
void xshm_rmid_forced_changed(struct xshm_ns *ns);

/* device.c, table.c, sysctl.c */
int xshm_device_init(void);
void xshm_device_exit(void);
struct inode;
int xshm_table_init(void);
void xshm_table_exit(void);
int xshm_sysctl_init(void);
void xshm_sysctl_exit(void);
int xshm_sysctl_register_kernel(void);
void xshm_sysctl_unregister_kernel(void);

#endif /* XSHM_CORE_H */
