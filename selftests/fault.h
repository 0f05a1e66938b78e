/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures on demand: the nth place in the kernel where the calling thread
 * could be refused memory, or a copy from or to user space, refuses it once.
 * See Documentation/fault-injection/ of the kernel.
 */
#ifndef SELFTESTS_XSHM_FAULT_H
#define SELFTESTS_XSHM_FAULT_H

#include "common.h"

/* Of the calling thread, so open it there; see fault_open(). */
static int fault_fd = -1;

/* Returns NULL, or why this kernel can't inject faults. */
static inline const char *fault_open(void)
{
	static const char *const settings[][2] = {
		/* Allocations that may sleep fail too, from all caches. */
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		/* A stack trace for each would fill the log. */
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};

	fault_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fault_fd < 0)
		return "this kernel has no fault injection";
	for (unsigned int i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (write_text(path, settings[i][1]))
			return "fault injection can't be set up in /sys/kernel/debug";
	}
	return NULL;
}

/* Fault number nth from now on, counted from 1. */
static inline void fault_arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fault_fd, text, length, 0) != length)
		abort();
}

/* How many places were passed since fault_arm(nth), which was not reached. */
static inline int fault_passed(int nth)
{
	char text[16] = "";

	return pread(fault_fd, text, sizeof(text) - 1, 0) > 0 ? nth - atoi(text) : -1;
}

/* No more faults. Returns true if the fault was injected since it was armed. */
static inline bool fault_disarm(void)
{
	char text[16] = "";
	/* The value is looked at before it is copied, which may be the fault. */
	bool fired = pread(fault_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	if (pwrite(fault_fd, "0", 1, 0) != 1 && pwrite(fault_fd, "0", 1, 0) != 1)
		abort();
	return fired;
}

#endif
