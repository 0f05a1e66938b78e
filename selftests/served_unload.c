// SPDX-License-Identifier: GPL-2.0
/*
 * xshm_sysv.ko is loaded and unloaded again and again while processes make the four
 * calls in a loop, which work throughout where the kernel has calls of its own; where it
 * has none, shmget says so, until it is loaded. XSHM_STRESS_SECONDS: as long as it
 * runs (10).
 */
#include <signal.h>
#include <sys/prctl.h>

#include "served.h"
#include "stress.h"

#define CALLERS		4
#define PATIENCE	120	/* seconds until it has been loaded and unloaded once */

FIXTURE(served_unload) {
	int file;
	bool there;
};

FIXTURE_VARIANT(served_unload) { int unused; };
FIXTURE_VARIANT_ADD(served_unload, calls) { };

FIXTURE_SETUP(served_unload)
{
	self->file = -1;
	USE_CALLS();
	self->there = true;
	self->file = open_sysv_module();
	if (self->file < 0)
		SKIP(return, "no xshm_sysv.ko beside xshm.ko");
}

FIXTURE_TEARDOWN(served_unload)
{
	if (self->there && access(SWITCH, F_OK))
		EXPECT_EQ(0, load_sysv(self->file, sysv_parameters));
	close(self->file);
}

/* Once the segment has ended, so may the calls have. */
static bool is_gone(int ret)
{
	return ret == -EINVAL || (ret == -ENOSYS && !kernel_has_sysv());
}

/* One life of a segment; false if there are no calls. */
static bool one_life(int key)
{
	int id = get(key, pages(2), IPC_CREAT | IPC_EXCL | 0600), found;
	struct shmid_ds ds;
	long p;

	if (id == -ENOSYS && !kernel_has_sysv())
		return false;
	if (id < 0) {
		wrong(&board->wrong, "shmget", id, key);
		return true;
	}
	/* Whoever made it keeps it until it is removed. */
	p = at(id, NULL, 0);
	if (p < 0 && p > -4096) {
		wrong(&board->wrong, "shmat", p, id);
		return true;
	}
	*(volatile long *)p = id;
	found = get(key, 0, 0);
	if (found != id)
		wrong(&board->wrong, "shmget of what is there", found, id);
	found = ctl(id, IPC_STAT, &ds);
	if (found || ds.shm_nattch != 1 || ds.shm_perm.__key != key)
		wrong(&board->wrong, "IPC_STAT", found, ds.shm_nattch);
	if (*(volatile long *)p != id)
		wrong(&board->foreign, "bytes", *(volatile long *)p, id);
	found = random_below(2) ? ctl(id, IPC_RMID, NULL) : dt((void *)p);
	if (found)
		wrong(&board->wrong, "first of remove and detach", found, id);
	found = dt((void *)p);
	if (found && !is_gone(found))
		wrong(&board->wrong, "shmdt", found, id);
	found = ctl(id, IPC_RMID, NULL);
	if (found && !is_gone(found))
		wrong(&board->wrong, "IPC_RMID", found, id);
	if (is_mapped((void *)p))
		wrong(&board->wrong, "still mapped", p, id);
	return true;
}

static void call_in_a_loop(int key)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&board->stop)) {
		int lives = 1 + random_below(50);

		while (lives-- && one_life(key))
			atomic_fetch_add(&board->steps, 1);
		/* So that there are moments in which nobody has a segment of xshm's. */
		usleep(random_below(30000));
	}
	_exit(0);
}

TEST_F_TIMEOUT(served_unload, under_fire, 600)
{
	int loads = 0, unloads = 0, refused = 0, status, err;
	time_t start = time(NULL), end = start + 1 + stress_seconds();
	unsigned long before;
	pid_t caller[CALLERS];

	board = shared_by_forks(sizeof(*board));
	ASSERT_NE(MAP_FAILED, (void *)board);
	for (int i = 0; i < CALLERS; i++) {
		caller[i] = fork();
		if (!caller[i])
			call_in_a_loop(KEY + i);
	}
	while ((time(NULL) < end || loads < 2) && !board->wrong && !board->foreign &&
	       time(NULL) < start + PATIENCE) {
		err = try_unload_sysv();
		if (err == -EAGAIN) {
			refused++;
			usleep(random_below(5000));
			continue;
		}
		ASSERT_EQ(0, err);
		unloads++;
		/* The callers go on meanwhile. */
		before = board->steps;
		for (int i = 0; i < 100 && kernel_has_sysv() && board->steps == before; i++)
			usleep(10000);
		EXPECT_TRUE(!kernel_has_sysv() || board->steps != before);
		ASSERT_EQ(0, load_sysv(self->file, "serve=1"));
		ASSERT_EQ(0, serve(true));
		loads++;
		before = board->steps;
		for (int i = 0; i < 500 && board->steps == before; i++)
			usleep(10000);
		EXPECT_NE(before, board->steps);
	}
	atomic_store(&board->stop, 1);
	for (int i = 0; i < CALLERS; i++) {
		ASSERT_EQ(caller[i], waitpid(caller[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	printf("# counted: loaded %d times, unloading refused %d times, %lu lives of segments\n",
	       loads, refused, board->steps);
	EXPECT_EQ(0, board->wrong + board->foreign) TH_LOG("%s", board->what);
	EXPECT_LT(1, loads);
	EXPECT_EQ(unloads, loads);
	/* Nothing is left of all these lives. */
	ASSERT_EQ(0, serve(false));
	EXPECT_EQ(0, remove_all(&xshm));
	if (kernel_has_sysv())
		EXPECT_EQ(0, remove_all(&sysv));
	EXPECT_EQ(0, unload_sysv());
}

TEST_HARNESS_MAIN
