/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entry-x86.S - trampolines for x86-64
 *
 * On the stack are the address where the function that was entered goes on,
 * and above it that where its caller does. The function's arguments are in
 * registers: rdi and rsi are all that those have that are hooked.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

/* 6.2 tracks the depth of calls. */
#ifndef CALL_DEPTH_ACCOUNT
#define CALL_DEPTH_ACCOUNT
#endif

.macro xshm_trampoline name
SYM_TYPED_FUNC_START(xshm_enter_\name)
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rdi
	pushq	%rsi
	CALL_DEPTH_ACCOUNT
	call	xshm_handle_\name
	popq	%rsi
	popq	%rdi
	popq	%rbp
	testq	%rdx, %rdx
	jnz	1f
	RET
1:	/* Done: past the function, to its caller, with the result in rax. */
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(xshm_enter_\name)
.endm

	.text
	xshm_trampoline shmget
	xshm_trampoline shmat
	xshm_trampoline shmdt
	xshm_trampoline shmctl
#ifdef CONFIG_IA32_EMULATION
	xshm_trampoline compat_shmget
	xshm_trampoline compat_shmat
	xshm_trampoline compat_shmdt
	xshm_trampoline compat_shmctl
	xshm_trampoline compat_ipc
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
