/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share: the two backends, and calls that answer as the kernel
 * does, with a negative errno.
 *
 * A semantic test is written once and runs twice, as the variants sysv and xshm.
 * The kernel's own calls are the oracle: a test that fails there is wrong.
 */
#ifndef SELFTESTS_XSHM_COMMON_H
#define SELFTESTS_XSHM_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include <xshm.h>

/* An ordinary user and group, and some others, that need not have names. */
#define USER	1000
#define GROUP	1000
#define OTHER	65534

#define KEY	0x58534854
#define POISON	0xa5

/* The bits of a page size in shmget's flags, which the C library has no names for. */
#define PAGE_SIZE_FLAGS(log2)	((int)((unsigned int)(log2) << 26))

struct backend {
	const char *name;
	int (*get)(key_t key, size_t size, int flags);
	void *(*at)(int id, const void *address, int flags);
	int (*dt)(const void *address);
	int (*ctl)(int id, int command, struct shmid_ds *buf);
	const char *table;
	const char *sysctl;
};

/* The system calls themselves: a C library changes arguments of shmctl. */
static inline int sysv_get(key_t key, size_t size, int flags)
{
	return syscall(SYS_shmget, key, size, flags);
}

static inline void *sysv_at(int id, const void *address, int flags)
{
	return (void *)syscall(SYS_shmat, id, address, flags);
}

static inline int sysv_dt(const void *address)
{
	return syscall(SYS_shmdt, address);
}

static inline int sysv_ctl(int id, int command, struct shmid_ds *buf)
{
	return syscall(SYS_shmctl, id, command, buf);
}

static const struct backend sysv = {
	.name = "sysv",
	.get = sysv_get,
	.at = sysv_at,
	.dt = sysv_dt,
	.ctl = sysv_ctl,
	.table = "/proc/sysvipc/shm",
	.sysctl = "/proc/sys/kernel",
};

static const struct backend xshm = {
	.name = "xshm",
	.get = xshmget,
	.at = xshmat,
	.dt = xshmdt,
	.ctl = xshmctl,
	.table = "/proc/xshm",
	.sysctl = "/proc/sys/xshm",
};

/* The one that the running test is for. */
static const struct backend *ipc = &xshm;

/* Runs the tests of a fixture on both; follows FIXTURE(). */
#define BOTH_BACKENDS(fixture)						\
	FIXTURE_VARIANT(fixture) { const struct backend *backend; };	\
	FIXTURE_VARIANT_ADD(fixture, sysv) { .backend = &sysv };	\
	FIXTURE_VARIANT_ADD(fixture, xshm) { .backend = &xshm }

/* With XSHM_SERVED the system calls are served by xshm: selftests/run --served. */
static inline bool served(void)
{
	return getenv("XSHM_SERVED");
}

/* The segments of the running test are xshm's, by whichever door. */
static inline bool on_xshm(void)
{
	return ipc == &xshm || served();
}

/* NULL, or why the tests of a backend can't be run. */
static inline const char *unavailable(const struct backend *backend)
{
	struct shminfo64 { unsigned long field[9]; } info;

	if (backend == &xshm)
		return access("/dev/xshm", F_OK) ? "no /dev/xshm: xshm.ko is not loaded" : NULL;
	if (sysv_ctl(0, IPC_INFO, (void *)&info) < 0 && errno == ENOSYS)
		return "this kernel has no System V shared memory";
	return NULL;
}

/*
 * For FIXTURE_SETUP(): chooses the backend and moves the test to an IPC namespace of
 * its own, whose ids and limits are as new and whose segments go with it. With
 * XSHM_INITIAL the test stays where it is: see initial.h.
 */
#define USE_BACKEND(chosen) do {						\
	const char *why_ = unavailable(chosen);					\
	ipc = (chosen);								\
	if (why_)								\
		SKIP(return, "%s", why_);					\
	if (geteuid() != 0)							\
		SKIP(return, "needs root");					\
	if (in_initial()) {							\
		ASSERT_TRUE(begin_in_initial(ipc));				\
	} else {								\
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));				\
		first_sequence = new_sequence();				\
	}									\
} while (0)

/* The calls of the chosen backend, with -errno for an error as in the kernel. */
static inline int get(key_t key, size_t size, int flags)
{
	int id = ipc->get(key, size, flags);

	return id < 0 ? -errno : id;
}

static inline long at(int id, const void *address, int flags)
{
	void *p = ipc->at(id, address, flags);

	return p == (void *)-1 ? -errno : (long)p;
}

static inline int dt(const void *address)
{
	int result = ipc->dt(address);

	return result < 0 ? -errno : result;
}

static inline int ctl(int id, int command, void *buf)
{
	int result = ipc->ctl(id, command, buf);

	return result < 0 ? -errno : result;
}

/* The calls where they are expected to work. */
#define GET(key, size, flags) ({						\
	int id_ = get(key, size, flags);					\
	ASSERT_LE(0, id_);							\
	id_;									\
})

#define ATTACH(id, flags) ({							\
	long at_ = at(id, NULL, flags);						\
	/* The addresses of 32-bit programs reach into the negative. */		\
	ASSERT_GT(-4095UL, (unsigned long)at_) TH_LOG("errno %ld", -at_);	\
	(char *)at_;								\
})

#define STAT(id) ({								\
	struct shmid_ds ds_;							\
	memset(&ds_, POISON, sizeof(ds_));					\
	ASSERT_EQ(0, ctl(id, IPC_STAT, &ds_));					\
	ds_;									\
})

#define NATTCH(id)	STAT(id).shm_nattch

