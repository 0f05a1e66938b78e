// SPDX-License-Identifier: GPL-2.0
/*
 * backing.c - where the pages of a segment come from
 *
 * The backing of a segment is an unlinked file on a mount that nobody else
 * sees: tmpfs for ordinary segments, one mount for each huge page policy, and
 * hugetlbfs for SHM_HUGETLB, one for each page size. So swap, memory cgroups,
 * NUMA policy, migration and get_user_pages() work as for every file in memory.
 * The backing itself is never in the address space of a process, where another
 * thread could take it with mremap(2) and keep it, uncounted.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>

#include "compat.h"
#include "xshm.h"
#include "trace.h"

/* tmpfs mounts, by XSHM_HUGE_*. Without transparent huge pages only 'never'. */
static struct vfsmount *xshm_tmpfs[XSHM_HUGE_ADVISE + 1];

/*
 * What the kernel gives a new inode (inode_init_always(), 6.1 to 7.3): it can't
 * be opened, with ENXIO. Not one of the module's own, as an inode can be held
 * open by O_PATH for longer than there is a module. Test: selftests/outlive.c.
 */
static const struct file_operations *xshm_no_open_fops;

/* The inode of anonymous files has them. */
static int __init xshm_learn_no_open(void)
{
	/* Operations of the kernel's, as the file's end may come after that of a failed load. */
	struct file *file = anon_inode_getfile("xshm", &generic_ro_fops, NULL, O_RDONLY);

	if (IS_ERR(file))
		return PTR_ERR(file);
	xshm_no_open_fops = file_inode(file)->i_fop;
	fput(file);
	if (xshm_no_open_fops && xshm_no_open_fops->open && !xshm_no_open_fops->owner)
		return 0;
	pr_err("xshm: this kernel's anonymous inodes have other operations than expected\n");
	return -EINVAL;
}

/* A mount that only the module sees, made with the kernel's credentials. */
struct vfsmount *__init xshm_mount(const char *type_name, char *options)
{
	struct file_system_type *type = get_fs_type(type_name);
	const struct cred *cred;
	struct vfsmount *mnt;

	if (!type)
		return ERR_PTR(-ENODEV);
	cred = xshm_use_kernel_credentials();
	mnt = vfs_kern_mount(type, SB_KERNMOUNT, "xshm", options);
	revert_creds(cred);
	/* put_filesystem() is not exported; this is what it does. */
	module_put(type->owner);
	return mnt;
}

int __init xshm_backing_init(void)
{
	static const char * const policies[] = {
		[XSHM_HUGE_WITHIN_SIZE] = "huge=within_size",
		[XSHM_HUGE_ALWAYS] = "huge=always",
		[XSHM_HUGE_ADVISE] = "huge=advise",
	};
	struct vfsmount *mnt;
	char options[24];
	int policy, err;

	err = xshm_learn_no_open();
	if (err)
		return err;
	mnt = xshm_mount("tmpfs", NULL);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	xshm_tmpfs[XSHM_HUGE_NEVER] = mnt;

	for (policy = XSHM_HUGE_WITHIN_SIZE; policy <= XSHM_HUGE_ADVISE; policy++) {
		strscpy(options, policies[policy], sizeof(options));
		mnt = xshm_mount("tmpfs", options);
		if (PTR_ERR(mnt) == -EINVAL) {
			pr_info("xshm: this kernel has no transparent huge pages in tmpfs\n");
			break;
		}
		if (IS_ERR(mnt)) {
			xshm_backing_exit();
			return PTR_ERR(mnt);
		}
		xshm_tmpfs[policy] = mnt;
	}
	xshm_hugetlb_init();
	return 0;
}

void xshm_backing_exit(void)
{
	int i;

	xshm_hugetlb_exit();
	for (i = 0; i < ARRAY_SIZE(xshm_tmpfs); i++) {
		if (xshm_tmpfs[i])
			kern_unmount(xshm_tmpfs[i]);
	}
}

bool xshm_backing_has_thp(void)
{
	return xshm_tmpfs[XSHM_HUGE_WITHIN_SIZE];
}

/*
 * Under vm.overcommit_memory=2 the kernel ignores SHM_NORESERVE. The setting is
 * not exported, but mmap(2) tells a file what it makes of MAP_NORESERVE
 * (do_mmap(), 6.1 to 7.3): it asks this one, which refuses, so nothing is mapped.
 * Test: selftests/limits.c.
 */
