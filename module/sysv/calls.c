// SPDX-License-Identifier: GPL-2.0
/*
 * calls.c - shmget(2), shmat(2), shmdt(2) and shmctl(2) on xshm
 *
 * What xshm doesn't know, segments that the kernel made before among it, is
 * passed on to the kernel's own call.
 */
#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/rhashtable.h>
#include <linux/user_namespace.h>
#include <uapi/linux/shm.h>

#include <asm/unistd.h>

#include "../compat.h"
#include "../get.h"
#include "../status.h"
#include "handlers.h"
#include "sysv.h"

/* Segments of the kernel's own in the caller's namespace. */
static struct ipc_ids *xshm_kernel_ids(void)
{
	return &current->nsproxy->ipc_ns->ids[XSHM_KERNEL_IDS];
}

static bool xshm_kernel_has_some(void)
{
	return IS_ENABLED(CONFIG_SYSVIPC) && unlikely(READ_ONCE(xshm_kernel_ids()->in_use));
}

/* As in ipc/util.c (6.1 to 7.3), for the kernel's own table. Test: selftests/served.c. */
static const struct rhashtable_params xshm_kernel_key_params = {
	.head_offset = offsetof(struct kern_ipc_perm, khtnode),
	.key_offset = offsetof(struct kern_ipc_perm, key),
	.key_len = sizeof_field(struct kern_ipc_perm, key),
	.automatic_shrinking = true,
};

static noinline bool xshm_kernel_has_key(key_t key)
{
	return rhashtable_lookup_fast(&xshm_kernel_ids()->key_ht, &key, xshm_kernel_key_params);
}

/* Where the kernel has calls of its own, they are asked what xshm doesn't know. */
static struct xshm_answer xshm_answer_or_pass(long ret)
{
	if (IS_ENABLED(CONFIG_SYSVIPC) && unlikely(ret == -EINVAL))
		return XSHM_PASS;
	return XSHM_DONE(ret);
}

/* The module may be about to go: then it is the kernel's to make the segment, if it can. */
static noinline struct xshm_answer xshm_sysv_get_new(struct xshm_ns *ns, key_t key, size_t size,
						     int shmflg)
{
	const struct xshm_wish wish = { .key = key, .bytes = size, .shmflg = shmflg };
	struct xshm_client *client;
	long ret;

	if (!try_module_get(THIS_MODULE))
		return XSHM_PASS;
	client = xshm_maker_get(ns);
	if (IS_ERR(client)) {
		ret = PTR_ERR(client);
	} else {
		ret = xshm_make(ns, client, &wish);
		xshm_client_put(client);
	}
	module_put(THIS_MODULE);
	return XSHM_DONE(ret);
}

static noinline __flatten
struct xshm_answer xshm_sysv_get(struct xshm_ns *ns, key_t key, size_t size, int shmflg)
{
	const u32 known = 0777 | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE |
			  XSHM_HUGE_MASK << XSHM_HUGE_SHIFT;
	long ret;

	shmflg &= known;
	if (key != IPC_PRIVATE) {
		if (xshm_kernel_has_some() && xshm_kernel_has_key(key))
			return XSHM_PASS;
		ret = xshm_get_existing(ns, key, size, shmflg);
		if (ret != -ENOENT || !(shmflg & IPC_CREAT))
			return XSHM_DONE(ret);
	}
	return xshm_sysv_get_new(ns, key, size, shmflg);
}

static struct xshm_answer xshm_sysv_at(struct xshm_ns *ns, int id, unsigned long addr, int shmflg)
{
	return xshm_answer_or_pass(xshm_attach(ns, id, addr, shmflg, 0));
}

static noinline bool xshm_is_served(void)
{
	struct xshm_ns *ns = xshm_ns_get_served(false);

	/* Where there is no instance yet, a segment was attached elsewhere at most. */
	if (!IS_ERR_OR_NULL(ns))
		xshm_ns_put(ns);
	return ns;
}

/* Wherever the segment is from: an attach survives a change of the namespace. */
static __always_inline struct xshm_answer xshm_sysv_dt(unsigned long addr)
{
	if (!atomic_read(&xshm_made_by_calls) && !xshm_is_served())
		return XSHM_PASS;
	return xshm_answer_or_pass(xshm_detach(addr));
}

