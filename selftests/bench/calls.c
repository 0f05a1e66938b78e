// SPDX-License-Identifier: GPL-2.0
/* calls.c - what the calls themselves cost, nothing touched */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"

struct calls {
	size_t size;
	key_t key;
	int id;
};

static const key_t calls_key = 0x62656e63;

/*
 * What mapping costs depends on where in a node of the kernel's tree of
 * mappings it happens, by several per cent. So it is measured with none to
 * fifteen more mappings in the process, and the mean is told. The process should be a new
 * one for each backend, as nodes keep the shape that they got.
 */
#define SHAPES 16
#define MOST_HOLES 4096

/* Between libraries there is room for some pages, and not in each program alike. */
static void fill_holes(void)
{
	static bool done;
	char *last = NULL, *addr;
	int i, run = 0;

	/* Full when one comes right below the other for longer than a library is. */
	for (i = 0; i < MOST_HOLES && run < 1024 && !done; i++) {
		addr = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (addr == MAP_FAILED)
			bench_fail("mmap");
		run = addr + PAGE == last ? run + 1 : 0;
		last = addr;
	}
	/*
	 * What is mapped next begins where no page table is yet: whether there
	 * is one decides whether unmapping walks it.
	 */
	if (!done && mmap(NULL, (uintptr_t)last % MIB(2), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0) == MAP_FAILED && errno != EINVAL)
		bench_fail("mmap");
	done = true;
}

static double measure_shapes(void (*run)(void *), void *context, int samples)
{
	void *filler[SHAPES];
	double sum = 0;
	int i;

	for (i = 0; i < SHAPES; i++) {
		sum += bench_measure_n(run, NULL, context, samples);
		/* Neighbours with different protection stay two mappings. */
		filler[i] = mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (filler[i] == MAP_FAILED)
			bench_fail("mmap");
	}
	for (i = 0; i < SHAPES; i++)
		munmap(filler[i], PAGE);
	return sum / SHAPES;
}

static double measure_mapping(void (*run)(void *), void *context)
{
	fill_holes();
	/* Nodes that were split stay so: the first time is not like those that follow. */
	measure_shapes(run, context, 1);
	return measure_shapes(run, context, bench_samples / 4 + 1);
}

OPERATION attach_detach(enum bench_backend backend, struct calls *c)
{
	backend_detach(backend, backend_attach(backend, c->id, c->size), c->size);
}

EACH_BACKEND(attach_detach);

OPERATION create_remove(enum bench_backend backend, struct calls *c)
{
	backend_remove(backend, backend_create(backend, c->key, c->size));
}

EACH_BACKEND(create_remove);

OPERATION find(enum bench_backend backend, struct calls *c)
{
	c->id = backend_find(backend, c->key);
}

EACH_BACKEND(find);

OPERATION stat_id(enum bench_backend backend, struct calls *c)
{
	backend_stat(backend, c->id);
}

EACH_BACKEND(stat_id);

/* A cycle as of a program that uses a segment once. */
OPERATION life(enum bench_backend backend, struct calls *c)
{
	int id = backend_create(backend, c->key, c->size);
	void *addr = backend_attach(backend, id, c->size);

	*(volatile char *)addr = 1;
	backend_detach(backend, addr, c->size);
	backend_remove(backend, id);
}

EACH_BACKEND(life);

static void calls_check(enum bench_backend backend, struct calls *c)
{
	void *addr = backend_attach(backend, c->id, c->size);

	if (addr == MAP_FAILED || backend_detach(backend, addr, c->size) ||
	    backend_stat(backend, c->id))
		bench_fail("the calls fail");
}

