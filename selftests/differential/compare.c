// SPDX-License-Identifier: GPL-2.0
/* compare.c - the records of both sides, and how they are shown */
#include <errno.h>
#include <string.h>

#include "differential.h"

static bool same(const struct side *a, const struct record *x, const struct side *b,
		 const struct record *y)
{
	return x->result == y->result && x->count == y->count &&
	       !memcmp(x->v, y->v, x->count * sizeof(x->v[0])) &&
	       x->text_size == y->text_size &&
	       !memcmp(a->text + x->text, b->text + y->text, x->text_size);
}

/* Number of the first operation that differs, -1 if none does. */
int first_difference(struct side *const side[2])
{
	int count = side[0]->sequence.count;

	for (int i = 0; i < count; i++) {
		if (i >= side[0]->position || i >= side[1]->position)
			return i;
		if (!same(side[0], &side[0]->record[i], side[1], &side[1]->record[i]))
			return i;
	}
	return side[0]->trouble || side[1]->trouble ? count : -1;
}

#define NAME(call)	\
	[call] = #call
static const char *const names[CALLS] = {
	NAME(CALL_GET), NAME(CALL_AT), NAME(CALL_DT), NAME(CALL_STAT), NAME(CALL_STAT_INDEX),
	NAME(CALL_STAT_ANY), NAME(CALL_SET), NAME(CALL_RMID), NAME(CALL_LOCK), NAME(CALL_UNLOCK),
	NAME(CALL_INFO), NAME(CALL_USAGE), NAME(CALL_BAD_COMMAND), NAME(CALL_FORK),
	NAME(CALL_EXEC), NAME(CALL_EXIT), NAME(CALL_KILL), NAME(CALL_MPROTECT), NAME(CALL_MUNMAP),
	NAME(CALL_MOVE), NAME(CALL_DUPLICATE), NAME(CALL_RESIZE), NAME(CALL_REMAP_PAGES),
	NAME(CALL_MLOCK), NAME(CALL_MUNLOCK), NAME(CALL_MADVISE), NAME(CALL_WRITE),
	NAME(CALL_READ), NAME(CALL_READ_ALL), NAME(CALL_CREDENTIALS), NAME(CALL_MEMLOCK),
	NAME(CALL_SYSCTL), NAME(CALL_UNSHARE), NAME(CALL_SETNS), NAME(CALL_TABLE), NAME(CALL_MAPS),
	NAME(CALL_CLOCK),
};

const char *call_name(int call)
{
	return names[call];
}

void print_op(FILE *f, const struct op *op)
{
	fprintf(f, "{ %s, .process = %d, .id = %d, .attach = %d, ", names[op->call], op->process,
		op->id, op->attach);
	fprintf(f, ".a = %#lx, .b = %#lx, .c = %#lx },", op->a, op->b, op->c);
}

static void print_text(FILE *f, const struct side *side, const struct record *record)
{
	const char *text = side->text + record->text;

	for (unsigned int i = 0; i < record->text_size; i++) {
		if (!i || text[i - 1] == '\n')
			fprintf(f, "#     ");
		fputc(text[i], f);
	}
}

static void print_record(FILE *f, const struct side *side, int i)
{
	const struct record *record = &side->record[i];

	fprintf(f, "#   %s: ", backends[side->backend].name);
	if (i >= side->position) {
		fprintf(f, "not reached%s", side->trouble == ETIMEDOUT ? ", time-out" : "");
		if (side->trouble & 0x10000)
			fprintf(f, ", a process ended with status %#x", side->trouble & 0xffff);
		fputc('\n', f);
		return;
	}
	if (record->result < 0 && record->result > -1000)
		fprintf(f, "%s\n", strerrorname_np(-record->result));
	else if (record->result < 0)
		fprintf(f, "signal %ld\n", -1000 - record->result);
	else
		fprintf(f, "%ld (%#lx)\n", record->result, record->result);
	for (int v = 0; v < record->count; v++)
		fprintf(f, "%s%#lx%s", v ? " " : "#     ", record->v[v],
			v == record->count - 1 ? "\n" : "");
	print_text(f, side, record);
}

/* A sequence that differs, as an entry for cases.c, and where it does. */
void print_case(FILE *f, struct side *const side[2])
{
	const struct sequence *sequence = &side[0]->sequence;
	int difference = first_difference(side);

	fprintf(f, "static const struct sequence found = {\n");
	fprintf(f, "\t.flags = %u, .count = %d,\n\t.ops = {\n", sequence->flags, sequence->count);
	for (int i = 0; i < sequence->count; i++) {
		long result = side[0]->record[i].result;

		fprintf(f, "\t\t");
		print_op(f, &sequence->ops[i]);
		if (result < 0 && result > -1000)
			fprintf(f, "\t/* %s */\n", strerrorname_np(-result));
		else
			fprintf(f, "\t/* %#lx */\n", result);
	}
	fprintf(f, "\t},\n};\n");
	if (difference < 0) {
		fprintf(f, "# no difference\n");
		return;
	}
	fprintf(f, "# first difference: operation %d", difference);
	if (difference < sequence->count) {
		fprintf(f, ", ");
		print_op(f, &sequence->ops[difference]);
	}
	fputc('\n', f);
	print_record(f, side[0], difference);
	print_record(f, side[1], difference);
}
