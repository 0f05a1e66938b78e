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
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value)		BPF_STMT(BPF_RET | BPF_K, value)
/* Skips the next instruction unless the word loaded is @value. */
#define IF(value)		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define TRACE(call)		RETURN(SECCOMP_RET_TRACE | (call))

#if defined(__x86_64__)

#define X32_BIT 0x40000000U

/* Of include/uapi: the numbers of 32-bit calls are not in <sys/syscall.h>. */
enum { I386_IPC = 117, I386_SHMGET = 395, I386_SHMCTL, I386_SHMAT, I386_SHMDT };
enum { IPC_SHMAT = 21, IPC_SHMDT, IPC_SHMGET, IPC_SHMCTL };

static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 13),
	LOAD(nr),
	IF(SYS_shmget), TRACE(TRACE_SHMGET),
	IF(SYS_shmat), TRACE(TRACE_SHMAT),
	IF(SYS_shmdt), TRACE(TRACE_SHMDT),
	IF(SYS_shmctl), TRACE(TRACE_SHMCTL),
	/* The calls of x32 would need a tracer of their own. */
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 2),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT),
	BPF_JUMP(BPF_JMP | BPF_JA, 12, 0, 0),
	RETURN(SECCOMP_RET_ALLOW),

	/* AUDIT_ARCH_I386 */
	LOAD(nr),
	IF(I386_SHMGET), TRACE(TRACE_SHMGET),
	IF(I386_SHMAT), TRACE(TRACE_SHMAT),
	IF(I386_SHMDT), TRACE(TRACE_SHMDT),
	IF(I386_SHMCTL), TRACE(TRACE_SHMCTL),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, I386_IPC, 7, 0),
	RETURN(SECCOMP_RET_ALLOW),

	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmget, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmat, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmdt, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmctl, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_ERRNO | ENOSYS),

	/* ipc(2): semaphores and queues stay with the kernel. */
	LOAD(args[0]),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, IPC_SHMAT, 0, 2),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, IPC_SHMCTL, 1, 0),
	RETURN(SECCOMP_RET_TRACE | TRACE_IPC),
	RETURN(SECCOMP_RET_ALLOW),
};

#else

/* 32-bit programs have no tracer here: better no shared memory than the kernel's. */
static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_AARCH64, 0, 10),
	LOAD(nr),
	IF(SYS_shmget), TRACE(TRACE_SHMGET),
	IF(SYS_shmat), TRACE(TRACE_SHMAT),
	IF(SYS_shmdt), TRACE(TRACE_SHMDT),
	IF(SYS_shmctl), TRACE(TRACE_SHMCTL),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 305, 0, 2),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 308, 1, 0),
	RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	RETURN(SECCOMP_RET_ALLOW),
};

#endif

static int install_filter(void)
{
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 0;
	if (errno != EACCES)
		return -1;
	/* Without privilege, none may be gained from here on. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

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
	if (install_filter()) {
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
