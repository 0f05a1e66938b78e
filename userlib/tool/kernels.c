// SPDX-License-Identifier: LGPL-2.1-or-later
/* Segments that the kernel made itself, before the system calls were served by xshm. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>
#include "sysv.h"
#include "tool.h"

#define OWN	"/proc/xshm"
#define KERNELS	"/proc/sysvipc/shm"

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
	return true;
}

/* Returns the number of rows of a table, or -1 if there is no table. */
static long read_table(const char *path, struct xshm_ds **rows)
{
	FILE *file = fopen(path, "re");
	long count = 0, room = 0;
	char line[512];

	*rows = NULL;
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		struct xshm_ds ds = {};

		/* The first line names the columns. */
		if (!parse(line, &ds))
			continue;
		if (count == room) {
			room = room ? 2 * room : 64;
			*rows = xalloc(*rows, room * sizeof(**rows));
		}
		(*rows)[count++] = ds;
	}
	fclose(file);
	return count;
}

/* What tells a segment from any other, of either kind. */
static int by_identity(const void *a, const void *b)
{
	const struct xshm_ds *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->cpid > y->cpid) - (x->cpid < y->cpid);
}

/* One of xshm's may have gone after the first table was read. */
static bool is_there(int id)
{
	struct shmid_ds ignored;

	return !shmctl(id, IPC_STAT, &ignored) || errno == EACCES;
}

/*
 * Where the calls are served, or were, the kernel's table has the segments of both: its own
 * are those that the other table hasn't. @ds: the kernel's own, or NULL if only their number
 * is wanted; @own: the number of xshm's. Both are -1 where there is no such table.
 */
long kernels_own(struct xshm_ds **ds, long *own)
{
	struct xshm_ds *rows, *others;
	long kept = 0, count;

	/* In this order, whatever is xshm's and still there is in the second. */
	count = read_table(KERNELS, &rows);
	*own = read_table(OWN, &others);
	if (*own > 0)
		qsort(others, *own, sizeof(*others), by_identity);
	for (long i = 0; i < count; i++) {
		if (*own > 0 && (bsearch(&rows[i], others, *own, sizeof(*others), by_identity) ||
				 !is_there(rows[i].id)))
			continue;
		rows[i].page_size = sysconf(_SC_PAGESIZE);
		rows[i].attributes = SEGMENT_OF_KERNEL;
		rows[kept++] = rows[i];
	}
	free(others);
	if (ds)
		*ds = rows;
	else
		free(rows);
	return count < 0 ? -1 : kept;
}

void segments_add_kernels(struct segments *segments)
{
	struct xshm_ds *ds;
	long own, count;

	if (sysv_served() <= 0)
		return;
	count = kernels_own(&ds, &own);
	if (count > 0) {
		segments->ds = xalloc(segments->ds,
				      (segments->count + count) * sizeof(*segments->ds));
		memcpy(segments->ds + segments->count, ds, count * sizeof(*ds));
		segments->count += count;
		segments_sort(segments);
	}
	free(ds);
}
