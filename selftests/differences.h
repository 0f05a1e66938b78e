/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where xshm deliberately answers otherwise than System V shared memory: each
 * has a section of that name in Documentation/semantics.rst, which says why.
 * A test that meets one gives both values, so neither goes unwatched.
 */
#ifndef SELFTESTS_XSHM_DIFFERENCES_H
#define SELFTESTS_XSHM_DIFFERENCES_H

enum difference {
	IDS_APART,
	SHARED_MAPPING_FILE,
	MOVED_PARTS,
	FAILED_ATTACH,
	CREATOR_IS_A_PROCESS,
	CREATOR_THAT_EXECUTED,
	CREATOR_THAT_LEAVES,
	WHO_WRITES_SYSCTLS,
	LOCKED_MEMORY,
	HUGE_RESERVATION,
	DETACH_IN_STEPS,
	COMPAT_SHMLBA,
	SECURITY_MODULES,
	DIFFERENCES
};

static const char *const differences[DIFFERENCES] = {
	[IDS_APART] = "Ids that are not the kernel's",
	[SHARED_MAPPING_FILE] = "Attaches of a segment share their file",
	[MOVED_PARTS] = "Moving several parts at once",
	[FAILED_ATTACH] = "A failed attach destroys nothing",
	[CREATOR_IS_A_PROCESS] = "The creator is a process",
	[CREATOR_THAT_EXECUTED] = "The end of a creator that executed another program",
	[CREATOR_THAT_LEAVES] = "A creator that leaves the IPC namespace",
	[WHO_WRITES_SYSCTLS] = "Who writes the sysctl files",
	[HUGE_RESERVATION] = "Reserving huge pages needs address space",
	/* No test can tell these: a race, another architecture, another kernel. */
	[LOCKED_MEMORY] = "Locked memory has its own account",
	[DETACH_IN_STEPS] = "A detach is not one step",
	[COMPAT_SHMLBA] = "Addresses of 32-bit programs on arm64",
	[SECURITY_MODULES] = "Security modules",
};

/*
 * What the door of the system calls doesn't have in common with the device: it is told
 * of a task's end, and its limits are the kernel's own, where the kernel has some.
 */
static inline bool differs_when_served(enum difference which)
{
	switch (which) {
	case IDS_APART:
	case CREATOR_IS_A_PROCESS:
	case CREATOR_THAT_EXECUTED:
	case CREATOR_THAT_LEAVES:
		return false;
	case WHO_WRITES_SYSCTLS:
		/* With System V there are semaphores, too. */
		return access("/proc/sysvipc/sem", F_OK);
	default:
		return true;
	}
}

static inline bool differs(enum difference which)
{
	return differences[which] &&
	       (ipc == &xshm || (served() && differs_when_served(which)));
}

/* The value expected of the backend under test. */
#define DIFFERS(which, of_sysv, of_xshm)	(differs(which) ? (of_xshm) : (of_sysv))

#endif
