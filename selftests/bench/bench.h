/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench.h - what the parts of the benchmark share
 *
 * In a guest whose clock counts instructions (scripts/guest --icount) the time
 * that an operation takes, in nanoseconds, is the number of its instructions.
 * A sample in which the timer interrupt struck is thrown away, so a figure
 * does not depend on when it strikes.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE KIB(4)

/* Which backends there are; BENCH_MEMFD is the floor, without key and id. */
enum bench_backend {
	BENCH_SYSV,
	BENCH_XSHM,
	BENCH_MEMFD,
	BENCH_BACKENDS
};

/* --samples: how often each operation is measured. */
extern int bench_samples;
/* --label: name in the output for the backend, for the preload library. */
extern const char *bench_label;
/* --only: bit mask of backends. */
extern unsigned int bench_only;

/* main.c: "result OPERATION BACKEND VALUE UNIT" for scripts/bench. */
void bench_result(const char *operation, enum bench_backend backend, double value,
		  const char *unit);
noreturn void bench_fail(const char *what);
bool bench_wants(enum bench_backend backend);

/* measure.c */
uint64_t bench_now(void);
void bench_calibrate(void);
double bench_median(double *values, size_t count);
double bench_quantile(double *values, size_t count, double q);
double bench_measure(void (*run)(void *), void (*undo)(void *), void *context);
double bench_measure_n(void (*run)(void *), void (*undo)(void *), void *context, int samples);

/* A set of samples for what can't be repeated on the spot. */
struct bench_samples {
	double values[4096];
	size_t count;
};

void bench_wait_for_room(uint64_t needed);
void bench_sample(struct bench_samples *set, void (*run)(void *), void *context);
void bench_sample_long(struct bench_samples *set, unsigned int ticks, void (*run)(void *),
		       void *context);
double bench_samples_middle(struct bench_samples *set);

/* Parts; each prints its results. */
void bench_part_calls(void);
void bench_part_fork(void);
void bench_fork_exit(void *context);
void bench_part_touch(void);
void bench_part_tables(void);
void bench_part_segments(void);
void bench_part_scaling(void);
void bench_part_contention(void);
void bench_profile(const char *operation, enum bench_backend backend);

#endif
