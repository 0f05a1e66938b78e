// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/sys/xshm/owner_bound: segments of programs that know nothing of it, marked for
 * destruction when the process that made them is gone.
 */
#include <pthread.h>

#include "counters.h"
#include "raw.h"
#include "served.h"

#define POLICY	"/proc/sys/xshm/owner_bound"
#define CGROUPS	"/sys/fs/cgroup"
#define POD	CGROUPS "/xshm-pod"

FIXTURE(owner_policy) {
	int fds[2];
	bool pod;
};

FIXTURE_VARIANT(owner_policy) { bool calls; };
FIXTURE_VARIANT_ADD(owner_policy, device) { .calls = false };
FIXTURE_VARIANT_ADD(owner_policy, calls) { .calls = true };

FIXTURE_SETUP(owner_policy)
{
	self->pod = false;
	if (variant->calls) {
		USE_CALLS();
	} else {
		USE_BACKEND(&xshm);
	}
	ASSERT_EQ(0, pipe2(self->fds, O_CLOEXEC));
}

FIXTURE_TEARDOWN(owner_policy)
{
	for (int i = 0; self->pod && i < 100 && rmdir(POD) && errno == EBUSY; i++)
		usleep(20000);
}

/* What /dev/xshm says of it; 0 when it is gone. */
static __u32 attributes(int id)
{
	struct xshm_ds ds;

	return raw_stat(id, &ds) ? 0 : ds.attributes;
}

static bool is_bound(int id)
{
	return attributes(id) & XSHM_ATTR_OWNER_BOUND;
}

static bool is_marked(int id)
{
	struct xshm_ds ds;

	return !raw_stat(id, &ds) && ds.mode & XSHM_DEST;
}

static bool is_gone(int id)
{
	struct xshm_ds ds;

	return raw_stat(id, &ds) == -EINVAL;
}

static bool soon(bool (*is)(int id), int id)
{
	for (int i = 0; i < 100; i++) {
		if (is(id))
			return true;
		usleep(50000);
	}
	return false;
}

/* Longer than a period of the watch. */
static bool stays(int id)
{
	usleep(2500000);
	return !is_marked(id) && !is_gone(id);
}

/* A child makes a segment without a key and one with a key, and ends. */
static void child_makes(struct __test_metadata *_metadata, int fd, int ids[2])
{
	pid_t pid = fork();

	if (pid == 0) {
		ids[0] = get(IPC_PRIVATE, 8192, 0600);
		ids[1] = get(KEY, 8192, IPC_CREAT | IPC_EXCL | 0600);
		_exit(write(fd, ids, 2 * sizeof(int)) != 2 * sizeof(int));
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST_F_TIMEOUT(owner_policy, values, 60)
{
	int ids[2];

	ASSERT_EQ(0, read_number(POLICY));
	for (int policy = 0; policy < 3; policy++) {
		ASSERT_EQ(0, write_number(POLICY, policy));
		child_makes(_metadata, self->fds[1], ids);
		ASSERT_EQ(sizeof(ids), read(self->fds[0], ids, sizeof(ids)));
		ASSERT_LE(0, ids[0]);
		ASSERT_LE(0, ids[1]);
		/* With the exit, not some time after it: the process had one thread. */
		EXPECT_EQ(policy > 0, is_gone(ids[0]));
		EXPECT_EQ(policy > 1, is_gone(ids[1]));
		if (policy > 1) {
			EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
			continue;
		}
		EXPECT_TRUE(stays(ids[1]));
		EXPECT_FALSE(is_bound(ids[1]));
		REMOVE(ids[1]);
		if (policy == 0)
			REMOVE(ids[0]);
	}
	EXPECT_EQ(-EINVAL, write_number(POLICY, 3));
	EXPECT_EQ(-EINVAL, write_number(POLICY, -1));
	EXPECT_EQ(2, read_number(POLICY));
	ASSERT_EQ(0, write_number(POLICY, 0));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-EACCES, write_number(POLICY, 1));
	}
}

/* It is for those made from now on, in this namespace. */
TEST_F(owner_policy, of_the_namespace_from_now_on)
{
	int before = GET(IPC_PRIVATE, 8192, 0600), after;

	ASSERT_EQ(0, write_number(POLICY, 1));
	after = GET(IPC_PRIVATE, 8192, 0600);
	EXPECT_FALSE(is_bound(before));
	EXPECT_TRUE(is_bound(after));
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(0, read_number(POLICY));
	}
	ASSERT_EQ(0, write_number(POLICY, 0));
	EXPECT_TRUE(is_bound(after));
	REMOVE(before);
	REMOVE(after);
}

