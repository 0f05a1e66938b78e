// SPDX-License-Identifier: GPL-2.0
/* XSHM_IOC_SET_LIMITS: the limits of a namespace, for those who own it. */
#include <limits.h>

#include "raw.h"

FIXTURE(set_limits) {
	struct xshm_limits before;
};

FIXTURE_SETUP(set_limits)
{
	USE_BACKEND(&xshm);
	memset(&self->before, POISON, sizeof(self->before));
	ASSERT_LE(0, raw_control(XSHM_IOC_LIMITS, 0, &self->before, sizeof(self->before)));
}

FIXTURE_TEARDOWN(set_limits)
{
}

static int set_limits(__u32 which, const struct xshm_limits *limits)
{
	struct xshm_control c = {
		.size = sizeof(c), .select = which, .buf = (uintptr_t)limits,
		.buf_size = sizeof(*limits),
	};

	return raw(device(), XSHM_IOC_SET_LIMITS, &c);
}

static struct xshm_limits get_limits(void)
{
	struct xshm_limits limits;

	memset(&limits, POISON, sizeof(limits));
	if (raw_control(XSHM_IOC_LIMITS, 0, &limits, sizeof(limits)) < 0)
		abort();
	return limits;
}

#define FIELDS	8

/* Gives the field that a bit names a value. */
static int field(struct xshm_limits *limits, int bit, __u64 value)
{
	switch (1U << bit) {
	case XSHM_LIMIT_SHMMAX:
		limits->shmmax = value;
		return 0;
	case XSHM_LIMIT_SHMMNI:
		limits->shmmni = limits->shmseg = value;
		return 0;
	case XSHM_LIMIT_SHMALL:
		limits->shmall = value;
		return 0;
	case XSHM_LIMIT_USER_SEGMENTS:
		limits->user_segments = value;
		return 0;
	case XSHM_LIMIT_USER_BYTES:
		limits->user_bytes = value;
		return 0;
	case XSHM_LIMIT_RMID_FORCED:
		limits->rmid_forced = value;
		return 0;
	case XSHM_LIMIT_HUGE:
		limits->huge = value;
		return 0;
	case XSHM_LIMIT_NEXT_ID:
		limits->next_id = value;
		return 0;
	}
	return -1;
}

TEST_F(set_limits, each_bit_sets_its_field_only)
{
	static const __u64 values[FIELDS] = { 123456, 77, 9999, 5, 654321, 1, XSHM_HUGE_ALWAYS,
					      42 };

	for (int bit = 0; bit < FIELDS; bit++) {
		struct xshm_limits wanted = self->before, all, seen;

		memset(&seen, 0, sizeof(seen));
		/* All fields differ, and one is named. */
		all = wanted;
		for (int i = 0; i < FIELDS; i++)
			ASSERT_EQ(0, field(&all, i, values[i]));
		ASSERT_EQ(0, field(&wanted, bit, values[bit]));
		ASSERT_EQ(0, set_limits(1U << bit, &all)) {
			TH_LOG("bit %d", bit);
		}
		seen = get_limits();
		EXPECT_EQ(0, memcmp(&wanted, &seen, sizeof(seen))) {
			TH_LOG("bit %d", bit);
		}
		/* The next id can't be taken back, but used up. */
		if (1U << bit == XSHM_LIMIT_NEXT_ID) {
			REMOVE(get(IPC_PRIVATE, 1, 0600));
		}
		ASSERT_EQ(0, set_limits(((1U << FIELDS) - 1) & ~XSHM_LIMIT_NEXT_ID, &self->before));
		seen = get_limits();
		ASSERT_EQ(0, memcmp(&self->before, &seen, sizeof(seen)));
	}
}

TEST_F(set_limits, they_are_those_of_the_sysctls)
{
	struct xshm_limits limits = self->before;

	limits.shmmax = 5000;
	limits.user_segments = 3;
	ASSERT_EQ(0, set_limits(XSHM_LIMIT_SHMMAX | XSHM_LIMIT_USER_SEGMENTS, &limits));
	EXPECT_EQ(5000, get_sysctl("shmmax"));
	EXPECT_EQ(3, get_sysctl("user_segments"));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 5001, 0600));
	REMOVE(GET(IPC_PRIVATE, 5000, 0600));
	limits.next_id = 4242;
	ASSERT_EQ(0, set_limits(XSHM_LIMIT_NEXT_ID, &limits));
	EXPECT_EQ(4242, get(IPC_PRIVATE, 1, 0600));
	EXPECT_EQ(-1, get_limits().next_id);
}