/* Everything that IPC_STAT tells, unchanged. */
#define EXPECT_SAME_STAT(a, b) do {							\
	struct shmid_ds a_ = (a), b_ = (b);					\
	EXPECT_EQ(a_.shm_perm.__key, b_.shm_perm.__key);			\
	EXPECT_EQ(a_.shm_perm.uid, b_.shm_perm.uid);				\
	EXPECT_EQ(a_.shm_perm.gid, b_.shm_perm.gid);				\
	EXPECT_EQ(a_.shm_perm.cuid, b_.shm_perm.cuid);				\
	EXPECT_EQ(a_.shm_perm.cgid, b_.shm_perm.cgid);				\
	EXPECT_EQ(a_.shm_perm.mode, b_.shm_perm.mode);				\
	EXPECT_EQ(a_.shm_perm.__seq, b_.shm_perm.__seq);			\
	EXPECT_EQ(a_.shm_segsz, b_.shm_segsz);					\
	EXPECT_EQ(a_.shm_atime, b_.shm_atime);					\
	EXPECT_EQ(a_.shm_dtime, b_.shm_dtime);					\
	EXPECT_EQ(a_.shm_ctime, b_.shm_ctime);					\
	EXPECT_EQ(a_.shm_cpid, b_.shm_cpid);					\
	EXPECT_EQ(a_.shm_lpid, b_.shm_lpid);					\
	EXPECT_EQ(a_.shm_nattch, b_.shm_nattch);				\
} while (0)

#define REMOVE(id)	ASSERT_EQ(0, ctl(id, IPC_RMID, NULL))

/* A page of the machine, and a number of them. */
static inline size_t pages(size_t n)
{
	return n * sysconf(_SC_PAGESIZE);
}

/* An address range of that size, free and aligned to 2 MB: the caller may map over it. */
static inline char *free_range(size_t size)
{
	size_t huge = 2UL << 20;
	char *p = mmap(NULL, size + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	munmap(p, size + huge);
	return (char *)(((uintptr_t)p + huge - 1) & ~(huge - 1));
}

/* True if the whole range is mapped; probing a page does not touch it. */
static inline bool is_mapped(const void *address)
{
	unsigned char vec;

	return mincore((void *)((uintptr_t)address & ~(pages(1) - 1)), 1, &vec) == 0;
}

static inline bool all_bytes(const char *p, size_t size, char value)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

/*
 * IN_CHILD statement: carries it out in a child process and waits for its end.
 * Assertions work there; a child that dies aborts the test.
 */
static inline pid_t child_start_(void)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	return pid;
}

static inline pid_t child_end_(pid_t pid, int exit_code)
{
	int status;

	if (pid == 0)
		_exit(exit_code);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "# child ended with status 0x%x\n", status);
		abort();
	}
	return -1;
}

#define IN_CHILD							\
	for (pid_t child_ = child_start_(); child_ >= 0;		\
	     child_ = child_end_(child_, _metadata->exit_code))	\
		if (child_ == 0)

/* Makes the process an ordinary user for good, without any capability. */
static inline void become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		abort();
}

#define AS_USER(uid, gid)						\
	IN_CHILD							\
		for (bool once_ = (become(uid, gid), true); once_; once_ = false)

/* Leaves an ordinary user with one capability. */
static inline void become_with(uid_t uid, gid_t gid, int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	data[capability / 32].permitted = 1U << capability % 32;
	data[capability / 32].effective = 1U << capability % 32;
	/* Capabilities survive the change of uid as permitted ones, if asked for. */
	if (prctl(PR_SET_KEEPCAPS, 1))
		abort();
	become(uid, gid);
	if (syscall(SYS_capset, &header, data))
		abort();
}

#define AS_USER_WITH(uid, gid, capability)				\
	IN_CHILD							\
		for (bool once_ = (become_with(uid, gid, capability), true); once_; once_ = false)

/* Root in all but one capability. */
static inline void drop_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		abort();
	data[capability / 32].permitted &= ~(1U << capability % 32);
	data[capability / 32].effective &= ~(1U << capability % 32);
	if (syscall(SYS_capset, &header, data))
		abort();
}

/* Waits for the clock's next second, so that two times differ. */
static inline time_t next_second(void)
{
	time_t start = time(NULL);

	while (time(NULL) == start)
		usleep(10000);
	return time(NULL);
}

/* Reads a number from a file; -errno if it can't be. */
static inline long long read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : strtoll(text, NULL, 10);
}

/* Writes text to a file; 0, or -errno. */
static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

static inline int write_number(const char *path, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu\n", value);
	return write_text(path, text);
}

/* A sysctl of the chosen backend. */
static inline const char *sysctl_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", ipc->sysctl, name);
	return path;
}

static inline long long get_sysctl(const char *name)
{
	return read_number(sysctl_path(name));
}

static inline int set_sysctl(const char *name, unsigned long long value)
{
	return write_number(sysctl_path(name), value);
}

/* The line of /proc/self/maps (or smaps' head) that starts at an address. */
struct map_line {
	unsigned long start, end, offset, inode;
	char prot[8], name[128];
};

static inline bool find_map(const void *address, struct map_line *map)
{
	FILE *f = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[512];

	while (!found && f && fgets(line, sizeof(line), f)) {
		int fields;

		memset(map, 0, sizeof(*map));
		fields = sscanf(line, "%lx-%lx %7s %lx %*x:%*x %lu %127[^\n]", &map->start,
				&map->end, map->prot, &map->offset, &map->inode, map->name);
		found = fields >= 5 && map->start == (uintptr_t)address;
	}
	if (f)
		fclose(f);
	return found;
}

#include "initial.h"

#endif
