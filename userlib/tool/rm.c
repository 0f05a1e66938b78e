// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm rm: remove segments. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tool.h"

struct removal {
	int fd;
	bool quiet, dry;
	int status;
};

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
		if (stat)
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

static void remove_key(struct removal *removal, int key)
{
	int id = segment_find(removal->fd, key);

	if (id >= 0) {
		remove_one(removal, id, NULL);
		return;
	}
	complain(errno == ENOENT ? "no segment has the key 0x%08x: see xshm ls" :
		 "can't find the key 0x%08x: %m", (unsigned int)key);
	removal->status = EXIT_FAILURE;
}

/* A user means those that are his to remove; root means everybody's. */
static bool may_remove(const struct xshm_ds *ds)
{
	uid_t uid = geteuid();

	return !uid || ds->uid == uid || ds->cuid == uid;
}

static void remove_many(struct removal *removal, bool orphans)
{
	struct segments segments = {};
	size_t spared = 0;

	if (segments_load(removal->fd, &segments)) {
		removal->status = EXIT_FAILURE;
		return;
	}
	for (size_t i = 0; i < segments.count; i++) {
		const struct xshm_ds *ds = &segments.ds[i];

		/* Marked already: nothing is left to do. */
		if (ds->mode & XSHM_DEST || (orphans && !segment_is_orphan(ds)))
			continue;
		if (may_remove(ds))
			remove_one(removal, ds->id, ds);
		else
			spared++;
	}
	if (spared)
		complain("%zu segment%s of other users %s left: run as root to remove them",
			 spared, spared == 1 ? "" : "s", spared == 1 ? "is" : "are");
	free(segments.ds);
}

static const struct option options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "id", required_argument, NULL, 'm' },
	{ "orphans", no_argument, NULL, 'O' },
	{ "all", no_argument, NULL, 'a' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{}
};

int cmd_rm(int argc, char **argv)
{
	struct removal removal = {};
	int *ids = xalloc(NULL, argc * sizeof(*ids)), *keys = xalloc(NULL, argc * sizeof(*keys));
	size_t id_count = 0, key_count = 0;
	bool orphans = false, all = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":k:M:m:Oanq", options, NULL)) != -1) {
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
			orphans = true;
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
	if (orphans + all + (id_count || key_count) != 1)
		return usage_error("rm", "%s", orphans || all ?
				   "ids, keys, --orphans and --all exclude each other" :
				   "what to remove is missing (ID, --key KEY, --orphans, --all)");

	removal.fd = device_open();
	if (removal.fd < 0)
		return EXIT_FAILURE;
	if (orphans || all)
		remove_many(&removal, orphans);
	for (size_t i = 0; i < id_count; i++)
		remove_one(&removal, ids[i], NULL);
	for (size_t i = 0; i < key_count; i++)
		remove_key(&removal, keys[i]);
	return finish_output() ? EXIT_FAILURE : removal.status;
}
