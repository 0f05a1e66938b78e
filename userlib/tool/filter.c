// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The seccomp filters of xshm run. Both answer the kernel's own four calls with
 * SECCOMP_RET_TRACE: a tracer that is there makes them xshm's, and where none is they
 * fail with ENOSYS. So the one that only stops what lost its library, as a static
 * child has, is in no tracer's way that is started further down: of two filters the
 * stricter one has its will, and with SECCOMP_RET_ERRNO that would not be the tracer's.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "filter.h"
#include "tool.h"

#if FILTER_SUPPORTED

#define LOAD(field) \
	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				      offsetof(struct seccomp_data, field)))
#define RETURN(value)		((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value))
/* Skips @count instructions unless what was loaded is @value, or has one of its bits. */
#define UNLESS(value, count) \
	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count))
#define UNLESS_BITS(value, count) \
	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, count))
#define AND(value)		((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value))
#define REFUSE			(SECCOMP_RET_ERRNO | ENOSYS)

struct code {
	struct sock_filter v[128];
	unsigned short count;
};

/* The numbers of a machine's calls; 0 for one that it has not. */
struct calls {
	unsigned int shmget, shmat, shmdt, shmctl, ipc;
	unsigned int chroot, pivot_root, seccomp, prctl;
};

static void add(struct code *code, struct sock_filter one)
{
	code->v[code->count++] = one;
}

static void add_call(struct code *code, unsigned int number, unsigned int answer)
{
	add(code, UNLESS(number, 1));
	add(code, RETURN(answer));
}

/* All that follows up to end_machine() is for calls of @arch only. */
static unsigned short begin_machine(struct code *code, unsigned int arch)
{
	add(code, LOAD(arch));
	add(code, UNLESS(arch, 0));
	add(code, LOAD(nr));
	return code->count - 2;
}

static void end_machine(struct code *code, unsigned short begun)
{
	add(code, RETURN(SECCOMP_RET_ALLOW));
	code->v[begun].jf = (unsigned char)(code->count - begun - 1);
}

static void add_four(struct code *code, const struct calls *calls, bool refuse)
{
	add_call(code, calls->shmget, refuse ? REFUSE : SECCOMP_RET_TRACE | TRACE_SHMGET);
	add_call(code, calls->shmat, refuse ? REFUSE : SECCOMP_RET_TRACE | TRACE_SHMAT);
	add_call(code, calls->shmdt, refuse ? REFUSE : SECCOMP_RET_TRACE | TRACE_SHMDT);
	add_call(code, calls->shmctl, refuse ? REFUSE : SECCOMP_RET_TRACE | TRACE_SHMCTL);
}

/* The tracer is to know before the device is out of reach. */
static void add_last(struct code *code, const struct calls *calls)
{
	add_call(code, calls->chroot, SECCOMP_RET_TRACE | TRACE_LAST);
	add_call(code, calls->pivot_root, SECCOMP_RET_TRACE | TRACE_LAST);
	add_call(code, calls->seccomp, SECCOMP_RET_TRACE | TRACE_LAST);
	add(code, UNLESS(calls->prctl, 4));
	add(code, LOAD(args[0]));
	add(code, UNLESS(PR_SET_SECCOMP, 1));
	add(code, RETURN(SECCOMP_RET_TRACE | TRACE_LAST));
	add(code, RETURN(SECCOMP_RET_ALLOW));
}

static const struct calls native = {
	.shmget = SYS_shmget, .shmat = SYS_shmat, .shmdt = SYS_shmdt, .shmctl = SYS_shmctl,
	.chroot = SYS_chroot, .pivot_root = SYS_pivot_root, .seccomp = SYS_seccomp,
	.prctl = SYS_prctl,
};

/* Of include/uapi: the numbers of 32-bit calls are not in <sys/syscall.h>. */
#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#define X32_BIT		0x40000000U

static const struct calls i386 = {
	.shmget = 395, .shmctl = 396, .shmat = 397, .shmdt = 398, .ipc = 117,
	.chroot = 61, .pivot_root = 217, .seccomp = 354, .prctl = 172,
};

/* ipc(2): semaphores and queues stay with the kernel. */
static void add_ipc(struct code *code, unsigned int number)
{
	enum { SHMAT = 21, SHMCTL = 24 };

	add(code, UNLESS(number, 2 + 2 * (SHMCTL - SHMAT + 1) + 1));
	add(code, LOAD(args[0]));
	add(code, AND(0xffff));
	for (unsigned int call = SHMAT; call <= SHMCTL; call++)
		add_call(code, call, SECCOMP_RET_TRACE | TRACE_IPC);
	add(code, RETURN(SECCOMP_RET_ALLOW));
}
#else
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64

static const struct calls arm = {
	.shmat = 305, .shmdt = 306, .shmget = 307, .shmctl = 308,
};
#endif

static void make_filter(struct code *code, bool tracer)
{
	unsigned short begun = begin_machine(code, NATIVE_ARCH);

	add_four(code, &native, false);
	if (tracer)
		add_last(code, &native);
#if defined(__x86_64__)
	/* The calls of x32 would need a tracer of their own. */
	add(code, UNLESS_BITS(X32_BIT, 9));
	add(code, AND(~X32_BIT));
	add_four(code, &native, true);
	end_machine(code, begun);
	begun = begin_machine(code, AUDIT_ARCH_I386);
	add_four(code, &i386, false);
	add_ipc(code, i386.ipc);
	if (tracer)
		add_last(code, &i386);
#else
	end_machine(code, begun);
	/* No tracer here: better no shared memory than the kernel's. */
	begun = begin_machine(code, AUDIT_ARCH_ARM);
	add_four(code, &arm, true);
#endif
	end_machine(code, begun);
	add(code, RETURN(SECCOMP_RET_ALLOW));
}

/* Whether a filter takes no privilege away from those that run below it. */
bool filter_allowed(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || have_capability(CAP_SYS_ADMIN);
}

/* @strict: give up that privilege where it is needed. Returns 0, or -1 with errno. */
int filter_install(bool tracer, bool strict)
{
	struct code code = {};
	struct sock_fprog program = { .filter = code.v };

	make_filter(&code, tracer);
	program.len = code.count;
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 0;
	if (errno != EACCES || !strict)
		return -1;
	/* Without privilege, none may be gained from here on. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#else

bool filter_allowed(void)
{
	return false;
}

int filter_install(bool tracer, bool strict)
{
	(void)tracer;
	(void)strict;
	errno = ENOSYS;
	return -1;
}

#endif
