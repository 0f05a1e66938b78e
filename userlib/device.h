/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of each call to the module, inline as long as the device is open and
 * answers. device.c has the rest, and says how it tells whose answer it is.
 */
#ifndef _XSHM_DEVICE_H
#define _XSHM_DEVICE_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

struct device_state {
	atomic_int fd_plus_1;	/* 0: this process hasn't opened the device */
	atomic_int claimed;	/* somebody has dealt with what fork left */
	atomic_int raising;	/* RLIMIT_NOFILE is being raised */
};

/* NULL before the first call. */
extern hidden struct device_state *_Atomic device_state;

/* What a result of 0 is worth. */
enum device_zero {
	DEVICE_ZERO_TRUSTED,
	DEVICE_ZERO_VERIFIED,
};

/*
 * ioctl(2), returning -errno: errno is thread-local and syscall() a call through the
 * procedure linkage table, which together cost a tenth of a stat.
 */
static inline long device_ioctl(int fd, unsigned int command, void *argument)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile ("syscall"
			  : "=a" (result)
			  : "0" ((long)SYS_ioctl), "D" ((long)fd), "S" ((long)command),
			    "d" (argument)
			  : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_ioctl;
	register long result __asm__("x0") = fd;
	register long x1 __asm__("x1") = command;
	register void *x2 __asm__("x2") = argument;

	__asm__ volatile ("svc 0" : "+r" (result) : "r" (number), "r" (x1), "r" (x2) : "memory");
	return result;
#else
	int saved_errno = errno;
	long result = syscall(SYS_ioctl, fd, command, argument);

	if (result < 0) {
		result = -errno;
		errno = saved_errno;
	}
	return result;
#endif
}

static inline int device_get_fd(struct device_state *state)
{
	return atomic_load_explicit(&state->fd_plus_1, memory_order_acquire) - 1;
}

hidden int device_call_slow(unsigned int command, void *argument, enum device_zero zero, int fd,
			    long result);

/**
 * device_call() - carry out a command
 * @command: XSHM_IOC_*
 * @argument: its structure
 * @zero: DEVICE_ZERO_VERIFIED if a result of 0 has to be the module's, whatever
 *	it costs
 *
 * Return: what the command returns; -1 with errno, which is untouched otherwise.
 */
static inline int device_call(unsigned int command, void *argument, enum device_zero zero)
{
	const int least = zero == DEVICE_ZERO_VERIFIED;
	struct device_state *state = atomic_load_explicit(&device_state, memory_order_acquire);
	long result = 0;
	int fd = -1;

	if (__builtin_expect(!!state, 1)) {
		fd = device_get_fd(state);
		if (__builtin_expect(fd >= 0, 1)) {
			result = device_ioctl(fd, command, argument);
			if (__builtin_expect(result >= least, 1))
				return result;
		}
	}
	return device_call_slow(command, argument, zero, fd, result);
}

#endif /* _XSHM_DEVICE_H */
