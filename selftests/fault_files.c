// SPDX-License-Identifier: GPL-2.0
/* The device, the table, the limits and namespaces when memory is refused to them. */
#include "fault_sweep.h"

static long open_file(FIXTURE_DATA(fault) *self)
{
	self->fd = open(self->path, O_RDONLY | O_CLOEXEC);
	return self->fd < 0 ? -errno : 0;
}

static void close_file(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, long result)
{
	EXPECT_EQ(0, close(self->fd));
}

static void open_for_reading(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	EXPECT_EQ(0, open_file(self));
}

static long read_file(FIXTURE_DATA(fault) *self)
{
	ssize_t n = pread(self->fd, self->buf, sizeof(self->buf), 0);

	return n < 0 ? -errno : 0;
}

static void open_for_writing(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	self->fd = open(self->path, O_WRONLY | O_CLOEXEC);
	EXPECT_LE(0, self->fd);
}

/* What it was before: refused or not, nothing changes. */
static long write_file(FIXTURE_DATA(fault) *self)
{
	ssize_t n = pwrite(self->fd, self->text, strlen(self->text), 0);

	return n < 0 ? -errno : 0;
}

TEST_F_TIMEOUT(fault, files, SWEEP_SECONDS)
{
	static const struct operation opening = OPERATION("open", NULL, open_file, close_file);
	static const struct operation reading =
		OPERATION("read", open_for_reading, read_file, close_file);

	strcpy(self->path, "/dev/xshm");
	sweep(_metadata, self, &opening);
	strcpy(self->path, "/proc/xshm");
	sweep(_metadata, self, &opening);
	sweep(_metadata, self, &reading);
}

TEST_F_TIMEOUT(fault, sysctls, SWEEP_SECONDS)
{
	static const char *const names[] = {
		"shmmax", "shmall", "shmmni", "shm_rmid_forced", "huge", "user_segments",
		"user_bytes", "owner_bound",
	};
	static const struct operation reading =
		OPERATION("read of a sysctl", open_for_reading, read_file, close_file);
	static const struct operation writing =
		OPERATION("write of a sysctl", open_for_writing, write_file, close_file);

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t n;

		snprintf(self->path, sizeof(self->path), "/proc/sys/xshm/%s", names[i]);
		sweep(_metadata, self, &reading);
		self->fd = open(self->path, O_RDONLY | O_CLOEXEC);
		n = pread(self->fd, self->text, sizeof(self->text) - 1, 0);
		ASSERT_LT(0, n);
		self->text[n] = 0;
		close(self->fd);
		if (!strcmp(names[i], "huge"))
			strcpy(self->text, "within_size\n");
		sweep(_metadata, self, &writing);
	}
}

/*
 * The first use of a namespace makes an instance. A child does it, as the
 * namespace can't be left; it tells errno by its exit status.
 */
static long in_new_namespace(FIXTURE_DATA(fault) *self, int nth, bool *fired, bool at_unshare)
{
	pid_t pid = fork();
	int status;

	*fired = false;
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int fd, err = 0;

		if (fault_open())
			_exit(255);
		if (!at_unshare && unshare(CLONE_NEWIPC))
			_exit(254);
		fault_arm(nth);
		if (at_unshare && unshare(CLONE_NEWIPC))
			err = errno;
		fd = err ? -1 : open("/dev/xshm", O_RDWR | O_CLOEXEC);
		if (!err && fd < 0)
			err = errno;
		status = fault_disarm() ? 128 : 0;
		/* And it works the next time. */
		if (err && at_unshare && unshare(CLONE_NEWIPC))
			_exit(253);
		if (fd < 0)
			fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			_exit(252);
		_exit(status | err);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	status = WEXITSTATUS(status);
	if (status >= 252)
		return -status;
	*fired = status & 128;
	return -(status & 127);
}

TEST_F_TIMEOUT(fault, namespaces, SWEEP_SECONDS)
{
	for (int at_unshare = 0; at_unshare < 2; at_unshare++) {
		int nth, refused = 0;
		bool fired = true;

		for (nth = 1; fired && nth < MAX_FAULTS; nth++) {
			long err = in_new_namespace(self, nth, &fired, at_unshare);

			ASSERT_TRUE(err == 0 || (fired && (err == -ENOMEM || err == -EFAULT ||
							   err == -ENOSPC)))
				TH_LOG("fault %d: %ld", nth, err);
			refused += err < 0;
		}
		ASSERT_FALSE(fired);
		EXPECT_LT(1, refused);
		TH_LOG("open in a new namespace: %d faults, refused %d times", nth - 2, refused);
		sums->operations++;
		sums->faults += nth - 2;
		sums->refused += refused;
	}
}

/* A command in a namespace that the descriptor was not opened in makes one too. */
TEST_F_TIMEOUT(fault, descriptor_of_another_namespace, SWEEP_SECONDS)
{
	int nth, refused = 0;
	bool fired = true;

	for (nth = 1; fired && nth < MAX_FAULTS; nth++) {
		struct xshm_control arg = {
			.size = sizeof(arg), .buf = (uintptr_t)self->buf,
			.buf_size = sizeof(struct xshm_usage),
		};
		int fd = device();
		long err;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		fault_arm(nth);
		err = raw(fd, XSHM_IOC_USAGE, &arg);
		fired = fault_disarm();
		ASSERT_TRUE(err == 0 || (fired && (err == -ENOMEM || err == -EFAULT)))
			TH_LOG("fault %d: %s", nth, strerror(-err));
		refused += err < 0;
		ASSERT_EQ(0, raw(fd, XSHM_IOC_USAGE, &arg));
	}
	ASSERT_FALSE(fired);
	/* Most places have a second try; a page more or less moves the last ones. */
	EXPECT_LT(0, refused);
	sums->operations++;
	sums->faults += nth - 2;
	sums->refused += refused;
	/* The segments of the setup went with their namespace. */
	self->keyed = -1;
}

/* Opens a file of the caller's namespace, and reads it from its beginning. */
static long look_into(FIXTURE_DATA(fault) *self, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	long err;

	if (fd < 0)
		return -errno;
	n = read(fd, self->buf, sizeof(self->buf));
	err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* The table and the limits make one, too. */
TEST_F_TIMEOUT(fault, files_of_new_namespaces, SWEEP_SECONDS)
{
	static const char *const paths[] = {
		"/proc/xshm", "/proc/sys/xshm/shmmax", "/proc/sys/xshm/shmmni",
		"/proc/sys/xshm/shm_next_id", "/proc/sys/xshm/huge",
	};

	/* The segments of the setup go with their namespace. */
	self->keyed = -1;
	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int nth, refused = 0;
		bool fired = true;

		for (nth = 1; fired && nth < MAX_FAULTS; nth++) {
			long err;

			ASSERT_EQ(0, unshare(CLONE_NEWIPC));
			fault_arm(nth);
			err = look_into(self, paths[i]);
			fired = fault_disarm();
			ASSERT_TRUE(err == 0 || (fired && (err == -ENOMEM || err == -EFAULT)))
				TH_LOG("%s, fault %d: %s", paths[i], nth, strerror(-err));
			refused += err < 0;
			ASSERT_EQ(0, look_into(self, paths[i]));
		}
		ASSERT_FALSE(fired);
		EXPECT_LT(0, refused);
		sums->operations++;
		sums->faults += nth - 2;
		sums->refused += refused;
	}
}

TEST_SUM_OF_FAULTS

TEST_HARNESS_MAIN
