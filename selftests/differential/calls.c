// SPDX-License-Identifier: GPL-2.0
/* calls.c - operations on segments, credentials, limits and namespaces */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <xshm.h>

#include "differential.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

/* The system calls themselves: a C library changes arguments of shmctl. */
static int sysv_get(key_t key, size_t size, int flags)
{
	return syscall(SYS_shmget, key, size, flags);
}

static void *sysv_at(int id, const void *address, int flags)
{
	return (void *)syscall(SYS_shmat, id, address, flags);
}

static int sysv_dt(const void *address)
{
	return syscall(SYS_shmdt, address);
}

static int sysv_ctl(int id, int command, struct shmid_ds *buf)
{
	return syscall(SYS_shmctl, id, command, buf);
}

#define SYSV	sysv_get, sysv_at, sysv_dt, sysv_ctl, "/proc/sysvipc/shm", "/proc/sys/kernel"

const struct backend backends[BACKENDS] = {
	[BACKEND_SYSV] = { "sysv", SYSV },
	[BACKEND_XSHM] = { "xshm", xshmget, xshmat, xshmdt, xshmctl, "/proc/xshm",
			   "/proc/sys/xshm" },
	[BACKEND_SERVED] = { "served", SYSV },
};

static long error_or(long result)
{
	return result == -1 ? -errno : result;
}

int id_of(const struct side *side, const struct op *op)
{
	switch (op->id) {
	case IDS:
		return -1;
	case IDS + 1:
		return 12345678;
	case IDS + 2:
		/* Of an earlier or later sequence number. */
		return side->ids[0] < 0 ? side->first_id : side->ids[0] ^ (1 << 15);
	case IDS + 3:
		return 0x7fffffff;
	}
	return side->ids[op->id];
}

/* For the record: as if both sides began with the same id. */
long shown_id(long id)
{
	return id >= IDS_APART ? id - IDS_APART : id;
}

static long do_get(struct side *side, const struct op *op)
{
	const struct backend *ipc = &backends[side->backend];
	long id = error_or(ipc->get(op->a, op->b, op->c));

	if (id >= 0)
		side->ids[op->id] = id;
	return shown_id(id);
}

static long do_at(struct side *side, const struct op *op)
{
	const struct backend *ipc = &backends[side->backend];
	struct process *process = &side->process[op->process];
	int id = id_of(side, op);
	unsigned long address = op->a;
	struct shmid_ds ds;
	long result;

	if (op->a == -1)
		address = 0;
	else if (op->c >= 0)
		address += WINDOW(op->c);
	result = error_or((long)ipc->at(id, (void *)address, op->b));
	if (result < 0 && result > -4096)
		return result;
	/* The size is needed to stay within attaches that the kernel placed. */
	if (ipc->ctl(id & 0x7fff, SHM_STAT_ANY, &ds) < 0)
		ds.shm_segsz = 0;
	process->attach[op->attach] = (struct attach) {
		.address = result,
		.pages = (ds.shm_segsz + PAGE - 1) / PAGE,
		.fixed = address,
	};
	return address ? result : 0;
}

static long do_dt(struct side *side, const struct op *op)
{
	const struct backend *ipc = &backends[side->backend];
	struct attach *attach = &side->process[op->process].attach[op->attach];
	long offset = op->a, result;

	/* What is beside one that the kernel placed may differ. */
	if (!attach->fixed && offset % PAGE == 0)
		offset = 0;
	result = error_or(ipc->dt((void *)(attach->address + offset)));
	if (!result && !offset)
		attach->address = 0;
	return result;
}

/* Times are 0 or close to now, unless the clock is ours: then they are exact. */
static uint64_t normalise_time(const struct side *side, time_t t)
{
	if (!t)
		return 0;
	if (side->sequence.flags & SEQUENCE_CLOCK)
		return 1 + (t - side->clock) / 100;
	return labs(time(NULL) - t) <= 60 ? 1 : (uint64_t)t;
}

