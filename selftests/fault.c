// SPDX-License-Identifier: GPL-2.0
/* The commands, and what else changes mappings, when memory is refused to them. */
#include "fault_sweep.h"

/* GET */

static void remove_result(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			  long result)
{
	if (result >= 0)
		EXPECT_EQ(0, raw_remove(result));
}

static long get_private(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, BYTES, 0600, 0);
}

static long get_keyed(FIXTURE_DATA(fault) *self)
{
	return raw_get(KEY + 1, BYTES, XSHM_CREAT | XSHM_EXCL | 0600, 0);
}

static long get_existing(FIXTURE_DATA(fault) *self)
{
	return raw_get(KEY, BYTES, XSHM_CREAT | 0600, 0);
}

static long get_noreserve(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, BYTES, XSHM_NORESERVE | 0600, 0);
}

static long get_populated(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, BYTES, 0600, XSHM_GET_POPULATE);
}

static long get_populated_huge(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, HUGE_2M, 0600, XSHM_GET_POPULATE | XSHM_GET_HUGE);
}

static long get_bound(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, BYTES, 0600, XSHM_GET_OWNER_BOUND);
}

/* What System V says too when there is no memory for an inode. */
#define NO_INODE	.also = ENOSPC

TEST_F_TIMEOUT(fault, get, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("get private", NULL, get_private, remove_result, NO_INODE),
		OPERATION("get a new key", NULL, get_keyed, remove_result, NO_INODE),
		OPERATION("get an existing key", NULL, get_existing, NULL),
		OPERATION("get, no reservation", NULL, get_noreserve, remove_result, NO_INODE),
		OPERATION("get, populated", NULL, get_populated, remove_result, NO_INODE),
		OPERATION("get, populated with a huge page", NULL, get_populated_huge,
			  remove_result, NO_INODE),
		OPERATION("get, bound", NULL, get_bound, remove_result, NO_INODE),
	};

	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(_metadata, self, &operations[i]);
}

/* Enough of them that the tables of ids and of keys have to grow. */
TEST_F_TIMEOUT(fault, get_many, SWEEP_SECONDS)
{
	static const struct operation keyed =
		OPERATION("get a new key of many", NULL, get_keyed, remove_result, NO_INODE);

	for (int n = 0; n < 70; n++) {
		ASSERT_LE(0, raw_get(KEY + 2 + n, 4096, XSHM_CREAT | 0600, 0));
		if (n % 10 == 0 || n == 62 || n == 63)
			sweep(_metadata, self, &keyed);
	}
	for (int n = 0; n < 70; n++)
		EXPECT_EQ(0, raw_remove(raw_get(KEY + 2 + n, 0, 0, 0)));
}

static long get_hugetlb(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, HUGE_2M, XSHM_HUGETLB | 0600, 0);
}

static long get_hugetlb_of_size(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, HUGE_2M, XSHM_HUGETLB | 21U << XSHM_HUGE_SHIFT | 0600, 0);
}

static long get_hugetlb_populated(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, HUGE_2M, XSHM_HUGETLB | 0600, XSHM_GET_POPULATE);
}

/* Falls back to ordinary pages when the pool's can't be had. */
static long get_try_hugetlb(FIXTURE_DATA(fault) *self)
{
	return raw_get(IPC_PRIVATE, HUGE_2M, 0600, XSHM_GET_TRY_HUGETLB);
}

static void make_hugetlb(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	self->id = raw_get(IPC_PRIVATE, HUGE_2M, XSHM_HUGETLB | 0600, 0);
	EXPECT_LE(0, self->id);
}

static long attach_made(FIXTURE_DATA(fault) *self)
{
	long p = raw_attach(self->id, NULL, 0, 0);

	self->p = (char *)p;
	return p;
}

static void detach_and_remove(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			      long result)
{
	EXPECT_EQ(0, raw_detach(self->p));
	EXPECT_EQ(0, raw_remove(self->id));
}

