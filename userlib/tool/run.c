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
	{ "owner-bound", no_argument, NULL, 'O' },
	{ "no-tables", no_argument, NULL, 'T' },
	{ "verbose", no_argument, NULL, 'v' },
	{}
};

static int run_program(const char *path, char **argv)
{
	int err;

	execvp(path, argv);
	err = errno;
	complain("can't run %s: %s", argv[0], strerror(err));
	return err == ENOENT ? EXIT_NOTFOUND : EXIT_NOEXEC;
}

/* Whether the program can be run on xshm as asked; 0, or the exit status. */
static int check_program(const char *name, const char *path, const struct program *program,
			 bool trace)
{
	const char *script = strcmp(path, program->path) ? program->path : NULL;
	const char *via = script ? ", run by " : "", *by = script ? script : "";
	int err;

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
		if (trace && err != EACCES)
			return 0;
		if (trace)
			complain("%s%s%s may be executed but not read: Linux then lets nobody look "
				 "into it, nor trace it; run it as its owner", name, via, by);
		else
			complain("%s%s%s can't be read to see what kind of program it is: %s",
				 name, via, by, strerror(err));
		return EXIT_NOEXEC;
	case PROGRAM_STATIC:
		if (trace)
			return 0;
		complain("%s%s%s is a static program, which LD_PRELOAD does not reach: xshm run "
			 "--trace -- %s", name, via, by, name);
		return EXIT_NOEXEC;
	case PROGRAM_DYNAMIC:
		break;
	}
	return 0;
}

/* What can't be run as usual, but whose calls are served. */
static bool is_only_served(const char *path)
{
	char *trouble = device_trouble();
	struct program program;
	bool without = trouble;

	free(trouble);
	program_inspect(path, &program);
	return without || program.kind != PROGRAM_DYNAMIC;
}

int cmd_run(int argc, char **argv)
{
	bool trace = false, fallback = false, owner_bound = false, tables = true;
	bool verbose = false, served = sysv_served() > 0;
	struct program program;
	char *path, *trouble;
	int opt, status;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:tfOTv", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			trace = true;
			break;
		case 'f':
			fallback = true;
			break;
		case 'O':
			owner_bound = true;
			break;
		case 'T':
			tables = false;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			help_on_option("run", opt, argv);
			return EXIT_USAGE;
		}
	}
	argv += optind;
	if (!*argv)
		return usage_error("run", "a command is missing");
	if (trace && !trace_supported()) {
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

	if (verbose && served)
		complain("not needed: the system calls of this IPC namespace are served by xshm, "
			 "see xshm sysv");
	if (served && !owner_bound && !trace && is_only_served(path))
		return run_program(path, argv);

	trouble = device_trouble();
	if (trouble && fallback) {
		complain("%s; going on with the kernel's own shared memory", trouble);
		return run_program(path, argv);
	}
	if (trouble) {
		complain("%s", trouble);
		return EXIT_RUN;
	}

	program_inspect(path, &program);
	status = check_program(argv[0], path, &program, trace);
	if (status)
		return status;
	if (verbose && !served)
		complain("%s %s", trace ? "tracing" : "preloading into", path);
	/* None may come in from outside: what it says is decided here. */
	unsetenv("XSHM_FALLBACK");
	unsetenv("XSHM_OWNER_BOUND");
	if (!trace) {
		if (preload_environment(program.bits) ||
		    (fallback && setenv("XSHM_FALLBACK", "1", 1)) ||
		    (owner_bound && setenv("XSHM_OWNER_BOUND", "1", 1)))
			return EXIT_RUN;
	}
	/* Where the calls are served, the kernel's files show xshm already. */
	if (tables && !served)
		tables_bind(verbose);
	if (trace && trace_start(owner_bound))
		return EXIT_RUN;
	return run_program(path, argv);
}
