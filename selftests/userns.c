// SPDX-License-Identifier: GPL-2.0
/*
 * User namespaces: owners are shown as the caller's namespace names them, and root of a
 * container has its powers over the container's own segments only.
 */
#include <sys/prctl.h>

#include "counters.h"
#include "raw.h"

/* Container ids 0 to 99 are these outside; nobody else has a name inside. */
#define BASE		100000
#define IDS		100
#define OVERFLOW	65534

FIXTURE(userns) {
	int id;
};

BOTH_BACKENDS(userns);

FIXTURE_SETUP(userns)
{
	self->id = -1;
	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "this kernel has no user namespaces");
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, 8192, IPC_CREAT | 0600);
}

FIXTURE_TEARDOWN(userns)
{
	if (self->id >= 0)
		EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

static int map_ids(pid_t pid, const char *file)
{
	char path[64], map[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	snprintf(map, sizeof(map), "0 %d %d", BASE, IDS);
	return write_text(path, map);
}

/*
 * Runs its body as root of a user namespace, and with CLONE_NEWIPC of an IPC namespace
 * that belongs to it. The parent writes the maps, which takes privilege.
 */
static pid_t enter_container(int flags, int *status)
{
	int ready[2], go[2];
	char byte;
	pid_t pid;

	if (pipe(ready) || pipe(go))
		abort();
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | flags) || write(ready[1], "", 1) != 1 ||
		    read(go[0], &byte, 1) != 1)
			_exit(100);
		if (setresgid(0, 0, 0) || setgroups(0, NULL) || setresuid(0, 0, 0))
			_exit(101);
		return 0;
	}
	if (read(ready[0], &byte, 1) != 1 || map_ids(pid, "uid_map") || map_ids(pid, "gid_map") ||
	    write(go[1], "", 1) != 1)
		abort();
	if (waitpid(pid, status, 0) != pid)
		abort();
	return pid;
}

/* IN_CONTAINER(flags) { ... }: expectations work in there. */
#define IN_CONTAINER(flags)							\
	for (int status_ = -1, once_ = 1; once_;				\
	     once_ = 0, ({ ASSERT_EQ(0, status_); }))				\
		if (enter_container(flags, &status_) == 0)			\
			for (;; _exit(_metadata->exit_code))

TEST_F(userns, root_of_a_container_is_nobody_outside)
{
	IN_CONTAINER(0) {
		struct shmid_ds ds;

		EXPECT_EQ(0, geteuid());
		EXPECT_EQ(self->id, get(KEY, 0, 0));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0600));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0004));
		EXPECT_EQ(-EACCES, at(self->id, NULL, SHM_RDONLY));
		EXPECT_EQ(-EACCES, at(self->id, NULL, 0));
		EXPECT_EQ(-EACCES, ctl(self->id, IPC_STAT, &ds));
		EXPECT_EQ(-EACCES, ctl(self->id, SHM_STAT, &ds));
		EXPECT_EQ(-EPERM, ctl(self->id, IPC_RMID, NULL));
		EXPECT_EQ(-EPERM, ctl(self->id, SHM_LOCK, NULL));
		EXPECT_EQ(-EPERM, ctl(self->id, SHM_UNLOCK, NULL));
		memset(&ds, 0, sizeof(ds));
		ds.shm_perm.mode = 0777;
		EXPECT_EQ(-EPERM, ctl(self->id, IPC_SET, &ds));
	}
	EXPECT_EQ(0600, STAT(self->id).shm_perm.mode);
}

TEST_F(userns, who_has_no_name_inside)
{
	struct shmid_ds ds = STAT(self->id);

	ds.shm_perm.mode = 0644;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	IN_CONTAINER(0) {
		ds = STAT(self->id);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.uid);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.gid);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.cuid);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.cgid);
		/* As everyone else he may read it. */
		EXPECT_LT(0, at(self->id, NULL, SHM_RDONLY));
		EXPECT_EQ(-EACCES, at(self->id, NULL, 0));
	}
	/* And one that is known there. */
	ds.shm_perm.uid = BASE + 7;
	ds.shm_perm.gid = BASE + 8;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	IN_CONTAINER(0) {
		ds = STAT(self->id);
		EXPECT_EQ(7, ds.shm_perm.uid);
		EXPECT_EQ(8, ds.shm_perm.gid);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.cuid);
		/* The IPC namespace isn't the container's, so its root has no power. */
		EXPECT_EQ(-EACCES, at(self->id, NULL, 0));
		EXPECT_EQ(-EPERM, ctl(self->id, IPC_SET, &ds));
		ASSERT_EQ(0, setresuid(7, 7, 7));
		EXPECT_LT(0, at(self->id, NULL, 0));
		EXPECT_EQ(0, ctl(self->id, IPC_SET, &ds));
		/* But to nobody that has no name here. */
		ds.shm_perm.uid = IDS + 5;
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &ds));
		ds.shm_perm.uid = 7;
		ds.shm_perm.gid = OVERFLOW;
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &ds));
	}
	EXPECT_EQ(BASE + 7, STAT(self->id).shm_perm.uid);
	EXPECT_EQ(BASE + 8, STAT(self->id).shm_perm.gid);
}

