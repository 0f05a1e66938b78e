// SPDX-License-Identifier: LGPL-2.1-or-later
/* The segments of this IPC namespace, as the module tells of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "tool.h"

static int control(int fd, unsigned long command, int id, unsigned int select,
		   void *buf, size_t size)
{
	struct xshm_control arg = {
		.size = sizeof(arg),
		.id = id,
		.select = select,
		.buf_size = size,
		.buf = (uintptr_t)buf,
	};

	if (buf && command != XSHM_IOC_SET)
		memset(buf, 0, size);
	return ioctl(fd, command, &arg);
}

int segment_stat(int fd, int id, struct xshm_ds *ds)
{
	return control(fd, XSHM_IOC_STAT, id, XSHM_SELECT_ID, ds, sizeof(*ds));
}

/* Returns the id, or -1 with errno. */
int segment_find(int fd, int key)
{
	struct xshm_get get = { .size = sizeof(get), .key = key };

	return ioctl(fd, XSHM_IOC_GET, &get);
}

int segment_remove(int fd, int id)
{
	return control(fd, XSHM_IOC_REMOVE, id, 0, NULL, 0);
}

/* Owner, group and mode. */
int segment_set(int fd, const struct xshm_ds *ds)
{
	struct xshm_ds copy = *ds;

	return control(fd, XSHM_IOC_SET, ds->id, 0, &copy, sizeof(copy));
}

static int by_id(const void *a, const void *b)
{
	const struct xshm_ds *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void segments_sort(struct segments *segments)
{
	qsort(segments->ds, segments->count, sizeof(*segments->ds), by_id);
}

/* Returns 0, or -1 after a message. */
int segments_load(int fd, struct segments *segments)
{
	int highest;

	free(segments->ds);
	memset(segments, 0, sizeof(*segments));
	highest = control(fd, XSHM_IOC_LIMITS, 0, 0, &segments->limits,
			  sizeof(segments->limits));
	if (highest < 0 || control(fd, XSHM_IOC_USAGE, 0, 0, &segments->usage,
				   sizeof(segments->usage)) < 0) {
		complain("can't ask for the limits: %s", strerror(errno));
		return -1;
	}
	segments->ds = xalloc(NULL, (highest + 1) * sizeof(*segments->ds));
	for (int i = 0; i <= highest; i++) {
		struct xshm_ds *ds = &segments->ds[segments->count];

		/* A hole, or removed since: EINVAL or EIDRM. */
		if (control(fd, XSHM_IOC_STAT, i, XSHM_SELECT_INDEX_ANY, ds, sizeof(*ds)) >= 0)
			segments->count++;
	}
	segments_sort(segments);
	return 0;
}

bool segment_is_orphan(const struct xshm_ds *ds)
{
	return !ds->nattch && ds->attributes & XSHM_ATTR_CREATOR_GONE;
}

struct word {
	bool set;
	const char *word;
};

static char *words(const struct word *word, size_t count)
{
	char *text = xprintf("%s", "");

	for (size_t i = 0; i < count; i++) {
		char *longer;

		if (!word[i].set)
			continue;
		longer = xprintf("%s%s%s", text, *text ? "," : "", word[i].word);
		free(text);
		text = longer;
	}
	return text;
}

char *segment_status(const struct xshm_ds *ds)
{
	const struct word list[] = {
		{ ds->mode & XSHM_DEST, "dest" },
		{ ds->mode & XSHM_LOCKED, "locked" },
		{ segment_is_orphan(ds), "orphan" },
		{ ds->attributes & SEGMENT_OF_KERNEL, "kernel" },
	};

	return words(list, ARRAY_SIZE(list));
}

char *segment_attributes(const struct xshm_ds *ds)
{
	const struct word list[] = {
		{ ds->attributes & XSHM_ATTR_HUGETLB, "hugetlb" },
		{ ds->attributes & XSHM_ATTR_THP, "thp" },
		{ ds->attributes & XSHM_ATTR_NORESERVE, "noreserve" },
		{ ds->attributes & XSHM_ATTR_OWNER_BOUND, "owner-bound" },
		{ ds->attributes & XSHM_ATTR_CREATOR_GONE, "creator-gone" },
	};

	return words(list, ARRAY_SIZE(list));
}