static long do_stat(struct side *side, const struct op *op, struct record *record)
{
	const struct backend *ipc = &backends[side->backend];
	struct shmid_ds ds;
	long id = id_of(side, op), result;
	int command = IPC_STAT;

	if (op->call != CALL_STAT) {
		command = op->call == CALL_STAT_INDEX ? SHM_STAT : SHM_STAT_ANY;
		if (op->a == -1)
			id &= id < 0 ? -1 : 0x7fff;
		else
			id = op->a;
	}
	memset(&ds, 0xa5, sizeof(ds));
	if (op->call == CALL_STAT && op->a)
		return error_or(ipc->ctl(id, command, (void *)8));
	result = error_or(ipc->ctl(id, command, &ds));
	/* All of it, also what a failure leaves alone and what has no name. */
	if (result >= 0) {
		ds.shm_atime = normalise_time(side, ds.shm_atime);
		ds.shm_dtime = normalise_time(side, ds.shm_dtime);
		ds.shm_ctime = normalise_time(side, ds.shm_ctime);
		ds.shm_perm.__seq = shown_id(ds.shm_perm.__seq << 15) >> 15;
	}
	_Static_assert(sizeof(ds) == sizeof(record->v), "a stat is 14 words");
	memcpy(record->v, &ds, sizeof(ds));
	record->count = 14;
	return shown_id(result);
}

/* Users and groups of the sequence; the last one is no user. */
static uid_t user(const struct side *side, long n)
{
	if (n == USERS)
		return -1;
	return n ? side->base + n : 0;
}

/* Never root, nor of another sequence: locked memory is accounted by it. */
uid_t real_user(const struct side *side, long n)
{
	return side->base + (n ? n : 9);
}

static long do_set(struct side *side, const struct op *op)
{
	struct shmid_ds ds;

	memset(&ds, 0xa5, sizeof(ds));
	ds.shm_perm.uid = user(side, op->a);
	ds.shm_perm.gid = user(side, op->b);
	ds.shm_perm.mode = op->c;
	return error_or(backends[side->backend].ctl(id_of(side, op), IPC_SET, &ds));
}

static long do_info(struct side *side, const struct op *op, struct record *record)
{
	const struct backend *ipc = &backends[side->backend];
	uint64_t info[9];
	long result;
	int count = op->call == CALL_INFO ? 9 : 6;

	memset(info, 0xa5, sizeof(info));
	result = error_or(ipc->ctl(0, op->call == CALL_INFO ? IPC_INFO : SHM_INFO, (void *)info));
	if (op->call == CALL_USAGE)
		info[0] &= 0xffffffff;	/* used_ids; beside it is a hole */
	memcpy(record->v, info, count * 8);
	record->count = count;
	return result;
}

/* Those that the calls look at, in the order of the bits of an operation. */
static const unsigned char capabilities[] = {
	CAP_IPC_OWNER, CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE, CAP_SYS_RESOURCE,
	CAP_DAC_OVERRIDE, CAP_SYS_PTRACE, CAP_CHOWN,
};

/*
 * The saved user stays root so that there is a way back. Raw calls, as a C
 * library would tell all threads.
 */
static long do_credentials(struct side *side, const struct op *op)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	gid_t groups[] = { user(side, (op->a + op->b) % USERS) };
	bool root_only = op->c & 0x80;

	if (syscall(SYS_setresuid, -1, 0, -1) ||
	    syscall(SYS_setresgid, user(side, op->b), user(side, op->b), 0) ||
	    syscall(SYS_setgroups, root_only ? 0 : 1, groups) ||
	    syscall(SYS_setresuid, real_user(side, op->a), user(side, op->a), 0) ||
	    syscall(SYS_capget, &header, data))
		return -errno;
	for (unsigned int i = 0; i < sizeof(capabilities); i++) {
		unsigned int capability = capabilities[i];
		unsigned int bit = 1U << capability % 32;

		data[capability / 32].effective &= ~bit;
		if (op->c & 1 << i)
			data[capability / 32].effective |= bit & data[capability / 32].permitted;
	}
	side->process[op->process].sys_admin = data[0].effective & 1U << CAP_SYS_ADMIN;
	return error_or(syscall(SYS_capset, &header, data));
}

