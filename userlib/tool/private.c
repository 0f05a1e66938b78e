// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --private: an IPC namespace of the command's own. Its segments end with the last
 * process inside, whatever was forgotten.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

/* Who has no privilege may have it over a user namespace, where he stays who he is. */
static int enter_as_user(uid_t uid, gid_t gid)
{
	char *users = xprintf("%u %u 1", uid, uid), *groups = xprintf("%u %u 1", gid, gid);
	int err = unshare(CLONE_NEWUSER | CLONE_NEWIPC) ? errno : 0;

	if (!err)
		err = write_text("/proc/self/setgroups", "deny");
	if (!err)
		err = write_text("/proc/self/gid_map", groups);
	if (!err)
		err = write_text("/proc/self/uid_map", users);
	free(users);
	free(groups);
	errno = err;
	return err ? -1 : 0;
}

/* Returns 0, or -1 after a message. */
int private_enter(void)
{
	if (!unshare(CLONE_NEWIPC))
		return 0;
	if (errno == EPERM && !enter_as_user(geteuid(), getegid()))
		return 0;
	complain("can't make an IPC namespace%s: %s", errno == EPERM || errno == ENOSPC ?
		 ", for which users need user namespaces (user.max_user_namespaces, "
		 "kernel.unprivileged_userns_clone)" : "", strerror(errno));
	return -1;
}
