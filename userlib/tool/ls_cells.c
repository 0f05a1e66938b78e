// SPDX-License-Identifier: LGPL-2.1-or-later
/* What xshm ls shows of a segment in each column. */
#include <stdlib.h>
#include "ls.h"

char *ls_size(const struct listing *listing, uint64_t bytes)
{
	char buf[16];

	if (listing->bytes || listing->mode != TABLE_HUMAN)
		return xprintf("%llu", (unsigned long long)bytes);
	format_size(buf, sizeof(buf), bytes);
	return xprintf("%s", buf);
}

static char *time_cell(const struct listing *listing, int64_t seconds)
{
	if (listing->mode == TABLE_HUMAN)
		return format_time(seconds, true);
	return seconds ? xprintf("%lld", (long long)seconds) : NULL;
}

static char *attached_json(const struct attached *at, size_t count)
{
	char *json = xprintf("["), *longer;

	for (size_t i = 0; i < count; i++) {
		char *name = NULL;

		json_text(&name, at[i].command);
		longer = xprintf("%s%s{\"pid\": %d, \"uid\": %u, \"command\": %s, "
				 "\"address\": \"0x%llx\", \"length\": %llu, \"offset\": %llu, "
				 "\"access\": \"%.3s\"}", json, i ? ", " : "", at[i].pid,
				 at[i].uid, name, (unsigned long long)at[i].start,
				 (unsigned long long)(at[i].end - at[i].start),
				 (unsigned long long)at[i].offset, at[i].access);
		free(name);
		free(json);
		json = longer;
	}
	longer = xprintf("%s]", json);
	free(json);
	return longer;
}

/* @at: the mappings of this segment; a row of one shows the first of them. */
char *ls_cell(const struct listing *listing, int column, const struct xshm_ds *ds,
	      const struct attached *at, size_t count)
{
	switch (column) {
	case KEY:
		return xprintf("0x%08x", (unsigned int)ds->key);
	case SHMID:
		return xprintf("%d", ds->id);
	case OWNER:
		return format_user(ds->uid);
	case GROUP:
		return format_group(ds->gid);
	case CREATOR:
		return format_user(ds->cuid);
	case CGROUP:
		return format_group(ds->cgid);
	case UID:
		return xprintf("%u", ds->uid);
	case GID:
		return xprintf("%u", ds->gid);
	case CUID:
		return xprintf("%u", ds->cuid);
	case CGID:
		return xprintf("%u", ds->cgid);
	case PERMS:
		return xprintf("%03o", ds->mode & 0777);
	case SIZE:
		return ls_size(listing, ds->segsz);
	case RES:
		return ls_size(listing, ds->resident);
	case SWAP:
		return ls_size(listing, ds->swapped);
	case HUGE:
		return ls_size(listing, ds->huge);
	case PAGE:
		return ls_size(listing, ds->page_size);
	case LOCKED:
		return ls_size(listing, ds->locked);
	case NATTCH:
		return xprintf("%llu", (unsigned long long)ds->nattch);
	case STATUS:
		return segment_status(ds);
	case ATTRIBUTES:
		return segment_attributes(ds);
	case CPID:
		return xprintf("%d", ds->cpid);
	case LPID:
		return xprintf("%d", ds->lpid);
	case CCOMMAND:
		return ds->cpid ? process_command(ds->cpid) : NULL;
	case LCOMMAND:
		return ds->lpid ? process_command(ds->lpid) : NULL;
	case ATIME:
		return time_cell(listing, ds->atime);
	case DTIME:
		return time_cell(listing, ds->dtime);
	case CTIME:
		return time_cell(listing, ds->ctime);
	case ATTACHED:
		return attached_json(at, count);
	}
	if (!count)
		return NULL;
	switch (column) {
	case PID:
		return xprintf("%d", at->pid);
	case USER:
		return format_user(at->uid);
	case COMMAND:
		return xprintf("%s", at->command);
	case ADDRESS:
		return xprintf("0x%llx", (unsigned long long)at->start);
	case LENGTH:
		return ls_size(listing, at->end - at->start);
	case ACCESS:
		return xprintf("%.3s", at->access);
	}
	return NULL;
}