TEST_F_TIMEOUT(fault, hugetlb, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("get hugetlb", NULL, get_hugetlb, remove_result, NO_INODE),
		OPERATION("get hugetlb of 2 MB", NULL, get_hugetlb_of_size, remove_result,
			  NO_INODE),
		OPERATION("get hugetlb, populated", NULL, get_hugetlb_populated, remove_result,
			  NO_INODE),
		OPERATION("get, hugetlb or else", NULL, get_try_hugetlb, remove_result, NO_INODE),
		OPERATION("attach hugetlb", make_hugetlb, attach_made, detach_and_remove),
	};
	struct pool old = pool_of(HUGE_2M);

	if (old.total < 0)
		SKIP(return, "this kernel has no hugetlb pages of 2 MB");
	if (set_pool(HUGE_2M, old.total + 4) < old.total + 4) {
		set_pool(HUGE_2M, old.total);
		SKIP(return, "no four huge pages of 2 MB can be had");
	}
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(_metadata, self, &operations[i]);
	EXPECT_EQ(old.total, set_pool(HUGE_2M, old.total));
}

/* ATTACH, DETACH and what else changes the mappings */

static void make_segment(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	self->id = raw_get(IPC_PRIVATE, BYTES, 0700, 0);
	EXPECT_LE(0, self->id);
}

static void make_range(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_segment(_metadata, self);
	self->p = free_range(BYTES);
}

static void make_attach(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_segment(_metadata, self);
	EXPECT_LT(0, attach_made(self));
}

static void make_split_attach(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_attach(_metadata, self);
	EXPECT_EQ(0, mprotect(self->p + 4096, 4096, PROT_READ));
}

static void make_attach_in_pieces(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_attach(_metadata, self);
	EXPECT_EQ(0, munmap(self->p + 4096, 4096));
}

static long attach_read_only(FIXTURE_DATA(fault) *self)
{
	long p = raw_attach(self->id, NULL, XSHM_RDONLY, 0);

	self->p = (char *)p;
	return p;
}

static long attach_executable(FIXTURE_DATA(fault) *self)
{
	long p = raw_attach(self->id, NULL, XSHM_EXEC, 0);

	self->p = (char *)p;
	return p;
}

static long attach_populated(FIXTURE_DATA(fault) *self)
{
	long p = raw_attach(self->id, NULL, 0, XSHM_ATTACH_POPULATE);

	self->p = (char *)p;
	return p;
}

static long attach_fixed(FIXTURE_DATA(fault) *self)
{
	return raw_attach(self->id, self->p, 0, 0);
}

static long attach_over(FIXTURE_DATA(fault) *self)
{
	return raw_attach(self->id, self->p, XSHM_REMAP, 0);
}

static long attach_again(FIXTURE_DATA(fault) *self)
{
	self->id = self->attached;
	return attach_made(self);
}

static void detach_made(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, long result)
{
	EXPECT_EQ(0, raw_detach(self->p));
}

static long detach(FIXTURE_DATA(fault) *self)
{
	return raw_detach(self->p);
}

static void remove_made(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, long result)
{
	EXPECT_EQ(0, raw_remove(self->id));
}

static long unmap_middle(FIXTURE_DATA(fault) *self)
{
	return munmap(self->p + 4096, 4096) ? -errno : 0;
}

static long protect_middle(FIXTURE_DATA(fault) *self)
{
	return mprotect(self->p + 4096, 4096, PROT_READ) ? -errno : 0;
}

static void make_move(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_attach(_metadata, self);
	self->to = free_range(BYTES);
}

static long move(FIXTURE_DATA(fault) *self)
{
	if (mremap(self->p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, self->to) == MAP_FAILED)
		return -errno;
	self->p = self->to;
	return 0;
}

static void touch_attach(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_attach(_metadata, self);
	EXPECT_EQ(0, madvise(self->p, BYTES, MADV_POPULATE_WRITE));
}

static long punch(FIXTURE_DATA(fault) *self)
{
	return madvise(self->p, 4096, MADV_REMOVE) ? -errno : 0;
}

static long fork_and_wait(FIXTURE_DATA(fault) *self)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	while (waitpid(pid, &status, 0) != pid)
		;
	return 0;
}

TEST_F_TIMEOUT(fault, attach, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("first attach", make_segment, attach_made, detach_and_remove),
		OPERATION("first attach to read", make_segment, attach_read_only,
			  detach_and_remove),
		OPERATION("attach to execute", make_segment, attach_executable, detach_and_remove),
		OPERATION("attach, populated", make_segment, attach_populated, detach_and_remove),
		OPERATION("attach at an address", make_range, attach_fixed, detach_and_remove),
		/* What was there may be gone, as with mmap(2). */
		OPERATION("attach over another", make_attach, attach_over, detach_and_remove,
			  .partial = true),
		OPERATION("attach again", NULL, attach_again, detach_made),
	};

	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(_metadata, self, &operations[i]);
}

