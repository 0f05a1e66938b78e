/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - what differs between the supported kernels, and nothing else
 *
 * Each guard names the version that made it necessary. No other file of the
 * module looks at the version of the kernel.
 */
#ifndef XSHM_COMPAT_H
#define XSHM_COMPAT_H

#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/ipc_namespace.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/proc_ns.h>
#include <linux/shmem_fs.h>
#include <linux/sysctl.h>
#include <linux/version.h>

/* 7.1 renamed pagevec.h, which has declared folio batches since 5.16. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/* 7.0 no longer has other headers include that of bin2hex(). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#include <linux/hex.h>
#endif

/* 6.17 added vfs_mmap(), which also serves files with mmap_prepare only. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define xshm_vfs_mmap(file, vma)	call_mmap(file, vma)
#else
#define xshm_vfs_mmap(file, vma)	vfs_mmap(file, vma)
#endif

/* 6.3 made the tmpfile calls one, with an idmap for the user namespace. */
static inline struct file *xshm_tmpfile_open(struct vfsmount *mnt)
{
	struct path path = { .mnt = mnt, .dentry = mnt->mnt_root };

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return vfs_tmpfile_open(&init_user_ns, &path, S_IFREG | 0600,
				O_RDWR | O_EXCL, current_cred());
#else
	return kernel_tmpfile_open(mnt_idmap(mnt), &path, S_IFREG | 0600,
				   O_RDWR | O_EXCL, current_cred());
#endif
}

/* 7.0 gave the shmem set-up calls a vma_flags_t. */
static inline struct file *xshm_shmem_file_setup(struct vfsmount *mnt,
						 const char *name, loff_t size,
						 bool noreserve)
{
#ifdef mk_vma_flags
	return shmem_file_setup_with_mnt(mnt, name, size,
			noreserve ? mk_vma_flags(VMA_NORESERVE_BIT) : EMPTY_VMA_FLAGS);
#else
	return shmem_file_setup_with_mnt(mnt, name, size,
					 noreserve ? VM_NORESERVE : 0);
#endif
}

/* 6.7 made hugetlbfs count its page cache in pages of PAGE_SIZE. */
static inline unsigned long xshm_hugetlb_nrpages(struct inode *inode)
{
	unsigned long nr = READ_ONCE(inode->i_mapping->nrpages);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	nr <<= inode->i_blkbits - PAGE_SHIFT;
#endif
	return nr;
}

/*
 * put_ipc_ns() is not exported before 6.12; the operations of the namespace
 * reach it on every kernel.
 */
static inline void xshm_put_ipc_ns(struct ipc_namespace *ipc_ns)
{
	ipc_ns->ns.ops->put(&ipc_ns->ns);
}

/* The one that the kernel is born with, whose number is fixed (proc_ns.h). */
static inline bool xshm_ipc_ns_is_initial(struct ipc_namespace *ipc_ns)
{
	return ipc_ns->ns.inum == PROC_IPC_INIT_INO;
}

/* 6.18 hid the count behind a helper. */
static inline unsigned int xshm_ipc_ns_refs(struct ipc_namespace *ipc_ns)
{
#ifdef ns_ref_read
	return ns_ref_read(ipc_ns);
#else
	return refcount_read(&ipc_ns->ns.count);
#endif
}

/*
 * Somebody is inside, or has something open by which to get there. For who
 * holds one reference on the namespace and no more:
 *
 * - The initial one has the kernel's own threads inside. From 6.19 on its
 *   counts stay 1 (__ns_ref_get(), __ns_ref_put()), and tell nothing.
 * - Of any other, each nsproxy, open file and bind mount holds a reference on
 *   every kernel (get_ipc_ns(), open_related_ns(), proc_ns_operations.get), so
 *   nobody can get there who doesn't hold one.
 * - From 6.19 on these also count as active, unlike references within the kernel, and a
 *   namespace that isn't active is not found again by its id (nsfs_fh_to_dentry(),
 *   ns_get_unless_inactive()). What one count would miss the other shows.
 *
 * Tests: selftests/watch.c.
 */
static inline bool xshm_ipc_ns_occupied(struct ipc_namespace *ipc_ns)
{
	if (xshm_ipc_ns_is_initial(ipc_ns))
		return true;
#ifdef ns_ref_active_read
	if (ns_ref_active_read(ipc_ns))
		return true;
#endif
	return xshm_ipc_ns_refs(ipc_ns) > 1;
}

/*
 * A namespace that an nsproxy has just brought to its task is that of unshare(2) if
 * nothing else has a reference (create_ipc_ns()): setns(2) has the file that it was
 * given, or another task has the namespace, while it moves (validate_nsset()).
 * Test: selftests/served_creators.c without System V.
 */
static inline bool xshm_ipc_ns_is_new(struct ipc_namespace *ipc_ns)
{
	return !xshm_ipc_ns_is_initial(ipc_ns) && xshm_ipc_ns_refs(ipc_ns) == 1;
}

/* 6.10 lets a file say that its mappings are huge; before, hugetlbfs only. */
#ifdef FOP_HUGE_PAGES
#define XSHM_FOP_HUGE_PAGES	.fop_flags = FOP_HUGE_PAGES,
#else
#define XSHM_FOP_HUGE_PAGES
#endif

/* 6.11 made the table that a sysctl handler gets const. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define xshm_ctl_table			struct ctl_table
#else
#define xshm_ctl_table			const struct ctl_table
#endif

/* 6.6 counts the entries of a table, 6.11 refuses an empty one at the end. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define XSHM_CTL_TABLE_END		{ },
#define XSHM_CTL_TABLE_ENDS		1
#else
#define XSHM_CTL_TABLE_END
#define XSHM_CTL_TABLE_ENDS		0
#endif

/* 6.13 made the namespace of a symbol a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define XSHM_EXPORT(symbol)		EXPORT_SYMBOL_NS_GPL(symbol, XSHM)
#define XSHM_IMPORT			MODULE_IMPORT_NS(XSHM)
#else
#define XSHM_EXPORT(symbol)		EXPORT_SYMBOL_NS_GPL(symbol, "XSHM")
#define XSHM_IMPORT			MODULE_IMPORT_NS("XSHM")
#endif

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
#include <linux/ftrace.h>
#include <linux/rcupdate.h>

/*
 * 6.3 made direct calls of several functions the only kind, 6.4 has them let go of their
 * filter if asked to. Not asked, as who frees it then anyway would do so twice.
 */
static inline int xshm_register_direct(struct ftrace_ops *ops, unsigned long addr)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return register_ftrace_direct_multi(ops, addr);
#else
	return register_ftrace_direct(ops, addr);
#endif
}

static inline int xshm_unregister_direct(struct ftrace_ops *ops, unsigned long addr)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return unregister_ftrace_direct_multi(ops, addr);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return unregister_ftrace_direct(ops, addr);
#else
	return unregister_ftrace_direct(ops, addr, false);
#endif
}

/* What do_exit() calls to leave all namespaces; 7.0 gave it another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define XSHM_EXIT_NAMESPACES		"exit_task_namespaces"
#else
#define XSHM_EXIT_NAMESPACES		"exit_nsproxy_namespaces"
#endif

/* Wait for who is in a trampoline; without RCU tasks no task is preempted there. */
static inline void xshm_synchronize_trampolines(void)
{
#ifdef CONFIG_TASKS_RCU
	synchronize_rcu_tasks();
#else
	synchronize_rcu();
#endif
}
#endif

#endif /* XSHM_COMPAT_H */
