/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of xshm_sysv.ko's hooks look at: the kernel's log, and what is left. */
#ifndef SELFTESTS_XSHM_HOOKS_H
#define SELFTESTS_XSHM_HOOKS_H

#include "served.h"
#include "tracefs.h"

/* What the first and the last of the four calls are in the kernel. */
#ifdef __aarch64__
#define SHMGET	"__arm64_sys_shmget"
#define SHMCTL	"__arm64_sys_shmctl"
#else
#define SHMGET	"__x64_sys_shmget"
#define SHMCTL	"__x64_sys_shmctl"
#endif

/* Lines of a file that have a text in them. */
static inline int lines_with(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char line[512];
	int count = 0;

	while (f && fgets(line, sizeof(line), f))
		count += !!strstr(line, text);
	if (f)
		fclose(f);
	return count;
}

/* Lines of xshm_sysv in the kernel log. */
static inline int log_lines(const char *text)
{
	char record[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), count = 0;
	ssize_t n;

	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = 0;
		count += strstr(record, "xshm_sysv: ") && strstr(record, text);
	}
	close(fd);
	return count;
}

/* All four calls, on a segment of xshm's. */
static inline bool calls_work(void)
{
	int id = get(IPC_PRIVATE, 4096, 0600);
	struct shmid_ds ds;
	long p;

	if (id < 0 || !of_xshm(id))
		return false;
	p = at(id, NULL, 0);
	if (p < 0 && p > -4096)
		return false;
	return !ctl(id, IPC_STAT, &ds) && ds.shm_nattch == 1 && !dt((void *)p) &&
	       !ctl(id, IPC_RMID, NULL) && !of_xshm(id);
}

/*
 * What there is of the module, which is not loaded: "" if nothing. The calls must be the
 * kernel's own, or not be there, in a namespace that has no segment with the key.
 */
static inline const char *what_is_left(void)
{
	bool theirs = kernel_has_sysv();
	int id;

	if (!access("/sys/module/xshm_sysv", F_OK))
		return "module";
	if (read_number(SWITCH) != -ENOENT)
		return "switch";
	if (!access("/proc/sysvipc/shm", F_OK) != theirs)
		return "table";
	if (!access("/proc/sys/kernel/shmmax", F_OK) != theirs)
		return "limits";
	if (lines_with(TRACEFS "/enabled_functions", "xshm_sysv"))
		return "hook";
	if (get(KEY, 0, 0) != (theirs ? -ENOENT : -ENOSYS))
		return "shmget of a key";
	id = get(IPC_PRIVATE, 4096, 0600);
	if (!theirs)
		return id == -ENOSYS ? "" : "shmget";
	if (id < 0 || of_xshm(id) || ctl(id, IPC_RMID, NULL))
		return "shmget";
	return "";
}

#endif
