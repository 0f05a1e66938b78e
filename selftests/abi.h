/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of all commands, with an argument for each that succeeds, so that a rule can
 * be tried on every one of them.
 */
#ifndef SELFTESTS_XSHM_ABI_H
#define SELFTESTS_XSHM_ABI_H

#include <limits.h>

#include "raw.h"

#define SEGMENT_BYTES	5000

/* What the argument of a command needs to succeed. */
enum argument_kind { VERSION, GET, ATTACH, DETACH, STAT, SET, LIMITS, USAGE, LOCK, UNLOCK, REMOVE,
		     SET_LIMITS };

union argument {
	__u32 size;
	struct xshm_version version;
	struct xshm_get get;
	struct xshm_attach attach;
	struct xshm_detach detach;
	struct xshm_control control;
};

static const struct command {
	const char *name;
	unsigned int number;
	__u32 size;
} commands[] = {
	[VERSION] = { "VERSION", XSHM_IOC_VERSION, sizeof(struct xshm_version) },
	[GET] = { "GET", XSHM_IOC_GET, sizeof(struct xshm_get) },
	[ATTACH] = { "ATTACH", XSHM_IOC_ATTACH, sizeof(struct xshm_attach) },
	[DETACH] = { "DETACH", XSHM_IOC_DETACH, sizeof(struct xshm_detach) },
	[STAT] = { "STAT", XSHM_IOC_STAT, sizeof(struct xshm_control) },
	[SET] = { "SET", XSHM_IOC_SET, sizeof(struct xshm_control) },
	[LIMITS] = { "LIMITS", XSHM_IOC_LIMITS, sizeof(struct xshm_control) },
	[USAGE] = { "USAGE", XSHM_IOC_USAGE, sizeof(struct xshm_control) },
	[LOCK] = { "LOCK", XSHM_IOC_LOCK, sizeof(struct xshm_control) },
	[UNLOCK] = { "UNLOCK", XSHM_IOC_UNLOCK, sizeof(struct xshm_control) },
	[REMOVE] = { "REMOVE", XSHM_IOC_REMOVE, sizeof(struct xshm_control) },
	[SET_LIMITS] = { "SET_LIMITS", XSHM_IOC_SET_LIMITS, sizeof(struct xshm_control) },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static long page_size;

FIXTURE(abi) {
	int fd;
	int id;
	void *addr;
	struct xshm_ds ds;
	struct xshm_limits limits;
	struct xshm_usage usage;
	/* Three pages, the last of which is never accessible. */
	char *pages;
};

FIXTURE_SETUP(abi)
{
	page_size = pages(1);
	self->fd = -1;
	USE_BACKEND(&xshm);
	self->fd = device();
	ASSERT_LE(0, self->fd);
	self->id = RAW_GET(SEGMENT_BYTES, 0600, 0);
	self->addr = RAW_ATTACH(self->id, 0, 0);
	self->ds = RAW_STAT(self->id);
	ASSERT_LE(0, raw_control(XSHM_IOC_LIMITS, 0, &self->limits, sizeof(self->limits)));
	self->pages = mmap(NULL, 3 * page_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->pages);
	ASSERT_EQ(0, mprotect(self->pages + 2 * page_size, page_size, PROT_NONE));
}

FIXTURE_TEARDOWN(abi)
{
	if (self->fd >= 0)
		EXPECT_EQ(0, raw_remove(self->id));
}

/* Fills in an argument with which the command succeeds and changes nothing but what it must. */
static inline void fill(FIXTURE_DATA(abi) *self, int kind, union argument *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = commands[kind].size;
	switch (kind) {
	case VERSION:
		break;
	case GET:
		arg->get.bytes = 1;
		arg->get.shmflg = 0600;
		break;
	case ATTACH:
		arg->attach.id = self->id;
		break;
	case DETACH:
		arg->detach.addr = (uintptr_t)self->addr;
		break;
	default:
		arg->control.id = self->id;
		break;
	}
	if (kind == STAT || kind == SET) {
		arg->control.buf = (uintptr_t)&self->ds;
		arg->control.buf_size = sizeof(self->ds);
	} else if (kind == LIMITS) {
		arg->control.buf = (uintptr_t)&self->limits;
		arg->control.buf_size = sizeof(self->limits);
	} else if (kind == USAGE) {
		arg->control.buf = (uintptr_t)&self->usage;
		arg->control.buf_size = sizeof(self->usage);
	} else if (kind == SET_LIMITS) {
		arg->control.id = 0;
		arg->control.select = XSHM_LIMIT_SHMMNI;
		arg->control.buf = (uintptr_t)&self->limits;
		arg->control.buf_size = sizeof(self->limits);
	}
}

/* Takes back what a command that succeeded has done. */
static inline int undo(FIXTURE_DATA(abi) *self, int kind, int ret, union argument *arg)
{
	long at;
	int result;

	switch (kind) {
	case GET:
		return raw_remove(ret);
	case ATTACH:
		return raw_detach((void *)(uintptr_t)arg->attach.addr);
	case LOCK:
		return raw_control(XSHM_IOC_UNLOCK, self->id, NULL, 0);
	case REMOVE:
		/* Still attached, and so goes with this detach: make another. */
		result = raw_detach(self->addr);
		if (result)
			return result;
		self->id = raw_get(IPC_PRIVATE, SEGMENT_BYTES, 0600, 0);
		/* fallthrough */
	case DETACH:
		at = raw_attach(self->id, NULL, 0, 0);
		if (at < 0)
			return at;
		self->addr = (void *)at;
		return raw_stat(self->id, &self->ds);
	}
	return 0;
}

/* What must not change when a command is refused. */
struct state {
	int ids;
	__u64 nattch;
	__u32 mode;
	__s32 key;
};

static inline struct state state_of(FIXTURE_DATA(abi) *self)
{
	struct state s = { .ids = -1 };
	struct xshm_usage usage;
	struct xshm_ds ds;

	if (raw_control(XSHM_IOC_USAGE, 0, &usage, sizeof(usage)) >= 0)
		s.ids = usage.used_ids;
	if (raw_stat(self->id, &ds) == 0) {
		s.nattch = ds.nattch;
		s.mode = ds.mode;
		s.key = ds.key;
	}
	return s;
}

#define EXPECT_STATE(before) do {					\
	struct state after = state_of(self);				\
									\
	EXPECT_EQ((before).ids, after.ids);				\
	EXPECT_EQ((before).nattch, after.nattch);			\
	EXPECT_EQ((before).mode, after.mode);				\
	EXPECT_EQ((before).key, after.key);				\
} while (0)

#endif
