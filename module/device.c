// SPDX-License-Identifier: GPL-2.0
/*
 * device.c - /dev/xshm: decodes commands, calls the core, copies the results
 *
 * The manual of the commands is uapi/linux/xshm.h.
 */
#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "get.h"
#include "status.h"
#include "xshm.h"

/**
 * struct xshm_call - a command being carried out
 * @client: the open file it came through
 * @ns: the instance of the calling thread's namespace, with a reference
 * @user: the argument in user space
 * @user_size: its size as the caller says, in bytes
 * @arg: the argument, zero-extended to what the module knows
 */
struct xshm_call {
	struct xshm_client *client;
	struct xshm_ns *ns;
	void __user *user;
	u32 user_size;
	union {
		u32 size;
		u64 words[3];
		struct xshm_version version;
		struct xshm_get get;
		struct xshm_attach attach;
		struct xshm_detach detach;
		struct xshm_control control;
	} arg;
};

static long xshm_ioctl_version(struct xshm_call *call)
{
	struct xshm_version *version = &call->arg.version;

	version->size = sizeof(*version);
	version->abi = XSHM_ABI_VERSION;
	version->features = 0;
	if (xshm_backing_has_thp())
		version->features |= XSHM_FEATURE_THP;
	if (xshm_hugetlb_is_there())
		version->features |= XSHM_FEATURE_HUGETLB;
	version->get_options = XSHM_GET_OPTIONS;
	version->attach_options = XSHM_ATTACH_OPTIONS;

	if (copy_to_user(call->user, version, min_t(size_t, call->user_size, sizeof(*version))))
		return -EFAULT;
	return 0;
}

static noinline long xshm_ioctl_get_new(struct xshm_call *call)
{
	const struct xshm_get *get = &call->arg.get;
	const struct xshm_wish wish = {
		.key = get->key,
		.bytes = get->bytes,
		.shmflg = get->shmflg,
		.options = get->options,
	};

	return xshm_make(call->ns, call->client, &wish);
}

static __flatten long xshm_ioctl_get(struct xshm_call *call)
{
	const u32 known = 0777 | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE |
			  XSHM_HUGE_MASK << XSHM_HUGE_SHIFT;
	const struct xshm_get *get = &call->arg.get;
	long ret;

	if (get->shmflg & ~known || get->options & ~XSHM_GET_OPTIONS)
		return -EINVAL;
	if (get->options & XSHM_GET_SMALL &&
	    get->options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB))
		return -EINVAL;

	if (get->key != XSHM_PRIVATE) {
		ret = xshm_get_existing(call->ns, get->key, get->bytes, get->shmflg);
		if (ret != -ENOENT || !(get->shmflg & XSHM_CREAT))
			return ret;
	}
	return xshm_ioctl_get_new(call);
}

static long xshm_ioctl_attach(struct xshm_call *call)
{
	const u32 known = XSHM_RDONLY | XSHM_RND | XSHM_REMAP | XSHM_EXEC;
	const struct xshm_attach *attach = &call->arg.attach;
	struct xshm_attach __user *user = call->user;
	unsigned long addr = attach->addr;

	if (attach->shmflg & ~known || attach->options & ~XSHM_ATTACH_OPTIONS ||
	    attach->addr != addr)
		return -EINVAL;

	addr = xshm_attach(call->ns, attach->id, addr, attach->shmflg, attach->options);
	if (IS_ERR_VALUE(addr))
		return addr;
	if (unlikely(put_user((u64)addr, &user->addr))) {
		xshm_detach(addr);
		return -EFAULT;
	}
	return 0;
}

static long xshm_ioctl_detach(struct xshm_call *call)
{
	const struct xshm_detach *detach = &call->arg.detach;
	unsigned long addr = detach->addr;

	if (detach->reserved || detach->addr != addr)
		return -EINVAL;
	return xshm_detach(addr);
}

static int xshm_copy_buf(const struct xshm_control *control, const void *from, size_t size)
{
	if (copy_to_user(u64_to_user_ptr(control->buf), from,
			 min_t(size_t, control->buf_size, size)))
		return -EFAULT;
	return 0;
}

