/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of the system calls being served. */
#ifndef XSHM_TOOL_SYSV_H
#define XSHM_TOOL_SYSV_H

#include <stdbool.h>
#include <stddef.h>
#include "tool.h"

#define SYSV_SWITCH	SYSCTLS "/sysv"

struct sysv {
	bool loaded;
	int served, new_served;			/* -1: not known */
	int error;				/* why SYSV_SWITCH can't be read */
	const char *calls;			/* who answers: xshm, kernel, none */
	long segments, kernel_segments;		/* -1: not known, or not there */
	char **hooks;				/* the kernel's functions */
	size_t hook_count;
	char *refused;				/* what the last load that failed said */
	int log_error;				/* why the kernel log can't be read */
};

/* sysv.c */
int sysv_served(void);

/* sysv_look.c */
void sysv_look(struct sysv *sysv);
void sysv_free(struct sysv *sysv);
int sysv_namespaces(enum table_mode mode);

#endif
