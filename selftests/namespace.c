// SPDX-License-Identifier: GPL-2.0
/*
 * IPC namespaces: ids, keys, limits and tables of their own, and what becomes of all
 * that when the last process of a namespace is gone.
 */
#include <pthread.h>

#include "counters.h"
#include "raw.h"

FIXTURE(namespace) {
	int id;
	char *p;
};

BOTH_BACKENDS(namespace);

FIXTURE_SETUP(namespace)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	self->id = GET(KEY, 8192, IPC_CREAT | 0600);
	self->p = ATTACH(self->id, 0);
	strcpy(self->p, "first");
}

FIXTURE_TEARDOWN(namespace)
{
	if (self->id >= 0)
		EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

TEST_F(namespace, same_key_other_segment)
{
	IN_CHILD {
		char *q;
		int id;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		id = GET(KEY, 100, IPC_CREAT | IPC_EXCL | 0600);
		EXPECT_EQ(100, STAT(id).shm_segsz);
		q = ATTACH(id, 0);
		EXPECT_EQ(0, *q);
		strcpy(q, "second");
		REMOVE(id);
	}
	EXPECT_STREQ("first", self->p);
	EXPECT_EQ(8192, STAT(self->id).shm_segsz);
	EXPECT_EQ(self->id, get(KEY, 0, 0));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(namespace, ids_of_one_are_invalid_in_another)
{
	IN_CHILD {
		struct shmid_ds ds;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-EINVAL, at(self->id, NULL, 0));
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_STAT, &ds));
		EXPECT_EQ(-EINVAL, ctl(self->id, SHM_STAT, &ds));
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_RMID, NULL));
		EXPECT_EQ(-EINVAL, ctl(self->id, SHM_LOCK, NULL));
		memset(&ds, 0, sizeof(ds));
		EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &ds));
		/* The same number may stand for a segment of its own. */
		ASSERT_EQ(0, set_sysctl("shm_next_id", self->id));
		int id = GET(IPC_PRIVATE, 50, 0600);

		EXPECT_EQ(self->id, id);
		EXPECT_EQ(50, STAT(id).shm_segsz);
		REMOVE(id);
	}
	EXPECT_EQ(8192, STAT(self->id).shm_segsz);
	EXPECT_EQ(0, STAT(self->id).shm_perm.mode & 07000);
}

TEST_F(namespace, mapping_survives)
{
	IN_CHILD {
		char *p = self->p;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_STREQ("first", p);
		strcpy(p + 100, "from afar");
		/* It is still counted where it comes from, and can be split and detached. */
		ASSERT_EQ(0, mprotect(p, 4096, PROT_READ));
		EXPECT_STREQ("first", p);
		EXPECT_EQ(0, dt(p));
		EXPECT_FALSE(is_mapped(p));
		EXPECT_EQ(-EINVAL, dt(p));
	}
	EXPECT_STREQ("from afar", self->p + 100);
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(namespace, counts_across_namespaces)
{
	int ready[2], go[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWIPC) || fork() < 0)
			_exit(1);
		/* Both of them. */
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(3, NATTCH(self->id));
	ASSERT_EQ(2, write(go[1], "..", 2));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	for (int i = 0; i < 100 && NATTCH(self->id) != 1; i++)
		usleep(10000);
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(namespace, setns_goes_back)
{
	IN_CHILD {
		int fd = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		int other = GET(KEY, 77, IPC_CREAT | 0600);
		int fd2 = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);

		ASSERT_EQ(0, setns(fd, CLONE_NEWIPC));
		EXPECT_EQ(self->id, get(KEY, 8192, 0));
		EXPECT_EQ(8192, STAT(self->id).shm_segsz);
		ASSERT_EQ(0, setns(fd2, CLONE_NEWIPC));
		EXPECT_EQ(other, get(KEY, 77, 0));
		EXPECT_EQ(77, STAT(other).shm_segsz);
	}
}

