/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xshm run --trace: what its parts share.
 *
 * A seccomp filter stops only shmget, shmat, shmdt and shmctl, with a
 * PTRACE_EVENT_SECCOMP at their entry. The tracer makes an ioctl of the call, with an
 * argument that it writes below the stack of the caller, lets the kernel carry it
 * out in the caller, and puts memory, registers and result in order when it
 * leaves the kernel. A process without a descriptor of the device is
 * made to open one first.
 */
#ifndef XSHM_TRACE_H
#define XSHM_TRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include <linux/xshm.h>

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__AARCH64EL__))
#define TRACE_SUPPORTED 1
#else
#define TRACE_SUPPORTED 0
#endif

/* What the filter says of the call it stopped: SECCOMP_RET_DATA. */
enum trace_call { TRACE_SHMGET, TRACE_SHMAT, TRACE_SHMDT, TRACE_SHMCTL, TRACE_IPC };

/* trace_regs.c */
enum injected { INJECT_IOCTL, INJECT_OPENAT, INJECT_FCNTL, INJECT_CLOSE };

struct regs {
	struct user_regs_struct user;
	bool compat;		/* a 32-bit call on a 64-bit kernel */
};

int regs_read(pid_t tid, struct regs *regs);
int regs_write(pid_t tid, const struct regs *regs);
int regs_write_entry(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args);
int regs_write_again(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args);
int regs_write_skip(pid_t tid, struct regs *regs, long result);
long regs_result(const struct regs *regs);
void regs_set_result(struct regs *regs, long result);
uint64_t regs_stack(const struct regs *regs);
bool regs_is_compat(unsigned int arch);

/* trace_memory.c */
int memory_read(pid_t tid, uint64_t addr, void *buf, size_t size);
int memory_write(pid_t tid, uint64_t addr, const void *buf, size_t size);

/* trace_call.c */
#define SCRATCH_SIZE	256

/* What the tracee is doing for the tracer. */
enum step {
	STEP_NONE,
	STEP_OPEN,		/* opens the device */
	STEP_MOVE,		/* moves the descriptor out of the program's way */
	STEP_CLOSE_MOVED,	/* closes it again: another thread was faster */
	STEP_CLOSE_LOW,		/* closes it where it was */
	STEP_CALL,		/* the ioctl that stands for its call */
	STEP_DROP,		/* a new process closes the descriptor of its parent */
};

struct tracee {
	struct tracee *next;	/* of the same hash */
	pid_t tid, tgid;
	bool started;
	/* Of the leader of a process: where its descriptor stays until the end, or -1. */
	int fd;

	enum step step;
	bool entry_due;		/* the next system-call stop is an entry */
	struct regs saved;	/* as they were when it stopped */
	bool masked;
	uint64_t signal_mask;
	int low_fd;

	enum trace_call call;
	bool old_layout;	/* ipc(2) without IPC_64 */
	uint64_t arg[3];
	uint64_t result_at;	/* where ipc(2) wants the address of shmat, or 0 */
	uint64_t scratch;
	size_t scratch_used;
	unsigned char before[SCRATCH_SIZE];
};

struct tracee *tracee_find(pid_t tid);
void call_begin(struct tracee *tracee, bool owner_bound);
void call_step(struct tracee *tracee, bool owner_bound);
bool call_drop_inherited(struct tracee *tracee, int fd);
void call_remember_device(void);

/* trace32.c */
int ds32_read(pid_t tid, uint64_t addr, bool old, struct xshm_ds *ds);
int ds32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_ds *ds);
int limits32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_limits *limits);
int usage32_write(pid_t tid, uint64_t addr, const struct xshm_usage *usage);

/* tracer.c */
void tracer_main(pid_t target, int ready, bool owner_bound) __attribute__((noreturn));

#endif
