// SPDX-License-Identifier: GPL-2.0
/*
 * touch.c - what the memory itself costs: faults, page tables, kernel memory
 *
 * Touching 64 MiB takes longer than the timer leaves us alone, so it is
 * measured in parts that are all alike, and what is told is their median times
 * their number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "backend.h"

#define TOUCH_SIZE MIB(64)
/* More than a part with small pages takes, in nanoseconds. */
#define PART_NS 600000

struct touch {
	volatile char *at;
	size_t bytes;
	int id;
	char sink;
};

static void write_part(void *context)
{
	struct touch *t = context;
	size_t i;

	for (i = 0; i < t->bytes; i += PAGE)
		t->at[i] = 1;
}

static void read_part(void *context)
{
	struct touch *t = context;
	size_t i;

	for (i = 0; i < t->bytes; i += PAGE)
		t->sink += t->at[i];
}

OPERATION attach(enum bench_backend backend, struct touch *t)
{
	t->at = backend_attach(backend, t->id, TOUCH_SIZE);
}

EACH_BACKEND(attach);

OPERATION detach(enum bench_backend backend, struct touch *t)
{
	backend_detach(backend, (void *)t->at, TOUCH_SIZE);
}

EACH_BACKEND(detach);

static long faults(void)
{
	static struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Go over all of it in parts that take so many ticks each, and add up the faults. */
static void go_over(struct bench_samples *set, struct touch *t, size_t part, unsigned int ticks,
		    void (*run)(void *), long *count)
{
	volatile char *start = t->at;
	size_t done;

	t->bytes = part;
	for (done = 0; done < TOUCH_SIZE; done += part) {
		long before;

		t->at = start + done;
		if (!ticks)
			bench_wait_for_room(PART_NS);
		before = faults();
		if (ticks)
			bench_sample_long(set, ticks, run, t);
		else
			bench_sample(set, run, t);
		*count += faults() - before;
	}
	t->at = start;
}

static int create_segment(enum bench_backend backend, size_t size, bool small)
{
	if (small && backend == BENCH_XSHM)
		return xshm_get(IPC_PRIVATE, size, IPC_CREAT | 0600, XSHM_GET_SMALL);
	return backend_create(backend, IPC_PRIVATE, size);
}

/* Where all pages are small in any case, one figure serves both rows. */
static void touch_result(const char *name, enum bench_backend backend, bool small, double value,
			 const char *unit)
{
	char small_name[64];

	snprintf(small_name, sizeof(small_name), "%s_small", name);
	if (!small)
		bench_result(name, backend, value, unit);
	if (small || backend != BENCH_XSHM)
		bench_result(small_name, backend, value, unit);
}

/* An interrupt that can't be avoided costs now more, now less. */
static double four_digits(double value)
{
	double unit;

	for (unit = 1; value / unit >= 10000; unit *= 10)
		;
	return (uint64_t)(value / unit + 0.5) * unit;
}

static void touch_of(enum bench_backend backend, bool small)
{
	static struct bench_samples first, again;
	/* Zeroing a huge page takes a tick and can't be divided. */
	bool huge = backend == BENCH_XSHM && !small;
	size_t part = huge ? MIB(2) : KIB(128);
	struct touch t = { };
	long first_faults = 0, again_faults = 0;
	double attach_cost, parts = TOUCH_SIZE / part;
	int pass, passes = huge ? 3 : 1;

	/* So that no fault is the set's own. */
	memset(&first, 0, sizeof(first));
	memset(&again, 0, sizeof(again));
	for (pass = 0; pass < passes; pass++) {
		t.id = create_segment(backend, TOUCH_SIZE, small);
		attach_each[backend](&t);
		if (t.id < 0 || t.at == MAP_FAILED)
			bench_fail("64 MiB");
		go_over(&first, &t, part, huge, write_part, &first_faults);
		detach_each[backend](&t);

		attach_cost = bench_measure_n(attach_each[backend], detach_each[backend], &t, 51);
		attach_each[backend](&t);
		go_over(&again, &t, part, 0, read_part, &again_faults);
		detach_each[backend](&t);
		backend_remove(backend, t.id);
	}

	touch_result("first_touch_64m", backend, small,
		     four_digits(bench_samples_middle(&first) * parts), "");
	touch_result("first_touch_64m_faults", backend, small, (double)first_faults / passes,
		     "faults");
	touch_result("attach_read_64m", backend, small,
		     bench_samples_middle(&again) * parts + attach_cost, "");
	touch_result("attach_read_64m_faults", backend, small, (double)again_faults / passes,
		     "faults");
}

void bench_part_touch(void)
{
	enum bench_backend backend;

	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		if (!bench_wants(backend))
			continue;
		touch_of(backend, false);
		if (backend == BENCH_XSHM)
			touch_of(backend, true);
	}
}