TEST_F(namespace, clone)
{
	pid_t pid = syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (pid == 0) {
		if (get(KEY, 0, 0) != -ENOENT || strcmp(self->p, "first"))
			_exit(1);
		_exit(get(KEY, 55, IPC_CREAT | IPC_EXCL | 0600) < 0 ? 2 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(8192, STAT(self->id).shm_segsz);
	EXPECT_EQ(1, NATTCH(self->id));
}

static void *in_a_thread(void *arg)
{
	long *result = arg;

	*result = unshare(CLONE_NEWIPC) ? -errno : get(KEY, 0, 0);
	return NULL;
}

TEST_F(namespace, of_one_thread)
{
	pthread_t thread;
	long result = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, in_a_thread, &result));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, result);
	EXPECT_EQ(self->id, get(KEY, 0, 0));
}

TEST_F(namespace, limits)
{
	IN_CHILD {
		ASSERT_EQ(0, set_sysctl("shmmax", 4096));
		ASSERT_EQ(0, set_sysctl("shmmni", 7));
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_LT(4096ULL, (unsigned long long)get_sysctl("shmmax"));
		EXPECT_EQ(4096, get_sysctl("shmmni"));
		ASSERT_EQ(0, set_sysctl("shmmni", 1));
		GET(IPC_PRIVATE, 9000, 0600);
		EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	}
	EXPECT_EQ(4096, get_sysctl("shmmax"));
	EXPECT_EQ(7, get_sysctl("shmmni"));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, 9000, 0600));
	REMOVE(GET(IPC_PRIVATE, 1, 0600));
}

/* Rows of the table: lines but the first. */
static int rows(void)
{
	FILE *f = fopen(ipc->table, "re");
	char line[512];
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

TEST_F(namespace, table_and_usage)
{
	struct shm_info info;

	EXPECT_EQ(1, rows());
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(0, rows());
		ASSERT_EQ(0, ctl(0, SHM_INFO, &info));
		EXPECT_EQ(0, info.used_ids);
		EXPECT_EQ(0, info.shm_tot);
		EXPECT_EQ(0, info.shm_rss);
		GET(IPC_PRIVATE, 1, 0600);
		GET(IPC_PRIVATE, 1, 0600);
		EXPECT_EQ(2, rows());
	}
	EXPECT_EQ(1, rows());
	ASSERT_EQ(0, ctl(0, SHM_INFO, &info));
	EXPECT_EQ(1, info.used_ids);
	EXPECT_EQ(2, info.shm_tot);
}

/* A descriptor of the device is of no namespace: the caller is. */
TEST_F(namespace, descriptor_from_before)
{
	struct xshm_get find = { .size = sizeof(find), .key = KEY };
	int fd;

	if (ipc != &xshm)
		SKIP(return, "System V has no descriptor");
	fd = device();
	ASSERT_EQ(self->id, raw(fd, XSHM_IOC_GET, &find));
	IN_CHILD {
		struct xshm_attach attach = { .size = sizeof(attach), .id = self->id };
		struct xshm_get make = { .size = sizeof(make), .key = KEY, .bytes = 60,
					 .shmflg = XSHM_CREAT | 0600 };
		struct xshm_control c = { .size = sizeof(c) };

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-ENOENT, raw(fd, XSHM_IOC_GET, &find));
		EXPECT_EQ(-EINVAL, raw(fd, XSHM_IOC_ATTACH, &attach));
		c.id = raw(fd, XSHM_IOC_GET, &make);
		ASSERT_LE(0, c.id);
		EXPECT_EQ(0, raw(fd, XSHM_IOC_REMOVE, &c));
	}
	EXPECT_EQ(self->id, raw(fd, XSHM_IOC_GET, &find));
	EXPECT_EQ(0, STAT(self->id).shm_perm.mode & 07000);
}

TEST_HARNESS_MAIN
