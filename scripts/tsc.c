// SPDX-License-Identifier: GPL-2.0
/* Print the frequency of this machine's time stamp counter, in kHz. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct instant {
	uint64_t ticks;
	uint64_t ns;
};

/* The closest of some pairs of readings, as the machine may be busy. */
static struct instant now(void)
{
	uint64_t best = UINT64_MAX;
	struct instant instant = { 0 };
	struct timespec ts;

	for (int i = 0; i < 50; i++) {
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		after = __rdtsc();
		if (after - before < best) {
			best = after - before;
			instant.ticks = before + best / 2;
			instant.ns = ts.tv_sec * 1000000000ull + ts.tv_nsec;
		}
	}
	return instant;
}

int main(void)
{
	struct timespec delay = { .tv_nsec = 100000000 };
	struct instant start = now(), end;

	nanosleep(&delay, NULL);
	end = now();
	printf("%.0f\n", (end.ticks - start.ticks) * 1e6 / (end.ns - start.ns));
	return 0;
}
