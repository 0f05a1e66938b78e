// SPDX-License-Identifier: GPL-2.0
/* A live patch of a system call that xshm_sysv.ko hooks: it answers EXDEV, as none does. */
#include <linux/errno.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>

static asmlinkage long xshm_test_shmget(const struct pt_regs *regs)
{
	return -EXDEV;
}

static struct klp_func xshm_test_funcs[] = {
	{ .old_name = "__x64_sys_shmget", .new_func = xshm_test_shmget },
	{ }
};

static struct klp_object xshm_test_objects[] = {
	{ .funcs = xshm_test_funcs },
	{ }
};

static struct klp_patch xshm_test_patch = {
	.mod = THIS_MODULE,
	.objs = xshm_test_objects,
};

static int __init xshm_test_livepatch_init(void)
{
	return klp_enable_patch(&xshm_test_patch);
}

/* Only once the patch is disabled. */
static void __exit xshm_test_livepatch_exit(void)
{
}

module_init(xshm_test_livepatch_init);
module_exit(xshm_test_livepatch_exit);
MODULE_DESCRIPTION("Live patch for the tests of xshm_sysv");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
