// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --trace: the tracer. It follows threads, children and programs, and
 * hands on signals and stops as if it were not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tool.h"
#include "trace.h"

#if TRACE_SUPPORTED

#define OPTIONS (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
		 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | \
		 PTRACE_O_EXITKILL)

#define BUCKETS 256

static struct tracee *buckets[BUCKETS];
static size_t tracee_count;

struct tracee *tracee_find(pid_t tid)
{
	struct tracee *tracee = buckets[tid % BUCKETS];

	while (tracee && tracee->tid != tid)
		tracee = tracee->next;
	return tracee;
}

/* A line of /proc/PID/status, as a number; -1 if there is none. */
static pid_t status_number(pid_t tid, const char *name)
{
	char path[64], line[256];
	size_t length = strlen(name);
	pid_t number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':') {
			number = atoi(line + length + 1);
			break;
		}
	fclose(file);
	return number;
}

static struct tracee *tracee_add(pid_t tid)
{
	struct tracee *tracee = calloc(1, sizeof(*tracee));

	/* Ends all tracees too: none may go on without its tracer. */
	if (!tracee)
		_exit(EXIT_FAILURE);
	tracee->tid = tid;
	tracee->tgid = status_number(tid, "Tgid");
	tracee->fd = -1;
	tracee->next = buckets[tid % BUCKETS];
	buckets[tid % BUCKETS] = tracee;
	tracee_count++;
	return tracee;
}

static void tracee_remove(pid_t tid)
{
	struct tracee **link = &buckets[tid % BUCKETS], *tracee;

	while (*link && (*link)->tid != tid)
		link = &(*link)->next;
	tracee = *link;
	if (!tracee)
		return;
	*link = tracee->next;
	free(tracee);
	tracee_count--;
}

static void resume(struct tracee *tracee, int sig)
{
	ptrace(tracee->step == STEP_NONE ? PTRACE_CONT : PTRACE_SYSCALL, tracee->tid, NULL,
	       (void *)(long)sig);
}

static bool shares_files(pid_t a, pid_t b)
{
	/* Where the kernel can't tell, nothing is closed: that only comes later. */
	return syscall(SYS_kcmp, a, b, KCMP_FILES, 0, 0) <= 0;
}

/* The first stop of a thread or process, on its way out of the call that made it. */
static void start(struct tracee *tracee)
{
	struct tracee *parent;

	tracee->started = true;
	if (tracee->tgid != tracee->tid)
		return;
	parent = tracee_find(status_number(tracee->tid, "PPid"));
	if (parent && parent->fd >= 0 && !shares_files(parent->tid, tracee->tid))
		call_drop_inherited(tracee, parent->fd);
}

/* execve leaves one thread, the leader by number, whichever it was that called it. */
static void after_exec(struct tracee *tracee)
{
	unsigned long before = 0;

	if (!ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &before) &&
	    (pid_t)before != tracee->tid)
		tracee_remove((pid_t)before);
	tracee->step = STEP_NONE;
	tracee->entry_due = false;
	tracee->masked = false;
	tracee->scratch_used = 0;
	tracee->fd = -1;
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(pid_t tid, int status, bool owner_bound)
{
	struct tracee *tracee = tracee_find(tid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!tracee)
		tracee = tracee_add(tid);
	switch (event) {
	case 0:
		break;
	case PTRACE_EVENT_SECCOMP:
		call_begin(tracee, owner_bound);
		resume(tracee, 0);
		return;
	case PTRACE_EVENT_EXEC:
		after_exec(tracee);
		resume(tracee, 0);
		return;
	case PTRACE_EVENT_STOP:
		if (is_stop_signal(sig)) {
			ptrace(PTRACE_LISTEN, tid, NULL, NULL);
			return;
		}
		if (!tracee->started)
			start(tracee);
		resume(tracee, 0);
		return;
	default:
		resume(tracee, 0);
		return;
	}
	if (sig == (SIGTRAP | 0x80)) {
		call_step(tracee, owner_bound);
		resume(tracee, 0);
		return;
	}
	resume(tracee, sig);
}

/* Lets go of everything that somebody might wait for. */
static void become_daemon(int ready)
{
	int null;

	setsid();
	signal(SIGPIPE, SIG_IGN);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	/* 3 and up, but not the pipe. */
	if (ready > 3)
		syscall(SYS_close_range, 3, ready - 1, 0);
	syscall(SYS_close_range, ready + 1, ~0U, 0);
	if (chdir("/"))
		return;
}

void tracer_main(pid_t target, int ready, bool owner_bound)
{
	int err = 0;

	become_daemon(ready);
	if (ptrace(PTRACE_SEIZE, target, NULL, (void *)OPTIONS))
		err = errno;
	else
		tracee_add(target)->started = true;
	if (write(ready, &err, sizeof(err)) != sizeof(err) || err)
		_exit(EXIT_FAILURE);
	close(ready);
	while (tracee_count) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (WIFSTOPPED(status))
			on_stop(tid, status, owner_bound);
		else
			tracee_remove(tid);
	}
	_exit(EXIT_SUCCESS);
}

#endif
