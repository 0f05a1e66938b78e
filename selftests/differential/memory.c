// SPDX-License-Identifier: GPL-2.0
/* memory.c - operations on the memory of an attach */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "differential.h"

static sigjmp_buf fault;
static volatile sig_atomic_t guarded;

static void on_fault(int signal)
{
	if (!guarded)
		_exit(99);
	siglongjmp(fault, signal);
}

void guard_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static long error_or(long result)
{
	return result == -1 ? -errno : result;
}

/*
 * The range that an operation means. Beside an attach that the kernel placed
 * the sides may have different things, so it ends with the attach; one
 * placed by us has nothing but our attaches around it.
 */
static bool range(const struct side *side, const struct op *op, unsigned long *start,
		  unsigned long *size)
{
	const struct attach *attach = &side->process[op->process].attach[op->attach];
	unsigned long first = op->a, count = op->b;

	if (!attach->address)
		return false;
	if (!attach->fixed) {
		if (!attach->pages)
			return false;
		first %= attach->pages;
		if (count > attach->pages - first)
			count = attach->pages - first;
		/* A hole would be filled by one side or by both. */
		if (op->call == CALL_MUNMAP || op->call == CALL_MOVE) {
			first = 0;
			count = attach->pages;
		}
		/* A hole in the child. */
		if (op->call == CALL_MADVISE && op->c == MADV_DONTFORK)
			return false;
		/* Attaches share a file, so a page that fits its neighbour's end would merge. */
		if (op->call == CALL_REMAP_PAGES)
			return false;
	} else if (op->call == CALL_REMAP_PAGES && attach->address < ZONE(0)) {
		return false;
	} else if (count > 8) {
		count = first < attach->pages ? attach->pages - first : 1;
	}
	*start = attach->address + first * PAGE;
	*size = count * PAGE;
	return true;
}

static long do_munmap(struct side *side, const struct op *op, unsigned long start,
		      unsigned long size)
{
	struct attach *attach = &side->process[op->process].attach[op->attach];
	long result = error_or(munmap((void *)start, size));

	if (!result && !attach->fixed)
		attach->address = 0;
	return result;
}

/* One of 64 TiB that goes to a zone replaces all that comes behind it, libc and stack too. */
static bool fits_zone(const struct attach *attach)
{
	return attach->pages <= ZONE_SIZE / PAGE;
}

static bool is_one_mapping(unsigned long start, unsigned long size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	bool one = false;

	if (!maps)
		abort();
	while (!one && fscanf(maps, "%lx-%lx%*[^\n]", &from, &to) == 2)
		one = from <= start && start + size <= to;
	fclose(maps);
	return one;
}

/*
 * Into a zone of its own, at the same distance from its start. Since 6.17 several
 * mappings, with holes, may be moved at once, but not System V's.
 */
static long do_move(struct side *side, const struct op *op, unsigned long start,
		    unsigned long size)
{
	struct process *process = &side->process[op->process];
	struct attach *attach = &process->attach[op->attach];
	unsigned long to = ZONE(op->c), offset = start - attach->address;
	struct attach moved = { .address = to, .pages = attach->pages, .fixed = true };
	size_t old_size = op->call == CALL_DUPLICATE ? 0 : size;
	void *result;

	if (!fits_zone(attach) || (op->call == CALL_MOVE && !is_one_mapping(start, size)))
		return -EDEADLK;
	result = mremap((void *)start, old_size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			(void *)(to + offset));
	if (result == MAP_FAILED)
		return -errno;
	if (op->call == CALL_MOVE && (!attach->fixed || (!offset && size >= attach->pages * PAGE)))
		*attach = (struct attach) {};
	process->attach[op->id % ATTACHES] = moved;
	return 0;
}

static long do_resize(struct side *side, const struct op *op)
{
	struct process *process = &side->process[op->process];
	struct attach *attach = &process->attach[op->attach];
	unsigned long to = ZONE(op->c);
	void *result;

	if (!attach->address || !attach->pages || !fits_zone(attach))
		return -EDEADLK;
	if ((unsigned long)op->b <= attach->pages) {
		/* What is left of one that the kernel placed has to stay in one piece. */
		if (!attach->fixed)
			return -EDEADLK;
		result = mremap((void *)attach->address, attach->pages * PAGE, op->b * PAGE, 0);
		return result == MAP_FAILED ? -errno : 0;
	}
	result = mremap((void *)attach->address, attach->pages * PAGE, op->b * PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to);
	if (result == MAP_FAILED)
		return -errno;
	*attach = (struct attach) { .address = to, .pages = op->b, .fixed = true };
	return 0;
}

