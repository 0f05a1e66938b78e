/* SPDX-License-Identifier: GPL-2.0 */
/* Running the xshm command of the build, and what it says. */
#ifndef SELFTESTS_XSHM_TOOL_H
#define SELFTESTS_XSHM_TOOL_H

#include <poll.h>
#include <signal.h>
#include <stdarg.h>

#include "built.h"

struct said {
	int status;		/* of exit, or -signal, or -1000 when it took too long */
	char out[1 << 16];
	char err[1 << 12];
};

/* Reads what fits; true at the end of the file. */
static inline bool drain(int fd, char *buf, size_t size, size_t *used)
{
	char rest[4096];
	ssize_t got;

	if (*used + 1 < size) {
		got = read(fd, buf + *used, size - 1 - *used);
		if (got > 0)
			*used += got;
	} else {
		got = read(fd, rest, sizeof(rest));
	}
	return got <= 0;
}

/* Runs a shell command line in a child with the ids given, at most 60 seconds. */
static inline void run_line(struct said *said, uid_t uid, const char *line)
{
	int out[2], err[2], status = 0, open = 2;
	size_t out_used = 0, err_used = 0;
	time_t end = time(NULL) + 60;
	pid_t pid;

	memset(said, 0, sizeof(*said));
	said->status = -1000;
	if (pipe(out) || pipe(err))
		return;
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(err[1], 2);
		closefrom(3);
		if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
			    setresuid(uid, uid, uid)))
			_exit(99);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(98);
	}
	close(out[1]);
	close(err[1]);
	while (open && time(NULL) < end) {
		struct pollfd fds[2] = { { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 } };

		if (poll(fds, 2, 1000) < 0)
			break;
		if (fds[0].revents && drain(out[0], said->out, sizeof(said->out), &out_used)) {
			close(out[0]);
			out[0] = -1;
			open--;
		}
		if (fds[1].revents && drain(err[0], said->err, sizeof(said->err), &err_used)) {
			close(err[0]);
			err[0] = -1;
			open--;
		}
	}
	if (open)
		kill(pid, SIGKILL);
	close(out[0]);
	close(err[0]);
	waitpid(pid, &status, 0);
	if (!open)
		said->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs the command with arguments as in a shell. */
static inline __attribute__((format(printf, 3, 4)))
void tool_as(struct said *said, uid_t uid, const char *fmt, ...)
{
	char line[8192];
	va_list args;
	int length;

	length = snprintf(line, sizeof(line), "exec '%s' ", built("xshm"));
	va_start(args, fmt);
	vsnprintf(line + length, sizeof(line) - length, fmt, args);
	va_end(args);
	run_line(said, uid, line);
}

#define tool(said, ...) tool_as(said, 0, __VA_ARGS__)

/* One line, and nothing but it. */
static inline bool is_one_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end && end != text && !end[1];
}

/* A segment whose creator is gone. */
static inline int make_orphan(key_t key, size_t size)
{
	int ids[2], id = -1;
	pid_t pid;

	if (pipe(ids))
		return -1;
	pid = fork();
	if (!pid) {
		/* Our descriptor is the parent's; a child opens its own. */
		id = xshmget(key, size, IPC_CREAT | IPC_EXCL | 0600);
		_exit(write(ids[1], &id, sizeof(id)) != sizeof(id));
	}
	if (read(ids[0], &id, sizeof(id)) != sizeof(id))
		id = -1;
	waitpid(pid, NULL, 0);
	close(ids[0]);
	close(ids[1]);
	return id;
}

#endif
