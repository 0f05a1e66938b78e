// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm ls: the table of segments. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "ls.h"

static const struct column columns[COLUMNS] = {
	[KEY] = { "KEY", "key, 0x00000000 if it has none" },
	[SHMID] = { "SHMID", "id (also ID)", CELL_NUMBER, true },
	[OWNER] = { "OWNER", "name of the owner", .shrink = true },
	[GROUP] = { "GROUP", "name of the owner's group", .shrink = true },
	[PERMS] = { "PERMS", "permissions, octal" },
	[SIZE] = { "SIZE", "size (also BYTES)", CELL_NUMBER, true },
	[RES] = { "RES", "what of it is in memory", CELL_NUMBER, true },
	[SWAP] = { "SWAP", "what of it is swapped out", CELL_NUMBER, true },
	[HUGE] = { "HUGE", "what of RES is in huge pages", CELL_NUMBER, true },
	[PAGE] = { "PAGE", "size of a page of its own", CELL_NUMBER, true },
	[NATTCH] = { "NATTCH", "number of attaches", CELL_NUMBER, true },
	[STATUS] = { "STATUS", "dest, locked, orphan, kernel", .shrink = true },
	[ATTRIBUTES] = { "ATTRIBUTES", "hugetlb, thp, noreserve, owner-bound, creator-gone" },
	[UID] = { "UID", "number of the owner", CELL_NUMBER, true },
	[GID] = { "GID", "number of the owner's group", CELL_NUMBER, true },
	[CREATOR] = { "CREATOR", "name of the creator", .shrink = true },
	[CGROUP] = { "CGROUP", "name of the creator's group", .shrink = true },
	[CUID] = { "CUID", "number of the creator", CELL_NUMBER, true },
	[CGID] = { "CGID", "number of the creator's group", CELL_NUMBER, true },
	[CPID] = { "CPID", "process that made it", CELL_NUMBER, true },
	[LPID] = { "LPID", "process that attached or detached last", CELL_NUMBER, true },
	[CCOMMAND] = { "CCOMMAND", "command of CPID", .shrink = true },
	[LCOMMAND] = { "LCOMMAND", "command of LPID", .shrink = true },
	[ATIME] = { "ATIME", "time of the last attach", CELL_NUMBER },
	[DTIME] = { "DTIME", "time of the last detach", CELL_NUMBER },
	[CTIME] = { "CTIME", "time of creation or of the last change", CELL_NUMBER },
	[LOCKED] = { "LOCKED", "what counts against RLIMIT_MEMLOCK", CELL_NUMBER, true },
	[ATTACHED] = { "ATTACHED", "all mappings (JSON only)", CELL_JSON },
	[PID] = { "PID", "process that has it attached", CELL_NUMBER, true },
	[USER] = { "USER", "whose process that is", .shrink = true },
	[COMMAND] = { "COMMAND", "its command", .shrink = true },
	[ADDRESS] = { "ADDRESS", "where it is mapped there" },
	[LENGTH] = { "LENGTH", "how much of it is mapped there", CELL_NUMBER, true },
	[ACCESS] = { "ACCESS", "r read, w write, x execute" },
};

static const char by_default[] =
	"KEY,SHMID,OWNER,PERMS,SIZE,RES,SWAP,HUGE,PAGE,NATTCH,STATUS";
static const char with_time[] = "SHMID,OWNER,ATIME,DTIME,CTIME";
static const char with_pid[] = "SHMID,OWNER,CPID,CCOMMAND,LPID,LCOMMAND";
static const char with_creator[] = "SHMID,PERMS,CREATOR,CGROUP,OWNER,GROUP";
static const char with_attached[] = "SHMID,PID,USER,COMMAND,ACCESS,LENGTH,ADDRESS";

void ls_columns_help(void)
{
	for (size_t i = 0; i < COLUMNS; i++)
		printf("  %-12s%s\n", columns[i].name, columns[i].help);
}

static int column_index(const char *name, size_t length)
{
	static const struct {
		const char *name;
		int index;
	} alias[] = { { "ID", SHMID }, { "BYTES", SIZE }, { "RSS", RES } };

	for (size_t i = 0; i < ARRAY_SIZE(alias); i++)
		if (strlen(alias[i].name) == length && !strncasecmp(name, alias[i].name, length))
			return alias[i].index;
	for (int i = 0; i < COLUMNS; i++)
		if (strlen(columns[i].name) == length &&
		    !strncasecmp(name, columns[i].name, length))
			return i;
	return -1;
}

