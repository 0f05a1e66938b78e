// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm limits: show and set what /proc/sys/xshm has, or kernel.shm* in its place. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "sysv.h"
#include "tool.h"

enum unit { UNIT_COUNT, UNIT_BYTES, UNIT_PAGES, UNIT_SWITCH, UNIT_POLICY, UNIT_ID };

#define IN_DEVICE(bit, field)						\
	.select = XSHM_LIMIT_##bit, .offset = offsetof(struct xshm_limits, field), \
	.size = sizeof(((struct xshm_limits *)0)->field)

static const struct limit {
	const char *name;
	enum unit unit;
	const char *help;
	/* Where the device has it, too: its bit, and its place in struct xshm_limits. */
	unsigned int select;
	size_t offset, size;
} limits[] = {
	{ "shmmax", UNIT_BYTES, "largest segment, bytes", IN_DEVICE(SHMMAX, shmmax) },
	{ "shmall", UNIT_PAGES, "all segments, pages", IN_DEVICE(SHMALL, shmall) },
	{ "shmmni", UNIT_COUNT, "number of segments", IN_DEVICE(SHMMNI, shmmni) },
	{ "user_segments", UNIT_COUNT, "segments of a user, 0: any",
	  IN_DEVICE(USER_SEGMENTS, user_segments) },
	{ "user_bytes", UNIT_BYTES, "bytes of a user, 0: any", IN_DEVICE(USER_BYTES, user_bytes) },
	{ "shm_rmid_forced", UNIT_SWITCH, "1: remove at last detach",
	  IN_DEVICE(RMID_FORCED, rmid_forced) },
	{ "huge", UNIT_POLICY, "huge pages of new segments", IN_DEVICE(HUGE, huge) },
	{ "shm_next_id", UNIT_ID, "next id wanted, -1: any", IN_DEVICE(NEXT_ID, next_id) },
	{ "owner_bound", UNIT_COUNT, "end with creator: 1 keyless, 2 all" },
	{ "hugetlb_shm_group", UNIT_ID, "group that may use hugetlb" },
};

static const char *const policies[] = {
	[XSHM_HUGE_NEVER] = "never",
	[XSHM_HUGE_WITHIN_SIZE] = "within_size",
	[XSHM_HUGE_ALWAYS] = "always",
	[XSHM_HUGE_ADVISE] = "advise",
};

