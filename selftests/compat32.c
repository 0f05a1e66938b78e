// SPDX-License-Identifier: GPL-2.0
/*
 * 32-bit programs on a 64-bit kernel: structures, times, addresses. Built
 * twice, with times of 32 and of 64 bits, where a 32-bit C library is there.
 */
#include <limits.h>

#include "common.h"

FIXTURE(compat32)
{
	int id;
};

/*
 * ipc(2), by which C libraries made the calls before Linux 5.1 had numbers for each; here it
 * is not the library's choice. Without IPC_64 a command means structures of 16-bit ids.
 */
#define IPC_SHMAT	21
#define IPC_SHMDT	22
#define IPC_SHMGET	23
#define IPC_SHMCTL	24
#define IPC_64		0x100

static int ipc_get(key_t key, size_t size, int flags)
{
	return syscall(SYS_ipc, IPC_SHMGET, key, size, flags, NULL);
}

static void *ipc_at(int id, const void *address, int flags)
{
	void *p = (void *)POISON;

	return syscall(SYS_ipc, IPC_SHMAT, id, flags, &p, address) ? (void *)-1 : p;
}

static int ipc_dt(const void *address)
{
	return syscall(SYS_ipc, IPC_SHMDT, 0, 0, 0, address);
}

static int ipc_ctl(int id, int command, struct shmid_ds *buf)
{
	return syscall(SYS_ipc, IPC_SHMCTL, id, command | IPC_64, 0, buf);
}

static const struct backend sysv_ipc = {
	.name = "sysv_ipc",
	.get = ipc_get,
	.at = ipc_at,
	.dt = ipc_dt,
	.ctl = ipc_ctl,
	.table = "/proc/sysvipc/shm",
	.sysctl = "/proc/sys/kernel",
};

BOTH_BACKENDS(compat32);
FIXTURE_VARIANT_ADD(compat32, sysv_ipc) { .backend = &sysv_ipc };

FIXTURE_SETUP(compat32)
{
	USE_BACKEND(variant->backend);
	ASSERT_EQ(0, set_sysctl("shm_next_id", 163940));
	/* Small pages: since 6.14 a touch may bring the whole of a small segment. */
	self->id = GET(KEY, 5000, IPC_CREAT | SHM_NORESERVE | 0640);
	ASSERT_EQ(163940, self->id);
}

FIXTURE_TEARDOWN(compat32) { }

/* Words behind what is written, to see that nothing is. */
#define GUARDED(type)	struct { type it; unsigned char guard[64]; }

#define EXPECT_GUARD(guarded)							\
	EXPECT_TRUE(all_bytes((char *)(guarded).guard, sizeof((guarded).guard), (char)POISON))

TEST_F(compat32, it_is_a_32_bit_program)
{
	ASSERT_EQ(4, sizeof(long));
	ASSERT_EQ(4, sizeof(void *));
#ifdef __USE_TIME_BITS64
	ASSERT_EQ(8, sizeof(time_t));
#else
	ASSERT_EQ(4, sizeof(time_t));
#endif
}