static long xshm_sysv_info(struct xshm_ns *ns, int id, void __user *buf, enum xshm_layout layout)
{
	struct xshm_limits_now limits = xshm_ns_limits(ns);
	long highest = xshm_ids_highest_index(ns);

	/* Of a namespace that was served, but is no more, the kernel tells. */
	if (id < 0 || !READ_ONCE(ns->served))
		return -EINVAL;
	if (xshm_kernel_has_some())
		highest = max_t(long, highest, READ_ONCE(xshm_kernel_ids()->max_idx));
	return xshm_layout_put_limits(buf, &limits, layout) ?: highest;
}

/* Of segments of the kernel's own it knows the number and the size, not the pages. */
static long xshm_sysv_usage(struct xshm_ns *ns, int id, void __user *buf,
			    enum xshm_layout layout)
{
	struct xshm_limits_now limits = xshm_ns_limits(ns);
	struct xshm_sums sums;
	long highest;

	if (id < 0 || !READ_ONCE(ns->served))
		return -EINVAL;
	xshm_sum_up(ns, false, &sums);
	highest = xshm_ids_highest_index(ns);
	if (xshm_kernel_has_some()) {
		sums.segments += limits.kernel_used;
		sums.size += limits.kernel_pages;
		highest = max_t(long, highest, READ_ONCE(xshm_kernel_ids()->max_idx));
	}
	return xshm_layout_put_sums(buf, &sums, layout) ?: highest;
}

static long xshm_sysv_set(struct xshm_ns *ns, int id, void __user *buf, enum xshm_layout layout)
{
	struct user_namespace *user_ns = current_user_ns();
	umode_t mode;
	uid_t uid;
	gid_t gid;

	if (xshm_layout_get_set(buf, &uid, &gid, &mode, layout))
		return -EFAULT;
	return xshm_set(ns, id, make_kuid(user_ns, uid), make_kgid(user_ns, gid), mode);
}

static long xshm_sysv_stat(struct xshm_ns *ns, int id, unsigned int select, void __user *buf,
			   enum xshm_layout layout)
{
	struct xshm_status status;
	long ret;

	ret = xshm_stat(ns, id, select, &status, NULL);
	if (ret < 0)
		return ret;
	return xshm_layout_put_status(buf, &status, layout) ?: ret;
}

static __always_inline long xshm_sysv_ipc_stat(struct xshm_ns *ns, int id, void __user *buf)
{
	struct xshm_status status __uninitialized;
	long ret;

	ret = xshm_stat(ns, id, XSHM_SELECT_ID, &status, NULL);
	return ret < 0 ? ret : xshm_put_status(buf, &status);
}

static noinline long xshm_sysv_control(struct xshm_ns *ns, int id, int cmd, void __user *buf,
				       enum xshm_layout layout)
{
	switch (cmd) {
	case IPC_STAT:
		return xshm_sysv_stat(ns, id, XSHM_SELECT_ID, buf, layout);
	case SHM_STAT:
		return xshm_sysv_stat(ns, id, XSHM_SELECT_INDEX, buf, layout);
	case SHM_STAT_ANY:
		return xshm_sysv_stat(ns, id, XSHM_SELECT_INDEX_ANY, buf, layout);
	case IPC_SET:
		return id < 0 ? -EINVAL : xshm_sysv_set(ns, id, buf, layout);
	case IPC_RMID:
		return xshm_segment_remove(ns, id);
	case SHM_LOCK:
		return xshm_lock(ns, id);
	case SHM_UNLOCK:
		return xshm_unlock(ns, id);
	case IPC_INFO:
		return xshm_sysv_info(ns, id, buf, layout);
	case SHM_INFO:
		return xshm_sysv_usage(ns, id, buf, layout);
	}
	return -EINVAL;
}

static noinline struct xshm_answer xshm_sysv_ctl(struct xshm_ns *ns, int id, int cmd,
						 void __user *buf, enum xshm_layout layout)
{
	/* By itself, as it is what programs call most. */
	if (likely(cmd == IPC_STAT && layout == XSHM_LAYOUT_NATIVE))
		return xshm_answer_or_pass(xshm_sysv_ipc_stat(ns, id, buf));
	return xshm_answer_or_pass(xshm_sysv_control(ns, id, cmd, buf, layout));
}

/*
 * What the trampolines call, for calls that aren't served, too: to leave room for tracing
 * would be one of the few instructions that these may cost.
 */
