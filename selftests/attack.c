// SPDX-License-Identifier: GPL-2.0
/* What a hostile user tries: it fails for him and harms nobody. */
#include <sys/socket.h>

#include "counters.h"
#include "raw.h"

FIXTURE(attack) {
	int id;
	char *p;
	struct shmid_ds before;
};

BOTH_BACKENDS(attack);

FIXTURE_SETUP(attack)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	/* The victim is a user as any other. */
	self->id = GET(KEY, 8192, IPC_CREAT | 0600);
	self->p = ATTACH(self->id, 0);
	strcpy(self->p, "secret");
	self->before = STAT(self->id);
	self->before.shm_perm.uid = OTHER;
	self->before.shm_perm.gid = OTHER;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &self->before));
	self->before = STAT(self->id);
}

FIXTURE_TEARDOWN(attack)
{
	struct shmid_ds now;

	if (self->id < 0)
		return;
	memset(&now, POISON, sizeof(now));
	EXPECT_EQ(0, ctl(self->id, IPC_STAT, &now));
	EXPECT_EQ(self->before.shm_perm.uid, now.shm_perm.uid);
	EXPECT_EQ(self->before.shm_perm.gid, now.shm_perm.gid);
	EXPECT_EQ(self->before.shm_perm.mode, now.shm_perm.mode);
	EXPECT_EQ(self->before.shm_segsz, now.shm_segsz);
	EXPECT_EQ(self->before.shm_ctime, now.shm_ctime);
	EXPECT_EQ(1, now.shm_nattch);
	EXPECT_STREQ("secret", self->p);
	EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

TEST_F(attack, segment_of_another_user)
{
	AS_USER(USER, GROUP) {
		struct shmid_ds ds;
		unsigned char *bytes = (unsigned char *)&ds;

		memset(&ds, POISON, sizeof(ds));
		EXPECT_EQ(self->id, get(KEY, 0, 0));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0400));
		EXPECT_EQ(-EACCES, get(KEY, 0, 0044));
		EXPECT_EQ(-EACCES, get(KEY, 0, IPC_CREAT | 0666));
		EXPECT_EQ(-EEXIST, get(KEY, 1, IPC_CREAT | IPC_EXCL | 0666));
		EXPECT_EQ(-EACCES, at(self->id, NULL, 0));
		EXPECT_EQ(-EACCES, at(self->id, NULL, SHM_RDONLY));
		EXPECT_EQ(-EACCES, at(self->id, NULL, SHM_RDONLY | SHM_EXEC));
		EXPECT_EQ(-EACCES, ctl(self->id, IPC_STAT, &ds));
		EXPECT_EQ(-EACCES, ctl(self->id, SHM_STAT, &ds));
		/* Refused, it has not told a byte. */
		for (size_t i = 0; i < sizeof(ds); i++)
			ASSERT_EQ(POISON, bytes[i]);
		memset(&ds, 0, sizeof(ds));
		ds.shm_perm.uid = USER;
		ds.shm_perm.mode = 0777;
		EXPECT_EQ(-EPERM, ctl(self->id, IPC_SET, &ds));
		EXPECT_EQ(-EPERM, ctl(self->id, IPC_RMID, NULL));
		EXPECT_EQ(-EPERM, ctl(self->id, SHM_LOCK, NULL));
		EXPECT_EQ(-EPERM, ctl(self->id, SHM_UNLOCK, NULL));
		EXPECT_EQ(-EINVAL, dt(self->p + 4096));
	}
}

