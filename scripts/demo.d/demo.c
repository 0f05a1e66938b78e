// SPDX-License-Identifier: GPL-2.0
/*
 * What make demo runs in the guest: one small program per verb, each a process
 * of its own that knows nothing but the segment's key.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "xshm.h"

#define MIB (1024UL * 1024)

/* The same program on either kind of shared memory. */
static const struct api {
	const char *name, *title;
	int (*get)(key_t key, size_t size, int flags);
	void *(*at)(int id, const void *addr, int flags);
	int (*dt)(const void *addr);
	int (*ctl)(int id, int cmd, struct shmid_ds *ds);
} apis[] = {
	{ "sysv", "kernel's own", shmget, shmat, shmdt, shmctl },
	{ "xshm", "xshm", xshmget, xshmat, xshmdt, xshmctl },
};

static const struct api *api;

static void fail(const char *what)
{
	fprintf(stderr, "demo: %s %s: %s\n", api->name, what, strerror(errno));
	exit(1);
}

static int find(key_t key, size_t size, int flags)
{
	int id = api->get(key, size, flags);

	if (id < 0)
		fail("get");
	return id;
}

static void *attach(int id)
{
	void *addr = api->at(id, NULL, 0);

	if (addr == (void *)-1)
		fail("attach");
	return addr;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* A number of a file in /proc that has lines such as "VmPTE:   96 kB". */
static long number(const char *file, const char *name)
{
	FILE *f = fopen(file, "r");
	size_t len = strlen(name);
	long value = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* Write numbers into a new segment, or read and check them in one found. */
static void exchange(const char *verb, key_t key, size_t size)
{
	int writing = !strcmp(verb, "write");
	int id = find(key, size, writing ? IPC_CREAT | IPC_EXCL | 0600 : 0);
	size_t i, wrong = 0, count = size / sizeof(uint64_t);
	long tables = number("/proc/self/status", "VmPTE");
	double start = now();
	long before = faults();
	uint64_t *data = attach(id);

	for (i = 0; i < count; i++) {
		if (writing)
			data[i] = i * 0x9e3779b97f4a7c15;
		else
			wrong += data[i] != i * 0x9e3779b97f4a7c15;
	}
	tables = number("/proc/self/status", "VmPTE") - tables;
	printf("  %-12s  %-5s  %5zu MiB  %8.1f ms  %11ld  %8ld kB  %s\n", api->title,
	       verb, size / MIB, (now() - start) * 1e3, faults() - before, tables,
	       writing ? "" : wrong ? "DAMAGED" : "intact");
	if (api->dt(data))
		fail("detach");
	if (wrong)
		exit(1);
}

/* Stay attached until the standard input ends. */
static void hold(key_t key)
{
	char *data = attach(find(key, 0, 0)), byte;

	puts("attached");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	printf("  the holder still reads '%s', and ends\n", data);
}

static void read_text(key_t key)
{
	char *data = attach(find(key, 0, 0));

	printf("%s\n", data);
}

static void create(key_t key, size_t size)
{
	char *data = attach(find(key, size, IPC_CREAT | IPC_EXCL | 0640));

	memset(data, 'x', size);
	strcpy(data, "hello from the creator");
}

static void pool(const char *when)
{
	static const char *const names[] = { "Total", "Free", "Rsvd" };
	char name[32];
	size_t i;

	printf("  %-34s", when);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "HugePages_%s", names[i]);
		printf("  %8ld", number("/proc/meminfo", name));
	}
	putchar('\n');
}

static void huge(key_t key, size_t size)
{
	char *data;
	int id;

	printf("  %-34s  %8s  %8s  %8s\n", "pool of 2 MiB pages", "total", "free",
	       "reserved");
	pool("before");
	id = find(key, size, IPC_CREAT | IPC_EXCL | SHM_HUGETLB | 0600);
	pool("segment created, nothing touched");
	data = attach(id);
	memset(data, 1, size / 2);
	pool("half of it written");
	if (api->dt(data) || api->ctl(id, IPC_RMID, NULL))
		fail("remove");
	pool("removed");
}

int main(int argc, char **argv)
{
	size_t i, size;
	key_t key;

	for (i = 0; argc >= 4 && i < sizeof(apis) / sizeof(*apis); i++)
		if (!strcmp(argv[1], apis[i].name))
			api = &apis[i];
	if (!api) {
		fprintf(stderr, "usage: demo sysv|xshm VERB KEY [MIB]\n");
		return 2;
	}
	key = strtol(argv[3], NULL, 0);
	size = (argc > 4 ? strtoul(argv[4], NULL, 0) : 0) * MIB;

	if (!strcmp(argv[2], "write") || !strcmp(argv[2], "read"))
		exchange(argv[2], key, size);
	else if (!strcmp(argv[2], "create"))
		create(key, size);
	else if (!strcmp(argv[2], "read-text"))
		read_text(key);
	else if (!strcmp(argv[2], "hold"))
		hold(key);
	else if (!strcmp(argv[2], "huge"))
		huge(key, size);
	else if (!strcmp(argv[2], "remove") && api->ctl(find(key, 0, 0), IPC_RMID, NULL))
		fail("remove");
	return 0;
}
