// SPDX-License-Identifier: LGPL-2.1-or-later
/* The registers of a tracee, on each kind of machine. */
#include <elf.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "trace.h"

#if TRACE_SUPPORTED

int regs_read(pid_t tid, struct regs *regs)
{
	struct iovec iov = { &regs->user, sizeof(regs->user) };

	/* A 32-bit tracee of a 64-bit kernel would give its own, shorter set. */
#if defined(__x86_64__)
	(void)iov;
	return ptrace(PTRACE_GETREGS, tid, NULL, &regs->user) ? -1 : 0;
#else
	return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) ? -1 : 0;
#endif
}

int regs_write(pid_t tid, const struct regs *regs)
{
#if defined(__x86_64__)
	return ptrace(PTRACE_SETREGS, tid, NULL, &regs->user) ? -1 : 0;
#else
	struct iovec iov = { (void *)&regs->user, sizeof(regs->user) };

	return ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &iov) ? -1 : 0;
#endif
}

#if defined(__x86_64__)

/* In the order of enum injected, for x86-64 and i386. */
static const int numbers[2][INJECTED] = {
	{ SYS_ioctl, SYS_openat, SYS_fcntl, SYS_close, SYS_mmap },
	{ 54, 295, 221, 6, 192 /* mmap2 */ },
};

static void set_arguments(struct regs *regs, const uint64_t *args)
{
	if (regs->compat) {
		regs->user.rbx = args[0];
		regs->user.rcx = args[1];
		regs->user.rdx = args[2];
		regs->user.rsi = args[3];
		regs->user.rdi = args[4];
		regs->user.rbp = args[5];
	} else {
		regs->user.rdi = args[0];
		regs->user.rsi = args[1];
		regs->user.rdx = args[2];
		regs->user.r10 = args[3];
		regs->user.r8 = args[4];
		regs->user.r9 = args[5];
	}
}

/* At the entry of a call: make it another one. */
int regs_write_entry(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args)
{
	regs->user.orig_rax = numbers[regs->compat][call];
	set_arguments(regs, args);
	return regs_write(tid, regs);
}

/*
 * Behind a call: go back to its instruction (syscall, int 0x80, or the int 0x80 that
 * the kernel's 32-bit entry has in front of where sysenter returns to: each has
 * two bytes) and make another one.
 */
int regs_write_again(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args)
{
	set_arguments(regs, args);
	regs->user.orig_rax = (uint64_t)numbers[regs->compat][call];
	return regs_write_repeat(tid, regs);
}

/* Likewise, with the call as it was at its entry. */
int regs_write_repeat(pid_t tid, struct regs *regs)
{
	regs->user.rip -= 2;
	regs->user.rax = regs->user.orig_rax;
	/* Nothing to restart: that would take the instruction back once more. */
	regs->user.orig_rax = (uint64_t)-1;
	return regs_write(tid, regs);
}

/* At the entry of a call: leave it out. */
int regs_write_skip(pid_t tid, struct regs *regs, long result)
{
	regs->user.orig_rax = (uint64_t)-1;
	regs->user.rax = (uint64_t)result;
	return regs_write(tid, regs);
}

long regs_result(const struct regs *regs)
{
	return regs->compat ? (int)regs->user.rax : (long)regs->user.rax;
}

void regs_set_result(struct regs *regs, long result)
{
	regs->user.rax = (uint64_t)result;
}

bool regs_is_compat(unsigned int arch)
{
	return arch == AUDIT_ARCH_I386;
}

#else /* aarch64 */

static const int numbers[INJECTED] = {
	SYS_ioctl, SYS_openat, SYS_fcntl, SYS_close, SYS_mmap,
};

static int write_number(pid_t tid, int number)
{
	struct iovec iov = { &number, sizeof(number) };

	return ptrace(PTRACE_SETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &iov) ? -1 : 0;
}

int regs_write_entry(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args)
{
	memcpy(regs->user.regs, args, INJECTED_ARGS * sizeof(*args));
	regs->user.regs[8] = numbers[call];
	return regs_write(tid, regs) || write_number(tid, numbers[call]) ? -1 : 0;
}

int regs_write_again(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args)
{
	memcpy(regs->user.regs, args, INJECTED_ARGS * sizeof(*args));
	regs->user.regs[8] = numbers[call];
	return regs_write_repeat(tid, regs);
}

int regs_write_repeat(pid_t tid, struct regs *regs)
{
	regs->user.pc -= 4;
	return regs_write(tid, regs);
}

int regs_write_skip(pid_t tid, struct regs *regs, long result)
{
	regs->user.regs[0] = (uint64_t)result;
	return regs_write(tid, regs) || write_number(tid, -1) ? -1 : 0;
}

long regs_result(const struct regs *regs)
{
	return (long)regs->user.regs[0];
}

void regs_set_result(struct regs *regs, long result)
{
	regs->user.regs[0] = (uint64_t)result;
}

bool regs_is_compat(unsigned int arch)
{
	(void)arch;
	return false;
}

#endif
#endif
