// SPDX-License-Identifier: LGPL-2.1-or-later
/* The memory of a tracee. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>
#include "trace.h"

static int open_memory(pid_t tid, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	return open(path, flags | O_CLOEXEC);
}

int memory_read(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	struct iovec ours = { buf, size }, theirs = { (void *)(uintptr_t)addr, size };
	ssize_t done;
	int fd;

	if (process_vm_readv(tid, &ours, 1, &theirs, 1, 0) == (ssize_t)size)
		return 0;
	/* Unlike the call above, this one extends a stack. */
	fd = open_memory(tid, O_RDONLY);
	if (fd < 0)
		return -1;
	done = pread(fd, buf, size, (off_t)addr);
	close(fd);
	return done == (ssize_t)size ? 0 : -1;
}

/* Writes only where the tracee itself could. */
int memory_write(pid_t tid, uint64_t addr, const void *buf, size_t size)
{
	struct iovec ours = { (void *)(uintptr_t)buf, size };
	struct iovec theirs = { (void *)(uintptr_t)addr, size };

	return process_vm_writev(tid, &ours, 1, &theirs, 1, 0) == (ssize_t)size ? 0 : -1;
}
