// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm apply: segments are made, compared and corrected as declared. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "declared.h"

struct applying {
	int fd;
	bool check, quiet, json;
	int status;
	struct table table;
};

static const struct column key = { .name = "KEY" };
static const struct column shmid = { .name = "SHMID", .kind = CELL_NUMBER };
static const struct column state = { .name = "STATE" };
static const struct column detail = { .name = "DETAIL" };
static const struct column from = { .name = "FROM" };
static const struct column *const columns[] = { &key, &shmid, &state, &detail, &from };

/* @id: -1 if there is no segment. @text may be empty. */
static void tell(struct applying *applying, const struct declared *want, int id,
		 const char *what, const char *text)
{
	char **row;

	if (applying->json) {
		row = table_row(&applying->table);
		row[0] = xprintf("0x%08x", (unsigned int)want->get.key);
		row[1] = id < 0 ? NULL : xprintf("%d", id);
		row[2] = xprintf("%s", what);
		row[3] = xprintf("%s", text);
		row[4] = xprintf("%s:%d", want->file, want->line);
		return;
	}
	if (!strcmp(what, "same") || (applying->quiet && !applying->check))
		return;
	printf("%s 0x%08x", what, (unsigned int)want->get.key);
	if (id >= 0)
		printf(" (%d)", id);
	printf("%s%s\n", *text ? ": " : "", text);
}

static void failed(struct applying *applying, const struct declared *want, int id,
		   const char *text)
{
	complain("%s:%d: key 0x%08x: %s", want->file, want->line, (unsigned int)want->get.key,
		 text);
	applying->status = EXIT_FAILURE;
	if (applying->json)
		tell(applying, want, id, "failed", text);
}

static void add(char **text, char *more)
{
	char *longer = xprintf("%s%s%s", *text, **text ? ", " : "", more);

	free(*text);
	free(more);
	*text = longer;
}

/* What is not as declared and can be set: in words, and in @ds. */
static char *correct(const struct declared *want, struct xshm_ds *ds)
{
	unsigned int mode = want->get.shmflg & 0777;
	char *text = xprintf("%s", "");

	if (want->has_mode && (ds->mode & 0777) != mode) {
		add(&text, xprintf("mode %03o to %03o", ds->mode & 0777, mode));
		ds->mode = (ds->mode & ~0777U) | mode;
	}
	if (want->has_owner && ds->uid != want->owner) {
		add(&text, xprintf("owner %u to %u", ds->uid, want->owner));
		ds->uid = want->owner;
	}
	if (want->has_group && ds->gid != want->group) {
		add(&text, xprintf("group %u to %u", ds->gid, want->group));
		ds->gid = want->group;
	}
	return text;
}

/* What is not as declared and stays so: that is known only when a segment is made. */
static char *differences(const struct declared *want, const struct xshm_ds *ds)
{
	bool hugetlb = ds->attributes & XSHM_ATTR_HUGETLB, thp = ds->attributes & XSHM_ATTR_THP;
	bool either = want->get.options & XSHM_GET_TRY_HUGETLB;
	char *text = xprintf("%s", "");

	if (ds->segsz != want->get.bytes)
		add(&text, xprintf("size is %llu, not %llu", (unsigned long long)ds->segsz,
				   (unsigned long long)want->get.bytes));
	if (want->get.shmflg & XSHM_HUGETLB && !hugetlb)
		add(&text, xprintf("is not of hugetlb pages"));
	else if (want->get.shmflg & XSHM_HUGETLB && want->page_size &&
		 ds->page_size != want->page_size)
		add(&text, xprintf("pages are of %llu, not %llu",
				   (unsigned long long)ds->page_size,
				   (unsigned long long)want->page_size));
	else if (want->get.options & XSHM_GET_HUGE && !either &&
		 !(want->get.shmflg & XSHM_HUGETLB) && !thp)
		add(&text, xprintf("is not of huge pages"));
	if (want->get.options & XSHM_GET_SMALL && (hugetlb || thp))
		add(&text, xprintf("is not of small pages"));
	if (want->get.shmflg & XSHM_NORESERVE && !(ds->attributes & XSHM_ATTR_NORESERVE))
		add(&text, xprintf("is reserved"));
	return text;
}

/* Makes it, or finds that somebody else just has. */
static int make(struct applying *applying, const struct declared *want)
{
	struct xshm_get get = want->get;

	get.shmflg |= XSHM_CREAT | XSHM_EXCL;
	return ioctl(applying->fd, XSHM_IOC_GET, &get);
}

static void apply(struct applying *applying, const struct declared *want)
{
	int id = segment_find(applying->fd, want->get.key);
	char *corrected, *different;
	struct xshm_ds ds;
	bool made = false;

	if (id < 0 && errno == ENOENT) {
		if (applying->check) {
			tell(applying, want, -1, "missing", "");
			applying->status = EXIT_FAILURE;
			return;
		}
		id = make(applying, want);
		made = id >= 0;
		if (id < 0 && errno == EEXIST)
			id = segment_find(applying->fd, want->get.key);
	}
	if (id < 0 || segment_stat(applying->fd, id, &ds)) {
		failed(applying, want, id, strerror(errno));
		return;
	}
	corrected = correct(want, &ds);
	different = differences(want, &ds);
	if (*corrected && !applying->check && segment_set(applying->fd, &ds)) {
		char *text = xprintf("can't change %s: %s", corrected, strerror(errno));

		failed(applying, want, id, text);
		free(text);
	} else if (made) {
		tell(applying, want, id, "made", "");
	} else if (*corrected) {
		tell(applying, want, id, applying->check ? "differs" : "corrected", corrected);
		if (applying->check)
			applying->status = EXIT_FAILURE;
	} else if (!*different) {
		tell(applying, want, id, "same", "");
	}
	if (*different) {
		if (applying->check)
			tell(applying, want, id, "differs", different);
		else
			failed(applying, want, id, different);
		applying->status = EXIT_FAILURE;
	}
	free(corrected);
	free(different);
}

static const struct option options[] = {
	{ "check", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'J' },
	{}
};

int cmd_apply(int argc, char **argv)
{
	struct applying applying = {};
	struct declared_list list = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":nqJ", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			applying.check = true;
			break;
		case 'q':
			applying.quiet = true;
			break;
		case 'J':
			applying.json = true;
			break;
		default:
			help_on_option("apply", opt, argv);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		declared_read_all(&list);
	for (; optind < argc; optind++)
		declared_read(&list, argv[optind]);
	applying.fd = device_open();
	if (applying.fd < 0)
		return EXIT_FAILURE;
	table_init(&applying.table, TABLE_JSON, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < list.count; i++)
		apply(&applying, &list.v[i]);
	if (applying.json)
		table_print(&applying.table, "segments");
	table_free(&applying.table);
	free(list.v);
	if (list.wrong)
		applying.status = EXIT_FAILURE;
	return finish_output() ? EXIT_FAILURE : applying.status;
}
