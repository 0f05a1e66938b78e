// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that filter their own system calls to the few that they know: shmdt(2) is among
 * them, and what xshm needs for it is not. Traced, and with the calls served, they get
 * what System V gives them.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "scenes.h"
#include "tool.h"
#include "served.h"

/* From here on, these end the process. */
static int forbid(const int *numbers, int count)
{
	struct sock_filter filter[40] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .filter = filter };
	int used = 1;

	for (int i = 0; i < count; i++) {
		filter[used++] = (struct sock_filter)
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
		filter[used++] = (struct sock_filter)
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = used;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static const int all[] = { SYS_ioctl, SYS_openat, SYS_fcntl, SYS_mmap, SYS_close };

#define FORBID(v) forbid(v, sizeof(v) / sizeof(*(v)))

/* As a daemon: what it has it gives back at its end. */
static int gives_back(void)
{
	int id = sysv_get(IPC_PRIVATE, SIZE, 0600);
	char *p = sysv_at(id, NULL, 0), *q = sysv_at(id, NULL, 0);

	CHECK(p != (void *)-1 && q != (void *)-1 && sysv_ctl(id, IPC_RMID, NULL) == 0);
	CHECK(!FORBID(all));
	CHECK(sysv_dt(p) == 0);
	CHECK(sysv_dt(p) == -1 && errno == EINVAL);
	CHECK(sysv_dt(q) == 0);
	_exit(0);
}

/* All four, the first time. */
static int begins(void)
{
	struct shmid_ds ds;
	char *p;
	int id;

	CHECK(!FORBID(all));
	id = sysv_get(KEY, SIZE, IPC_CREAT | 0600);
	CHECK(id >= 0);
	p = sysv_at(id, NULL, 0);
	CHECK(p != (void *)-1);
	strcpy(p, "one");
	CHECK(sysv_ctl(id, IPC_STAT, &ds) == 0 && ds.shm_nattch == 1);
	CHECK(sysv_ctl(id, IPC_RMID, NULL) == 0 && sysv_dt(p) == 0);
	_exit(0);
}

/* What the tracer has its tracee do is no way around the filter. */
static int stays_filtered(void)
{
	CHECK(!FORBID(all));
	CHECK(sysv_get(KEY, 0, 0) == -1 && errno == ENOENT);
	syscall(SYS_fcntl, 0, F_GETFD);
	return 0;
}

/* Nothing can be opened any more, as under the library. */
static int closes_the_door(void)
{
	static const int some[] = { SYS_openat, SYS_fcntl, SYS_mmap, SYS_close };

	CHECK(!FORBID(some));
	CHECK(sysv_get(KEY, 0, 0) == -1 && errno == ENOENT);
	_exit(0);
}

static int closes_the_door_old(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	CHECK(sysv_get(KEY, 0, 0) == -1 && errno == ENOENT);
	return 0;
}

static const struct scene scenes[] = {
	SCENE(gives_back), SCENE(begins), SCENE(stays_filtered), SCENE(closes_the_door),
	SCENE(closes_the_door_old),
};

FIXTURE(tool_filtered) {
	struct said said;
	char self[4096];
};

FIXTURE_SETUP(tool_filtered)
{
	FIND_SELF(self->self);
}

FIXTURE_TEARDOWN(tool_filtered)
{
}

#define PLAY(uid, wanted, options, scene) do {					\
	tool_as(&self->said, uid, "run " options " -- '%s' scene " scene, self->self); \
	EXPECT_EQ(wanted, self->said.status) TH_LOG("%s", self->said.err);	\
} while (0)

TEST_F_TIMEOUT(tool_filtered, traced, 100)
{
	PLAY(0, 0, "--trace", "gives_back");
	PLAY(0, 0, "--trace", "begins");
	PLAY(0, -SIGSYS, "--trace", "stays_filtered");
}

/* Nobody suspends filters for who has no privilege; but the device is open before. */
TEST_F_TIMEOUT(tool_filtered, traced_as_user, 100)
{
	PLAY(USER, 0, "--trace", "closes_the_door");
	PLAY(USER, 0, "--trace", "closes_the_door_old");
}

TEST_F_TIMEOUT(tool_filtered, served, 100)
{
	const char *why = load_sysv_once();
	long long was;

	if (why)
		SKIP(return, "%s", why);
	was = read_number(SWITCH);
	ASSERT_EQ(0, serve(true));
	PLAY(USER, 0, "", "gives_back");
	PLAY(0, 0, "", "begins");
	EXPECT_EQ(0, serve(was));
}

SCENES_MAIN
