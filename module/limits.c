// SPDX-License-Identifier: GPL-2.0
/*
 * limits.c - looking at the limits and policies of a namespace, and setting them
 */
#include <linux/string.h>

#include "xshm.h"

/* As IPC_INFO of shmctl(2), and what xshm has beside that. */
void xshm_get_limits(struct xshm_ns *ns, struct xshm_limits *limits)
{
	const struct xshm_limits_now now = xshm_ns_limits(ns);
	const int *next_id = xshm_ns_limit(ns, &ns->next_id);

	*limits = (struct xshm_limits) {
		.shmmax = now.shmmax,
		.shmmin = 1,
		.shmmni = now.shmmni,
		.shmseg = now.shmmni,
		.shmall = now.shmall,
		.user_segments = READ_ONCE(ns->user_segments),
		.user_bytes = READ_ONCE(ns->user_bytes),
		.rmid_forced = xshm_ns_rmid_forced(ns),
		.huge = READ_ONCE(ns->huge),
		.next_id = READ_ONCE(*next_id),
	};
}

/* The values that the sysctl files take, too. */
static bool xshm_limits_valid(const struct xshm_limits *limits, u32 which)
{
	if (which & ~XSHM_LIMITS_ALL || limits->reserved1 ||
	    memchr_inv(limits->reserved, 0, sizeof(limits->reserved)))
		return false;
	if (which & XSHM_LIMIT_SHMMNI && limits->shmmni > XSHM_INDEX_COUNT)
		return false;
	if (which & XSHM_LIMIT_RMID_FORCED && limits->rmid_forced > 1)
		return false;
	if (which & XSHM_LIMIT_HUGE && limits->huge > XSHM_HUGE_ADVISE)
		return false;
	if (which & XSHM_LIMIT_NEXT_ID && limits->next_id < 0)
		return false;
	return limits->shmmax <= ULONG_MAX && limits->shmall <= ULONG_MAX &&
	       limits->user_segments <= ULONG_MAX && limits->user_bytes <= ULONG_MAX;
}

static void xshm_limits_write(struct xshm_ns *ns, const struct xshm_limits *limits, u32 which)
{
	unsigned long *shmmax = xshm_ns_limit(ns, &ns->shmmax);
	unsigned long *shmall = xshm_ns_limit(ns, &ns->shmall);
	int *rmid_forced = xshm_ns_limit(ns, &ns->rmid_forced);
	int *next_id = xshm_ns_limit(ns, &ns->next_id);
	int *shmmni = xshm_ns_limit(ns, &ns->shmmni);

	mutex_lock(&ns->mutex);
	if (which & XSHM_LIMIT_SHMMAX)
		WRITE_ONCE(*shmmax, limits->shmmax);
	if (which & XSHM_LIMIT_SHMMNI)
		WRITE_ONCE(*shmmni, limits->shmmni);
	if (which & XSHM_LIMIT_SHMALL)
		WRITE_ONCE(*shmall, limits->shmall);
	if (which & XSHM_LIMIT_USER_SEGMENTS)
		WRITE_ONCE(ns->user_segments, limits->user_segments);
	if (which & XSHM_LIMIT_USER_BYTES)
		WRITE_ONCE(ns->user_bytes, limits->user_bytes);
	if (which & XSHM_LIMIT_RMID_FORCED)
		WRITE_ONCE(*rmid_forced, limits->rmid_forced);
	if (which & XSHM_LIMIT_HUGE)
		WRITE_ONCE(ns->huge, limits->huge);
	if (which & XSHM_LIMIT_NEXT_ID)
		WRITE_ONCE(*next_id, limits->next_id);
	mutex_unlock(&ns->mutex);
}

/**
 * xshm_set_limits - set some limits, or none of them
 * @ns: the instance of the caller's namespace
 * @limits: the values
 * @which: which of them, XSHM_LIMIT_*
 *
 * A change of shm_rmid_forced is followed by xshm_rmid_forced_changed().
 *
 * Return: 0, -EINVAL for a bit that isn't known or a value out of range, -EPERM.
 */
int xshm_set_limits(struct xshm_ns *ns, const struct xshm_limits *limits, u32 which)
{
	if (!xshm_limits_valid(limits, which))
		return -EINVAL;
	if (which & ~XSHM_LIMIT_NEXT_ID && !xshm_may_set_limits())
		return -EPERM;
	if (which & XSHM_LIMIT_NEXT_ID && !xshm_may_choose_id())
		return -EPERM;
	xshm_limits_write(ns, limits, which);
	return 0;
}
