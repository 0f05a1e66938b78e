// SPDX-License-Identifier: GPL-2.0
/*
 * backing.c - where the pages of a segment come from
 *
 * The backing of a segment is an unlinked file on a mount that nobody else
 * sees: tmpfs for ordinary segments, one mount for each huge page policy, and
 * hugetlbfs for SHM_HUGETLB, one for each page size. So swap, memory cgroups,
 * NUMA policy, migration and get_user_pages() work as for every file in memory.
 */
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

/* tmpfs mounts, by XSHM_HUGE_*. Without transparent huge pages only 'never'. */
static struct vfsmount *xshm_tmpfs[XSHM_HUGE_ADVISE + 1];

/*
 * hugetlbfs mounts, by the logarithm of the page size, 0 for the default size;
 * made on first use, under xshm_hugetlbfs_lock. A size that the machine doesn't
 * have is remembered as an error: a mount attempt writes to the kernel log.
 */
static struct vfsmount *xshm_hugetlbfs[XSHM_HUGE_MASK + 1];
static DEFINE_MUTEX(xshm_hugetlbfs_lock);

/* Nobody opens the inode of a segment, say through /proc/PID/map_files. */
static int xshm_backing_open(struct inode *inode, struct file *file)
{
	return -EACCES;
}

static const struct file_operations xshm_backing_fops = {
	.owner = THIS_MODULE,
	.open = xshm_backing_open,
};

static struct vfsmount *xshm_mount(const char *type_name, char *options)
{
	struct file_system_type *type = get_fs_type(type_name);
	struct vfsmount *mnt;

	if (!type)
		return ERR_PTR(-ENODEV);
	mnt = vfs_kern_mount(type, SB_KERNMOUNT, "xshm", options);
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
	int policy;

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
	return 0;
}

void xshm_backing_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(xshm_hugetlbfs); i++) {
		if (!IS_ERR_OR_NULL(xshm_hugetlbfs[i]))
			kern_unmount(xshm_hugetlbfs[i]);
	}
	for (i = 0; i < ARRAY_SIZE(xshm_tmpfs); i++) {
		if (xshm_tmpfs[i])
			kern_unmount(xshm_tmpfs[i]);
	}
}

bool xshm_backing_has_thp(void)
{
	return xshm_tmpfs[XSHM_HUGE_WITHIN_SIZE];
}

bool xshm_backing_has_hugetlb(void)
{
	return IS_ENABLED(CONFIG_HUGETLBFS);
}

static struct vfsmount *xshm_hugetlbfs_mount(unsigned int shift)
{
	struct vfsmount *mnt;
	char options[48];

	if (!xshm_backing_has_hugetlb())
		return ERR_PTR(-EINVAL);

	mutex_lock(&xshm_hugetlbfs_lock);
	mnt = xshm_hugetlbfs[shift];
	if (!mnt) {
		/* Who may use the pool is checked elsewhere: the root is open to all. */
		if (shift)
			snprintf(options, sizeof(options), "mode=0777,pagesize=%llu",
				 1ULL << shift);
		else
			snprintf(options, sizeof(options), "mode=0777");
		mnt = xshm_mount("hugetlbfs", options);
		if (!IS_ERR(mnt) || PTR_ERR(mnt) == -EINVAL)
			xshm_hugetlbfs[shift] = mnt;
	}
	mutex_unlock(&xshm_hugetlbfs_lock);
	return mnt;
}

/*
 * Reserve pool pages for all of the file: mapping it does, and the reservation
 * stays with the inode. PROT_NONE, so that mlockall(2) doesn't fault the pages
 * in.
 */
static int xshm_hugetlb_reserve(struct file *file, unsigned long size)
{
	unsigned long addr = vm_mmap(file, 0, size, PROT_NONE, MAP_SHARED, 0);

	if (IS_ERR_VALUE(addr))
		return addr;
	return vm_munmap(addr, size);
}

static struct file *xshm_hugetlb_create(const struct xshm_get *get)
{
	struct vfsmount *mnt = xshm_hugetlbfs_mount(get->shmflg >> XSHM_HUGE_SHIFT);
	unsigned long size, page_size;
	struct inode *inode;
	struct file *file;
	int err;

	if (IS_ERR(mnt))
		return ERR_CAST(mnt);
	page_size = mnt->mnt_sb->s_blocksize;
	size = ALIGN((unsigned long)get->bytes, page_size);
	if (size < get->bytes)
		return ERR_PTR(-EINVAL);
	if (!xshm_may_use_hugetlb())
		return ERR_PTR(-EPERM);

	file = xshm_tmpfile_open(mnt);
	if (IS_ERR(file))
		return file;
	inode = file_inode(file);
	i_size_write(inode, size);
	if (!(get->shmflg & XSHM_NORESERVE)) {
		err = xshm_hugetlb_reserve(file, size);
		if (err) {
			fput(file);
			return ERR_PTR(err);
		}
	}
	HUGETLBFS_I(inode)->seals |= F_SEAL_SHRINK | F_SEAL_GROW;
	return file;
}

/*
 * Under vm.overcommit_memory=2 the kernel ignores SHM_NORESERVE. The setting
 * is not exported, but what mmap(2) makes of MAP_NORESERVE tells it.
 */
