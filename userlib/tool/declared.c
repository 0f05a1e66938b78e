// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads declarations of segments: which files, and the lines in them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conditions.h"
#include "declared.h"

/* Of two files with the same name, that of the earlier folder counts. */
static const char *const folders[] = { "/etc/xshm.d", "/run/xshm.d", "/usr/lib/xshm.d" };

/* One word; returns NULL, or what is wrong with it. */
static const char *take_word(struct declared *new, char *word)
{
	char *value = strchr(word, '=');
	unsigned int bits;
	uint64_t mode;

	if (value)
		*value++ = 0;
	if (!strcmp(word, "hugetlb") || !strcmp(word, "try-hugetlb")) {
		if (page_size_bits(value, &bits))
			return "is no page size";
		new->get.shmflg = (new->get.shmflg & ((1U << XSHM_HUGE_SHIFT) - 1)) | bits;
		new->page_size = bits ? 1ULL << (bits >> XSHM_HUGE_SHIFT) : 0;
		if (*word == 'h')
			new->get.shmflg |= XSHM_HUGETLB;
		else
			new->get.options |= XSHM_GET_TRY_HUGETLB;
		return NULL;
	}
	if (!strcmp(word, "key"))
		return !value || parse_key(value, &new->get.key) ? "is no key" : NULL;
	if (!strcmp(word, "size")) {
		uint64_t bytes;

		if (!value || parse_size(value, &bytes) || !bytes)
			return "is no size";
		new->get.bytes = bytes;
		new->has_size = true;
		return NULL;
	}
	if (!strcmp(word, "mode")) {
		if (!value || parse_octal(value, 0777, &mode))
			return "is no mode (0 to 0777)";
		new->get.shmflg = (new->get.shmflg & ~0777U) | (unsigned int)mode;
		new->has_mode = true;
		return NULL;
	}
	if (!strcmp(word, "owner")) {
		new->has_owner = true;
		return !value || parse_user(value, &new->owner) ? "is no user" : NULL;
	}
	if (!strcmp(word, "group")) {
		new->has_group = true;
		return !value || parse_group(value, &new->group) ? "is no group" : NULL;
	}
	if (value)
		return "is not known, or takes no value";
	if (!strcmp(word, "huge"))
		new->get.options |= XSHM_GET_HUGE;
	else if (!strcmp(word, "small"))
		new->get.options |= XSHM_GET_SMALL;
	else if (!strcmp(word, "populate"))
		new->get.options |= XSHM_GET_POPULATE;
	else if (!strcmp(word, "noreserve"))
		new->get.shmflg |= XSHM_NORESERVE;
	else
		return "is not known, or has no value";
	return NULL;
}

static void wrong(struct declared_list *list, const struct declared *at, const char *word,
		  const char *why)
{
	if (word)
		complain("%s:%d: '%s' %s", at->file, at->line, word, why);
	else
		complain("%s:%d: %s", at->file, at->line, why);
	list->wrong = true;
}

static void take_line(struct declared_list *list, struct declared *new, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest = line, *word;
	const char *why;
	bool any = false;

	while ((word = strtok_r(any ? NULL : line, blanks, &rest))) {
		char *whole;

		if (*word == '#')
			break;
		any = true;
		whole = xprintf("%s", word);
		why = take_word(new, word);
		if (why)
			wrong(list, new, whole, why);
		free(whole);
		if (why)
			return;
	}
	if (!any)
		return;
	if (!new->get.key || !new->has_size) {
		wrong(list, new, NULL, new->get.key ? "a size is missing" : "a key is missing");
		return;
	}
	if (new->get.options & XSHM_GET_SMALL &&
	    (new->get.options & (XSHM_GET_HUGE | XSHM_GET_TRY_HUGETLB) ||
	     new->get.shmflg & XSHM_HUGETLB)) {
		wrong(list, new, NULL, "small excludes huge pages");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->v[i].get.key == new->get.key) {
			complain("%s:%d: ignored, the key 0x%08x is declared in %s:%d already",
				 new->file, new->line, (unsigned int)new->get.key,
				 list->v[i].file, list->v[i].line);
			return;
		}
	list->v = xalloc(list->v, (list->count + 1) * sizeof(*list->v));
	list->v[list->count++] = *new;
}

/* @path: "-" for the standard input. It is kept until the command ends. */
void declared_read(struct declared_list *list, const char *path)
{
	bool input = !strcmp(path, "-");
	FILE *file = input ? stdin : fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	for (int n = 1; file && getline(&line, &size, file) >= 0; n++) {
		struct declared new = {
			.file = path,
			.line = n,
			.get = { .size = sizeof(new.get), .shmflg = 0644 },
		};

		take_line(list, &new, line);
	}
	if (!file || ferror(file)) {
		complain("can't read %s: %s", path, strerror(errno));
		list->wrong = true;
	}
	free(line);
	if (file && !input)
		fclose(file);
}

struct file {
	char *name;
	const char *folder;
};

static int by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* In the order of their names, whatever folder they are in. */
void declared_read_all(struct declared_list *list)
{
	struct file *files = NULL;
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		DIR *dir = opendir(folders[i]);
		const struct dirent *entry;
		size_t before = count;

		if (!dir && errno != ENOENT) {
			complain("can't read %s: %s", folders[i], strerror(errno));
			list->wrong = true;
		}
		while (dir && (entry = readdir(dir))) {
			size_t length = strlen(entry->d_name), k = 0;

			if (*entry->d_name == '.' || length < 6 ||
			    strcmp(entry->d_name + length - 5, ".conf"))
				continue;
			while (k < before && strcmp(files[k].name, entry->d_name))
				k++;
			if (k < before)
				continue;
			files = xalloc(files, (count + 1) * sizeof(*files));
			files[count++] = (struct file){ xprintf("%s", entry->d_name), folders[i] };
		}
		if (dir)
			closedir(dir);
	}
	if (count)
		qsort(files, count, sizeof(*files), by_name);
	for (size_t i = 0; i < count; i++) {
		declared_read(list, xprintf("%s/%s", files[i].folder, files[i].name));
		free(files[i].name);
	}
	free(files);
}
