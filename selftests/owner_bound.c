// SPDX-License-Identifier: GPL-2.0
/* XSHM_GET_OWNER_BOUND: marked for destruction when the creator or his descriptor is gone. */
#include "counters.h"
#include "raw.h"

FIXTURE(owner_bound) {
	int fds[2];
};

FIXTURE_SETUP(owner_bound)
{
	USE_BACKEND(&xshm);
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(owner_bound)
{
}

static int bound(int fd, key_t key, __u64 bytes)
{
	struct xshm_get get = {
		.size = sizeof(get), .key = key, .bytes = bytes, .shmflg = XSHM_CREAT | 0600,
		.options = XSHM_GET_OWNER_BOUND,
	};

	return raw(fd, XSHM_IOC_GET, &get);
}

static bool gone_soon(int id)
{
	struct xshm_ds ds;

	for (int i = 0; i < 100; i++) {
		if (raw_stat(id, &ds) == -EINVAL)
			return true;
		usleep(50000);
	}
	return false;
}

static bool marked_soon(int id)
{
	struct xshm_ds ds;

	for (int i = 0; i < 100; i++) {
		if (raw_stat(id, &ds) == 0 && ds.mode & XSHM_DEST)
			return true;
		usleep(50000);
	}
	return false;
}

static void tell(int fd, int number)
{
	if (write(fd, &number, sizeof(number)) != sizeof(number))
		_exit(1);
}

static int hear(int fd)
{
	int number = -1;

	if (read(fd, &number, sizeof(number)) != sizeof(number))
		abort();
	return number;
}

TEST_F(owner_bound, closing_the_descriptor)
{
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC), id = bound(fd, KEY, 8192);

	ASSERT_LE(0, id);
	EXPECT_EQ(XSHM_ATTR_OWNER_BOUND, RAW_STAT(id).attributes & XSHM_ATTR_OWNER_BOUND);
	EXPECT_EQ(0, RAW_STAT(id).attributes & XSHM_ATTR_CREATOR_GONE);
	EXPECT_EQ(id, raw_get(KEY, 0, 0, 0));
	close(fd);
	EXPECT_TRUE(gone_soon(id));
	EXPECT_EQ(-ENOENT, raw_get(KEY, 0, 0, 0));
}

TEST_F(owner_bound, another_descriptor_does_not_matter)
{
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	int other = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	int id = bound(fd, KEY, 8192), copy;

	ASSERT_LE(0, id);
	close(other);
	copy = dup(fd);
	close(fd);
	usleep(1500000);
	/* It is open as long as a copy of it is. */
	EXPECT_EQ(0, RAW_STAT(id).mode & XSHM_DEST);
	close(copy);
	EXPECT_TRUE(gone_soon(id));
}

/* Options are for the one who makes it. */
TEST_F(owner_bound, found_by_somebody_else)
{
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	int id = raw_get(KEY, 8192, IPC_CREAT | 0600, 0);

	ASSERT_LE(0, id);
	EXPECT_EQ(id, bound(fd, KEY, 8192));
	close(fd);
	usleep(1200000);
	EXPECT_EQ(0, RAW_STAT(id).attributes & XSHM_ATTR_OWNER_BOUND);
	EXPECT_EQ(0, RAW_STAT(id).mode & XSHM_DEST);
	EXPECT_EQ(0, raw_remove(id));
}

TEST_F(owner_bound, death_of_the_creator)
{
	for (int end = 0; end < 3; end++) {
		pid_t pid = fork();
		int id;

		if (pid == 0) {
			tell(self->fds[1], bound(device(), IPC_PRIVATE, 8192));
			if (end == 1)
				raise(SIGKILL);
			if (end == 2)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		id = hear(self->fds[0]);
		ASSERT_LE(0, id);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		EXPECT_TRUE(gone_soon(id)) {
			TH_LOG("end %d", end);
		}
	}
}

TEST_F(owner_bound, attached_by_somebody_else)
{
	int go[2], id;
	char byte, *p;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		tell(self->fds[1], bound(device(), KEY, 8192));
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		raise(SIGKILL);
	}
	id = hear(self->fds[0]);
	p = RAW_ATTACH(id, 0, 0);
	strcpy(p, "kept");
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(marked_soon(id));
	EXPECT_EQ(IPC_PRIVATE, RAW_STAT(id).key);
	EXPECT_EQ(XSHM_ATTR_CREATOR_GONE, RAW_STAT(id).attributes & XSHM_ATTR_CREATOR_GONE);
	EXPECT_EQ(-ENOENT, raw_get(KEY, 0, 0, 0));
	EXPECT_STREQ("kept", p);
	/* The mark does not keep anybody from attaching it once more. */
	EXPECT_EQ(0, raw_detach(RAW_ATTACH(id, 0, 0)));
	EXPECT_STREQ("kept", p);
	EXPECT_EQ(0, raw_detach(p));
	EXPECT_EQ(-EINVAL, raw_attach(id, NULL, 0, 0));
}

