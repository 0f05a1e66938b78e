// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --trace: one call of a tracee, from its entry to its end.
 *
 * While the tracee does more than the one call for us, its signals are blocked, so
 * that no handler ever sees registers that are not its own.
 *
 * Each process opens the device for itself, at its first call: to the module,
 * the end of the open file is the end of the creator. The descriptor is moved
 * to where programs don't expect one, and only then used, also by the other
 * threads; of two that open one at the same time, the second closes its own. It
 * is looked up before each use, as the program may have closed it or put
 * another file there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "tool.h"
#include "trace.h"

#if TRACE_SUPPORTED

/* Above what shells use, below 128, where the descriptor table gets bigger. */
#define FD_BASE		100

/* So often a thread waits for another one that has raised the limit. */
#define OPEN_TRIES	1000

static const char device_path[] = DEVICE;
static dev_t device_number;

void call_remember_device(void)
{
	struct stat st;

	if (!stat(device_path, &st))
		device_number = st.st_rdev;
}

static bool is_device(pid_t tid, int fd)
{
	char path[64];
	struct stat st;

	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, fd);
	return !stat(path, &st) && S_ISCHR(st.st_mode) && st.st_rdev == device_number;
}

/* Descriptors belong to the process, and it is its leader that remembers. */
static struct tracee *leader(struct tracee *tracee)
{
	struct tracee *found = tracee_find(tracee->tgid);

	return found ? found : tracee;
}

static bool has_device(struct tracee *tracee)
{
	return is_device(tracee->tid, leader(tracee)->fd);
}

/*
 * Calls that the tracee makes for the tracer are refused by a filter of its own that
 * knows only what the program needs. Linux tells that there is one, behind ours, to
 * those that it lets suspend filters.
 */
static bool is_filtered(struct tracee *tracee)
{
	return ptrace(PTRACE_SECCOMP_GET_FILTER, tracee->tid, (void *)1, NULL) > 0;
}

static void suspend_filters(struct tracee *tracee, bool suspend)
{
	long options = TRACE_OPTIONS | (suspend ? PTRACE_O_SUSPEND_SECCOMP : 0);

	if (tracee->suspended != suspend &&
	    !ptrace(PTRACE_SETOPTIONS, tracee->tid, NULL, (void *)options))
		tracee->suspended = suspend;
}

/* What the process has of the tracer's, and what this thread of it has. */
static struct scratch_space *space(struct tracee *tracee)
{
	struct tracee *first = leader(tracee);

	if (!first->space)
		first->space = scratch_new();
	return first->space;
}

/* Its memory is another one from here on, or its end has come. */
void call_forget(struct tracee *tracee)
{
	scratch_release(&tracee->scratch);
	scratch_put_space(tracee->space);
	tracee->space = NULL;
	tracee->fd = -1;
	tracee->inherited = -1;
	tracee->step = STEP_NONE;
	tracee->entry_due = false;
	tracee->masked = false;
	tracee->passing = false;
}

static void block_signals(struct tracee *tracee)
{
	uint64_t all = ~0ULL;

	if (tracee->masked || ptrace(PTRACE_GETSIGMASK, tracee->tid,
				     (void *)sizeof(tracee->signal_mask), &tracee->signal_mask))
		return;
	tracee->masked = !ptrace(PTRACE_SETSIGMASK, tracee->tid, (void *)sizeof(all), &all);
}

static void unblock_signals(struct tracee *tracee)
{
	if (tracee->masked)
		ptrace(PTRACE_SETSIGMASK, tracee->tid, (void *)sizeof(tracee->signal_mask),
		       &tracee->signal_mask);
	tracee->masked = false;
}

/* Makes the tracee call something: now if it is at an entry, else once more. */
static void inject(struct tracee *tracee, enum step step, enum injected call,
		   const uint64_t args[INJECTED_ARGS])
{
	bool at_entry = tracee->step == STEP_NONE && step != STEP_DROP;
	struct regs regs = tracee->saved;

	tracee->step = step;
	if (at_entry) {
		regs_write_entry(tracee->tid, &regs, call, args);
		return;
	}
	tracee->entry_due = true;
	regs_write_again(tracee->tid, &regs, call, args);
}

#define INJECT(tracee, step, call, ...) \
	inject(tracee, step, call, (const uint64_t[INJECTED_ARGS]) { __VA_ARGS__ })

static void inject_close(struct tracee *tracee, enum step step, int fd)
{
	INJECT(tracee, step, INJECT_CLOSE, (uint64_t)fd);
}