static int xshm_probe_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_NORESERVE ? -ECANCELED : -EPERM;
}

static const struct file_operations xshm_probe_fops = {
	.owner = THIS_MODULE,
	.mmap = xshm_probe_mmap,
};

/* Return: true also where it can't be found out. */
static bool xshm_overcommit_never(void)
{
	struct file *file = anon_inode_getfile("xshm", &xshm_probe_fops, NULL, O_RDWR);
	long answer;

	if (IS_ERR(file))
		return true;
	answer = vm_mmap(file, 0, PAGE_SIZE, PROT_NONE, MAP_SHARED | MAP_NORESERVE, 0);
	fput(file);
	return answer != -ECANCELED;
}

static int xshm_huge_policy(const struct xshm_ns *ns, const struct xshm_wish *wish)
{
	int policy = READ_ONCE(ns->huge);

	if (wish->options & XSHM_GET_SMALL)
		policy = XSHM_HUGE_NEVER;
	else if (wish->options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB))
		policy = max(policy == XSHM_HUGE_ADVISE ? 0 : policy, XSHM_HUGE_WITHIN_SIZE);
	else if (wish->shmflg & XSHM_NORESERVE)
		/* Sparse by intent: a touch shall not cost a huge page. */
		policy = XSHM_HUGE_NEVER;

	return xshm_tmpfs[policy] ? policy : XSHM_HUGE_NEVER;
}

static struct file *xshm_shmem_create(const struct xshm_ns *ns, const struct xshm_wish *wish,
				      u32 *attributes)
{
	int policy = xshm_huge_policy(ns, wish);
	bool noreserve = wish->shmflg & XSHM_NORESERVE && !xshm_overcommit_never();
	struct file *file;

	/* A name that nobody sees: what is mapped is another file on the inode. */
	file = xshm_shmem_file_setup(xshm_tmpfs[policy], "xshm", wish->bytes, noreserve);
	if (IS_ERR(file))
		return file;
	SHMEM_I(file_inode(file))->seals |= F_SEAL_SHRINK | F_SEAL_GROW;
	if (policy != XSHM_HUGE_NEVER)
		*attributes |= XSHM_ATTR_THP;
	return file;
}

/*
 * Allocate all pages, or none. The allocator shall give up rather than call the
 * OOM killer, and a signal that doesn't kill has no place in shmget(2).
 *
 * Some kernels give up also for what only looks like a signal: a tracer or a
 * freezer that wants the task to stop, work of io_uring's for it (shmem until
 * 6.6, hugetlbfs to 7.3). Then the task does that, on its way out of the
 * system call, which begins anew behind its back.
 */
static int xshm_backing_populate(struct file *file)
{
	struct address_space *mapping = file->f_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping);
	sigset_t blocked, old;
	int err;

	mapping_set_gfp_mask(mapping, gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	do {
		siginitsetinv(&blocked, sigmask(SIGKILL));
		sigprocmask(SIG_BLOCK, &blocked, &old);
		err = file->f_op->fallocate(file, FALLOC_FL_KEEP_SIZE, 0,
					    i_size_read(file_inode(file)));
		sigprocmask(SIG_SETMASK, &old, NULL);
	} while (err == -EINTR && !signal_pending(current));
	mapping_set_gfp_mask(mapping, gfp);

	if (err == -EINTR && !fatal_signal_pending(current))
		return -ERESTARTNOINTR;
	return err == -ENOSPC ? -ENOMEM : err;
}

/**
 * xshm_backing_create - make the file that holds a segment's pages
 * @ns: instance whose policy counts
 * @wish: what was asked for
 * @attributes: XSHM_ATTR_* bits of the outcome are set in it
 *
 * Takes the mmap_lock.
 *
 * Return: the file, for xshm_backing_put(), or -EINTR, -EINVAL, -ENOMEM,
 * -EPERM, -ERESTARTNOINTR.
 */