static void calls_of(enum bench_backend backend)
{
	struct calls c = { .size = KIB(4), .key = calls_key };
	/* The first segment of a machine has the id 0, which is a case of its own. */
	int first = backend_create(backend, IPC_PRIVATE, PAGE);

	c.id = backend_create(backend, c.key, c.size);
	if (c.id < 0)
		bench_fail("create 4 KiB");
	calls_check(backend, &c);
	bench_result("attach_detach_4k", backend,
		     measure_mapping(attach_detach_each[backend], &c), "");
	if (backend != BENCH_MEMFD)
		bench_result("get_by_key", backend, bench_measure(find_each[backend], NULL, &c),
			     "");
	bench_result("stat", backend, bench_measure(stat_id_each[backend], NULL, &c), "");
	backend_remove(backend, c.id);

	c.size = MIB(1);
	c.id = backend_create(backend, c.key, c.size);
	if (c.id < 0)
		bench_fail("create 1 MiB");
	bench_result("attach_detach_1m", backend,
		     measure_mapping(attach_detach_each[backend], &c), "");
	backend_remove(backend, c.id);

	c.size = KIB(4);
	bench_result("create_remove_4k", backend,
		     bench_measure(create_remove_each[backend], NULL, &c), "");
	backend_remove(backend, first);
	bench_result("create_remove_4k_alone", backend,
		     bench_measure(create_remove_each[backend], NULL, &c), "");
	bench_result("life_4k", backend, measure_mapping(life_each[backend], &c), "");
}

void bench_part_calls(void)
{
	enum bench_backend backend;

	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		if (bench_wants(backend))
			calls_of(backend);
	}
}

/*
 * With many segments in the tables. The one that is used is in the middle; the
 * numbers are those of this process, so the tables should be empty before.
 */
static void scaling_of(enum bench_backend backend, int segments)
{
	struct calls c = { .size = KIB(4) };
	static int ids[32768];
	char name[64];
	int i;

	for (i = 0; i < segments; i++) {
		ids[i] = backend_create(backend, calls_key + 1 + i, c.size);
		if (ids[i] < 0)
			bench_fail("create many segments (shmmni?)");
	}
	c.key = calls_key + 1 + segments / 2;
	c.id = ids[segments / 2];
	calls_check(backend, &c);

	snprintf(name, sizeof(name), "get_by_key_of_%d", segments);
	bench_result(name, backend, bench_measure(find_each[backend], NULL, &c), "");
	snprintf(name, sizeof(name), "attach_detach_of_%d", segments);
	bench_result(name, backend, measure_mapping(attach_detach_each[backend], &c), "");
	snprintf(name, sizeof(name), "stat_of_%d", segments);
	bench_result(name, backend, bench_measure(stat_id_each[backend], NULL, &c), "");

	c.key = calls_key;
	snprintf(name, sizeof(name), "create_remove_of_%d", segments);
	bench_result(name, backend, bench_measure(create_remove_each[backend], NULL, &c), "");

	for (i = 0; i < segments; i++)
		backend_remove(backend, ids[i]);
}

void bench_part_scaling(void)
{
	static const int counts[] = { 10, 1000, 30000 };
	enum bench_backend backend;
	size_t i;

	for (backend = 0; backend < BENCH_MEMFD; backend++) {
		for (i = 0; i < ARRAY_SIZE(counts) && bench_wants(backend); i++)
			scaling_of(backend, counts[i]);
	}
}

/* Run an operation for ever, between marks that a trace of the processor shows. */
__attribute__((noinline)) void bench_mark(void)
{
	__asm__ volatile ("");
}

static void (*const fork_exit_each[])(void *) = {
	bench_fork_exit, bench_fork_exit, bench_fork_exit
};

struct profile {
	const char *name;
	/* By backend. */
	void (*const *each)(void *);
};

void bench_profile(const char *operation, enum bench_backend backend)
{
	static const struct profile operations[] = {
		{ "fork_exit", fork_exit_each },
		{ "attach_detach", attach_detach_each },
		{ "create_remove", create_remove_each },
		{ "get_by_key", find_each },
		{ "stat", stat_id_each },
		{ "life", life_each },
	};
	struct calls c = { .size = KIB(4), .key = calls_key };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations) && strcmp(operations[i].name, operation); i++)
		;
	if (i == ARRAY_SIZE(operations))
		bench_fail("no such operation to profile");
	backend_create(backend, IPC_PRIVATE, c.size);
	c.id = backend_create(backend, c.key, c.size);
	calls_check(backend, &c);
	if (operations[i].each == create_remove_each || operations[i].each == life_each)
		c.key = calls_key + 1;
	fill_holes();
	puts("ready");
	fflush(stdout);
	for (;;) {
		bench_mark();
		operations[i].each[backend](&c);
	}
}
