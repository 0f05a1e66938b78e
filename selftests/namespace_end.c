// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an IPC namespace: its segments go and their memory comes back within five
 * seconds, those that are mapped at their last detach.
 *
 * XSHM_NAMESPACES=N in the environment: how many short-lived ones are made (500), and
 * that all of the machine's memory has to be back, for which Linux 6.1 needs long.
 */
#include "counters.h"
#include "raw.h"

#define BYTES		(16 * MIB)
#define BYTES_KB	((long)(BYTES / KIB))
#define SECONDS		5

FIXTURE(namespace_end) {
	long shmem;
};

BOTH_BACKENDS(namespace_end);

FIXTURE_SETUP(namespace_end)
{
	USE_BACKEND(variant->backend);
	/* What the test before left behind may still be on its way out. */
	for (int i = 0; i < SECONDS * 10; i++) {
		self->shmem = meminfo("Shmem");
		usleep(100000);
		if (meminfo("Shmem") == self->shmem)
			break;
	}
}

FIXTURE_TEARDOWN(namespace_end)
{
}

/* Time in which a module that is mistaken about the end would act on it. */
static void let_it_notice(void)
{
	if (on_xshm())
		usleep(2500000);
}

#define EXPECT_MEMORY_BACK()							\
	EXPECT_LE(meminfo_falls_to("Shmem", self->shmem + SLACK_KB, SECONDS),	\
		  self->shmem + SLACK_KB)

TEST_F(namespace_end, frees_what_is_not_mapped)
{
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		char *p = ATTACH(GET(KEY, BYTES, IPC_CREAT | 0600), 0);

		touch(p, BYTES);
		EXPECT_LE(self->shmem + BYTES_KB - SLACK_KB, meminfo("Shmem"));
		/* Detached or not at the end, it is all the same. */
		ASSERT_EQ(0, dt(p));
		p = ATTACH(GET(IPC_PRIVATE, BYTES, 0600), 0);
		touch(p, BYTES);
	}
	EXPECT_MEMORY_BACK();
}

TEST_F(namespace_end, after_a_violent_death)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWIPC) || fork() < 0)
			_exit(1);
		touch((char *)at(get(IPC_PRIVATE, BYTES, 0600), NULL, 0), BYTES);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_MEMORY_BACK();
}

/* The one who left with a mapping keeps it, and its last detach frees it. */
TEST_F(namespace_end, mapped_segments_wait_for_the_last_detach)
{
	IN_CHILD {
		char *p;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		p = ATTACH(GET(KEY, BYTES, IPC_CREAT | 0600), 0);
		touch(p, BYTES);
		/* Nobody is in there after this. */
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
		let_it_notice();
		EXPECT_EQ(-1, check_touched(p, BYTES));
		EXPECT_LE(self->shmem + BYTES_KB - SLACK_KB, meminfo("Shmem"));
		IN_CHILD {
			EXPECT_EQ(-1, check_touched(p, BYTES));
			EXPECT_EQ(0, dt(p));
		}
		ASSERT_EQ(0, mprotect(p + 4096, 4096, PROT_READ));
		EXPECT_EQ(-1, check_touched(p, BYTES));
		EXPECT_EQ(0, dt(p));
		EXPECT_MEMORY_BACK();
	}
}

/* Who has the namespace open can go back there: it has not ended. */
TEST_F(namespace_end, not_while_it_is_open)
{
	int ready[2], go[2], fd, status;
	char path[64], byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWIPC))
			_exit(1);
		char *p = (char *)at(get(KEY, BYTES, IPC_CREAT | 0600), NULL, 0);

		touch(p, BYTES);
		dt(p);
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	let_it_notice();
	IN_CHILD {
		char *p;

		ASSERT_EQ(0, setns(fd, CLONE_NEWIPC));
		p = ATTACH(GET(KEY, BYTES, 0), SHM_RDONLY);
		EXPECT_EQ(-1, check_touched(p, BYTES));
	}
	close(fd);
	EXPECT_MEMORY_BACK();
}

/*
 * What was opened inside and is used after the end: the table goes on to show what it
 * was opened for, and a descriptor of the device serves whoever calls.
 */
