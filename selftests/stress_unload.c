// SPDX-License-Identifier: GPL-2.0
/*
 * The module is unloaded and loaded again and again, while processes open the
 * device, create, attach and remove. XSHM_STRESS_SECONDS: five times as long as
 * it runs (10).
 */
#include <sys/prctl.h>

#include "module.h"
#include "stress.h"

#define UNLOAD_PATIENCE	120	/* seconds until the module has been unloaded once */

FIXTURE(stress_unload) {
};

FIXTURE_SETUP(stress_unload)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(stress_unload)
{
}

/* Opens the device where there is one, and uses it as long as it is open. */
static void use_while_unloading(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&board->stop)) {
		int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC), id;
		long p;

		if (fd < 0) {
			if (errno != ENOENT && errno != ENXIO && errno != ENODEV && errno != EBUSY)
				wrong(&board->wrong, "open", errno, 0);
			usleep(2000);
			continue;
		}
		close(fd);
		id = get(IPC_PRIVATE, pages(2), IPC_CREAT | 0600);
		if (id == -ENOENT || id == -ENOSYS || id == -ENXIO || id == -ENODEV || id == -EBUSY)
			continue;
		if (id < 0) {
			wrong(&board->wrong, "create while unloading", id, 0);
			continue;
		}
		/* From here on the segment keeps the module. */
		p = at(id, NULL, 0);
		if (p < 0) {
			wrong(&board->wrong, "attach while unloading", p, id);
			continue;
		}
		*(volatile long *)p = id;
		if (ctl(id, IPC_RMID, NULL) || *(volatile long *)p != id || dt((void *)p))
			wrong(&board->wrong, "remove while unloading", errno, id);
		atomic_fetch_add(&board->steps, 1);
		if (!random_below(3))
			_exit(0);
	}
	_exit(0);
}

TEST_F_TIMEOUT(stress_unload, unload_and_load, 600)
{
	int module = open_module(), loads = 0, fd;
	uint64_t start = time(NULL), end = start + 1 + stress_seconds() / 5;
	pid_t user[3] = {};

	if (module < 0)
		SKIP(return, "only in a guest, whose module can be unloaded");
	board = shared_by_forks(sizeof(*board));
	ASSERT_NE(MAP_FAILED, (void *)board);

	/* On a slow kernel a moment in which nobody uses it is rare. */
	while (((uint64_t)time(NULL) < end || !loads || !board->steps) && !board->wrong &&
	       (uint64_t)time(NULL) < start + UNLOAD_PATIENCE) {
		for (int i = 0; i < 3; i++) {
			if (user[i] && waitpid(user[i], NULL, WNOHANG) <= 0)
				continue;
			user[i] = 0;
			/* Not always at once: where forks are slow that would leave no gap. */
			if (random_below(3))
				continue;
			user[i] = fork();
			if (!user[i])
				use_while_unloading();
		}
		if (!unload()) {
			usleep(random_below(3000));
			if (load(module))
				break;
			loads++;
		}
		usleep(random_below(20000));
	}
	atomic_store(&board->stop, 1);
	for (int i = 0; i < 3; i++)
		if (user[i])
			waitpid(user[i], NULL, 0);
	printf("# counted: unloaded and loaded %d times, used %lu times\n", loads, board->steps);
	EXPECT_EQ(0, board->wrong) TH_LOG("%s", board->what);
	EXPECT_LT(0, board->steps);
	EXPECT_LT(0, loads);
	fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_HARNESS_MAIN