/* The rest, as much of it as the caller has room for. */
static int xshm_put_details(const struct xshm_control *control, const struct xshm_status *status,
			    const struct xshm_details *details)
{
	struct xshm_ds __user *to = u64_to_user_ptr(control->buf);
	struct xshm_ds ds = {
		.id = status->id,
		.attributes = details->attributes,
		.page_size = details->page_size,
		.resident = (u64)details->pages.resident << PAGE_SHIFT,
		.swapped = (u64)details->pages.swapped << PAGE_SHIFT,
		.huge = (u64)details->pages.huge << PAGE_SHIFT,
		.locked = details->locked,
		.dev_major = MAJOR(details->dev),
		.dev_minor = MINOR(details->dev),
	};

	BUILD_BUG_ON(offsetof(struct xshm_ds, id) != XSHM_DS_SIZE_SYSV);

	if (copy_to_user(&to->id, &ds.id,
			 min_t(size_t, control->buf_size, sizeof(ds)) - XSHM_DS_SIZE_SYSV))
		return -EFAULT;
	return 0;
}

static noinline long xshm_stat_extended(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct xshm_details details;
	struct xshm_status status;
	long ret;

	ret = xshm_stat(call->ns, control->id, control->select, &status, &details);
	if (ret < 0)
		return ret;
	return xshm_put_status(u64_to_user_ptr(control->buf), &status) ?:
	       xshm_put_details(control, &status, &details) ?: ret;
}

static long xshm_ioctl_stat(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct xshm_status status __uninitialized;
	long ret;

	if (control->select > XSHM_SELECT_INDEX_ANY || control->buf_size < XSHM_DS_SIZE_SYSV)
		return -EINVAL;
	if (control->buf_size > XSHM_DS_SIZE_SYSV)
		return xshm_stat_extended(call);
	ret = xshm_stat(call->ns, control->id, control->select, &status, NULL);
	if (ret < 0)
		return ret;
	return xshm_put_status(u64_to_user_ptr(control->buf), &status) ?: ret;
}

static long xshm_ioctl_set(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct user_namespace *user_ns = current_user_ns();
	struct xshm_ds ds;

	if (control->select || control->id < 0 || control->buf_size < XSHM_DS_SIZE_SYSV)
		return -EINVAL;
	if (copy_from_user(&ds, u64_to_user_ptr(control->buf), XSHM_DS_SIZE_SYSV))
		return -EFAULT;
	return xshm_set(call->ns, control->id, make_kuid(user_ns, ds.uid),
			make_kgid(user_ns, ds.gid), ds.mode);
}

/* The commands that have an id and nothing else. */
static bool xshm_only_id(const struct xshm_control *control)
{
	return !control->select && !control->buf_size && !control->buf;
}

static long xshm_ioctl_remove(struct xshm_call *call)
{
	if (!xshm_only_id(&call->arg.control))
		return -EINVAL;
	return xshm_segment_remove(call->ns, call->arg.control.id);
}

static long xshm_ioctl_lock(struct xshm_call *call)
{
	if (!xshm_only_id(&call->arg.control))
		return -EINVAL;
	return xshm_lock(call->ns, call->arg.control.id);
}

static long xshm_ioctl_unlock(struct xshm_call *call)
{
	if (!xshm_only_id(&call->arg.control))
		return -EINVAL;
	return xshm_unlock(call->ns, call->arg.control.id);
}

static long xshm_ioctl_limits(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct xshm_limits limits;

	if (control->select || control->id < 0 || control->buf_size < XSHM_LIMITS_SIZE_SYSV)
		return -EINVAL;
	xshm_get_limits(call->ns, &limits);
	return xshm_copy_buf(control, &limits, sizeof(limits)) ?:
	       xshm_ids_highest_index(call->ns);
}

static long xshm_ioctl_set_limits(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	u32 which = control->select;
	struct xshm_limits limits;
	int err;

	if (control->id || control->buf_size < offsetofend(struct xshm_limits, reserved1))
		return -EINVAL;
	if (control->buf_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&limits, sizeof(limits), u64_to_user_ptr(control->buf),
				    control->buf_size);
	if (err)
		return err;
	err = xshm_set_limits(call->ns, &limits, which);
	if (!err && which & XSHM_LIMIT_RMID_FORCED)
		xshm_rmid_forced_changed(call->ns);
	return err;
}