/* The call is over: the tracee finds its registers as it left them. */
static void finish(struct tracee *tracee, long result)
{
	struct regs regs = tracee->saved;

	scratch_release(&tracee->scratch);
	unblock_signals(tracee);
	suspend_filters(tracee, false);
	if (tracee->call == TRACE_LAST) {
		/* Prepared or not, it is the tracee's own call and made as it is. */
		tracee->passing = tracee->step != STEP_NONE;
		if (tracee->passing)
			regs_write_repeat(tracee->tid, &regs);
	} else if (tracee->step == STEP_NONE) {
		regs_write_skip(tracee->tid, &regs, result);
	} else {
		regs_set_result(&regs, result);
		regs_write(tracee->tid, &regs);
	}
	tracee->step = STEP_NONE;
	tracee->entry_due = false;
}

/* With the device there: the call itself. */
static void begin_ioctl(struct tracee *tracee, bool owner_bound)
{
	struct tracee *first = leader(tracee);
	int inherited = first->inherited, err;
	unsigned int command;

	first->inherited = -1;
	if (inherited >= 0 && inherited != first->fd && is_device(tracee->tid, inherited)) {
		inject_close(tracee, STEP_CLOSE_INHERITED, inherited);
		return;
	}
	err = ioctl_prepare(tracee, &command, owner_bound);
	if (!err)
		INJECT(tracee, STEP_CALL, INJECT_IOCTL, (uint64_t)first->fd, command,
		       tracee->scratch.addr);
	else
		finish(tracee, err);
}

static void begin_open(struct tracee *tracee)
{
	int err = memory_write(tracee->tid, tracee->scratch.addr, device_path,
			       sizeof(device_path));

	if (err) {
		finish(tracee, -errno);
		return;
	}
	block_signals(tracee);
	INJECT(tracee, STEP_OPEN, INJECT_OPENAT, (uint64_t)AT_FDCWD, tracee->scratch.addr,
	       O_RDWR | O_CLOEXEC | O_NOCTTY);
}

/* With memory of the tracer's there: the device next. */
static void begin_device(struct tracee *tracee, bool owner_bound)
{
	if (has_device(tracee)) {
		begin_ioctl(tracee, owner_bound);
		return;
	}
	/* Its number may be the next one's. */
	leader(tracee)->fd = -1;
	tracee->tries = 0;
	begin_open(tracee);
}

/*
 * The descriptor table is full. System V segments need no descriptor, so there is room for
 * one more while the device is opened, as far as the hard limit allows.
 */
static bool raise_limit(struct tracee *tracee)
{
	struct tracee *first = leader(tracee);
	struct rlimit raised;

	/* Two at once could leave the limit raised: the other one first. */
	if (first->raised)
		return tracee->tries++ < OPEN_TRIES;
	if (tracee->tries++ || prlimit(tracee->tid, RLIMIT_NOFILE, NULL, &first->limit) ||
	    first->limit.rlim_cur >= first->limit.rlim_max)
		return false;
	raised = first->limit;
	raised.rlim_cur++;
	if (prlimit(tracee->tid, RLIMIT_NOFILE, &raised, NULL))
		return false;
	first->raised = tracee->tid;
	return true;
}

static void restore_limit(struct tracee *tracee)
{
	struct tracee *first = leader(tracee);

	if (first->raised != tracee->tid)
		return;
	prlimit(tracee->tid, RLIMIT_NOFILE, &first->limit, NULL);
	first->raised = 0;
}

/* @may_map: pages were not mapped for this call already. */
static void begin_scratch(struct tracee *tracee, bool may_map, bool owner_bound)
{
	int err = scratch_take(space(tracee), tracee->tid, tracee->saved.compat,
			       &tracee->scratch);

	if (!err) {
		begin_device(tracee, owner_bound);
	} else if (err == -EAGAIN && may_map) {
		block_signals(tracee);
		INJECT(tracee, STEP_MAP, INJECT_MMAP, 0, SCRATCH_AREA, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);
	} else {
		finish(tracee, err == -EAGAIN ? -ENOMEM : err);
	}
}

/* The tracee is at the entry of one of the calls. */
void call_begin(struct tracee *tracee, bool owner_bound)
{
	struct __ptrace_syscall_info info;
	int err = 0;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP || regs_read(tracee->tid, &tracee->saved))
		return;
	tracee->saved.compat = regs_is_compat(info.arch);
	tracee->call = (enum trace_call)info.seccomp.ret_data;
	if (tracee->call == TRACE_LAST && (tracee->passing || has_device(tracee))) {
		tracee->passing = false;
		return;
	}
	tracee->old_layout = false;
	tracee->result_at = 0;
	memcpy(tracee->arg, info.seccomp.args, sizeof(tracee->arg));
	if (tracee->call == TRACE_IPC)
		err = ipc_decode(tracee, (const uint64_t *)info.seccomp.args);
	if (err) {
		finish(tracee, err);
	} else if (is_filtered(tracee)) {
		/* They are asked once more behind this stop, and not at the next entry. */
		struct regs regs = tracee->saved;

		block_signals(tracee);
		tracee->step = STEP_SUSPEND;
		regs_write_skip(tracee->tid, &regs, -ENOSYS);
	} else {
		begin_scratch(tracee, true, owner_bound);
	}
}

