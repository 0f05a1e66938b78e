// SPDX-License-Identifier: LGPL-2.1-or-later
/* Segments that the kernel made itself, before the system calls were served by xshm. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>
#include "sysv.h"
#include "tool.h"

#define TABLE "/proc/sysvipc/shm"

/* A segment that is none of xshm's may have been one, and be gone. */
static bool is_kernels(int fd, int id)
{
	struct shmid_ds ignored;
	struct xshm_ds ds;

	return segment_stat(fd, id, &ds) < 0 && errno == EINVAL &&
	       (!shmctl(id, IPC_STAT, &ignored) || errno == EACCES);
}

static bool parse(const char *line, struct xshm_ds *ds)
{
	unsigned long long size, nattch, resident, swapped;
	long long atime, dtime, ctime;

	if (sscanf(line, "%d %d %o %llu %d %d %llu %u %u %u %u %lld %lld %lld %llu %llu", &ds->key,
		   &ds->id, &ds->mode, &size, &ds->cpid, &ds->lpid, &nattch, &ds->uid, &ds->gid,
		   &ds->cuid, &ds->cgid, &atime, &dtime, &ctime, &resident, &swapped) != 16)
		return false;
	ds->segsz = size;
	ds->nattch = nattch;
	ds->atime = atime;
	ds->dtime = dtime;
	ds->ctime = ctime;
	ds->resident = resident;
	ds->swapped = swapped;
	ds->page_size = sysconf(_SC_PAGESIZE);
	ds->attributes = SEGMENT_OF_KERNEL;
	return true;
}

/* The table has both kinds where the calls are served; without it, none are added. */
void segments_add_kernels(int fd, struct segments *segments)
{
	FILE *file = sysv_served() > 0 ? fopen(TABLE, "re") : NULL;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		struct xshm_ds ds = {};

		if (!parse(line, &ds) || !is_kernels(fd, ds.id))
			continue;
		segments->ds = xalloc(segments->ds, (segments->count + 1) * sizeof(ds));
		segments->ds[segments->count++] = ds;
	}
	if (file)
		fclose(file);
	segments_sort(segments);
}
