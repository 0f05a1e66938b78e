// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where xshm sysv looks: ftrace, the kernel log, namespaces. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sysv.h"

#define MODULE_LINE	"xshm_sysv: "

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void count_segments(struct sysv *sysv)
{
	sysv->kernel_segments = kernels_own(NULL, &sysv->segments);
	/* xshm run has put one over the other. */
	if (same_file("/proc/xshm", "/proc/sysvipc/shm"))
		sysv->kernel_segments = -1;
}

/* A function's line, and then or in it what ftrace directs its calls to. */
static void read_hooks(struct sysv *sysv)
{
	FILE *file = fopen("/sys/kernel/tracing/enabled_functions", "re");
	char line[1024], name[128] = "";

	if (!file)
		file = fopen("/sys/kernel/debug/tracing/enabled_functions", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (*line != '\t' && *line != ' ')
			sscanf(line, "%127s", name);
		if (!strstr(line, "direct") || !strstr(line, "[xshm_sysv]"))
			continue;
		sysv->hooks = xalloc(sysv->hooks, (sysv->hook_count + 1) * sizeof(*sysv->hooks));
		sysv->hooks[sysv->hook_count++] = xprintf("%s", name);
	}
	if (file)
		fclose(file);
}

/* One record of /dev/kmsg: "6,339,5140900,-;text\n KEY=value\n...". */
static void look_at_record(struct sysv *sysv, char *record)
{
	char *text = strchr(record, ';');
	int level = atoi(record) & 7;

	if (!text || strncmp(++text, MODULE_LINE, strlen(MODULE_LINE)))
		return;
	text += strlen(MODULE_LINE);
	text[strcspn(text, "\n")] = 0;
	if (strstr(text, "is served by xshm")) {
		/* What was in the way before is so no more. */
		free(sysv->refused);
		sysv->refused = NULL;
	} else if (level <= 4 && !strstr(text, "taints kernel")) {
		free(sysv->refused);
		sysv->refused = xprintf("%s", text);
	}
}

static void read_log(struct sysv *sysv)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192 + 1];
	ssize_t got;

	if (fd < 0) {
		sysv->log_error = errno;
		return;
	}
	/* EPIPE: the record was overwritten, and the next read goes on behind it. */
	while ((got = read(fd, record, sizeof(record) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		if (got < 0)
			continue;
		record[got] = 0;
		look_at_record(sysv, record);
	}
	if (got < 0 && errno != EAGAIN)
		sysv->log_error = errno;
	close(fd);
}

static int read_parameter(void)
{
	FILE *file = fopen("/sys/module/xshm_sysv/parameters/serve", "re");
	int c = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return c == EOF ? -1 : c == 'Y';
}

/* Fills in all that is not there yet. */
void sysv_look(struct sysv *sysv)
{
	sysv->new_served = sysv->loaded ? read_parameter() : 0;
	count_segments(sysv);
	if (sysv->loaded)
		read_hooks(sysv);
	else
		read_log(sysv);
}

void sysv_free(struct sysv *sysv)
{
	for (size_t i = 0; i < sysv->hook_count; i++)
		free(sysv->hooks[i]);
	free(sysv->hooks);
	free(sysv->refused);
}

struct seen {
	unsigned long inode;
	pid_t pid;
	struct sysv sysv;
};

/* From inside, as the switch and the tables are those of who reads them. */
static bool look_inside(struct seen *seen, unsigned long own)
{
	int to_us[2], fd;
	char *path;
	bool ok;
	pid_t pid;

	if (pipe2(to_us, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid) {
		path = xprintf("/proc/%d/ns/ipc", seen->pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (seen->inode != own && (fd < 0 || setns(fd, CLONE_NEWIPC)))
			_exit(1);
		seen->sysv.served = sysv_served();
		count_segments(&seen->sysv);
		_exit(write(to_us[1], &seen->sysv, sizeof(seen->sysv)) != sizeof(seen->sysv));
	}
	close(to_us[1]);
	ok = pid > 0 && read(to_us[0], &seen->sysv, sizeof(seen->sysv)) == sizeof(seen->sysv);
	close(to_us[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ok;
}

/* The inode number of a process's IPC namespace; 0 with errno if it can't be read. */
static unsigned long namespace_of(const char *pid)
{
	char *path = xprintf("/proc/%s/ns/ipc", pid), text[64];
	ssize_t length = readlink(path, text, sizeof(text) - 1);
	unsigned long inode;

	free(path);
	if (length < 0)
		return 0;
	text[length] = 0;
	return sscanf(text, "ipc:[%lu]", &inode) == 1 ? inode : 0;
}

/* The IPC namespaces of all processes, each once; counts those that may not be read. */
static struct seen *find_namespaces(size_t *count, size_t *hidden)
{
	struct seen *seen = NULL;
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	*count = *hidden = 0;
	while (proc && (entry = readdir(proc))) {
		unsigned long inode;
		size_t i;

		if (!strspn(entry->d_name, "123456789"))
			continue;
		errno = 0;
		inode = namespace_of(entry->d_name);
		*hidden += !inode && errno == EACCES;
		if (!inode)
			continue;
		for (i = 0; i < *count && seen[i].inode != inode; i++)
			;
		if (i < *count)
			continue;
		seen = xalloc(seen, (*count + 1) * sizeof(*seen));
		seen[(*count)++] = (struct seen){ inode, atoi(entry->d_name), {} };
	}
	if (proc)
		closedir(proc);
	return seen;
}

static char *count_or_null(long count)
{
	return count < 0 ? NULL : xprintf("%ld", count);
}

/* xshm sysv --all */
int sysv_namespaces(enum table_mode mode)
{
	static const struct column inode = { .name = "NAMESPACE", .kind = CELL_NUMBER,
					     .right = true };
	static const struct column first = { .name = "PID", .kind = CELL_NUMBER, .right = true };
	static const struct column command = { .name = "COMMAND", .shrink = true };
	static const struct column served = { .name = "SERVED", .kind = CELL_NUMBER };
	static const struct column own = { .name = "XSHM", .kind = CELL_NUMBER, .right = true };
	static const struct column kernels = { .name = "KERNEL", .kind = CELL_NUMBER,
					       .right = true };
	static const struct column *const columns[] = {
		&inode, &first, &command, &served, &own, &kernels,
	};
	size_t count, hidden;
	struct seen *seen = find_namespaces(&count, &hidden);
	unsigned long here = namespace_of("self");
	struct table table;

	table_init(&table, mode, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < count; i++) {
		char **row;

		if (!look_inside(&seen[i], here)) {
			hidden++;
			continue;
		}
		row = table_row(&table);
		row[0] = xprintf("%lu", seen[i].inode);
		row[1] = xprintf("%d", seen[i].pid);
		row[2] = process_command(seen[i].pid);
		if (mode == TABLE_JSON)
			row[3] = xprintf(seen[i].sysv.served > 0 ? "true" : "false");
		else
			row[3] = xprintf(seen[i].sysv.served > 0 ? "yes" : "no");
		row[4] = count_or_null(seen[i].sysv.segments);
		row[5] = count_or_null(seen[i].sysv.kernel_segments);
	}
	table_print(&table, "namespaces");
	table_free(&table);
	free(seen);
	if (hidden) {
		complain("only root sees the namespaces of everybody's processes");
		return finish_output() ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	return finish_output();
}
