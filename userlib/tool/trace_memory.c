// SPDX-License-Identifier: LGPL-2.1-or-later
/* The memory of a tracee. */
#include <errno.h>
#include <sys/uio.h>
#include "trace.h"

static int whole(ssize_t done, size_t size)
{
	if (done == (ssize_t)size)
		return 0;
	if (done >= 0)
		errno = EFAULT;
	return -1;
}

int memory_read(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	struct iovec ours = { buf, size }, theirs = { (void *)(uintptr_t)addr, size };

	return whole(process_vm_readv(tid, &ours, 1, &theirs, 1, 0), size);
}

/* Writes only where the tracee itself could. */
int memory_write(pid_t tid, uint64_t addr, const void *buf, size_t size)
{
	struct iovec ours = { (void *)(uintptr_t)buf, size };
	struct iovec theirs = { (void *)(uintptr_t)addr, size };

	return whole(process_vm_writev(tid, &ours, 1, &theirs, 1, 0), size);
}
