// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who is attached: /proc/PID/maps shows a mapping of a segment with the device
 * number of its backing and its id as the inode number.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tool.h"

static int by_id(const void *key, const void *element)
{
	uint64_t id = *(const uint64_t *)key;
	uint64_t other = ((const struct xshm_ds *)element)->id;

	return (id > other) - (id < other);
}

static void add(struct attached_list *list, const struct attached *new)
{
	list->v = xalloc(list->v, (list->count + 1) * sizeof(*list->v));
	list->v[list->count] = *new;
	list->v[list->count++].command = process_command(new->pid);
}

/* @ds is sorted by id. Returns false when the maps may not be read. */
static bool scan_process(pid_t pid, uid_t uid, const struct xshm_ds *ds, size_t count,
			 struct attached_list *list)
{
	char path[64], line[512];
	bool whole = true, readable;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return errno != EACCES && errno != EPERM;
	while (fgets(line, sizeof(line), file)) {
		struct attached new = { .pid = pid, .uid = uid };
		unsigned int major, minor;
		const struct xshm_ds *found;
		unsigned long long start, end, offset, inode;
		bool starts = whole;

		/* A long name of a mapped file comes in several pieces. */
		whole = strchr(line, '\n');
		if (!starts || sscanf(line, "%llx-%llx %4s %llx %x:%x %llu", &start, &end,
				      new.access, &offset, &major, &minor, &inode) != 7)
			continue;
		new.start = start;
		new.end = end;
		new.offset = offset;
		found = bsearch(&(uint64_t){ inode }, ds, count, sizeof(*ds), by_id);
		if (!found || found->dev_major != major || found->dev_minor != minor)
			continue;
		new.segment = found - ds;
		add(list, &new);
	}
	/* The file opens, but reading it is what may be forbidden. */
	readable = !ferror(file) || (errno != EACCES && errno != EPERM);
	fclose(file);
	return readable;
}

static int by_segment(const void *a, const void *b)
{
	const struct attached *x = a, *y = b;

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

/*
 * Other IPC namespaces may have segments with the same ids. Where a namespace
 * can't be seen, nor can the maps.
 */
static bool in_our_namespace(pid_t pid)
{
	static struct stat ours;
	struct stat st;
	char path[64];

	if (!ours.st_ino && stat("/proc/self/ns/ipc", &ours))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	return stat(path, &st) || st.st_ino == ours.st_ino;
}

/* Finds the attaches of the segments @ds, which are sorted by id. */
void attached_scan(const struct xshm_ds *ds, size_t count, struct attached_list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	memset(list, 0, sizeof(*list));
	while (proc && (entry = readdir(proc))) {
		char path[64];
		struct stat st;
		pid_t pid;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d", pid);
		if (stat(path, &st) || !in_our_namespace(pid))
			continue;
		if (!scan_process(pid, st.st_uid, ds, count, list))
			list->hidden++;
	}
	if (proc)
		closedir(proc);
	if (list->count)
		qsort(list->v, list->count, sizeof(*list->v), by_segment);
}

void attached_free(struct attached_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->v[i].command);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
