// SPDX-License-Identifier: GPL-2.0
/*
 * hooks.c - trampolines at the beginning of functions of the kernel's
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "../compat.h"
#include "handlers.h"
#include "sysv.h"

DEFINE_PER_CPU(long, xshm_sysv_inside);

static const char *xshm_hook_why(int err)
{
	switch (err) {
	case -EINVAL:
	case -ENOENT:
		return "this kernel has no such function, or no place for ftrace in it";
	case -EBUSY:
	case -EEXIST:
		return "a live patch or a BPF program is attached to it";
	case -ENODEV:
		return "ftrace is not there";
	case -ENOMEM:
		return "there is no memory for it";
	}
	return "ftrace refuses";
}

static int xshm_hook_set(struct xshm_hook *hook)
{
	int err;

	err = ftrace_set_filter(&hook->ops, (unsigned char *)hook->name, strlen(hook->name), 1);
	if (!err)
		err = xshm_register_direct(&hook->ops, (unsigned long)hook->trampoline);
	if (err) {
		ftrace_free_filter(&hook->ops);
		if (hook->optional && (err == -EINVAL || err == -ENOENT))
			return 0;
		pr_err("%s() can't be hooked: %s (%d); nothing is served\n", hook->name,
		       xshm_hook_why(err), err);
		return err;
	}
	hook->hooked = true;
	return 0;
}

/**
 * xshm_hooks_set - set all hooks, or none
 * @hooks: the hooks
 * @count: their number
 *
 * What can't be hooked is named in the kernel log.
 *
 * Return: 0, or the errno of the first that could not be set.
 */
int xshm_hooks_set(struct xshm_hook *hooks, unsigned int count)
{
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		err = xshm_hook_set(&hooks[i]);
		if (err) {
			xshm_hooks_clear(hooks, i);
			return err;
		}
	}
	return 0;
}

/* Take them away. Threads may still be inside. */
void xshm_hooks_clear(struct xshm_hook *hooks, unsigned int count)
{
	while (count--) {
		struct xshm_hook *hook = &hooks[count];

		if (!hook->hooked)
			continue;
		WARN_ON(xshm_unregister_direct(&hook->ops, (unsigned long)hook->trampoline));
		ftrace_free_filter(&hook->ops);
		hook->hooked = false;
	}
	xshm_hooks_wait();
}

static long xshm_hooks_inside(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(xshm_sysv_inside, cpu));
	return sum;
}

/* Wait until nobody is in a trampoline or handler any more: see sysv.h. */
void xshm_hooks_wait(void)
{
	xshm_synchronize_trampolines();
	while (xshm_hooks_inside())
		msleep(20);
	xshm_synchronize_trampolines();
}

/*
 * kernel.ftrace_enabled=0 would end direct calls without a word. A permanent
 * user of ftrace, of a function of the module's own, forbids that, and is told when it
 * is so already.
 */
noinline void xshm_sysv_guarded(void)
{
	barrier();
}

static void notrace xshm_guard_callback(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops, struct ftrace_regs *regs)
{
}

static struct ftrace_ops xshm_guard = {
	.func = xshm_guard_callback,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

int xshm_hooks_guard(void)
{
	static const char name[] = "xshm_sysv_guarded";
	int err;

	err = ftrace_set_filter(&xshm_guard, (unsigned char *)name, strlen(name), 1);
	if (!err)
		err = register_ftrace_function(&xshm_guard);
	if (!err)
		return 0;
	ftrace_free_filter(&xshm_guard);
	if (err == -EBUSY)
		pr_err("ftrace is switched off: set kernel.ftrace_enabled to 1 first\n");
	else
		pr_err("ftrace can't be used (%d)\n", err);
	return err;
}

void xshm_hooks_unguard(void)
{
	WARN_ON(unregister_ftrace_function(&xshm_guard));
	ftrace_free_filter(&xshm_guard);
}