/* A descriptor that root opened, used by somebody who is not. */
static int with_roots_descriptor(int fd, int id)
{
	struct xshm_attach attach = { .size = sizeof(attach), .id = id };
	struct xshm_get find = { .size = sizeof(find), .key = KEY, .shmflg = 0600 };
	struct xshm_get pool = { .size = sizeof(pool), .bytes = 1,
				 .shmflg = XSHM_HUGETLB | 0600 };
	struct xshm_ds ds = { .mode = 0777, .uid = USER };
	struct xshm_control c = {
		.size = sizeof(c), .id = id, .buf = (uintptr_t)&ds, .buf_size = sizeof(ds),
	};
	struct xshm_control bare = { .size = sizeof(bare), .id = id };

	if (raw(fd, XSHM_IOC_ATTACH, &attach) != -EACCES)
		return 1;
	attach.shmflg = XSHM_RDONLY;
	if (raw(fd, XSHM_IOC_ATTACH, &attach) != -EACCES)
		return 2;
	if (raw(fd, XSHM_IOC_GET, &find) != -EACCES)
		return 3;
	if (raw(fd, XSHM_IOC_STAT, &c) != -EACCES)
		return 4;
	if (raw(fd, XSHM_IOC_SET, &c) != -EPERM)
		return 5;
	if (raw(fd, XSHM_IOC_REMOVE, &bare) != -EPERM)
		return 6;
	if (raw(fd, XSHM_IOC_LOCK, &bare) != -EPERM)
		return 7;
	if (raw(fd, XSHM_IOC_GET, &pool) != -EPERM)
		return 8;
	return 0;
}

TEST_F(attack, inherited_descriptor)
{
	int fd = open("/dev/xshm", O_RDWR);

	if (ipc != &xshm)
		SKIP(return, "System V has no descriptor");
	ASSERT_LE(0, fd);
	AS_USER(USER, GROUP) {
		struct xshm_get make = { .size = sizeof(make), .bytes = 1, .shmflg = 0600 };
		int id;

		EXPECT_EQ(0, with_roots_descriptor(fd, self->id));
		/* What he makes is his and not the opener's. */
		id = raw(fd, XSHM_IOC_GET, &make);
		ASSERT_LE(0, id);
		EXPECT_EQ(USER, RAW_STAT(id).cuid);
		EXPECT_EQ(getpid(), RAW_STAT(id).cpid);
		EXPECT_EQ(0, raw_remove(id));
	}
	close(fd);
}

static int receive(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(from, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int send_descriptor(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec part = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(to, &msg, 0) == 1 ? 0 : -1;
}

/* Sent to a user in another namespace, and one that comes from there. */
TEST_F(attack, descriptor_sent_to_another_namespace)
{
	int pair[2];

	if (ipc != &xshm)
		SKIP(return, "System V has no descriptor");
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, send_descriptor(pair[0], device()));
	IN_CHILD {
		struct xshm_attach attach = { .size = sizeof(attach), .id = self->id };
		struct xshm_get find = { .size = sizeof(find), .key = KEY };
		struct xshm_usage usage = { .used_ids = 77 };
		struct xshm_control c = { .size = sizeof(c), .buf = (uintptr_t)&usage,
					  .buf_size = sizeof(usage) };
		int fd;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		fd = receive(pair[1]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EINVAL, raw(fd, XSHM_IOC_ATTACH, &attach));
		EXPECT_EQ(-ENOENT, raw(fd, XSHM_IOC_GET, &find));
		EXPECT_EQ(0, raw(fd, XSHM_IOC_USAGE, &c));
		EXPECT_EQ(0, usage.used_ids);
		/* The other way round: opened here, used there. */
		ASSERT_EQ(0, send_descriptor(pair[1], open("/dev/xshm", O_RDONLY)));
	}
	int fd = receive(pair[0]);
	struct xshm_get find = { .size = sizeof(find), .key = KEY };

	ASSERT_LE(0, fd);
	EXPECT_EQ(self->id, raw(fd, XSHM_IOC_GET, &find));
	close(fd);
}

/* An id that was given back is not soon given again. */
TEST_F(attack, stale_ids)
{
	int first = -1, last = -1, rounds = getenv("XSHM_SLOW") ? 400 : 2000;

	for (int i = 0; i < rounds; i++) {
		int id = GET(IPC_PRIVATE, 1, 0600);

		if (first < 0)
			first = id;
		ASSERT_TRUE(id == first || id != first + i - 1);
		ASSERT_NE(last, id);
		last = id;
		ASSERT_EQ(0, ctl(id, IPC_RMID, NULL));
		ASSERT_EQ(-EINVAL, ctl(id, IPC_RMID, NULL));
		ASSERT_EQ(-EINVAL, at(first, NULL, 0));
	}
	/* The same index with every other sequence number is somebody else. */
	int id = GET(IPC_PRIVATE, 1, 0600);

	for (int seq = 0; seq < 65536; seq += 251) {
		int guess = (id & 0x7fff) | seq << 15;

		if (guess != id)
			ASSERT_EQ(-EINVAL, at(guess, NULL, 0));
	}
	REMOVE(id);
}

/* Memory is nobody's before it is somebody's: zeros, whatever was there. */
TEST_F(attack, bytes_of_those_before)
{
	static const size_t sizes[] = { 4096, 2 * MIB, 3 * MIB + 4096 };

	for (int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			int id = GET(IPC_PRIVATE, sizes[i], 0600);
			char *p = ATTACH(id, 0);

			ASSERT_TRUE(all_bytes(p, sizes[i], 0));
			memset(p, 'S', sizes[i]);
			ASSERT_EQ(0, dt(p));
			REMOVE(id);
		}
	}
}

