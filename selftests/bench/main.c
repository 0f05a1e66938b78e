// SPDX-License-Identifier: GPL-2.0
/*
 * bench - measure xshm beside System V shared memory and memfd
 *
 * scripts/bench runs it and makes tables of what it prints.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xshm.h>

#include "bench.h"

int bench_samples = 101;
const char *bench_label;
unsigned int bench_only = (1 << BENCH_BACKENDS) - 1;

static const char * const backend_names[] = { "sysv", "xshm", "memfd" };

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "calls", bench_part_calls },
	{ "fork", bench_part_fork },
	{ "touch", bench_part_touch },
	{ "tables", bench_part_tables },
	{ "segments", bench_part_segments },
	{ "scaling", bench_part_scaling },
	{ "contention", bench_part_contention },
};

bool bench_wants(enum bench_backend backend)
{
	return bench_only & 1 << backend;
}

void bench_result(const char *operation, enum bench_backend backend, double value,
		  const char *unit)
{
	if (!*unit)
		unit = getenv("BENCH_ICOUNT") ? "instructions" : "ns";
	printf("result %s %s %.10g %s\n", operation,
	       bench_label ? bench_label : backend_names[backend], value, unit);
	fflush(stdout);
}

noreturn void bench_fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static enum bench_backend find_backend(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(backend_names); i++) {
		if (!strcmp(backend_names[i], name))
			return i;
	}
	fprintf(stderr, "bench: no backend '%s': sysv, xshm or memfd\n", name);
	exit(2);
}

static void usage(FILE *to)
{
	size_t i;

	fputs("Usage: bench [--samples N] [--only BACKEND] [--label NAME] PART...\n"
	      "       bench --profile OPERATION --only BACKEND\n"
	      "\n"
	      "Prints a line 'result OPERATION BACKEND VALUE UNIT' for each figure.\n"
	      "Parts:", to);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(to, " %s", parts[i].name);
	fputs("\n", to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "samples", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ "label", required_argument, NULL, 'l' },
		{ "profile", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *profile = NULL;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			bench_samples = atoi(optarg);
			break;
		case 'o':
			bench_only = 1 << find_backend(optarg);
			break;
		case 'l':
			bench_label = optarg;
			break;
		case 'p':
			profile = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (bench_samples < 1 || bench_samples > 4096 || (optind == argc && !profile)) {
		usage(stderr);
		return 2;
	}
	if (bench_wants(BENCH_XSHM) && xshm_unavailable()) {
		fprintf(stderr, "bench: %s\n", xshm_unavailable());
		return 1;
	}

	bench_calibrate();
	if (profile)
		bench_profile(profile, __builtin_ctz(bench_only));
	for (; optind < argc; optind++) {
		for (i = 0; i < ARRAY_SIZE(parts) && strcmp(parts[i].name, argv[optind]); i++)
			;
		if (i == ARRAY_SIZE(parts)) {
			fprintf(stderr, "bench: no part '%s'\n", argv[optind]);
			return 2;
		}
		parts[i].run();
	}
	return 0;
}