/*
 * Only root of the machine writes the files of xshm, who else may has a command
 * for it. That takes CAP_SYS_ADMIN for root, which the originals do not.
 */
static long set_limit(const struct side *side, const struct op *op, unsigned long value)
{
	static const unsigned int which[] = {
		XSHM_LIMIT_SHMMAX, XSHM_LIMIT_SHMALL, XSHM_LIMIT_SHMMNI, XSHM_LIMIT_RMID_FORCED,
		XSHM_LIMIT_NEXT_ID,
	};
	struct xshm_limits limits = {
		.shmmax = value, .shmall = value, .shmmni = value, .rmid_forced = value,
		.next_id = value,
	};
	struct xshm_control control = {
		.size = sizeof(control), .select = which[op->a], .buf_size = sizeof(limits),
		.buf = (uintptr_t)&limits,
	};
	int fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	long result = error_or(ioctl(fd, XSHM_IOC_SET_LIMITS, &control));

	close(fd);
	return result == -EPERM ? -EACCES : result;
}

static long do_sysctl(struct side *side, const struct op *op)
{
	static const char *const names[] = {
		"shmmax", "shmall", "shmmni", "shm_rmid_forced", "shm_next_id",
	};
	static const long maximum[] = { 32768, 1, 0x7fffffff };
	/* Where the calls are served, the kernel's own files are in force. */
	bool by_command = !(side->sequence.flags & SEQUENCE_SERVED) &&
			  (op->a == 4 || side->sequence.flags & SEQUENCE_USERNS);
	/* -2 is the default of the sizes. */
	unsigned long value = op->b == -2 ? -1UL - (1UL << 24) : (unsigned long)op->b;
	char path[64], text[32];
	long result;
	int fd, size;

	if (op->a == 4 && value < IDS_APART)
		value += side->first_id;
	if (by_command && op->a < 4 && geteuid() && side->process[op->process].sys_admin)
		return -EDEADLK;
	/* Of two errors the command gives another one. */
	if (by_command && op->a > 1 && (op->b < 0 || op->b > maximum[op->a - 2]))
		return -EDEADLK;
	if (by_command && side->backend == BACKEND_XSHM)
		return set_limit(side, op, value);
	snprintf(path, sizeof(path), "%s/%s", backends[side->backend].sysctl, names[op->a]);
	size = snprintf(text, sizeof(text), op->a < 2 ? "%lu\n" : "%ld\n", value);
	/* One of the originals refuses to be opened, the other one to be written. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = error_or(write(fd, text, size));
	close(fd);
	return result < 0 ? result : 0;
}

/* The IPC namespace of the caller, root of the machine, is the side's from here on. */
int switch_service(const struct side *side)
{
	int fd = open("/proc/sys/xshm/sysv", O_WRONLY | O_CLOEXEC), result;

	if (fd < 0)
		return errno == ENOENT && side->backend != BACKEND_SERVED ? 0 : -1;
	result = write(fd, side->backend == BACKEND_SERVED ? "1" : "0", 1) == 1 ? 0 : -1;
	close(fd);
	return result;
}

/* Only root may switch: the saved user, whom a user namespace doesn't have. */
static long do_unshare(struct side *side, const struct op *op)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	uid_t user = geteuid();
	long result;

	if ((side->sequence.flags & SEQUENCE_SERVED) && (side->sequence.flags & SEQUENCE_USERNS))
		return -EDEADLK;
	result = error_or(syscall(SYS_unshare, CLONE_NEWIPC));
	if (result)
		return result;
	side->process[op->process].elsewhere = true;
	if (syscall(SYS_capget, &header, data) || syscall(SYS_setresuid, -1, 0, -1) ||
	    switch_service(side) || syscall(SYS_setresuid, -1, user, -1) ||
	    syscall(SYS_capset, &header, data))
		abort();
	return 0;
}

