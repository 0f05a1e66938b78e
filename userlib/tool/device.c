// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening /dev/xshm, and saying in words why that fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "tool.h"

/* The minor number that /proc/misc gives, -1 if the module is not there. */
static int misc_minor(void)
{
	FILE *file = fopen("/proc/misc", "re");
	char name[64];
	int minor, found = -1;

	if (!file)
		return -1;
	while (fscanf(file, "%d %63s", &minor, name) == 2)
		if (!strcmp(name, "xshm"))
			found = minor;
	fclose(file);
	return found;
}

/* The type of the file system that is mounted at @path itself, to be freed; or NULL. */
static char *mounted_type(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024], at[256], type[64], *found = NULL;

	while (file && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(line, "%*d %*d %*s %*s %255s", at) != 1 || strcmp(at, path) ||
		    sscanf(rest, " - %63s", type) != 1)
			continue;
		/* The last one is on top. */
		free(found);
		found = xprintf("%s", type);
	}
	if (file)
		fclose(file);
	return found;
}

/* Root of it may make no devices, and has no use for those that it could. */
static bool in_user_namespace(void)
{
	FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned long inside = 0, outside = 0, count = 0;
	bool all = !file || fscanf(file, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
		   (!inside && !outside && count == 4294967295UL);

	if (file)
		fclose(file);
	return !all;
}

/*
 * Whether /dev is a sandbox's, of which another one outside is the original. Who may make
 * devices in it is told how, as well.
 */
static bool is_sandbox(void)
{
	char *type = mounted_type("/dev");
	bool own = type && strcmp(type, "devtmpfs");

	free(type);
	return (own && !have_capability(CAP_MKNOD)) || in_user_namespace();
}

static bool is_forbidden_by_mount(void)
{
	struct statvfs fs;

	return !statvfs(DEVICE, &fs) && fs.f_flag & ST_NODEV;
}

static char *missing_trouble(int err, int minor)
{
	if (is_sandbox())
		return xprintf("the module is loaded, but " DEVICE " is %s in this sandbox: bind "
			       "that of the machine there, as with bwrap --dev-bind " DEVICE " "
			       DEVICE ", docker run --device " DEVICE,
			       err == ENOENT ? "missing" : "stale");
	return xprintf("the module is loaded, but " DEVICE " is %s: mknod -m 0666 "
		       DEVICE " c 10 %d (as root%s); in a sandbox, bind that of the machine",
		       err == ENOENT ? "missing" : "stale", minor,
		       err == ENOENT ? "" : ", after rm " DEVICE);
}

static char *open_trouble(int err)
{
	struct utsname uts;
	int minor = misc_minor();

	if (uname(&uts))
		strcpy(uts.release, "RELEASE");
	switch (err) {
	case EACCES:
	case EPERM:
		if (is_forbidden_by_mount())
			return xprintf(DEVICE " is on a file system that is mounted with nodev, "
				       "where no device can be opened: mount it with dev, or bind "
				       "the device with bwrap --dev-bind, not --bind");
		return xprintf("no permission on " DEVICE ": chmod 0666 " DEVICE
			       " (as root), or install the udev rule");
	case ENOENT:
	case ENXIO:
	case ENODEV:
		if (minor >= 0)
			return missing_trouble(err, minor);
		return xprintf("the module is not loaded: as root, modprobe xshm "
			       "(or insmod build/%s/xshm.ko)", uts.release);
	default:
		return xprintf("can't open " DEVICE ": %s", strerror(err));
	}
}

static char *version_trouble(int fd)
{
	struct xshm_version version = { .size = sizeof(version) };

	if (ioctl(fd, XSHM_IOC_VERSION, &version))
		return errno == ENOTTY || errno == EINVAL ?
			xprintf(DEVICE " is not xshm's: rm " DEVICE "; modprobe xshm") :
			xprintf("can't ask " DEVICE " for its version: %s", strerror(errno));
	if (version.abi != XSHM_ABI_VERSION)
		return xprintf("the module has ABI version %u, this command %u: "
			       "install the %s of the same release", version.abi,
			       XSHM_ABI_VERSION,
			       version.abi < XSHM_ABI_VERSION ? "module" : "command");
	return NULL;
}

/* Returns a descriptor; or -1, and in *@trouble why, to be freed. */
int device_try(char **trouble)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	*trouble = fd < 0 ? open_trouble(errno) : version_trouble(fd);
	if (!*trouble)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Returns a descriptor, or -1 after a message. */
int device_open(void)
{
	char *trouble;
	int fd = device_try(&trouble);

	if (fd < 0)
		complain("%s", trouble);
	free(trouble);
	return fd;
}

/* Returns why xshm can't be used, to be freed; NULL if it can. */
char *device_trouble(void)
{
	char *trouble;
	int fd = device_try(&trouble);

	if (fd >= 0)
		close(fd);
	return trouble;
}
