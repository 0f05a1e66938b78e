// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * syscall(2) of the preload library
 *
 * Libraries that watch shmat(), as those of MPI do, replace it and make the system
 * call themselves. The calls that are shmget(2) and its relatives are ours. All others
 * belong to the next syscall(), and are jumps there: nothing is on the stack and the
 * return address is the caller's, as vfork(2) and clone(2) have to find it, arguments
 * that the caller didn't give are not touched, and it costs four instructions.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

static long first_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Written twice at worst, with the same value. */
long (*next_syscall)(long number, ...) = (void *)first_syscall;

__attribute__((constructor)) static void find_next_syscall(void)
{
	long (*next)(long number, ...) = (long (*)(long, ...))loaded_next("syscall");

	if (next)
		next_syscall = next;
}

/* Before our constructor, perhaps in a signal handler or an allocator. */
static long first_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	find_next_syscall();
	if (next_syscall == (void *)first_syscall) {
		errno = ENOSYS;
		return -1;
	}
	return next_syscall(number, a, b, c, d, e, f);
}

#ifdef SYS_ipc

#ifndef IPC_64
#define IPC_64 0x100	/* in a command of shmctl: the newer structure */
#endif

/* The parts of ipc(2), whose upper half is a version. */
#define IPC_SHMAT 21
#define IPC_SHMDT 22
#define IPC_SHMGET 23
#define IPC_SHMCTL 24

static long ipc(long call, long first, long second, long third, void *pointer)
{
	void *at;

	switch (call & 0xffff) {
	case IPC_SHMAT:
		/* That of iBCS2, which nobody may use any more. */
		if ((unsigned long)call >> 16 == 1) {
			errno = EINVAL;
			return -1;
		}
		at = preload_shmat(first, pointer, second);
		return at == (void *)-1 ? -1 : copy_to_caller((void *)third, &at, sizeof(at));
	case IPC_SHMDT:
		return preload_shmdt(pointer);
	case IPC_SHMGET:
		return preload_shmget(first, second, third);
	default:
		if (second & IPC_64)
			return preload_shmctl(first, second & ~IPC_64, pointer);
		return preload_shmctl_old(first, second, pointer);
	}
}

#endif

hidden long own_syscall(long number, long a, long b, long c, long d, long e, long f);

/* The kernel looks at the lower half of a number only. */
long own_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (preload_is_on_kernel())
		return next_syscall(number, a, b, c, d, e, f);

	switch ((int)number) {
	case SYS_shmget:
		return preload_shmget(a, b, c);
	case SYS_shmat:
		return (long)preload_shmat(a, (void *)b, c);
	case SYS_shmdt:
		return preload_shmdt((void *)a);
	case SYS_shmctl:
		return preload_shmctl(a, b, (void *)c);
#ifdef SYS_ipc
	case SYS_ipc:
		return ipc(a, b, c, d, (void *)e);
#endif
	default:
		return next_syscall(number, a, b, c, d, e, f);
	}
}

#define NUMBER(name) NUMBER_(name)
#define NUMBER_(value) #value

/* One function, under the name that programs call and one that is ours. */
#define BEGIN_SYSCALL							\
	".text\n"							\
	".p2align 4\n"							\
	".globl	syscall, preload_syscall\n"				\
	".hidden preload_syscall\n"					\
	".type	syscall, @function\n"					\
	".type	preload_syscall, @function\n"				\
	"syscall:\n"							\
	"preload_syscall:\n"
#define END_SYSCALL							\
	".size	syscall, .-syscall\n"					\
	".size	preload_syscall, .-preload_syscall\n"

#if defined(__x86_64__)

_Static_assert(SYS_shmat == SYS_shmget + 1 && SYS_shmctl == SYS_shmget + 2, "numbers");

__asm__(BEGIN_SYSCALL
	"	endbr64\n"
	"	leal	-" NUMBER(SYS_shmget) "(%rdi), %eax\n"
	"	cmpl	$2, %eax\n"
	"	jbe	own_syscall\n"
	"	cmpl	$" NUMBER(SYS_shmdt) ", %edi\n"
	"	je	own_syscall\n"
	"	jmp	*next_syscall(%rip)\n"
	END_SYSCALL);

#elif defined(__i386__)

_Static_assert(SYS_shmctl == SYS_shmget + 1 && SYS_shmat == SYS_shmget + 2 &&
	       SYS_shmdt == SYS_shmget + 3 && IPC_SHMCTL == IPC_SHMAT + 3, "numbers");

__asm__(BEGIN_SYSCALL
	"	endbr32\n"
	"	movl	4(%esp), %eax\n"
	"	leal	-" NUMBER(SYS_shmget) "(%eax), %ecx\n"
	"	cmpl	$3, %ecx\n"
	"	jbe	own_syscall\n"
	"	cmpl	$" NUMBER(SYS_ipc) ", %eax\n"
	"	jne	1f\n"
	"	movzwl	8(%esp), %ecx\n"
	"	subl	$" NUMBER(IPC_SHMAT) ", %ecx\n"
	"	cmpl	$3, %ecx\n"
	"	jbe	own_syscall\n"
	"1:	call	2f\n"
	"	addl	$_GLOBAL_OFFSET_TABLE_, %ecx\n"
	"	jmp	*next_syscall@GOTOFF(%ecx)\n"
	"2:	movl	(%esp), %ecx\n"
	"	ret\n"
	END_SYSCALL);

#else

/*
 * Seven arguments are in registers, whether a function names them or has "...": the
 * compiler makes a jump of it, as -O2 does and the Makefile asks for in this file.
 */
EXPORT long any_syscall(long number, long a, long b, long c, long d, long e, long f)
	__asm__("syscall");
long any_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	switch ((int)number) {
	case SYS_shmget:
	case SYS_shmat:
	case SYS_shmdt:
	case SYS_shmctl:
		return own_syscall(number, a, b, c, d, e, f);
	default:
		return next_syscall(number, a, b, c, d, e, f);
	}
}

extern hidden long any_syscall_alias(long number, long a, long b, long c, long d, long e, long f)
	__asm__("preload_syscall") __attribute__((alias("syscall")));

#endif
