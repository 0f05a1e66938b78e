/* SPDX-License-Identifier: GPL-2.0 */
/* A trace of the module's events that is nobody else's: an instance of tracefs. */
#ifndef SELFTESTS_XSHM_TRACEFS_H
#define SELFTESTS_XSHM_TRACEFS_H

#include "common.h"

#define TRACEFS		"/sys/kernel/tracing"

struct trace {
	char dir[128];
};

/* Takes an event, SYSTEM/NAME; 0 or -errno, which is -ENOENT where there is none. */
static inline int trace_begin(struct trace *trace, const char *event)
{
	char path[256];
	int err;

	snprintf(trace->dir, sizeof(trace->dir), TRACEFS "/instances/xshm-%d", getpid());
	if (mkdir(trace->dir, 0700)) {
		trace->dir[0] = 0;
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/events/%s/enable", trace->dir, event);
	err = write_text(path, "1");
	/* Room for all there is, as what is overwritten would not be seen. */
	snprintf(path, sizeof(path), "%s/buffer_size_kb", trace->dir);
	return err ?: write_text(path, "4096");
}

/* Puts a line into the trace, with "mark" in it. */
static inline int trace_mark(const struct trace *trace, const char *text)
{
	char path[256], line[64];

	snprintf(path, sizeof(path), "%s/trace_marker", trace->dir);
	snprintf(line, sizeof(line), "mark %s\n", text);
	return write_text(path, line);
}

/* Events are off from here on, and can be read. */
static inline FILE *trace_stop(struct trace *trace)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/tracing_on", trace->dir);
	if (write_text(path, "0"))
		return NULL;
	snprintf(path, sizeof(path), "%s/trace", trace->dir);
	return fopen(path, "re");
}

static inline void trace_end(struct trace *trace)
{
	if (trace->dir[0])
		rmdir(trace->dir);
	trace->dir[0] = 0;
}

/*
 * The value of a field of an event's line, -1 if it is not there. Lines are
 * "COMMAND-PID [CPU] FLAGS TIME: EVENT: FIELD=VALUE FIELD=VALUE".
 */
static inline long trace_field(const char *line, const char *event, const char *field)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), ": %s: ", event);
	at = strstr(line, name);
	if (!at)
		return -1;
	snprintf(name, sizeof(name), " %s=", field);
	at = strstr(at + strlen(event) + 2, name);
	return at ? strtol(at + strlen(name), NULL, 0) : -1;
}

static inline bool trace_is_of(const char *line, pid_t pid)
{
	char name[32];

	snprintf(name, sizeof(name), "-%d ", pid);
	return strstr(line, name) && strstr(line, name) < strchr(line, '[');
}

#endif
