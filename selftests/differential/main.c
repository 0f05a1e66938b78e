// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - compares xshm with the kernel's own calls
 *
 * Without arguments it does what make check wants; --help tells the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <xshm.h>

#include "differential.h"

static struct side *side[2];
static struct sequence sequence;
static unsigned long operations;
static int failures, shrink_seconds = 90;
static bool served;

static void usage(void)
{
	puts("Usage: differential [--seed N|random] [--operations N] [--length N]\n"
	     "                    [--sequence N] [--keep-going] [--no-shrink] [--served]\n"
	     "\n"
	     "Carries out random operations on xshm and on the kernel's own System V\n"
	     "calls, and compares all that can be seen. Needs root.\n"
	     "\n"
	     "  --seed N        of the random operations (1; environment XSHM_SEED)\n"
	     "  --operations N  how many to compare (100000; XSHM_OPERATIONS)\n"
	     "  --seconds N     end then even if fewer were compared (150; 0: never)\n"
	     "  --length N      operations in a sequence, at most 1176 (1100)\n"
	     "  --sequence N    only that sequence of the seed, and print it\n"
	     "  --keep-going    do not end at the first difference\n"
	     "  --no-shrink     print sequences as they are\n"
	     "  --served        compare system calls that xshm serves with those that it\n"
	     "                  doesn't; with XSHM_SERVED in the environment, too\n"
	     "  --outcomes      print how many of the operations succeeded");
}

/* Nobody was there to do it, or nothing to do it to: nothing was compared. */
static bool left_out(const struct record *record)
{
	return record->result == -ESRCH || record->result == -EDEADLK;
}

/* Counts what ran on both sides; true if all of it was the same. */
static bool compare(void)
{
	int difference = first_difference(side);
	int end = difference < 0 ? sequence.count : difference;

	for (int i = 0; i < end; i++)
		operations += !left_out(&side[0]->record[i]);
	return difference < 0;
}

/* What the operations came to, which shows whether they are worth comparing. */
static unsigned long outcomes[CALLS][2];

static void count_outcomes(void)
{
	for (int i = 0; i < sequence.count; i++)
		if (!left_out(&side[0]->record[i]))
			outcomes[sequence.ops[i].call][side[0]->record[i].result < 0]++;
}

static void print_outcomes(void)
{
	printf("# %-20s %10s %10s\n", "operation", "succeeded", "failed");
	for (int call = 0; call < CALLS; call++)
		printf("# %-20s %10lu %10lu\n", call_name(call), outcomes[call][0],
		       outcomes[call][1]);
}

static void report(const char *what)
{
	fprintf(stderr, "# %s\n", what);
	if (shrink_seconds) {
		shrink(&sequence, side, shrink_seconds);
		if (first_difference(side) < 0)
			fprintf(stderr, "# it does not differ every time\n");
	}
	print_case(stdout, side);
	fflush(stdout);
	failures++;
}

static bool test_cases(void)
{
	int number;

	for (number = 0; cases[number]; number++) {
		sequence = *cases[number];
		sequence.flags &= ~SEQUENCE_SERVED;
		sequence.flags |= served ? SEQUENCE_SERVED : 0;
		run_sides(&sequence, side);
		if (!compare()) {
			print_case(stdout, side);
			break;
		}
	}
	printf("%sok 1 sequences that once differed\n", cases[number] ? "not " : "");
	return !cases[number];
}

/* Bound by the skip of the kernel's own calls, as of a kernel without them. */
static const char *unavailable(void)
{
	if (access("/dev/xshm", F_OK))
		return "no /dev/xshm: xshm.ko is not loaded";
	/* With them there are semaphores, of which xshm has none. */
	if (access("/proc/sysvipc/sem", F_OK))
		return "this kernel has no System V shared memory";
	if (served && access("/proc/sys/xshm/sysv", F_OK))
		return "the system calls are not served: xshm_sysv.ko is not loaded";
	if (geteuid() != 0)
		return "needs root";
	return NULL;
}

static unsigned long number_of(const char *text)
{
	char *end;
	unsigned long number;

	if (!strcmp(text, "random")) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			number = time(NULL);
		return number % 1000000000;
	}
	number = strtoul(text, &end, 0);
	if (!*text || *end) {
		fprintf(stderr, "differential: not a number: %s\n", text);
		exit(2);
	}
	return number;
}