/* The child has inherited the descriptor and lives on; the creator is gone all the same. */
TEST_F(owner_bound, descriptor_inherited_by_a_child)
{
	pid_t pid = fork();
	int id, child;

	if (pid == 0) {
		int made = bound(device(), IPC_PRIVATE, 8192);
		pid_t grandchild = fork();

		if (grandchild == 0) {
			alarm(20);
			pause();
		}
		tell(self->fds[1], made);
		tell(self->fds[1], grandchild);
		raise(SIGKILL);
	}
	id = hear(self->fds[0]);
	child = hear(self->fds[0]);
	ASSERT_LE(0, id);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(gone_soon(id));
	kill(child, SIGKILL);
}

/*
 * The creator has closed the descriptor that a child still has: no exit is told to the
 * module then. Nobody opens the device for longer than a period of the watch, before and
 * after, so it has to be started by the segment and to go on as long as there is one.
 */
TEST_F(owner_bound, creator_without_the_descriptor)
{
	int id, child;
	pid_t pid;

	ASSERT_LE(0, device());
	pid = fork();
	if (pid == 0) {
		int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC), made;
		pid_t grandchild;

		usleep(1500000);
		made = bound(fd, IPC_PRIVATE, 8192);
		grandchild = fork();
		if (grandchild == 0) {
			alarm(20);
			pause();
		}
		close(fd);
		tell(self->fds[1], made);
		tell(self->fds[1], grandchild);
		usleep(2500000);
		_exit(0);
	}
	id = hear(self->fds[0]);
	child = hear(self->fds[0]);
	ASSERT_LE(0, id);
	EXPECT_EQ(0, RAW_STAT(id).mode & XSHM_DEST);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(gone_soon(id));
	EXPECT_EQ(0, kill(child, SIGKILL));
}

TEST_F(owner_bound, removed_before)
{
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	int id = bound(fd, KEY, 8192), again;

	ASSERT_EQ(0, raw_remove(id));
	/* Somebody else's with the same key has nothing to do with it. */
	again = raw_get(KEY, 8192, IPC_CREAT | 0600, 0);
	ASSERT_LE(0, again);
	close(fd);
	usleep(1200000);
	EXPECT_EQ(0, RAW_STAT(again).mode & XSHM_DEST);
	EXPECT_EQ(0, raw_remove(again));
}

TEST_F(owner_bound, memory_comes_back)
{
	long before = meminfo("Shmem");
	pid_t pid = fork();

	if (pid == 0) {
		char *p;
		int id = bound(device(), IPC_PRIVATE, 16 * MIB);

		p = (char *)raw_attach(id, NULL, 0, 0);
		touch(p, 16 * MIB);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_GE(before + SLACK_KB, meminfo_falls_to("Shmem", before + SLACK_KB, 5));
	EXPECT_EQ(0, RAW_USAGE().used_ids);
}

/* Many segments of one descriptor, among others that stay. */
TEST_F(owner_bound, many)
{
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC), left = 0;

	for (int i = 0; i < 100; i++) {
		ASSERT_LE(0, bound(fd, IPC_PRIVATE, 8192));
		ASSERT_LE(0, raw_get(IPC_PRIVATE, 8192, 0600, 0));
	}
	EXPECT_EQ(200, RAW_USAGE().used_ids);
	close(fd);
	for (int i = 0; i < 100 && RAW_USAGE().used_ids > 100; i++)
		usleep(20000);
	EXPECT_EQ(100, RAW_USAGE().used_ids);
	for (int i = 0; i < 200; i++) {
		struct xshm_ds ds;

		if (raw_stat(NTH_ID(i), &ds) == 0) {
			EXPECT_EQ(0, ds.attributes & XSHM_ATTR_OWNER_BOUND);
			left++;
		}
	}
	EXPECT_EQ(100, left);
}

TEST_F(owner_bound, gone_creators_of_ordinary_segments_are_told)
{
	pid_t pid = fork();
	int id;

	if (pid == 0) {
		tell(self->fds[1], raw_get(IPC_PRIVATE, 8192, 0600, 0));
		_exit(0);
	}
	id = hear(self->fds[0]);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(XSHM_ATTR_CREATOR_GONE, RAW_STAT(id).attributes & XSHM_ATTR_CREATOR_GONE);
	EXPECT_EQ(0, raw_remove(id));
	id = RAW_GET(8192, 0600, 0);
	EXPECT_EQ(0, RAW_STAT(id).attributes & XSHM_ATTR_CREATOR_GONE);
	EXPECT_EQ(0, raw_remove(id));
}

TEST_HARNESS_MAIN