static void *make(void *id)
{
	*(int *)id = get(IPC_PRIVATE, 8192, 0600);
	return NULL;
}

/* The process is the owner: not a thread, not a descriptor, not the program. */
TEST_F_TIMEOUT(owner_policy, lives_as_long_as_the_process, 60)
{
	pthread_t thread;
	int id = -1, go[2];
	pid_t pid;

	ASSERT_EQ(0, write_number(POLICY, 1));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		char fd[16];

		pthread_create(&thread, NULL, make, &id);
		pthread_join(thread, NULL);
		if (write(self->fds[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		/* The descriptor of the library is closed with all others, and by exec. */
		for (int i = 3; i < 100; i++)
			if (i != go[0])
				close(i);
		snprintf(fd, sizeof(fd), "read x <&%d", go[0]);
		execl("/bin/sh", "sh", "-c", fd, NULL);
		_exit(1);
	}
	close(go[0]);
	ASSERT_EQ(sizeof(id), read(self->fds[0], &id, sizeof(id)));
	ASSERT_LE(0, id);
	EXPECT_TRUE(is_bound(id));
	EXPECT_TRUE(stays(id));
	ASSERT_EQ(1, write(go[1], "\n", 1));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(soon(is_gone, id));
}

/* Who has it attached keeps it, and its key is free. */
TEST_F(owner_policy, attached_by_somebody_else)
{
	int go[2], id;
	char *p, byte;
	pid_t pid;

	ASSERT_EQ(0, write_number(POLICY, 2));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		id = get(KEY, 8192, IPC_CREAT | 0600);
		if (write(self->fds[1], &id, sizeof(id)) != sizeof(id) ||
		    read(go[0], &byte, 1) != 1)
			_exit(1);
		raise(SIGKILL);
	}
	ASSERT_EQ(sizeof(id), read(self->fds[0], &id, sizeof(id)));
	p = ATTACH(id, 0);
	strcpy(p, "kept");
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(soon(is_marked, id));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
	EXPECT_STREQ("kept", p);
	EXPECT_EQ(0, dt(p));
	EXPECT_TRUE(is_gone(id));
}

/* shm_rmid_forced has a thread's end count, for segments of calls that are served. */
TEST_F(owner_policy, with_rmid_forced)
{
	pthread_t thread;
	int id = -1;

	ASSERT_EQ(0, write_number(POLICY, 1));
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, make, &id));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LE(0, id);
	if (variant->calls) {
		EXPECT_TRUE(soon(is_gone, id));
	} else {
		EXPECT_TRUE(stays(id));
	}
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 0));
}

#define SEGMENT	(16 * MIB)
#define LIMIT	"67108864"
#define KILLS	20

/* Makes a segment, and then wants more memory than there is. */
static void serve_until_killed(void)
{
	char *p = (char *)at(get(IPC_PRIVATE, SEGMENT, 0600), NULL, 0), *more;

	if ((long)p < 0 && (long)p > -4096)
		_exit(1);
	touch(p, SEGMENT);
	more = mmap(NULL, 5 * SEGMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (more != MAP_FAILED)
		touch(more, 5 * SEGMENT);
	_exit(2);
}

static long charged(void)
{
	return read_field(POD "/memory.stat", "shmem");
}

/*
 * A process that only waits holds the namespace; the server beside it is killed for want
 * of memory, and started again.
 */
TEST_F_TIMEOUT(owner_policy, killed_again_and_again, 120)
{
	pid_t holder;

	if (access(CGROUPS "/cgroup.controllers", F_OK) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller of cgroup v2");
	rmdir(POD);
	ASSERT_EQ(0, mkdir(POD, 0755));
	self->pod = true;
	ASSERT_EQ(0, write_text(POD "/memory.max", LIMIT));
	if (!access(POD "/memory.swap.max", F_OK))
		ASSERT_EQ(0, write_text(POD "/memory.swap.max", "0"));
	ASSERT_EQ(0, write_number(POLICY, 1));
	holder = fork();
	if (holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write_text(POD "/cgroup.procs", "0"))
			_exit(1);
		pause();
	}
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (write_text(POD "/cgroup.procs", "0"))
				_exit(1);
			serve_until_killed();
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			TH_LOG("kill %d: status %#x", i, status);
		for (int n = 0; n < 100 && charged() > 0; n++)
			usleep(50000);
		ASSERT_EQ(0, charged()) TH_LOG("kill %d", i);
		ASSERT_EQ(0, waitpid(holder, NULL, WNOHANG));
	}
	EXPECT_EQ(0, RAW_USAGE().used_ids);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

TEST_HARNESS_MAIN
