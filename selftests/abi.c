// SPDX-License-Identifier: GPL-2.0
/*
 * The rules that hold for every command: sizes, unknown bits, reserved fields,
 * pointers and command numbers.
 */
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
static void fill(FIXTURE_DATA(abi) *self, int kind, union argument *arg)
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
static int undo(FIXTURE_DATA(abi) *self, int kind, int ret, union argument *arg)
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

static struct state state_of(FIXTURE_DATA(abi) *self)
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

TEST_F(abi, version)
{
	struct xshm_version v = { .size = sizeof(v), .abi = ~0U, .features = ~0ULL,
				  .get_options = ~0U, .attach_options = ~0U };

	ASSERT_EQ(0, ioctl(self->fd, XSHM_IOC_VERSION, &v));
	EXPECT_EQ(XSHM_ABI_VERSION, v.abi);
	EXPECT_EQ(0, v.features & ~(XSHM_FEATURE_THP | XSHM_FEATURE_HUGETLB));
	EXPECT_EQ(!access("/sys/kernel/mm/transparent_hugepage", F_OK),
		  !!(v.features & XSHM_FEATURE_THP));
	EXPECT_EQ(!access("/sys/kernel/mm/hugepages", F_OK),
		  !!(v.features & XSHM_FEATURE_HUGETLB));
	EXPECT_EQ(XSHM_GET_HUGE | XSHM_GET_SMALL | XSHM_GET_TRY_HUGETLB | XSHM_GET_POPULATE |
		  XSHM_GET_OWNER_BOUND, v.get_options);
	EXPECT_EQ(XSHM_ATTACH_POPULATE, v.attach_options);
}

TEST_F(abi, too_short)
{
	for (unsigned int k = 0; k < COMMANDS; k++) {
		struct state before = state_of(self);

		for (__u32 size = 0; size < commands[k].size; size++) {
			union argument arg;

			fill(self, k, &arg);
			arg.size = size;
			EXPECT_EQ(-EINVAL, raw(self->fd, commands[k].number, &arg))
				TH_LOG("%s with size %u", commands[k].name, size);
		}
		EXPECT_STATE(before);
	}
}

TEST_F(abi, exact)
{
	for (unsigned int k = 0; k < COMMANDS; k++) {
		union argument arg;
		int ret;

		fill(self, k, &arg);
		ret = raw(self->fd, commands[k].number, &arg);
		ASSERT_LE(0, ret) TH_LOG("%s: %d", commands[k].name, ret);
		ASSERT_EQ(0, undo(self, k, ret, &arg)) TH_LOG("%s", commands[k].name);
	}
}

/* The argument ends where the accessible memory ends, so one byte more read is EFAULT. */
TEST_F(abi, exact_at_the_end_of_memory)
{
	for (unsigned int k = 0; k < COMMANDS; k++) {
		char *at = self->pages + 2 * page_size - commands[k].size;
		union argument arg;
		int ret;

		fill(self, k, &arg);
		memcpy(at, &arg, commands[k].size);
		ret = raw(self->fd, commands[k].number, at);
		ASSERT_LE(0, ret) TH_LOG("%s: %d", commands[k].name, ret);
		memcpy(&arg, at, commands[k].size);
		ASSERT_EQ(0, undo(self, k, ret, &arg)) TH_LOG("%s", commands[k].name);
	}
}

TEST_F(abi, longer_with_zeros)
{
	static const __u32 excess[] = { 1, 2, 3, 4, 7, 8, 64, 1000, 4000 };

	for (unsigned int k = 0; k < COMMANDS; k++) {
		for (unsigned int i = 0; i < sizeof(excess) / sizeof(excess[0]); i++) {
			union argument arg;
			int ret;

			memset(self->pages, 0, 2 * page_size);
			fill(self, k, &arg);
			memcpy(self->pages, &arg, commands[k].size);
			*(__u32 *)self->pages = commands[k].size + excess[i];
			/* What lies behind the argument is none of the command's business. */
			self->pages[commands[k].size + excess[i]] = 0x5a;
			ret = raw(self->fd, commands[k].number, self->pages);
			ASSERT_LE(0, ret) TH_LOG("%s with %u more: %d", commands[k].name,
						 excess[i], ret);
			memcpy(&arg, self->pages, commands[k].size);
			ASSERT_EQ(0, undo(self, k, ret, &arg));
			for (__u32 b = 0; b < excess[i]; b++) {
				ASSERT_EQ(0, self->pages[commands[k].size + b])
					TH_LOG("%s wrote behind what it knows", commands[k].name);
			}
			EXPECT_EQ(0x5a, self->pages[commands[k].size + excess[i]]);
		}
	}
}

