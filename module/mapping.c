// SPDX-License-Identifier: GPL-2.0
/*
 * mapping.c - mapping files: what attaches map, and what happens to mappings
 *
 * A mapping file is a file on the inode of a segment's backing file, with
 * operations that count. The backing file itself never gets into a vma, since
 * remap_file_pages(2) maps vm_file again, past the count; nor does a file
 * that is open for writing get into a read-only attach.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "ids.h"
#include "xshm.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct xshm_vm_ops xshm_shmem_vm_ops;
struct xshm_vm_ops xshm_hugetlb_vm_ops;
static DEFINE_MUTEX(xshm_vm_ops_lock);

static struct xshm_segment *xshm_vma_segment(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/*
 * Note who touched the mappings of the segment last.
 * Return: what the caller gives to put_pid() outside of the lock.
 */
static struct pid *xshm_segment_touch(struct xshm_segment *segment, time64_t *when)
{
	struct pid *pid = task_tgid(current);
	struct pid *old = NULL;

	lockdep_assert_held(&segment->lock);

	*when = ktime_get_real_seconds();
	if (segment->last != pid) {
		old = segment->last;
		segment->last = get_pid(pid);
	}
	return old;
}

/* Count a mapping. False if the segment is dead. */
static bool xshm_segment_map(struct xshm_segment *segment)
{
	struct pid *old;

	spin_lock(&segment->lock);
	if (unlikely(segment->dead)) {
		spin_unlock(&segment->lock);
		return false;
	}
	segment->nattch++;
	old = xshm_segment_touch(segment, &segment->atime);
	trace_xshm_map(segment->id, segment->nattch);
	spin_unlock(&segment->lock);
	put_pid(old);
	return true;
}

static void xshm_segment_unmap(struct xshm_segment *segment)
{
	struct pid *old;
	bool unused;

	spin_lock(&segment->lock);
	old = xshm_segment_touch(segment, &segment->dtime);
	unused = !--segment->nattch &&
		 (segment->mode & XSHM_DEST || xshm_ns_rmid_forced_locked(segment->ns));
	if (unlikely(unused && segment->pins)) {
		segment->unused_once = true;
		unused = false;
	}
	trace_xshm_unmap(segment->id, segment->nattch);
	spin_unlock(&segment->lock);
	put_pid(old);

	/* The mapping's file keeps the segment until this is over. */
	if (unlikely(unused))
		xshm_segment_destroy_unused(segment);
}

/**
 * xshm_mapping_pin - keep a segment while an attach is under way
 * @file: the mapping file
 *
 * For an attach that replaces what is there: when that is the last attach of
 * the same segment, the segment shall survive the moment in between.
 *
 * Return: false if the segment is dead.
 */
bool xshm_mapping_pin(struct file *file)
{
	struct xshm_segment *segment = file->private_data;
	bool alive;

	spin_lock(&segment->lock);
	alive = !segment->dead;
	if (alive)
		segment->pins++;
	spin_unlock(&segment->lock);
	return alive;
}

/*
 * The end of xshm_mapping_pin(). What a last detach meanwhile would have done
 * is done now, unless the attach succeeded; an attach that failed does nothing
 * of its own. May sleep.
 */
void xshm_mapping_unpin(struct file *file)
{
	struct xshm_segment *segment = file->private_data;
	bool unused = false;

	spin_lock(&segment->lock);
	if (!--segment->pins) {
		unused = !segment->nattch &&
			 (segment->unused_once || segment->mode & XSHM_DEST);
		segment->unused_once = false;
	}
	spin_unlock(&segment->lock);
	if (unused)
		xshm_segment_destroy_unused(segment);
}

static const struct vm_operations_struct *xshm_vma_base(const struct vm_area_struct *vma)
{
	return container_of(vma->vm_ops, struct xshm_vm_ops, ops)->base;
}

/* A vma was copied: by fork, by splitting it, by mremap(2). */
static void xshm_vma_open(struct vm_area_struct *vma)
{
	const struct vm_operations_struct *base = xshm_vma_base(vma);

	if (base->open)
		base->open(vma);
	/* It can't be dead while the vma that was copied is mapped. */
	WARN_ON_ONCE(!xshm_segment_map(xshm_vma_segment(vma)));
}

static void xshm_vma_close(struct vm_area_struct *vma)
{
	const struct vm_operations_struct *base = xshm_vma_base(vma);

	if (base->close)
		base->close(vma);
	xshm_segment_unmap(xshm_vma_segment(vma));
}

/* The backing's operations are not exported: learn them from a first mapping. */
static noinline void xshm_vm_ops_learn(struct xshm_vm_ops *vm_ops,
				       const struct vm_operations_struct *base)
{
	mutex_lock(&xshm_vm_ops_lock);
	if (!vm_ops->base) {
		vm_ops->ops = *base;
		vm_ops->ops.open = xshm_vma_open;
		vm_ops->ops.close = xshm_vma_close;
		/* Pairs with the one in xshm_mapping_mmap(): @ops is complete. */
		smp_store_release(&vm_ops->base, base);
	}
	mutex_unlock(&xshm_vm_ops_lock);
}

static int xshm_mapping_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct xshm_segment *segment = file->private_data;
	struct xshm_vm_ops *vm_ops = &xshm_shmem_vm_ops;
	int err;

	if (segment->attributes & XSHM_ATTR_HUGETLB)
		vm_ops = &xshm_hugetlb_vm_ops;

	/* First, so that the segment stays alive for what follows. */
	if (!xshm_segment_map(segment))
		return -EINVAL;

	err = xshm_vfs_mmap(segment->backing, vma);
	if (err) {
		xshm_segment_unmap(segment);
		return err;
	}
	/* Pairs with the one in xshm_vm_ops_learn(). */
	if (unlikely(smp_load_acquire(&vm_ops->base) != vma->vm_ops))
		xshm_vm_ops_learn(vm_ops, vma->vm_ops);
	vma->vm_ops = &vm_ops->ops;
	return 0;
}

