// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: several processes in two IPC namespaces create, attach,
 * fork, detach, remove, stat, set, lock, move and are killed, while others end
 * namespaces and try to unload the module. Afterwards nothing may be left, and
 * nobody may ever have seen the bytes of another segment. With the module away
 * in between: stress_unload.
 *
 * XSHM_STRESS_SECONDS tells how long it runs (10).
 */
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>

#include "common.h"
#include "counters.h"
#include "stress.h"

#define GROUPS		2	/* IPC namespaces; ids are the same in both */
#define BOARD		20
#define PAGES_MAX	8
#define LOCKER		4242	/* whose locked memory has to be given back */
#define LOCKER_PAGES	64

/* Of each group, the segments that all its workers know. */
static _Atomic int (*ids)[BOARD];

static uint64_t stamp(int group, int id)
{
	return 0xabcd000000000000ULL | (uint64_t)group << 40 | (uint32_t)id;
}

/* Every page begins with the stamp of its segment, or with 0 until it has one. */
static void verify(const char *p, int group, int id, size_t size)
{
	for (size_t at = 0; at < size; at += pages(1)) {
		uint64_t seen = *(volatile const uint64_t *)(p + at);

		if (seen && seen != stamp(group, id))
			wrong(&board->foreign, "foreign bytes", seen, stamp(group, id));
	}
}

/* Errors that a segment may give that others remove at the same time. */
static bool is_gone(long error)
{
	return error == -EINVAL || error == -EIDRM;
}

static int pick(int group)
{
	return atomic_load(&ids[group][random_below(BOARD)]);
}

static void step_create(int group)
{
	size_t size = pages(1 + random_below(PAGES_MAX)) - random_below(100);
	int slot = random_below(BOARD), id, old;
	int flags = IPC_CREAT | 0666 | (random_below(4) ? 0 : SHM_NORESERVE);
	long p;

	if (!random_below(12)) {
		flags |= SHM_HUGETLB;
		size = 2 << 20;
	}
	id = get(IPC_PRIVATE, size, flags);
	if (id == -ENOMEM && flags & SHM_HUGETLB)
		return;
	if (id < 0) {
		wrong(&board->wrong, "create", id, size);
		return;
	}
	p = at(id, NULL, 0);
	if (p < 0) {
		/* Out of pool pages without a reservation is a signal, not an error here. */
		wrong(&board->wrong, "attach of a new segment", p, id);
		return;
	}
	if (!(flags & SHM_HUGETLB && flags & SHM_NORESERVE))
		for (size_t i = 0; i < size; i += pages(1)) {
			if (*(volatile uint64_t *)(p + i))
				wrong(&board->foreign, "a new segment is not empty",
				      *(uint64_t *)(p + i), id);
			*(volatile uint64_t *)(p + i) = stamp(group, id);
		}
	/* Some stay attached until the process ends, however it does. */
	if (random_below(8) && dt((void *)p))
		wrong(&board->wrong, "detach", p, id);

	old = atomic_exchange(&ids[group][slot], id);
	if (old >= 0) {
		long error = ctl(old, IPC_RMID, NULL);

		if (error && !is_gone(error))
			wrong(&board->wrong, "remove", error, old);
	}
}

/* By key: many want to make, find and remove the same few segments. */
static void step_key(int group)
{
	int id = get(KEY + random_below(3), 4096, IPC_CREAT | 0666);
	long p;

	if (id < 0) {
		wrong(&board->wrong, "get by key", id, 0);
		return;
	}
	p = at(id, NULL, 0);
	if (p < 0) {
		if (!is_gone(p))
			wrong(&board->wrong, "attach by key", p, id);
		return;
	}
	verify((char *)p, group, id, 4096);
	*(volatile uint64_t *)p = stamp(group, id);
	if (!random_below(3))
		ctl(id, IPC_RMID, NULL);
	verify((char *)p, group, id, 4096);
	if (dt((void *)p))
		wrong(&board->wrong, "detach of a key", p, id);
}

