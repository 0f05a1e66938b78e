// SPDX-License-Identifier: GPL-2.0
/* side.c - the processes of a side, and how they hand each other the turn */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "differential.h"

/* Seconds that a sequence may take, under emulation and beside other guests. */
#define SEQUENCE_SECONDS 60

/* Own ids for every sequence: what users have locked outlives it for a moment. */
static uid_t next_base = 1000000;
static int self_fd = -1;

static void futex_wait(atomic_int *word, int milliseconds)
{
	struct timespec timeout = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, 0, milliseconds ? &timeout : NULL, NULL, 0);
}

static void give_turn(struct side *side, int to)
{
	atomic_store(&side->turn[to], 1);
	syscall(SYS_futex, &side->turn[to], FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void take_turn(struct side *side, int me)
{
	/* Mostly it comes at once from the other processor, or not for long. */
	while (!atomic_exchange(&side->turn[me], 0))
		futex_wait(&side->turn[me], 0);
}

static void serve(struct side *side, int me);

static pid_t raw_fork(unsigned long flags)
{
	return syscall(SYS_clone, flags | SIGCHLD, 0, NULL, NULL, 0);
}

/* All processes are children of the runner, which has to wait for their ends. */
static long do_fork(struct side *side, const struct op *op)
{
	struct process *child = &side->process[op->a];
	pid_t pid;

	if (child->pid)
		return -EBUSY;
	pid = raw_fork(CLONE_PARENT);
	if (pid < 0)
		return -errno;
	if (!pid) {
		serve(side, op->a);
		_exit(0);
	}
	*child = side->process[op->process];
	child->pid = pid;
	return pid;
}

static long do_exec(struct side *side, const struct op *op)
{
	char number[16], memory[16];
	char *const argv[] = { "differential", "--resume", memory, number, NULL };
	char *const envp[] = { NULL };

	/* The memory of the side is a file that the new image maps again. */
	snprintf(memory, sizeof(memory), "%d", side->binary + 1 + side->number);
	snprintf(number, sizeof(number), "%d", op->process);
	memset(side->process[op->process].attach, 0, sizeof(side->process[0].attach));
	syscall(SYS_execveat, side->binary, "", argv, envp, AT_EMPTY_PATH);
	return -errno;
}

static struct record *record_of(struct side *side)
{
	return &side->record[side->position];
}

/* The process that has the turn goes on until an operation is somebody else's. */
static void go_on(struct side *side, int me)
{
	for (;;) {
		const struct op *op = &side->sequence.ops[side->position];

		side->want = WANT_NOTHING;
		if (side->position == side->sequence.count) {
			side->want = WANT_END;
			give_turn(side, RUNNER);
			return;
		}
		if (!side->process[op->process].pid) {
			record_of(side)->result = -ESRCH;
			side->position++;
			continue;
		}
		if (op->process != me) {
			give_turn(side, op->process);
			return;
		}
		switch (op->call) {
		case CALL_EXIT:
			side->want = WANT_EXIT;
			give_turn(side, RUNNER);
			_exit(0);
		case CALL_KILL:
		case CALL_CLOCK:
			side->want = op->call == CALL_KILL ? WANT_KILL : WANT_CLOCK;
			give_turn(side, RUNNER);
			return;
		case CALL_FORK:
			record_of(side)->result = do_fork(side, op);
			break;
		case CALL_EXEC:
			record_of(side)->result = do_exec(side, op);
			break;
		default:
			carry_out(side, op, record_of(side));
		}
		side->position++;
	}
}

static void serve(struct side *side, int me)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		take_turn(side, me);
		go_on(side, me);
	}
}

static void runner_wait_for(struct side *side, int process)
{
	int status = 0;

	if (waitpid(side->process[process].pid, &status, 0) < 0)
		side->trouble = errno;
	memset(&side->process[process], 0, sizeof(side->process[0]));
	record_of(side)->result = status;
}

static void set_clock(struct side *side)
{
	struct timespec now;

	/* Forward, and to the middle of a step: a sequence takes less than half of one. */
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec = side->clock + ((now.tv_sec - side->clock) / 100 + 1) * 100;
	record_of(side)->result = clock_settime(CLOCK_REALTIME, &now) ? -errno : 0;
}

/* Waits for the turn; true if it came, false if a process died without a reason. */
static bool runner_take_turn(struct side *side)
{
	int status;
	pid_t pid;

	while (!atomic_exchange(&side->turn[RUNNER], 0)) {
		futex_wait(&side->turn[RUNNER], 200);
		if (atomic_load(&side->turn[RUNNER]))
			continue;
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0) {
			side->trouble = 0x10000 | status;
			return false;
		}
	}
	return true;
}

/* The first process of the side's PID namespace; all others end with it. */
static void run(struct side *side)
{
	int first = side->sequence.ops[0].process;
	cpu_set_t cpus;
	pid_t pid;

	/* Handing the turn to a process on the same processor is what takes least. */
	CPU_ZERO(&cpus);
	CPU_SET(side->number % sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);

	if (side->sequence.flags & SEQUENCE_CLOCK) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		side->clock = now.tv_sec;
	}
	pid = raw_fork(0);
	if (pid < 0) {
		side->trouble = errno;
		return;
	}
	if (!pid) {
		guard_faults();
		if (setresuid(real_user(side, 0), 0, 0))
			_exit(98);
		serve(side, first);
	}
	side->process[first].pid = pid;
	give_turn(side, first);
	while (runner_take_turn(side)) {
		const struct op *op = &side->sequence.ops[side->position];
		int next = op->process;

		switch (side->want) {
		case WANT_END:
			side->done = 1;
			return;
		case WANT_EXIT:
			runner_wait_for(side, op->process);
			break;
		case WANT_KILL:
			if (side->process[op->a].pid) {
				kill(side->process[op->a].pid, SIGKILL);
				runner_wait_for(side, op->a);
			} else {
				record_of(side)->result = -ESRCH;
			}
			break;
		case WANT_CLOCK:
			set_clock(side);
			break;
		}
		side->position++;
		/* Whoever is alive goes on; nobody: the rest is left out. */
		while (next < PROCESSES && !side->process[next].pid)
			next++;
		for (int i = 0; next == PROCESSES && i < PROCESSES; i++)
			if (side->process[i].pid)
				next = i;
		if (next == PROCESSES) {
			while (side->position < side->sequence.count) {
				record_of(side)->result = -ESRCH;
				side->position++;
			}
			side->done = 1;
			return;
		}
		give_turn(side, next);
	}
}