TEST_F(compat32, stat)
{
	struct shm_info info;
	time_t before = time(NULL), now;
	GUARDED(struct shmid_ds) ds;
	char *p;
	int at_index;

	p = ATTACH(self->id, 0);
	now = time(NULL);
	at_index = ctl(0, SHM_INFO, &info);
	ASSERT_EQ(163940 & 0x7fff, at_index);
	for (int i = 0; i < 3; i++) {
		static const int commands[] = { IPC_STAT, SHM_STAT, SHM_STAT_ANY };

		memset(&ds, POISON, sizeof(ds));
		ASSERT_EQ(i ? self->id : 0, ctl(i ? at_index : self->id, commands[i], &ds.it));
		EXPECT_EQ(KEY, ds.it.shm_perm.__key);
		EXPECT_EQ(0, ds.it.shm_perm.uid);
		EXPECT_EQ(0, ds.it.shm_perm.cgid);
		EXPECT_EQ(0640, ds.it.shm_perm.mode);
		EXPECT_EQ(5, ds.it.shm_perm.__seq);
		EXPECT_EQ(5000, ds.it.shm_segsz);
		EXPECT_EQ(1, ds.it.shm_nattch);
		EXPECT_EQ(getpid(), ds.it.shm_cpid);
		EXPECT_EQ(getpid(), ds.it.shm_lpid);
		EXPECT_LE(before - 1, ds.it.shm_ctime);
		EXPECT_GE(now, ds.it.shm_ctime);
		EXPECT_LE(before, ds.it.shm_atime);
		EXPECT_GE(now, ds.it.shm_atime);
		EXPECT_EQ(0, ds.it.shm_dtime);
#ifndef __USE_TIME_BITS64
		EXPECT_EQ(0, ds.it.__shm_atime_high);
		EXPECT_EQ(0, ds.it.__shm_dtime_high);
		EXPECT_EQ(0, ds.it.__shm_ctime_high);
#endif
		EXPECT_GUARD(ds);
	}
	EXPECT_EQ(0, dt(p));
	EXPECT_LE(now, STAT(self->id).shm_dtime);
}

TEST_F(compat32, set)
{
	struct shmid_ds ds = STAT(self->id);

	ds.shm_perm.uid = 70000;
	ds.shm_perm.gid = 80000;
	ds.shm_perm.mode = 07604;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	ds = STAT(self->id);
	EXPECT_EQ(70000, ds.shm_perm.uid);
	EXPECT_EQ(80000, ds.shm_perm.gid);
	EXPECT_EQ(0, ds.shm_perm.cuid);
	EXPECT_EQ(0604, ds.shm_perm.mode);
	ds.shm_perm.uid = -1;
	EXPECT_EQ(-EINVAL, ctl(self->id, IPC_SET, &ds));
	EXPECT_EQ(70000, STAT(self->id).shm_perm.uid);
}

TEST_F(compat32, limits)
{
	struct limits {
		unsigned long shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
	};
	GUARDED(struct limits) info;

	memset(&info, POISON, sizeof(info));
	ASSERT_EQ(163940 & 0x7fff, ctl(0, IPC_INFO, (void *)&info.it));
	EXPECT_EQ(INT_MAX, info.it.shmmax);
	EXPECT_EQ(1, info.it.shmmin);
	EXPECT_EQ(4096, info.it.shmmni);
	EXPECT_EQ(4096, info.it.shmseg);
	EXPECT_EQ(0xfeffffffUL, info.it.shmall);
	EXPECT_TRUE(all_bytes((char *)info.it.unused, sizeof(info.it.unused), 0));
	EXPECT_GUARD(info);
	ASSERT_EQ(0, set_sysctl("shmmax", INT_MAX - 1));
	ASSERT_LE(0, ctl(0, IPC_INFO, (void *)&info.it));
	EXPECT_EQ(INT_MAX - 1, info.it.shmmax);
}

TEST_F(compat32, usage)
{
	GUARDED(struct shm_info) info;
	char *p = ATTACH(self->id, 0);

	p[4096] = 1;
	memset(&info, POISON, sizeof(info));
	ASSERT_LE(0, ctl(0, SHM_INFO, &info.it));
	EXPECT_EQ(1, info.it.used_ids);
	EXPECT_EQ(2, info.it.shm_tot);
	EXPECT_EQ(1, info.it.shm_rss);
	EXPECT_EQ(0, info.it.shm_swp);
	EXPECT_EQ(0, info.it.swap_attempts);
	EXPECT_EQ(0, info.it.swap_successes);
	EXPECT_GUARD(info);
}

