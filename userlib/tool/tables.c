// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tables and limits of the kernel's own shared memory, replaced by xshm's
 * in a mount namespace of the command's own: unmodified ipcs, lsipc and
 * ipcrm then show and manage xshm's segments.
 *
 * In /proc/sys/kernel each IPC namespace has files of its own by the same names, and what is
 * mounted on those of one is not seen in the next. The folder is common to all. So it is
 * covered as a whole, by links to xshm's files, which are those of whoever opens
 * them, and to the kernel's for all others.
 *
 * A kernel without CONFIG_SYSVIPC has none of these files, and nothing can be
 * added to /proc. ipcs and lsipc then ask shmctl(2), which is xshm's already.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tool.h"

/* Not in each C library's <sys/mount.h>. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE		1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH	4
#endif

#define FOLDER	"/proc/sys/kernel"
/* In what covers it: the kernel's folder. */
#define HIDDEN	".kernel"

static const char *const replaced[] = {
	"shmmax", "shmall", "shmmni", "shm_rmid_forced", "shm_next_id",
};

/* It is a convenience, not what the command was started for: it goes on without. */
static void without(bool verbose, const char *what)
{
	if (verbose)
		complain("going on without xshm's tables in /proc: can't %s: %s", what,
			 strerror(errno));
}

static bool is_replaced(const char *name)
{
	bool found = false;

	for (size_t i = 0; !found && i < ARRAY_SIZE(replaced); i++)
		found = !strcmp(name, replaced[i]);
	return found;
}

/* Links for all that is in the folder HIDDEN, in the one that covers it. */
static int make_links(void)
{
	DIR *dir = opendir(FOLDER "/" HIDDEN);
	struct dirent *entry;
	int err = dir ? 0 : -1;

	while (!err && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		char *target, *link;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		target = xprintf("%s/%s", is_replaced(name) ? "../xshm" : HIDDEN, name);
		link = xprintf(FOLDER "/%s", name);
		err = symlink(target, link);
		free(target);
		free(link);
	}
	if (dir)
		closedir(dir);
	return err;
}

static int cover_folder(void)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	/* With what is mounted inside of it, but not with what comes on top. */
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, FOLDER,
				OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
	int err = tree < 0 || mount("xshm", FOLDER, "tmpfs", flags, "mode=0555") ? -1 : 0;

	if (!err && (mkdir(FOLDER "/" HIDDEN, 0555) ||
		     syscall(SYS_move_mount, tree, "", AT_FDCWD, FOLDER "/" HIDDEN,
			     MOVE_MOUNT_F_EMPTY_PATH) ||
		     make_links() ||
		     mount(NULL, FOLDER, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL))) {
		int saved = errno;

		/* All or nothing: half of the folder would be missing. */
		umount2(FOLDER, MNT_DETACH);
		errno = saved;
		err = -1;
	}
	if (tree >= 0)
		close(tree);
	return err;
}

void tables_bind(bool verbose)
{
	if (!have_capability(CAP_SYS_ADMIN))
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
	if (!access("/proc/xshm", F_OK) && !access("/proc/sysvipc/shm", F_OK) &&
	    mount("/proc/xshm", "/proc/sysvipc/shm", NULL, MS_BIND, NULL))
		without(verbose, "mount the table");
	/* xshm run inside of xshm run: once is enough. */
	if (!access(SYSCTLS "/shmmax", F_OK) && !access(FOLDER "/shmmax", F_OK) &&
	    access(FOLDER "/" HIDDEN, F_OK) && cover_folder())
		without(verbose, "mount the limits");
}