TEST_F(abi, longer_with_junk)
{
	for (unsigned int k = 0; k < COMMANDS; k++) {
		struct state before = state_of(self);

		for (unsigned int at = 0; at < 64; at++) {
			union argument arg;

			memset(self->pages, 0, page_size);
			fill(self, k, &arg);
			memcpy(self->pages, &arg, commands[k].size);
			*(__u32 *)self->pages = commands[k].size + 64;
			self->pages[commands[k].size + at] = at % 2 ? 1 : 0x80;
			EXPECT_EQ(-E2BIG, raw(self->fd, commands[k].number, self->pages))
				TH_LOG("%s with junk in byte %u of the excess",
				       commands[k].name, at);
		}
		EXPECT_STATE(before);
	}
}

/* Sizes that reach past the accessible memory: nothing is done, nothing breaks. */
TEST_F(abi, huge_sizes)
{
	static const __u32 sizes[] = { 3 * 4096, 1U << 20, INT_MAX, 1U << 31, UINT_MAX - 7,
				       UINT_MAX };

	for (unsigned int k = 0; k < COMMANDS; k++) {
		struct state before = state_of(self);

		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			union argument arg;
			int error;

			memset(self->pages, 0, 2 * page_size);
			fill(self, k, &arg);
			memcpy(self->pages, &arg, commands[k].size);
			*(__u32 *)self->pages = sizes[i];
			error = raw(self->fd, commands[k].number, self->pages);
			EXPECT_TRUE(error == -EFAULT || error == -E2BIG) {
				TH_LOG("%s with size %u: %d", commands[k].name, sizes[i], error);
			}
		}
		EXPECT_STATE(before);
	}
}

TEST_F(abi, bad_argument_pointers)
{
	char *end = self->pages + 2 * page_size;
	void *const bad[] = {
		NULL, (void *)1, (void *)-1L, (void *)-4096L, (void *)LONG_MIN, (void *)LONG_MAX,
		end, end - 1, end - 3, end - 4, end - 8, end - 20,
	};

	for (unsigned int k = 0; k < COMMANDS; k++) {
		struct state before = state_of(self);

		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			union argument arg;

			memset(self->pages, 0, 2 * page_size);
			if ((char *)bad[i] < end && (char *)bad[i] > self->pages) {
				if (end - (char *)bad[i] >= commands[k].size)
					continue;
				fill(self, k, &arg);
				memcpy(bad[i], &arg, end - (char *)bad[i]);
			}
			EXPECT_EQ(-EFAULT, raw(self->fd, commands[k].number, bad[i]))
				TH_LOG("%s with pointer %p", commands[k].name, bad[i]);
		}
		EXPECT_STATE(before);
	}
}

/* An argument that can be read but not written matters only to what writes it. */
TEST_F(abi, read_only_argument)
{
	for (unsigned int k = 0; k < COMMANDS; k++) {
		struct state before = state_of(self);
		union argument arg;
		int ret;

		fill(self, k, &arg);
		memcpy(self->pages, &arg, sizeof(arg));
		ASSERT_EQ(0, mprotect(self->pages, page_size, PROT_READ));
		ret = raw(self->fd, commands[k].number, self->pages);
		ASSERT_EQ(0, mprotect(self->pages, page_size, PROT_READ | PROT_WRITE));
		if (k == VERSION || k == ATTACH) {
			EXPECT_EQ(-EFAULT, ret) TH_LOG("%s", commands[k].name);
			EXPECT_STATE(before);
		} else {
			EXPECT_LE(0, ret) TH_LOG("%s", commands[k].name);
			ASSERT_EQ(0, undo(self, k, ret, &arg));
		}
	}
}

static int count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	int c, lines = 0;

	if (!f)
		return -1;
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

/* The address can't be told, so nobody could ever detach it: it must not be there. */
TEST_F(abi, attach_that_cannot_tell_its_address)
{
	struct xshm_ds before, after;
	union argument arg;
	int mappings;

	fill(self, ATTACH, &arg);
	memcpy(self->pages, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(self->pages, page_size, PROT_READ));
	ASSERT_EQ(0, raw_stat(self->id, &before));
	mappings = count_mappings();
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(-EFAULT, raw(self->fd, XSHM_IOC_ATTACH, self->pages));
	EXPECT_EQ(mappings, count_mappings());
	ASSERT_EQ(0, raw_stat(self->id, &after));
	EXPECT_EQ(1, after.nattch);
	EXPECT_EQ(before.nattch, after.nattch);
}

TEST_F(abi, unknown_commands)
{
	struct state before = state_of(self);
	union argument arg;

	fill(self, GET, &arg);
	for (unsigned int nr = 0x0c; nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC, nr), &arg))
			TH_LOG("command 0x%x", nr);
	}
	for (unsigned int nr = 0; nr < 0x0c; nr++) {
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO('x', nr), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC - 1, nr), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd,
					      _IOWR(XSHM_IOC_MAGIC, nr, struct xshm_get), &arg))
			TH_LOG("command 0x%x with a direction and a size", nr);
		EXPECT_EQ(-ENOTTY, raw(self->fd,
					      _IOR(XSHM_IOC_MAGIC, nr, struct xshm_get), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IOW(XSHM_IOC_MAGIC, nr, int), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd,
					      _IO(XSHM_IOC_MAGIC, nr) | 0x10000, &arg));
	}
	/* Even with an argument that can't be read. */
	EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC, 0x0c), NULL));
	EXPECT_EQ(-ENOTTY, raw(self->fd, 0x5401 /* TCGETS */, &arg));
	EXPECT_STATE(before);
}

