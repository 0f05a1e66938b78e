// SPDX-License-Identifier: GPL-2.0
/*
 * xshm run: by which way it runs a program of each kind, and that what it can't follow does not
 * get the kernel's own segments unnoticed. The programs are those of follow/.
 */
#include "scenes.h"
#include "tool.h"
#include <sys/prctl.h>
#include <sys/sem.h>

#if defined(__x86_64__)
static long int80(long number, long b, long c, long d)
{
	long result;

	__asm__ volatile ("int $0x80"
			  : "=a" (result)
			  : "a" (number), "b" (b), "c" (c), "d" (d), "S" (0L), "D" (0L)
			  : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static long raw_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile ("syscall"
			  : "=a" (result)
			  : "a" (number), "D" (a), "S" (b), "d" (c)
			  : "memory", "rcx", "r11");
	return result;
}
#else
static long raw_call(long number, long a, long b, long c)
{
	register long x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x8 __asm__("x8") = number;

	__asm__ volatile ("svc 0" : "+r" (x0) : "r" (x1), "r" (x2), "r" (x8) : "memory");
	return x0;
}
#endif

/* Each way into the kernel that leads to its shared memory, and what is beside it. */
static int numbers(void)
{
	int sem;

	CHECK(raw_call(SYS_shmget, KEY, SIZE, IPC_CREAT | 0600) == -ENOSYS);
	CHECK(raw_call(SYS_shmat, 0, 0, 0) == -ENOSYS);
	CHECK(raw_call(SYS_shmdt, 0, 0, 0) == -ENOSYS);
	CHECK(raw_call(SYS_shmctl, 0, IPC_RMID, 0) == -ENOSYS);
	sem = semget(IPC_PRIVATE, 1, 0600);
	CHECK(sem >= 0 || errno == ENOSYS);
	if (sem >= 0)
		CHECK(semctl(sem, 0, IPC_RMID) == 0);
#if defined(__x86_64__)
	for (long number = 395; number <= 398; number++)
		CHECK(int80(number, 0, 0, 0) == -ENOSYS);
	/* ipc(2): SHMAT to SHMCTL, with a version above, but not SEMGET. */
	for (long call = 21; call <= 24; call++) {
		CHECK(int80(117, call, 0, 0) == -ENOSYS);
		CHECK(int80(117, 1 << 16 | call, 0, 0) == -ENOSYS);
	}
	if (sem >= 0)
		CHECK(int80(117, 2, IPC_PRIVATE, 0) == -EINVAL);
	CHECK(raw_call(SYS_shmget | 0x40000000, KEY, SIZE, IPC_CREAT | 0600) == -ENOSYS);
#endif
	/* The library's are xshm's. */
	CHECK(shmget(KEY, 0, 0) == -1 && errno == ENOENT);
	return 0;
}

/* Set-uid programs still work below it. */
static int privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static const struct scene scenes[] = { SCENE(numbers), SCENE(privileges) };

FIXTURE(tool_follow) {
	struct said said;
	char self[4096], lost[4200];
};

FIXTURE_SETUP(tool_follow)
{
	FIND_SELF(self->self);
	snprintf(self->lost, sizeof(self->lost), "%s", self->self);
	strcpy(strrchr(self->lost, '/'), "/follow/lost");
}

FIXTURE_TEARDOWN(tool_follow)
{
	int id = unavailable(&xshm) ? -1 : xshmget(KEY, 0, 0);

	if (id >= 0)
		xshmctl(id, IPC_RMID, NULL);
}

static bool made(void)
{
	int id = xshmget(KEY, 0, 0);

	return id >= 0 && !xshmctl(id, IPC_RMID, NULL);
}

#define ERR_HAS(text) EXPECT_NE(NULL, strstr(self->said.err, text))		\
	TH_LOG("'%s' is not in: %s", text, self->said.err)

/* Traced, though nobody said so; as root and as anybody. */
#define IS_TRACED(program, why) do {						\
	tool(&self->said, "run -- %s%s %d", self->lost, program, KEY);		\
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);		\
	EXPECT_STREQ("", self->said.err);					\
	EXPECT_TRUE(made());							\
	tool_as(&self->said, USER, "run -v -- %s%s %d", self->lost, program, KEY); \
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);		\
	ERR_HAS("tracing ");							\
	ERR_HAS(why);								\
	EXPECT_TRUE(made());							\
	EXPECT_EQ(0, kernel_segments());					\
} while (0)

TEST_F_TIMEOUT(tool_follow, static_program, 100)
{
	IS_TRACED("-static", "a static program");
}

