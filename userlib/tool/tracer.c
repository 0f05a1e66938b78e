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
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tool.h"
#include "trace.h"

#if TRACE_SUPPORTED

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
	tracee->inherited = -1;
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
	call_forget(tracee);
	free(tracee);
	tracee_count--;
}

static void resume(struct tracee *tracee, int sig)
{
	ptrace(tracee->step == STEP_NONE ? PTRACE_CONT : PTRACE_SYSCALL, tracee->tid, NULL,
	       (void *)(long)sig);
}

/* 1, 0, or -1 where the kernel can't tell. */
static int shares(pid_t a, pid_t b, int what)
{
	long order = syscall(SYS_kcmp, a, b, what, 0, 0);

	return order < 0 ? -1 : !order;
}

/* The first stop of a thread or process, on its way out of the call that made it. */
static void start(struct tracee *tracee, bool owner_bound)
{
	struct tracee *parent;
	int fd;

	tracee->started = true;
	if (tracee->tgid != tracee->tid)
		return;
	parent = tracee_find(status_number(tracee->tid, "PPid"));
	if (!parent)
		return;
	if (parent->space && !tracee->space) {
		int shared = shares(parent->tid, tracee->tid, KCMP_VM);

		/* Where nobody knows, it maps its own. */
		if (shared >= 0)
			tracee->space = shared ? scratch_share(parent->space) :
					scratch_copy(parent->space);
	}
	fd = parent->fd >= 0 ? parent->fd : parent->inherited;
	/* Where nobody knows, nothing is closed. */
	if (fd < 0 || shares(parent->tid, tracee->tid, KCMP_FILES))
		return;
	/*
	 * To the module, its last close is the parent's end. What hangs on that must not
	 * wait; else it serves until the child has its own, which it may be unable to open.
	 */
	if (owner_bound)
		call_drop_inherited(tracee, fd);
	else
		tracee->inherited = fd;
}

/* execve leaves one thread, the leader by number, whichever it was that called it. */
static void after_exec(struct tracee *tracee)
{
	unsigned long before = 0;

	if (!ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &before) &&
	    (pid_t)before != tracee->tid)
		tracee_remove((pid_t)before);
	call_forget(tracee);
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct tracee *tracee, bool owner_bound)
{
	int sig = WSTOPSIG(tracee->status), event = tracee->status >> 16;

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
			ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
			return;
		}
		if (!tracee->started)
			start(tracee, owner_bound);
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

/* Those that are stopped, in the order in which they are served. */
static struct {
	pid_t *tid;
	size_t count, room;
} queue;

static void queue_add(pid_t tid)
{
	if (queue.count == queue.room) {
		queue.room = queue.room ? 2 * queue.room : 64;
		queue.tid = realloc(queue.tid, queue.room * sizeof(*queue.tid));
		if (!queue.tid)
			_exit(EXIT_FAILURE);
	}
	queue.tid[queue.count++] = tid;
}

static void note(pid_t tid, int status)
{
	struct tracee *tracee;

	if (!WIFSTOPPED(status)) {
		tracee_remove(tid);
		return;
	}
	tracee = tracee_find(tid);
	if (!tracee)
		tracee = tracee_add(tid);
	tracee->status = status;
	if (!tracee->pending)
		queue_add(tid);
	tracee->pending = true;
}

/*
 * Takes all stops that there are before any is served. waitpid(2) always begins with
 * the same tracee: one that is back soon enough would be the only one ever
 * served. What is stopped stays so, so this ends.
 */
static bool queue_fill(void)
{
	int status, options = __WALL;
	pid_t tid;

	for (;;) {
		tid = waitpid(-1, &status, options);
		if (tid > 0)
			note(tid, status);
		else if (tid == 0 || errno != EINTR)
			return queue.count || tid == 0;
		options = __WALL | WNOHANG;
	}
}

static uint64_t turn_of(pid_t tid)
{
	struct tracee *tracee = tracee_find(tid);

	return tracee ? tracee->turn : 0;
}

static int by_turn(const void *a, const void *b)
{
	uint64_t x = turn_of(*(const pid_t *)a), y = turn_of(*(const pid_t *)b);

	return (x > y) - (x < y);
}

static void queue_serve(bool owner_bound)
{
	static uint64_t turn;

	qsort(queue.tid, queue.count, sizeof(*queue.tid), by_turn);
	for (size_t i = 0; i < queue.count; i++) {
		pid_t tid = queue.tid[i];
		struct tracee *tracee;
		int status;

		/* Killed since, or replaced by execve: the stop of before is void. */
		if (waitpid(tid, &status, __WALL | WNOHANG) == tid)
			note(tid, status);
		tracee = tracee_find(tid);
		if (!tracee || !tracee->pending)
			continue;
		tracee->pending = false;
		tracee->turn = ++turn;
		on_stop(tracee, owner_bound);
	}
	queue.count = 0;
}

/*
 * The command line is that of the command, with its name and its arguments: who looks
 * for those with pgrep(1) or pkill(1) means the command.
 */
static void rename_process(void)
{
	static const char name[] = "xshm-tracer";
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t room = 0;

	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (!file)
		return;
	while (getc(file) != EOF)
		room++;
	fclose(file);
	if (!room)
		return;
	/* The kernel shows what is there, and it ends in a 0. */
	memset(program_invocation_name, 0, room);
	memcpy(program_invocation_name, name, room < sizeof(name) ? room - 1 : sizeof(name));
}

/* Signals for everybody, as those of a service manager, are for the command. */
static void block_all_signals(void)
{
	uint64_t all = ~0ULL;

	/* The C library's would leave out two. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
}

/* Lets go of everything that somebody might wait for. */
static void become_daemon(int ready)
{
	int null;

	setsid();
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

	block_all_signals();
	/* Where the command was started with closed ones, it is one of those to be replaced. */
	if (ready <= 2)
		ready = fcntl(ready, F_DUPFD_CLOEXEC, 3);
	become_daemon(ready);
	rename_process();
	scratch_prepare();
	if (ptrace(PTRACE_SEIZE, target, NULL, (void *)TRACE_OPTIONS))
		err = errno;
	else
		tracee_add(target)->started = true;
	if (write(ready, &err, sizeof(err)) != sizeof(err) || err)
		_exit(EXIT_FAILURE);
	close(ready);
	while (tracee_count && queue_fill())
		queue_serve(owner_bound);
	_exit(EXIT_SUCCESS);
}

#endif
