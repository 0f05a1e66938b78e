// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The descriptor of /dev/xshm
 *
 * shmget(2) and its relatives are plain system calls: they work in signal
 * handlers, in the child of a threaded program, in a program that has closed
 * every descriptor, and they are no cancellation points. So nothing here locks,
 * allocates or uses stdio, and the kernel is called through syscall(), which
 * is no cancellation point either and which no program replaces as some do
 * with open() or close().
 *
 * Whose descriptor is it? A program may close it, and open or dup2() another
 * file to its number. Asking before each call would cost as much as the call,
 * so the call itself asks:
 *
 * - A failure counts only once the file has answered XSHM_IOC_VERSION as the
 *   module does. If it hasn't, the descriptor is forgotten, never closed, the
 *   device is opened anew and the call repeated. The exceptions are what only
 *   a command that was understood can end in, as ENOENT for a key: nobody says
 *   so to a command that he doesn't know.
 * - A success could be a foreign one only if another driver took our command.
 *   The type 0xEF is nobody else's in Linux; files without ioctls of their own,
 *   sockets, pipes and terminals answer ENOTTY or EINVAL, and DRM, which once
 *   looked at the number alone, has checked the type since before 6.1. What
 *   is left is a driver that returns 0 for whatever it doesn't know. Nobody
 *   reads or writes through our pointer then, since the command says that it
 *   has no argument. So an id or an address is believed if it isn't 0, and a
 *   0 is verified, by a command that doesn't exist, where it could be taken for
 *   one and where calls are too rare for the cost to matter. Detaching, stat
 *   and removal are neither: the worst for them is a call without effect.
 *
 * The answer proves more than st_rdev would: it stays true when the module was
 * loaded again with another minor number or the node is in another /dev.
 *
 * fork: the module takes the last close of an open file for the end of its
 * owner, so a child should not go on using that of its parent. The number lives
 * in a page that the kernel clears in a child (MADV_WIPEONFORK), which makes
 * the child open the device for itself, also after a bare clone(2), and close
 * the inherited descriptor then. Where it can't, because it has changed its
 * root, its identity or its system call filter or has no descriptor left, the
 * inherited one still serves: System V would go on working too, and rights
 * are never the descriptor's. Only if owner-bound segments hang on the
 * descriptor does the child close it at once. A child of vfork(2) shares the
 * page, and the parent's descriptor, until it execs or exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/xshm.h>

#include "device.h"
#include "internal.h"

#define DEVICE_PATH "/dev/xshm"

#ifdef SYS_fcntl64
#define DEVICE_SYS_FCNTL SYS_fcntl64
#else
#define DEVICE_SYS_FCNTL SYS_fcntl
#endif

/*
 * Out of the way of what programs, shells and supervisors expect at fixed
 * numbers: few use more than some ten from 0 or from 10 on, and bash goes from 63
 * downwards. But below 64, as many as a process has room for: beyond, each
 * fork copies a table that was allocated for it.
 */
#define DEVICE_FD_BASE 48

/* Will never be one. */
#define DEVICE_NO_COMMAND _IO(XSHM_IOC_MAGIC, 0xff)

/* A foreign file is met once; more means that somebody keeps closing. */
#define DEVICE_TRIES 32

/* Used where the kernel has no page for us. */
static struct device_state device_unwiped;
struct device_state *_Atomic device_state;

/* Survives fork, so that the child knows what it inherited. */
static atomic_int device_inheritable_plus_1;

/* Segments die with the descriptor. */
static atomic_int device_is_bound;

static int device_version(int fd, struct xshm_version *version)
{
	*version = (struct xshm_version){ .size = sizeof(*version) };
	return device_ioctl(fd, XSHM_IOC_VERSION, version);
}

static int device_is_ours(int fd)
{
	struct xshm_version version;

	return device_version(fd, &version) == 0 && version.abi == XSHM_ABI_VERSION;
}

