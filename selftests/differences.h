/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where xshm deliberately answers otherwise than System V shared memory: each
 * has a section of that name in Documentation/semantics.rst, which says why.
 * A test that meets one gives both values, so neither goes unwatched.
 */
#ifndef SELFTESTS_XSHM_DIFFERENCES_H
#define SELFTESTS_XSHM_DIFFERENCES_H

enum difference {
	SHARED_MAPPING_FILE,
	FAILED_ATTACH,
	CREATOR_IS_A_PROCESS,
	CREATOR_THAT_EXECUTED,
	MODE_OF_SYSCTLS,
	DIFFERENCES
};

static const char *const differences[DIFFERENCES] = {
	/*
	 * Parts of two attaches of a segment, put next to each other by mremap(2) at matching
	 * offsets, become one mapping and are detached together.
	 */
	[SHARED_MAPPING_FILE] = "attaches of a segment share their file",
	/* With shm_rmid_forced an attach that fails destroys an unattached segment there. */
	[FAILED_ATTACH] = "a failed attach destroys nothing",
	/* shm_rmid_forced: there the thread that made the segment counts. */
	[CREATOR_IS_A_PROCESS] = "the creator is a process",
	/* shm_rmid_forced: seen up to a second later, since exec closed the device. */
	[CREATOR_THAT_EXECUTED] = "the end of a creator that executed another program",
	/* Whether a write works is decided at the write: the owner of a namespace may. */
	[MODE_OF_SYSCTLS] = "the mode of the sysctl files",
};

/* The value expected of the backend under test. */
#define DIFFERS(which, of_sysv, of_xshm) \
	(differences[which] && ipc == &xshm ? (of_xshm) : (of_sysv))

#endif