static void step_attach(int group)
{
	int id = pick(group);
	struct shmid_ds ds;
	long p, error;
	size_t size;
	pid_t child;

	if (id < 0)
		return;
	p = at(id, NULL, random_below(2) ? SHM_RDONLY : 0);
	if (p < 0) {
		if (!is_gone(p))
			wrong(&board->wrong, "attach", p, id);
		return;
	}
	/* While it is attached it can't go. */
	error = ctl(id, IPC_STAT, &ds);
	if (error || ds.shm_nattch < 1) {
		wrong(&board->wrong, "stat of what is attached", error, id);
		return;
	}
	size = ds.shm_segsz;
	if (size < 2 << 20)
		verify((char *)p, group, id, size);

	switch (random_below(7)) {
	case 0:
		child = fork();
		if (child == 0) {
			verify((char *)p, group, id, size < 2 << 20 ? size : 0);
			if (random_below(2))
				dt((void *)p);
			if (random_below(2))
				raise(SIGKILL);
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
		break;
	case 1:
		munmap((void *)p, pages(1));
		break;
	case 2: {
		void *moved = mremap((void *)p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
				     (void *)(0x200000000000UL + random_below(8) * 0x1000000UL));

		if (moved != MAP_FAILED)
			p = (long)moved;
		break;
	}
	case 3:
		mprotect((void *)p, pages(1), PROT_READ);
		break;
	case 4:
		ctl(id, IPC_RMID, NULL);
		verify((char *)p, group, id, size < 2 << 20 ? size : 0);
		break;
	}
	if (random_below(10))
		dt((void *)p);
}

static void step_control(int group)
{
	int id = pick(group);
	struct shmid_ds ds;
	long error;

	if (id < 0)
		return;
	error = ctl(id, IPC_STAT, &ds);
	if (error) {
		if (!is_gone(error))
			wrong(&board->wrong, "stat", error, id);
		return;
	}
	switch (random_below(4)) {
	case 0:
		ds.shm_perm.mode = 0600 | random_below(0100);
		error = ctl(id, IPC_SET, &ds);
		break;
	case 1:
		error = ctl(id, SHM_LOCK, NULL);
		break;
	case 2:
		error = ctl(id, SHM_UNLOCK, NULL);
		break;
	case 3:
		error = ctl(id, IPC_RMID, NULL);
		break;
	}
	if (error && !is_gone(error))
		wrong(&board->wrong, "control", error, id);
}

/* Locks until its limit says no; what is left locked goes with the segments. */
static void step_lock_as_user(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct rlimit limit = { pages(LOCKER_PAGES), pages(LOCKER_PAGES) };

		setrlimit(RLIMIT_MEMLOCK, &limit);
		become(LOCKER, LOCKER);
		for (int i = 0; i < 4; i++) {
			int id = get(IPC_PRIVATE, pages(1 + random_below(8)), IPC_CREAT | 0600);
			long error = ctl(id, SHM_LOCK, NULL);

			if (error && error != -ENOMEM)
				wrong(&board->wrong, "lock as a user", error, id);
			if (random_below(2))
				ctl(id, SHM_UNLOCK, NULL);
			ctl(id, IPC_RMID, NULL);
		}
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void step_look(void)
{
	struct shmid_ds ds;
	char text[512];
	long highest;
	FILE *f;

	f = fopen(ipc->table, "re");
	while (f && fgets(text, sizeof(text), f))
		;
	if (f)
		fclose(f);
	highest = ctl(0, SHM_INFO, &ds);
	if (highest < 0) {
		wrong(&board->wrong, "info", highest, 0);
		return;
	}
	for (int i = 0; i <= highest; i++)
		ctl(i, SHM_STAT, &ds);
}

/* A namespace that ends with segments in it, attached or not. */
static void step_namespace(void)
{
	pid_t child = fork();

	if (child == 0) {
		if (unshare(CLONE_NEWIPC))
			_exit(1);
		for (int i = 0; i < 4; i++) {
			int id = get(i ? KEY + i : IPC_PRIVATE, pages(2), IPC_CREAT | 0600);
			long p = at(id, NULL, 0);

			if (id < 0 || p < 0)
				wrong(&board->wrong, "create in a new namespace", id, p);
			else if (*(volatile uint64_t *)p)
				wrong(&board->foreign, "not empty in a new namespace",
				      *(uint64_t *)p, id);
			else
				*(volatile uint64_t *)p = stamp(99, id);
			if (i == 2)
				ctl(id, SHM_LOCK, NULL);
		}
		if (random_below(2))
			raise(SIGKILL);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void work(int group)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&board->stop)) {
		switch (random_below(24)) {
		case 0 ... 5:
			step_create(group);
			break;
		case 6 ... 9:
			step_key(group);
			break;
		case 10 ... 17:
			step_attach(group);
			break;
		case 18 ... 20:
			step_control(group);
			break;
		case 21:
			step_look();
			break;
		case 22:
			step_lock_as_user();
			break;
		case 23:
			step_namespace();
			break;
		}
		atomic_fetch_add(&board->steps, 1);
	}
}

/* The first process of a PID namespace; its end is the end of all workers. */
static void lead(int group, int workers)
{
	pid_t pid[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < workers; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			work(group);
			_exit(0);
		}
	}
	while (!atomic_load(&board->stop)) {
		int victim = random_below(workers);

		usleep(50000);
		kill(pid[victim], SIGKILL);
		waitpid(pid[victim], NULL, 0);
		pid[victim] = fork();
		if (!pid[victim]) {
			work(group);
			_exit(0);
		}
	}
	_exit(0);
}