TEST_F(compat32, addresses)
{
	char *p = free_range(8192);
	char *q;

	EXPECT_EQ((long)p, at(self->id, p + 4095, SHM_RND));
	EXPECT_EQ(-EINVAL, at(self->id, p + 4096, 0));
	q = ATTACH(self->id, SHM_RDONLY);
	strcpy(p, "in 32 bits");
	EXPECT_STREQ("in 32 bits", q);
	EXPECT_EQ(-ENOMEM, at(self->id, (void *)0xfffff000, 0));
	EXPECT_EQ(-ENOMEM, at(self->id, (void *)0xfffff000, SHM_REMAP));
	EXPECT_EQ(-EINVAL, at(self->id, (void *)1, 0));
	EXPECT_EQ(2, STAT(self->id).shm_nattch);
	EXPECT_EQ(-EINVAL, dt((void *)0xfffff000));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(0, dt(q));
	EXPECT_EQ(-EINVAL, dt(q));
}

TEST_F(compat32, sizes)
{
	int id = GET(IPC_PRIVATE, SIZE_MAX, SHM_NORESERVE | 0600);

	EXPECT_EQ(SIZE_MAX, STAT(id).shm_segsz);
	EXPECT_EQ(-ENOMEM, at(id, NULL, 0));
	EXPECT_EQ(-EINVAL, get(KEY, 5001, 0));
	EXPECT_EQ(self->id, get(KEY, 5000, 0));
	EXPECT_EQ(-EINVAL, ctl(self->id, 10, NULL));
	/* IPC_64 for IPC_STAT, which is a part of ipc(2) alone. */
	if (ipc != &sysv_ipc)
		EXPECT_EQ(-EINVAL, ctl(self->id, 0x102, NULL));
	EXPECT_EQ(-EINVAL, ctl(-1, IPC_RMID, NULL));
}

/* The clock of the machine is shifted for a moment, so not on any real one. */
TEST_F(compat32, times_beyond_32_bits)
{
	struct { int64_t seconds; int64_t nanoseconds; } now, later;
	struct shmid_ds ds;
	int stat;
	long p;

	if (access("/run/guest/job", F_OK))
		SKIP(return, "would change the clock; only done in scripts/guest");
	ASSERT_EQ(0, syscall(SYS_clock_gettime64, CLOCK_REALTIME, &now));
	later = now;
	later.seconds += 1LL << 32;
	ASSERT_EQ(0, syscall(SYS_clock_settime64, CLOCK_REALTIME, &later));
	p = at(self->id, NULL, 0);
	memset(&ds, POISON, sizeof(ds));
	stat = ctl(self->id, IPC_STAT, &ds);
	/* Back first: an assertion ends the test. */
	ASSERT_EQ(0, syscall(SYS_clock_settime64, CLOCK_REALTIME, &now));
	EXPECT_EQ(0, stat);
#ifdef __USE_TIME_BITS64
	EXPECT_LE(later.seconds, ds.shm_atime);
	EXPECT_GT(later.seconds + 60, ds.shm_atime);
#else
	/* The C library's shmctl would leave these words out. */
	EXPECT_LE((uint32_t)now.seconds, (uint32_t)ds.shm_atime);
	EXPECT_GT((uint32_t)now.seconds + 60, (uint32_t)ds.shm_atime);
	EXPECT_EQ(1, ds.__shm_atime_high);
	EXPECT_EQ(0, ds.__shm_ctime_high);
	EXPECT_EQ(0, ds.__shm_dtime_high);
#endif
	EXPECT_EQ(0, dt((void *)p));
}

/* What a command without IPC_64 means: <linux/shm.h> excludes <sys/shm.h>. */
struct old_shmid_ds {
	int32_t key;
	uint16_t uid, gid, cuid, cgid, mode, seq;
	int32_t segsz, atime, dtime, ctime;
	uint16_t cpid, lpid, nattch, unused;
	uint32_t unused2, unused3;
};