static unsigned long number_from(const char *variable, const char *otherwise)
{
	const char *text = getenv(variable);

	return number_of(text && *text ? text : otherwise);
}

/*
 * Since 6.14 a fault of a small segment may take several pages, which System V's
 * never does: residence is compared without. The machine's setting comes back at
 * the end, but not from what was forked meanwhile.
 */
static const char shmem_enabled[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
static char huge_pages[16];
static pid_t first_process;

static void write_huge_pages(const char *setting)
{
	int fd = open(shmem_enabled, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, setting, strlen(setting)) < 0)
		fprintf(stderr, "differential: %s: %s\n", shmem_enabled, strerror(errno));
	close(fd);
}

static void restore_huge_pages(void)
{
	if (getpid() == first_process)
		write_huge_pages(huge_pages);
}

static void refuse_huge_pages(void)
{
	FILE *f = fopen(shmem_enabled, "r");

	/* The one in brackets; PREEMPT_RT has none. */
	if (!f)
		return;
	if (fscanf(f, "%*[^[][%15[a-z_]", huge_pages) == 1) {
		first_process = getpid();
		atexit(restore_huge_pages);
		write_huge_pages("deny");
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' }, { "operations", 1, NULL, 'o' },
		{ "length", 1, NULL, 'l' }, { "seconds", 1, NULL, 't' },
		{ "sequence", 1, NULL, 'n' }, { "keep-going", 0, NULL, 'k' },
		{ "no-shrink", 0, NULL, 'x' }, { "outcomes", 0, NULL, 'c' },
		{ "served", 0, NULL, 'v' },
		{ "help", 0, NULL, 'h' }, {},
	};
	unsigned long seed, wanted, length = 1100, first = 0, seconds = 150;
	bool keep_going = false, show_outcomes = false, single = false, clock, cases_passed;
	struct timespec start, now;
	const char *why;
	char what[128];
	int option;

	if (argc == 4 && !strcmp(argv[1], "--resume")) {
		resume_after_exec(atoi(argv[2]), atoi(argv[3]));
		return 1;
	}
	seed = number_from("XSHM_SEED", "1");
	wanted = number_from("XSHM_OPERATIONS", "100000");
	served = getenv("XSHM_SERVED");
	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			seed = number_of(optarg);
			break;
		case 'o':
			wanted = number_of(optarg);
			break;
		case 'l':
			length = number_of(optarg);
			break;
		case 't':
			seconds = number_of(optarg);
			break;
		case 'n':
			first = number_of(optarg);
			single = true;
			break;
		case 'k':
			keep_going = true;
			break;
		case 'x':
			shrink_seconds = 0;
			break;
		case 'c':
			show_outcomes = true;
			break;
		case 'v':
			served = true;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13\n1..2");
	why = unavailable();
	if (why) {
		printf("ok 1 # SKIP %s\nok 2 # SKIP %s\n", why, why);
		return 0;
	}
	refuse_huge_pages();
	sides_init();
	if (allocate_side(&side[0]) || allocate_side(&side[1])) {
		printf("Bail out! no memory for the sides: %s\n", strerror(errno));
		return 1;
	}
	/* The clock of a real machine is left alone; /run/guest is scripts/guest's. */
	clock = !access("/run/guest/job", F_OK);

	cases_passed = test_cases();
	operations = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned long number = first; operations < wanted; number++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && (unsigned long)(now.tv_sec - start.tv_sec) >= seconds) {
			printf("# counted: after %lu s less than the %lu that were wanted\n",
			       seconds, wanted);
			break;
		}
		sequence.count = length;
		generate(&sequence, seed, number, clock, served);
		run_sides(&sequence, side);
		count_outcomes();
		if (single)
			print_case(stdout, side);
		if (!compare()) {
			snprintf(what, sizeof(what), "seed %lu, sequence %lu: a difference", seed,
				 number);
			report(what);
			if (!keep_going || failures >= 10)
				break;
		}
		if (single)
			break;
	}
	if (show_outcomes)
		print_outcomes();
	printf("# counted: %lu operations compared, seed %lu\n", operations, seed);
	printf("%sok 2 random operations\n", failures ? "not " : "");
	return failures || !cases_passed;
}
