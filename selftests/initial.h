/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests in the initial IPC namespace, with XSHM_INITIAL set: nothing ends with it, so
 * each test begins by removing what the one before left, and with the limits of a
 * new namespace. Ids go on where they were.
 */
#ifndef SELFTESTS_XSHM_INITIAL_H
#define SELFTESTS_XSHM_INITIAL_H

#include "common.h"
#include "differences.h"

/* Processes of the test before may still be exiting. */
#define EMPTY_PATIENCE	10	/* seconds */

static inline bool in_initial(void)
{
	return getenv("XSHM_INITIAL");
}

/*
 * Sequence number of the ids that the test begins with, at index 0; in a namespace of
 * its own new_sequence().
 */
static int first_sequence;

#define INITIAL_INDEX_BITS	15
/* The ids that a test is given in turn, the first being 0. */
#define NTH_ID(n)		(first_sequence << INITIAL_INDEX_BITS | (n))
/* Indexes up to this one are given in turn as long as few segments exist. */
#define INITIAL_CYCLE		64

/* That a namespace begins with, of the device where the kernel has calls of its own. */
static inline int new_sequence(void)
{
	bool apart = !served() && !access("/proc/sysvipc/sem", F_OK);

	return DIFFERS(IDS_APART, 0, apart ? 0x4000 : 0);
}

/* Removes all segments of a backend; returns how many there were. */
static inline int remove_all(const struct backend *backend)
{
	FILE *f = fopen(backend->table, "re");
	char line[512];
	int count = 0, id;

	while (f && fgets(line, sizeof(line), f)) {
		/* The first line names the columns. */
		if (sscanf(line, "%*s %d", &id) != 1)
			continue;
		backend->ctl(id, IPC_RMID, NULL);
		count++;
	}
	if (f)
		fclose(f);
	return count;
}

static inline bool empty_table(const struct backend *backend)
{
	time_t end = time(NULL) + EMPTY_PATIENCE;

	while (remove_all(backend)) {
		if (time(NULL) > end)
			return false;
		/* The ones removed are gone at the next look. */
		if (remove_all(backend))
			usleep(10000);
	}
	return true;
}

/* As in a new namespace; the error of the first limit that can't be written. */
static inline int default_limits(const struct backend *backend)
{
	static const char *const limits[][2] = {
		{ "shm_rmid_forced", "0" },
		{ "shmmax", "18446744073692774399" },
		{ "shmall", "18446744073692774399" },
		{ "shmmni", "4096" },
		/* From here on those that only xshm has. */
		{ "user_segments", "0" },
		{ "user_bytes", "0" },
		{ "huge", "within_size" },
		{ "owner_bound", "0" },
	};
	int count = backend == &xshm ? 8 : 4, err;
	char path[128];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", backend->sysctl, limits[i][0]);
		err = write_text(path, limits[i][1]);
		if (err)
			return err;
	}
	/* An id asked for can't be taken back, but it can be taken. */
	snprintf(path, sizeof(path), "%s/shm_next_id", backend->sysctl);
	while (read_number(path) >= 0)
		backend->ctl(backend->get(IPC_PRIVATE, 1, 0600), IPC_RMID, NULL);
	return 0;
}

/*
 * Goes on to where index 0 is next; its sequence number, or -1. After a whole round:
 * that one begins wherever it is far from the kernel's ids, the next one goes on.
 */
static inline int begin_round(const struct backend *backend)
{
	int rounds = 0;

	/* Further on than the cycle after a test with many segments. */
	for (int i = 0; i < 3 * INITIAL_CYCLE; i++) {
		int id = backend->get(IPC_PRIVATE, 1, 0600);

		if (id < 0 || backend->ctl(id, IPC_RMID, NULL))
			return -1;
		if (id % (1 << INITIAL_INDEX_BITS) == INITIAL_CYCLE - 1 && ++rounds == 2)
			return (id >> INITIAL_INDEX_BITS) + 1;
	}
	return -1;
}

/*
 * Makes the initial namespace as new. In a child, so that the library of the test is
 * as new, too: it has opened no device.
 */
static inline bool begin_in_initial(const struct backend *backend)
{
	int result[2], sequence = -1;
	pid_t pid;

	if (pipe2(result, O_CLOEXEC))
		return false;
	pid = fork();
	if (pid == 0) {
		bool empty = empty_table(backend);
		int err = empty ? default_limits(backend) : 0;

		if (!empty)
			fprintf(stderr, "# %s: segments are left\n", backend->name);
		else if (err)
			fprintf(stderr, "# %s: no default limits: %s\n", backend->name,
				strerror(-err));
		else
			sequence = begin_round(backend);
		_exit(write(result[1], &sequence, sizeof(sequence)) != sizeof(sequence));
	}
	close(result[1]);
	if (pid < 0 || read(result[0], &sequence, sizeof(sequence)) != sizeof(sequence))
		sequence = -1;
	close(result[0]);
	waitpid(pid, NULL, 0);
	first_sequence = sequence;
	return sequence >= 0;
}

/* The program that was started with XSHM_INITIAL=1, not one that a test starts. */
static pid_t initial_program_;

__attribute__((constructor)) static inline void initial_begin_(void)
{
	const char *value = getenv("XSHM_INITIAL");

	if (value && !strcmp(value, "1") && !setenv("XSHM_INITIAL", "inherited", 1))
		initial_program_ = getpid();
}

/* What can't be removed then is what selftests/run finds. */
__attribute__((destructor)) static inline void initial_end_(void)
{
	if (initial_program_ != getpid())
		return;
	for (int i = 0; i < 2; i++) {
		const struct backend *backend = i ? &xshm : &sysv;

		if (!unavailable(backend))
			begin_in_initial(backend);
	}
}

#endif
