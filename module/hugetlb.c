// SPDX-License-Identifier: GPL-2.0
/*
 * hugetlb.c - the backing of SHM_HUGETLB segments: files on hugetlbfs
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pgtable.h>

#include "compat.h"
#include "xshm.h"

/*
 * The mounts, by the logarithm of the page size, 0 for the default size; or
 * NULL where the machine has no such pages. Fixed once the module is loaded.
 */
static struct vfsmount *xshm_hugetlbfs[XSHM_HUGE_MASK + 1];

bool xshm_hugetlb_is_there(void)
{
	return IS_ENABLED(CONFIG_HUGETLBFS);
}

static void __init xshm_hugetlb_mount(unsigned int shift)
{
	struct vfsmount *mnt;
	char options[32];

	if (shift > XSHM_HUGE_MASK || xshm_hugetlbfs[shift])
		return;
	snprintf(options, sizeof(options), "pagesize=%llu", 1ULL << shift);
	mnt = xshm_mount("hugetlbfs", shift ? options : NULL);
	if (!IS_ERR(mnt))
		xshm_hugetlbfs[shift] = mnt;
}

/*
 * Mount for each size that there may be. hugetlbfs writes a line to the kernel
 * log for one that there isn't, so only what the architecture can have is tried, and
 * only here. Without hugetlbfs, or where it can't be mounted, the module works
 * without huge pages of the pool.
 */
void __init xshm_hugetlb_init(void)
{
	if (!xshm_hugetlb_is_there())
		return;
	xshm_hugetlb_mount(0);
	if (!xshm_hugetlbfs[0])
		return;
	xshm_hugetlb_mount(PMD_SHIFT);
#ifdef CONFIG_X86
	if (!boot_cpu_has(X86_FEATURE_GBPAGES))
		return;
#endif
	xshm_hugetlb_mount(PUD_SHIFT);
#ifdef CONT_PTE_SHIFT
	xshm_hugetlb_mount(CONT_PTE_SHIFT);
	xshm_hugetlb_mount(CONT_PMD_SHIFT);
#endif
}

void xshm_hugetlb_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(xshm_hugetlbfs); i++) {
		if (xshm_hugetlbfs[i])
			kern_unmount(xshm_hugetlbfs[i]);
	}
}

/*
 * Have hugetlbfs reserve pages for the file as for a mapping that it is asked
 * to set up, then refuse that mapping. It was never in the address space: the
 * kernel calls ->mmap before it puts the vma there. The reservation is the
 * inode's, as of all shared mappings: hugetlb_reserve_pages() enters it into the
 * inode's resv_map, from which hugetlb_unreserve_pages() takes it when the
 * inode goes (6.1 to 7.3). Closing lets go of what belongs to the vma.
 * Tests: selftests/hugetlb.c, hugetlb_options.c.
 */
static int xshm_reserve_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *backing = file->private_data;
	struct inode *inode = file_inode(backing);
	int err;

	/* With the flag it would take the pages as reserved already. */
	inode->i_flags &= ~S_PRIVATE;
	err = xshm_vfs_mmap(backing, vma);
	inode->i_flags |= S_PRIVATE;
	if (err)
		return err;
	vma->vm_ops->close(vma);
	return -ECANCELED;
}

static unsigned long xshm_reserve_get_unmapped_area(struct file *file, unsigned long addr,
						    unsigned long len, unsigned long pgoff,
						    unsigned long flags)
{
	struct file *backing = file->private_data;

	return backing->f_op->get_unmapped_area(backing, addr, len, pgoff, flags);
}

static const struct file_operations xshm_reserve_fops = {
	.owner = THIS_MODULE,
	.mmap = xshm_reserve_mmap,
	.get_unmapped_area = xshm_reserve_get_unmapped_area,
	XSHM_FOP_HUGE_PAGES
};

static int xshm_hugetlb_reserve(struct file *backing, unsigned long size)
{
	struct file *file = xshm_backing_alias(backing, "xshm", O_RDWR, &xshm_reserve_fops);
	long ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	file->private_data = backing;
	ret = vm_mmap(file, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	fput(file);
	if (ret == -ECANCELED)
		return 0;
	/* mlockall(2) and limits of the address space: not what shmget(2) says. */
	return ret == -EINTR ? ret : -ENOMEM;
}

/**
 * xshm_hugetlb_create - make a file of pages of the hugetlb pool
 * @wish: the segment that is asked for
 *
 * Takes the mmap_lock, and needs address space of the caller's for a moment.
 *
 * Return: the file, or -EINTR, -EINVAL, -ENOMEM, -EPERM.
 */
struct file *xshm_hugetlb_create(const struct xshm_wish *wish)
{
	struct vfsmount *mnt = xshm_hugetlbfs[wish->shmflg >> XSHM_HUGE_SHIFT];
	unsigned long size, page_size;
	const struct cred *cred;
	struct inode *inode;
	struct file *file;
	int err;

	if (!mnt)
		return ERR_PTR(-EINVAL);
	page_size = mnt->mnt_sb->s_blocksize;
	size = ALIGN((unsigned long)wish->bytes, page_size);
	if (size < wish->bytes)
		return ERR_PTR(-EINVAL);
	if (!xshm_may_use_hugetlb())
		return ERR_PTR(-EPERM);

	cred = xshm_use_kernel_credentials();
	file = xshm_tmpfile_open(mnt);
	revert_creds(cred);
	if (IS_ERR(file))
		return file;
	inode = file_inode(file);
	inode->i_flags |= S_PRIVATE;
	i_size_write(inode, size);
	if (!(wish->shmflg & XSHM_NORESERVE)) {
		err = xshm_hugetlb_reserve(file, size);
		if (err) {
			fput(file);
			return ERR_PTR(err);
		}
	}
	HUGETLBFS_I(inode)->seals |= F_SEAL_SHRINK | F_SEAL_GROW;
	return file;
}
