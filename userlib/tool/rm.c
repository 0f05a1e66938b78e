// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm rm: remove segments. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conditions.h"

struct removal {
	int fd;
	bool quiet, dry, json;
	int status;
	struct table table;	/* of --json: what was removed, or would be */
};

static const struct column shmid = { .name = "SHMID", .kind = CELL_NUMBER };
static const struct column key = { .name = "KEY" };
static const struct column bytes = { .name = "SIZE", .kind = CELL_NUMBER };
static const struct column nattch = { .name = "NATTCH", .kind = CELL_NUMBER };
static const struct column owner = { .name = "OWNER" };
static const struct column *const columns[] = { &shmid, &key, &bytes, &nattch, &owner };

/* @ds: NULL if one may not read it. */
static void tell_json(struct removal *removal, int id, const struct xshm_ds *ds)
{
	char **row = table_row(&removal->table);

	row[0] = xprintf("%d", id);
	if (!ds)
		return;
	row[1] = xprintf("0x%08x", (unsigned int)ds->key);
	row[2] = xprintf("%llu", (unsigned long long)ds->segsz);
	row[3] = xprintf("%llu", (unsigned long long)ds->nattch);
	row[4] = format_user(ds->uid);
}

static void tell(const struct removal *removal, const struct xshm_ds *ds)
{
	char size[16];

	if (removal->quiet && !removal->dry)
		return;
	format_size(size, sizeof(size), ds->segsz);
	printf("%s %d (key 0x%08x, %s", removal->dry ? "would remove" : "removed", ds->id,
	       (unsigned int)ds->key, size);
	if (ds->nattch)
		printf(", goes with the last of its %llu attaches", (unsigned long long)ds->nattch);
	printf(")\n");
}

static void remove_one(struct removal *removal, int id, const struct xshm_ds *known)
{
	struct xshm_ds ds = { .id = id };
	int err = 0;
	bool stat;

	if (known)
		ds = *known;
	stat = known || !segment_stat(removal->fd, id, &ds);
	if (removal->dry) {
		/* A segment that one may not read may still be one's to remove. */
		if (!stat && errno != EACCES)
			err = errno;
	} else if (segment_remove(removal->fd, id)) {
		err = errno;
	}
	switch (err) {
	case 0:
		if (removal->json)
			tell_json(removal, id, stat ? &ds : NULL);
		else if (stat)
			tell(removal, &ds);
		else if (!removal->quiet)
			printf("%s %d\n", removal->dry ? "would remove" : "removed", id);
		return;
	case EINVAL:
	case EIDRM:
		/* Of many, one may have gone by itself. */
		if (known)
			return;
		complain("no segment has the id %d: see xshm ls", id);
		break;
	case EPERM:
	case EACCES:
		complain("segment %d is another user's: run as its owner or root", id);
		break;
	default:
		complain("can't remove segment %d: %s", id, strerror(err));
	}
	removal->status = EXIT_FAILURE;
}

static void remove_key(struct removal *removal, int wanted)
{
	int id = segment_find(removal->fd, wanted);

	if (id >= 0) {
		remove_one(removal, id, NULL);
		return;
	}
	complain(errno == ENOENT ? "no segment has the key 0x%08x: see xshm ls" :
		 "can't find the key 0x%08x: %m", (unsigned int)wanted);
	removal->status = EXIT_FAILURE;
}

/* A user means those that are his to remove; root means everybody's. */
static bool may_remove(const struct xshm_ds *ds)
{
	uid_t uid = geteuid();

	return !uid || ds->uid == uid || ds->cuid == uid;
}

/*
 * What was seen may be long ago in a table of many: somebody may have attached it since, or
 * it is another segment by now. The module can't be told to remove only what is not attached,
 * so between this look and the removal there is still a moment.
 */
static bool still_matches(int fd, const struct conditions *conditions, struct xshm_ds *ds)
{
	struct xshm_ds now;

	if (segment_stat(fd, ds->id, &now))
		/* Without the right to read, the first look has to do. */
		return errno == EACCES;
	*ds = now;
	return !(now.mode & XSHM_DEST) && conditions_match(conditions, &now);
}