/* A number after a name in a file such as /proc/meminfo. */
static long read_field(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	size_t length = strlen(name);
	char line[512];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, length))
			value = strtol(line + length, NULL, 10);
	}
	if (!f || value < 0)
		bench_fail(path);
	fclose(f);
	return value;
}

static void tables_of(enum bench_backend backend)
{
	size_t size = MIB(512);
	struct touch t = { .bytes = size };
	long before, after;

	t.id = create_segment(backend, size, false);
	before = read_field("/proc/self/status", "VmPTE:");
	t.at = backend_attach(backend, t.id, size);
	if (t.id < 0 || t.at == MAP_FAILED)
		bench_fail("512 MiB");
	write_part(&t);
	after = read_field("/proc/self/status", "VmPTE:");
	backend_detach(backend, (void *)t.at, size);
	backend_remove(backend, t.id);
	bench_result("page_tables_512m", backend, after - before, "kB");
}

void bench_part_tables(void)
{
	enum bench_backend backend;

	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		if (bench_wants(backend))
			tables_of(backend);
	}
}

/* Bytes that the kernel has taken for its own structures. */
static long kernel_bytes(void)
{
	static const char * const fields[] = { "Slab:", "VmallocUsed:", "Percpu:" };
	long sum = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		sum += read_field("/proc/meminfo", fields[i]);
	return sum << 10;
}

#define SEGMENTS 11000
#define SEGMENTS_FIRST 1000

enum segment_state { NEW, USED, ATTACHED };

static void segments_of(enum bench_backend backend, enum segment_state state, int count,
			const char *name)
{
	static int ids[32768];
	static void *addr[32768];
	long before = 0, after;
	int i;

	for (i = 0; i < count; i++) {
		/* The first ones are for what is made once. */
		if (i == SEGMENTS_FIRST)
			before = kernel_bytes();
		ids[i] = backend_create(backend, 0x62650000 + i, PAGE);
		if (ids[i] < 0)
			bench_fail("create many segments (shmmni?)");
		if (state == NEW)
			continue;
		addr[i] = backend_attach(backend, ids[i], PAGE);
		if (addr[i] == MAP_FAILED)
			bench_fail("attach many segments");
		if (state == USED)
			backend_detach(backend, addr[i], PAGE);
	}
	after = kernel_bytes();
	for (i = 0; i < count; i++) {
		if (state == ATTACHED)
			backend_detach(backend, addr[i], PAGE);
		backend_remove(backend, ids[i]);
	}
	bench_result(name, backend, (after - before) / (count - SEGMENTS_FIRST), "bytes");
}

void bench_part_segments(void)
{
	enum bench_backend backend;

	for (backend = 0; backend < BENCH_MEMFD; backend++) {
		if (!bench_wants(backend))
			continue;
		segments_of(backend, NEW, SEGMENTS, "segment_memory");
		segments_of(backend, USED, SEGMENTS, "segment_memory_used");
		segments_of(backend, ATTACHED, SEGMENTS, "segment_memory_attached");
	}
}