/* Returns 0, or the exit status after a message. */
static int add_columns(struct listing *listing, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ",");
		int index = column_index(names, length);
		bool known = false;

		if (index < 0)
			return usage_error("ls", "unknown column '%.*s'", (int)length, names);
		/* Once is enough, and JSON wants names to be unique. */
		for (size_t i = 0; i < listing->count; i++)
			known |= listing->columns[i] == &columns[index];
		if (!known)
			listing->columns[listing->count++] = &columns[index];
		names += length;
		names += *names == ',';
	}
	return 0;
}

static bool has_mapping_columns(const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->columns[i] - columns >= FIRST_OF_MAPPING)
			return true;
	return false;
}

static bool needs_scan(const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->columns[i] - columns >= ATTACHED)
			return true;
	return false;
}

static void add_row(struct table *table, const struct listing *listing,
		    const struct xshm_ds *ds, const struct attached *at, size_t count)
{
	char **row = table_row(table);

	for (size_t i = 0; i < listing->count; i++)
		row[i] = ls_cell(listing, listing->columns[i] - columns, ds, at, count);
}

static int print(struct listing *listing, const struct xshm_ds *ds, size_t count,
		 bool headings)
{
	struct attached_list at = {};
	struct table table;
	size_t first = 0;
	bool mappings = has_mapping_columns(listing);

	table_init(&table, listing->mode, listing->columns, listing->count);
	table.headings = headings;
	if (needs_scan(listing))
		attached_scan(ds, count, &at);
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		while (first + n < at.count && at.v[first + n].segment == i)
			n++;
		if (listing->orphans && !segment_is_orphan(&ds[i]))
			continue;
		if (mappings)
			for (size_t k = 0; k < n; k++)
				add_row(&table, listing, &ds[i], at.v + first + k, n - k);
		if (!mappings || !n)
			add_row(&table, listing, &ds[i], at.v + first, n);
		first += n;
	}
	table_print(&table, "segments");
	if (at.hidden && listing->mode == TABLE_HUMAN)
		complain("%zu processes of other users could not be looked at: run as root to "
			 "see who else is attached", at.hidden);
	table_free(&table);
	attached_free(&at);
	return finish_output();
}

static void summary_row(struct table *table, const char *name, uint64_t value, bool bytes,
			const struct listing *listing)
{
	char **row = table_row(table);

	row[0] = xprintf("%s", name);
	row[1] = bytes ? ls_size(listing, value) : xprintf("%llu", (unsigned long long)value);
}

static int print_summary(struct listing *listing, const struct segments *segments)
{
	static const struct column name = { .name = "TOTAL" };
	static const struct column value = { .name = "VALUE", .kind = CELL_NUMBER, .right = true };
	static const struct column *const both[] = { &name, &value };
	const struct xshm_usage *usage = &segments->usage;
	uint64_t page = sysconf(_SC_PAGESIZE), orphans = 0;
	struct table table;

	for (size_t i = 0; i < segments->count; i++)
		orphans += segment_is_orphan(&segments->ds[i]);
	table_init(&table, listing->mode, both, 2);
	summary_row(&table, "segments", usage->used_ids, false, listing);
	summary_row(&table, "orphans", orphans, false, listing);
	summary_row(&table, "size", usage->shm_tot * page, true, listing);
	summary_row(&table, "resident", usage->shm_rss * page, true, listing);
	summary_row(&table, "swapped", usage->shm_swp * page, true, listing);
	summary_row(&table, "huge", usage->huge, true, listing);
	summary_row(&table, "locked", usage->locked, true, listing);
	table_print(&table, "summary");
	table_free(&table);
	return finish_output();
}

/* Reduces @segments to the ids named; returns the exit status. */
static int select_ids(struct segments *segments, int count, char **ids)
{
	int status = EXIT_SUCCESS, *wanted = xalloc(NULL, count * sizeof(*wanted));
	size_t kept = 0;

	for (int i = 0; i < count; i++)
		if (parse_id(ids[i], &wanted[i]))
			return usage_error("ls", "'%s' is no id", ids[i]);
	for (size_t k = 0; k < segments->count; k++)
		for (int i = 0; i < count; i++)
			if (wanted[i] == segments->ds[k].id) {
				segments->ds[kept++] = segments->ds[k];
				break;
			}
	for (int i = 0; i < count; i++) {
		size_t k = 0;

		while (k < kept && segments->ds[k].id != wanted[i])
			k++;
		if (k == kept) {
			complain("no segment has the id %s: see xshm ls", ids[i]);
			status = EXIT_FAILURE;
		}
	}
	segments->count = kept;
	free(wanted);
	return status;
}

