// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel is asked, or told, in a word. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tool.h"

/* Whether the command has a CAP_* now. */
bool have_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* Writes to a file of /proc. Returns 0 or an errno: EINVAL if it took a part of it only. */
int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	ssize_t put;

	if (fd < 0)
		return errno;
	put = write(fd, text, strlen(text));
	err = put < 0 ? errno : put == (ssize_t)strlen(text) ? 0 : EINVAL;
	close(fd);
	return err;
}
