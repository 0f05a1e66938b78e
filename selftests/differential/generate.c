// SPDX-License-Identifier: GPL-2.0
/* generate.c - a sequence of operations from a seed */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "differential.h"

static uint64_t state;

static uint64_t next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static long below(long n)
{
	return next() % n;
}

static bool chance(int percent)
{
	return below(100) < percent;
}

#define ONE_OF(...) ({								\
	static const long values_[] = { __VA_ARGS__ };				\
	values_[below(sizeof(values_) / sizeof(values_[0]))];			\
})

static const unsigned char weights[CALLS] = {
	[CALL_GET] = 70, [CALL_AT] = 90, [CALL_DT] = 25, [CALL_STAT] = 50,
	[CALL_STAT_INDEX] = 15, [CALL_STAT_ANY] = 15, [CALL_SET] = 20, [CALL_RMID] = 18,
	[CALL_LOCK] = 10, [CALL_UNLOCK] = 8, [CALL_INFO] = 6, [CALL_USAGE] = 10,
	[CALL_BAD_COMMAND] = 2, [CALL_FORK] = 12, [CALL_EXEC] = 1, [CALL_EXIT] = 4,
	[CALL_KILL] = 4, [CALL_MPROTECT] = 20, [CALL_MUNMAP] = 14, [CALL_MOVE] = 14,
	[CALL_DUPLICATE] = 6, [CALL_RESIZE] = 8, [CALL_REMAP_PAGES] = 6, [CALL_MLOCK] = 10,
	[CALL_MUNLOCK] = 6, [CALL_MADVISE] = 12, [CALL_WRITE] = 60, [CALL_READ] = 60,
	[CALL_READ_ALL] = 4, [CALL_CREDENTIALS] = 16, [CALL_MEMLOCK] = 4, [CALL_SYSCTL] = 10,
	[CALL_UNSHARE] = 2, [CALL_SETNS] = 4, [CALL_TABLE] = 20, [CALL_MAPS] = 8,
};

/*
 * What there probably is. Operations on what there is not are compared too, but
 * a few of them are enough.
 */
static bool alive[PROCESSES], has_id[IDS], has_attach[PROCESSES][ATTACHES];

static int prefer(const bool *there, int count)
{
	int n = below(count);

	if (chance(90))
		for (int tries = 0; tries < count && !there[n]; tries++)
			n = (n + 1) % count;
	return n;
}

static int prefer_alive(int process)
{
	return alive[process] ? process : prefer(alive, PROCESSES);
}

static void expect(const struct op *op)
{
	switch (op->call) {
	case CALL_GET:
		has_id[op->id] |= op->c & IPC_CREAT && op->b > 0 && op->b <= 1 << 20;
		break;
	case CALL_AT:
		has_attach[op->process][op->attach] |= op->id < IDS && has_id[op->id];
		break;
	case CALL_DT:
		has_attach[op->process][op->attach] &= op->a != 0;
		break;
	case CALL_MOVE:
	case CALL_DUPLICATE:
		has_attach[op->process][op->id] |= has_attach[op->process][op->attach];
		break;
	case CALL_RMID:
		if (op->id < IDS)
			has_id[op->id] = false;
		break;
	case CALL_FORK:
		if (!alive[op->a])
			memcpy(has_attach[op->a], has_attach[op->process], sizeof(has_attach[0]));
		alive[op->a] = true;
		break;
	case CALL_EXEC:
		memset(has_attach[op->process], 0, sizeof(has_attach[0]));
		break;
	case CALL_EXIT:
		alive[op->process] = false;
		break;
	case CALL_KILL:
		alive[op->a] = false;
		break;
	}
}

static int pick_call(const struct sequence *sequence)
{
	static int total;
	int at, call;

	if (!total)
		for (call = 0; call < CALLS; call++)
			total += weights[call];
	if (sequence->flags & SEQUENCE_CLOCK && chance(12))
		return CALL_CLOCK;
	at = below(total);
	for (call = 0; at >= weights[call]; call++)
		at -= weights[call];
	return call;
}

/* Mostly modes that let things happen. */
static long pick_mode(void)
{
	return chance(80) ? ONE_OF(0600, 0666, 0666, 0644, 0660, 0777) : below(01000);
}