/*
 * The backing places and aligns by what it finds in the file, so it gets its
 * own.
 */
static unsigned long xshm_mapping_get_unmapped_area(struct file *file, unsigned long addr,
						    unsigned long len, unsigned long pgoff,
						    unsigned long flags)
{
	struct xshm_segment *segment = file->private_data;
	struct file *backing = segment->backing;

	return backing->f_op->get_unmapped_area(backing, addr, len, pgoff, flags);
}

static int xshm_mapping_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct xshm_segment *segment = file->private_data;

	/* msync(2); there is nothing behind shmem and hugetlbfs to write to. */
	return vfs_fsync_range(segment->backing, start, end, datasync);
}

/* madvise(2) with MADV_REMOVE, which checks that the attach is writable. */
static long xshm_mapping_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct xshm_segment *segment = file->private_data;
	struct file *backing = segment->backing;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	return backing->f_op->fallocate(backing, mode, offset, len);
}

static int xshm_mapping_release(struct inode *inode, struct file *file)
{
	xshm_segment_put(file->private_data);
	return 0;
}

static const struct file_operations xshm_shmem_mapping_fops = {
	.owner = THIS_MODULE,
	.mmap = xshm_mapping_mmap,
	.get_unmapped_area = xshm_mapping_get_unmapped_area,
	.fsync = xshm_mapping_fsync,
	.fallocate = xshm_mapping_fallocate,
	.release = xshm_mapping_release,
	.llseek = noop_llseek,
};

/* Below the size of a huge page any place will do, which is what no operation means. */
static const struct file_operations xshm_small_mapping_fops = {
	.owner = THIS_MODULE,
	.mmap = xshm_mapping_mmap,
	.fsync = xshm_mapping_fsync,
	.fallocate = xshm_mapping_fallocate,
	.release = xshm_mapping_release,
	.llseek = noop_llseek,
};

static const struct file_operations xshm_hugetlb_mapping_fops = {
	.owner = THIS_MODULE,
	.mmap = xshm_mapping_mmap,
	.get_unmapped_area = xshm_mapping_get_unmapped_area,
	.fsync = xshm_mapping_fsync,
	.fallocate = xshm_mapping_fallocate,
	.release = xshm_mapping_release,
	.llseek = noop_llseek,
	XSHM_FOP_HUGE_PAGES
};

/* Make a mapping file. It holds a reference on the segment. */
static struct file *xshm_mapping_create(struct xshm_segment *segment, enum xshm_mapping kind)
{
	const struct file_operations *fops = &xshm_shmem_mapping_fops;
	__be32 key = cpu_to_be32(segment->first_key);
	/* What /proc/PID/maps shows, and ps tools and CRIU look for. */
	char name[16] = "SYSV";
	struct file *file;

	bin2hex(name + 4, &key, sizeof(key));
	if (segment->attributes & XSHM_ATTR_HUGETLB)
		fops = &xshm_hugetlb_mapping_fops;
	else if (segment->bytes < PMD_SIZE)
		fops = &xshm_small_mapping_fops;

	file = xshm_backing_alias(segment->backing, name,
				  kind == XSHM_MAPPING_RW ? O_RDWR : O_RDONLY, fops);
	if (IS_ERR(file))
		return file;
	refcount_inc(&segment->refs);
	file->private_data = segment;
	return file;
}

/*
 * Make the segment's mapping file of that kind, unless somebody else was
 * faster.
 * Return: the file, with a reference for the caller, or -EIDRM, -ENOMEM.
 */
static noinline struct file *xshm_mapping_install(struct xshm_segment *segment,
						  enum xshm_mapping kind)
{
	struct file *file, *spare;

	file = xshm_mapping_create(segment, kind);
	if (IS_ERR(file))
		return file;

	spin_lock(&segment->lock);
	spare = segment->dead ? ERR_PTR(-EIDRM) : segment->mapping[kind];
	if (!spare)
		segment->mapping[kind] = get_file(file);
	else if (!IS_ERR(spare))
		get_file(spare);
	spin_unlock(&segment->lock);

	if (!spare)
		return file;
	fput(file);
	return spare;
}

/**
 * xshm_mapping_get - the file that an attach maps
 * @ns: instance of the caller
 * @id: id of the segment
 * @kind: read-only or not
 * @access: permission bits that the attach needs
 *
 * Return: the file with a reference, or -EACCES, -EIDRM, -EINVAL, -ENOMEM.
 */
struct file *xshm_mapping_get(struct xshm_ns *ns, int id, enum xshm_mapping kind,
			      unsigned int access)
{
	struct xshm_segment *segment;
	struct file *file;

	rcu_read_lock();
	segment = xshm_ids_find(ns, id);
	if (!segment) {
		rcu_read_unlock();
		return ERR_PTR(-EINVAL);
	}

	spin_lock(&segment->lock);
	if (!xshm_may_access(segment, access)) {
		file = ERR_PTR(-EACCES);
	} else if (segment->dead) {
		file = ERR_PTR(-EIDRM);
	} else {
		file = segment->mapping[kind];
		if (likely(file))
			get_file(file);
		else
			refcount_inc(&segment->refs);
	}
	spin_unlock(&segment->lock);
	rcu_read_unlock();

	if (unlikely(!file)) {
		file = xshm_mapping_install(segment, kind);
		xshm_segment_put(segment);
	}
	return file;
}
