/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XSHM_TOOL_CONDITIONS_H
#define XSHM_TOOL_CONDITIONS_H

#include "tool.h"

/* All that are given must hold; attached is none, but lets those go that are in use. */
struct conditions {
	bool orphans, attached;
	bool has_older, has_owner, has_size;
	uint64_t older;		/* seconds since the last detach, or ctime if there was none */
	uid_t owner;
	int sign;		/* of the size: 1 larger, -1 smaller, 0 equal; as find(1) */
	uint64_t size;		/* bytes */
};

/* Each returns 0, or -1 if the text is not what it should be. */
int conditions_older(struct conditions *conditions, const char *text);
int conditions_owner(struct conditions *conditions, const char *text);
int conditions_size(struct conditions *conditions, const char *text);
bool conditions_given(const struct conditions *conditions);
bool conditions_match(const struct conditions *conditions, const struct xshm_ds *ds);

#endif
