// SPDX-License-Identifier: GPL-2.0
/*
 * proc.c - /proc/sysvipc/shm, and on a kernel that has none kernel.shm*
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/ipc_namespace.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "../table.h"
#include "sysv.h"

/* The table of the caller's namespace, which holds the module while it is open. */
static int xshm_sysv_table_open_with(struct file *file, const struct seq_operations *ops,
				     size_t size)
{
	int err;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = xshm_table_open(file, ops, size);
	if (err)
		module_put(THIS_MODULE);
	return err;
}

static int xshm_sysv_table_open(struct inode *inode, struct file *file)
{
	return xshm_sysv_table_open_with(file, &xshm_table_seq_ops, sizeof(struct xshm_table));
}

static int xshm_sysv_table_release(struct inode *inode, struct file *file)
{
	int err = xshm_table_release(inode, file);

	module_put(THIS_MODULE);
	return err;
}

#ifdef CONFIG_SYSVIPC
/**
 * struct xshm_both - an open table of segments of both kinds
 * @table: of xshm's
 * @file: the same file, as the kernel opened it, which has the kernel's own
 * @kernels: the entry that start or next gave last is one of these, or their end
 */
struct xshm_both {
	struct xshm_table table;
	struct file *file;
	bool kernels;
};

/* Positions are the kernel's up to here, then xshm's, whose headline is left out. */
#define XSHM_BOTH_OURS	(1LL << 32)

/* One line of the kernel's; those of xshm are of the same length. */
#define XSHM_BOTH_LINE	1024

static struct seq_file *xshm_both_kernels(struct xshm_both *both)
{
	return both->file->private_data;
}

static void *xshm_both_ours(struct seq_file *seq, loff_t *pos)
{
	loff_t ours = *pos - XSHM_BOTH_OURS;
	void *entry = xshm_table_seq_ops.start(seq, &ours);

	*pos = XSHM_BOTH_OURS + ours;
	return entry;
}

static void *xshm_both_leave(struct seq_file *seq, loff_t *pos)
{
	struct xshm_both *both = seq->private;
	struct seq_file *kernels = xshm_both_kernels(both);

	kernels->op->stop(kernels, NULL);
	both->kernels = false;
	*pos = XSHM_BOTH_OURS + 1;
	return xshm_both_ours(seq, pos);
}

static void *xshm_both_start(struct seq_file *seq, loff_t *pos)
{
	struct xshm_both *both = seq->private;
	struct seq_file *kernels = xshm_both_kernels(both);

	both->kernels = *pos <= XSHM_BOTH_OURS;
	if (!both->kernels)
		return xshm_both_ours(seq, pos);
	return kernels->op->start(kernels, pos) ?: xshm_both_leave(seq, pos);
}

static void *xshm_both_next(struct seq_file *seq, void *entry, loff_t *pos)
{
	struct xshm_both *both = seq->private;
	struct seq_file *kernels = xshm_both_kernels(both);
	loff_t ours;

	if (both->kernels)
		return kernels->op->next(kernels, entry, pos) ?: xshm_both_leave(seq, pos);
	ours = *pos - XSHM_BOTH_OURS;
	entry = xshm_table_seq_ops.next(seq, entry, &ours);
	*pos = XSHM_BOTH_OURS + ours;
	return entry;
}

static void xshm_both_stop(struct seq_file *seq, void *entry)
{
	struct xshm_both *both = seq->private;
	struct seq_file *kernels = xshm_both_kernels(both);

	if (both->kernels)
		kernels->op->stop(kernels, entry);
	else
		xshm_table_seq_ops.stop(seq, entry);
}

/* The kernel's entry is locked while it is shown: the line's memory is there already. */
static int xshm_both_show(struct seq_file *seq, void *entry)
{
	struct xshm_both *both = seq->private;
	struct seq_file *kernels = xshm_both_kernels(both);
	int err;

	if (!both->kernels)
		return xshm_table_seq_ops.show(seq, entry);
	kernels->count = 0;
	err = kernels->op->show(kernels, entry);
	if (!err)
		seq_write(seq, kernels->buf, kernels->count);
	return err;
}

