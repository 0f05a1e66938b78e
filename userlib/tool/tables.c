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

#define FOLDER	"/proc/sys/kernel"
/* In what covers it: the kernel's folder. */
#define HIDDEN	".kernel"

static const char *const replaced[] = {
	"shmmax", "shmall", "shmmni", "shm_rmid_forced", "shm_next_id",
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

static bool is_replaced(const char *name)
{
	bool found = false;

	for (size_t i = 0; !found && i < ARRAY_SIZE(replaced); i++)
		found = !strcmp(name, replaced[i]);
	return found;
}

/* Links for all that is in the folder @kernels, in the one that is there now. */
static int make_links(int kernels)
{
	DIR *dir = fdopendir(dup(kernels));
	int cover = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC), err = 0;
	struct dirent *entry;

	while (dir && cover >= 0 && !err && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		char *target;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		target = xprintf("%s/%s", is_replaced(name) ? "../xshm" : HIDDEN, name);
		err = symlinkat(target, cover, name);
		free(target);
	}
	if (!dir || cover < 0)
		err = -1;
	if (dir)
		closedir(dir);
	if (cover >= 0)
		close(cover);
	return err;
}

static int cover_folder(void)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int kernels = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	char *path = xprintf("/proc/self/fd/%d", kernels);

	err = kernels < 0 || mount("xshm", FOLDER, "tmpfs", flags, "mode=0555");
	if (!err && (mkdir(FOLDER "/" HIDDEN, 0555) ||
		     mount(path, FOLDER "/" HIDDEN, NULL, MS_BIND | MS_REC, NULL) ||
		     make_links(kernels) ||
		     mount(NULL, FOLDER, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL))) {
		int saved = errno;

		/* All or nothing: half of the folder would be missing. */
		umount2(FOLDER, MNT_DETACH);
		errno = saved;
		err = -1;
	}
	free(path);
	if (kernels >= 0)
		close(kernels);
	return err;
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
	if (!access("/proc/xshm", F_OK) && !access("/proc/sysvipc/shm", F_OK) &&
	    mount("/proc/xshm", "/proc/sysvipc/shm", NULL, MS_BIND, NULL))
		without(verbose, "mount the table");
	/* xshm run inside of xshm run: once is enough. */
	if (!access(SYSCTLS "/shmmax", F_OK) && !access(FOLDER "/shmmax", F_OK) &&
	    access(FOLDER "/" HIDDEN, F_OK) && cover_folder())
		without(verbose, "mount the limits");
}
