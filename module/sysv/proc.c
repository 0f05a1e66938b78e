// SPDX-License-Identifier: GPL-2.0
/*
 * proc.c - /proc/sysvipc/shm, and on a kernel that has none kernel.shm*
 */
#include <linux/dcache.h>
#include <linux/ipc_namespace.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "sysv.h"

/* The table of the caller's namespace, which holds the module while it is open. */
static int xshm_sysv_table_open(struct inode *inode, struct file *file)
{
	int err;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = xshm_table_open(inode, file);
	if (err)
		module_put(THIS_MODULE);
	return err;
}

static int xshm_sysv_table_release(struct inode *inode, struct file *file)
{
	int err = xshm_table_release(inode, file);

	module_put(THIS_MODULE);
	return err;
}

#ifdef CONFIG_SYSVIPC
/* All files of /proc/sysvipc are opened by this function; ours is told by its name. */
struct xshm_answer xshm_sysv_proc_open(struct inode *inode, struct file *file)
{
	struct xshm_ns *ns;
	int err;

	if (strcmp(file->f_path.dentry->d_name.name, "shm"))
		return XSHM_PASS;
	ns = xshm_ns_get_served(false);
	if (!ns)
		return XSHM_PASS;
	if (!IS_ERR(ns))
		xshm_ns_put(ns);
	/* While there are segments of the kernel's own, its table shows those. */
	if (READ_ONCE(current->nsproxy->ipc_ns->ids[XSHM_KERNEL_IDS].in_use))
		return XSHM_PASS;
	err = xshm_sysv_table_open(inode, file);
	return err == -ENODEV ? XSHM_PASS : XSHM_DONE(err);
}

struct xshm_answer xshm_sysv_proc_release(struct inode *inode, struct file *file)
{
	if (!xshm_table_is(file))
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
