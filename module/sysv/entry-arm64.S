/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entry-arm64.S - trampolines for arm64
 *
 * In x30 is the address where the function that was entered goes on, and in x9
 * that where its caller does. The function's arguments are in x0 and x1.
 */
#include <linux/linkage.h>
#include <asm/assembler.h>

.macro xshm_trampoline name
SYM_FUNC_START(xshm_enter_\name)
	stp	x29, x9, [sp, #-48]!
	mov	x29, sp
	stp	x0, x1, [sp, #16]
	str	x30, [sp, #32]
	bl	xshm_handle_\name
	cbnz	x1, 1f
	ldp	x0, x1, [sp, #16]
	ldr	x10, [sp, #32]
	ldp	x29, x30, [sp], #48
	ret	x10
1:	/* Done: past the function, to its caller, with the result in x0. */
	ldp	x29, x30, [sp], #48
	ret
SYM_FUNC_END(xshm_enter_\name)
.endm

	.text
	xshm_trampoline shmget
	xshm_trampoline shmat
	xshm_trampoline shmdt
	xshm_trampoline shmctl
#ifdef CONFIG_COMPAT
	xshm_trampoline compat_shmat
	xshm_trampoline compat_shmctl
#endif
#ifdef CONFIG_SYSVIPC
	xshm_trampoline shm_destroy_orphaned
	xshm_trampoline proc_open
	xshm_trampoline proc_release
	xshm_trampoline exit_shm
#else
	xshm_trampoline exit_namespaces
	xshm_trampoline switch_namespaces
#endif
