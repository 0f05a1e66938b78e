// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm run --trace: the ioctl that stands for a call, and what it leaves. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "trace.h"
#include "translate.h"

#if TRACE_SUPPORTED

/* 0 or a negative errno. */
static int put(struct tracee *tracee, const void *data, size_t size)
{
	return memory_write(tracee->tid, tracee->scratch.addr, data, size) ? -errno : 0;
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

/* Writes the argument. Returns 0 and the command, or a negative errno. */
int ioctl_prepare(struct tracee *tracee, unsigned int *command, bool owner_bound)
{
	switch (tracee->call) {
	case TRACE_SHMGET: {
		struct xshm_get get = {
			.size = sizeof(get),
			.key = (int)tracee->arg[0],
			.bytes = tracee->arg[1],
			.shmflg = translate_get_flags((unsigned int)tracee->arg[2]),
			.options = owner_bound ? XSHM_GET_OWNER_BOUND : 0,
		};

		*command = XSHM_IOC_GET;
		return put(tracee, &get, sizeof(get));
	}
	case TRACE_SHMAT: {
		struct xshm_attach attach = {
			.size = sizeof(attach),
			.id = (int)tracee->arg[0],
			.addr = tracee->arg[1],
			.shmflg = translate_attach_flags((unsigned int)tracee->arg[2]),
		};

		*command = XSHM_IOC_ATTACH;
		return put(tracee, &attach, sizeof(attach));
	}
	case TRACE_SHMDT: {
		struct xshm_detach detach = {
			.size = sizeof(detach),
			.addr = tracee->arg[0],
		};

		*command = XSHM_IOC_DETACH;
		return put(tracee, &detach, sizeof(detach));
	}
	case TRACE_SHMCTL:
		return begin_control(tracee, command);
	case TRACE_IPC:
	case TRACE_LAST:
		break;
	}
	return -ENOSYS;
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

/* The ioctl has worked: the result of the call. */
long ioctl_end(struct tracee *tracee, long result)
{
	if (tracee->call == TRACE_SHMAT)
		return end_attach(tracee);
	if (tracee->call == TRACE_SHMCTL && tracee->saved.compat)
		return end_control32(tracee, result);
	return result;
}

#endif
