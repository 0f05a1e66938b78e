// SPDX-License-Identifier: GPL-2.0
/* The rules that hold for the argument of every command: its size and its place in memory. */
#include "abi.h"

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

TEST_HARNESS_MAIN
