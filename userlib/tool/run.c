// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm run: a program, unchanged, with its shared memory on xshm. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sysv.h"
#include "tool.h"

static const struct option options[] = {
	{ "trace", no_argument, NULL, 't' },
	{ "fallback", no_argument, NULL, 'f' },
	{ "strict", no_argument, NULL, 's' },
	{ "private", no_argument, NULL, 'p' },
	{ "owner-bound", no_argument, NULL, 'O' },
	{ "no-tables", no_argument, NULL, 'T' },
	{ "verbose", no_argument, NULL, 'v' },
	{}
};

struct wishes {
	bool trace, fallback, strict, private, owner_bound, no_tables, verbose;
};

static int run_program(const char *path, char **argv)
{
	int err;

	execvp(path, argv);
	err = errno;
	complain("can't run %s: %s", argv[0], strerror(err));
	return err == ENOENT ? EXIT_NOTFOUND : EXIT_NOEXEC;
}

/*
 * Whether the program can be run on xshm as asked, and whether by the tracer; 0, or the exit
 * status after a message.
 */
static int choose_door(const char *name, const char *path, const struct program *program,
		       bool *trace, const char **why)
{
	const char *script = strcmp(path, program->path) ? program->path : NULL;
	const char *via = script ? ", run by " : "", *by = script ? script : "";
	int err;

	*why = *trace ? "as asked" : NULL;
	switch (program->kind) {
	case PROGRAM_PRIVILEGED:
		complain("%s%s%s is %s: Linux neither preloads into it nor lets it be traced, so "
			 "that its caller gains no rights over it; run it as its owner",
			 name, via, by, program->privilege);
		return EXIT_NOEXEC;
	case PROGRAM_FOREIGN:
		complain("%s%s%s is for another kind of machine", name, via, by);
		return EXIT_NOEXEC;
	case PROGRAM_UNREADABLE:
		err = errno;
		if (*trace && err != EACCES)
			return 0;
		if (*trace)
			complain("%s%s%s may be executed but not read: Linux then lets nobody look "
				 "into it, nor trace it; run it as its owner", name, via, by);
		else
			complain("%s%s%s can't be read to see what kind of program it is: %s",
				 name, via, by, strerror(err));
		return EXIT_NOEXEC;
	case PROGRAM_STATIC:
	case PROGRAM_OTHER:
		if (*trace)
			return 0;
		*why = program->kind == PROGRAM_STATIC ?
			"a static program, which LD_PRELOAD does not reach" :
			xprintf("loaded by %s, which has no use for a library that is made for "
				"the GNU C library", program->loader);
		*trace = trace_supported();
		if (*trace)
			return 0;
		complain("%s%s%s is %s; and there is no tracer for this kind of machine", name,
			 via, by, *why);
		return EXIT_NOEXEC;
	case PROGRAM_DYNAMIC:
		break;
	}
	return 0;
}

static bool parse(int argc, char **argv, struct wishes *wishes)
{
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:tfspOTv", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			wishes->trace = true;
			break;
		case 'f':
			wishes->fallback = true;
			break;
		case 's':
			wishes->strict = true;
			break;
		case 'p':
			wishes->private = true;
			break;
		case 'O':
			wishes->owner_bound = true;
			break;
		case 'T':
			wishes->no_tables = true;
			break;
		case 'v':
			wishes->verbose = true;
			break;
		default:
			help_on_option("run", opt, argv);
			return false;
		}
	}
	return true;
}

/* Sets up what is inherited, and becomes the command. */
static int run_on_xshm(const char *path, char **argv, const struct program *program,
		       const struct wishes *wishes, bool served)
{
	/* None may come in from outside: what it says is decided here. */
	unsetenv("XSHM_FALLBACK");
	unsetenv("XSHM_OWNER_BOUND");
	if (!wishes->trace) {
		if (preload_environment(program->bits) ||
		    (wishes->fallback && setenv("XSHM_FALLBACK", "1", 1)) ||
		    (wishes->owner_bound && setenv("XSHM_OWNER_BOUND", "1", 1)))
			return EXIT_RUN;
	}
	/* Where the calls are served, the kernel's files show xshm already. */
	if (!wishes->no_tables && !served)
		tables_bind(wishes->verbose);
	if (wishes->trace && trace_start(wishes->owner_bound))
		return EXIT_RUN;
	/* A child that is served, or was promised the kernel's own, must get it. */
	if (!wishes->trace && !wishes->fallback && !served &&
	    follow_guard(wishes->strict, wishes->verbose, argv))
		return EXIT_RUN;
	return run_program(path, argv);
}

int cmd_run(int argc, char **argv)
{
	struct wishes wishes = {};
	struct program program;
	const char *why;
	char *path, *trouble;
	bool served;
	int status;

	if (!parse(argc, argv, &wishes))
		return EXIT_USAGE;
	argv += optind;
	if (!*argv)
		return usage_error("run", "a command is missing");
	if (wishes.strict && wishes.fallback)
		return usage_error("run", "--strict and --fallback exclude each other");
	if (wishes.trace && !trace_supported()) {
		complain("--trace is not made for this kind of machine yet");
		return EXIT_RUN;
	}

	path = program_find(argv[0]);
	if (!path) {
		bool exists = errno == EACCES;

		complain(exists ? "can't run %s: it is not executable" : "there is no command %s",
			 argv[0]);
		return exists ? EXIT_NOEXEC : EXIT_NOTFOUND;
	}
	if (wishes.private && private_enter())
		return EXIT_RUN;

	served = sysv_served() > 0;
	if (served && !wishes.owner_bound && !wishes.trace) {
		if (wishes.verbose)
			complain("not needed: the system calls of this IPC namespace are served "
				 "by xshm, see xshm sysv");
		return run_program(path, argv);
	}

	trouble = device_trouble();
	if (trouble && wishes.fallback) {
		complain("%s; going on with the kernel's own shared memory", trouble);
		return run_program(path, argv);
	}
	if (trouble) {
		complain("%s", trouble);
		return EXIT_RUN;
	}

	program_inspect(path, &program);
	status = choose_door(argv[0], path, &program, &wishes.trace, &why);
	if (status)
		return status;
	if (wishes.verbose && wishes.trace)
		complain("tracing %s: %s", path, why);
	else if (wishes.verbose)
		complain("preloading into %s", path);
	return run_on_xshm(path, argv, &program, &wishes, served);
}
