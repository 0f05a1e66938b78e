// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xshm run --trace: memory of the tracer's own in each process.
 *
 * What a call needs in the tracee, the argument of the ioctl or a path, lies in pages
 * that the tracee is made to map at its first call. No memory of the program is
 * lent for it, not even for a moment: another thread would see that, and
 * there may be none where the stack ends.
 *
 * Each call has a slot of its own, as threads are inside of calls at the same time.
 * A child of fork(2) has a copy of the pages, one of vfork(2) has the very
 * same ones. A program may unmap them or put its own there: the tracer's mark
 * at their beginning says whether they are still what they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "trace.h"

#if TRACE_SUPPORTED

#define SLOTS		(SCRATCH_AREA / SCRATCH_SIZE)
#define MARK_SLOT	1ULL		/* the first one has the mark */

struct scratch_area {
	struct scratch_area *next;
	uint64_t addr;
	uint64_t used;			/* a bit for each slot */
	bool gone;			/* not the tracer's any more */
};

struct scratch_space {
	int users;			/* processes that share the memory */
	struct scratch_area *areas;
};

_Static_assert(SLOTS == 64, "a bit for each slot");

/* Not what a program has there by chance. */
static uint64_t mark[2];

void scratch_prepare(void)
{
	if (getrandom(mark, sizeof(mark), GRND_NONBLOCK) != sizeof(mark))
		mark[0] = (uint64_t)(uintptr_t)mark ^ (uint64_t)getpid() << 48;
}

static void *allocate(size_t size)
{
	void *new = calloc(1, size);

	/* Ends all tracees too: none may go on without its tracer. */
	if (!new)
		_exit(EXIT_FAILURE);
	return new;
}

struct scratch_space *scratch_new(void)
{
	struct scratch_space *space = allocate(sizeof(*space));

	space->users = 1;
	return space;
}

struct scratch_space *scratch_share(struct scratch_space *space)
{
	space->users++;
	return space;
}

static void add_area(struct scratch_space *space, uint64_t addr)
{
	struct scratch_area *area = allocate(sizeof(*area));

	area->addr = addr;
	area->used = MARK_SLOT;
	area->next = space->areas;
	space->areas = area;
}

/* For a child that has a copy of the memory; none of its threads is in a call. */
struct scratch_space *scratch_copy(const struct scratch_space *space)
{
	struct scratch_space *copy = scratch_new();

	for (struct scratch_area *area = space->areas; area; area = area->next)
		if (!area->gone)
			add_area(copy, area->addr);
	return copy;
}

void scratch_put_space(struct scratch_space *space)
{
	if (!space || --space->users)
		return;
	while (space->areas) {
		struct scratch_area *area = space->areas;

		space->areas = area->next;
		free(area);
	}
	free(space);
}

static void drop_unused(struct scratch_space *space)
{
	struct scratch_area **link = &space->areas;

	while (*link) {
		struct scratch_area *area = *link;

		if (!area->gone || area->used != MARK_SLOT) {
			link = &area->next;
			continue;
		}
		*link = area->next;
		free(area);
	}
}

/* Pages were mapped at @addr for the tracer. Returns 0 or a negative errno. */
int scratch_add(struct scratch_space *space, pid_t tid, uint64_t addr)
{
	add_area(space, addr);
	return memory_write(tid, addr, mark, sizeof(mark)) ? -errno : 0;
}

/*
 * Finds a slot, for the call of a 32-bit program one that it can name. Returns 0,
 * -EAGAIN where pages have to be mapped first, or another negative errno.
 */
int scratch_take(struct scratch_space *space, pid_t tid, bool compat, struct scratch *scratch)
{
	for (struct scratch_area *area = space->areas; area; area = area->next) {
		uint64_t there[2];
		int slot;

		if (area->gone || !~area->used ||
		    (compat && area->addr + SCRATCH_AREA > 1ULL << 32))
			continue;
		if (memory_read(tid, area->addr, there, sizeof(there))) {
			/* Not for the tracer to look at: nor would be a new one. */
			if (errno != EFAULT)
				return errno == EACCES ? -EPERM : -errno;
			area->gone = true;
			continue;
		}
		if (memcmp(there, mark, sizeof(mark))) {
			area->gone = true;
			continue;
		}
		slot = __builtin_ctzll(~area->used);
		area->used |= 1ULL << slot;
		scratch->space = scratch_share(space);
		scratch->area = area;
		scratch->slot = slot;
		scratch->addr = area->addr + (uint64_t)slot * SCRATCH_SIZE;
		return 0;
	}
	drop_unused(space);
	return -EAGAIN;
}

void scratch_release(struct scratch *scratch)
{
	if (!scratch->area)
		return;
	scratch->area->used &= ~(1ULL << scratch->slot);
	scratch->area = NULL;
	scratch_put_space(scratch->space);
}

#endif
