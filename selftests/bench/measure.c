// SPDX-License-Identifier: GPL-2.0
/* measure.c - samples, and what is made of them */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

/* What a measurement of nothing gives. */
static double overhead;
/* How long the timer leaves us alone, in nanoseconds. */
static uint64_t tick;
/* The clock counts instructions: samples with an interrupt in them are worthless. */
static bool exact;
/* What a timer interrupt costs, for what takes longer than it leaves us alone. */
static double tick_cost;

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

uint64_t bench_now(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}

/* When the timer interrupt struck last. */
static uint64_t last_tick(void)
{
	return nanoseconds(CLOCK_MONOTONIC_COARSE);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(double *values, size_t count)
{
	if (!count)
		bench_fail("no sample without an interrupt");
	qsort(values, count, sizeof(*values), compare);
}

double bench_quantile(double *values, size_t count, double q)
{
	sort(values, count);
	return values[(size_t)((count - 1) * q + 0.5)];
}

double bench_median(double *values, size_t count)
{
	return bench_quantile(values, count, 0.5);
}

/* Wait, if need be, until so many nanoseconds are left before the next tick. */
void bench_wait_for_room(uint64_t needed)
{
	uint64_t before = last_tick();

	if (!exact || bench_now() - before + needed < tick)
		return;
	while (last_tick() == before)
		;
}

static void sample_with_ticks(struct bench_samples *set, unsigned int ticks, void (*run)(void *),
			      void *context)
{
	uint64_t before, start, end;

	before = last_tick();
	start = bench_now();
	run(context);
	end = bench_now();
	if (exact && (last_tick() - before + tick / 2) / tick != ticks)
		return;
	if (set->count < ARRAY_SIZE(set->values))
		set->values[set->count++] = end - start - ticks * tick_cost;
}

void bench_sample(struct bench_samples *set, void (*run)(void *), void *context)
{
	sample_with_ticks(set, 0, run, context);
}

/* The same for what takes longer than a tick; begins right after one. */
void bench_sample_long(struct bench_samples *set, unsigned int ticks, void (*run)(void *),
		       void *context)
{
	bench_wait_for_room(tick);
	sample_with_ticks(set, exact ? ticks : 0, run, context);
}

/*
 * The mean of the middle half. What allocates takes one of several paths, and
 * the median would jump from one's cost to another's with the state that a boot
 * has left behind.
 */
double bench_samples_middle(struct bench_samples *set)
{
	size_t from = set->count / 4, to = set->count - from;
	double sum = 0;

	sort(set->values, set->count);
	for (size_t i = from; i < to; i++)
		sum += set->values[i];
	return sum / (to - from) - overhead;
}

/*
 * What one of a number of runs costs. @undo, if given, is called after each and not
 * counted. The first run warms up what is made on first use.
 */
double bench_measure_n(void (*run)(void *), void (*undo)(void *), void *context, int samples)
{
	static struct bench_samples set;
	int tries = 0;

	run(context);
	if (undo)
		undo(context);
	for (set.count = 0; (int)set.count < samples && tries < 4 * samples; tries++) {
		bench_sample(&set, run, context);
		if (undo)
			undo(context);
	}
	return bench_samples_middle(&set);
}

double bench_measure(void (*run)(void *), void (*undo)(void *), void *context)
{
	return bench_measure_n(run, undo, context, bench_samples);
}

static void nothing(void *context)
{
	(void)context;
}

static void spin(void *context)
{
	volatile unsigned int i;

	(void)context;
	for (i = 0; i < 100000; i++)
		;
}

/* One loop, twice: without an interrupt in it, and with one. */
static double measure_tick(void)
{
	static struct bench_samples without, with;
	int i;

	for (i = 0; i < 200; i++) {
		uint64_t before = last_tick(), struck;

		/* What the coarse clock says it was may be before the interrupt. */
		while (last_tick() == before)
			;
		struck = bench_now();
		before = last_tick();
		bench_sample(&without, spin, NULL);
		while (bench_now() - struck < tick - 100000 && last_tick() == before)
			;
		sample_with_ticks(&with, 1, spin, NULL);
	}
	return bench_median(with.values, with.count) -
	       bench_median(without.values, without.count);
}

void bench_calibrate(void)
{
	struct timespec ts;

	exact = getenv("BENCH_ICOUNT");
	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	tick = ts.tv_nsec;
	overhead = bench_measure(nothing, NULL, NULL);
	if (exact)
		tick_cost = measure_tick();
}
