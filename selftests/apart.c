// SPDX-License-Identifier: GPL-2.0
/*
 * A mix-up of the kernel's ids and xshm's, as one half of a program or of a pair of
 * programs on the other side makes it, is EINVAL: no id is of both.
 */
#include "common.h"

#define INDEX_BITS	15
#define SEQUENCES	(INT32_MAX >> INDEX_BITS)
/* Even of few segments an index comes again only after this many others. */
#define CYCLE		64
/* How far apart sequence numbers are at least. */
#define APART		0x4000
#define SIZE		4096

FIXTURE(apart) { };

FIXTURE_SETUP(apart)
{
	const char *why = unavailable(&sysv);

	if (why)
		SKIP(return, "%s", why);
	if (served())
		SKIP(return, "no segments of the kernel's own where it is served");
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(apart)
{
}

static int made(const struct backend *backend)
{
	ipc = backend;
	return get(IPC_PRIVATE, SIZE, 0600);
}

static int sequence(int id)
{
	return id >> INDEX_BITS;
}

/* How many sequence numbers the kernel gives before it gives that of @id. */
static int ahead(int id, int kernels)
{
	return (sequence(id) - sequence(kernels) + SEQUENCES) % SEQUENCES;
}

/* What @backend says of an id of the other's. */
#define EXPECT_STRANGER(backend, id) do {					\
	struct shmid_ds ds_;							\
										\
	ipc = (backend);							\
	ASSERT_EQ(-EINVAL, at(id, NULL, 0));					\
	ASSERT_EQ(-EINVAL, at(id, NULL, SHM_RDONLY));				\
	ASSERT_EQ(-EINVAL, ctl(id, IPC_STAT, &ds_));				\
	ASSERT_EQ(-EINVAL, ctl(id, IPC_SET, &ds_));				\
	ASSERT_EQ(-EINVAL, ctl(id, SHM_LOCK, NULL));				\
	ASSERT_EQ(-EINVAL, ctl(id, IPC_RMID, NULL));				\
} while (0)

/* As many of both, so that their indexes are the same. */
TEST_F(apart, ids_of_one_are_nobodys_of_the_other)
{
	enum { EACH = 3 * CYCLE };
	int kernels[EACH], ours[EACH];

	for (int i = 0; i < EACH; i++) {
		ASSERT_LE(0, kernels[i] = made(&sysv));
		ASSERT_LE(0, ours[i] = made(&xshm));
	}
	for (int i = 0; i < EACH; i++) {
		EXPECT_STRANGER(&sysv, ours[i]);
		EXPECT_STRANGER(&xshm, kernels[i]);
	}
	for (int i = 0; i < EACH; i++) {
		ipc = &sysv;
		EXPECT_EQ(SIZE, STAT(kernels[i]).shm_segsz);
		REMOVE(kernels[i]);
		ipc = &xshm;
		EXPECT_EQ(SIZE, STAT(ours[i]).shm_segsz);
		REMOVE(ours[i]);
	}
}

/* Each side's addresses are nothing to the other, too. */
TEST_F(apart, attaches_of_one_are_nobodys_of_the_other)
{
	int kernels = made(&sysv), ours = made(&xshm);
	char *of_kernel, *of_xshm;

	ipc = &sysv;
	of_kernel = ATTACH(kernels, 0);
	ipc = &xshm;
	of_xshm = ATTACH(ours, 0);
	EXPECT_EQ(-EINVAL, dt(of_kernel));
	ipc = &sysv;
	EXPECT_EQ(-EINVAL, dt(of_xshm));
	EXPECT_EQ(0, dt(of_kernel));
	REMOVE(kernels);
	ipc = &xshm;
	EXPECT_EQ(0, dt(of_xshm));
	REMOVE(ours);
}

/* The kernel's next sequence numbers, for @rounds; the id given last. */
static int go_round(int rounds)
{
	int id = -1;

	ipc = &sysv;
	for (int i = 0; i < rounds * CYCLE; i++) {
		id = get(IPC_PRIVATE, 1, 0600);
		if (id < 0 || ctl(id, IPC_RMID, NULL))
			return -1;
	}
	return id;
}

/* However many rounds the kernel's ids have made, xshm's next one is far from them. */
TEST_F_TIMEOUT(apart, stays_ahead, 100)
{
	int kernels, first = made(&xshm), id = first;

	ASSERT_LE(0, first);
	ASSERT_LE(0, kernels = go_round(1));
	EXPECT_LE(APART - 2, ahead(first, kernels));
	ASSERT_LE(0, kernels = go_round(200));
	/* It has come nearer by these 200, and the next round begins anew. */
	ipc = &xshm;
	for (int i = 0; i < CYCLE; i++) {
		REMOVE(id);
		ASSERT_LE(0, id = made(&xshm));
	}
	EXPECT_LT(sequence(first), sequence(id));
	EXPECT_LE(APART, ahead(id, kernels));
	EXPECT_GE(SEQUENCES - APART, ahead(id, kernels));
	REMOVE(id);
}

/* The next id that somebody chose is theirs, whatever it is. */
TEST_F(apart, a_chosen_id)
{
	int id;

	ASSERT_EQ(0, set_sysctl("shm_next_id", 5));
	ASSERT_EQ(5, id = made(&xshm));
	REMOVE(id);
}

TEST_HARNESS_MAIN
