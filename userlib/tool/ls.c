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
#include "tool.h"

enum {
	KEY, SHMID, OWNER, GROUP, PERMS, SIZE, RES, SWAP, HUGE, PAGE, NATTCH, STATUS,
	ATTRIBUTES, UID, GID, CREATOR, CGROUP, CUID, CGID, CPID, LPID, CCOMMAND, LCOMMAND,
	ATIME, DTIME, CTIME, LOCKED, ATTACHED, PID, USER, COMMAND, ADDRESS, LENGTH, ACCESS,
	COLUMNS
};

/* Those from here on are of a mapping, not of a segment. */
#define FIRST_OF_MAPPING PID

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

struct listing {
	const struct column *columns[COLUMNS];
	size_t count;
	enum table_mode mode;
	bool bytes, orphans;
};

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

static char *size_cell(const struct listing *listing, uint64_t bytes)
{
	char buf[16];

	if (listing->bytes || listing->mode != TABLE_HUMAN)
		return xprintf("%llu", (unsigned long long)bytes);
	format_size(buf, sizeof(buf), bytes);
	return xprintf("%s", buf);
}

static char *time_cell(const struct listing *listing, int64_t seconds)
{
	if (listing->mode == TABLE_HUMAN)
		return format_time(seconds, true);
	return seconds ? xprintf("%lld", (long long)seconds) : NULL;
}

static char *attached_json(const struct attached *at, size_t count)
{
	char *json = xprintf("["), *longer;

	for (size_t i = 0; i < count; i++) {
		char *name = NULL;

		json_text(&name, at[i].command);
		longer = xprintf("%s%s{\"pid\": %d, \"uid\": %u, \"command\": %s, "
				 "\"address\": \"0x%llx\", \"length\": %llu, \"offset\": %llu, "
				 "\"access\": \"%.3s\"}", json, i ? ", " : "", at[i].pid,
				 at[i].uid, name, (unsigned long long)at[i].start,
				 (unsigned long long)(at[i].end - at[i].start),
				 (unsigned long long)at[i].offset, at[i].access);
		free(name);
		free(json);
		json = longer;
	}
	longer = xprintf("%s]", json);
	free(json);
	return longer;
}

/* @at: the mappings of this segment; a row of one shows the first of them. */
static char *cell(const struct listing *listing, int column, const struct xshm_ds *ds,
		  const struct attached *at, size_t count)
{
	switch (column) {
	case KEY:
		return xprintf("0x%08x", (unsigned int)ds->key);
	case SHMID:
		return xprintf("%d", ds->id);
	case OWNER:
		return format_user(ds->uid);
	case GROUP:
		return format_group(ds->gid);
	case CREATOR:
		return format_user(ds->cuid);
	case CGROUP:
		return format_group(ds->cgid);
	case UID:
		return xprintf("%u", ds->uid);
	case GID:
		return xprintf("%u", ds->gid);
	case CUID:
		return xprintf("%u", ds->cuid);
	case CGID:
		return xprintf("%u", ds->cgid);
	case PERMS:
		return xprintf("%03o", ds->mode & 0777);
	case SIZE:
		return size_cell(listing, ds->segsz);
	case RES:
		return size_cell(listing, ds->resident);
	case SWAP:
		return size_cell(listing, ds->swapped);
	case HUGE:
		return size_cell(listing, ds->huge);
	case PAGE:
		return size_cell(listing, ds->page_size);
	case LOCKED:
		return size_cell(listing, ds->locked);
	case NATTCH:
		return xprintf("%llu", (unsigned long long)ds->nattch);
	case STATUS:
		return segment_status(ds);
	case ATTRIBUTES:
		return segment_attributes(ds);
	case CPID:
		return xprintf("%d", ds->cpid);
	case LPID:
		return xprintf("%d", ds->lpid);
	case CCOMMAND:
		return ds->cpid ? process_command(ds->cpid) : NULL;
	case LCOMMAND:
		return ds->lpid ? process_command(ds->lpid) : NULL;
	case ATIME:
		return time_cell(listing, ds->atime);
	case DTIME:
		return time_cell(listing, ds->dtime);
	case CTIME:
		return time_cell(listing, ds->ctime);
	case ATTACHED:
		return attached_json(at, count);
	}
	if (!count)
		return NULL;
	switch (column) {
	case PID:
		return xprintf("%d", at->pid);
	case USER:
		return format_user(at->uid);
	case COMMAND:
		return xprintf("%s", at->command);
	case ADDRESS:
		return xprintf("0x%llx", (unsigned long long)at->start);
	case LENGTH:
		return size_cell(listing, at->end - at->start);
	case ACCESS:
		return xprintf("%.3s", at->access);
	}
	return NULL;
}

static void add_row(struct table *table, const struct listing *listing,
		    const struct xshm_ds *ds, const struct attached *at, size_t count)
{
	char **row = table_row(table);

	for (size_t i = 0; i < listing->count; i++)
		row[i] = cell(listing, listing->columns[i] - columns, ds, at, count);
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
	row[1] = bytes ? size_cell(listing, value) : xprintf("%llu", (unsigned long long)value);
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
	segments_add_kernels(fd, &segments);
	if (optind < argc)
		status = select_ids(&segments, argc - optind, argv + optind);
	if (status == EXIT_USAGE)
		return status;
	return print(&listing, segments.ds, segments.count, headings) ? EXIT_FAILURE : status;
}
