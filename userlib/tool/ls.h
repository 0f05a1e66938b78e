/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of xshm ls, and what is in them. */
#ifndef XSHM_TOOL_LS_H
#define XSHM_TOOL_LS_H

#include "tool.h"

enum {
	KEY, SHMID, OWNER, GROUP, PERMS, SIZE, RES, SWAP, HUGE, PAGE, NATTCH, STATUS,
	ATTRIBUTES, UID, GID, CREATOR, CGROUP, CUID, CGID, CPID, LPID, CCOMMAND, LCOMMAND,
	ATIME, DTIME, CTIME, LOCKED, ATTACHED, PID, USER, COMMAND, ADDRESS, LENGTH, ACCESS,
	COLUMNS
};

/* Those from here on are of a mapping, not of a segment. */
#define FIRST_OF_MAPPING PID

struct listing {
	const struct column *columns[COLUMNS];
	size_t count;
	enum table_mode mode;
	bool bytes, orphans;
};

/* ls_cells.c */
char *ls_size(const struct listing *listing, uint64_t bytes);
char *ls_cell(const struct listing *listing, int column, const struct xshm_ds *ds,
	      const struct attached *at, size_t count);

#endif
