// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening /dev/xshm, and saying in words why that fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

static char *open_trouble(int err)
{
	struct utsname uts;
	int minor = misc_minor();

	if (uname(&uts))
		strcpy(uts.release, "RELEASE");
	switch (err) {
	case EACCES:
	case EPERM:
		return xprintf("no permission on " DEVICE ": chmod 0666 " DEVICE
			       " (as root), or install the udev rule");
	case ENOENT:
	case ENXIO:
	case ENODEV:
		if (minor >= 0)
			return xprintf("the module is loaded, but " DEVICE " is %s: mknod -m 0666 "
				       DEVICE " c 10 %d (as root%s)",
				       err == ENOENT ? "missing" : "stale", minor,
				       err == ENOENT ? "" : ", after rm " DEVICE);
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