TEST_F_TIMEOUT(tool_follow, musl_program, 100)
{
	char path[4300];

	snprintf(path, sizeof(path), "%s-musl", self->lost);
	if (access(path, X_OK))
		SKIP(return, "no musl-gcc when this was built");
	IS_TRACED("-musl", "loaded by /lib/ld-musl-");
}

/* A script of a static interpreter. */
TEST_F_TIMEOUT(tool_follow, script, 100)
{
	char path[] = "/tmp/xshm-tool-follow-XXXXXX";
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	ASSERT_LT(0, dprintf(fd, "#!%s-static %d\n", self->lost, KEY));
	ASSERT_EQ(0, fchmod(fd, 0755));
	close(fd);
	tool(&self->said, "run -- %s", path);
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	EXPECT_TRUE(made());
	unlink(path);
}

/* What lost the library, below one that has it. */
#define CHILD(uid, wanted, options, fmt, ...) do {				\
	tool_as(&self->said, uid, "run " options " -- " fmt, __VA_ARGS__);	\
	EXPECT_EQ(wanted, self->said.status) TH_LOG("%s", self->said.err);	\
} while (0)

TEST_F_TIMEOUT(tool_follow, lost_is_stopped, 100)
{
	CHILD(0, ENOSYS, "", "sh -c '%s-static %d; exit $?'", self->lost, KEY);
	CHILD(0, ENOSYS, "", "env -i %s %d", self->lost, KEY);
	EXPECT_STREQ("", self->said.err);
	EXPECT_EQ(0, kernel_segments());
	EXPECT_FALSE(made());
	/* Who has the library is not. */
	CHILD(0, 0, "", "sh -c '%s %d; exit $?'", self->lost, KEY);
	EXPECT_TRUE(made());
	CHILD(0, 0, "", "'%s' scene numbers", self->self);
	CHILD(0, 0, "", "'%s' scene privileges", self->self);
}

/* Of two filters, the one that stops does not stop the tracer's. */
TEST_F_TIMEOUT(tool_follow, traced_below, 100)
{
	CHILD(0, 0, "", "sh -c '%s run --trace -- %s-static %d; exit $?'", built("xshm"),
	      self->lost, KEY);
	EXPECT_TRUE(made());
	CHILD(0, 0, "", "sh -c '%s run -- %s-static %d; exit $?'", built("xshm"), self->lost, KEY);
	EXPECT_TRUE(made());
}

TEST_F_TIMEOUT(tool_follow, strict, 100)
{
	CHILD(USER, ENOSYS, "--strict", "sh -c '%s-static %d; exit $?'", self->lost, KEY);
	CHILD(USER, 0, "--strict", "'%s' scene numbers", self->self);
	CHILD(USER, 1, "--strict", "'%s' scene privileges", self->self);
	CHILD(USER, 0, "", "'%s' scene privileges", self->self);
	CHILD(USER, 2, "--strict --fallback", "%s", "true");
	EXPECT_TRUE(is_one_line(self->said.err));
	EXPECT_EQ(0, kernel_segments());
}

/* Where it isn't stopped, what can be seen is named. */
TEST_F_TIMEOUT(tool_follow, named, 100)
{
	int before = kernel_segments(), id;

	CHILD(USER, unavailable(&sysv) ? ENOSYS : 0, "", "env -i %s %d", self->lost, KEY);
	ERR_HAS("not followed: what env -i starts");
	EXPECT_TRUE(is_one_line(self->said.err));
	id = sysv_get(KEY, 0, 0);
	EXPECT_EQ(!unavailable(&sysv), id >= 0);
	if (id >= 0) {
		EXPECT_EQ(0, sysv_ctl(id, IPC_RMID, NULL));
	}
	EXPECT_EQ(before, kernel_segments());
	CHILD(USER, 0, "", "timeout 5 %s %s-static", "true", self->lost);
	ERR_HAS("-static is a static program; --trace");
	CHILD(USER, 0, "-v", "%s", "true");
	ERR_HAS("without --strict");
}

/* The kernel's calls are what is wanted then. */
TEST_F_TIMEOUT(tool_follow, fallback, 100)
{
	int id;

	if (unavailable(&sysv))
		SKIP(return, "no System V shared memory");
	CHILD(0, 0, "--fallback", "env -i %s %d", self->lost, KEY);
	id = sysv_get(KEY, 0, 0);
	ASSERT_LE(0, id);
	EXPECT_EQ(0, sysv_ctl(id, IPC_RMID, NULL));
}

SCENES_MAIN
