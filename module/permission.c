// SPDX-License-Identifier: GPL-2.0
/*
 * permission.c - who may do what, and as whom the module acts for itself
 *
 * The rules are those of System V. Capabilities are asked of the user
 * namespace that owns the caller's IPC namespace, so root of a container is
 * root for the container's segments only.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>

#include "xshm.h"

/* Whom the hugetlb pool is open to besides CAP_IPC_LOCK; as vm.hugetlb_shm_group. */
int xshm_hugetlb_shm_group;

static struct cred *xshm_kernel_cred;

int __init xshm_credentials_init(void)
{
	xshm_kernel_cred = prepare_kernel_cred(&init_task);
	return xshm_kernel_cred ? 0 : -ENOMEM;
}

void xshm_credentials_exit(void)
{
	put_cred(xshm_kernel_cred);
}

/*
 * For what the module makes for itself, once the caller's permission was
 * checked. Return: the caller's credentials, for revert_creds().
 */
const struct cred *xshm_use_kernel_credentials(void)
{
	return override_creds(xshm_kernel_cred);
}

/* The caller keeps its namespaces for as long as it runs a command. */
static bool xshm_capable(int capability)
{
	return ns_capable(current->nsproxy->ipc_ns->user_ns, capability);
}

/* What xshm_may_access() leaves; @wanted is in the lowest three bits. */
bool xshm_may_access_wanted(const struct xshm_segment *segment, unsigned int wanted)
{
	unsigned int granted = segment->mode;

	if (xshm_owns(segment))
		granted >>= 6;
	else if (in_group_p(segment->cgid) || in_group_p(segment->gid))
		granted >>= 3;

	return !(wanted & ~granted & 0007) || xshm_capable(CAP_IPC_OWNER);
}

/**
 * xshm_may_control - check the right to change or remove a segment
 * @segment: the segment, locked
 *
 * Return: true for owner, creator and CAP_SYS_ADMIN.
 */
bool xshm_may_control(const struct xshm_segment *segment)
{
	return xshm_owns(segment) || xshm_capable(CAP_SYS_ADMIN);
}

/* SHM_LOCK and SHM_UNLOCK of whose segment ever. */
bool xshm_may_lock_anything(void)
{
	return xshm_capable(CAP_IPC_LOCK);
}

/**
 * xshm_may_use_hugetlb - check the right to take pages of the hugetlb pool
 *
 * The pool belongs to the machine, so CAP_IPC_LOCK counts only in the initial
 * user namespace.
 */
bool xshm_may_use_hugetlb(void)
{
	kgid_t group = make_kgid(&init_user_ns, READ_ONCE(xshm_hugetlb_shm_group));

	return capable(CAP_IPC_LOCK) || in_group_p(group);
}

/* The owner of the IPC namespace may set its limits, as with kernel.shmmax. */
bool xshm_may_set_limits(void)
{
	struct user_namespace *user_ns = current->nsproxy->ipc_ns->user_ns;

	return uid_eq(current_euid(), make_kuid(user_ns, 0)) || xshm_capable(CAP_SYS_ADMIN);
}

/* Who restores processes may choose ids, as with kernel.shm_next_id. */
bool xshm_may_choose_id(void)
{
	return checkpoint_restore_ns_capable(current->nsproxy->ipc_ns->user_ns);
}