static long do_access(struct side *side, const struct op *op, struct record *record,
		      unsigned long start)
{
	volatile uint64_t *word = (volatile uint64_t *)(start + op->b);
	int signal = sigsetjmp(fault, 0);

	if (signal)
		return -1000 - signal;
	guarded = 1;
	if (op->call == CALL_WRITE) {
		*word = op->c;
	} else {
		record->v[0] = *word;
		record->count = 1;
	}
	guarded = 0;
	return 0;
}

/* A sum of all bytes of all attaches; where it can't be read is part of it. */
static long do_read_all(struct side *side, const struct op *op, struct record *record)
{
	const struct process *process = &side->process[op->process];

	for (int i = 0; i < ATTACHES; i++) {
		const struct attach *attach = &process->attach[i];
		volatile uint64_t sum = 14695981039346656037ULL;

		for (volatile unsigned long page = 0;
		     attach->address && page < attach->pages && page < 32; page++) {
			const uint64_t *word = (void *)(attach->address + page * PAGE);
			int signal = sigsetjmp(fault, 0);

			if (!signal) {
				uint64_t s = sum;

				guarded = 1;
				for (unsigned int w = 0; w < PAGE / 8; w++)
					s = (s ^ word[w]) * 1099511628211ULL;
				sum = s;
			} else {
				sum = (sum ^ signal) * 1099511628211ULL;
			}
			guarded = 0;
		}
		record->v[i] = sum;
	}
	record->count = ATTACHES;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Our mappings of /proc/self/maps; without the address where the kernel placed them. */
static long do_maps(struct side *side, struct record *record)
{
	static char lines[512][128], out[64 << 10], line[512];
	char *order[512];
	int count = 0, used = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	if (!f)
		return -errno;
	while (count < 512 && fgets(line, sizeof(line), f)) {
		unsigned long start, end, offset, inode;
		char protection[8], name[64] = "";
		bool arena;

		if (sscanf(line, "%lx-%lx %7s %lx %*x:%*x %lu %63s", &start, &end, protection,
			   &offset, &inode, name) < 5)
			continue;
		arena = start >= WINDOW(0) && start < ARENA_END;
		if (!arena && strncmp(name, "/SYSV", 5))
			continue;
		snprintf(lines[count], sizeof(lines[0]), "%lx+%lx %s %lx %ld %s",
			 arena ? start : 0, end - start, protection, offset,
			 strncmp(name, "/SYSV", 5) ? (long)inode : shown_id(inode), name);
		order[count] = lines[count];
		count++;
	}
	fclose(f);
	qsort(order, count, sizeof(order[0]), compare_lines);
	for (int i = 0; i < count; i++)
		used += snprintf(out + used, sizeof(out) - used, "%s\n", order[i]);
	return add_text(side, record, out, used);
}

/* Returns false if the operation is none on memory. */
bool carry_out_memory(struct side *side, const struct op *op, struct record *record)
{
	unsigned long start = 0, size = 0;

	switch (op->call) {
	case CALL_READ_ALL:
		record->result = do_read_all(side, op, record);
		return true;
	case CALL_MAPS:
		record->result = do_maps(side, record);
		return true;
	case CALL_RESIZE:
		record->result = do_resize(side, op);
		return true;
	case CALL_WRITE:
	case CALL_READ: {
		struct op one = *op;

		one.b = 1;
		record->result = -EDEADLK;
		if (range(side, &one, &start, &size))
			record->result = do_access(side, op, record, start);
		guarded = 0;
		return true;
	}
	}

	if (!range(side, op, &start, &size)) {
		record->result = -EDEADLK;
		return true;
	}
	switch (op->call) {
	case CALL_MPROTECT:
		record->result = error_or(mprotect((void *)start, size, op->c));
		return true;
	case CALL_MUNMAP:
		record->result = do_munmap(side, op, start, size);
		return true;
	case CALL_MOVE:
	case CALL_DUPLICATE:
		record->result = do_move(side, op, start, size);
		return true;
	case CALL_REMAP_PAGES:
		record->result = error_or(syscall(SYS_remap_file_pages, start, size, 0, op->c, 0));
		return true;
	case CALL_MLOCK:
		record->result = error_or(mlock((void *)start, size));
		return true;
	case CALL_MUNLOCK:
		record->result = error_or(munlock((void *)start, size));
		return true;
	case CALL_MADVISE:
		record->result = error_or(madvise((void *)start, size, op->c));
		return true;
	}
	return false;
}
