// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm top: the segments, again and again. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "screen.h"
#include "tool.h"

static const char *const sort_names[] = { "shmid", "size", "res", "swap", "huge", "nattch" };

enum { SORT_SHMID, SORT_SIZE, SORT_RES, SORT_SWAP, SORT_HUGE, SORT_NATTCH, SORTS };

static struct top {
	double delay;
	long count;
	int sort;
	bool reverse, orphans, batch;
} top = { .delay = 2, .sort = SORT_RES };

static uint64_t sort_value(const struct xshm_ds *ds)
{
	switch (top.sort) {
	case SORT_SIZE:
		return ds->segsz;
	case SORT_RES:
		return ds->resident;
	case SORT_SWAP:
		return ds->swapped;
	case SORT_HUGE:
		return ds->huge;
	case SORT_NATTCH:
		return ds->nattch;
	}
	return ds->id;
}

/* Largest first, as top(1) does; ids of equals ascend so that lines stay. */
static int compare(const void *a, const void *b)
{
	const struct xshm_ds *x = a, *y = b;
	uint64_t v = sort_value(x), w = sort_value(y);
	int order = (v < w) - (v > w);

	if (!order)
		return (x->id > y->id) - (x->id < y->id);
	return top.reverse ? -order : order;
}

struct picture {
	char **lines;
	int count;
};

static void add_line(struct picture *picture, char *line)
{
	size_t length = strlen(line);

	while (length && line[length - 1] == ' ')
		line[--length] = 0;
	picture->lines = xalloc(picture->lines, (picture->count + 1) * sizeof(char *));
	picture->lines[picture->count++] = text_harmless(line);
	free(line);
}

static void free_picture(struct picture *picture)
{
	for (int i = 0; i < picture->count; i++)
		free(picture->lines[i]);
	free(picture->lines);
	*picture = (struct picture){};
}

static const char *short_size(uint64_t bytes)
{
	static char bufs[8][16];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	format_size(buf, sizeof(bufs[0]), bytes);
	return buf;
}

static void add_segment(struct picture *picture, const struct xshm_ds *ds)
{
	char *raw = format_user(ds->uid), *status = segment_status(ds);
	char *command = process_command(ds->cpid), *user = text_harmless(raw);
	int bytes = (int)text_fit(user, 8), columns;

	user[bytes] = 0;
	columns = (int)text_width(user);
	add_line(picture, xprintf("%10d 0x%08x %s%*s %5s %5s %5s %5s %6llu %7d %s%s%s", ds->id,
				  (unsigned int)ds->key, user, 8 - columns, "",
				  short_size(ds->segsz),
				  short_size(ds->resident), short_size(ds->swapped),
				  short_size(ds->huge), (unsigned long long)ds->nattch, ds->cpid,
				  status, *status && *command ? " " : "", command));
	free(user);
	free(raw);
	free(status);
	free(command);
}

static int draw(int fd, struct picture *picture, int rows)
{
	struct segments segments = {};
	uint64_t page = sysconf(_SC_PAGESIZE), orphans = 0;
	size_t below = 0;
	time_t now = time(NULL);
	char clock[16];

	if (segments_load(fd, &segments))
		return -1;
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	for (size_t i = 0; i < segments.count; i++)
		orphans += segment_is_orphan(&segments.ds[i]);
	qsort(segments.ds, segments.count, sizeof(*segments.ds), compare);
	add_line(picture, xprintf("xshm top %s  %d of %llu segments, %llu orphans, by %s%s%s",
				  clock, segments.usage.used_ids,
				  (unsigned long long)segments.limits.shmmni,
				  (unsigned long long)orphans, sort_names[top.sort],
				  top.reverse ? " ascending" : "",
				  top.orphans ? ", only orphans" : ""));
	add_line(picture, xprintf("size %s, resident %s, swapped %s, huge %s, locked %s",
				  short_size(segments.usage.shm_tot * page),
				  short_size(segments.usage.shm_rss * page),
				  short_size(segments.usage.shm_swp * page),
				  short_size(segments.usage.huge),
				  short_size(segments.usage.locked)));
	add_line(picture, xprintf("%s", ""));
	add_line(picture, xprintf("%10s %-10s %-8s %5s %5s %5s %5s %6s %7s %s", "SHMID", "KEY",
				  "OWNER", "SIZE", "RES", "SWAP", "HUGE", "NATTCH", "CPID",
				  "STATUS/CMD"));
	for (size_t i = 0; i < segments.count; i++) {
		if (top.orphans && !segment_is_orphan(&segments.ds[i]))
			continue;
		if (rows && picture->count >= rows - 1) {
			below++;
			continue;
		}
		add_segment(picture, &segments.ds[i]);
	}
	if (rows) {
		while (picture->count < rows - 1)
			add_line(picture, xprintf("%s", ""));
		add_line(picture, below ?
			 xprintf("q quit  s sort  r reverse  o orphans   %zu more below: xshm ls",
				 below) :
			 xprintf("q quit  s sort  r reverse  o orphans"));
	}
	free(segments.ds);
	names_forget();
	return 0;
}