/* @conditions: NULL for all. */
static void remove_many(struct removal *removal, const struct conditions *conditions)
{
	struct segments segments = {};
	size_t spared = 0;

	if (segments_load(removal->fd, &segments)) {
		removal->status = EXIT_FAILURE;
		return;
	}
	for (size_t i = 0; i < segments.count; i++) {
		struct xshm_ds *ds = &segments.ds[i];

		/* Marked already: nothing is left to do. */
		if (ds->mode & XSHM_DEST || (conditions && !conditions_match(conditions, ds)))
			continue;
		if (!may_remove(ds))
			spared++;
		else if (!conditions || still_matches(removal->fd, conditions, ds))
			remove_one(removal, ds->id, ds);
	}
	if (spared)
		complain("%zu segment%s of other users %s left: run as root to remove them",
			 spared, spared == 1 ? "" : "s", spared == 1 ? "is" : "are");
	free(segments.ds);
}

enum { OPT_OLDER = 256, OPT_OWNER, OPT_SIZE, OPT_ATTACHED };

static const struct option options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "id", required_argument, NULL, 'm' },
	{ "orphans", no_argument, NULL, 'O' },
	{ "all", no_argument, NULL, 'a' },
	{ "older", required_argument, NULL, OPT_OLDER },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "attached", no_argument, NULL, OPT_ATTACHED },
	{ "json", no_argument, NULL, 'J' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{}
};

int cmd_rm(int argc, char **argv)
{
	struct removal removal = {};
	int *ids = xalloc(NULL, argc * sizeof(*ids)), *keys = xalloc(NULL, argc * sizeof(*keys));
	struct conditions conditions = {};
	size_t id_count = 0, key_count = 0;
	bool all = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":k:M:m:OanqJ", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
		case 'M':
			if (parse_key(optarg, &keys[key_count++]))
				return usage_error("rm", "'%s' %s", optarg, key_error(optarg));
			break;
		case 'm':
			if (parse_id(optarg, &ids[id_count++]))
				return usage_error("rm", "'%s' is no id", optarg);
			break;
		case 'O':
			conditions.orphans = true;
			break;
		case OPT_OLDER:
			if (conditions_older(&conditions, optarg))
				return usage_error("rm", "'%s' is no time (10m, 2h, 1d)", optarg);
			break;
		case OPT_OWNER:
			if (conditions_owner(&conditions, optarg))
				return usage_error("rm", "there is no user '%s'", optarg);
			break;
		case OPT_SIZE:
			if (conditions_size(&conditions, optarg))
				return usage_error("rm", "'%s' is no size", optarg);
			break;
		case OPT_ATTACHED:
			conditions.attached = true;
			break;
		case 'J':
			removal.json = true;
			break;
		case 'a':
			all = true;
			break;
		case 'n':
			removal.dry = true;
			break;
		case 'q':
			removal.quiet = true;
			break;
		default:
			help_on_option("rm", opt, argv);
			return EXIT_USAGE;
		}
	}
	for (; optind < argc; optind++)
		if (parse_id(argv[optind], &ids[id_count++]))
			return usage_error("rm", "'%s' is no id", argv[optind]);
	if (conditions_given(&conditions) + all + (id_count || key_count) != 1)
		return usage_error("rm", "%s", conditions_given(&conditions) || all ?
				   "ids or keys, --all, and conditions exclude each other" :
				   "what to remove is missing (ID, --key KEY, --all, --orphans, "
				   "--older TIME, --owner USER, --size SIZE)");
	if (conditions.attached && !conditions_given(&conditions))
		return usage_error("rm", "--attached goes with conditions only");

	removal.fd = device_open();
	if (removal.fd < 0)
		return EXIT_FAILURE;
	table_init(&removal.table, TABLE_JSON, columns, ARRAY_SIZE(columns));
	if (all || conditions_given(&conditions))
		remove_many(&removal, all ? NULL : &conditions);
	for (size_t i = 0; i < id_count; i++)
		remove_one(&removal, ids[i], NULL);
	for (size_t i = 0; i < key_count; i++)
		remove_key(&removal, keys[i]);
	if (removal.json)
		table_print(&removal.table, removal.dry ? "would_remove" : "removed");
	table_free(&removal.table);
	return finish_output() ? EXIT_FAILURE : removal.status;
}
