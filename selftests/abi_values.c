// SPDX-License-Identifier: GPL-2.0
/* What is not defined is refused: command numbers, bits, options, reserved fields. */
#include "abi.h"

TEST_F(abi, unknown_commands)
{
	struct state before = state_of(self);
	union argument arg;
	unsigned int odd;

	fill(self, GET, &arg);
	for (unsigned int nr = 0x0c; nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC, nr), &arg))
			TH_LOG("command 0x%x", nr);
	}
	for (unsigned int nr = 0; nr < 0x0c; nr++) {
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO('x', nr), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC - 1, nr), &arg));
		/* The number alone counts: no direction, no size, no bit above. */
		odd = _IOWR(XSHM_IOC_MAGIC, nr, struct xshm_get);
		EXPECT_EQ(-ENOTTY, raw(self->fd, odd, &arg));
		odd = _IOR(XSHM_IOC_MAGIC, nr, struct xshm_get);
		EXPECT_EQ(-ENOTTY, raw(self->fd, odd, &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IOW(XSHM_IOC_MAGIC, nr, int), &arg));
		EXPECT_EQ(-ENOTTY, raw(self->fd, _IO(XSHM_IOC_MAGIC, nr) | 0x10000, &arg));
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
