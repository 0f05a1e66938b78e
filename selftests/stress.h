/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the tests that run several processes at random. */
#ifndef SELFTESTS_XSHM_STRESS_H
#define SELFTESTS_XSHM_STRESS_H

#include <stdatomic.h>

#include "common.h"

/* What the processes share. */
struct board {
	_Atomic unsigned long steps;
	_Atomic unsigned long foreign;	/* bytes of another segment were seen */
	_Atomic unsigned long wrong;	/* answers that can't be */
	_Atomic int unloaded;
	_Atomic int stop;
	char what[256];			/* of the first that counts as either */
};

static struct board *board;

static inline void *shared_by_forks(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline void wrong(_Atomic unsigned long *count, const char *what, long a, long b)
{
	if (!atomic_fetch_add(count, 1))
		snprintf(board->what, sizeof(board->what), "%s: %ld (%#lx), %ld (%#lx)", what, a, a,
			 b, b);
}

static inline unsigned int random_below(unsigned int n)
{
	static __thread uint64_t state;

	if (!state)
		state = getpid() * 0x9e3779b97f4a7c15ULL + time(NULL);
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static inline int stress_seconds(void)
{
	const char *text = getenv("XSHM_STRESS_SECONDS");

	return text && atoi(text) > 0 ? atoi(text) : 10;
}

#endif
