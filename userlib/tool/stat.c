// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm stat: all about a segment. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

static void print_size(const char *name, uint64_t bytes, bool plain)
{
	char buf[16];

	format_size(buf, sizeof(buf), bytes);
	if (plain || bytes < 1024)
		printf("  %-14s%llu\n", name, (unsigned long long)bytes);
	else
		printf("  %-14s%s (%llu bytes)\n", name, buf, (unsigned long long)bytes);
}

static void print_text(const char *name, char *text)
{
	char *harmless = text_harmless(text);

	printf("  %-14s%s\n", name, *text ? harmless : "-");
	free(harmless);
	free(text);
}

/* Harmless, and so many columns wide. */
static void print_padded(const char *text, int width)
{
	char *harmless = text_harmless(text);
	int columns = (int)text_width(harmless);

	printf("%s%*s ", harmless, columns < width ? width - columns : 0, "");
	free(harmless);
}

static char *owner(uid_t uid, gid_t gid)
{
	char *user = format_user(uid), *group = format_group(gid);
	char *text = xprintf("%s:%s (%u:%u)", user, group, uid, gid);

	free(user);
	free(group);
	return text;
}

/* "4711 postgres", or that it is gone. */
static char *process(pid_t pid, bool gone)
{
	char *command = pid && !gone ? process_command(pid) : xprintf("%s", "");
	char *text = !pid ? xprintf("-") :
		     xprintf("%d %s", pid, *command ? command : "(gone)");

	free(command);
	return text;
}

static void print_attached(const struct xshm_ds *ds)
{
	struct attached_list list;

	attached_scan(ds, 1, &list);
	for (size_t i = 0; i < list.count; i++) {
		char *user = format_user(list.v[i].uid), size[16];

		if (!i)
			printf("  %-14s%7s %-10s %-15s %-4s %6s %s\n", "attached", "PID", "USER",
			       "COMMAND", "MODE", "LENGTH", "ADDRESS");
		format_size(size, sizeof(size), list.v[i].end - list.v[i].start);
		printf("  %-14s%7d ", "", list.v[i].pid);
		print_padded(user, 10);
		print_padded(list.v[i].command, 15);
		printf("%.3s  %6s 0x%llx\n", list.v[i].access, size,
		       (unsigned long long)list.v[i].start);
		free(user);
	}
	if (list.count < ds->nattch)
		printf("  %-14s%llu more by processes that %s\n", "",
		       (unsigned long long)ds->nattch - list.count,
		       list.hidden ? "only root may look at" :
		       "are in another namespace or gone since");
	attached_free(&list);
}

static void print_segment(const struct xshm_ds *ds, bool plain)
{
	printf("segment %d\n", ds->id);
	printf("  %-14s0x%08x\n", "key", (unsigned int)ds->key);
	print_text("owner", owner(ds->uid, ds->gid));
	print_text("creator", owner(ds->cuid, ds->cgid));
	printf("  %-14s%03o\n", "mode", ds->mode & 0777);
	print_text("status", segment_status(ds));
	print_text("attributes", segment_attributes(ds));
	print_size("size", ds->segsz, plain);
	print_size("page size", ds->page_size, plain);
	print_size("resident", ds->resident, plain);
	print_size("huge", ds->huge, plain);
	print_size("swapped", ds->swapped, plain);
	print_size("locked", ds->locked, plain);
	print_text("made by", process(ds->cpid, ds->attributes & XSHM_ATTR_CREATOR_GONE));
	print_text("last used by", process(ds->lpid, false));
	print_text("last attach", format_time(ds->atime, false));
	print_text("last detach", format_time(ds->dtime, false));
	print_text("changed", format_time(ds->ctime, false));
	printf("  %-14s%llu\n", "attaches", (unsigned long long)ds->nattch);
	print_attached(ds);
}

static const struct option options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "json", no_argument, NULL, 'J' },
	{}
};

static int stat_json(char **ids, int count)
{
	char *args[16 + 3] = { "ls", "-aAJ" };

	if (count > 16)
		return usage_error("stat", "at most 16 segments with --json");
	memcpy(args + 2, ids, count * sizeof(*ids));
	optind = 0;
	return cmd_ls(count + 2, args);
}

/* Returns the id, or -1 after a message. */
static int find(int fd, int key)
{
	int id = segment_find(fd, key);

	if (id < 0)
		complain(errno == ENOENT ? "no segment has the key 0x%08x: see xshm ls" :
			 "can't find the key 0x%08x: %m", (unsigned int)key);
	return id;
}

int cmd_stat(int argc, char **argv)
{
	bool plain = false, json = false, by_key = false;
	int opt, fd, key = 0, id, status = EXIT_SUCCESS;
	char *found = NULL;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":k:bJ", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
			if (parse_key(optarg, &key))
				return usage_error("stat", "'%s' %s", optarg, key_error(optarg));
			by_key = true;
			break;
		case 'b':
			plain = true;
			break;
		case 'J':
			json = true;
			break;
		default:
			help_on_option("stat", opt, argv);
			return EXIT_USAGE;
		}
	}
	if (by_key ? optind < argc : optind == argc)
		return usage_error("stat", by_key ? "either ids or a key" : "an id is missing");
	for (int i = optind; i < argc; i++)
		if (parse_id(argv[i], &id))
			return usage_error("stat", "'%s' is no id", argv[i]);

	fd = device_open();
	if (fd < 0)
		return EXIT_FAILURE;
	if (by_key) {
		id = find(fd, key);
		if (id < 0)
			return EXIT_FAILURE;
		found = xprintf("%d", id);
		argv[argc - 1] = found;
		optind = argc - 1;
	}
	if (json)
		return stat_json(argv + optind, argc - optind);
	for (int i = optind; i < argc; i++) {
		struct xshm_ds ds;

		parse_id(argv[i], &id);
		if (segment_stat(fd, id, &ds)) {
			status = EXIT_FAILURE;
			if (errno == EINVAL || errno == EIDRM)
				complain("no segment has the id %d: see xshm ls", id);
			else if (errno == EACCES)
				complain("no read permission on segment %d: be its owner or root, "
					 "or see xshm ls %d", id, id);
			else
				complain("segment %d: %m", id);
			continue;
		}
		print_segment(&ds, plain);
	}
	free(found);
	return finish_output() ? EXIT_FAILURE : status;
}
