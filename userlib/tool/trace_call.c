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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "tool.h"
#include "trace.h"
#include "translate.h"

#if TRACE_SUPPORTED

/* Above what shells use, below 128, where the descriptor table gets bigger. */
#define FD_BASE		100

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

/* 0 or a negative errno. */
static int put(struct tracee *tracee, const void *data, size_t size)
{
	return memory_write(tracee->tid, tracee->scratch.addr, data, size) ? -errno : 0;
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
	tracee->step = STEP_NONE;
	tracee->entry_due = false;
	tracee->masked = false;
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
	if (tracee->step == STEP_NONE) {
		regs_write_skip(tracee->tid, &regs, result);
	} else {
		regs_set_result(&regs, result);
		regs_write(tracee->tid, &regs);
	}
	tracee->step = STEP_NONE;
	tracee->entry_due = false;
}

struct control_argument {
	struct xshm_control control;
	struct xshm_ds ds;	/* between a 32-bit tracee and the module */
};

_Static_assert(sizeof(struct control_argument) <= SCRATCH_SIZE, "room for the argument");
_Static_assert(sizeof(struct xshm_limits) <= sizeof(struct xshm_ds), "room for the limits");

/* Returns 0 or a negative errno. */
static int begin_control(struct tracee *tracee, unsigned int *command)
{
	bool compat = tracee->saved.compat;
	int cmd = (int)tracee->arg[1] & ~(compat ? IPC_64 : 0);
	struct translated_control to = translate_control(cmd);
	struct control_argument argument = {
		.control = {
			.size = sizeof(argument.control),
			.id = (int)tracee->arg[0],
			.select = to.select,
			.buf_size = to.size,
			.buf = to.buffer == BUFFER_NONE ? 0 : tracee->arg[2],
		},
	};

	if (!to.command)
		return -EINVAL;
	*command = to.command;
	if (!compat || to.buffer == BUFFER_NONE)
		return put(tracee, &argument.control, sizeof(argument.control));

	if (cmd == IPC_SET && ds32_read(tracee->tid, tracee->arg[2], tracee->old_layout,
					&argument.ds))
		return -EFAULT;
	argument.control.buf = tracee->scratch.addr + offsetof(struct control_argument, ds);
	return put(tracee, &argument, sizeof(argument));
}

/* The ioctl that stands for the call. */
static void begin_ioctl(struct tracee *tracee, int fd, bool owner_bound)
{
	unsigned int command = 0;
	int err = -ENOSYS;

	switch (tracee->call) {
	case TRACE_SHMGET: {
		struct xshm_get get = {
			.size = sizeof(get),
			.key = (int)tracee->arg[0],
			.bytes = tracee->arg[1],
			.shmflg = translate_get_flags((unsigned int)tracee->arg[2]),
			.options = owner_bound ? XSHM_GET_OWNER_BOUND : 0,
		};

		command = XSHM_IOC_GET;
		err = put(tracee, &get, sizeof(get));
		break;
	}
	case TRACE_SHMAT: {
		struct xshm_attach attach = {
			.size = sizeof(attach),
			.id = (int)tracee->arg[0],
			.addr = tracee->arg[1],
			.shmflg = translate_attach_flags((unsigned int)tracee->arg[2]),
		};

		command = XSHM_IOC_ATTACH;
		err = put(tracee, &attach, sizeof(attach));
		break;
	}
	case TRACE_SHMDT: {
		struct xshm_detach detach = {
			.size = sizeof(detach),
			.addr = tracee->arg[0],
		};

		command = XSHM_IOC_DETACH;
		err = put(tracee, &detach, sizeof(detach));
		break;
	}
	case TRACE_SHMCTL:
		err = begin_control(tracee, &command);
		break;
	case TRACE_IPC:
		break;
	}
	if (!err)
		INJECT(tracee, STEP_CALL, INJECT_IOCTL, (uint64_t)fd, command,
		       tracee->scratch.addr);
	else
		finish(tracee, err);
}

static long end_attach(struct tracee *tracee)
{
	struct xshm_attach attach;
	uint32_t where;

	if (memory_read(tracee->tid, tracee->scratch.addr, &attach, sizeof(attach)))
		return -EFAULT;
	if (!tracee->result_at)
		return (long)attach.addr;
	where = (uint32_t)attach.addr;
	return memory_write(tracee->tid, tracee->result_at, &where, sizeof(where)) ? -EFAULT : 0;
}

