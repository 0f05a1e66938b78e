// SPDX-License-Identifier: GPL-2.0
/*
 * Loading xshm_sysv.ko when memory is refused to it: it is there and serves, or it is
 * not and has left nothing, no hook among it.
 */
#include "fault.h"
#include "hooks.h"

#define MAX_FAULTS	20000
/* Loading and unloading takes ten seconds there: unless XSHM_FAULT_ALL is set, some places. */
#define STEP		83

FIXTURE(fault_served_load) {
	int ko;
};

FIXTURE_VARIANT(fault_served_load) { int unused; };
FIXTURE_VARIANT_ADD(fault_served_load, calls) { };

FIXTURE_SETUP(fault_served_load)
{
	const char *why = fault_open();

	self->ko = -1;
	if (why)
		SKIP(return, "%s", why);
	USE_CALLS();
	self->ko = open_sysv_module();
	if (self->ko < 0)
		SKIP(return, "no xshm_sysv.ko to load again");
	ASSERT_EQ(0, unload_sysv());
}

FIXTURE_TEARDOWN(fault_served_load)
{
	if (self->ko < 0)
		return;
	if (access(SWITCH, F_OK))
		EXPECT_EQ(0, load_sysv(self->ko, sysv_parameters));
	close(self->ko);
}

/* ftrace says EINVAL where it has no memory to note what was found. */
static bool is_of_fault(int err)
{
	return err == -ENOMEM || err == -EFAULT || err == -EINVAL;
}

/* Others of the program have the descriptor of the library. */
static long users_of_xshm(void)
{
	return read_number("/sys/module/xshm/refcnt");
}

TEST_F_TIMEOUT(fault_served_load, refused, 1400)
{
	int faults = 0, refused = 0, unhooked = log_lines("can't be hooked"), places;
	int step = getenv("XSHM_FAULT_ALL") ? 1 : STEP;
	const char *seed = getenv("XSHM_SEED");
	bool fired = true;
	long users;

	ASSERT_STREQ("", what_is_left());
	users = users_of_xshm();
	fault_arm(MAX_FAULTS);
	ASSERT_EQ(0, load_sysv(self->ko, "serve=1"));
	places = fault_passed(MAX_FAULTS);
	fault_disarm();
	ASSERT_LT(0, places);
	ASSERT_TRUE(calls_work());
	ASSERT_EQ(0, unload_sysv());
	for (int nth = 1 + (seed ? atoi(seed) % step : 0); fired && nth < MAX_FAULTS; nth += step) {
		int err;

		fault_arm(nth);
		err = load_sysv(self->ko, "serve=1");
		fired = fault_disarm();
		faults += fired;
		if (err) {
			ASSERT_TRUE(fired && is_of_fault(err))
				TH_LOG("fault %d: %s", nth, strerror(-err));
			refused++;
		} else {
			EXPECT_TRUE(calls_work()) TH_LOG("fault %d: loaded", nth);
			ASSERT_EQ(0, unload_sysv());
		}
		ASSERT_STREQ("", what_is_left()) TH_LOG("fault %d", nth);
		ASSERT_EQ(users, users_of_xshm()) TH_LOG("fault %d", nth);
	}
	EXPECT_FALSE(fired);
	EXPECT_LT(1, refused);
	unhooked = log_lines("can't be hooked") - unhooked;
	printf("# counted: %d faults in %d places of loading xshm_sysv.ko, refused by %d, ",
	       faults, places, refused);
	printf("of which %d when hooks were set\n", unhooked);
	ASSERT_EQ(0, load_sysv(self->ko, "serve=1"));
	EXPECT_TRUE(calls_work());
}

TEST_HARNESS_MAIN
