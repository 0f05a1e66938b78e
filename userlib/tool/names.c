// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names of users, groups and processes. Each is looked up once, however many segments it
 * is for, as a look-up may read a file or ask a server. A name holds until names_forget():
 * for the run of a command, and for a picture of xshm top.
 */
#include <grp.h>
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool.h"

struct name {
	unsigned int of;
	char *text;
};

static void *users, *groups, *processes;

static int by_number(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->of > y->of) - (x->of < y->of);
}

static char *user(unsigned int uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? xprintf("%s", entry->pw_name) : xprintf("%u", uid);
}

static char *group(unsigned int gid)
{
	const struct group *entry = getgrgid(gid);

	return entry ? xprintf("%s", entry->gr_name) : xprintf("%u", gid);
}

static char *command(unsigned int pid)
{
	char path[64], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(name, sizeof(name), file))
			name[0] = 0;
		fclose(file);
	}
	name[strcspn(name, "\n")] = 0;
	return xprintf("%s", name);
}

/* That there is none is remembered, too. */
static char *look_up(void **known, unsigned int of, char *(*ask)(unsigned int))
{
	struct name wanted = { .of = of }, *name;
	struct name **found = tfind(&wanted, known, by_number);

	if (!found) {
		name = xalloc(NULL, sizeof(*name));
		*name = (struct name){ of, ask(of) };
		found = tsearch(name, known, by_number);
		if (!found) {
			/* No memory to remember it. */
			char *text = name->text;

			free(name);
			return text;
		}
	}
	return xprintf("%s", (*found)->text);
}

char *format_user(uid_t uid)
{
	return look_up(&users, uid, user);
}

char *format_group(gid_t gid)
{
	return look_up(&groups, gid, group);
}

/* Returns the name of the process, to be freed; "" when it is gone. */
char *process_command(pid_t pid)
{
	return look_up(&processes, pid, command);
}

int parse_user(const char *text, uid_t *uid)
{
	const struct passwd *entry = getpwnam(text);
	uint64_t number;

	if (!entry && parse_decimal(text, UINT32_MAX - 1, &number))
		return -1;
	*uid = entry ? entry->pw_uid : (uid_t)number;
	return 0;
}

int parse_group(const char *text, gid_t *gid)
{
	const struct group *entry = getgrnam(text);
	uint64_t number;

	if (!entry && parse_decimal(text, UINT32_MAX - 1, &number))
		return -1;
	*gid = entry ? entry->gr_gid : (gid_t)number;
	return 0;
}

static void forget(void *name)
{
	free(((struct name *)name)->text);
	free(name);
}

void names_forget(void)
{
	tdestroy(users, forget);
	tdestroy(groups, forget);
	tdestroy(processes, forget);
	users = groups = processes = NULL;
}