static const struct seq_operations xshm_both_seq_ops = {
	.start = xshm_both_start,
	.next = xshm_both_next,
	.stop = xshm_both_stop,
	.show = xshm_both_show,
};

/*
 * A file of credentials of its own tells it from one that somebody else opens, whose are
 * the opener's current ones: it is left to the kernel.
 */
static bool xshm_both_is_kernels(const struct file *file)
{
	return file->f_cred != current_cred();
}

static struct file *xshm_both_open_kernels(struct file *file)
{
	struct cred *cred = prepare_creds();
	struct seq_file *seq;
	struct file *kernels;

	if (!cred)
		return ERR_PTR(-ENOMEM);
	kernels = dentry_open(&file->f_path, O_RDONLY, cred);
	put_cred(cred);
	if (IS_ERR(kernels))
		return kernels;
	seq = kernels->private_data;
	/* seq_release() frees it. */
	seq->buf = kvmalloc(XSHM_BOTH_LINE, GFP_KERNEL_ACCOUNT);
	if (!seq->buf) {
		fput(kernels);
		return ERR_PTR(-ENOMEM);
	}
	seq->size = XSHM_BOTH_LINE;
	return kernels;
}

static int xshm_both_open(struct inode *inode, struct file *file)
{
	struct file *kernels = xshm_both_open_kernels(file);
	struct xshm_both *both;
	int err;

	if (IS_ERR(kernels))
		return PTR_ERR(kernels);
	err = xshm_sysv_table_open_with(file, &xshm_both_seq_ops, sizeof(*both));
	if (err) {
		fput(kernels);
		return err;
	}
	both = ((struct seq_file *)file->private_data)->private;
	both->file = kernels;
	return 0;
}

/*
 * All files of /proc/sysvipc are opened by this function; ours is told by its name. It
 * shows the segments of both kinds, wherever xshm has some.
 */
struct xshm_answer xshm_sysv_proc_open(struct inode *inode, struct file *file)
{
	struct xshm_ns *ns;
	bool ours_only;
	int err;

	if (strcmp(file->f_path.dentry->d_name.name, "shm") || xshm_both_is_kernels(file))
		return XSHM_PASS;
	ns = xshm_ns_get_served(true);
	if (!ns)
		return XSHM_PASS;
	if (IS_ERR(ns)) {
		ours_only = true;
	} else {
		ours_only = READ_ONCE(ns->served);
		xshm_ns_put(ns);
	}
	if (ours_only && !READ_ONCE(current->nsproxy->ipc_ns->ids[XSHM_KERNEL_IDS].in_use))
		err = xshm_sysv_table_open(inode, file);
	else
		err = xshm_both_open(inode, file);
	return err == -ENODEV ? XSHM_PASS : XSHM_DONE(err);
}

struct xshm_answer xshm_sysv_proc_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;

	if (seq->op == &xshm_both_seq_ops)
		fput(((struct xshm_both *)seq->private)->file);
	else if (seq->op != &xshm_table_seq_ops)
		return XSHM_PASS;
	return XSHM_DONE(xshm_sysv_table_release(inode, file));
}

int __init xshm_sysv_proc_init(void)
{
	return 0;
}

void xshm_sysv_proc_exit(void)
{
}
#else
static const struct proc_ops xshm_sysv_proc_ops = {
	.proc_open = xshm_sysv_table_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = xshm_sysv_table_release,
};

int __init xshm_sysv_proc_init(void)
{
	struct proc_dir_entry *dir = proc_mkdir("sysvipc", NULL);
	int err;

	if (!dir)
		return -ENOMEM;
	if (!proc_create("shm", 0444, dir, &xshm_sysv_proc_ops)) {
		remove_proc_subtree("sysvipc", NULL);
		return -ENOMEM;
	}
	err = xshm_sysctl_register_kernel();
	if (err)
		remove_proc_subtree("sysvipc", NULL);
	return err;
}

void xshm_sysv_proc_exit(void)
{
	xshm_sysctl_unregister_kernel();
	remove_proc_subtree("sysvipc", NULL);
}
#endif