/* The tracee has mapped pages for the tracer, or could not. */
static void end_map(struct tracee *tracee, long result, bool owner_bound)
{
	int err;

	if (result < 0 && result >= -4095) {
		finish(tracee, -ENOMEM);
		return;
	}
	err = scratch_add(space(tracee), tracee->tid, tracee->saved.compat ?
			  (uint32_t)result : (uint64_t)result);
	if (err)
		finish(tracee, err);
	else
		begin_scratch(tracee, false, owner_bound);
}

/* What a call fails with when the device can't be opened: as in the library. */
static long open_error(long err)
{
	switch (err) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return err;
	case -EACCES:
	case -EPERM:
		return -EACCES;
	}
	return -ENOSYS;
}

static void end_open(struct tracee *tracee, long result, bool owner_bound)
{
	struct tracee *first = leader(tracee);

	restore_limit(tracee);
	if (result == -EMFILE && raise_limit(tracee)) {
		begin_open(tracee);
		return;
	}
	tracee->low_fd = (int)result;
	if (result >= 0 && is_device(tracee->tid, tracee->low_fd)) {
		if (has_device(tracee)) {
			inject_close(tracee, STEP_CLOSE_LOW, tracee->low_fd);
		} else if (result < FD_BASE) {
			INJECT(tracee, STEP_MOVE, INJECT_FCNTL, (uint64_t)result, F_DUPFD_CLOEXEC,
			       FD_BASE);
		} else {
			first->fd = (int)result;
			begin_ioctl(tracee, owner_bound);
		}
		return;
	}
	/* Another file is there, or nothing that may be opened: its parent's then. */
	if (is_device(tracee->tid, first->inherited)) {
		first->fd = first->inherited;
		first->inherited = -1;
	}
	if (result >= 0)
		inject_close(tracee, has_device(tracee) ? STEP_CLOSE_LOW : STEP_CLOSE_OTHER,
			     tracee->low_fd);
	else if (has_device(tracee))
		begin_ioctl(tracee, owner_bound);
	else
		finish(tracee, open_error(result));
}

/* The tracee has done what it was made to do. */
void call_step(struct tracee *tracee, bool owner_bound)
{
	struct regs regs = tracee->saved;
	long result;

	if (tracee->entry_due) {
		tracee->entry_due = false;
		return;
	}
	if (regs_read(tracee->tid, &regs))
		return;
	result = regs_result(&regs);
	switch (tracee->step) {
	case STEP_NONE:
		return;
	case STEP_SUSPEND:
		suspend_filters(tracee, true);
		begin_scratch(tracee, true, owner_bound);
		return;
	case STEP_MAP:
		end_map(tracee, result, owner_bound);
		return;
	case STEP_CLOSE_OTHER:
		finish(tracee, -ENOSYS);
		return;
	case STEP_OPEN:
		end_open(tracee, result, owner_bound);
		return;
	case STEP_MOVE:
		/* A low RLIMIT_NOFILE leaves it where it is. */
		if (result < 0 && !has_device(tracee)) {
			leader(tracee)->fd = tracee->low_fd;
			begin_ioctl(tracee, owner_bound);
			return;
		}
		if (result >= 0 && has_device(tracee)) {
			inject_close(tracee, STEP_CLOSE_MOVED, (int)result);
			return;
		}
		if (result >= 0)
			leader(tracee)->fd = (int)result;
		inject_close(tracee, STEP_CLOSE_LOW, tracee->low_fd);
		return;
	case STEP_CLOSE_MOVED:
		inject_close(tracee, STEP_CLOSE_LOW, tracee->low_fd);
		return;
	case STEP_CLOSE_LOW:
	case STEP_CLOSE_INHERITED:
		begin_ioctl(tracee, owner_bound);
		return;
	case STEP_CALL:
		finish(tracee, result >= 0 ? ioctl_end(tracee, result) : result);
		return;
	case STEP_DROP:
		finish(tracee, regs_result(&tracee->saved));
		return;
	}
}

/*
 * A new process is about to run, with a copy of its parent's descriptor @fd:
 * if it kept that, the end of the parent would go unnoticed. Returns whether it is
 * being made to close it.
 */
bool call_drop_inherited(struct tracee *tracee, int fd)
{
	struct __ptrace_syscall_info info;

	if (!is_device(tracee->tid, fd) ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, (void *)sizeof(info), &info) <= 0 ||
	    regs_read(tracee->tid, &tracee->saved))
		return false;
	tracee->saved.compat = regs_is_compat(info.arch);
	tracee->call = TRACE_SHMDT;	/* which has a result of its own */
	block_signals(tracee);
	inject_close(tracee, STEP_DROP, fd);
	return true;
}

#endif