TEST_F(namespace_end, what_is_open_outlives_it)
{
	IN_CHILD {
		char line[512];
		FILE *table;
		int fd = -1;

		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		GET(KEY, 4096, IPC_CREAT | 0600);
		table = fopen(ipc->table, "re");
		ASSERT_NE(NULL, table);
		ASSERT_NE(NULL, fgets(line, sizeof(line), table));
		if (on_xshm())
			fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		int id = GET(KEY, 8192, IPC_CREAT | 0600);

		let_it_notice();
		rewind(table);
		int rows = -1, size = -1;

		while (fgets(line, sizeof(line), table))
			if (++rows > 0)
				sscanf(line, "%*d %*d %*o %d", &size);
		fclose(table);
		/* Never the one of the other namespace. */
		EXPECT_NE(8192, size);
		EXPECT_GE(1, rows);
		if (on_xshm()) {
			struct xshm_get find = { .size = sizeof(find), .key = KEY };
			struct xshm_get make = {
				.size = sizeof(make), .bytes = 1, .shmflg = 0600,
				.options = XSHM_GET_OWNER_BOUND,
			};
			struct xshm_ds ds;
			int bound;

			EXPECT_EQ(id, raw(fd, XSHM_IOC_GET, &find));
			bound = raw(fd, XSHM_IOC_GET, &make);
			ASSERT_LE(0, bound);
			EXPECT_EQ(1, STAT(bound).shm_segsz);
			close(fd);
			for (int i = 0; i < 100 && raw_stat(bound, &ds) == 0; i++)
				usleep(20000);
			EXPECT_EQ(-EINVAL, raw_stat(bound, &ds));
		}
	}
}

/* Waits, for at most some seconds, until a count is at most a value. */
#define SETTLE(count, limit, seconds) ({					\
	long now_ = count;							\
	for (int i_ = 0; i_ < (seconds) * 20 && now_ > (limit); i_++) {		\
		usleep(50000);							\
		now_ = count;							\
	}									\
	now_;									\
})

/* Objects in a cache of the kernel; free ones that it keeps are let go first. */
static long objects_of(const char *cache)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	write_text(path, "1");
	return read_field("/proc/slabinfo", cache);
}

/* An instance and its table of ids are of these sizes. */
static long instance_objects(void)
{
	return objects_of("kmalloc-cg-512") + objects_of("kmalloc-cg-1k");
}

static bool read_sysctl(const char *name)
{
	char text[64];
	int fd = open(sysctl_path(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text));

	close(fd);
	return n > 0;
}

TEST_F_TIMEOUT(namespace_end, many_leave_nothing, 900)
{
	/* One of each kind; the last is xshm's own. */
	static const char *const files[] = {
		"shmmax", "shmmni", "shm_rmid_forced", "shm_next_id", "huge",
	};
	const char *wish = getenv("XSHM_NAMESPACES");
	int rounds = wish ? atoi(wish) : 500, seconds;
	long users, inodes, dentries, instances, available;

	if (!on_xshm())
		SKIP(return, "the kernel itself takes longer to free so many");
	/* Namespaces wait for each other in the kernel, up to 100 ms each on Linux 6.1. */
	seconds = SECONDS + rounds / 10;
	/* Once, so that whatever is made only once is there. */
	IN_CHILD {
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
		REMOVE(GET(IPC_PRIVATE, 4096, 0600));
	}
	usleep(1500000);
	users = read_number("/sys/module/xshm/refcnt");
	inodes = objects_of("shmem_inode_cache");
	dentries = objects_of("dentry");
	instances = instance_objects();
	available = meminfo("MemAvailable");
	IN_CHILD {
		for (int i = 0; i < rounds; i++) {
			struct xshm_get make = {
				.size = sizeof(make), .bytes = 1, .shmflg = 0600,
			};
			int tries = 0, id, fd;
			char *p;

			/* There may be only so many at a time. */
			while (unshare(CLONE_NEWIPC)) {
				ASSERT_EQ(ENOSPC, errno);
				ASSERT_GT(2000, ++tries);
				usleep(50000);
			}
			/* The library's own was opened in another namespace. */
			fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
			ASSERT_LE(0, raw(fd, XSHM_IOC_GET, &make));
			ASSERT_EQ(0, close(fd));
			for (int k = 0; k < (ipc == &xshm ? 5 : 4); k++)
				ASSERT_TRUE(read_sysctl(files[k]));
			ASSERT_EQ(0, close(open(ipc->table, O_RDONLY | O_CLOEXEC)));
			id = GET(KEY, 8192, IPC_CREAT | IPC_EXCL | 0600);
			p = ATTACH(id, 0);
			ASSERT_EQ(0, *p);
			*p = 1;
			ASSERT_EQ(0, i % 2 ? dt(p) : munmap(p, 8192));
			if (i % 3 == 0)
				REMOVE(id);
		}
	}
	EXPECT_MEMORY_BACK();
	EXPECT_EQ(users, SETTLE(read_number("/sys/module/xshm/refcnt"), users, SECONDS));
	EXPECT_GE(inodes + rounds / 8,
		  SETTLE(objects_of("shmem_inode_cache"), inodes + rounds / 8, SECONDS));
	EXPECT_GE(dentries + rounds / 8,
		  SETTLE(objects_of("dentry"), dentries + rounds / 8, seconds));
	EXPECT_GE(instances + rounds / 4,
		  SETTLE(instance_objects(), instances + rounds / 4, seconds));
	/* What the kernel keeps for its own purposes varies by some megabytes. */
	if (wish)
		EXPECT_LE(available - 8 * 1024,
			  -SETTLE(-meminfo("MemAvailable"), -(available - 8 * 1024), seconds));
}

TEST_HARNESS_MAIN
