// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tables and limits of the kernel's own shared memory, replaced by xshm's
 * in a mount namespace of the command's own: unmodified ipcs, lsipc and
 * ipcrm then show and manage xshm's segments.
 *
 * A kernel without CONFIG_SYSVIPC has none of these files, and nothing can be
 * added to /proc. ipcs and lsipc then ask shmctl(2), which is xshm's already.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tool.h"

static const struct {
	const char *from, *to;
} binds[] = {
	{ "/proc/xshm", "/proc/sysvipc/shm" },
	{ SYSCTLS "/shmmax", "/proc/sys/kernel/shmmax" },
	{ SYSCTLS "/shmall", "/proc/sys/kernel/shmall" },
	{ SYSCTLS "/shmmni", "/proc/sys/kernel/shmmni" },
	{ SYSCTLS "/shm_rmid_forced", "/proc/sys/kernel/shm_rmid_forced" },
	{ SYSCTLS "/shm_next_id", "/proc/sys/kernel/shm_next_id" },
};

static bool may_mount(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) && data[0].effective & 1U << CAP_SYS_ADMIN;
}

/* It is a convenience, not what the command was started for: it goes on without. */
static void without(bool verbose, const char *what)
{
	if (verbose)
		complain("going on without xshm's tables in /proc: can't %s: %s", what,
			 strerror(errno));
}

void tables_bind(bool verbose)
{
	if (!may_mount())
		return;
	/* In a sandbox, the capability may be there and the calls not. */
	if (unshare(CLONE_NEWNS)) {
		without(verbose, "make a mount namespace");
		return;
	}
	/*
	 * Mounts made outside still appear inside; none made here gets out. In a chroot that
	 * is no mount point it can't be had, and nothing may be mounted without.
	 */
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL)) {
		without(verbose, "keep mounts to a mount namespace");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(binds); i++) {
		if (access(binds[i].from, F_OK) || access(binds[i].to, F_OK))
			continue;
		if (mount(binds[i].from, binds[i].to, NULL, MS_BIND, NULL))
			without(verbose, "mount one");
	}
}
