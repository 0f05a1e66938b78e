/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysv.h - xshm_sysv.ko: xshm serves the system calls of System V shared memory
 *
 * Mechanism
 *
 * The entry point of a system call begins with a call that ftrace may direct
 * to a trampoline of the module's (entry-*.S). That calls a handler here, which
 * either did the work, and the trampoline returns to the caller of the entry
 * point; or passes, and the entry point goes on as if nothing had been. A
 * handler may sleep.
 *
 * Lifetime
 *
 * A handler counts itself in and out (xshm_sysv_inside). To go, the module
 * takes its trampolines away; waits, by RCU tasks, for who was called and has
 * not counted itself yet; for the count to come to 0; and, by RCU tasks again,
 * for who no longer counts itself and is still in the trampoline. Each segment
 * made through a call, and each table that is open through this door, holds a
 * reference on the module, so that it can't go as long as they need it.
 */
#ifndef XSHM_SYSV_H
#define XSHM_SYSV_H

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/ptrace.h>
#include <linux/types.h>

#include "../xshm.h"

/**
 * struct xshm_answer - what a handler says, in the two registers of a result
 * @ret: result of the system call
 * @done: 0: the entry point is to go on
 */
struct xshm_answer {
	long ret;
	long done;
};

#define XSHM_PASS		((struct xshm_answer){ })
#define XSHM_DONE(_ret)		((struct xshm_answer){ .ret = (_ret), .done = 1 })

/**
 * struct xshm_hook - a function of the kernel's that is entered through a trampoline
 * @name: the function
 * @trampoline: of the module's
 * @optional: there are kernels that don't have it
 * @ops: ftrace's
 * @hooked: it is set
 */
struct xshm_hook {
	const char *name;
	void (*trampoline)(void);
	bool optional;
	struct ftrace_ops ops;
	bool hooked;
};

/* hooks.c */
int xshm_hooks_set(struct xshm_hook *hooks, unsigned int count);
void xshm_hooks_clear(struct xshm_hook *hooks, unsigned int count);
void xshm_hooks_wait(void);
int xshm_hooks_guard(void);
void xshm_hooks_unguard(void);

/* How the caller's structures look. */
enum xshm_layout {
	XSHM_LAYOUT_NATIVE,
	XSHM_LAYOUT_COMPAT64,		/* of 32-bit programs, with IPC_64 */
	XSHM_LAYOUT_COMPAT_OLD,		/* without */
};

/* layout.c */
int xshm_layout_put_status(void __user *buf, const struct xshm_status *status,
			   enum xshm_layout layout);
int xshm_layout_get_set(const void __user *buf, uid_t *uid, gid_t *gid, umode_t *mode,
			enum xshm_layout layout);
int xshm_layout_put_limits(void __user *buf, const struct xshm_limits_now *limits,
			   enum xshm_layout layout);
int xshm_layout_put_sums(void __user *buf, const struct xshm_sums *sums,
			 enum xshm_layout layout);

/* makers.c */
int xshm_makers_init(void);
void xshm_makers_exit(void);
struct xshm_client *xshm_maker_get(struct xshm_ns *ns);
void xshm_maker_end(const struct task_struct *task);

/* proc.c */
struct xshm_answer xshm_sysv_proc_open(struct inode *inode, struct file *file);
struct xshm_answer xshm_sysv_proc_release(struct inode *inode, struct file *file);
int xshm_sysv_proc_init(void);
void xshm_sysv_proc_exit(void);

#endif /* XSHM_SYSV_H */
