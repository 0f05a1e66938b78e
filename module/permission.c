// SPDX-License-Identifier: GPL-2.0
/*
 * permission.c - who may do what
 *
 * The rules are those of System V. Capabilities are asked of the user
 * namespace that owns the IPC namespace, so root of a container is root for
 * the container's segments only.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/user_namespace.h>

#include "xshm.h"

/* Whom the hugetlb pool is open to besides CAP_IPC_LOCK; as vm.hugetlb_shm_group. */
int xshm_hugetlb_shm_group;

static bool xshm_owns(const struct xshm_segment *segment)
{
	kuid_t euid = current_euid();

	lockdep_assert_held(&segment->lock);

	return uid_eq(euid, segment->cuid) || uid_eq(euid, segment->uid);
}

/**
 * xshm_may_access - check the mode of a segment
 * @ns: instance that the segment was found in
 * @segment: the segment, locked
 * @flags: permission bits; what any of the three triples asks for is wanted
 *
 * Return: true if owner or creator, group or others, whichever of them the
 * caller is first, have all of it, or the caller has CAP_IPC_OWNER.
 */
bool xshm_may_access(const struct xshm_ns *ns, const struct xshm_segment *segment,
		     unsigned int flags)
{
	unsigned int wanted = flags >> 6 | flags >> 3 | flags;
	unsigned int granted = segment->mode;

	if (xshm_owns(segment))
		granted >>= 6;
	else if (in_group_p(segment->cgid) || in_group_p(segment->gid))
		granted >>= 3;

	return !(wanted & ~granted & 0007) ||
	       ns_capable(ns->ipc_ns->user_ns, CAP_IPC_OWNER);
}

/**
 * xshm_may_control - check the right to change or remove a segment
 * @ns: instance that the segment was found in
 * @segment: the segment, locked
 *
 * Return: true for owner, creator and CAP_SYS_ADMIN.
 */
bool xshm_may_control(const struct xshm_ns *ns, const struct xshm_segment *segment)
{
	return xshm_owns(segment) ||
	       ns_capable(ns->ipc_ns->user_ns, CAP_SYS_ADMIN);
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
bool xshm_may_set_limits(const struct xshm_ns *ns)
{
	struct user_namespace *user_ns = ns->ipc_ns->user_ns;

	return uid_eq(current_euid(), make_kuid(user_ns, 0)) ||
	       ns_capable(user_ns, CAP_SYS_ADMIN);
}

/* Who restores processes may choose ids, as with kernel.shm_next_id. */
bool xshm_may_choose_id(const struct xshm_ns *ns)
{
	return checkpoint_restore_ns_capable(ns->ipc_ns->user_ns);
}