TEST_F(compat32, old_structures)
{
	GUARDED(struct old_shmid_ds) ds;
	GUARDED(struct { uint32_t field[5]; }) limits;
	struct shmid_ds now;
	char *p;

	if (ipc != &sysv_ipc)
		SKIP(return, "these are of ipc(2)");
	p = ATTACH(self->id, 0);
	now = STAT(self->id);
	memset(&ds, POISON, sizeof(ds));
	ASSERT_EQ(0, syscall(SYS_ipc, IPC_SHMCTL, self->id, IPC_STAT, 0, &ds.it));
	EXPECT_EQ(KEY, ds.it.key);
	EXPECT_EQ(0, ds.it.uid);
	EXPECT_EQ(0640, ds.it.mode);
	EXPECT_EQ(5, ds.it.seq);
	EXPECT_EQ(5000, ds.it.segsz);
	EXPECT_EQ((int32_t)now.shm_atime, ds.it.atime);
	EXPECT_EQ(0, ds.it.dtime);
	EXPECT_EQ((int32_t)now.shm_ctime, ds.it.ctime);
	EXPECT_EQ((uint16_t)getpid(), ds.it.cpid);
	EXPECT_EQ((uint16_t)getpid(), ds.it.lpid);
	EXPECT_EQ(1, ds.it.nattch);
	EXPECT_GUARD(ds);
	ds.it.uid = 1234;
	ds.it.gid = 2345;
	ds.it.mode = 0604;
	ASSERT_EQ(0, syscall(SYS_ipc, IPC_SHMCTL, self->id, IPC_SET, 0, &ds.it));
	now = STAT(self->id);
	EXPECT_EQ(1234, now.shm_perm.uid);
	EXPECT_EQ(2345, now.shm_perm.gid);
	EXPECT_EQ(0604, now.shm_perm.mode);
	/* What 16 bits can't say is the id of nobody, where the kernel has CONFIG_UID16. */
	now.shm_perm.uid = 70000;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &now));
	ASSERT_EQ(0, syscall(SYS_ipc, IPC_SHMCTL, self->id, IPC_STAT, 0, &ds.it));
	EXPECT_EQ(syscall(SYS_getuid) < 0 ? (uint16_t)70000 : 65534, ds.it.uid);
	EXPECT_EQ(2345, ds.it.gid);
	memset(&limits, POISON, sizeof(limits));
	ASSERT_LE(0, syscall(SYS_ipc, IPC_SHMCTL, 0, IPC_INFO, 0, &limits.it));
	EXPECT_EQ(INT_MAX, limits.it.field[0]);
	EXPECT_EQ(1, limits.it.field[1]);
	EXPECT_EQ(4096, limits.it.field[2]);
	EXPECT_EQ(4096, limits.it.field[3]);
	EXPECT_EQ(0xfeffffffUL, limits.it.field[4]);
	EXPECT_GUARD(limits);
	EXPECT_EQ(0, dt(p));
}

/* What ipc(2) makes of arguments that only it has. */
TEST_F(compat32, arguments_of_ipc)
{
	void *p = (void *)POISON;

	if (ipc != &sysv_ipc)
		SKIP(return, "these are of ipc(2)");
	/* Version 1 was iBCS2's. */
	EXPECT_EQ(-1, syscall(SYS_ipc, 1 << 16 | IPC_SHMAT, self->id, 0, &p, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, NATTCH(self->id));
	EXPECT_EQ(0, syscall(SYS_ipc, 2 << 16 | IPC_SHMAT, self->id, 0, &p, NULL));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, dt(p));
	EXPECT_EQ(-1, syscall(SYS_ipc, 25, self->id, 0, 0, NULL));
	EXPECT_EQ(ENOSYS, errno);
	/* The attach stays, though nobody is told where. */
	EXPECT_EQ(-1, syscall(SYS_ipc, IPC_SHMAT, self->id, 0, 0xfffff000, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_HARNESS_MAIN