#define GET_KNOWN	(0777U | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE | \
			 XSHM_HUGE_MASK << XSHM_HUGE_SHIFT)
#define ATTACH_KNOWN	(XSHM_RDONLY | XSHM_RND | XSHM_REMAP | XSHM_EXEC)

TEST_F(abi, unknown_bits)
{
	struct state before = state_of(self);

	for (unsigned int bit = 0; bit < 32; bit++) {
		union argument arg;

		if (!(GET_KNOWN & 1U << bit)) {
			fill(self, GET, &arg);
			arg.get.shmflg |= 1U << bit;
			EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_GET, &arg))
				TH_LOG("bit %u of GET's shmflg", bit);
		}
		if (bit > 4) {
			fill(self, GET, &arg);
			arg.get.options |= 1U << bit;
			EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_GET, &arg))
				TH_LOG("bit %u of GET's options", bit);
		}
		if (!(ATTACH_KNOWN & 1U << bit)) {
			fill(self, ATTACH, &arg);
			arg.attach.shmflg |= 1U << bit;
			EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_ATTACH, &arg))
				TH_LOG("bit %u of ATTACH's shmflg", bit);
		}
		if (bit > 0) {
			fill(self, ATTACH, &arg);
			arg.attach.options |= 1U << bit;
			EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_ATTACH, &arg))
				TH_LOG("bit %u of ATTACH's options", bit);
		}
		fill(self, DETACH, &arg);
		arg.detach.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_DETACH, &arg))
			TH_LOG("bit %u of DETACH's reserved", bit);
	}
	EXPECT_STATE(before);
}

TEST_F(abi, options_that_exclude_each_other)
{
	struct state before = state_of(self);
	union argument arg;

	fill(self, GET, &arg);
	arg.get.options = XSHM_GET_SMALL | XSHM_GET_HUGE;
	EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_GET, &arg));
	arg.get.options = XSHM_GET_SMALL | XSHM_GET_TRY_HUGETLB;
	EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_GET, &arg));
	EXPECT_STATE(before);
}

TEST_F(abi, select_values)
{
	static const __u32 unknown[] = { 3, 4, 255, 1U << 31, UINT_MAX };
	struct state before = state_of(self);
	union argument arg;

	for (unsigned int i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		fill(self, STAT, &arg);
		arg.control.select = unknown[i];
		EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_STAT, &arg))
			TH_LOG("select %u", unknown[i]);
	}
	/* Of the others only SET_LIMITS has a use for it. */
	for (unsigned int k = SET; k <= REMOVE; k++) {
		for (__u32 select = 1; select < 4; select++) {
			fill(self, k, &arg);
			arg.control.select = select;
			EXPECT_EQ(-EINVAL, raw(self->fd, commands[k].number, &arg))
				TH_LOG("%s with select %u", commands[k].name, select);
		}
	}
	EXPECT_STATE(before);
	fill(self, STAT, &arg);
	arg.control.select = XSHM_SELECT_INDEX;
	arg.control.id = self->id & 0x7fff;
	EXPECT_EQ(self->id, ioctl(self->fd, XSHM_IOC_STAT, &arg));
	arg.control.select = XSHM_SELECT_INDEX_ANY;
	EXPECT_EQ(self->id, ioctl(self->fd, XSHM_IOC_STAT, &arg));
	arg.control.id = self->id;
	EXPECT_EQ(self->id, ioctl(self->fd, XSHM_IOC_STAT, &arg));
	arg.control.select = XSHM_SELECT_ID;
	EXPECT_EQ(0, ioctl(self->fd, XSHM_IOC_STAT, &arg));
}

/* Commands without a buffer refuse one: its fields are reserved there. */
TEST_F(abi, buffers_of_commands_without)
{
	struct state before = state_of(self);
	union argument arg;

	for (unsigned int k = LOCK; k <= REMOVE; k++) {
		fill(self, k, &arg);
		arg.control.buf = (uintptr_t)&self->ds;
		EXPECT_EQ(-EINVAL, raw(self->fd, commands[k].number, &arg))
			TH_LOG("%s with a buffer", commands[k].name);
		fill(self, k, &arg);
		arg.control.buf_size = sizeof(self->ds);
		EXPECT_EQ(-EINVAL, raw(self->fd, commands[k].number, &arg))
			TH_LOG("%s with a buffer size", commands[k].name);
	}
	EXPECT_STATE(before);
}

TEST_HARNESS_MAIN
