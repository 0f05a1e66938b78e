/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handlers.h - the handlers that the trampolines of entry-*.S call
 */
#ifndef XSHM_HANDLERS_H
#define XSHM_HANDLERS_H

#include <linux/percpu-defs.h>

#include "sysv.h"

/*
 * Threads inside of a handler. They may sleep and go on elsewhere, so it is the
 * sum over all processors that counts.
 */
DECLARE_PER_CPU(long, xshm_sysv_inside);

/* Called by hooks.c's guard only to be a place for ftrace. */
void xshm_sysv_guarded(void);

#define XSHM_TRAMPOLINE(_name)						\
	void xshm_enter_##_name(void);					\
	struct xshm_answer xshm_handle_##_name(unsigned long first, unsigned long second)

XSHM_TRAMPOLINE(shmget);
XSHM_TRAMPOLINE(shmat);
XSHM_TRAMPOLINE(shmdt);
XSHM_TRAMPOLINE(shmctl);
XSHM_TRAMPOLINE(compat_shmget);
XSHM_TRAMPOLINE(compat_shmat);
XSHM_TRAMPOLINE(compat_shmdt);
XSHM_TRAMPOLINE(compat_shmctl);
XSHM_TRAMPOLINE(compat_ipc);
XSHM_TRAMPOLINE(exit_shm);
XSHM_TRAMPOLINE(shm_destroy_orphaned);
XSHM_TRAMPOLINE(exit_namespaces);
XSHM_TRAMPOLINE(switch_namespaces);
XSHM_TRAMPOLINE(proc_open);
XSHM_TRAMPOLINE(proc_release);

#endif /* XSHM_HANDLERS_H */
