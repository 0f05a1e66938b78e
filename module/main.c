// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - the device, its commands, and how the module starts and ends
 */
#include <linux/build_bug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "xshm.h"

static long xshm_version(struct xshm_call *call)
{
	struct xshm_version *version = &call->arg.version;

	version->size = sizeof(*version);
	version->abi = XSHM_ABI_VERSION;
	version->features = 0;
	if (xshm_backing_has_thp())
		version->features |= XSHM_FEATURE_THP;
	if (xshm_backing_has_hugetlb())
		version->features |= XSHM_FEATURE_HUGETLB;
	version->get_options = XSHM_GET_OPTIONS;
	version->attach_options = XSHM_ATTACH_OPTIONS;

	if (copy_to_user(call->user, version, min_t(size_t, call->user_size, sizeof(*version))))
		return -EFAULT;
	return 0;
}

/**
 * struct xshm_command - a row of the table of commands
 * @size: size of the argument, in bytes, as this module knows it
 * @min_size: size that the command was first published with, in bytes
 * @handler: carries it out and returns what ioctl(2) returns
 */
struct xshm_command {
	unsigned int size;
	unsigned int min_size;
	long (*handler)(struct xshm_call *call);
};

#define XSHM_COMMAND(_ioctl, _handler, _struct, _last)			\
	[_IOC_NR(_ioctl)] = {						\
		.size = sizeof(struct _struct) +			\
			BUILD_BUG_ON_ZERO(sizeof(struct _struct) != 16 &&	\
					  sizeof(struct _struct) != 24),	\
		.min_size = offsetofend(struct _struct, _last),		\
		.handler = _handler,					\
	}

static const struct xshm_command xshm_commands[] = {
	XSHM_COMMAND(XSHM_IOC_VERSION, xshm_version, xshm_version, attach_options),
	XSHM_COMMAND(XSHM_IOC_GET, xshm_segment_get, xshm_get, options),
	XSHM_COMMAND(XSHM_IOC_ATTACH, xshm_attach, xshm_attach, options),
	XSHM_COMMAND(XSHM_IOC_DETACH, xshm_detach, xshm_detach, addr),
	XSHM_COMMAND(XSHM_IOC_STAT, xshm_stat, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_SET, xshm_set, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_REMOVE, xshm_remove, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_LOCK, xshm_lock, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_UNLOCK, xshm_unlock, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_LIMITS, xshm_limits, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_USAGE, xshm_usage, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_SET_LIMITS, xshm_set_limits, xshm_control, buf),
};

/*
 * Fetch an argument of just the size that the module knows, which is the usual
 * case: word by word, so without a second look at the size and without the
 * start-up cost of a string instruction. False if it is anything else.
 */
static __always_inline bool xshm_fetch_exact(struct xshm_call *call, unsigned int size)
{
	const u64 __user *from = call->user;

	if (!user_access_begin(from, size))
		return false;
	unsafe_get_user(call->arg.words[0], &from[0], fault);
	unsafe_get_user(call->arg.words[1], &from[1], fault);
	if (size == sizeof(call->arg.words))
		unsafe_get_user(call->arg.words[2], &from[2], fault);
	user_access_end();
	call->user_size = size;
	return call->arg.size == size;

fault:
	user_access_end();
	return false;
}

static noinline int xshm_fetch(struct xshm_call *call, const struct xshm_command *command)
{
	if (get_user(call->user_size, (u32 __user *)call->user))
		return -EFAULT;
	if (call->user_size < command->min_size)
		return -EINVAL;
	/* What is beyond is only looked at for being zero: keep that short. */
	if (call->user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(&call->arg, command->size, call->user, call->user_size);
}

static long xshm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct xshm_command *command;
	unsigned int nr = _IOC_NR(cmd);
	struct xshm_call call __uninitialized;
	int err;

	if (nr >= ARRAY_SIZE(xshm_commands) || cmd != _IO(XSHM_IOC_MAGIC, nr))
		return -ENOTTY;
	command = &xshm_commands[array_index_nospec(nr, ARRAY_SIZE(xshm_commands))];

	call.client = file->private_data;
	call.user = (void __user *)arg;
	if (!xshm_fetch_exact(&call, command->size)) {
		err = xshm_fetch(&call, command);
		if (err)
			return err;
	}

	call.ns = call.client->ns;
	if (unlikely(!xshm_ns_is_current(call.ns))) {
		call.ns = xshm_ns_lookup_current();
		if (IS_ERR(call.ns))
			return PTR_ERR(call.ns);
	}

	return command->handler(&call);
}

static int xshm_open(struct inode *inode, struct file *file)
{
	struct xshm_client *client = xshm_client_create();

	if (IS_ERR(client))
		return PTR_ERR(client);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

/*
 * Called at each close of a descriptor; the one at the end of a process is
 * how the module learns that a creator is gone, even while a child still has
 * the file open.
 */
static int xshm_flush(struct file *file, fl_owner_t id)
{
	if (current->flags & PF_EXITING)
		xshm_client_exiting(file->private_data);
	return 0;
}

static int xshm_release(struct inode *inode, struct file *file)
{
	xshm_client_destroy(file->private_data);
	return 0;
}

static const struct file_operations xshm_device_fops = {
	.owner = THIS_MODULE,
	.open = xshm_open,
	.flush = xshm_flush,
	.release = xshm_release,
	.unlocked_ioctl = xshm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice xshm_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xshm",
	.fops = &xshm_device_fops,
	/* Open to all, as the system calls are: the device gives no rights. */
	.mode = 0666,
};

static int __init xshm_init(void)
{
	int err;

	err = xshm_backing_init();
	if (err)
		return err;
	err = xshm_namespace_init();
	if (err)
		goto err_backing;
	err = xshm_sysctl_init();
	if (err)
		goto err_namespace;
	err = xshm_table_init();
	if (err)
		goto err_sysctl;
	err = misc_register(&xshm_device);
	if (err)
		goto err_table;
	return 0;

err_table:
	xshm_table_exit();
err_sysctl:
	xshm_sysctl_exit();
err_namespace:
	xshm_namespace_exit();
err_backing:
	xshm_backing_exit();
	return err;
}

static void __exit xshm_exit(void)
{
	misc_deregister(&xshm_device);
	xshm_table_exit();
	xshm_sysctl_exit();
	xshm_namespace_exit();
	xshm_backing_exit();
}

module_init(xshm_init);
module_exit(xshm_exit);

MODULE_DESCRIPTION("System V shared memory on /dev/xshm");
MODULE_AUTHOR("The xshm authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
