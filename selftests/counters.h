/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own counters: what a test compares with must not come from the
 * module that it tests.
 */
#ifndef SELFTESTS_XSHM_COUNTERS_H
#define SELFTESTS_XSHM_COUNTERS_H

#include <sys/resource.h>

#include "common.h"

#define KIB	1024UL
#define MIB	(1024UL * KIB)
#define GIB	(1024UL * MIB)
#define HUGE_2M	(2 * MIB)

/* The number after "NAME:" (or "NAME ") in a file; -1 if there is no such line. */
static inline long read_field(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	size_t length = strlen(name);
	char line[512];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, length) && (line[length] == ':' || line[length] == ' '))
			value = strtol(line + length + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* In kB, but for the HugePages_ counts. */
static inline long meminfo(const char *name)
{
	return read_field("/proc/meminfo", name);
}

static inline long status_field(const char *name)
{
	return read_field("/proc/self/status", name);
}

static inline long vmstat(const char *name)
{
	return read_field("/proc/vmstat", name);
}

/* The number, in kB, of a field of /proc/self/smaps for the mapping at an address. */
static inline long smaps(const void *address, const char *name)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	size_t length = strlen(name);
	bool inside = false;
	char line[512];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)address && (uintptr_t)address < end;
		else if (inside && !strncmp(line, name, length) && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return value;
}

/* True if the mapping's line VmFlags has the two letters. */
static inline bool vm_flag(const void *address, const char *letters)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false, set = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)address && (uintptr_t)address < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			set = strstr(line, letters);
	}
	if (f)
		fclose(f);
	return set;
}

static inline long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Writes or reads a byte of each page of 4 kB; what it costs in minor faults. */
static inline long touch(char *p, size_t size)
{
	long before = minor_faults();

	for (size_t at = 0; at < size; at += 4096)
		*(volatile char *)(p + at) = 1 + at / 4096 % 100;
	return minor_faults() - before;
}

static inline long look(const char *p, size_t size)
{
	long before = minor_faults();

	for (size_t at = 0; at < size; at += 4096)
		(void)*(const volatile char *)(p + at);
	return minor_faults() - before;
}

/* The offset of the first page that touch() did not leave so; -1 if all are right. */
static inline long check_touched(const char *p, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		if (p[at] != (char)(1 + at / 4096 % 100))
			return at;
	return -1;
}

/* Memory that was freed may show as used until each processor's batch is flushed. */
#define SLACK_KB	512

/* Waits, for at most some seconds, until a count of /proc/meminfo is at most a value. */
static inline long meminfo_falls_to(const char *name, long value, int seconds)
{
	long now = meminfo(name);

	for (int i = 0; i < seconds * 20 && now > value; i++) {
		usleep(50000);
		now = meminfo(name);
	}
	return now;
}

/* The counts of a pool of huge pages, in pages of that size. */
struct pool {
	long total, free, reserved, surplus;
};

static inline struct pool pool_of(unsigned long page_size)
{
	static const char *const names[] = { "nr", "free", "resv", "surplus" };
	struct pool pool = { 0 };
	long *const values[] = { &pool.total, &pool.free, &pool.reserved, &pool.surplus };

	for (int i = 0; i < 4; i++) {
		char path[128];

		snprintf(path, sizeof(path),
			 "/sys/kernel/mm/hugepages/hugepages-%lukB/%s_hugepages",
			 page_size / KIB, names[i]);
		*values[i] = read_number(path);
	}
	return pool;
}

static inline long set_pool(unsigned long page_size, long count)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages",
		 page_size / KIB);
	if (write_number(path, count))
		return -1;
	return read_number(path);
}

#endif
