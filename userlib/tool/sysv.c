// SPDX-License-Identifier: LGPL-2.1-or-later
/* xshm sysv: whether xshm serves the system calls themselves, and the switch. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "sysv.h"
#include "tool.h"

/* 1 or 0; -1 with errno, ENOENT where the module isn't loaded. */
int sysv_served(void)
{
	int fd = open(SYSV_SWITCH, O_RDONLY | O_CLOEXEC), served;
	char value;
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, &value, 1);
	served = got == 1 ? value == '1' : -1;
	close(fd);
	return served;
}

/* Also where /proc/sys is hidden. */
static bool is_loaded(void)
{
	FILE *file;
	char name[64];
	bool found = false;

	if (!access(SYSV_SWITCH, F_OK))
		return true;
	file = fopen("/proc/modules", "re");
	while (!found && file && fscanf(file, "%63s%*[^\n]", name) == 1)
		found = !strcmp(name, "xshm_sysv");
	if (file)
		fclose(file);
	return found;
}

static const char *how_to_load(void)
{
	static char text[256];
	struct utsname uts;

	if (uname(&uts))
		strcpy(uts.release, "RELEASE");
	snprintf(text, sizeof(text),
		 "as root, modprobe xshm_sysv (or insmod build/%s/xshm_sysv.ko)", uts.release);
	return text;
}

/* Who answers where xshm does not. */
static const char *others(void)
{
	struct shm_info info;

	return syscall(SYS_shmctl, 0, SHM_INFO, &info) < 0 && errno == ENOSYS ? "none" : "kernel";
}

static int switch_to(const char *word)
{
	int err = write_text(SYSV_SWITCH, strcmp(word, "on") ? "0" : "1");

	switch (err) {
	case 0:
		return EXIT_SUCCESS;
	case ENOENT:
		if (is_loaded())
			complain("no " SYSV_SWITCH ": is /proc mounted?");
		else
			complain("xshm_sysv is not loaded: %s", how_to_load());
		break;
	case EACCES:
	case EPERM:
		complain("no permission to switch it %s: only root of the machine may, not of a "
			 "container", word);
		break;
	case EROFS:
		complain("/proc/sys is read-only here (a container?): switch it %s from outside, "
			 "with nsenter --ipc", word);
		break;
	default:
		complain("can't switch it %s: %s", word, strerror(err));
	}
	return EXIT_FAILURE;
}

static void print_wrapped(const char *name, char **words, size_t count)
{
	size_t column = 0;

	for (size_t i = 0; i < count; i++) {
		if (!i || column + strlen(words[i]) > 76) {
			printf("%s%-11s", i ? ",\n" : "", i ? "" : name);
			column = 11;
		} else {
			column += printf(", ");
		}
		column += printf("%s", words[i]);
	}
	putchar('\n');
}

static void print_text(const struct sysv *sysv)
{
	const char *other = strcmp(sysv->calls, "none") ? "the kernel's own segments" :
			    "ENOSYS (Function not implemented)";
	char *harmless;

	if (sysv->served > 0)
		printf("calls      served by xshm in this IPC namespace\n");
	else if (!sysv->served)
		printf("calls      not served in this IPC namespace: %s\n", other);
	else
		printf("calls      not known: can't read " SYSV_SWITCH ": %s\n",
		       strerror(sysv->error));
	if (!sysv->loaded)
		printf("module     xshm_sysv is not loaded: %s\n", how_to_load());
	else
		printf("module     xshm_sysv is loaded; new IPC namespaces are %s\n",
		       sysv->new_served < 0 ? "as its parameter serve says" :
		       sysv->new_served ? "served" : "not served");
	if (sysv->segments >= 0)
		printf("segments   %ld of xshm", sysv->segments);
	else
		printf("segments   xshm is not loaded");
	if (sysv->kernel_segments >= 0)
		printf(", %ld of the kernel's own", sysv->kernel_segments);
	putchar('\n');
	if (sysv->hook_count)
		print_wrapped("hooks", sysv->hooks, sysv->hook_count);
	else if (sysv->loaded)
		printf("hooks      all that are needed; root with tracefs mounted sees which\n");
	if (sysv->loaded)
		return;
	if (sysv->log_error)
		printf("refused    not known: can't read the kernel log: %s; as root, "
		       "dmesg | grep xshm_sysv\n", strerror(sysv->log_error));
	if (sysv->log_error || !sysv->refused)
		return;
	harmless = text_harmless(sysv->refused);
	printf("refused    %s\n", harmless);
	free(harmless);
}

static void print_number(const char *name, long value)
{
	if (value < 0)
		printf("      \"%s\": null,\n", name);
	else
		printf("      \"%s\": %ld,\n", name, value);
}

static void print_truth(const char *name, int value)
{
	printf("      \"%s\": %s,\n", name, value < 0 ? "null" : value ? "true" : "false");
}

static void print_json(const struct sysv *sysv)
{
	char *text = NULL;

	printf("{\n   \"sysv\": {\n");
	print_truth("served", sysv->served);
	printf("      \"calls\": \"%s\",\n", sysv->calls);
	print_truth("loaded", sysv->loaded);
	print_truth("new_served", sysv->new_served);
	print_number("segments", sysv->segments);
	print_number("kernel_segments", sysv->kernel_segments);
	printf("      \"hooks\": ");
	for (size_t i = 0; i < sysv->hook_count; i++)
		printf("%s\n         \"%s\"", i ? "," : "[", sysv->hooks[i]);
	puts(sysv->hook_count ? "\n      ]," : "null,");
	if (sysv->refused)
		json_text(&text, sysv->refused);
	printf("      \"refused\": %s\n   }\n}\n", text ? text : "null");
	free(text);
}

static int show(bool json)
{
	struct sysv sysv = { .loaded = is_loaded(), .served = sysv_served() };

	if (sysv.served < 0) {
		sysv.error = errno;
		/* Not there is not served. */
		if (!sysv.loaded)
			sysv.served = 0;
	}
	sysv.calls = sysv.served > 0 ? "xshm" : others();
	sysv_look(&sysv);
	if (json)
		print_json(&sysv);
	else
		print_text(&sysv);
	sysv_free(&sysv);
	return finish_output();
}

static const struct option options[] = {
	{ "all", no_argument, NULL, 'A' },
	{ "json", no_argument, NULL, 'J' },
	{}
};

int cmd_sysv(int argc, char **argv)
{
	bool json = false, all = false;
	int opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":AJ", options, NULL)) != -1) {
		switch (opt) {
		case 'A':
			all = true;
			break;
		case 'J':
			json = true;
			break;
		default:
			help_on_option("sysv", opt, argv);
			return EXIT_USAGE;
		}
	}
	argv += optind;
	if (!*argv)
		return all ? sysv_namespaces(json ? TABLE_JSON : TABLE_HUMAN) : show(json);
	if (argv[1] || (strcmp(*argv, "on") && strcmp(*argv, "off")))
		return usage_error("sysv", "'%s' is neither on nor off", argv[1] ? argv[1] : *argv);
	if (json || all)
		return usage_error("sysv", "no option goes with on and off");
	return switch_to(*argv);
}
