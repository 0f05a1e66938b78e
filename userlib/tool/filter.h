/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seccomp filters of xshm run. */
#ifndef XSHM_FILTER_H
#define XSHM_FILTER_H

#include <stdbool.h>

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__AARCH64EL__))
#define FILTER_SUPPORTED 1
#else
#define FILTER_SUPPORTED 0
#endif

/* What a filter says of the call it stopped: SECCOMP_RET_DATA. */
enum trace_call {
	TRACE_SHMGET, TRACE_SHMAT, TRACE_SHMDT, TRACE_SHMCTL, TRACE_IPC,
	TRACE_LAST,	/* after it, the device may be out of the process's reach */
};

bool filter_allowed(void);
int filter_install(bool tracer, bool strict);

#endif
