// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run: what the library can't follow. A child that has lost it, because its environment
 * was cleared or it is a static program, would share memory with others than its
 * parent does, and nobody would say so. So the kernel's own calls are made to fail, where
 * that takes nothing else away; where it would, what can be seen at the start is named.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "filter.h"
#include "tool.h"

/* They run what their arguments name. */
static const char *const launchers[] = {
	"env", "nice", "nohup", "setsid", "timeout", "stdbuf", "ionice", "chrt", "taskset",
	"numactl", "prlimit", "setarch", "unshare", "setpriv", "time",
};

static const char *base_name(const char *path)
{
	const char *base = strrchr(path, '/');

	return base ? base + 1 : path;
}

static bool is_launcher(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(launchers); i++)
		if (!strcmp(name, launchers[i]))
			return true;
	return false;
}

static void name_cleared(char **argv)
{
	for (size_t i = 1; argv[i] && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-") && strcmp(argv[i], "-i") &&
		    strcmp(argv[i], "--ignore-environment"))
			continue;
		complain("not followed: what env %s starts, as it clears LD_PRELOAD; "
			 "--trace follows it, --strict stops its calls", argv[i]);
		return;
	}
}

static void name_program(const char *word)
{
	char *path = program_find(word);
	struct program program;

	if (!path)
		return;
	program_inspect(path, &program);
	if (program.kind == PROGRAM_PRIVILEGED)
		complain("not followed: %s is %s, so Linux does not preload into it", word,
			 program.privilege);
	else if (program.kind == PROGRAM_STATIC || program.kind == PROGRAM_OTHER)
		complain("not followed: %s is %s; --trace follows it, --strict stops its calls",
			 word, program.kind == PROGRAM_STATIC ? "a static program" :
			 "of another C library");
	free(path);
}

/* For a command that is preloaded. Returns 0, or -1 after a message. */
int follow_guard(bool strict, bool verbose, char **argv)
{
	if (strict || filter_allowed()) {
		if (!filter_install(false, strict))
			return 0;
		if (strict) {
			complain("can't stop the kernel's own calls with a seccomp filter: %s",
				 strerror(errno));
			return -1;
		}
	} else {
		errno = EPERM;
	}
	if (verbose)
		complain("a child that loses the library uses the kernel's own segments: "
			 "can't stop it%s: %s", errno == EPERM ? " without --strict" : "",
			 strerror(errno));
	if (!is_launcher(base_name(argv[0])))
		return 0;
	if (!strcmp(base_name(argv[0]), "env"))
		name_cleared(argv);
	for (size_t i = 1; argv[i]; i++)
		name_program(argv[i]);
	return 0;
}
