// SPDX-License-Identifier: LGPL-2.1-or-later
/* The xshm command: which subcommand is asked for, and its help. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool.h"

#ifndef XSHM_RELEASE
#define XSHM_RELEASE	"0"
#endif

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "ls", cmd_ls,
"Usage: xshm ls [OPTION...] [ID...]\n"
"Lists the segments of this IPC namespace, or those named.\n"
"\n"
"  -A, --attached      who is attached: a line for each mapping, with process,\n"
"                      command and address (root sees everybody's)\n"
"  -O, --orphans       only segments that nobody uses: not attached, and the\n"
"                      process that made them is gone\n"
"  -t, --time          times of the last attach, detach and change\n"
"  -p, --pid           process that made it, process that attached last\n"
"  -c, --creator       creator and owner\n"
"  -a, --all           all columns\n"
"  -o, --output LIST   these columns, as in -o shmid,size,res; +LIST adds\n"
"  -b, --bytes         sizes in bytes\n"
"  -J, --json          as JSON      (sizes in bytes, times in seconds of 1970)\n"
"  -r, --raw           as plain text without alignment (the same)\n"
"  -n, --noheadings    no line of headings\n"
"  -u, --summary       only totals     (ipcs -mu)\n"
"  -l, --limits        only limits     (ipcs -ml; see xshm limits)\n"
"  -i, --id ID         all about one   (ipcs -mi; see xshm stat)\n"
"\n"
"STATUS: dest: marked for destruction, goes with its last detach; locked: not\n"
"swapped out; orphan: see -O.   RES, SWAP, HUGE: bytes that are in memory,\n"
"swapped out, and in huge pages now.   PAGE: size of a page of its own.\n"
"\n"
"Columns:\n" },
	{ "stat", cmd_stat,
"Usage: xshm stat [-b] [-J] ID... | --key KEY\n"
"Shows all about a segment, and who is attached to it.\n"
"\n"
"  -k, --key KEY       the segment with that key\n"
"  -b, --bytes         sizes in bytes only\n"
"  -J, --json          as JSON\n" },
	{ "rm", cmd_rm,
"Usage: xshm rm [OPTION...] ID... | --key KEY | --all | CONDITION...\n"
"Removes segments. One that is attached loses its key at once, and goes with\n"
"its last detach. Needs the owner, the creator, or root.\n"
"\n"
"  -k, --key KEY       the segment with that key (may be repeated; also -M)\n"
"  -m, --id ID         the segment with that id, as ipcrm writes it\n"
"  -a, --all           all that you may remove; as root: everybody's\n"
"  -n, --dry-run       only say what would be removed\n"
"  -q, --quiet         do not say what is removed\n"
"  -J, --json          say it as JSON\n"
"\n"
"Conditions, which all must hold; what is attached is left alone:\n"
"  -O, --orphans       nobody uses it: not attached, maker gone\n"
"      --older TIME    detached last longer ago than TIME (90s, 10m, 2h, 1d, 1w);\n"
"                      never attached: made or changed longer ago\n"
"      --owner USER    USER, a name or a number, owns it\n"
"      --size [+-]SIZE this size; with + larger, with - smaller\n"
"      --attached      also what is attached\n"
"\n"
"Exit status: 0 all removed, 1 one could not be removed, 2 wrong usage.\n" },
	{ "mk", cmd_mk,
"Usage: xshm mk [OPTION...] SIZE\n"
"Makes a segment and prints its id. SIZE in bytes, or with K, M, G, T.\n"
"\n"
"  -k, --key KEY       its key (default: none, only the id leads to it)\n"
"  -p, --mode MODE     permissions, octal (default 0644)\n"
"      --huge          transparent huge pages wherever they fit\n"
"      --small         small pages only\n"
"      --hugetlb[=SIZE]      pages of the hugetlb pool, of that size (2M, 1G)\n"
"      --try-hugetlb[=SIZE]  the same if there are enough, else --huge\n"
"      --populate      allocate all pages now\n"
"      --noreserve     promise no memory for it\n"
"\n"
"As xshm ends at once, the segment counts as an orphan until it is attached.\n" },
	{ "apply", cmd_apply,
"Usage: xshm apply [-nqJ] [FILE...]\n"
"Makes the segments that are declared in FILE, or in *.conf of /etc/xshm.d,\n"
"/run/xshm.d and /usr/lib/xshm.d, and corrects their mode, owner and group.\n"
"Contents and sizes are never touched. See man xshm.d for the lines.\n"
"\n"
"  -n, --check         only say what differs\n"
"  -q, --quiet         do not say what is made or corrected\n"
"  -J, --json          as JSON\n"
"\n"
"Exit status: 0 all is as declared, 1 something is not (with --check: before\n"
"anything is done) or a line is wrong, 2 wrong usage.\n" },
	{ "limits", cmd_limits,
"Usage: xshm limits [-J | -r] [NAME[=VALUE]...]\n"
"Shows the limits and policies of this IPC namespace, or sets them (as root).\n"
"VALUE may have K, M, G, T; for shmall these are bytes, else it is pages.\n"
"\n"
"  -J, --json          as JSON\n"
"  -r, --raw           as plain text without alignment\n"
"  -n, --noheadings    no line of headings\n"
"\n"
"What is set is lost at a restart: to keep it, write 'xshm.NAME = VALUE' to\n"
"/etc/sysctl.d/xshm.conf.\n" },
	{ "top", cmd_top,
"Usage: xshm top [-d SECONDS] [-n COUNT] [-s COLUMN] [-b]\n"
"Shows the segments, the largest first, again and again.\n"
"\n"
"  -d, --delay SECONDS   time between two pictures (default 2)\n"
"  -n, --count COUNT     end after so many\n"
"  -s, --sort COLUMN     shmid, size, res, swap, huge or nattch (default res)\n"
"  -b, --batch           plain text, for ever; without a terminal: once\n"
"\n"
"Keys: q quit, s next sort column, r reverse, o only orphans, space now.\n" },
	{ "run", cmd_run,
"Usage: xshm run [OPTION...] [--] COMMAND [ARG...]\n"
"Runs COMMAND with its System V shared memory on xshm, without changing it:\n"
"as it is where the system calls are served (see xshm sysv), else with a\n"
"library preloaded, or traced if it is static or of another C library.\n"
"\n"
"  -t, --trace         trace it in any case, as for raw system calls (Go)\n"
"  -f, --fallback      without xshm, use the kernel's own segments (default:\n"
"                      refuse, as two programs would not share)\n"
"  -s, --strict        as an ordinary user, too, the kernel's own calls fail in\n"
"                      children that lose the library; set-uid ones then gain\n"
"                      no privileges (root has that without this option)\n"
"  -p, --private       in an IPC namespace of its own, whose segments end with it\n"
"  -O, --owner-bound   segments made by COMMAND are removed when it is gone\n"
"  -T, --no-tables     do not put xshm's tables over /proc/sysvipc/shm and\n"
"                      /proc/sys/kernel/shm* (done as root only, in a mount\n"
"                      namespace of its own; then ipcs, lsipc, ipcrm show xshm)\n"
"  -v, --verbose       say by which way, and why\n"
"\n"
"Exit status: COMMAND's; 125 if xshm can't be used, 126 if COMMAND can't be\n"
"run so, 127 if there is no such command, 2 wrong usage.\n" },
	{ "sysv", cmd_sysv,
"Usage: xshm sysv [-A] [-J] | on | off\n"
"Says whether xshm serves the system calls shmget, shmat, shmdt and shmctl in\n"
"this IPC namespace, so that every program uses it unchanged and without xshm\n"
"run; or switches that on or off here (as root of the machine). The module\n"
"xshm_sysv does it: modprobe xshm_sysv.\n"
"\n"
"  -A, --all           each IPC namespace that a process is in, and segments\n"
"                      there: of xshm, and of the kernel's own\n"
"  -J, --json          as JSON\n"
"\n"
"hooks: functions of the kernel that lead to xshm. refused: why the module could\n"
"not be loaded when it was last tried, from the kernel log.\n"
"Switched off, segments that were made stay usable; new ones are the kernel's.\n" },
};

static void help(void)
{
	static const char text[] =
"Usage: xshm COMMAND [OPTION...] [ARG...]\n"
"Shows and manages xshm's shared memory segments.\n"
"\n"
"  xshm ls                 list the segments        (--attached: who uses them)\n"
"  xshm stat ID            all about one segment\n"
"  xshm rm ID...           remove segments          (--key KEY, --orphans, --all)\n"
"  xshm mk SIZE            make a segment, print its id\n"
"  xshm apply              make what /etc/xshm.d declares   (--check: compare)\n"
"  xshm limits             show limits              (NAME=VALUE sets one)\n"
"  xshm top                watch the segments\n"
"  xshm run -- COMMAND     run a program with its shared memory on xshm\n"
"  xshm sysv               are the system calls served?    (on, off)\n"
"\n"
"  xshm COMMAND --help     more about one of them; also: man xshm\n"
"  xshm --version\n"
"\n"
"To find and remove what a dead program left behind:\n"
"  xshm ls                 STATUS says 'orphan': nobody is attached, and the\n"
"                          process that made it is gone\n"
"  xshm rm 32769           remove it by the number in column SHMID, or\n"
"  xshm rm --orphans       remove all of them (--dry-run: only show them)\n";

	fputs(text, stdout);
}

/* Names that others have chosen are in it: all of it is made harmless. */
static void put_error(const char *fmt, va_list args)
{
	char *text, *harmless;

	if (vasprintf(&text, fmt, args) < 0) {
		fputs("out of memory", stderr);
		return;
	}
	harmless = text_harmless(text);
	fputs(harmless, stderr);
	free(harmless);
	free(text);
}

