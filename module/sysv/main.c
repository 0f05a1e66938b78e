// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - xshm_sysv.ko: what is hooked, and how the service starts and ends
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sysctl.h>

#include "../compat.h"
#include "handlers.h"
#include "sysv.h"

static bool serve = true;
module_param(serve, bool, 0444);
MODULE_PARM_DESC(serve, "serve all IPC namespaces; else those that /proc/sys/xshm/sysv says");

#ifdef CONFIG_ARM64
#define XSHM_NATIVE(_call)	"__arm64_sys_" _call
#else
#define XSHM_NATIVE(_call)	"__x64_sys_" _call
#endif

static struct xshm_hook xshm_hooks[] = {
	{ XSHM_NATIVE("shmget"), xshm_enter_shmget },
	{ XSHM_NATIVE("shmat"), xshm_enter_shmat },
	{ XSHM_NATIVE("shmdt"), xshm_enter_shmdt },
	{ XSHM_NATIVE("shmctl"), xshm_enter_shmctl },
#ifdef CONFIG_IA32_EMULATION
	{ "__ia32_sys_shmget", xshm_enter_compat_shmget },
	{ "__ia32_compat_sys_shmat", xshm_enter_compat_shmat },
	{ "__ia32_sys_shmdt", xshm_enter_compat_shmdt },
	{ "__ia32_compat_sys_shmctl", xshm_enter_compat_shmctl },
	{ "__ia32_compat_sys_ipc", xshm_enter_compat_ipc },
#elif defined(CONFIG_COMPAT)
	{ "__arm64_compat_sys_shmat", xshm_enter_compat_shmat },
	{ "__arm64_compat_sys_old_shmctl", xshm_enter_compat_shmctl },
#endif
#ifdef CONFIG_SYSVIPC
	{ "exit_shm", xshm_enter_exit_shm },
	{ "shm_destroy_orphaned", xshm_enter_shm_destroy_orphaned },
	{ "sysvipc_proc_open", xshm_enter_proc_open },
	{ "sysvipc_proc_release", xshm_enter_proc_release },
#else
	{ XSHM_EXIT_NAMESPACES, xshm_enter_exit_namespaces },
	{ "switch_task_namespaces", xshm_enter_switch_namespaces },
#endif
};

/* /proc/sys/xshm/sysv: whether the calls of the namespace of who looks are served. */
static int xshm_sysctl_sysv(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			    loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	struct ctl_table row = *table;
	int value, err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	value = READ_ONCE(ns->served);
	row.data = &value;
	err = proc_dointvec_minmax(&row, write, buffer, lenp, ppos);
	if (!err && write)
		xshm_ns_serve(ns, value);
	xshm_ns_put(ns);
	return err;
}

static struct ctl_table xshm_sysv_sysctls[] = {
	{
		.procname = "sysv",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = xshm_sysctl_sysv,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_ONE,
	},
	XSHM_CTL_TABLE_END
};

static struct ctl_table_header *xshm_sysv_sysctl;

static int __init xshm_sysv_init(void)
{
	struct xshm_ns *ns;
	int err;

	err = xshm_makers_init();
	if (err)
		return err;
	err = xshm_hooks_guard();
	if (err)
		goto err_makers;
	err = xshm_hooks_set(xshm_hooks, ARRAY_SIZE(xshm_hooks));
	if (err)
		goto err_guard;
	err = xshm_sysv_proc_init();
	if (err)
		goto err_hooks;
	xshm_sysv_sysctl = register_sysctl("xshm", xshm_sysv_sysctls);
	if (!xshm_sysv_sysctl) {
		err = -ENOMEM;
		goto err_proc;
	}
	/* The instance of where it is loaded, most likely the first, which is found soonest. */
	ns = xshm_ns_enter();
	if (IS_ERR(ns)) {
		err = PTR_ERR(ns);
		goto err_sysctl;
	}
	xshm_ns_put(ns);
	/* Until here, and from the beginning of the end on, all is passed on to the kernel. */
	xshm_serve(serve);
	pr_info("System V shared memory is served by xshm%s\n",
		serve ? "" : " where /proc/sys/xshm/sysv says so");
	return 0;

err_sysctl:
	unregister_sysctl_table(xshm_sysv_sysctl);
err_proc:
	xshm_sysv_proc_exit();
err_hooks:
	xshm_hooks_clear(xshm_hooks, ARRAY_SIZE(xshm_hooks));
err_guard:
	xshm_hooks_unguard();
err_makers:
	xshm_makers_exit();
	return err;
}

static void __exit xshm_sysv_exit(void)
{
	unregister_sysctl_table(xshm_sysv_sysctl);
	xshm_serve(false);
	xshm_sysv_proc_exit();
	xshm_hooks_clear(xshm_hooks, ARRAY_SIZE(xshm_hooks));
	xshm_hooks_unguard();
	xshm_makers_exit();
}

module_init(xshm_sysv_init);
module_exit(xshm_sysv_exit);

XSHM_IMPORT;
MODULE_DESCRIPTION("The system calls of System V shared memory on xshm");
MODULE_AUTHOR("The xshm authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(XSHM_RELEASE);