struct file *xshm_backing_create(const struct xshm_ns *ns, const struct xshm_wish *wish,
				 u32 *attributes)
{
	struct file *file = ERR_PTR(-EINVAL);
	struct inode *inode;
	u32 kind = 0;
	int err;

	if (wish->shmflg & XSHM_HUGETLB || wish->options & XSHM_GET_TRY_HUGETLB) {
		file = xshm_hugetlb_create(wish);
		kind = XSHM_ATTR_HUGETLB;
		if (IS_ERR(file) && !(wish->options & XSHM_GET_TRY_HUGETLB))
			return file;
	}
	if (IS_ERR(file)) {
		kind = 0;
		file = xshm_shmem_create(ns, wish, &kind);
		if (IS_ERR(file))
			return file;
	}
	if (wish->shmflg & XSHM_NORESERVE)
		kind |= XSHM_ATTR_NORESERVE;

	if (wish->options & XSHM_GET_POPULATE) {
		err = xshm_backing_populate(file);
		if (err) {
			fput(file);
			return ERR_PTR(err);
		}
	}

	inode = file_inode(file);
	/*
	 * Access is xshm's to check, not that of a security module that looks
	 * at files. Nobody opens the inode, say through /proc/PID/map_files.
	 */
	inode->i_flags |= S_PRIVATE;
	inode->i_fop = xshm_no_open_fops;
	/* Each attach would update an access time that nobody sees. */
	file->f_flags |= O_NOATIME;
	*attributes |= kind;
	return file;
}

/* Let go of it, with the inode as its filesystem made it: others may hold that. */
void xshm_backing_put(struct file *backing)
{
	struct inode *inode = file_inode(backing);

	inode->i_fop = backing->f_op;
	inode->i_flags &= ~S_PRIVATE;
	fput(backing);
}

/*
 * Another file on the inode of a backing, with operations of the module's, which
 * it holds until its end.
 */
struct file *xshm_backing_alias(struct file *backing, const char *name, int flags,
				const struct file_operations *fops)
{
	struct inode *inode = file_inode(backing);
	struct file *file;

	ihold(inode);
	file = alloc_file_pseudo(inode, backing->f_path.mnt, name, flags, fops);
	if (IS_ERR(file))
		iput(inode);
	else
		__module_get(fops->owner);
	return file;
}

/* Give the inode the number that /proc/PID/maps shall show: the id. */
void xshm_backing_name(struct xshm_segment *segment)
{
	file_inode(segment->backing)->i_ino = segment->id;
}

unsigned long xshm_backing_page_size(const struct xshm_segment *segment)
{
	return file_inode(segment->backing)->i_sb->s_blocksize;
}

/* Count what is cheap to count: not the huge pages. */
void xshm_backing_count(const struct xshm_segment *segment, struct xshm_pages *pages)
{
	struct inode *inode = file_inode(segment->backing);

	if (segment->attributes & XSHM_ATTR_HUGETLB) {
		pages->resident += xshm_hugetlb_nrpages(inode);
		pages->huge += xshm_hugetlb_nrpages(inode);
		return;
	}
	pages->resident += READ_ONCE(inode->i_mapping->nrpages);
	pages->swapped += READ_ONCE(SHMEM_I(inode)->swapped);
}

/**
 * xshm_backing_count_huge - count the transparent huge pages of a segment
 * @segment: the segment, with a reference
 *
 * Walks the page cache. May sleep.
 *
 * Return: their size, in pages of PAGE_SIZE.
 */
unsigned long xshm_backing_count_huge(const struct xshm_segment *segment)
{
	struct address_space *mapping = segment->backing->f_mapping;
	unsigned long pages = 0;
	struct folio_batch batch;
	pgoff_t index = 0;
	unsigned int i;

	if (!(segment->attributes & XSHM_ATTR_THP))
		return 0;

	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, ULONG_MAX, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			if (folio_order(folio) >= HPAGE_PMD_ORDER)
				pages += folio_nr_pages(folio);
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return pages;
}

/* Set or clear what makes new pages unevictable. */
void xshm_backing_mark_unevictable(struct xshm_segment *segment, bool unevictable)
{
	struct address_space *mapping = segment->backing->f_mapping;

	lockdep_assert(lockdep_is_held(&segment->lock) || segment->dead);

	if (unevictable)
		mapping_set_unevictable(mapping);
	else
		mapping_clear_unevictable(mapping);
}

/*
 * Pages that become evictable are looked at by reclaim again only once they
 * have left the unevictable list. May sleep.
 */
void xshm_backing_check_evictable(struct xshm_segment *segment)
{
	struct address_space *mapping = segment->backing->f_mapping;
	unsigned long folios = 0;
	struct folio_batch batch;
	pgoff_t index = 0;

	might_sleep();
	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, ULONG_MAX, &batch)) {
		folios += folio_batch_count(&batch);
		check_move_unevictable_folios(&batch);
		folio_batch_release(&batch);
		cond_resched();
	}
	trace_xshm_evictable(segment->id, folios);
}
