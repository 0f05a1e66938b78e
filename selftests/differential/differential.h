/* SPDX-License-Identifier: GPL-2.0 */
/*
 * differential.h - the same operations on xshm and on the kernel's own calls
 *
 * xshm's side uses its library, or the system calls in IPC namespaces where
 * xshm_sysv.ko serves them. The other side's are not served.
 *
 * A sequence of operations is made from a seed. Each of the two sides carries
 * it out in an IPC and a PID namespace of its own, with real processes that
 * hand each other the turn, so that one operation follows another. What an
 * operation refers to (an id, an attach, a process) are slots, which earlier
 * operations filled: any part of a sequence is a sequence, which is what
 * shrinking needs. Each operation leaves a record; the records of both
 * sides must be equal.
 */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/types.h>

#define PROCESSES	6
#define ATTACHES	8	/* slots of a process */
#define IDS		8	/* slots of a sequence */
#define USERS		3	/* 0 is root */
#define OPS_MAX		1200
#define TEXT_MAX	(768 << 10)
#define PAGE		4096UL

/* Where fixed attaches go. Zones are taken once, so no two attaches meet there. */
#define ZONE_SIZE	0x800000UL
#define WINDOW(n)	(0x100000000000UL + (n) * ZONE_SIZE)
#define ZONE(n)		(0x200000000000UL + (n) * ZONE_SIZE)
#define WINDOWS		16
#define ARENA_END	0x300000000000UL

enum call {
	CALL_GET, CALL_AT, CALL_DT, CALL_STAT, CALL_STAT_INDEX, CALL_STAT_ANY, CALL_SET,
	CALL_RMID, CALL_LOCK, CALL_UNLOCK, CALL_INFO, CALL_USAGE, CALL_BAD_COMMAND,
	CALL_FORK, CALL_EXEC, CALL_EXIT, CALL_KILL, CALL_MPROTECT, CALL_MUNMAP, CALL_MOVE,
	CALL_DUPLICATE, CALL_RESIZE, CALL_REMAP_PAGES, CALL_MLOCK, CALL_MUNLOCK, CALL_MADVISE,
	CALL_WRITE, CALL_READ, CALL_READ_ALL, CALL_CREDENTIALS, CALL_MEMLOCK, CALL_SYSCTL,
	CALL_UNSHARE, CALL_SETNS, CALL_TABLE, CALL_MAPS, CALL_CLOCK, CALLS
};

/**
 * struct op - an operation
 * @call: what is done
 * @process: who does it
 * @id: slot of an id; IDS and above stand for ids that are wrong
 * @attach: slot of an attach of that process
 * @a: meaning depends on @call, as for the others
 */
struct op {
	unsigned char call, process, id, attach;
	long a, b, c;
};

/* Properties of a whole sequence. */
enum {
	SEQUENCE_USERNS = 1,	/* in a user namespace */
	SEQUENCE_CLOCK = 2,	/* times are compared: CALL_CLOCK sets the clock */
	SEQUENCE_RMID_FORCED = 4,
	SEQUENCE_SERVED = 8,	/* xshm's side are the system calls */
};

struct sequence {
	unsigned int number;
	unsigned int flags;
	int count;
	struct op ops[OPS_MAX];
};

/**
 * struct record - what an operation did
 * @result: what the call returned, -errno for an error; addresses that the kernel
 *	chose are 0
 * @v: what it filled in, times normalised
 * @text: offset of text it gave (a table), @text_size its length
 */
struct record {
	long result;
	uint64_t v[14];
	int count;
	unsigned int text, text_size;
};

/* Where ids of the device begin, beside calls of the kernel's own (semantics.rst). */
#define IDS_APART	(0x4000 << 15)

struct attach {
	unsigned long address;	/* 0: the slot is empty */
	unsigned long pages;
	bool fixed;		/* where both sides have it */
};

struct process {
	pid_t pid;		/* 0: there is none */
	bool sys_admin;
	bool elsewhere;		/* in a namespace that may end before the sequence */
	struct attach attach[ATTACHES];
};

enum { RUNNER = PROCESSES };
enum { WANT_NOTHING, WANT_EXIT, WANT_KILL, WANT_CLOCK, WANT_END };

/* What a side uses: the last two are the same calls, in other namespaces. */
enum { BACKEND_SYSV, BACKEND_XSHM, BACKEND_SERVED, BACKENDS };

/**
 * struct side - memory that all processes of a side share
 * @turn: futexes, one for each process and the runner
 * @position: operation that is carried out
 * @want: what the runner shall do for the process that had the turn
 * @trouble: set when a process died by itself, or what is said in @text
 */
struct side {
	int number;		/* 0 or 1 */
	int backend;
	int binary;		/* descriptor, for exec */
	int first_id;		/* what the first id of a namespace is: 0 or IDS_APART */
	uid_t base;		/* user n is base + n, in a user namespace n */
	time_t clock;
	atomic_int turn[PROCESSES + 1];
	volatile int position;
	volatile int want;
	volatile int done;
	volatile int trouble;
	int ids[IDS];
	unsigned int text_size;
	struct process process[PROCESSES];
	struct sequence sequence;
	struct record record[OPS_MAX];
	char text[TEXT_MAX];
};

struct backend {
	const char *name;
	int (*get)(key_t key, size_t size, int flags);
	void *(*at)(int id, const void *address, int flags);
	int (*dt)(const void *address);
	int (*ctl)(int id, int command, struct shmid_ds *buf);
	const char *table;
	const char *sysctl;
};

extern const struct backend backends[BACKENDS];

/* generate.c */
void generate(struct sequence *sequence, uint64_t seed, unsigned int number, bool may_set_clock,
	      bool served);

/* calls.c, memory.c: carry out an operation as the process that has the turn */
void carry_out(struct side *side, const struct op *op, struct record *record);
bool carry_out_memory(struct side *side, const struct op *op, struct record *record);
void guard_faults(void);
uid_t real_user(const struct side *side, long n);
int id_of(const struct side *side, const struct op *op);
long shown_id(long id);
long add_text(struct side *side, struct record *record, const char *text, size_t size);
int switch_service(const struct side *side);

/* side.c */
void run_sides(const struct sequence *sequence, struct side *const side[2]);
void resume_after_exec(int memory, int process);
int allocate_side(struct side **side);
void sides_init(void);

/* compare.c */
int first_difference(struct side *const side[2]);
const char *call_name(int call);
void print_op(FILE *f, const struct op *op);
void print_case(FILE *f, struct side *const side[2]);

/* shrink.c */
void shrink(struct sequence *sequence, struct side *const side[2], int seconds);

/* cases.c */
extern const struct sequence *const cases[];

#endif