static int run_batch(int fd)
{
	struct timespec pause = { .tv_sec = (time_t)top.delay };

	pause.tv_nsec = (long)((top.delay - (double)pause.tv_sec) * 1e9);
	for (long i = 0; !top.count || i < top.count; i++) {
		struct picture picture = {};

		if (i) {
			nanosleep(&pause, NULL);
			putchar('\n');
		}
		if (draw(fd, &picture, 0))
			return EXIT_FAILURE;
		for (int k = 0; k < picture.count; k++)
			puts(picture.lines[k]);
		free_picture(&picture);
		if (finish_output())
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Returns the exit status; does not return when a signal ends it. */
static int run_live(int fd)
{
	double next = seconds_now() + top.delay;
	long drawn = 0;
	int sig;

	for (;;) {
		struct picture picture = {};
		int rows, columns, key;
		double left;

		screen_size(&rows, &columns);
		if (draw(fd, &picture, rows)) {
			screen_leave();
			return EXIT_FAILURE;
		}
		screen_draw(picture.lines, picture.count);
		free_picture(&picture);

		left = next - seconds_now();
		key = screen_wait(left > 0 ? left : 0, &sig);
		switch (key) {
		case SCREEN_TIMEOUT:
		case ' ':
			if (top.count && ++drawn >= top.count)
				return EXIT_SUCCESS;
			next = seconds_now() + top.delay;
			break;
		case 's':
			top.sort = (top.sort + 1) % SORTS;
			break;
		case 'r':
			top.reverse = !top.reverse;
			break;
		case 'o':
			top.orphans = !top.orphans;
			break;
		case 'q':
		case 'Q':
			return EXIT_SUCCESS;
		case SCREEN_END:
			screen_leave();
			if (!sig)
				return EXIT_SUCCESS;
			/* As if it had not been caught: the shell wants to know. */
			signal(sig, SIG_DFL);
			raise(sig);
			sigset_t all;

			sigfillset(&all);
			sigprocmask(SIG_UNBLOCK, &all, NULL);
			return EXIT_FAILURE;
		}
	}
}

/* A terminal that shows control sequences as they are. */
static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || !strcmp(term, "dumb");
}

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "sort", required_argument, NULL, 's' },
	{ "batch", no_argument, NULL, 'b' },
	{}
};

int cmd_top(int argc, char **argv)
{
	uint64_t count;
	int opt, fd;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:n:s:b", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			top.delay = strtod(optarg, NULL);
			if (optarg[strspn(optarg, "0123456789.")] ||
			    !(top.delay >= 0.1 && top.delay <= 1e6))
				return usage_error("top", "'%s' is no delay (0.1 s or more)",
						   optarg);
			break;
		case 'n':
			if (parse_decimal(optarg, LONG_MAX, &count) || !count)
				return usage_error("top", "'%s' is no count", optarg);
			top.count = (long)count;
			break;
		case 's':
			for (top.sort = 0; top.sort < SORTS; top.sort++)
				if (!strcasecmp(optarg, sort_names[top.sort]))
					break;
			if (top.sort == SORTS)
				return usage_error("top", "can't sort by '%s'", optarg);
			break;
		case 'b':
			top.batch = true;
			break;
		default:
			help_on_option("top", opt, argv);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage_error("top", "'%s' is one argument too many", argv[optind]);
	fd = device_open();
	if (fd < 0)
		return EXIT_FAILURE;
	if (top.batch || !isatty(STDOUT_FILENO) || is_dumb() || !screen_enter()) {
		/* A pipe wants one picture, not an endless stream of them. */
		if (!top.count && !top.batch)
			top.count = 1;
		return run_batch(fd);
	}
	return run_live(fd);
}