/* A 32-bit tracee gets its own layout of what the module said. */
static long end_control32(struct tracee *tracee, long result)
{
	struct translated_control to = translate_control((int)tracee->arg[1] & ~IPC_64);
	union {
		struct xshm_ds ds;
		struct xshm_limits limits;
		struct xshm_usage usage;
	} from;
	uint64_t addr = tracee->arg[2];
	int err = 0;

	if (to.buffer == BUFFER_NONE || to.command == XSHM_IOC_SET)
		return result;
	if (memory_read(tracee->tid, tracee->scratch.addr + offsetof(struct control_argument, ds),
			&from, sizeof(from)))
		return -EFAULT;
	switch (to.buffer) {
	case BUFFER_DS:
		err = ds32_write(tracee->tid, addr, tracee->old_layout, &from.ds);
		break;
	case BUFFER_LIMITS:
		err = limits32_write(tracee->tid, addr, tracee->old_layout, &from.limits);
		break;
	case BUFFER_USAGE:
		err = usage32_write(tracee->tid, addr, &from.usage);
		break;
	case BUFFER_NONE:
		break;
	}
	return err ? -EFAULT : result;
}

/* With memory of the tracer's there: the device next, then the call itself. */
static void begin_device(struct tracee *tracee, bool owner_bound)
{
	int err;

	if (has_device(tracee)) {
		begin_ioctl(tracee, leader(tracee)->fd, owner_bound);
		return;
	}
	/* Its number may be the next one's. */
	leader(tracee)->fd = -1;
	err = put(tracee, device_path, sizeof(device_path));
	if (err) {
		finish(tracee, err);
		return;
	}
	block_signals(tracee);
	INJECT(tracee, STEP_OPEN, INJECT_OPENAT, (uint64_t)AT_FDCWD, tracee->scratch.addr,
	       O_RDWR | O_CLOEXEC | O_NOCTTY);
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
	tracee->old_layout = false;
	tracee->result_at = 0;
	memcpy(tracee->arg, info.seccomp.args, sizeof(tracee->arg));
	if (tracee->call == TRACE_IPC)
		err = ipc_decode(tracee, (const uint64_t *)info.seccomp.args);
	if (err)
		finish(tracee, err);
	else
		begin_scratch(tracee, true, owner_bound);
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
	case STEP_MAP:
		end_map(tracee, result, owner_bound);
		return;
	case STEP_CLOSE_OTHER:
		finish(tracee, -ENOSYS);
		return;
	case STEP_OPEN:
		if (result < 0) {
			finish(tracee, open_error(result));
			return;
		}
		tracee->low_fd = (int)result;
		if (!is_device(tracee->tid, tracee->low_fd)) {
			/* Another file is there, or /proc can't be asked what it is. */
			inject_close(tracee, STEP_CLOSE_OTHER, tracee->low_fd);
		} else if (has_device(tracee)) {
			inject_close(tracee, STEP_CLOSE_LOW, tracee->low_fd);
		} else if (result < FD_BASE) {
			INJECT(tracee, STEP_MOVE, INJECT_FCNTL, (uint64_t)result, F_DUPFD_CLOEXEC,
			       FD_BASE);
		} else {
			leader(tracee)->fd = (int)result;
			begin_ioctl(tracee, (int)result, owner_bound);
		}
		return;
	case STEP_MOVE:
		/* A low RLIMIT_NOFILE leaves it where it is. */
		if (result < 0 && !has_device(tracee)) {
			leader(tracee)->fd = tracee->low_fd;
			begin_ioctl(tracee, tracee->low_fd, owner_bound);
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
		begin_ioctl(tracee, leader(tracee)->fd, owner_bound);
		return;
	case STEP_CALL:
		if (result >= 0 && tracee->call == TRACE_SHMAT)
			result = end_attach(tracee);
		else if (result >= 0 && tracee->call == TRACE_SHMCTL && tracee->saved.compat)
			result = end_control32(tracee, result);
		finish(tracee, result);
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
	block_signals(tracee);
	inject_close(tracee, STEP_DROP, fd);
	return true;
}

#endif