void complain(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	fflush(stdout);
	fputs("xshm: ", stderr);
	va_start(args, fmt);
	/* For %m. */
	errno = err;
	put_error(fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* One line; returns the exit status, for 'return usage_error(...)'. */
int usage_error(const char *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "xshm%s%s: ", command ? " " : "", command ? command : "");
	va_start(args, fmt);
	put_error(fmt, args);
	va_end(args);
	fprintf(stderr, "; see xshm%s%s --help\n", command ? " " : "",
		command ? command : "");
	return EXIT_USAGE;
}

/* getopt_long() is told to be silent; say in one line what it found. */
void help_on_option(const char *command, int opt, char **argv)
{
	extern int optind, optopt;
	const char *word = argv[optind - 1];

	if (opt == ':')
		usage_error(command, "%s needs a value", word);
	else if (optopt && strncmp(word, "--", 2))
		usage_error(command, "unknown option -%c", optopt);
	else if (optopt)
		usage_error(command, "%s takes no value", word);
	else
		usage_error(command, "unknown option %s", word);
}

static void out_of_memory(void)
{
	/* Without complain(), which needs some. */
	fputs("xshm: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

void *xalloc(void *old, size_t bytes)
{
	void *new = realloc(old, bytes ? bytes : 1);

	if (!new)
		out_of_memory();
	return new;
}

char *xprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return text;
}

/* A full disk or a closed pipe must not look like success. */
int finish_output(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain("can't write: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int command_help(const struct command *command)
{
	fputs(command->help, stdout);
	if (!strcmp(command->name, "ls"))
		ls_columns_help();
	return finish_output();
}

/* --help of a subcommand, unless it comes behind the command that run runs. */
static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return usage_error(NULL, "a command is missing");
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		help();
		return finish_output();
	}
	if (!strcmp(name, "help") && argc == 2) {
		help();
		return finish_output();
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("xshm " XSHM_RELEASE " (ABI %d)\n", XSHM_ABI_VERSION);
		return finish_output();
	}
	if (!strcmp(name, "help"))
		name = argv[2];
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name))
			continue;
		if (name != argv[1] || wants_help(argc - 1, argv + 1))
			return command_help(&commands[i]);
		return commands[i].run(argc - 1, argv + 1);
	}
	return usage_error(NULL, "unknown %s %s", *name == '-' ? "option" : "command", name);
}