static const struct limit *find_limit(const char *name, size_t length)
{
	/* As sysctl writes it. */
	if (length > 5 && !strncmp(name, "xshm.", 5)) {
		name += 5;
		length -= 5;
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (strlen(limits[i].name) == length && !strncmp(limits[i].name, name, length))
			return &limits[i];
	return NULL;
}

/*
 * Whose sysctl to use: "kernel" where the system calls are served and the kernel has it.
 * That is the same value then, but its file may also be written by a container's root.
 */
const char *limits_home(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	return sysv_served() > 0 && !access(path, F_OK) ? "kernel" : "xshm";
}

static bool read_sysctl(const char *name, char *value, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s/%s", limits_home(name), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, value, size - 1);
	close(fd);
	if (got < 0)
		return false;
	value[got] = 0;
	value[strcspn(value, "\n")] = 0;
	return true;
}

static int write_sysctl(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/%s/%s", limits_home(name), name);
	return write_text(path, value);
}

/*
 * Root of a container may own the IPC namespace, but not the files; and they may be hidden.
 * Returns 0 or an errno.
 */
static int write_device(const struct limit *limit, const char *value)
{
	uint64_t number = strtoull(value, NULL, 10);
	struct xshm_limits wish = {};
	struct xshm_control arg = {
		.size = sizeof(arg),
		.select = limit->select,
		.buf_size = sizeof(wish),
		.buf = (uintptr_t)&wish,
	};
	void *field = (char *)&wish + limit->offset;
	char *trouble;
	int fd, err;

	if (!limit->select)
		return EPERM;
	fd = device_try(&trouble);
	free(trouble);
	if (fd < 0)
		return ENODEV;
	if (limit->unit == UNIT_POLICY)
		for (number = 0; strcmp(policies[number], value); number++)
			;
	if (limit->size == sizeof(uint64_t))
		*(uint64_t *)field = number;
	else
		*(uint32_t *)field = number;
	err = ioctl(fd, XSHM_IOC_SET_LIMITS, &arg) ? errno : 0;
	close(fd);
	return err;
}

/* The value in words of the sysctl, to be freed; NULL if it is no value. */
static char *parse_value(const struct limit *limit, const char *text)
{
	uint64_t value, page = sysconf(_SC_PAGESIZE);

	switch (limit->unit) {
	case UNIT_POLICY:
		for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
			if (!strcmp(text, policies[i]))
				return xprintf("%s", policies[i]);
		return NULL;
	case UNIT_PAGES:
		if (!parse_number(text, UINT64_MAX, &value))
			break;
		if (parse_size(text, &value))
			return NULL;
		value = value / page + (value % page != 0);
		break;
	case UNIT_BYTES:
		if (parse_size(text, &value))
			return NULL;
		break;
	case UNIT_SWITCH:
		if (parse_number(text, 1, &value))
			return NULL;
		break;
	default:
		if (!strcmp(text, "-1"))
			return xprintf("-1");
		if (parse_number(text, INT32_MAX, &value))
			return NULL;
	}
	return xprintf("%llu", (unsigned long long)value);
}

static int set(const struct limit *limit, const char *text)
{
	char *value = parse_value(limit, text);
	int err;

	if (!value)
		return usage_error("limits", limit->unit == UNIT_POLICY ?
				   "'%s' is no policy (never, within_size, always, advise)" :
				   limit->unit == UNIT_SWITCH ? "'%s' is neither 0 nor 1" :
				   "'%s' is no number", text);
	err = write_sysctl(limit->name, value);
	if ((err == EACCES || err == EPERM || err == ENOENT || err == EROFS) &&
	    !write_device(limit, value))
		err = 0;
	switch (err) {
	case 0:
		break;
	case EACCES:
	case EPERM:
		complain("no permission to set %s: run as root (of the user namespace that owns "
			 "this IPC namespace)", limit->name);
		break;
	case ENOENT:
		complain("no /proc/sys/%s/%s: is /proc mounted, and the module of this release?",
			 limits_home(limit->name), limit->name);
		break;
	case EROFS:
		complain("/proc/sys is read-only here (a container?): set it outside");
		break;
	case EINVAL:
	case ERANGE:
		complain("%s of %s is out of range", limit->name, value);
		break;
	default:
		complain("can't set %s: %s", limit->name, strerror(err));
	}
	free(value);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* For where /proc/sys is hidden. */
static char *value_from_device(const struct limit *limit, const struct xshm_limits *known)
{
	const void *field = (const char *)known + limit->offset;

	if (!limit->select)
		return NULL;
	if (limit->unit == UNIT_ID)
		return xprintf("%d", *(const int32_t *)field);
	return xprintf("%llu", limit->size == sizeof(uint64_t) ?
		       (unsigned long long)*(const uint64_t *)field : *(const uint32_t *)field);
}

static char *current_value(const struct limit *limit, const struct xshm_limits *known)
{
	char buf[64], *chosen;

	if (limit->unit == UNIT_POLICY) {
		/* always [within_size] never: the one in brackets. */
		if (!read_sysctl(limit->name, buf, sizeof(buf)))
			return xprintf("%s", known->huge < ARRAY_SIZE(policies) ?
				       policies[known->huge] : "unknown");
		chosen = strchr(buf, '[');
		chosen = chosen ? chosen + 1 : buf;
		chosen[strcspn(chosen, "]")] = 0;
		return xprintf("%s", chosen);
	}
	return read_sysctl(limit->name, buf, sizeof(buf)) ? xprintf("%s", buf) :
		value_from_device(limit, known);
}

static char *used_value(const struct limit *limit, const struct segments *segments)
{
	uint64_t largest = 0;

	if (!strcmp(limit->name, "shmmni"))
		return xprintf("%d", segments->usage.used_ids);
	if (!strcmp(limit->name, "shmall"))
		return xprintf("%llu", (unsigned long long)segments->usage.shm_tot);
	if (strcmp(limit->name, "shmmax"))
		return NULL;
	for (size_t i = 0; i < segments->count; i++)
		if (segments->ds[i].segsz > largest)
			largest = segments->ds[i].segsz;
	return xprintf("%llu", (unsigned long long)largest);
}

static int show(int count, char **names, enum table_mode mode, bool headings)
{
	static const struct column name = { .name = "NAME" };
	static const struct column used = { .name = "USED", .kind = CELL_NUMBER, .right = true };
	static const struct column value = { .name = "VALUE", .kind = CELL_NUMBER,
					     .right = true };
	static const struct column meaning = { .name = "MEANING", .shrink = true };
	static const struct column *const columns[] = { &name, &value, &used, &meaning };
	struct segments segments = {};
	struct table table;
	int fd = device_open();

	if (fd < 0 || segments_load(fd, &segments))
		return EXIT_FAILURE;
	table_init(&table, mode, columns, mode == TABLE_HUMAN ? 4 : 3);
	table.headings = headings;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		bool wanted = !count;
		char **row;

		for (int k = 0; k < count; k++)
			wanted |= find_limit(names[k], strlen(names[k])) == &limits[i];
		if (!wanted)
			continue;
		row = table_row(&table);
		row[0] = xprintf("%s", limits[i].name);
		row[1] = current_value(&limits[i], &segments.limits);
		if (mode == TABLE_JSON && limits[i].unit == UNIT_POLICY) {
			char *word = NULL;

			json_text(&word, row[1]);
			free(row[1]);
			row[1] = word;
		}
		row[2] = used_value(&limits[i], &segments);
		if (mode == TABLE_HUMAN)
			row[3] = xprintf("%s", limits[i].help);
	}
	table_print(&table, "limits");
	table_free(&table);
	free(segments.ds);
	return finish_output();
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'J' },
	{ "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' },
	{}
};

int cmd_limits(int argc, char **argv)
{
	enum table_mode mode = TABLE_HUMAN;
	bool headings = true;
	int opt, sets = 0, shows = 0, status = EXIT_SUCCESS;
	char *trouble;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":Jrn", options, NULL)) != -1) {
		switch (opt) {
		case 'J':
			mode = TABLE_JSON;
			break;
		case 'r':
			mode = TABLE_RAW;
			break;
		case 'n':
			headings = false;
			break;
		default:
			help_on_option("limits", opt, argv);
			return EXIT_USAGE;
		}
	}
	/* All are looked at before the first is set. */
	for (int i = optind; i < argc; i++) {
		size_t length = strcspn(argv[i], "=");
		const struct limit *limit = find_limit(argv[i], length);
		char *value = NULL;

		if (!limit)
			return usage_error("limits", "there is no limit '%.*s'", (int)length,
					   argv[i]);
		if (!argv[i][length]) {
			shows++;
			continue;
		}
		sets++;
		value = parse_value(limit, argv[i] + length + 1);
		if (!value)
			return set(limit, argv[i] + length + 1);
		free(value);
	}
	if (sets && shows)
		return usage_error("limits", "either NAME or NAME=VALUE");
	if (!sets)
		return show(argc - optind, argv + optind, mode, headings);

	trouble = device_trouble();
	if (trouble) {
		complain("%s", trouble);
		free(trouble);
		return EXIT_FAILURE;
	}
	for (int i = optind; i < argc; i++) {
		size_t length = strcspn(argv[i], "=");

		if (set(find_limit(argv[i], length), argv[i] + length + 1))
			status = EXIT_FAILURE;
	}
	return status;
}
