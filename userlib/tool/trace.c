// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --trace: the start.
 *
 * This process becomes the command, so that its exit status, signals and place
 * among the jobs are those of any command. The tracer is a grandchild with a session
 * of its own: the command finds no child that it did not make, and the tracer
 * outlives it as long as daemons that it started need it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>
#include "tool.h"
#include "trace.h"

bool trace_supported(void)
{
	return TRACE_SUPPORTED;
}

#if TRACE_SUPPORTED

/* Waits for the tracer to be there; returns what it reports, an errno. */
static int start_tracer(bool owner_bound)
{
	int ready[2], err = ESRCH, status;
	pid_t target = getpid(), middle;

	if (pipe2(ready, O_CLOEXEC))
		return errno;
	middle = fork();
	if (middle < 0)
		return errno;
	if (!middle) {
		pid_t tracer = fork();

		if (tracer)
			_exit(tracer < 0);
		close(ready[0]);
		tracer_main(target, ready[1], owner_bound);
	}
	close(ready[1]);
	while (waitpid(middle, &status, 0) < 0 && errno == EINTR)
		;
	if (read(ready[0], &err, sizeof(err)) != sizeof(err))
		err = ESRCH;
	close(ready[0]);
	return err;
}

/* Whose descriptors are what, /proc has to tell by the numbers that ptrace(2) has. */
static bool is_own_proc(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid();
}

/* Returns 0 when all that follows in this process is traced, -1 after a message. */
int trace_start(bool owner_bound)
{
	int err;

	if (!is_own_proc()) {
		complain("can't trace: /proc is not mounted, or not that of this PID namespace: "
			 "as root, mount -t proc proc /proc");
		return -1;
	}
	call_remember_device();
	/* Where Yama restricts tracing to descendants (ptrace_scope 1). */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	err = start_tracer(owner_bound);
	prctl(PR_SET_PTRACER, 0, 0, 0, 0);
	if (err == EPERM) {
		complain("can't trace: the command is traced already (a debugger?), or "
			 "kernel.yama.ptrace_scope forbids it");
		return -1;
	}
	if (err) {
		complain("can't trace: %s", strerror(err));
		return -1;
	}
	if (filter_install(true, true)) {
		complain("can't install a seccomp filter: %s", strerror(errno));
		return -1;
	}
	return 0;
}

#else

int trace_start(bool owner_bound)
{
	(void)owner_bound;
	return -1;
}

#endif
