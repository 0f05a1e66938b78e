/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xshm run --trace: what its parts share.
 *
 * A seccomp filter stops only shmget, shmat, shmdt and shmctl, with a
 * PTRACE_EVENT_SECCOMP at their entry, and the few that may end the way to the device.
 * The tracer makes an ioctl of the call, with an argument that it writes to pages of its
 * own in the caller, lets the kernel carry it out in the caller, and puts registers and
 * result in order when it leaves the kernel. A process without such pages or without a
 * descriptor of the device is made to map and to open them first; before it changes its
 * root or filters its calls, too.
 */
#ifndef XSHM_TRACE_H
#define XSHM_TRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/user.h>
#include <linux/xshm.h>
#include "filter.h"

#define TRACE_SUPPORTED FILTER_SUPPORTED

/* trace_regs.c */
enum injected { INJECT_IOCTL, INJECT_OPENAT, INJECT_FCNTL, INJECT_CLOSE, INJECT_MMAP, INJECTED };
#define INJECTED_ARGS 6

struct regs {
	struct user_regs_struct user;
	bool compat;		/* a 32-bit call on a 64-bit kernel */
};

int regs_read(pid_t tid, struct regs *regs);
int regs_write(pid_t tid, const struct regs *regs);
int regs_write_entry(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args);
int regs_write_again(pid_t tid, struct regs *regs, enum injected call, const uint64_t *args);
int regs_write_repeat(pid_t tid, struct regs *regs);
int regs_write_skip(pid_t tid, struct regs *regs, long result);
long regs_result(const struct regs *regs);
void regs_set_result(struct regs *regs, long result);
bool regs_is_compat(unsigned int arch);

/* trace_memory.c: 0, or -1 with errno */
int memory_read(pid_t tid, uint64_t addr, void *buf, size_t size);
int memory_write(pid_t tid, uint64_t addr, const void *buf, size_t size);

/* trace_scratch.c */
#define SCRATCH_SIZE	256U	/* what a call has */
#define SCRATCH_AREA	16384U	/* what is mapped at a time */

struct scratch_space;

struct scratch {
	uint64_t addr;
	struct scratch_space *space;
	struct scratch_area *area;	/* NULL: none is taken */
	int slot;
};

void scratch_prepare(void);
struct scratch_space *scratch_new(void);
struct scratch_space *scratch_share(struct scratch_space *space);
struct scratch_space *scratch_copy(const struct scratch_space *space);
void scratch_put_space(struct scratch_space *space);
int scratch_add(struct scratch_space *space, pid_t tid, uint64_t addr);
int scratch_take(struct scratch_space *space, pid_t tid, bool compat, struct scratch *scratch);
void scratch_release(struct scratch *scratch);

/* trace_call.c */

/* What the tracee is doing for the tracer. */
enum step {
	STEP_NONE,
	STEP_SUSPEND,		/* is on its way out, for its filters not to be asked */
	STEP_MAP,		/* maps pages for the tracer */
	STEP_OPEN,		/* opens the device */
	STEP_CLOSE_OTHER,	/* closes it: that was not the device */
	STEP_MOVE,		/* moves the descriptor out of the program's way */
	STEP_CLOSE_MOVED,	/* closes it again: another thread was faster */
	STEP_CLOSE_LOW,		/* closes it where it was */
	STEP_CLOSE_INHERITED,	/* closes that of its parent: it has its own */
	STEP_CALL,		/* the ioctl that stands for its call */
	STEP_DROP,		/* a new process closes the descriptor of its parent */
};

struct tracee {
	struct tracee *next;	/* of the same hash */
	pid_t tid, tgid;
	bool started;
	bool pending;		/* stopped with @status, which was not looked at yet */
	int status;
	uint64_t turn;		/* when it was served last */
	/* Of the leader of a process: where its descriptor stays until the end, or -1. */
	int fd;
	int inherited;		/* of its parent, until it has its own, or -1 */
	pid_t raised;		/* whose open the limit was raised for, from what it was */
	struct rlimit limit;
	struct scratch_space *space;	/* and the tracer's memory in it, or NULL */

	enum step step;
	bool entry_due;		/* the next system-call stop is an entry */
	struct regs saved;	/* as they were when it stopped */
	bool masked;
	uint64_t signal_mask;
	int low_fd;
	int tries;
	bool suspended;		/* its seccomp filters are */
	bool passing;		/* its next call was prepared, and is left alone */

	enum trace_call call;
	bool old_layout;	/* ipc(2) without IPC_64 */
	uint64_t arg[3];
	uint64_t result_at;	/* where ipc(2) wants the address of shmat, or 0 */
	struct scratch scratch;
};

#define TRACE_OPTIONS (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
		       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | \
		       PTRACE_O_EXITKILL)

struct tracee *tracee_find(pid_t tid);
void call_begin(struct tracee *tracee, bool owner_bound);
void call_step(struct tracee *tracee, bool owner_bound);
bool call_drop_inherited(struct tracee *tracee, int fd);
void call_forget(struct tracee *tracee);
void call_remember_device(void);

/* trace_ioctl.c */
int ioctl_prepare(struct tracee *tracee, unsigned int *command, bool owner_bound);
long ioctl_end(struct tracee *tracee, long result);

/* trace32.c */
/* Set in the command of a 32-bit shmctl: the layout of Linux 2.4 and later. */
#define IPC_64		0x100

int ipc_decode(struct tracee *tracee, const uint64_t *args);
int ds32_read(pid_t tid, uint64_t addr, bool old, struct xshm_ds *ds);
int ds32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_ds *ds);
int limits32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_limits *limits);
int usage32_write(pid_t tid, uint64_t addr, const struct xshm_usage *usage);

/* tracer.c */
void tracer_main(pid_t target, int ready, bool owner_bound) __attribute__((noreturn));

#endif
