// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --trace: one call of a tracee, from its entry to its end.
 *
 * The argument of the ioctl lies below the caller's red zone, and what was
 * there comes back afterwards: on the small stacks of goroutines and coroutines it may
 * be somebody's. While the tracee does more than the one call for us, its
 * signals are blocked, so that no handler ever sees registers that are not its
 * own.
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
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "tool.h"
#include "trace.h"
#include "translate.h"

#if TRACE_SUPPORTED

#define RED_ZONE	128
/* Above what shells use, below 128, where the descriptor table gets bigger. */
#define FD_BASE		100
/* Set in the command of a 32-bit shmctl: the layout of Linux 2.4 and later. */
#define IPC_64		0x100

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
static int scratch_put(struct tracee *tracee, const void *data, size_t size)
{
	if (!tracee->scratch_used) {
		tracee->scratch = (regs_stack(&tracee->saved) - RED_ZONE - SCRATCH_SIZE) & ~15ULL;
		if (memory_read(tracee->tid, tracee->scratch, tracee->before,
				sizeof(tracee->before)))
			return -ENOMEM;
		tracee->scratch_used = sizeof(tracee->before);
	}
	return memory_write(tracee->tid, tracee->scratch, data, size) ? -ENOMEM : 0;
}

static void scratch_restore(struct tracee *tracee)
{
	if (tracee->scratch_used)
		memory_write(tracee->tid, tracee->scratch, tracee->before, tracee->scratch_used);
	tracee->scratch_used = 0;
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
static void inject(struct tracee *tracee, enum step step, enum injected call, uint64_t a,
		   uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t args[4] = { a, b, c, d };
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

/* The call is over: the tracee finds memory and registers as it left them. */
static void finish(struct tracee *tracee, long result)
{
	struct regs regs = tracee->saved;

	scratch_restore(tracee);
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
	int err;

	if (!to.command)
		return -EINVAL;
	*command = to.command;
	if (!compat || to.buffer == BUFFER_NONE)
		return scratch_put(tracee, &argument.control, sizeof(argument.control));

	if (cmd == IPC_SET && ds32_read(tracee->tid, tracee->arg[2], tracee->old_layout,
					&argument.ds))
		return -EFAULT;
	err = scratch_put(tracee, &argument, sizeof(argument));
	if (err)
		return err;
	argument.control.buf = tracee->scratch + offsetof(struct control_argument, ds);
	return scratch_put(tracee, &argument, sizeof(argument));
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
		err = scratch_put(tracee, &get, sizeof(get));
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
		err = scratch_put(tracee, &attach, sizeof(attach));
		break;
	}
	case TRACE_SHMDT: {
		struct xshm_detach detach = {
			.size = sizeof(detach),
			.addr = tracee->arg[0],
		};

		command = XSHM_IOC_DETACH;
		err = scratch_put(tracee, &detach, sizeof(detach));
		break;
	}
	case TRACE_SHMCTL:
		err = begin_control(tracee, &command);
		break;
	case TRACE_IPC:
		break;
	}
	if (!err)
		inject(tracee, STEP_CALL, INJECT_IOCTL, fd, command, tracee->scratch, 0);
	else
		finish(tracee, err);
}

static long end_attach(struct tracee *tracee)
{
	struct xshm_attach attach;
	uint32_t where;

	if (memory_read(tracee->tid, tracee->scratch, &attach, sizeof(attach)))
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
	if (memory_read(tracee->tid, tracee->scratch + offsetof(struct control_argument, ds),
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

/* Splits ipc(call, first, second, third, ptr) into the call that it stands for. */
static int decode_ipc(struct tracee *tracee, const uint64_t *args)
{
	int version = (int)(args[0] >> 16);

	switch (args[0] & 0xffff) {
	case 21: /* SHMAT */
		if (version == 1)
			return -EINVAL;
		tracee->call = TRACE_SHMAT;
		tracee->arg[0] = args[1];
		tracee->arg[1] = args[4];
		tracee->arg[2] = args[2];
		tracee->result_at = args[3];
		return 0;
	case 22: /* SHMDT */
		tracee->call = TRACE_SHMDT;
		tracee->arg[0] = args[4];
		return 0;
	case 23: /* SHMGET */
		tracee->call = TRACE_SHMGET;
		memcpy(tracee->arg, args + 1, sizeof(tracee->arg));
		return 0;
	case 24: /* SHMCTL */
		tracee->call = TRACE_SHMCTL;
		tracee->arg[0] = args[1];
		tracee->arg[1] = args[2];
		tracee->arg[2] = args[4];
		tracee->old_layout = !(args[2] & IPC_64);
		return 0;
	}
	return -ENOSYS;
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
		err = decode_ipc(tracee, (const uint64_t *)info.seccomp.args);
	if (err) {
		finish(tracee, err);
		return;
	}
	if (has_device(tracee)) {
		begin_ioctl(tracee, leader(tracee)->fd, owner_bound);
		return;
	}
	/* Its number may be the next one's. */
	leader(tracee)->fd = -1;
	err = scratch_put(tracee, device_path, sizeof(device_path));
	if (err) {
		finish(tracee, err);
		return;
	}
	block_signals(tracee);
	inject(tracee, STEP_OPEN, INJECT_OPENAT, (uint64_t)AT_FDCWD, tracee->scratch,
	       O_RDWR | O_CLOEXEC | O_NOCTTY, 0);
}

/* What a call fails with when the device can't be opened: as in the library. */
static long open_error(long err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE ? -ENOMEM : -ENOSYS;
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
	case STEP_OPEN:
		if (result < 0) {
			finish(tracee, open_error(result));
			return;
		}
		tracee->low_fd = (int)result;
		if (has_device(tracee)) {
			inject(tracee, STEP_CLOSE_LOW, INJECT_CLOSE, result, 0, 0, 0);
		} else if (result < FD_BASE) {
			inject(tracee, STEP_MOVE, INJECT_FCNTL, result, F_DUPFD_CLOEXEC, FD_BASE,
			       0);
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
			inject(tracee, STEP_CLOSE_MOVED, INJECT_CLOSE, result, 0, 0, 0);
			return;
		}
		if (result >= 0)
			leader(tracee)->fd = (int)result;
		inject(tracee, STEP_CLOSE_LOW, INJECT_CLOSE, tracee->low_fd, 0, 0, 0);
		return;
	case STEP_CLOSE_MOVED:
		inject(tracee, STEP_CLOSE_LOW, INJECT_CLOSE, tracee->low_fd, 0, 0, 0);
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
	inject(tracee, STEP_DROP, INJECT_CLOSE, fd, 0, 0, 0);
	return true;
}

#endif