TEST_F(userns, table_shows_the_same_names)
{
	struct shmid_ds ds = STAT(self->id);

	ds.shm_perm.uid = BASE + 7;
	ds.shm_perm.mode = 0644;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	IN_CONTAINER(0) {
		FILE *f = fopen(ipc->table, "re");
		unsigned int uid = 1, gid = 1, cuid = 1, cgid = 1;
		char line[512] = "";

		ASSERT_NE(NULL, f);
		ASSERT_NE(NULL, fgets(line, sizeof(line), f));
		ASSERT_NE(NULL, fgets(line, sizeof(line), f));
		ASSERT_EQ(4, sscanf(line, "%*d %*d %*o %*u %*d %*d %*u %u %u %u %u", &uid, &gid,
				    &cuid, &cgid));
		EXPECT_EQ(7, uid);
		EXPECT_EQ(OVERFLOW, gid);
		EXPECT_EQ(OVERFLOW, cuid);
		EXPECT_EQ(OVERFLOW, cgid);
		fclose(f);
	}
}

/* In an IPC namespace of its own, root of the container is root. */
TEST_F(userns, root_of_a_container_over_its_own)
{
	IN_CONTAINER(CLONE_NEWIPC) {
		struct shmid_ds ds;
		int id = -1, told[2];

		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		ASSERT_EQ(0, pipe(told));
		AS_USER(5, 5) {
			id = GET(KEY, 100, IPC_CREAT | 0600);
			EXPECT_EQ(5, STAT(id).shm_perm.uid);
			ASSERT_EQ(sizeof(id), write(told[1], &id, sizeof(id)));
		}
		ASSERT_EQ(sizeof(id), read(told[0], &id, sizeof(id)));
		ASSERT_EQ(0, ctl(id, IPC_STAT, &ds));
		EXPECT_EQ(5, ds.shm_perm.uid);
		EXPECT_EQ(5, ds.shm_perm.cgid);
		EXPECT_LT(0, at(id, NULL, 0));
		ds.shm_perm.uid = 6;
		EXPECT_EQ(0, ctl(id, IPC_SET, &ds));
		EXPECT_EQ(0, ctl(id, SHM_LOCK, NULL));
		EXPECT_EQ(0, ctl(id, SHM_UNLOCK, NULL));
		AS_USER(7, 7) {
			EXPECT_EQ(-EACCES, at(id, NULL, 0));
			EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		}
		EXPECT_EQ(0, ctl(id, IPC_RMID, NULL));
	}
}

/* Seen from outside, it is the outer user that owns it. */
TEST_F(userns, seen_from_outside)
{
	int ready[2], go[2], told = -1;
	char path[64], byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		IN_CONTAINER(CLONE_NEWIPC) {
			pid_t self_pid = syscall(SYS_getpid);
			int id = GET(KEY, 100, IPC_CREAT | 0600);

			EXPECT_EQ(0, STAT(id).shm_perm.uid);
			ASSERT_EQ(sizeof(self_pid), write(ready[1], &self_pid, sizeof(self_pid)));
			ASSERT_EQ(1, read(go[0], &byte, 1));
		}
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(sizeof(told), read(ready[0], &told, sizeof(told)));
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", told);
	IN_CHILD {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct shmid_ds ds;
		int id;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, setns(fd, CLONE_NEWIPC));
		id = GET(KEY, 0, 0);
		ds = STAT(id);
		EXPECT_EQ(BASE, ds.shm_perm.uid);
		EXPECT_EQ(BASE, ds.shm_perm.cgid);
		EXPECT_EQ(told, ds.shm_cpid);
		/* Root of the parent namespace has every capability in the child's. */
		EXPECT_LT(0, at(id, NULL, 0));
		AS_USER(USER, GROUP) {
			EXPECT_EQ(-EACCES, at(id, NULL, SHM_RDONLY));
			EXPECT_EQ(-EPERM, ctl(id, IPC_RMID, NULL));
		}
	}
	ASSERT_EQ(1, write(go[1], "", 1));
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The pool is the machine's: a container's root can't take from it. */
TEST_F(userns, hugetlb_needs_the_machines_root)
{
	if (access("/sys/kernel/mm/hugepages", F_OK))
		SKIP(return, "this machine has no huge pages");
	long before = pool_of(HUGE_2M).total;

	ASSERT_LE(0, set_pool(HUGE_2M, 2));
	IN_CONTAINER(CLONE_NEWIPC) {
		struct rlimit none = { 0, 0 };

		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
		EXPECT_EQ(-EPERM, get(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | 0600));
	}
	EXPECT_EQ(0, pool_of(HUGE_2M).reserved);
	set_pool(HUGE_2M, before);
}

/* A user without any privilege makes a container of himself. */
TEST_F(userns, made_by_an_ordinary_user)
{
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		SKIP(return, "not allowed on this machine");
	AS_USER(USER, GROUP) {
		/* A process that changed its user may not write its own maps. */
		ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
		if (unshare(CLONE_NEWUSER | CLONE_NEWIPC)) {
			TH_LOG("unshare: %s", strerror(errno));
			_exit(0);
		}
		ASSERT_EQ(0, write_text("/proc/self/uid_map", "0 1000 1"));
		int id = GET(KEY, 100, IPC_CREAT | 0600);
		struct shmid_ds ds = STAT(id);

		EXPECT_EQ(0, ds.shm_perm.uid);
		EXPECT_EQ(OVERFLOW, ds.shm_perm.gid);
		EXPECT_EQ(-EINVAL, at(self->id + 1, NULL, 0));
		EXPECT_LT(0, at(id, NULL, 0));
		ds.shm_perm.uid = 1;
		EXPECT_EQ(-EINVAL, ctl(id, IPC_SET, &ds));
		REMOVE(id);
	}
	EXPECT_EQ(0600, STAT(self->id).shm_perm.mode);
}

TEST_HARNESS_MAIN