/* Attaches without end, by many processes: an error when the address space has no room. */
TEST_F(attack, bomb_of_attaches)
{
	long long maximum = read_number("/proc/sys/vm/max_map_count");
	/* Where everything is slow a smaller address space is full sooner. */
	int room = getenv("XSHM_SLOW") ? 300 : 1500, enough = room - 200;
	int id = GET(IPC_PRIVATE, 4096, 0666), ready[2];
	pid_t pids[10];
	char byte;

	ASSERT_EQ(0, write_number("/proc/sys/vm/max_map_count", room));
	ASSERT_EQ(0, pipe(ready));
	for (int i = 0; i < 10; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			long p;
			int n = 0;

			become(USER, GROUP);
			while ((p = at(id, NULL, 0)) > 0)
				n++;
			byte = p == -ENOMEM && n > enough;
			if (write(ready[1], &byte, 1) != 1)
				_exit(1);
			alarm(25);
			pause();
		}
	}
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		EXPECT_EQ(1, byte);
	}
	EXPECT_LT(10 * enough, NATTCH(id));
	/* Others go on undisturbed. */
	EXPECT_EQ(0, dt(ATTACH(self->id, 0)));
	for (int i = 0; i < 10; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(pids[i], waitpid(pids[i], NULL, 0));
	EXPECT_EQ(0, NATTCH(id));
	REMOVE(id);
	ASSERT_EQ(0, write_number("/proc/sys/vm/max_map_count", maximum));
}

/* Who uses up all ids gets an error, and what exists stays usable. */
TEST_F(attack, bomb_of_segments)
{
	int n = 0, id, told[2];

	ASSERT_EQ(0, set_sysctl("shmmni", 500));
	ASSERT_EQ(0, pipe(told));
	AS_USER(USER, GROUP) {
		while ((id = get(IPC_PRIVATE, 1, 0600)) >= 0)
			n++;
		EXPECT_EQ(-ENOSPC, id);
		EXPECT_EQ(499, n);
	}
	EXPECT_EQ(self->id, get(KEY, 0, 0));
	EXPECT_EQ(0, dt(ATTACH(self->id, 0)));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	/* The administrator makes room. */
	for (int i = 0; i < 500; i++) {
		struct shmid_ds ds;

		id = ctl(i, SHM_STAT, &ds);
		if (id >= 0 && id != self->id)
			REMOVE(id);
	}
	REMOVE(GET(IPC_PRIVATE, 1, 0600));
}

/* No number told to a user looks like an address of the kernel. */
static bool tells_pointer(const void *bytes, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;

		memcpy(&word, (const char *)bytes + i, 8);
		if (word >> 47 == 0x1ffff && word != ~0ULL && word < -4096ULL &&
		    word != 0xa5a5a5a5a5a5a5a5ULL)
			return true;
	}
	return false;
}

