// SPDX-License-Identifier: GPL-2.0
/* fork.c - what attaches cost a process that forks and exits */
#include <sys/wait.h>

#include "backend.h"

#define FORK_ATTACHES 256
#define FORK_SAMPLES 31

void bench_fork_exit(void *context)
{
	pid_t pid = fork();

	(void)context;
	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		bench_fail("fork");
}

/* The attaches are of one segment, or each of its own. */
static void fork_of(enum bench_backend backend, bool own)
{
	static void *addr[FORK_ATTACHES];
	static int id[FORK_ATTACHES];
	double plain, with;
	int i;

	/* With whatever the backend itself keeps in a process. */
	id[0] = backend_create(backend, IPC_PRIVATE, PAGE);
	backend_detach(backend, backend_attach(backend, id[0], PAGE), PAGE);
	backend_remove(backend, id[0]);
	plain = bench_measure_n(bench_fork_exit, NULL, NULL, FORK_SAMPLES);

	for (i = 0; i < FORK_ATTACHES; i++) {
		id[i] = own || !i ? backend_create(backend, IPC_PRIVATE, PAGE) : id[0];
		addr[i] = backend_attach(backend, id[i], PAGE);
		if (id[i] < 0 || addr[i] == MAP_FAILED)
			bench_fail("attach before fork");
	}
	with = bench_measure_n(bench_fork_exit, NULL, NULL, FORK_SAMPLES);
	for (i = 0; i < FORK_ATTACHES; i++) {
		backend_detach(backend, addr[i], PAGE);
		if (own || !i)
			backend_remove(backend, id[i]);
	}

	bench_result(own ? "fork_exit_256" : "fork_exit_256_one", backend, with - plain, "");
	if (own)
		bench_result("fork_exit_plain", backend, plain, "");
}

void bench_part_fork(void)
{
	enum bench_backend backend;

	for (backend = 0; backend < BENCH_BACKENDS; backend++) {
		if (bench_wants(backend)) {
			fork_of(backend, true);
			fork_of(backend, false);
		}
	}
}
