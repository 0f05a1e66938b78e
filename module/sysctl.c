// SPDX-License-Identifier: GPL-2.0
/*
 * sysctl.c - /proc/sys/xshm: the limits and policies of an IPC namespace
 *
 * The files are those of the namespace of who reads or writes them, and root of
 * the machine may write. A handler doesn't see who opened the file, so it can't
 * grant more: a file open for writing may have been handed to a privileged
 * program as its output. XSHM_IOC_SET_LIMITS is for the other owners of namespaces.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/sysctl.h>

#include "compat.h"
#include "xshm.h"

static int xshm_index_count = XSHM_INDEX_COUNT;

static const char * const xshm_huge_names[] = {
	[XSHM_HUGE_NEVER] = "never",
	[XSHM_HUGE_WITHIN_SIZE] = "within_size",
	[XSHM_HUGE_ALWAYS] = "always",
	[XSHM_HUGE_ADVISE] = "advise",
};

typedef int (*xshm_sysctl_handler)(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
				   loff_t *ppos);

/* Have a handler of the kernel's work on the instance's field: a row has its offset as data. */
static int xshm_sysctl_field(struct xshm_ns *ns, xshm_sysctl_handler handler,
			     xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	struct ctl_table row = *table;

	row.data = xshm_ns_limit(ns, (char *)ns + (unsigned long)table->data);
	return handler(&row, write, buffer, lenp, ppos);
}

static int xshm_sysctl_ulong(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	int err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	err = xshm_sysctl_field(ns, proc_doulongvec_minmax, table, write, buffer, lenp, ppos);
	xshm_ns_put(ns);
	return err;
}

static int xshm_sysctl_int(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			   loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	int err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	err = xshm_sysctl_field(ns, proc_dointvec_minmax, table, write, buffer, lenp, ppos);
	xshm_ns_put(ns);
	return err;
}

static int xshm_sysctl_rmid_forced(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
				   loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	int err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	err = xshm_sysctl_field(ns, proc_dointvec_minmax, table, write, buffer, lenp, ppos);
	if (!err && write)
		xshm_rmid_forced_changed(ns);
	xshm_ns_put(ns);
	return err;
}

/* The id that the next segment shall get. */
static int xshm_sysctl_next_id(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			       loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	int err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	mutex_lock(&ns->mutex);
	err = xshm_sysctl_field(ns, proc_dointvec_minmax, table, write, buffer, lenp, ppos);
	mutex_unlock(&ns->mutex);
	xshm_ns_put(ns);
	return err;
}

static int xshm_sysctl_read_huge(int now, struct ctl_table *row, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	char *text = row->data;
	int policy, len = 0;

	for (policy = 0; policy < ARRAY_SIZE(xshm_huge_names); policy++)
		len += scnprintf(text + len, row->maxlen - len,
				 policy == now ? "%s[%s]" : "%s%s",
				 policy ? " " : "", xshm_huge_names[policy]);
	return proc_dostring(row, 0, buffer, lenp, ppos);
}

/* As /sys/kernel/mm/transparent_hugepage/shmem_enabled: all names, ours in brackets. */
static int xshm_sysctl_huge(xshm_ctl_table *table, int write, void *buffer, size_t *lenp,
			    loff_t *ppos)
{
	struct xshm_ns *ns = xshm_ns_enter();
	char text[64] = "";
	struct ctl_table row = { .data = text, .maxlen = sizeof(text) };
	int policy, err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	if (!write) {
		err = xshm_sysctl_read_huge(READ_ONCE(ns->huge), &row, buffer, lenp, ppos);
	} else {
		err = proc_dostring(&row, 1, buffer, lenp, ppos);
		policy = err ? err : sysfs_match_string(xshm_huge_names, text);
		if (policy >= 0)
			WRITE_ONCE(ns->huge, policy);
		err = min(policy, 0);
	}
	xshm_ns_put(ns);
	return err;
}

#define XSHM_NS_FIELD(_field)						\
	.data = (void *)offsetof(struct xshm_ns, _field),		\
	.maxlen = sizeof_field(struct xshm_ns, _field)

static struct ctl_table xshm_sysctls[] = {
	{
		.procname = "shmmax",
		XSHM_NS_FIELD(shmmax),
		.mode = 0644,
		.proc_handler = xshm_sysctl_ulong,
	}, {
		.procname = "shmall",
		XSHM_NS_FIELD(shmall),
		.mode = 0644,
		.proc_handler = xshm_sysctl_ulong,
	}, {
		.procname = "shmmni",
		XSHM_NS_FIELD(shmmni),
		.mode = 0644,
		.proc_handler = xshm_sysctl_int,
		.extra1 = SYSCTL_ZERO,
		.extra2 = &xshm_index_count,
	}, {
		.procname = "shm_rmid_forced",
		XSHM_NS_FIELD(rmid_forced),
		.mode = 0644,
		.proc_handler = xshm_sysctl_rmid_forced,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_ONE,
	}, {
		.procname = "shm_next_id",
		XSHM_NS_FIELD(next_id),
		.mode = 0644,
		.proc_handler = xshm_sysctl_next_id,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_INT_MAX,
	}, {
		.procname = "user_segments",
		XSHM_NS_FIELD(user_segments),
		.mode = 0644,
		.proc_handler = xshm_sysctl_ulong,
	}, {
		.procname = "user_bytes",
		XSHM_NS_FIELD(user_bytes),
		.mode = 0644,
		.proc_handler = xshm_sysctl_ulong,
	}, {
		.procname = "huge",
		.mode = 0644,
		.proc_handler = xshm_sysctl_huge,
	}, {
		.procname = "owner_bound",
		XSHM_NS_FIELD(owner_bound),
		.mode = 0644,
		.proc_handler = xshm_sysctl_int,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_TWO,
	}, {
		.procname = "hugetlb_shm_group",
		.data = &xshm_hugetlb_shm_group,
		.maxlen = sizeof(xshm_hugetlb_shm_group),
		.mode = 0644,
		.proc_handler = proc_dointvec_minmax,
		.extra1 = SYSCTL_ZERO,
	},
	XSHM_CTL_TABLE_END
};

static struct ctl_table_header *xshm_sysctl_header;

int __init xshm_sysctl_init(void)
{
	xshm_sysctl_header = register_sysctl("xshm", xshm_sysctls);
	return xshm_sysctl_header ? 0 : -ENOMEM;
}

void xshm_sysctl_exit(void)
{
	unregister_sysctl_table(xshm_sysctl_header);
}

/* The first rows are those that kernel.* has, too. */
#define XSHM_SYSV_SYSCTLS	5

/* On a kernel that has no System V shared memory, and no such files. */
static struct ctl_table xshm_kernel_sysctls[XSHM_SYSV_SYSCTLS + XSHM_CTL_TABLE_ENDS];
static struct ctl_table_header *xshm_kernel_sysctl_header;

int xshm_sysctl_register_kernel(void)
{
	memcpy(xshm_kernel_sysctls, xshm_sysctls,
	       XSHM_SYSV_SYSCTLS * sizeof(xshm_kernel_sysctls[0]));
	xshm_kernel_sysctl_header = register_sysctl("kernel", xshm_kernel_sysctls);
	return xshm_kernel_sysctl_header ? 0 : -ENOMEM;
}

void xshm_sysctl_unregister_kernel(void)
{
	unregister_sysctl_table(xshm_kernel_sysctl_header);
}