TEST_F(attack, kernel_addresses)
{
	unsigned long limits[16] = { 0 };
	struct shm_info info = { 0 };
	struct shmid_ds ds = STAT(self->id);
	char line[512];
	FILE *f;

	EXPECT_FALSE(tells_pointer(&ds, sizeof(ds)));
	ASSERT_LE(0, ctl(0, SHM_INFO, (void *)&info));
	EXPECT_FALSE(tells_pointer(&info, sizeof(info)));
	ASSERT_LE(0, ctl(0, IPC_INFO, (void *)limits));
	/* The default limits themselves are that large. */
	EXPECT_FALSE(tells_pointer(limits + 1, 3 * sizeof(long)));
	EXPECT_FALSE(tells_pointer(limits + 5, sizeof(limits) - 5 * sizeof(long)));
	if (on_xshm()) {
		struct xshm_ds extended = RAW_STAT(self->id);

		EXPECT_FALSE(tells_pointer(&extended, sizeof(extended)));
	}
	f = fopen(ipc->table, "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		EXPECT_EQ(NULL, strstr(line, "ffff8"));
		EXPECT_EQ(NULL, strstr(line, "184467"));
		EXPECT_EQ(NULL, strchr(line, '-'));
	}
	fclose(f);
}

/*
 * A user opens a limit for writing and hands it to a privileged program as its standard
 * output: what counts is who opened it.
 */
TEST_F(attack, limit_opened_by_a_user_and_written_by_root)
{
	static const char *const names[] = { "shmmax", "shmall", "shmmni", "shm_rmid_forced",
					     "shm_next_id", "huge", "user_segments",
					     "hugetlb_shm_group" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = strcmp(names[i], "huge") ? "1\n" : "never\n";
		int fd, n;

		if (access(sysctl_path(names[i]), F_OK))
			continue;
		/* The effective user is what open(2) looks at; a set-uid program has both. */
		ASSERT_EQ(0, setegid(GROUP));
		ASSERT_EQ(0, setresuid(USER, USER, 0));
		fd = open(sysctl_path(names[i]), O_WRONLY | O_CLOEXEC);
		ASSERT_EQ(0, setresuid(USER, 0, 0));
		ASSERT_EQ(0, setegid(0));
		if (fd >= 0) {
			n = write(fd, value, strlen(value));
			EXPECT_GT(0, n) {
				TH_LOG("%s was written", names[i]);
			}
			close(fd);
		}
		ASSERT_EQ(0, setresuid(0, 0, 0));
	}
}

/*
 * Process accounting into a limit: the last record is written when the first process of
 * a PID namespace ends, which has no namespaces any more then.
 */
TEST_F(attack, accounting_into_a_limit)
{
	static const char *const names[] = { "shmmax", "shmall", "shmmni", "shm_rmid_forced",
					     "shm_next_id", "huge", "user_segments",
					     "user_bytes", "hugetlb_shm_group" };
	int status, result = 0;

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]) && !result; i++) {
		char *path = strdup(sysctl_path(names[i]));
		pid_t pid = fork();

		if (pid == 0) {
			if (unshare(CLONE_NEWPID))
				_exit(errno);
			pid = fork();
			if (pid == 0)
				_exit(acct(path) ? errno : 0);
			_exit(waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ?
			      ECHILD : WEXITSTATUS(status));
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		result = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
		if (result == ENOENT)
			result = 0;
		free(path);
	}
	if (result == ENOSYS || result == EINVAL || result == EACCES)
		SKIP(return, "acct(2) on such a file: %s", strerror(result));
	EXPECT_EQ(0, result) TH_LOG("%s", strerror(result));
}

TEST_F(attack, device_mode)
{
	struct stat st;

	if (ipc != &xshm)
		SKIP(return, "System V has no device");
	ASSERT_EQ(0, stat("/dev/xshm", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0666, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
}

TEST_HARNESS_MAIN
