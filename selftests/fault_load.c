// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module when memory is refused to it: it is there and works, or it
 * is not and has left nothing. Needs the module's file in XSHM_KO.
 */
#include "counters.h"
#include "fault.h"
#include "module.h"
#include "raw.h"

#define MAX_FAULTS	20000
/* The last places: of the module's start, and of what the kernel does from its part on. */
#define START_PLACES	150
#define LAST_PLACES	400

static bool loaded(void)
{
	return !access("/sys/module/xshm", F_OK) || !access("/dev/xshm", F_OK) ||
	       !access("/proc/xshm", F_OK) || !access("/proc/sys/xshm", F_OK);
}

FIXTURE(fault_load) {
	int ko;
};

FIXTURE_SETUP(fault_load)
{
	const char *why = fault_open();

	self->ko = -1;
	if (why)
		SKIP(return, "%s", why);
	self->ko = open_module();
	if (self->ko < 0)
		SKIP(return, "XSHM_KO does not say where xshm.ko is");
	ASSERT_EQ(0, unload_soon());
}

FIXTURE_TEARDOWN(fault_load)
{
	if (self->ko >= 0 && !loaded())
		EXPECT_EQ(0, load(self->ko));
}

/*
 * The first places are in the kernel's own part of loading, before the module's
 * start. It warns about itself where it has no memory for the fields of a
 * tracepoint, so that part is left out. Loading takes long on a kernel that has
 * fault injection: unless XSHM_FAULT_ALL is set, only some places are tried of
 * what follows, and all of the end, where the module starts.
 */
static int first(int places)
{
	return places > LAST_PLACES ? places - LAST_PLACES : 1;
}

static int step(int nth, int places)
{
	return getenv("XSHM_FAULT_ALL") || nth >= places - START_PLACES ? 1 : 7;
}

TEST_F_TIMEOUT(fault_load, refused, 1200)
{
	int faults = 0, refused = 0, places;
	bool fired = true;

	fault_arm(MAX_FAULTS);
	ASSERT_EQ(0, load(self->ko));
	places = fault_passed(MAX_FAULTS);
	fault_disarm();
	ASSERT_LT(0, places);
	ASSERT_EQ(0, unload_soon());
	for (int nth = first(places); fired && nth < MAX_FAULTS; nth += step(nth, places)) {
		int err;

		fault_arm(nth);
		err = load(self->ko);
		fired = fault_disarm();
		faults += fired;
		if (err) {
			ASSERT_TRUE(fired) TH_LOG("without a fault: %s", strerror(-err));
			ASSERT_FALSE(loaded()) TH_LOG("fault %d left something", nth);
			refused++;
			continue;
		}
		ASSERT_TRUE(!access("/dev/xshm", F_OK) && !access("/proc/xshm", F_OK) &&
			    !access("/proc/sys/xshm/shmmax", F_OK))
			TH_LOG("fault %d: loaded, but something is missing", nth);
		ASSERT_EQ(0, unload_soon());
		ASSERT_FALSE(loaded());
	}
	EXPECT_FALSE(fired);
	EXPECT_LT(10, refused);
	printf("# counted: %d faults in %d places of loading the module, refused by %d\n",
	       faults, places, refused);
	ASSERT_EQ(0, load(self->ko));
	EXPECT_EQ(0, raw_remove(RAW_GET(4096, 0600, 0)));
}

TEST_HARNESS_MAIN