static void fill_attach(struct sequence *sequence, struct op *op)
{
	op->b = (chance(30) ? SHM_RDONLY : 0) | (chance(5) ? SHM_EXEC : 0) |
		(chance(3) ? 01 : 0);
	/* @a is the address: -1 any, else an offset into the window @c. */
	op->a = -1;
	op->c = below(WINDOWS);
	if (sequence->flags & SEQUENCE_RMID_FORCED) {
		/* A failed attach is a deliberate difference there. */
		if (chance(50)) {
			op->a = 0;
			op->b |= SHM_REMAP;
		}
		return;
	}
	if (chance(50)) {
		op->a = chance(70) ? 0 : below(6) * PAGE;
		op->b |= (chance(40) ? SHM_REMAP : 0) | (chance(20) ? SHM_RND : 0);
		if (chance(10))
			op->a += ONE_OF(1, 2048, 4095);
	} else if (chance(3)) {
		op->b |= ONE_OF(SHM_REMAP, SHM_RND, SHM_RND | SHM_REMAP);
	} else if (chance(2)) {
		/* Beyond what a process has. */
		op->c = -1;
		op->a = ONE_OF(0x7ffffffff000, 0x800000000000, 0x7fffffffffff000, -PAGE, 1);
	}
}

static void fill(struct sequence *sequence, struct op *op)
{
	static const int protections[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
		PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
	};

	op->id = chance(95) ? prefer(has_id, IDS) : IDS + below(4);
	op->attach = prefer(has_attach[op->process], ATTACHES);
	/* Most operations on memory take pages @a to @a + @b. */
	op->a = below(6);
	op->b = 1 + (chance(40) ? below(16) : 0);
	op->c = 0;

	switch (op->call) {
	case CALL_GET:
		op->id = below(IDS);
		op->a = chance(55) ? IPC_PRIVATE : 0x1000 + below(6);
		op->b = chance(85) ? ONE_OF(1, 4096, 5000, 8192, 16384, 40960, 4097) :
			chance(70) ? ONE_OF(0, 0, 65536, 131072, 1 << 20) :
			ONE_OF(-1, 1L << 62, 1L << 46, 1L << 63, -4096, -4095);
		/* An attach that fails is a deliberate difference there. */
		if (sequence->flags & SEQUENCE_RMID_FORCED && op->b > 1 << 20)
			op->b = 4096;
		op->c = pick_mode() | (chance(85) ? IPC_CREAT : 0) | (chance(12) ? IPC_EXCL : 0) |
			(chance(10) ? SHM_NORESERVE : 0) | (chance(3) ? 1 << 20 : 0);
		/* Not without a bound: what is reserved counts for the whole machine. */
		if (op->b >= 1L << 46 && op->b != 1L << 46 && chance(50))
			op->c |= SHM_NORESERVE;
		break;
	case CALL_AT:
		op->attach = below(ATTACHES);
		fill_attach(sequence, op);
		break;
	case CALL_DT:
		op->a = chance(85) ? 0 : ONE_OF(1, 4096, -4096, 8192);
		break;
	case CALL_STAT_INDEX:
	case CALL_STAT_ANY:
		op->a = chance(50) ? -1 : chance(90) ? below(40) : ONE_OF(-2, 32768, 1 << 30);
		break;
	case CALL_SET:
		op->a = below(USERS + 1);
		op->b = below(USERS + 1);
		op->c = chance(80) ? pick_mode() : below(0200000);
		break;
	case CALL_STAT:
		op->a = chance(2);
		break;
	case CALL_BAD_COMMAND:
		op->a = ONE_OF(-1, 4, 5, 10, 16, 100, 1 << 20);
		break;
	case CALL_FORK:
	case CALL_KILL:
	case CALL_SETNS:
		op->a = below(PROCESSES);
		break;
	case CALL_MPROTECT:
		op->c = protections[below(chance(80) ? 3 : 6)];
		break;
	case CALL_MOVE:
	case CALL_DUPLICATE:
		if (chance(60)) {
			op->a = 0;
			op->b = 16;
		}
		/* A zone that no other operation has. */
		op->c = op - sequence->ops;
		op->id = below(ATTACHES);
		break;
	case CALL_RESIZE:
		op->b = 1 + below(12);
		op->c = op - sequence->ops;
		break;
	case CALL_REMAP_PAGES:
		op->b = 1 + below(2);
		op->c = below(6);
		break;
	case CALL_MADVISE:
		op->c = ONE_OF(MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
			       MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_NORMAL, MADV_RANDOM);
		break;
	case CALL_WRITE:
		op->b = below(PAGE / 8) * 8;
		op->c = next() & 0x7fffffff;
		break;
	case CALL_READ:
		op->b = below(PAGE / 8) * 8;
		break;
	case CALL_CREDENTIALS:
		op->a = chance(40) ? 0 : below(USERS);
		op->b = chance(40) ? 0 : below(USERS);
		/* Capabilities: all, none, or some. */
		op->c = chance(50) ? 0xff : chance(50) ? 0 : below(256);
		break;
	case CALL_MEMLOCK:
		op->a = ONE_OF(0, 1, 4, 8, 64, -1);
		break;
	case CALL_SYSCTL:
		op->a = below(5);
		if (op->a == 0)
			op->b = ONE_OF(-2, -2, -2, -2, 0, 8192, 5000, 1 << 20, 1 << 20);
		else if (op->a == 1)
			op->b = ONE_OF(-2, -2, -2, -2, 0, 10, 100);
		else if (op->a == 2)
			op->b = ONE_OF(4096, 4096, 4096, 32768, 0, 6, 12, -1, 32769);
		else if (op->a == 3)
			op->b = sequence->flags & SEQUENCE_RMID_FORCED ? ONE_OF(0, 1, 1, 2) : 0;
		else
			op->b = ONE_OF(0, 7, 4242, 1 << 20, 0x7fffffff, -1, 65535 << 15);
		break;
	}
	/* Leaving a namespace is no end of a process for xshm's device: see semantics.rst. */
	if ((sequence->flags & (SEQUENCE_RMID_FORCED | SEQUENCE_SERVED)) == SEQUENCE_RMID_FORCED &&
	    (op->call == CALL_UNSHARE || op->call == CALL_EXEC))
		op->call = CALL_TABLE;
}