static int device_openat(void)
{
	int fd;

	do
		fd = syscall(SYS_openat, AT_FDCWD, DEVICE_PATH, O_RDWR | O_CLOEXEC | O_NOCTTY, 0);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/*
 * The descriptor table is full. System V segments need no descriptor, so make
 * room for one more above what the program may use, as far as the hard limit
 * allows. The limit is the same afterwards.
 */
static int device_openat_above_limit(struct device_state *state)
{
	struct { uint64_t current, max; } old, raised;
	int fd = -1, error = EMFILE;
	int patience = 1000;

	/* Two at once could leave the limit raised. */
	while (atomic_exchange(&state->raising, 1)) {
		if (!patience--) {
			errno = EMFILE;
			return -1;
		}
		sched_yield();
	}
	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &old) == 0 && old.current < old.max) {
		raised = old;
		raised.current++;
		if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &raised, NULL) == 0) {
			fd = device_openat();
			error = errno;
			syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &old, NULL);
		}
	}
	atomic_store(&state->raising, 0);
	errno = error;
	return fd;
}

/* What the calls return where the device can't be opened. */
static int device_errno(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return error;
	case EACCES:
	case EPERM:
		return EACCES;
	default:
		/* No device, no node, another file there: no xshm in this system. */
		return ENOSYS;
	}
}

/*
 * Open the device anew. Returns the descriptor, or -1 with errno. @abi is set
 * to what the module says, 0 if nothing spoke like the module.
 */
static int device_open(struct device_state *state, uint32_t *abi)
{
	struct xshm_version version;
	int fd, moved, error, tries = 0;

	*abi = 0;
	do {
		fd = device_openat();
		if (fd < 0 && errno == EMFILE)
			fd = device_openat_above_limit(state);
		if (fd < 0)
			return -1;
		error = device_version(fd, &version);
		/* Another thread closes whatever it finds, this one already. */
	} while (error == -EBADF && tries++ < DEVICE_TRIES);

	if (!error)
		*abi = version.abi;
	if (*abi != XSHM_ABI_VERSION) {
		syscall(SYS_close, fd);
		errno = ENODEV;
		return -1;
	}

	if (fd < DEVICE_FD_BASE) {
		/* Stays where it is if the limit leaves no room further up. */
		moved = syscall(DEVICE_SYS_FCNTL, fd, F_DUPFD_CLOEXEC, DEVICE_FD_BASE);
		if (moved >= 0) {
			syscall(SYS_close, fd);
			fd = moved;
		}
	}
	return fd;
}

static struct device_state *device_get_state(void)
{
	struct device_state *state, *expected = NULL;
	void *page;

	state = atomic_load_explicit(&device_state, memory_order_acquire);
	if (state)
		return state;

	state = &device_unwiped;
	page = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (page != MAP_FAILED) {
		if (madvise(page, sizeof(*state), MADV_WIPEONFORK) == 0)
			state = page;
		else
			munmap(page, sizeof(*state));
	}
	if (!atomic_compare_exchange_strong(&device_state, &expected, state)) {
		if (state == page)
			munmap(page, sizeof(*state));
		state = expected;
	}
	return state;
}

/* The descriptor, opened if need be; -1 with errno. Changes errno. */
static int device_fd_slow(struct device_state *state)
{
	int inherited, fd, error, expected = 0;
	uint32_t abi;

	/*
	 * Read before claiming: nobody opens the device without having claimed,
	 * so if we are the first, this is from before a fork.
	 */
	inherited = atomic_load(&device_inheritable_plus_1) - 1;
	if (atomic_exchange(&state->claimed, 1))
		inherited = -1;

	fd = device_open(state, &abi);
	error = errno;
	if (inherited >= 0 && !device_is_ours(inherited))
		inherited = -1;
	if (fd < 0 && inherited < 0) {
		errno = device_errno(error);
		return -1;
	}
	if (fd < 0)
		fd = inherited;
	else if (inherited >= 0)
		syscall(SYS_close, inherited);

	if (!atomic_compare_exchange_strong(&state->fd_plus_1, &expected, fd + 1)) {
		/* Another thread was faster. */
		syscall(SYS_close, fd);
		return expected - 1;
	}
	atomic_store(&device_inheritable_plus_1, fd + 1);
	return fd;
}

/* The number belongs to something else now, which must stay open. */
static void device_forget(struct device_state *state, int fd)
{
	int expected = fd + 1;

	atomic_compare_exchange_strong(&device_inheritable_plus_1, &expected, 0);
	expected = fd + 1;
	atomic_compare_exchange_strong(&state->fd_plus_1, &expected, 0);
}

/* The answer could be the module's, or else is worth no proof. */
static int device_is_plausible(long result, enum device_zero zero)
{
	if (result > 0 || (!result && zero == DEVICE_ZERO_TRUSTED))
		return 1;
	return result == -ENOENT || result == -EEXIST || result == -EIDRM || result == -ENOSPC;
}

