/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments by declaration: xshm.d(5). */
#ifndef XSHM_TOOL_DECLARED_H
#define XSHM_TOOL_DECLARED_H

#include "tool.h"

struct declared {
	const char *file;
	int line;
	struct xshm_get get;		/* as it is made */
	uint64_t page_size;		/* of hugetlb, 0 for the default */
	bool has_size, has_mode, has_owner, has_group;
	uid_t owner;
	gid_t group;
};

struct declared_list {
	struct declared *v;
	size_t count;
	bool wrong;			/* a line or a file, and it was said */
};

void declared_read(struct declared_list *list, const char *path);
void declared_read_all(struct declared_list *list);

#endif
