// SPDX-License-Identifier: GPL-2.0
/*
 * Each pays for its own: what the module looks at when a process exits, and what it
 * holds while it looks at many pages. Counted as work done, not as time.
 */
#include <signal.h>
#include <stdatomic.h>

#include "counters.h"
#include "raw.h"
#include "tracefs.h"

#define OTHERS		2	/* namespaces of another user */
#define OWN		5	/* segments */

/*
 * The function that a walk calls with each batch of pages, exported by every kernel
 * (mm/vmscan.c), as an event of the test's own.
 */
#define BATCH		"xshm_selftest/batch"

FIXTURE(own_work) {
	struct trace trace;
	bool probe;
};

FIXTURE_SETUP(own_work)
{
	USE_BACKEND(&xshm);
	if (access(TRACEFS "/instances", W_OK))
		SKIP(return, "no tracefs at " TRACEFS);
}

FIXTURE_TEARDOWN(own_work)
{
	trace_end(&self->trace);
	if (self->probe)
		EXPECT_EQ(0, write_text(TRACEFS "/kprobe_events", "-:" BATCH));
}

/* Segments that any end of a process could concern. */
static void many_segments(int ready, int go, int count)
{
	char byte;

	if (unshare(CLONE_NEWIPC) || set_sysctl("shmmni", 32768) ||
	    set_sysctl("shm_rmid_forced", 1))
		_exit(1);
	become(USER, GROUP);
	for (int i = 0; i < count; i++)
		if (raw_get(IPC_PRIVATE, 1, 0600, i % 2 ? XSHM_GET_OWNER_BOUND : 0) < 0)
			_exit(2);
	_exit(write(ready, "", 1) != 1 || read(go, &byte, 1) != 0);
}

/* A process makes some segments, removes some, and exits. */
static pid_t make_and_exit(int make, int remove, bool elsewhere)
{
	pid_t pid = fork();

	if (pid == 0) {
		int id[OWN];

		/* Through a descriptor from here. */
		if (device() < 0 || (elsewhere && (unshare(CLONE_NEWIPC) ||
						   set_sysctl("shm_rmid_forced", 1))))
			_exit(1);
		for (int i = 0; i < make; i++)
			id[i] = raw_get(IPC_PRIVATE, 1, 0600, 0);
		for (int i = 0; i < remove; i++)
			if (raw_remove(id[i]))
				_exit(1);
		_exit(id[0] < 0);
	}
	return pid;
}

TEST_F_TIMEOUT(own_work, exit_looks_at_own_segments, 300)
{
	int count = (getenv("XSHM_SLOW") ? 2000 : 30000) / OTHERS;
	struct exiting {
		int make, remove, forced, ended;
		bool elsewhere;
		int status;
		pid_t pid;
		long looked, told, events;
	} process[] = {
		/* None can end with its creator; switching it on next does away with them. */
		{ .make = OWN },
		{ .make = OWN, .forced = 1, .ended = OWN },
		{ .make = OWN, .remove = 1, .ended = OWN - 1, .elsewhere = true },
		{ .make = OWN, .remove = 2, .forced = 1, .ended = OWN - 2 },
		{ .make = OWN, .remove = OWN, .forced = 1 },
		{ .make = OWN, .remove = OWN },
		{ .make = 1, .remove = 1 },
	};
	int ready[2], go[2];
	pid_t other[OTHERS];
	char line[512];
	FILE *f;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	for (int i = 0; i < OTHERS; i++) {
		other[i] = fork();
		if (other[i] == 0) {
			close(go[1]);
			many_segments(ready[1], go[0], count);
		}
	}
	close(ready[1]);
	for (int i = 0; i < OTHERS; i++)
		ASSERT_EQ(1, read(ready[0], line, 1));

	ASSERT_EQ(0, trace_begin(&self->trace, "xshm/xshm_reap"));
	for (unsigned int i = 0; i < ARRAY_SIZE(process); i++) {
		ASSERT_EQ(0, set_sysctl("shm_rmid_forced", process[i].forced));
		process[i].pid = make_and_exit(process[i].make, process[i].remove,
					       process[i].elsewhere);
		ASSERT_EQ(process[i].pid, waitpid(process[i].pid, &process[i].status, 0));
		EXPECT_EQ(0, process[i].status);
	}
	f = trace_stop(&self->trace);
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		long looked = trace_field(line, "xshm_reap", "looked");

		for (unsigned int i = 0; i < ARRAY_SIZE(process); i++) {
			if (looked < 0 || !trace_is_of(line, process[i].pid))
				continue;
			/* Switching shm_rmid_forced on looks, too, at nothing yet. */
			process[i].events += looked > 0;
			process[i].looked += looked;
			process[i].told += trace_field(line, "xshm_reap", "ended");
		}
	}
	fclose(f);
	close(go[1]);
	for (int i = 0; i < OTHERS; i++) {
		int status;

		ASSERT_EQ(other[i], waitpid(other[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(process); i++) {
		/* Those that may end, and each of them once. */
		EXPECT_EQ(process[i].ended, process[i].looked)
			TH_LOG("process %d, of %d others", i, OTHERS * count);
		EXPECT_EQ(process[i].ended, process[i].told);
		EXPECT_GE(1, process[i].events);
	}
	/* They ended when their creator did, not later by the watch. */
	EXPECT_EQ(0, RAW_USAGE().used_ids);
}

/* What looks at the pages of a segment that is unlocked. */
#define WALK	"xshm_evictable"

TEST_F(own_work, unlock_looks_at_each_page_once)
{
	size_t size = 64 * MIB;
	int id = RAW_GET(size, 0600, XSHM_GET_SMALL);
	char *p = RAW_ATTACH(id, 0, 0), line[512];
	long folios = 0, walks = 0;
	FILE *f;

	ASSERT_EQ(0, raw_control(XSHM_IOC_LOCK, id, NULL, 0));
	touch(p, size);
	ASSERT_EQ(0, trace_begin(&self->trace, "xshm/" WALK));
	ASSERT_EQ(0, raw_control(XSHM_IOC_LOCK, id, NULL, 0));
	ASSERT_EQ(0, raw_control(XSHM_IOC_UNLOCK, id, NULL, 0));
	/* Idempotent: there is nothing to look at again. */
	ASSERT_EQ(0, raw_control(XSHM_IOC_UNLOCK, id, NULL, 0));
	f = trace_stop(&self->trace);
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (trace_field(line, WALK, "id") != id)
			continue;
		walks++;
		folios += trace_field(line, WALK, "folios");
		/* Where it says so: the account's lock. */
		EXPECT_GE(0, trace_field(line, WALK, "held"));
	}
	fclose(f);
	EXPECT_EQ(1, walks);
	EXPECT_EQ((long)(size / 4096), folios);
	ASSERT_EQ(0, raw_detach(p));
	ASSERT_EQ(0, raw_remove(id));
}

#define WALKS		5

static void unlock_a_page(atomic_int *count)
{
	int id = raw_get(IPC_PRIVATE, 4096, 0600, XSHM_GET_SMALL);
	char *p = (char *)raw_attach(id, NULL, 0, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p[0] = 'x';
	for (;;) {
		if (raw_control(XSHM_IOC_LOCK, id, NULL, 0) ||
		    raw_control(XSHM_IOC_UNLOCK, id, NULL, 0))
			_exit(1);
		atomic_fetch_add(count, 1);
	}
}

static void remove_a_page(atomic_int *count)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int id = raw_get(IPC_PRIVATE, 4096, 0600, XSHM_GET_SMALL);
		char *p = (char *)raw_attach(id, NULL, 0, 0);

		p[0] = 'x';
		if (raw_control(XSHM_IOC_LOCK, id, NULL, 0) || raw_detach(p) || raw_remove(id))
			_exit(1);
		atomic_fetch_add(count, 1);
	}
}