static bool xshm_overcommit_never(struct file *file)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr;
	bool never;

	addr = vm_mmap(file, 0, PAGE_SIZE, PROT_NONE, MAP_SHARED | MAP_NORESERVE, 0);
	if (IS_ERR_VALUE(addr))
		return false;
	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	never = vma && vma->vm_file == file && !(vma->vm_flags & VM_NORESERVE);
	mmap_read_unlock(mm);
	vm_munmap(addr, PAGE_SIZE);
	return never;
}

static int xshm_huge_policy(const struct xshm_ns *ns, const struct xshm_get *get)
{
	int policy = READ_ONCE(ns->huge);

	if (get->options & XSHM_GET_SMALL)
		policy = XSHM_HUGE_NEVER;
	else if (get->options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB))
		policy = max(policy == XSHM_HUGE_ADVISE ? 0 : policy, XSHM_HUGE_WITHIN_SIZE);
	else if (get->shmflg & XSHM_NORESERVE)
		/* Sparse by intent: a touch shall not cost a huge page. */
		policy = XSHM_HUGE_NEVER;

	return xshm_tmpfs[policy] ? policy : XSHM_HUGE_NEVER;
}

static struct file *xshm_shmem_create(const struct xshm_ns *ns, const struct xshm_get *get,
				      u32 *attributes)
{
	int policy = xshm_huge_policy(ns, get);
	bool noreserve = get->shmflg & XSHM_NORESERVE;
	char name[16];
	struct file *file;

	snprintf(name, sizeof(name), "SYSV%08x", get->key);
	file = xshm_shmem_file_setup(xshm_tmpfs[policy], name, get->bytes, noreserve);
	if (!IS_ERR(file) && noreserve && xshm_overcommit_never(file)) {
		fput(file);
		noreserve = false;
		file = xshm_shmem_file_setup(xshm_tmpfs[policy], name, get->bytes, noreserve);
	}
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
 */
static int xshm_backing_populate(struct file *file)
{
	struct address_space *mapping = file->f_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping);
	sigset_t blocked, old;
	int err;

	siginitsetinv(&blocked, sigmask(SIGKILL));
	sigprocmask(SIG_BLOCK, &blocked, &old);
	mapping_set_gfp_mask(mapping, gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	err = file->f_op->fallocate(file, FALLOC_FL_KEEP_SIZE, 0, i_size_read(file_inode(file)));
	mapping_set_gfp_mask(mapping, gfp);
	sigprocmask(SIG_SETMASK, &old, NULL);

	return err == -ENOSPC ? -ENOMEM : err;
}

/**
 * xshm_backing_create - make the file that holds a segment's pages
 * @ns: instance whose policy counts
 * @get: what was asked for
 * @attributes: XSHM_ATTR_* bits of the outcome are set in it
 *
 * Takes the mmap_lock.
 *
 * Return: the file, or -EINTR, -EINVAL, -ENOMEM, -EPERM.
 */
struct file *xshm_backing_create(const struct xshm_ns *ns, const struct xshm_get *get,
				 u32 *attributes)
{
	struct file *file = ERR_PTR(-EINVAL);
	struct inode *inode;
	u32 kind = 0;
	int err;

	if (get->shmflg & XSHM_HUGETLB || get->options & XSHM_GET_TRY_HUGETLB) {
		file = xshm_hugetlb_create(get);
		kind = XSHM_ATTR_HUGETLB;
		if (IS_ERR(file) && !(get->options & XSHM_GET_TRY_HUGETLB))
			return file;
	}
	if (IS_ERR(file)) {
		kind = 0;
		file = xshm_shmem_create(ns, get, &kind);
		if (IS_ERR(file))
			return file;
	}
	if (get->shmflg & XSHM_NORESERVE)
		kind |= XSHM_ATTR_NORESERVE;

	if (get->options & XSHM_GET_POPULATE) {
		err = xshm_backing_populate(file);
		if (err) {
			fput(file);
			return ERR_PTR(err);
		}
	}

	inode = file_inode(file);
	/*
	 * Access is xshm's to check, not that of a security module that looks
	 * at files; and hugetlbfs takes it as 'reserved already'.
	 */
	inode->i_flags |= S_PRIVATE;
	inode->i_fop = &xshm_backing_fops;
	/* Each attach would update an access time that nobody sees. */
	file->f_flags |= O_NOATIME;
	*attributes |= kind;
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
	XA_STATE(xas, &mapping->i_pages, 0);
	unsigned long pages = 0;
	struct folio *folio;

	if (!(segment->attributes & XSHM_ATTR_THP))
		return 0;

	rcu_read_lock();
	xas_for_each(&xas, folio, ULONG_MAX) {
		if (!xas_retry(&xas, folio) && !xa_is_value(folio) &&
		    folio_order(folio) >= HPAGE_PMD_ORDER)
			pages += folio_nr_pages(folio);
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	return pages;
}

/*
 * Pages that become evictable are looked at by reclaim again only once they
 * have left the unevictable list.
 */
static void xshm_check_evictable(struct address_space *mapping)
{
	struct folio_batch batch;
	pgoff_t index = 0;

	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &index, ULONG_MAX, &batch)) {
		check_move_unevictable_folios(&batch);
		folio_batch_release(&batch);
		cond_resched();
	}
}

/* SHM_LOCK and SHM_UNLOCK, without the account. May sleep. */
void xshm_backing_set_unevictable(struct xshm_segment *segment, bool unevictable)
{
	struct address_space *mapping = segment->backing->f_mapping;

	if (unevictable) {
		mapping_set_unevictable(mapping);
	} else {
		mapping_clear_unevictable(mapping);
		xshm_check_evictable(mapping);
	}
}