static long xshm_ioctl_usage(struct xshm_call *call)
{
	const struct xshm_control *control = &call->arg.control;
	struct xshm_usage usage = { };
	struct xshm_sums sums;

	if (control->select || control->id < 0 || control->buf_size < XSHM_USAGE_SIZE_SYSV)
		return -EINVAL;

	xshm_sum_up(call->ns, control->buf_size > XSHM_USAGE_SIZE_SYSV, &sums);
	usage.used_ids = sums.segments;
	usage.shm_tot = sums.size;
	usage.shm_rss = sums.pages.resident;
	usage.shm_swp = sums.pages.swapped;
	usage.huge = (u64)sums.pages.huge << PAGE_SHIFT;
	usage.locked = sums.locked;
	return xshm_copy_buf(control, &usage, sizeof(usage)) ?: xshm_ids_highest_index(call->ns);
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
	XSHM_COMMAND(XSHM_IOC_VERSION, xshm_ioctl_version, xshm_version, attach_options),
	XSHM_COMMAND(XSHM_IOC_GET, xshm_ioctl_get, xshm_get, options),
	XSHM_COMMAND(XSHM_IOC_ATTACH, xshm_ioctl_attach, xshm_attach, options),
	XSHM_COMMAND(XSHM_IOC_DETACH, xshm_ioctl_detach, xshm_detach, addr),
	XSHM_COMMAND(XSHM_IOC_STAT, xshm_ioctl_stat, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_SET, xshm_ioctl_set, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_REMOVE, xshm_ioctl_remove, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_LOCK, xshm_ioctl_lock, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_UNLOCK, xshm_ioctl_unlock, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_LIMITS, xshm_ioctl_limits, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_USAGE, xshm_ioctl_usage, xshm_control, buf),
	XSHM_COMMAND(XSHM_IOC_SET_LIMITS, xshm_ioctl_set_limits, xshm_control, buf),
};

/*
 * Fetch an argument of just the size that the module knows, which is the usual
 * case: word by word, without a string instruction and a second look at the
 * size. 85 instructions less, 10 % of a look-up by key. False if it is anything else.
 */
static __always_inline bool xshm_fetch_exact(struct xshm_call *call, unsigned int size)
{
	const u64 __user *from = call->user;

	/* The longest, so that it is known: where that doesn't fit, xshm_fetch() sees to it. */
	if (!user_access_begin(from, sizeof(call->arg.words)))
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

/* The client's instance is of its opener's namespace, and the caller may be in another. */
static noinline long xshm_ioctl_elsewhere(struct xshm_call *call,
					  const struct xshm_command *command)
{
	long ret;

	call->ns = xshm_ns_enter();
	if (IS_ERR(call->ns))
		return PTR_ERR(call->ns);
	ret = command->handler(call);
	xshm_ns_put(call->ns);
	return ret;
}

static long xshm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct xshm_command *command;
	unsigned int nr = cmd - _IO(XSHM_IOC_MAGIC, 0);
	struct xshm_call call __uninitialized;
	int err;

	if (nr >= ARRAY_SIZE(xshm_commands))
		return -ENOTTY;
	command = &xshm_commands[array_index_nospec(nr, ARRAY_SIZE(xshm_commands))];

	call.client = file->private_data;
	call.user = (void __user *)arg;
	if (!xshm_fetch_exact(&call, command->size)) {
		err = xshm_fetch(&call, command);
		if (err)
			return err;
	}

	/* The open file holds the client, and that its instance. */
	call.ns = call.client->ns;
	if (unlikely(!xshm_ns_is_current(call.ns)))
		return xshm_ioctl_elsewhere(&call, command);
	return command->handler(&call);
}

static int xshm_open(struct inode *inode, struct file *file)
{
	struct xshm_ns *ns = xshm_ns_enter();
	struct xshm_client *client;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	client = xshm_client_create(ns);
	if (IS_ERR(client)) {
		xshm_ns_put(ns);
		return PTR_ERR(client);
	}
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
	xshm_client_close(file->private_data);
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

int __init xshm_device_init(void)
{
	return misc_register(&xshm_device);
}

void xshm_device_exit(void)
{
	misc_deregister(&xshm_device);
}