/* The answer was not plausible: is it the module's all the same? */
static int device_answered(int fd, long result)
{
	/* Closed; another thread may have opened the device at that number since. */
	if (result == -EBADF)
		return 0;
	/* A file that takes everything takes what the module doesn't: half the cost. */
	if (!result)
		return device_ioctl(fd, DEVICE_NO_COMMAND, NULL) == -ENOTTY;
	return device_is_ours(fd);
}

static int device_return(long result)
{
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/**
 * device_call_slow() - the rest of device_call()
 * @command: XSHM_IOC_*
 * @argument: its structure
 * @zero: what a result of 0 is worth
 * @fd: the descriptor that has been tried, or -1
 * @result: what it answered
 */
int device_call_slow(unsigned int command, void *argument, enum device_zero zero, int fd,
		     long result)
{
	struct device_state *state = device_get_state();
	int saved_errno = errno;
	int tries;

	for (tries = 0; ; tries++) {
		if (fd >= 0) {
			if (device_is_plausible(result, zero) || device_answered(fd, result)) {
				errno = saved_errno;
				return device_return(result);
			}
			if (result != -EBADF || !device_is_ours(fd))
				device_forget(state, fd);
		}
		if (tries == DEVICE_TRIES)
			break;
		fd = device_get_fd(state);
		if (fd < 0) {
			fd = device_fd_slow(state);
			if (fd < 0)
				return -1;
		}
		result = device_ioctl(fd, command, argument);
	}
	errno = ENOSYS;
	return -1;
}

/* Open the device if it isn't open. 0, or -1 with errno. */
int device_prepare(void)
{
	struct xshm_version version = { .size = sizeof(version) };

	return device_call(XSHM_IOC_VERSION, &version, DEVICE_ZERO_VERIFIED);
}

const char *device_unavailable(void)
{
	struct device_state *state = device_get_state();
	const char *reason = NULL;
	int saved_errno = errno;
	uint32_t abi;
	int fd;

	if (device_prepare() == 0)
		return NULL;

	fd = device_open(state, &abi);
	if (fd >= 0) {
		/* It works by now. */
		syscall(SYS_close, fd);
	} else if (abi) {
		reason = "the xshm module has another ABI version than this library: "
			 "install both from the same release and load the module again";
	} else {
		switch (errno) {
		case ENOENT:
		case ENOTDIR:
			reason = DEVICE_PATH " does not exist: load the module (modprobe xshm)";
			break;
		case ENXIO:
		case ENODEV:
			reason = DEVICE_PATH " is not the device of a loaded xshm module: "
				 "remove it and load the module (modprobe xshm)";
			break;
		case EACCES:
		case EPERM:
			reason = "no permission to open " DEVICE_PATH " for reading and writing: "
				 "its mode should be 0666";
			break;
		case EMFILE:
			reason = "no file descriptor left to open " DEVICE_PATH ": "
				 "raise the limit (ulimit -n)";
			break;
		case ENFILE:
			reason = "the system has no open file left for " DEVICE_PATH ": "
				 "raise fs.file-max";
			break;
		case ENOMEM:
			reason = "no memory to open " DEVICE_PATH;
			break;
		default:
			reason = "can't open " DEVICE_PATH;
		}
	}
	errno = saved_errno;
	return reason;
}

/**
 * device_bind() - segments are tied to the descriptor from now on
 */
void device_bind(void)
{
	atomic_store_explicit(&device_is_bound, 1, memory_order_relaxed);
}

static void device_after_fork(void)
{
	struct device_state *state = atomic_load(&device_state);
	int saved_errno = errno;
	int inherited;

	if (state) {
		/* Zeros already, unless there is no page. */
		atomic_store(&state->fd_plus_1, 0);
		atomic_store(&state->claimed, 0);
		atomic_store(&state->raising, 0);
	}
	if (atomic_exchange(&device_is_bound, 0)) {
		inherited = atomic_exchange(&device_inheritable_plus_1, 0) - 1;
		if (inherited >= 0 && device_is_ours(inherited))
			syscall(SYS_close, inherited);
	}
	errno = saved_errno;
}

__attribute__((constructor)) static void device_register_fork_handler(void)
{
	/* Without memory for it, the first call in the child does the work. */
	pthread_atfork(NULL, NULL, device_after_fork);
}
