// SPDX-License-Identifier: GPL-2.0
/* A key has one segment, and whoever finds it can use it at once. */
#include "raw.h"

#define KEYS	1000
#define RACERS	4
#define BYTES	(16 << 20)

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

/* Several make the segment of one key; what each got is in progress[] from 1 on. */
static void race(struct __test_metadata *_metadata, FIXTURE_DATA(publish) *self, int flags)
{
	pid_t pids[RACERS];
	int status;

	*self->progress = 0;
	for (int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		__atomic_add_fetch(self->progress, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(self->progress, __ATOMIC_ACQUIRE) < RACERS)
			sched_yield();
		/* With pages, which take their time: all have looked before one has the key. */
		self->progress[1 + i] = ipc == &xshm ?
			raw_get(KEY, BYTES, flags, XSHM_GET_POPULATE) : get(KEY, BYTES, flags);
		_exit(0);
	}
	for (int i = 0; i < RACERS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		ASSERT_EQ(0, status);
	}
}

TEST_F_TIMEOUT(publish, a_key_is_taken_once, 100)
{
	int made = 0, id;

	race(_metadata, self, IPC_CREAT | IPC_EXCL | 0600);
	id = get(KEY, 0, 0);
	for (int i = 1; i <= RACERS; i++) {
		made += self->progress[i] == id;
		if (self->progress[i] != id)
			EXPECT_EQ(-EEXIST, self->progress[i]);
	}
	EXPECT_EQ(1, made);
	REMOVE(id);
	ASSERT_EQ(-ENOENT, get(KEY, 0, 0));

	race(_metadata, self, IPC_CREAT | 0600);
	id = get(KEY, 0, 0);
	for (int i = 1; i <= RACERS; i++)
		EXPECT_EQ(id, self->progress[i]);
	REMOVE(id);
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

TEST_HARNESS_MAIN