static const struct option options[] = {
	{ "attached", no_argument, NULL, 'A' },
	{ "orphans", no_argument, NULL, 'O' },
	{ "time", no_argument, NULL, 't' },
	{ "pid", no_argument, NULL, 'p' },
	{ "creator", no_argument, NULL, 'c' },
	{ "all", no_argument, NULL, 'a' },
	{ "output", required_argument, NULL, 'o' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "json", no_argument, NULL, 'J' },
	{ "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "summary", no_argument, NULL, 'u' },
	{ "limits", no_argument, NULL, 'l' },
	{ "id", required_argument, NULL, 'i' },
	{ "shmems", no_argument, NULL, 'm' },
	{}
};

static const char *all_columns(void)
{
	static char names[512];

	names[0] = 0;
	for (int i = 0; i < ATTACHED; i++) {
		strcat(names, i ? "," : "");
		strcat(names, columns[i].name);
	}
	return names;
}

/* What ipcs(1) has letters for here, and a command of its own does. */
static int other_limits(const struct listing *listing, bool headings)
{
	char *argv[4] = { "limits" };
	int argc = 1;

	if (listing->mode != TABLE_HUMAN)
		argv[argc++] = listing->mode == TABLE_JSON ? "-J" : "-r";
	if (!headings)
		argv[argc++] = "-n";
	return cmd_limits(argc, argv);
}

static int other_stat(const struct listing *listing, bool headings, const char *id)
{
	char *argv[5] = { "stat" };
	int argc = 1;

	if (listing->mode == TABLE_RAW || !headings)
		return usage_error("ls", "--id has no %s", headings ? "--raw" : "headings");
	if (listing->mode == TABLE_JSON)
		argv[argc++] = "-J";
	if (listing->bytes)
		argv[argc++] = "-b";
	argv[argc++] = (char *)id;
	return cmd_stat(argc, argv);
}

int cmd_ls(int argc, char **argv)
{
	struct listing listing = {};
	struct segments segments = {};
	const char *base = by_default, *extra = NULL, *id = NULL;
	bool headings = true, summary = false, attached = false, limits = false;
	int opt, fd, status;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":AOtpcao:bJrnuli:m", options, NULL)) != -1) {
		switch (opt) {
		case 'A':
			attached = true;
			break;
		case 'O':
			listing.orphans = true;
			break;
		case 't':
			base = with_time;
			break;
		case 'p':
			base = with_pid;
			break;
		case 'c':
			base = with_creator;
			break;
		case 'a':
			base = all_columns();
			break;
		case 'o':
			if (*optarg == '+')
				extra = optarg + 1;
			else
				base = optarg;
			break;
		case 'b':
			listing.bytes = true;
			break;
		case 'J':
			listing.mode = TABLE_JSON;
			break;
		case 'r':
			listing.mode = TABLE_RAW;
			break;
		case 'n':
			headings = false;
			break;
		case 'u':
			summary = true;
			break;
		case 'l':
			limits = true;
			break;
		case 'i':
			id = optarg;
			break;
		case 'm':
			break;
		default:
			help_on_option("ls", opt, argv);
			return EXIT_USAGE;
		}
	}
	if (limits || id) {
		if (optind < argc || (limits && id))
			return usage_error("ls", "nothing goes with %s but how it is printed",
					   limits ? "--limits" : "--id");
		return limits ? other_limits(&listing, headings) :
			other_stat(&listing, headings, id);
	}
	if (attached && listing.mode == TABLE_JSON)
		extra = extra ? xprintf("%s,ATTACHED", extra) : "ATTACHED";
	else if (attached && base == by_default)
		base = with_attached;
	else if (attached)
		extra = extra ? xprintf("%s,%s", extra, with_attached + 6) : with_attached + 6;
	status = add_columns(&listing, base);
	if (!status && extra)
		status = add_columns(&listing, extra);
	if (status)
		return status;
	if (!listing.count)
		return usage_error("ls", "no column is named");
	for (size_t i = 0; i < listing.count; i++)
		if (listing.columns[i] == &columns[ATTACHED] && listing.mode != TABLE_JSON)
			return usage_error("ls", "column ATTACHED is for --json only");

	fd = device_open();
	if (fd < 0 || segments_load(fd, &segments))
		return EXIT_FAILURE;
	if (summary)
		return print_summary(&listing, &segments);
	segments_add_kernels(&segments);
	if (optind < argc)
		status = select_ids(&segments, argc - optind, argv + optind);
	if (status == EXIT_USAGE)
		return status;
	return print(&listing, segments.ds, segments.count, headings) ? EXIT_FAILURE : status;
}