static long do_setns(struct side *side, const struct op *op)
{
	const struct process *to = &side->process[op->a];
	long result;
	int fd;

	if (!to->pid)
		return -ESRCH;
	fd = syscall(SYS_pidfd_open, to->pid, 0);
	if (fd < 0)
		return -errno;
	result = error_or(syscall(SYS_setns, fd, CLONE_NEWIPC));
	close(fd);
	if (!result)
		side->process[op->process].elsewhere = to->elsewhere;
	return result;
}

long add_text(struct side *side, struct record *record, const char *text, size_t size)
{
	if (side->text_size + size > TEXT_MAX)
		return -E2BIG;
	memcpy(side->text + side->text_size, text, size);
	record->text = side->text_size;
	record->text_size = size;
	side->text_size += size;
	return size;
}

/* The table, with normalised ids and times. */
static long do_table(struct side *side, const struct op *op, struct record *record)
{
	static char text[64 << 10];
	static char out[64 << 10];
	size_t size = 0, used = 0;
	int fd = open(backends[side->backend].table, O_RDONLY | O_CLOEXEC);
	char *line, *save = NULL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	close(fd);
	text[size] = 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int key, id, after_id, head, tail;
		long t[3];

		if (sscanf(line, "%d %d%n %*o %*u %*u %*u %*u %*u %*u %*u %*u%n %ld %ld %ld%n",
			   &key, &id, &after_id, &head, &t[0], &t[1], &t[2], &tail) < 5) {
			used += snprintf(out + used, sizeof(out) - used, "%s\n", line);
			continue;
		}
		used += snprintf(out + used, sizeof(out) - used,
				 "%10d %10ld%.*s %lu %lu %lu%s\n", key, shown_id(id),
				 head - after_id, line + after_id,
				 normalise_time(side, t[0]), normalise_time(side, t[1]),
				 normalise_time(side, t[2]), line + tail);
	}
	return add_text(side, record, out, used);
}

/* Carry an operation out as the process that has the turn. Processes are side.c's. */
void carry_out(struct side *side, const struct op *op, struct record *record)
{
	const struct backend *ipc = &backends[side->backend];
	struct rlimit limit;

	switch (op->call) {
	case CALL_GET:
		record->result = do_get(side, op);
		break;
	case CALL_AT:
		record->result = do_at(side, op);
		break;
	case CALL_DT:
		record->result = do_dt(side, op);
		break;
	case CALL_STAT:
	case CALL_STAT_INDEX:
	case CALL_STAT_ANY:
		record->result = do_stat(side, op, record);
		break;
	case CALL_SET:
		record->result = do_set(side, op);
		break;
	case CALL_RMID:
		record->result = error_or(ipc->ctl(id_of(side, op), IPC_RMID, NULL));
		break;
	case CALL_LOCK:
		/* When a namespace ends, its locked memory is given back some time after. */
		record->result = -EDEADLK;
		if (!side->process[op->process].elsewhere)
			record->result = error_or(ipc->ctl(id_of(side, op), SHM_LOCK, NULL));
		break;
	case CALL_UNLOCK:
		record->result = error_or(ipc->ctl(id_of(side, op), SHM_UNLOCK, NULL));
		break;
	case CALL_INFO:
	case CALL_USAGE:
		record->result = do_info(side, op, record);
		break;
	case CALL_BAD_COMMAND:
		record->result = error_or(ipc->ctl(id_of(side, op), op->a, NULL));
		break;
	case CALL_CREDENTIALS:
		record->result = do_credentials(side, op);
		break;
	case CALL_MEMLOCK:
		limit.rlim_cur = op->a < 0 ? RLIM_INFINITY : op->a * PAGE;
		limit.rlim_max = RLIM_INFINITY;
		record->result = error_or(setrlimit(RLIMIT_MEMLOCK, &limit));
		break;
	case CALL_SYSCTL:
		record->result = do_sysctl(side, op);
		break;
	case CALL_UNSHARE:
		record->result = do_unshare(side, op);
		break;
	case CALL_SETNS:
		record->result = do_setns(side, op);
		break;
	case CALL_TABLE:
		record->result = do_table(side, op, record);
		break;
	default:
		if (!carry_out_memory(side, op, record))
			abort();
	}
}