TEST_F(set_limits, values_out_of_range)
{
	static const struct {
		int bit;
		__u64 value;
	} wrong[] = {
		{ 1, 32769 }, { 1, UINT_MAX }, { 1, ULONG_MAX }, { 1, 1ULL << 32 }, { 5, 2 },
		{ 5, UINT_MAX }, { 6, XSHM_HUGE_ADVISE + 1 }, { 6, UINT_MAX }, { 7, -1 },
		{ 7, -2 }, { 7, INT_MIN },
	};

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct xshm_limits limits = self->before, seen;

		ASSERT_EQ(0, field(&limits, wrong[i].bit, wrong[i].value));
		EXPECT_EQ(-EINVAL, set_limits(1U << wrong[i].bit, &limits)) {
			TH_LOG("bit %d, value 0x%llx", wrong[i].bit, wrong[i].value);
		}
		/* With others that are right: none of them is set. */
		limits.user_bytes = 99;
		EXPECT_EQ(-EINVAL, set_limits(1U << wrong[i].bit | XSHM_LIMIT_USER_BYTES, &limits));
		seen = get_limits();
		EXPECT_EQ(0, memcmp(&self->before, &seen, sizeof(seen)));
		/* What isn't named may be anything. */
		limits = self->before;
		ASSERT_EQ(0, field(&limits, wrong[i].bit, wrong[i].value));
		EXPECT_EQ(0, set_limits(XSHM_LIMIT_USER_SEGMENTS, &limits));
	}
	for (unsigned int bit = FIELDS; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, set_limits(1U << bit, &self->before));
}

TEST_F(set_limits, who_may)
{
	struct xshm_limits limits = self->before, seen;

	limits.shmmni = 7;
	limits.next_id = 5;
	AS_USER(USER, GROUP) {
		for (int bit = 0; bit < FIELDS; bit++)
			EXPECT_EQ(-EPERM, set_limits(1U << bit, &limits));
	}
	/* Checkpointing may choose ids, and nothing else. */
	AS_USER_WITH(USER, GROUP, CAP_CHECKPOINT_RESTORE) {
		EXPECT_EQ(-EPERM, set_limits(XSHM_LIMIT_SHMMNI, &limits));
		EXPECT_EQ(-EPERM, set_limits(XSHM_LIMIT_SHMMNI | XSHM_LIMIT_NEXT_ID, &limits));
		EXPECT_EQ(0, set_limits(XSHM_LIMIT_NEXT_ID, &limits));
		EXPECT_EQ(5, get(IPC_PRIVATE, 1, 0600));
	}
	seen = get_limits();
	EXPECT_EQ(0, memcmp(&self->before, &seen, sizeof(seen)));
}

/* Who owns the namespace, though he is nobody on the machine. */
TEST_F(set_limits, root_of_a_container)
{
	struct xshm_limits seen;

	AS_USER(USER, GROUP) {
		struct xshm_limits limits = self->before;

		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
		if (unshare(CLONE_NEWUSER)) {
			TH_LOG("no user namespace: %s", strerror(errno));
			_exit(0);
		}
		ASSERT_EQ(0, write_text("/proc/self/uid_map", "0 1000 1"));
		limits.shmmni = 7;
		limits.next_id = 5;
		EXPECT_EQ(0, geteuid());
		EXPECT_EQ(-EPERM, set_limits(XSHM_LIMIT_SHMMNI, &limits));
		EXPECT_EQ(-EPERM, set_limits(XSHM_LIMIT_NEXT_ID, &limits));
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(0, set_limits(XSHM_LIMIT_SHMMNI, &limits));
		EXPECT_EQ(0, set_limits(XSHM_LIMIT_NEXT_ID, &limits));
		EXPECT_EQ(7, get_limits().shmmni);
		EXPECT_EQ(5, get(IPC_PRIVATE, 1, 0600));
	}
	seen = get_limits();
	EXPECT_EQ(0, memcmp(&self->before, &seen, sizeof(seen)));
}

TEST_F(set_limits, buffers)
{
	char *area = mmap(NULL, pages(2), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	struct xshm_control c = {
		.size = sizeof(c), .select = XSHM_LIMIT_SHMMNI, .buf_size = sizeof(self->before),
	};
	char *end = area + pages(1);

	ASSERT_EQ(0, munmap(end, pages(1)));
	EXPECT_EQ(-EFAULT, raw(device(), XSHM_IOC_SET_LIMITS, &c));
	for (unsigned int missing = 1; missing < sizeof(self->before); missing++) {
		c.buf = (uintptr_t)end - sizeof(self->before) + missing;
		EXPECT_EQ(-EFAULT, raw(device(), XSHM_IOC_SET_LIMITS, &c));
	}
	memcpy(end - sizeof(self->before), &self->before, sizeof(self->before));
	c.buf = (uintptr_t)end - sizeof(self->before);
	EXPECT_EQ(0, raw(device(), XSHM_IOC_SET_LIMITS, &c));
	for (__u32 size = 0; size < sizeof(self->before); size++) {
		c.buf_size = size;
		EXPECT_EQ(-EINVAL, raw(device(), XSHM_IOC_SET_LIMITS, &c));
	}
	c.buf_size = sizeof(self->before);
	for (int id = -1; id < 2; id += 2) {
		c.id = id;
		EXPECT_EQ(-EINVAL, raw(device(), XSHM_IOC_SET_LIMITS, &c));
	}
}

TEST_HARNESS_MAIN
