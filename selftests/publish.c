// SPDX-License-Identifier: GPL-2.0
/* Whoever finds a new segment by its key can use it at once. */
#include "common.h"

#define KEYS	1000

FIXTURE(publish) {
	int *progress;
};

BOTH_BACKENDS(publish);

FIXTURE_SETUP(publish)
{
	USE_BACKEND(variant->backend);
	self->progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->progress);
}

FIXTURE_TEARDOWN(publish)
{
}

/* Looks for each key until it is there, and uses the id without a pause. */
static void find_and_use(FIXTURE_DATA(publish) *self)
{
	for (int i = 0; i < KEYS; i++) {
		struct shmid_ds ds;
		int id, err;

		__atomic_store_n(self->progress, i + 1, __ATOMIC_RELEASE);
		do
			id = get(KEY + i, 0, 0);
		while (id == -ENOENT);
		err = id < 0 ? id : ctl(id, IPC_STAT, &ds);
		if (err) {
			printf("# key %d, id %d: %s\n", i, id, strerror(-err));
			exit(1);
		}
	}
	exit(0);
}

TEST_F_TIMEOUT(publish, found_means_usable, 600)
{
	pid_t pid = fork();
	int status = -1;

	ASSERT_LE(0, pid);
	if (pid == 0)
		find_and_use(self);
	for (int i = 0; i < KEYS; i++) {
		/* Not until it is waited for. */
		while (__atomic_load_n(self->progress, __ATOMIC_ACQUIRE) <= i) {
			if (waitpid(pid, &status, WNOHANG) == pid)
				break;
			sched_yield();
		}
		if (status != -1)
			break;
		ASSERT_LE(0, get(KEY + i, 4096, IPC_CREAT | 0600));
	}
	if (status == -1)
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	for (int i = 0; i < KEYS; i++) {
		int id = get(KEY + i, 0, 0);

		if (id >= 0)
			EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
	}
}

TEST_HARNESS_MAIN