/* A segment of many pages, locked. */
static int locked_segment(size_t size)
{
	int id = raw_get(IPC_PRIVATE, size, 0600, XSHM_GET_SMALL);
	char *p = (char *)raw_attach(id, NULL, 0, 0);

	touch(p, size);
	if (raw_detach(p) || raw_control(XSHM_IOC_LOCK, id, NULL, 0))
		abort();
	return id;
}

/*
 * While one looks at many pages another looks at a page again and again: between the first
 * and the last batch of the one are batches of the other, but not if anything that
 * both need is held meanwhile.
 */
static void expect_batches_between(struct __test_metadata *_metadata,
				   FIXTURE_DATA(own_work) *self,
				   void (*look_at_a_page)(atomic_int *count),
				   unsigned int command)
{
	atomic_int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long mine = 0, between = 0, pending = 0;
	size_t size = 64 * MIB;
	bool inside = false;
	int id[WALKS], status;
	char line[512];
	pid_t other;
	FILE *f;

	if (write_text(TRACEFS "/kprobe_events", "p:" BATCH " check_move_unevictable_folios"))
		SKIP(return, "no probes: %s", strerror(errno));
	self->probe = true;
	ASSERT_NE(MAP_FAILED, (void *)count);
	for (int i = 0; i < WALKS; i++)
		id[i] = locked_segment(size);
	/* Nobody runs the function while its code is changed: QEMU may not see that. */
	ASSERT_EQ(0, trace_begin(&self->trace, BATCH));
	other = fork();
	if (other == 0)
		look_at_a_page(count);
	while (!atomic_load(count))
		sched_yield();
	for (int i = 0; i < WALKS; i++) {
		ASSERT_EQ(0, trace_mark(&self->trace, "walk"));
		ASSERT_EQ(0, raw_control(command, id[i], NULL, 0));
	}
	kill(other, SIGKILL);
	ASSERT_EQ(other, waitpid(other, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	f = trace_stop(&self->trace);
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "mark") && trace_is_of(line, getpid())) {
			pending = 0;
			inside = false;
		} else if (!strstr(line, ": batch: ")) {
			continue;
		} else if (trace_is_of(line, getpid())) {
			between += pending;
			pending = 0;
			inside = true;
			mine++;
		} else if (inside && trace_is_of(line, other)) {
			pending++;
		}
	}
	fclose(f);
	/* A batch has 31 pages at most. */
	EXPECT_LE(WALKS * (long)(size / 4096 / 31), mine);
	printf("# counted: %ld batches of another between %ld of %d walks\n", between, mine,
	       WALKS);
	EXPECT_LT(0, between);
	for (int i = 0; i < WALKS && command != XSHM_IOC_REMOVE; i++)
		ASSERT_EQ(0, raw_remove(id[i]));
}

TEST_F_TIMEOUT(own_work, others_unlock_while_pages_are_looked_at, 120)
{
	expect_batches_between(_metadata, self, unlock_a_page, XSHM_IOC_UNLOCK);
}

TEST_F_TIMEOUT(own_work, others_remove_while_pages_are_looked_at, 120)
{
	expect_batches_between(_metadata, self, remove_a_page, XSHM_IOC_REMOVE);
}

TEST_HARNESS_MAIN