TEST_F_TIMEOUT(fault, mappings, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("detach", make_attach, detach, remove_made),
		OPERATION("detach of three parts", make_split_attach, detach, remove_made,
			  .partial = true),
		OPERATION("detach of two pieces", make_attach_in_pieces, detach, remove_made,
			  .partial = true),
		OPERATION("munmap in the middle", make_attach, unmap_middle, detach_and_remove,
			  .partial = true),
		OPERATION("mprotect in the middle", make_attach, protect_middle, detach_and_remove,
			  .partial = true),
		OPERATION("mremap", make_move, move, detach_and_remove),
		OPERATION("MADV_REMOVE", touch_attach, punch, detach_and_remove),
		OPERATION("fork", make_attach_in_pieces, fork_and_wait, detach_and_remove,
			  .also = EAGAIN),
	};

	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(_metadata, self, &operations[i]);
}

/* The other commands */

static long version(FIXTURE_DATA(fault) *self)
{
	struct xshm_version arg = { .size = sizeof(arg) };

	return raw(device(), XSHM_IOC_VERSION, &arg);
}

static long stat_short(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_STAT, self->keyed, self->buf, XSHM_DS_SIZE_SYSV);
}

static long stat_long(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_STAT, self->keyed, self->buf, sizeof(struct xshm_ds));
}

static long limits(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_LIMITS, 0, self->buf, sizeof(struct xshm_limits));
}

static long usage(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_USAGE, 0, self->buf, sizeof(struct xshm_usage));
}

static long set(FIXTURE_DATA(fault) *self)
{
	struct xshm_ds ds = { .uid = 1, .gid = 2, .mode = 0644 };

	return raw_control(XSHM_IOC_SET, self->id, &ds, sizeof(ds));
}

static long lock(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_LOCK, self->id, NULL, 0);
}

static long unlock(FIXTURE_DATA(fault) *self)
{
	return raw_control(XSHM_IOC_UNLOCK, self->id, NULL, 0);
}

static void make_locked(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_segment(_metadata, self);
	EXPECT_EQ(0, lock(self));
}

static long remove_made_segment(FIXTURE_DATA(fault) *self)
{
	return raw_remove(self->id);
}

TEST_F_TIMEOUT(fault, control, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("version", NULL, version, NULL),
		OPERATION("stat", NULL, stat_short, NULL),
		OPERATION("stat, extended", NULL, stat_long, NULL),
		OPERATION("limits", NULL, limits, NULL),
		OPERATION("usage", NULL, usage, NULL),
		OPERATION("set", make_segment, set, remove_made),
		OPERATION("lock", make_segment, lock, remove_made),
		OPERATION("unlock", make_locked, unlock, remove_made),
		OPERATION("remove", make_segment, remove_made_segment, NULL),
		OPERATION("remove while locked", make_locked, remove_made_segment, NULL),
	};

	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(_metadata, self, &operations[i]);
}

/*
 * Over the last attach of the same segment, which ends with it: it is replaced, still
 * there, or detached for good. Never unmapped and left, nor mapped and gone.
 */
TEST_F_TIMEOUT(fault, attach_over_the_last, SWEEP_SECONDS)
{
	int nth, refused = 0;
	bool fired = true;

	for (nth = 1; fired && nth < MAX_FAULTS && _metadata->exit_code == KSFT_PASS; nth++) {
		struct xshm_ds ds;
		bool mapped;
		long result;

		ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 0));
		make_attach(_metadata, self);
		ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
		fault_arm(nth);
		result = attach_over(self);
		fired = fault_disarm();
		refused += result < 0;
		EXPECT_EQ(fired ? result : (long)self->p, result);
		mapped = is_mapped(self->p);
		EXPECT_EQ(mapped ? 0 : -EINVAL, raw_stat(self->id, &ds)) TH_LOG("fault %d", nth);
		if (!mapped)
			continue;
		EXPECT_EQ(1, ds.nattch);
		EXPECT_EQ(0, raw_detach(self->p));
		EXPECT_EQ(-EINVAL, raw_stat(self->id, &ds)) TH_LOG("fault %d", nth);
	}
	EXPECT_FALSE(fired);
	EXPECT_LT(0, refused);
	EXPECT_EQ(0, set_sysctl("shm_rmid_forced", 0));
	sums->operations++;
	sums->faults += nth - 2;
	sums->refused += refused;
}

TEST_SUM_OF_FAULTS

TEST_HARNESS_MAIN