/* Somebody has the device open, so this must never work. */
static void try_to_unload(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!atomic_load(&board->stop)) {
		if (!syscall(SYS_delete_module, "xshm", O_NONBLOCK))
			atomic_fetch_add(&board->unloaded, 1);
		else if (errno != EAGAIN && errno != EBUSY)
			wrong(&board->wrong, "delete_module", errno, 0);
		usleep(1000);
	}
	_exit(0);
}

static long references(void)
{
	return read_number("/sys/module/xshm/refcnt");
}

/* Waits for a figure to come down to what it was; the last one seen. */
static long settle(long (*figure)(void), long was)
{
	long now = figure();

	for (int i = 0; i < 100 && now > was; i++) {
		usleep(100000);
		now = figure();
	}
	return now;
}

static long shmem_kb(void)
{
	return meminfo("Shmem");
}

static long reserved_pages(void)
{
	return meminfo("HugePages_Rsvd");
}

static long used_pool_pages(void)
{
	return meminfo("HugePages_Total") - meminfo("HugePages_Free");
}

#define PATIENCE	120	/* seconds more until there were some steps of each */

FIXTURE(stress) {
	long pool, references, shmem, reserved, used;
};

FIXTURE_SETUP(stress)
{
	USE_BACKEND(&xshm);
	self->pool = read_number("/proc/sys/vm/nr_hugepages");
	write_number("/proc/sys/vm/nr_hugepages", self->pool + 8);
	/* The namespaces of whoever was here before. */
	sleep(3);
	self->references = references();
	self->shmem = shmem_kb();
	self->reserved = reserved_pages();
	self->used = used_pool_pages();
}

FIXTURE_TEARDOWN(stress)
{
	if (self->pool >= 0)
		write_number("/proc/sys/vm/nr_hugepages", self->pool);
}

TEST_F_TIMEOUT(stress, all_at_once, 3600)
{
	int workers = 2 + sysconf(_SC_NPROCESSORS_ONLN) / 2, device;
	unsigned long wanted = workers * 20;
	pid_t leader[GROUPS], unloader;
	uint64_t end = time(NULL) + stress_seconds();

	board = shared_by_forks(sizeof(*board));
	ids = shared_by_forks(sizeof(int [GROUPS][BOARD]));
	ASSERT_NE(MAP_FAILED, (void *)board);
	ASSERT_NE(MAP_FAILED, (void *)ids);
	memset(ids, 0xff, sizeof(int [GROUPS][BOARD]));
	device = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, device);

	for (int group = 0; group < GROUPS; group++) {
		leader[group] = syscall(SYS_clone, CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD, 0, 0, 0,
					0);
		ASSERT_LE(0, leader[group]);
		if (!leader[group])
			lead(group, workers);
	}
	unloader = fork();
	if (!unloader)
		try_to_unload();
	while (((uint64_t)time(NULL) < end || (board->steps <= wanted &&
					       (uint64_t)time(NULL) < end + PATIENCE)) &&
	       !board->foreign && !board->wrong)
		usleep(100000);
	atomic_store(&board->stop, 1);
	for (int group = 0; group < GROUPS; group++)
		ASSERT_EQ(leader[group], waitpid(leader[group], NULL, 0));
	ASSERT_EQ(unloader, waitpid(unloader, NULL, 0));
	close(device);

	printf("# counted: %lu steps of %d processes at once\n", board->steps, GROUPS * workers);
	EXPECT_LT(wanted, board->steps);
	EXPECT_EQ(0, board->foreign) TH_LOG("%s", board->what);
	EXPECT_EQ(0, board->wrong) TH_LOG("%s", board->what);
	EXPECT_EQ(0, board->unloaded);

	EXPECT_GE(self->references, settle(references, self->references));
	EXPECT_GE(self->reserved, settle(reserved_pages, self->reserved));
	EXPECT_GE(self->used, settle(used_pool_pages, self->used));
	/* Others' files in memory may have grown by some pages. */
	EXPECT_GE(self->shmem + 256, settle(shmem_kb, self->shmem + 256));

	/* The account of locked memory is empty: all of it can be had. */
	IN_CHILD {
		struct rlimit limit = { pages(LOCKER_PAGES), pages(LOCKER_PAGES) };
		int id;

		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
		become(LOCKER, LOCKER);
		id = GET(IPC_PRIVATE, pages(LOCKER_PAGES), IPC_CREAT | 0600);
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
		REMOVE(id);
	}
}

TEST_HARNESS_MAIN