#define XSHM_HANDLER(_name, _answer)						\
	notrace struct xshm_answer						\
	xshm_handle_##_name(unsigned long first, unsigned long second)		\
	{									\
		struct xshm_answer answer;					\
										\
		this_cpu_inc(xshm_sysv_inside);					\
		answer = (_answer);						\
		this_cpu_dec(xshm_sysv_inside);					\
		return answer;							\
	}

/* What xshm_ns_get_served() says, with an instance that it found missing made. */
static noinline struct xshm_ns *xshm_sysv_enter(struct xshm_ns *ns)
{
	return ns == ERR_PTR(-ENOENT) ? xshm_ns_enter() : ns;
}

/* The same for what needs the caller's instance, as @ns: passed on if that isn't served. */
#define XSHM_HANDLER_NS(_name, _anyhow, _answer)				\
	static struct xshm_answer xshm_call_##_name(const struct pt_regs *regs)	\
	{									\
		struct xshm_ns *ns = xshm_ns_get_served(_anyhow);		\
		struct xshm_answer answer;					\
										\
		if (!ns)							\
			return XSHM_PASS;					\
		if (IS_ERR(ns)) {						\
			ns = xshm_sysv_enter(ns);				\
			if (IS_ERR(ns))						\
				return XSHM_DONE(PTR_ERR(ns));			\
		}								\
		answer = (_answer);						\
		xshm_ns_put(ns);						\
		return answer;							\
	}									\
	XSHM_HANDLER(_name, xshm_call_##_name((const struct pt_regs *)first))
#ifdef CONFIG_ARM64
#define XSHM_ARG(_n)	(regs->regs[_n])
#else
#define XSHM_ARG(_n)	((_n) == 0 ? regs->di : (_n) == 1 ? regs->si : regs->dx)
#endif

XSHM_HANDLER_NS(shmget, false, xshm_sysv_get(ns, XSHM_ARG(0), XSHM_ARG(1), XSHM_ARG(2)))
XSHM_HANDLER_NS(shmat, true, xshm_sysv_at(ns, XSHM_ARG(0), XSHM_ARG(1), XSHM_ARG(2)))
XSHM_HANDLER_NS(shmctl, true, xshm_sysv_ctl(ns, XSHM_ARG(0), XSHM_ARG(1),
					    (void __user *)XSHM_ARG(2), XSHM_LAYOUT_NATIVE))

static struct xshm_answer xshm_call_shmdt(const struct pt_regs *regs)
{
	return xshm_sysv_dt(XSHM_ARG(0));
}

XSHM_HANDLER(shmdt, xshm_call_shmdt((const struct pt_regs *)first))

#ifdef CONFIG_COMPAT
/* shmctl(2) of ipc(2), and of arm: the command says which structures are meant. */
static struct xshm_answer xshm_sysv_old_ctl(struct xshm_ns *ns, int id, int cmd,
					    void __user *buf)
{
	return xshm_sysv_ctl(ns, id, cmd & ~IPC_64, buf,
			     cmd & IPC_64 ? XSHM_LAYOUT_COMPAT64 : XSHM_LAYOUT_COMPAT_OLD);
}
#endif

#ifdef CONFIG_IA32_EMULATION
/* The address goes to where the third argument says. */
static struct xshm_answer xshm_sysv_ipc_at(struct xshm_ns *ns, int id, unsigned long addr,
					   int shmflg, compat_ulong_t to)
{
	struct xshm_answer answer = xshm_sysv_at(ns, id, addr, shmflg);

	if (answer.done && !IS_ERR_VALUE(answer.ret)) {
		if (put_user((compat_ulong_t)answer.ret, (compat_ulong_t __user *)compat_ptr(to)))
			answer.ret = -EFAULT;
		else
			answer.ret = 0;
	}
	return answer;
}

static struct xshm_answer xshm_sysv_ipc(struct xshm_ns *ns, const struct pt_regs *regs)
{
	u32 call = regs->bx, first = regs->cx, second = regs->dx, third = regs->si;
	compat_uptr_t ptr = regs->di;

	switch (call & 0xffff) {
	case SHMGET:
		return xshm_sysv_get(ns, first, second, third);
	case SHMAT:
		/* Version 1 was iBCS2's. */
		return call >> 16 == 1 ? XSHM_DONE(-EINVAL) :
					 xshm_sysv_ipc_at(ns, first, ptr, second, third);
	case SHMCTL:
		return xshm_sysv_old_ctl(ns, first, second, compat_ptr(ptr));
	}
	return XSHM_PASS;
}

/* Of an ipc(2) that isn't about shared memory, nothing else is looked at. */
static struct xshm_answer xshm_call_compat_ipc(const struct pt_regs *regs)
{
	struct xshm_answer answer;
	struct xshm_ns *ns;

	switch (regs->bx & 0xffff) {
	case SHMDT:
		return xshm_sysv_dt((u32)regs->di);
	case SHMGET:
	case SHMAT:
	case SHMCTL:
		break;
	default:
		return XSHM_PASS;
	}
	ns = xshm_ns_get_served((regs->bx & 0xffff) != SHMGET);
	if (!ns)
		return XSHM_PASS;
	if (IS_ERR(ns)) {
		ns = xshm_sysv_enter(ns);
		if (IS_ERR(ns))
			return XSHM_DONE(PTR_ERR(ns));
	}
	answer = xshm_sysv_ipc(ns, regs);
	xshm_ns_put(ns);
	return answer;
}

XSHM_HANDLER(compat_ipc, xshm_call_compat_ipc((const struct pt_regs *)first))

XSHM_HANDLER_NS(compat_shmget, false, xshm_sysv_get(ns, regs->bx, (u32)regs->cx, regs->dx))
XSHM_HANDLER_NS(compat_shmat, true, xshm_sysv_at(ns, regs->bx, (u32)regs->cx, regs->dx))
XSHM_HANDLER_NS(compat_shmctl, true, xshm_sysv_ctl(ns, regs->bx, regs->cx,
						   compat_ptr(regs->dx), XSHM_LAYOUT_COMPAT64))

static struct xshm_answer xshm_call_compat_shmdt(const struct pt_regs *regs)
{
	return xshm_sysv_dt((u32)regs->bx);
}

XSHM_HANDLER(compat_shmdt, xshm_call_compat_shmdt((const struct pt_regs *)first))
#elif defined(CONFIG_COMPAT)
XSHM_HANDLER_NS(compat_shmat, true, xshm_sysv_at(ns, XSHM_ARG(0), (u32)XSHM_ARG(1),
						 XSHM_ARG(2)))
XSHM_HANDLER_NS(compat_shmctl, true, xshm_sysv_old_ctl(ns, XSHM_ARG(0), XSHM_ARG(1),
						       compat_ptr(XSHM_ARG(2))))
#endif

#ifdef CONFIG_SYSVIPC
/* The kernel's own segments of the task end as they did before. */
static struct xshm_answer xshm_sysv_exit(const struct task_struct *task)
{
	xshm_maker_end(task);
	return XSHM_PASS;
}

/* kernel.shm_rmid_forced was set, of the namespace of who opened the file. */
static struct xshm_answer xshm_sysv_forced(struct ipc_namespace *ipc_ns)
{
	struct xshm_ns *ns = xshm_ns_find(ipc_ns);

	if (ns) {
		xshm_rmid_forced_changed(ns);
		xshm_ns_put(ns);
	}
	return XSHM_PASS;
}

XSHM_HANDLER(exit_shm, xshm_sysv_exit((const struct task_struct *)first))
XSHM_HANDLER(shm_destroy_orphaned, xshm_sysv_forced((struct ipc_namespace *)first))
XSHM_HANDLER(proc_open, xshm_sysv_proc_open((struct inode *)first, (struct file *)second))
XSHM_HANDLER(proc_release, xshm_sysv_proc_release((struct inode *)first, (struct file *)second))
#else
static struct xshm_answer xshm_sysv_exit(const struct task_struct *task)
{
	xshm_maker_end(task);
	return XSHM_PASS;
}

/* Of unshare(2) and setns(2) the first alone ends it, as in System V. */
static struct xshm_answer xshm_sysv_switch(const struct task_struct *task,
					   const struct nsproxy *new)
{
	if (new && task->nsproxy && new->ipc_ns != task->nsproxy->ipc_ns &&
	    xshm_ipc_ns_is_new(new->ipc_ns))
		xshm_maker_end(task);
	return XSHM_PASS;
}

XSHM_HANDLER(exit_namespaces, xshm_sysv_exit((const struct task_struct *)first))
XSHM_HANDLER(switch_namespaces, xshm_sysv_switch((const struct task_struct *)first,
						 (const struct nsproxy *)second))
#endif
