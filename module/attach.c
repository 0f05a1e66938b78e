// SPDX-License-Identifier: GPL-2.0
/*
 * attach.c - attach and detach
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include <asm/shmparam.h>

#include "xshm.h"

/* Alignment that an attach must have, in bytes; SHMLBA is what SHM_RND rounds to. */
#ifdef __ARCH_FORCE_SHMLBA
#define XSHM_ATTACH_ALIGN	SHMLBA
#else
#define XSHM_ATTACH_ALIGN	PAGE_SIZE
#endif

/*
 * Tell the error of vm_mmap() as shmat(2) does: it looks for something in the
 * way before it looks whether the place can be had.
 */
static long xshm_attach_error(long err, unsigned long addr, unsigned long size)
{
	struct mm_struct *mm = current->mm;

	if (err == -EEXIST)
		return -EINVAL;
	if (err == -ENOMEM) {
		mmap_read_lock(mm);
		if (find_vma_intersection(mm, addr, addr + size))
			err = -EINVAL;
		mmap_read_unlock(mm);
	}
	return err;
}

/* Map it where nothing else may be. */
static long xshm_map_at(struct file *file, unsigned long addr, unsigned long size,
			unsigned long prot, unsigned long flags)
{
	long ret;

	if (addr + size < addr)
		return -EINVAL;
	ret = vm_mmap(file, addr, size, prot, flags | MAP_FIXED_NOREPLACE, 0);
	return IS_ERR_VALUE(ret) ? xshm_attach_error(ret, addr, size) : ret;
}

/* Map it in place of what is there. */
static long xshm_map_over(struct file *file, unsigned long addr, unsigned long size,
			  unsigned long prot, unsigned long flags)
{
	long ret;

	if (!xshm_mapping_pin(file))
		return -EIDRM;
	ret = vm_mmap(file, addr, size, prot, flags | MAP_FIXED, 0);
	xshm_mapping_unpin(file);
	return ret;
}

/**
 * xshm_attach - map a segment, as shmat(2) does
 * @ns: the instance
 * @id: its id
 * @addr: where, or 0
 * @shmflg: XSHM_RDONLY, XSHM_RND, XSHM_REMAP, XSHM_EXEC; others are ignored
 * @options: XSHM_ATTACH_*
 *
 * Return: the address, or -EACCES, -EIDRM, -EINTR, -EINVAL, -ENOMEM.
 */
unsigned long xshm_attach(struct xshm_ns *ns, int id, unsigned long addr, u32 shmflg,
			  u32 options)
{
	unsigned long prot = PROT_READ;
	unsigned long flags = MAP_SHARED;
	unsigned int access = 0444;
	enum xshm_mapping kind = XSHM_MAPPING_RO;
	long (*map)(struct file *file, unsigned long addr, unsigned long size,
		    unsigned long prot, unsigned long flags) = NULL;
	struct file *file;
	unsigned long size;
	long ret;

	if (addr) {
		if (addr & (SHMLBA - 1)) {
			if (shmflg & XSHM_RND)
				addr = ALIGN_DOWN(addr, SHMLBA);
			else if (!IS_ALIGNED(addr, XSHM_ATTACH_ALIGN))
				return -EINVAL;
			if (!addr && shmflg & XSHM_REMAP)
				return -EINVAL;
		}
		/* Address 0, after rounding, replaces what is there, as in shmat(2). */
		map = addr && !(shmflg & XSHM_REMAP) ? xshm_map_at : xshm_map_over;
	} else if (shmflg & XSHM_REMAP) {
		return -EINVAL;
	}
	if (!(shmflg & XSHM_RDONLY)) {
		prot |= PROT_WRITE;
		access |= 0222;
		kind = XSHM_MAPPING_RW;
	}
	if (shmflg & XSHM_EXEC) {
		prot |= PROT_EXEC;
		access |= 0111;
	}
	if (options & XSHM_ATTACH_POPULATE)
		flags |= MAP_POPULATE;

	file = xshm_mapping_get(ns, id, kind, access);
	if (IS_ERR(file))
		return PTR_ERR(file);

	size = i_size_read(file_inode(file));
	if (map)
		ret = map(file, addr, size, prot, flags);
	else
		ret = vm_mmap(file, 0, size, prot, flags, 0);
	fput(file);
	return ret;
}

/* The vma is what is left of an attach that began at @addr. */
static bool xshm_vma_belongs(const struct vm_area_struct *vma, unsigned long addr)
{
	return xshm_vma_is_attach(vma) &&
	       (vma->vm_start - addr) >> PAGE_SHIFT == vma->vm_pgoff;
}

/*
 * Unmap what is left of an attach that has gaps, or doesn't begin at @addr any more; the
 * lock is held, and dropped.
 */
static noinline int xshm_detach_parts(struct mm_struct *mm, unsigned long addr)
{
	unsigned long start, next = addr, size = 0;
	struct vm_area_struct *vma;
	struct file *file = NULL;
	int err;

	/*
	 * do_munmap() is not exported, so the lock is dropped before each
	 * unmapping. What another thread maps there in between goes too: as
	 * with munmap(2), threads have to agree on who unmaps an address.
	 */
	for (;;) {
		for (vma = find_vma(mm, next); vma; vma = find_vma(mm, vma->vm_end)) {
			if (file && vma->vm_end - addr > size) {
				vma = NULL;
				break;
			}
			if (xshm_vma_belongs(vma, addr) && (!file || vma->vm_file == file))
				break;
		}
		if (!vma) {
			mmap_read_unlock(mm);
			err = file ? 0 : -EINVAL;
			break;
		}
		start = vma->vm_start;
		next = vma->vm_end;
		if (!file) {
			size = PAGE_ALIGN(i_size_read(file_inode(vma->vm_file)));
			/* Held while there may be more, so that no other gets its address. */
			if (next - addr < size)
				file = get_file(vma->vm_file);
		}
		mmap_read_unlock(mm);

		err = vm_munmap(start, next - start);
		if (err != -EINTR)
			err = 0;
		if (err || next - addr >= size)
			break;
		if (mmap_read_lock_killable(mm)) {
			err = -EINTR;
			break;
		}
	}
	if (file)
		fput(file);
	return err;
}

/**
 * xshm_detach - unmap all that is left of an attach
 * @addr: the address that it began at
 *
 * As shmdt(2) does it: the first vma that can be part of an attach at the
 * address tells the attach, and all other parts of it within its size go too.
 * What can't be unmapped, say because mseal(2) forbids it, stays without a
 * word, also as with shmdt(2).
 *
 * Return: 0, -EINTR, -EINVAL.
 */
int xshm_detach(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long size;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (mmap_read_lock_killable(mm))
		return -EINTR;

	/* In the usual case all of it is there, in one vma, which a look-up is enough for. */
	vma = vma_lookup(mm, addr);
	if (unlikely(!vma || !xshm_vma_belongs(vma, addr)))
		return xshm_detach_parts(mm, addr);
	size = vma->vm_end - addr;
	if (unlikely(size < i_size_read(file_inode(vma->vm_file))))
		return xshm_detach_parts(mm, addr);
	mmap_read_unlock(mm);
	return vm_munmap(addr, size) == -EINTR ? -EINTR : 0;
}