void resume_after_exec(int memory, int process)
{
	struct side *side;

	side = mmap(NULL, sizeof(*side), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (side == MAP_FAILED)
		_exit(97);
	guard_faults();
	record_of(side)->result = 0;
	side->position++;
	go_on(side, process);
	serve(side, process);
}

/* The memory of a side: a file, so that exec keeps it. */
int allocate_side(struct side **side)
{
	int fd = memfd_create("side", 0);

	if (self_fd < 0) {
		/* Three descriptors in a row: the binary and the memory of both sides. */
		self_fd = fcntl(open("/proc/self/exe", O_RDONLY), F_DUPFD, 200);
	}
	if (fd < 0 || self_fd < 0 || ftruncate(fd, sizeof(**side)))
		return -1;
	fd = fcntl(fd, F_DUPFD, self_fd + 1);
	*side = mmap(NULL, sizeof(**side), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*side == MAP_FAILED)
		return -1;
	(*side)->number = fd - self_fd - 1;
	(*side)->binary = self_fd;
	return 0;
}

static int write_map(pid_t pid, const char *name, uid_t base)
{
	char path[64], text[64];
	int fd, size, result;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	/* Root and the users of the sequence, under the same numbers as outside. */
	size = snprintf(text, sizeof(text), "0 %u 1\n%u %u 9\n", base, base + 1, base + 1);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = write(fd, text, size) == size ? 0 : -1;
	close(fd);
	return result;
}

/* In the namespace of a process that waits to begin. */
static int switch_service_of(const struct side *side, int process)
{
	int home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC), result;

	result = setns(process, CLONE_NEWIPC) ?: switch_service(side);
	if (setns(home, CLONE_NEWIPC))
		result = -1;
	close(home);
	return result;
}

/* Starts a side; a descriptor that tells its end, or -1. */
static int start(struct side *side, const struct sequence *sequence, uid_t base)
{
	int number = side->number, binary = side->binary, fd = -1, go[2];
	bool userns = sequence->flags & SEQUENCE_USERNS;
	pid_t pid;
	char c;

	memset(side, 0, offsetof(struct side, record));
	memset(side->record, 0, sequence->count * sizeof(side->record[0]));
	side->number = number;
	side->backend = !number ? BACKEND_SYSV :
			sequence->flags & SEQUENCE_SERVED ? BACKEND_SERVED : BACKEND_XSHM;
	side->first_id = side->backend == BACKEND_XSHM ? IDS_APART : 0;
	side->binary = binary;
	side->base = base;
	for (int i = 0; i < IDS; i++)
		side->ids[i] = -1;
	memcpy(&side->sequence, sequence, sizeof(*sequence));

	if (pipe2(go, O_CLOEXEC))
		return -1;
	pid = syscall(SYS_clone, CLONE_NEWIPC | CLONE_NEWPID | CLONE_PIDFD | SIGCHLD |
		      (userns ? CLONE_NEWUSER : 0), 0, &fd, NULL, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		/* Root of the user namespace, whose number outside is the sequence's. */
		if (userns && (setresgid(0, 0, 0) || setresuid(0, 0, 0)))
			_exit(1);
		run(side);
		_exit(0);
	}
	if (pid > 0 && userns &&
	    (write_map(pid, "uid_map", base) || write_map(pid, "gid_map", base)))
		kill(pid, SIGKILL);
	if (pid > 0 && (switch_service_of(side, fd) || write(go[1], "", 1) != 1))
		kill(pid, SIGKILL);
	close(go[0]);
	close(go[1]);
	return pid > 0 ? fd : -1;
}

static void end(struct side *side, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	siginfo_t info;

	if (fd < 0) {
		side->trouble = -1;
		return;
	}
	if (poll(&poll_fd, 1, SEQUENCE_SECONDS * 1000) != 1) {
		side->trouble = ETIMEDOUT;
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
	waitid(P_PIDFD, fd, &info, WEXITED);
	close(fd);
}

/* Carry a sequence out on both sides, at once unless the clock is set. */
void run_sides(const struct sequence *sequence, struct side *const side[2])
{
	bool serial = sequence->flags & SEQUENCE_CLOCK;
	struct timespec real, before, after;
	uid_t base = next_base;
	int fd[2];

	next_base += 10;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 2; i++) {
		fd[i] = start(side[i], sequence, base);
		if (serial)
			end(side[i], fd[i]);
	}
	for (int i = 0; i < 2 && !serial; i++)
		end(side[i], fd[i]);
	if (serial) {
		clock_gettime(CLOCK_MONOTONIC, &after);
		real.tv_sec += after.tv_sec - before.tv_sec;
		clock_settime(CLOCK_REALTIME, &real);
	}
}

void sides_init(void)
{
	struct rlimit limit = { .rlim_cur = 64 << 10, .rlim_max = RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &limit);
	prctl(PR_SET_DUMPABLE, 0);
}
