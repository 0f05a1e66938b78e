// SPDX-License-Identifier: GPL-2.0
/* shrink.c - the shortest part of a sequence that still differs */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differential.h"

static bool differs(const struct sequence *sequence, struct side *const side[2])
{
	if (!sequence->count)
		return false;
	run_sides(sequence, side);
	return first_difference(side) >= 0;
}

/**
 * shrink() - leave operations out as long as the sides differ
 * @sequence: in and out
 * @side: memory to run in; what it has at the end is the result's run
 * @seconds: for how long
 *
 * Halves, quarters, ... down to single operations, again until none can go.
 */
void shrink(struct sequence *sequence, struct side *const side[2], int seconds)
{
	struct sequence *shorter = malloc(sizeof(*shorter));
	time_t until;
	struct timespec now;
	int chunk, difference;
	bool progress = true;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec + seconds;

	/* What comes after the difference is not needed. */
	difference = first_difference(side);
	if (difference >= 0 && difference + 1 < sequence->count)
		sequence->count = difference + 1;

	for (chunk = sequence->count / 2; chunk && shorter; chunk = progress ? chunk : chunk / 2) {
		progress = false;
		for (int at = sequence->count - chunk; at >= 0; at -= chunk) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec > until)
				goto out;
			memcpy(shorter, sequence, sizeof(*shorter));
			memmove(&shorter->ops[at], &shorter->ops[at + chunk],
				(shorter->count - at - chunk) * sizeof(shorter->ops[0]));
			shorter->count -= chunk;
			if (!differs(shorter, side))
				continue;
			difference = first_difference(side);
			if (difference + 1 < shorter->count)
				shorter->count = difference + 1;
			memcpy(sequence, shorter, sizeof(*shorter));
			progress = true;
			if (at > sequence->count)
				at = sequence->count;
		}
		if (chunk > sequence->count)
			chunk = sequence->count;
	}
out:
	free(shorter);
	run_sides(sequence, side);
}
