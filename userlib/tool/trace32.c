// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls of 32-bit tracees: ipc(2), and the two layouts of shmctl(2) that the
 * kernel's 32-bit system calls have, as against the 64-bit one that the module knows.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "trace.h"

struct ds32 {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint16_t mode, pad0, seq, pad1;
	uint32_t unused[2];
	uint32_t segsz;
	uint32_t atime, atime_high, dtime, dtime_high, ctime, ctime_high;
	int32_t cpid, lpid;
	uint32_t nattch, unused4, unused5;
};

/* Before IPC_64: 16-bit ids, no upper halves of the times. */
struct old_ds32 {
	int32_t key;
	uint16_t uid, gid, cuid, cgid, mode, seq;
	int32_t segsz;
	int32_t atime, dtime, ctime;
	uint16_t cpid, lpid, nattch, unused;
	uint32_t unused2, unused3;
};

struct limits32 {
	uint32_t shmmax, shmmin, shmmni, shmseg, shmall;
	uint32_t unused[4];
};

#define OLD_LIMITS32_SIZE offsetof(struct limits32, unused)

struct usage32 {
	int32_t used_ids;
	uint32_t shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes;
};

/* What IPC_SET takes. */
int ds32_read(pid_t tid, uint64_t addr, bool old, struct xshm_ds *ds)
{
	union {
		struct ds32 new;
		struct old_ds32 old;
	} in;

	memset(ds, 0, sizeof(*ds));
	if (memory_read(tid, addr, &in, old ? sizeof(in.old) : sizeof(in.new)))
		return -1;
	ds->uid = old ? in.old.uid : in.new.uid;
	ds->gid = old ? in.old.gid : in.new.gid;
	ds->mode = old ? in.old.mode : in.new.mode;
	return 0;
}

/* 16-bit ids can't name everybody: 65534, as the kernel does. */
static uint16_t id16(uint32_t id)
{
	return id > UINT16_MAX ? 65534 : id;
}

int ds32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_ds *ds)
{
	if (old) {
		struct old_ds32 out = {
			.key = ds->key,
			.uid = id16(ds->uid),
			.gid = id16(ds->gid),
			.cuid = id16(ds->cuid),
			.cgid = id16(ds->cgid),
			.mode = ds->mode,
			.seq = ds->seq,
			/* The lower half, as the kernel does. */
			.segsz = (int32_t)ds->segsz,
			.atime = ds->atime,
			.dtime = ds->dtime,
			.ctime = ds->ctime,
			.cpid = ds->cpid,
			.lpid = ds->lpid,
			.nattch = ds->nattch,
		};

		return memory_write(tid, addr, &out, sizeof(out));
	}
	struct ds32 out = {
		.key = ds->key,
		.uid = ds->uid,
		.gid = ds->gid,
		.cuid = ds->cuid,
		.cgid = ds->cgid,
		.mode = ds->mode,
		.seq = ds->seq,
		.segsz = ds->segsz,
		.atime = ds->atime,
		.atime_high = (uint64_t)ds->atime >> 32,
		.dtime = ds->dtime,
		.dtime_high = (uint64_t)ds->dtime >> 32,
		.ctime = ds->ctime,
		.ctime_high = (uint64_t)ds->ctime >> 32,
		.cpid = ds->cpid,
		.lpid = ds->lpid,
		.nattch = ds->nattch,
	};

	return memory_write(tid, addr, &out, sizeof(out));
}

int limits32_write(pid_t tid, uint64_t addr, bool old, const struct xshm_limits *limits)
{
	struct limits32 out = {
		.shmmax = limits->shmmax > INT_MAX ? INT_MAX : limits->shmmax,
		.shmmin = limits->shmmin,
		.shmmni = limits->shmmni,
		.shmseg = limits->shmseg,
		.shmall = limits->shmall,
	};

	return memory_write(tid, addr, &out, old ? OLD_LIMITS32_SIZE : sizeof(out));
}

int usage32_write(pid_t tid, uint64_t addr, const struct xshm_usage *usage)
{
	struct usage32 out = {
		.used_ids = usage->used_ids,
		.shm_tot = usage->shm_tot,
		.shm_rss = usage->shm_rss,
		.shm_swp = usage->shm_swp,
	};

	return memory_write(tid, addr, &out, sizeof(out));
}

/* Splits ipc(call, first, second, third, ptr) into the call that it stands for. */
int ipc_decode(struct tracee *tracee, const uint64_t *args)
{
	int version = (int)(args[0] >> 16);

	switch (args[0] & 0xffff) {
	case 21: /* SHMAT */
		if (version == 1)
			return -EINVAL;
		tracee->call = TRACE_SHMAT;
		tracee->arg[0] = args[1];
		tracee->arg[1] = args[4];
		tracee->arg[2] = args[2];
		tracee->result_at = args[3];
		return 0;
	case 22: /* SHMDT */
		tracee->call = TRACE_SHMDT;
		tracee->arg[0] = args[4];
		return 0;
	case 23: /* SHMGET */
		tracee->call = TRACE_SHMGET;
		memcpy(tracee->arg, args + 1, sizeof(tracee->arg));
		return 0;
	case 24: /* SHMCTL */
		tracee->call = TRACE_SHMCTL;
		tracee->arg[0] = args[1];
		tracee->arg[1] = args[2];
		tracee->arg[2] = args[4];
		tracee->old_layout = !(args[2] & IPC_64);
		return 0;
	}
	return -ENOSYS;
}
