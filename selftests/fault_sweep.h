/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every allocation and every copy from or to user space of an operation is
 * failed in turn. The operation then says so or gets along without, what could
 * be seen before is as it was, and the next try works.
 */
#ifndef SELFTESTS_XSHM_FAULT_SWEEP_H
#define SELFTESTS_XSHM_FAULT_SWEEP_H

#include "counters.h"
#include "fault.h"
#include "raw.h"

#define BYTES		(3 * 4096UL)
/* More places than any operation has. */
#define MAX_FAULTS	3000

/* Of all tests, for the sum at the end. */
static struct sums {
	long operations;
	long faults;
	long refused;
} *sums;

static __attribute__((constructor)) void share_sums(void)
{
	sums = mmap(NULL, sizeof(*sums), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
}

FIXTURE(fault) {
	/* Segments that are there all the time: by key, attached. */
	int keyed;
	char *keyed_at;
	int attached;
	char *at;
	/* What an operation works on. */
	int id;
	char *p;
	char *to;
	int fd;
	char path[64];
	char text[64];
	char buf[8192];
};

FIXTURE_SETUP(fault)
{
	const char *why;

	self->keyed = -1;
	self->fd = -1;
	USE_BACKEND(&xshm);
	why = fault_open();
	if (why)
		SKIP(return, "%s", why);
	ASSERT_LE(0, device());
	self->attached = RAW_GET(BYTES, 0600, 0);
	self->at = RAW_ATTACH(self->attached, 0, 0);
	ASSERT_LT(0, raw_attach(self->attached, NULL, XSHM_RDONLY, 0));
	self->keyed = raw_get(KEY, BYTES, XSHM_CREAT | 0600, 0);
	ASSERT_LE(0, self->keyed);
	self->keyed_at = RAW_ATTACH(self->keyed, 0, 0);
}

FIXTURE_TEARDOWN(fault)
{
	if (self->keyed < 0)
		return;
	EXPECT_EQ(0, raw_remove(self->attached));
	EXPECT_EQ(0, raw_remove(self->keyed));
}

/* All that an operation that is refused must leave alone. */
struct state {
	struct xshm_usage usage;
	struct xshm_limits limits;
	struct xshm_ds ds[2];
	struct pool pool;
	long next_id;
	int mappings;
	int id_of_key;
	int id_of_other_key;
};

static int count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, "/SYSV");
	if (f)
		fclose(f);
	return n;
}

static void look_around(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			struct state *state)
{
	memset(state, 0, sizeof(*state));
	EXPECT_LE(0, raw_control(XSHM_IOC_USAGE, 0, &state->usage, sizeof(state->usage)));
	EXPECT_LE(0, raw_control(XSHM_IOC_LIMITS, 0, &state->limits, sizeof(state->limits)));
	EXPECT_EQ(0, raw_stat(self->keyed, &state->ds[0]));
	EXPECT_EQ(0, raw_stat(self->attached, &state->ds[1]));
	for (int i = 0; i < 2; i++) {
		/* An attach that is undone again may show in these. */
		state->ds[i].atime = 0;
		state->ds[i].dtime = 0;
		state->ds[i].lpid = 0;
	}
	state->pool = pool_of(HUGE_2M);
	state->next_id = get_sysctl("shm_next_id");
	state->mappings = count_mappings();
	state->id_of_key = raw_get(KEY, 0, 0, 0);
	state->id_of_other_key = raw_get(KEY + 1, 0, 0, 0);
}

static void expect_same(struct __test_metadata *_metadata, const struct state *then,
			const struct state *now, const char *what, int nth)
{
	EXPECT_EQ(0, memcmp(then, now, sizeof(*now))) {
		TH_LOG("%s, fault %d, segments: %d, now %d", what, nth, then->usage.used_ids,
		       now->usage.used_ids);
		TH_LOG("shm_tot %llu, now %llu; locked %llu, now %llu; mappings %d, now %d",
		       then->usage.shm_tot, now->usage.shm_tot, then->usage.locked,
		       now->usage.locked, then->mappings, now->mappings);
		TH_LOG("nattch %llu and %llu, now %llu and %llu; pool reserved %ld, now %ld",
		       then->ds[0].nattch, then->ds[1].nattch, now->ds[0].nattch,
		       now->ds[1].nattch, then->pool.reserved, now->pool.reserved);
	}
}

/*
 * An operation. before() makes what it needs, after() takes away what it made;
 * either may be missing. run() returns a negative errno when it is refused.
 */
struct operation {
	const char *name;
	void (*before)(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self);
	long (*run)(FIXTURE_DATA(fault) *self);
	void (*after)(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, long result);
	/* The errno of a fault other than ENOMEM, and EFAULT of a copy. */
	int also;
	/* Parts of what it does may be done when it is refused, as with write(2). */
	bool partial;
};

#define OPERATION(_name, _before, _run, _after, ...)				\
	{ .name = _name, .before = _before, .run = _run, .after = _after, __VA_ARGS__ }

/* A sweep looks around thousands of times, and may do so on a slow kernel. */
#define SWEEP_SECONDS	900

static void sweep(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
		  const struct operation *op)
{
	struct state start, then, now;
	int nth, refused = 0;
	bool fired = true;

	look_around(_metadata, self, &start);
	for (nth = 1; fired && nth < MAX_FAULTS && _metadata->exit_code == KSFT_PASS; nth++) {
		long result;

		if (op->before)
			op->before(_metadata, self);
		look_around(_metadata, self, &then);
		fault_arm(nth);
		result = op->run(self);
		fired = fault_disarm();
		if (!fired)
			EXPECT_LE(0, result) TH_LOG("%s without a fault", op->name);
		if (result < 0) {
			refused++;
			EXPECT_TRUE(result == -ENOMEM || result == -EFAULT ||
				    (op->also && result == -op->also))
				TH_LOG("%s, fault %d: %s", op->name, nth, strerror(-result));
			look_around(_metadata, self, &now);
			if (!op->partial)
				expect_same(_metadata, &then, &now, op->name, nth);
			result = op->run(self);
			EXPECT_LE(0, result)
				TH_LOG("%s after fault %d: %s", op->name, nth, strerror(-result));
		}
		if (op->after)
			op->after(_metadata, self, result);
		look_around(_metadata, self, &now);
		expect_same(_metadata, &start, &now, op->name, -nth);
	}
	EXPECT_FALSE(fired) TH_LOG("%s: no end after %d faults", op->name, nth);
	TH_LOG("%s: %d faults, refused %d times", op->name, nth - 2, refused);
	sums->operations++;
	sums->faults += nth - 2;
	sums->refused += refused;
}

/* A fixture of its own: they are run in the order in which they are written, last. */
#define TEST_SUM_OF_FAULTS							\
FIXTURE(fault_sum) { int unused; };						\
FIXTURE_SETUP(fault_sum) { }							\
FIXTURE_TEARDOWN(fault_sum) { }							\
TEST_F(fault_sum, counted)							\
{										\
	if (!sums->operations)							\
		SKIP(return, "no fault was injected");				\
	EXPECT_LT(20, sums->faults);						\
	EXPECT_LT(20, sums->refused);						\
	printf("# counted: %ld faults injected into %ld operations, refused by %ld\n", \
	       sums->faults, sums->operations, sums->refused);			\
}

#endif
