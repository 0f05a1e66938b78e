// SPDX-License-Identifier: GPL-2.0
/*
 * contention.c - throughput of processes that work at the same time
 *
 * Wall time on two processors. Each backend has its workers, which sleep while
 * it is another's turn. Turns are short, so that whatever else slows the
 * machine slows all alike, and the ratio of neighbouring turns is what counts.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "backend.h"

#define WORKERS 2
#define STORM_ATTACHES 64
#define MOST_ROUNDS 201

struct shared {
	atomic_int ready;
	atomic_int done;
	atomic_bool go;
	atomic_bool quit;
	struct {
		unsigned long count;
		uint64_t elapsed;
	} worker[WORKERS];
};

struct load {
	const char *name;
	/* What a worker does once, and again and again. */
	void (*const *prepare)(void *);
	void (*const *each)(void *);
	/* Each worker has a segment of its own. */
	bool own;
	int rounds;
	uint64_t turn;
};

struct worker {
	int id;
	void *addr[STORM_ATTACHES];
};

OPERATION cycle(enum bench_backend backend, struct worker *w)
{
	backend_detach(backend, backend_attach(backend, w->id, PAGE), PAGE);
}

EACH_BACKEND(cycle);

OPERATION attach_all(enum bench_backend backend, struct worker *w)
{
	int i;

	for (i = 0; i < STORM_ATTACHES; i++)
		w->addr[i] = backend_attach(backend, w->id, PAGE);
}

EACH_BACKEND(attach_all);

static void storm(void *context)
{
	pid_t pid = fork();

	(void)context;
	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		_exit(1);
}

static void (*const storm_each[])(void *) = { storm, storm, storm };

static const struct load loads[] = {
	{ "contended_attach_own", cycle_each, cycle_each, true, 201, 20000000 },
	{ "contended_attach_one", cycle_each, cycle_each, false, 201, 20000000 },
	{ "contended_fork_storm", attach_all_each, storm_each, true, 101, 60000000 },
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
}

/* Worker @number: a turn for each byte that comes through the pipe. */
static void work(struct shared *shared, const struct load *load, enum bench_backend backend,
		 int number, int id, int pipe)
{
	struct worker w = { .id = id };
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(number);
	load->prepare[backend](&w);
	while (read(pipe, &byte, 1) == 1 && !atomic_load(&shared->quit)) {
		unsigned long count = 0;
		uint64_t start, now;

		atomic_fetch_add(&shared->ready, 1);
		while (!atomic_load(&shared->go))
			;
		start = bench_now();
		do {
			load->each[backend](&w);
			count++;
			now = bench_now();
		} while (now - start < load->turn);
		shared->worker[number].count = count;
		shared->worker[number].elapsed = now - start;
		atomic_fetch_add(&shared->done, 1);
	}
	_exit(0);
}

/* Operations per second of the workers of a backend together. */
static double turn(struct shared *shared, const int *pipes)
{
	double rate = 0;
	int i;

	shared->ready = shared->done = 0;
	shared->go = false;
	for (i = 0; i < WORKERS; i++) {
		if (write(pipes[i], "", 1) != 1)
			bench_fail("a worker is gone");
	}
	while (atomic_load(&shared->ready) < WORKERS)
		usleep(100);
	atomic_store(&shared->go, true);
	while (atomic_load(&shared->done) < WORKERS)
		usleep(1000);
	for (i = 0; i < WORKERS; i++)
		rate += shared->worker[i].count * 1e9 / shared->worker[i].elapsed;
	return rate;
}

static void contention_result(const struct load *load, double rate[][MOST_ROUNDS])
{
	static double ratio[MOST_ROUNDS];
	enum bench_backend backend;
	char name[64];
	int round;

	for (round = 0; round < load->rounds; round++)
		ratio[round] = rate[BENCH_XSHM][round] / rate[BENCH_SYSV][round];
	bench_result(load->name, BENCH_XSHM, bench_median(ratio, load->rounds), "ratio");
	snprintf(name, sizeof(name), "%s_low", load->name);
	bench_result(name, BENCH_XSHM, bench_quantile(ratio, load->rounds, 0.25), "ratio");
	snprintf(name, sizeof(name), "%s_high", load->name);
	bench_result(name, BENCH_XSHM, bench_quantile(ratio, load->rounds, 0.75), "ratio");
	snprintf(name, sizeof(name), "%s_rate", load->name);
	for (backend = 0; backend < BENCH_BACKENDS; backend++)
		bench_result(name, backend, bench_median(rate[backend], load->rounds),
			     "per_second");
}

static void contention_of(struct shared *shared, const struct load *load)
{
	static double rate[BENCH_BACKENDS][MOST_ROUNDS];
	int id[BENCH_BACKENDS][WORKERS], pipes[BENCH_BACKENDS][WORKERS], ends[2];
	enum bench_backend backend;
	int i, round;

	shared->quit = false;
	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		for (i = 0; i < WORKERS; i++) {
			id[backend][i] = backend_create(backend, IPC_PRIVATE, PAGE);
			if (id[backend][i] < 0 || pipe(ends))
				bench_fail("a worker's segment and pipe");
			pipes[backend][i] = ends[1];
			switch (fork()) {
			case -1:
				bench_fail("fork");
			case 0:
				work(shared, load, backend, i, id[backend][load->own ? i : 0],
				     ends[0]);
			}
			close(ends[0]);
		}
	}
	for (round = 0; round < load->rounds; round++) {
		for (backend = 0; backend < BENCH_BACKENDS; backend++)
			rate[backend][round] = turn(shared, pipes[backend]);
	}

	shared->quit = true;
	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		for (i = 0; i < WORKERS; i++) {
			/* A byte, as younger workers have the pipe open, too. */
			if (write(pipes[backend][i], "", 1) != 1)
				bench_fail("a worker is gone");
			close(pipes[backend][i]);
		}
	}
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		usleep(1000);
	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		for (i = 0; i < WORKERS; i++)
			backend_remove(backend, id[backend][i]);
	}
	contention_result(load, rate);
}

void bench_part_contention(void)
{
	struct shared *shared;
	size_t i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		bench_fail("mmap");
	for (i = 0; i < ARRAY_SIZE(loads); i++)
		contention_of(shared, &loads[i]);
}
