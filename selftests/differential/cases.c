// SPDX-License-Identifier: GPL-2.0
/* cases.c - sequences that once differed, as the program printed them */
#include <sys/mman.h>

#include "differential.h"

/* A first attach for writing after the removal: it has the name of the old key. */
static const struct sequence name_after_removal = {
	.count = 5,
	.ops = {
		{ CALL_GET, .id = 7, .a = 0x1005, .b = 40960, .c = IPC_CREAT | 0666 },
		{ CALL_AT, .id = 7, .attach = 7, .a = 0x1000, .b = 0, .c = 0xb },
		{ CALL_RMID, .id = 7 },
		{ CALL_AT, .id = 7, .attach = 4, .a = -1, .b = SHM_RDONLY },
		{ CALL_MAPS },
	},
};

/* Root without capabilities may set limits, but not choose ids. */
static const struct sequence root_without_capabilities = {
	.count = 4,
	.ops = {
		{ CALL_CREDENTIALS, .c = 0 },
		{ CALL_SYSCTL, .a = 4, .b = 7 },
		{ CALL_SYSCTL, .a = 0, .b = 8192 },
		{ CALL_INFO },
	},
};

/* Attached over its own last attach, a marked segment stays. */
static const struct sequence remap_over_itself = {
	.count = 7,
	.ops = {
		{ CALL_GET, .id = 1, .b = 8192, .c = IPC_CREAT | 0600 },
		{ CALL_AT, .id = 1, .attach = 0, .c = 5 },
		{ CALL_WRITE, .attach = 0, .b = 8, .c = 77 },
		{ CALL_RMID, .id = 1 },
		{ CALL_AT, .id = 1, .attach = 0, .b = SHM_REMAP, .c = 5 },
		{ CALL_READ, .attach = 0, .b = 8 },
		{ CALL_STAT, .id = 1 },
	},
};

const struct sequence *const cases[] = {
	&name_after_removal,
	&root_without_capabilities,
	&remap_over_itself,
	NULL,
};