/* Everything that can be seen, at the end. */
static void finish(struct sequence *sequence)
{
	static const unsigned char last[] = { CALL_READ_ALL, CALL_MAPS, CALL_TABLE, CALL_USAGE };

	for (int process = 0; process < PROCESSES; process++)
		for (unsigned int i = 0; i < sizeof(last); i++)
			sequence->ops[sequence->count++] = (struct op) {
				.call = last[i], .process = process,
			};
}

/**
 * generate() - make a sequence
 * @sequence: the sequence, whose count is how many operations are wanted
 * @seed: of the run
 * @number: of the sequence in the run
 * @may_set_clock: the machine's clock is ours
 * @served: xshm's side are the system calls
 */
void generate(struct sequence *sequence, uint64_t seed, unsigned int number, bool may_set_clock,
	      bool served)
{
	int count = sequence->count, process = 0;

	state = seed * 0xd1342543de82ef95ULL + number;
	next();
	memset(alive, 0, sizeof(alive));
	memset(has_id, 0, sizeof(has_id));
	memset(has_attach, 0, sizeof(has_attach));
	alive[0] = true;
	memset(sequence, 0, sizeof(*sequence));
	sequence->number = number;
	if (may_set_clock && number % 16 == 7)
		sequence->flags |= SEQUENCE_CLOCK;
	else if (number % 6 == 2)
		sequence->flags |= SEQUENCE_USERNS;
	if (number % 5 == 3)
		sequence->flags |= SEQUENCE_RMID_FORCED;
	if (served)
		sequence->flags |= SEQUENCE_SERVED;

	if (count > OPS_MAX - 4 * PROCESSES)
		count = OPS_MAX - 4 * PROCESSES;
	while (sequence->count < count) {
		struct op *op = &sequence->ops[sequence->count++];

		if (chance(35))
			process = prefer(alive, PROCESSES);
		op->process = process;
		op->call = pick_call(sequence);
		/* Something to work with from the start. */
		if (sequence->count <= 5) {
			op->process = 0;
			op->call = CALL_FORK;
			op->a = sequence->count;
		} else {
			fill(sequence, op);
		}
		expect(op);
		process = prefer_alive(process);
	}
	finish(sequence);
}
