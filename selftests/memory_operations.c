// SPDX-License-Identifier: GPL-2.0
/* Operations on parts of an attach: holes, moves, locks, policies, faults by hand. */
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "counters.h"
#include "raw.h"

#define BYTES	(8 * MIB)

FIXTURE(memory_operations) {
	int id;
	char *p;
};

BOTH_BACKENDS(memory_operations);

FIXTURE_SETUP(memory_operations)
{
	self->id = -1;
	USE_BACKEND(variant->backend);
	self->id = GET(IPC_PRIVATE, BYTES, 0600);
	self->p = ATTACH(self->id, 0);
}

FIXTURE_TEARDOWN(memory_operations)
{
	if (self->id >= 0)
		EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

static unsigned long resident_bytes(void)
{
	struct shm_info info = { .shm_rss = 12345 };

	return ctl(0, SHM_INFO, &info) < 0 ? 0 : info.shm_rss * 4096;
}

TEST_F(memory_operations, hole_in_a_huge_page)
{
	touch(self->p, BYTES);
	EXPECT_EQ(BYTES, resident_bytes());
	ASSERT_EQ(0, madvise(self->p + HUGE_2M + 4096, 8192, MADV_REMOVE));
	EXPECT_TRUE(all_bytes(self->p + HUGE_2M + 4096, 8192, 0));
	EXPECT_EQ(-1, check_touched(self->p, HUGE_2M + 4096));
	for (size_t i = HUGE_2M + 3 * 4096; i < BYTES; i += 4096)
		ASSERT_EQ((char)(1 + i / 4096 % 100), self->p[i]);
	ASSERT_EQ(0, madvise(self->p + 2 * HUGE_2M, HUGE_2M, MADV_REMOVE));
	EXPECT_GE(BYTES - HUGE_2M, resident_bytes());
	EXPECT_TRUE(all_bytes(self->p + 2 * HUGE_2M, HUGE_2M, 0));
	/* Seen the same by everyone. */
	IN_CHILD {
		char *q = ATTACH(self->id, SHM_RDONLY);

		EXPECT_TRUE(all_bytes(q + 2 * HUGE_2M, HUGE_2M, 0));
		EXPECT_EQ(-1, check_touched(q, HUGE_2M));
	}
	ASSERT_EQ(0, madvise(self->p, BYTES, MADV_REMOVE));
	EXPECT_EQ(0, resident_bytes());
}

TEST_F(memory_operations, advice_that_changes_nothing)
{
	static const int advices[] = { MADV_DONTNEED, MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,
				       MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
				       MADV_DONTDUMP, MADV_DODUMP, 20 /* MADV_COLD */ };

	touch(self->p, BYTES);
	for (unsigned int i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		/* PREEMPT_RT has no transparent huge pages. */
		if ((advices[i] == MADV_HUGEPAGE || advices[i] == MADV_NOHUGEPAGE) &&
		    access("/sys/kernel/mm/transparent_hugepage", F_OK))
			continue;
		EXPECT_EQ(0, madvise(self->p, BYTES, advices[i])) {
			TH_LOG("advice %d: %s", advices[i], strerror(errno));
		}
		EXPECT_EQ(-1, check_touched(self->p, BYTES));
		EXPECT_EQ(BYTES, resident_bytes());
	}
	EXPECT_EQ(0, msync(self->p, BYTES, MS_SYNC));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(memory_operations, unmapped_within_a_huge_page)
{
	touch(self->p, BYTES);
	ASSERT_EQ(0, munmap(self->p + HUGE_2M + 4096, 4096));
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(-1, check_touched(self->p, HUGE_2M + 4096));
	EXPECT_EQ(BYTES, resident_bytes());
	ASSERT_EQ(0, mprotect(self->p, 4096, PROT_READ));
	EXPECT_EQ(3, NATTCH(self->id));
	ASSERT_EQ(0, dt(self->p));
	EXPECT_EQ(0, NATTCH(self->id));
	self->p = ATTACH(self->id, 0);
	EXPECT_EQ(-1, check_touched(self->p, BYTES));
}

TEST_F(memory_operations, moved_by_mremap)
{
	char *range, *q;

	touch(self->p, BYTES);
	range = free_range(BYTES + HUGE_2M);
	/* To where no huge page fits. */
	q = mremap(self->p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, range + 4096);
	ASSERT_EQ(range + 4096, q);
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(-1, check_touched(q, BYTES));
	EXPECT_EQ(-EINVAL, dt(self->p));
	/* In two parts. */
	range = free_range(BYTES);
	ASSERT_EQ(range, mremap(q, HUGE_2M, HUGE_2M, MREMAP_MAYMOVE | MREMAP_FIXED, range));
	EXPECT_EQ(2, NATTCH(self->id));
	EXPECT_EQ(-1, check_touched(range, HUGE_2M));
	EXPECT_EQ(0, dt(range));
	EXPECT_EQ(1, NATTCH(self->id));
	EXPECT_EQ(0, munmap(q + HUGE_2M, BYTES - HUGE_2M));
	EXPECT_EQ(0, NATTCH(self->id));
}

TEST_F(memory_operations, fork_while_huge)
{
	touch(self->p, BYTES);
	IN_CHILD {
		EXPECT_EQ(2, NATTCH(self->id));
		EXPECT_EQ(-1, check_touched(self->p, BYTES));
		self->p[HUGE_2M + 7] = 'c';
		EXPECT_EQ(0, munmap(self->p, 4096));
		EXPECT_EQ(2, NATTCH(self->id));
	}
	EXPECT_EQ('c', self->p[HUGE_2M + 7]);
	EXPECT_EQ(-1, check_touched(self->p, BYTES));
	EXPECT_EQ(1, NATTCH(self->id));
}

TEST_F(memory_operations, mlock_and_its_limit)
{
	struct rlimit limit = { MIB, MIB };

	ASSERT_EQ(0, mlock(self->p, 4096));
	EXPECT_EQ(4, smaps(self->p, "Locked"));
	EXPECT_EQ(2, NATTCH(self->id));
	ASSERT_EQ(0, munlock(self->p, 4096));
	ASSERT_EQ(0, mlock(self->p, BYTES));
	EXPECT_EQ(BYTES, resident_bytes());
	EXPECT_EQ((long)(BYTES / KIB), status_field("VmLck"));
	ASSERT_EQ(0, munlock(self->p, BYTES));
	EXPECT_EQ(0, status_field("VmLck"));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	struct shmid_ds ds = STAT(self->id);

	ds.shm_perm.uid = USER;
	ASSERT_EQ(0, ctl(self->id, IPC_SET, &ds));
	AS_USER(USER, GROUP) {
		char *q = ATTACH(self->id, 0);

		EXPECT_EQ(-1, mlock(q, BYTES));
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_EQ(0, mlock(q, MIB));
		EXPECT_EQ(0, munlock(q, MIB));
	}
}

static long mbind_(void *p, size_t size, int mode, unsigned long nodes, unsigned int flags)
{
	return syscall(SYS_mbind, p, size, mode, &nodes, 8 * sizeof(nodes), flags);
}

static int policy_of(void *p)
{
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, p, MPOL_F_ADDR))
		return -errno;
	return mode;
}

/* A policy belongs to the memory: whoever attaches has it. */
TEST_F(memory_operations, mbind)
{
	char *q;

	if (policy_of(self->p) == -ENOSYS)
		SKIP(return, "this kernel has no NUMA policies");
	EXPECT_EQ(MPOL_DEFAULT, policy_of(self->p));
	ASSERT_EQ(0, mbind_(self->p, HUGE_2M, MPOL_BIND, 1, 0));
	EXPECT_EQ(MPOL_BIND, policy_of(self->p));
	EXPECT_EQ(MPOL_BIND, policy_of(self->p + HUGE_2M - 1));
	EXPECT_EQ(MPOL_DEFAULT, policy_of(self->p + HUGE_2M));
	EXPECT_EQ(2, NATTCH(self->id));
	q = ATTACH(self->id, 0);
	EXPECT_EQ(MPOL_BIND, policy_of(q));
	EXPECT_EQ(MPOL_DEFAULT, policy_of(q + HUGE_2M));
	IN_CHILD {
		EXPECT_EQ(MPOL_BIND, policy_of(ATTACH(self->id, SHM_RDONLY)));
	}
	touch(q, BYTES);
	EXPECT_EQ(-1, check_touched(self->p, BYTES));
	ASSERT_EQ(0, mbind_(self->p, BYTES, MPOL_INTERLEAVE, 1, MPOL_MF_MOVE));
	EXPECT_EQ(MPOL_INTERLEAVE, policy_of(q + HUGE_2M));
	ASSERT_EQ(0, mbind_(self->p, BYTES, MPOL_DEFAULT, 0, 0));
	EXPECT_EQ(MPOL_DEFAULT, policy_of(q));
	EXPECT_EQ(0, dt(q));
}

/* Registers for missing pages; a thread gives each the letter u. */
struct handler {
	int fd;
	size_t page;
};

static void *handle(void *arg)
{
	struct handler *h = arg;
	char *content = mmap(NULL, h->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	struct uffd_msg msg;

	memset(content, 'u', h->page);
	if (read(h->fd, &msg, sizeof(msg)) == sizeof(msg) && msg.event == UFFD_EVENT_PAGEFAULT) {
		struct uffdio_copy copy = {
			.dst = msg.arg.pagefault.address & ~(h->page - 1),
			.src = (uintptr_t)content, .len = h->page,
		};

		ioctl(h->fd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

/* A missing page is filled by the handler. Returns 0, or the errno of the registration. */
static int userfault(struct __test_metadata *_metadata, char *p, size_t bytes, size_t page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)p, .len = bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct handler h = { .page = page };
	pthread_t thread;

	h.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	ASSERT_LE(0, h.fd);
	ASSERT_EQ(0, ioctl(h.fd, UFFDIO_API, &api));
	if (ioctl(h.fd, UFFDIO_REGISTER, &reg)) {
		close(h.fd);
		return errno;
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, handle, &h));
	EXPECT_EQ('u', p[page + 5]);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ('u', p[2 * page - 1]);
	close(h.fd);
	EXPECT_EQ(0, p[0]);
	return 0;
}

/*
 * Before 7.x the kernel knows whose mappings it can serve: an ordinary attach of
 * either kind is refused, one of the pool is taken. Since then it asks the
 * mapping's operations, which xshm takes over from the backing, and System V
 * does not.
 */
TEST_F_TIMEOUT(memory_operations, userfaultfd, 90)
{
	long pool = pool_of(HUGE_2M).total;
	int id, small, huge, fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	bool asks;
	char *p;

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	close(fd);
	id = GET(IPC_PRIVATE, 16 * 4096, SHM_NORESERVE | 0600);
	p = ATTACH(id, 0);
	small = userfault(_metadata, p, 16 * 4096, 4096);
	ASSERT_EQ(0, dt(p));
	if (!small) {
		/* What can't be written can't be filled. */
		p = ATTACH(id, SHM_RDONLY);
		EXPECT_EQ(EPERM, userfault(_metadata, p, 16 * 4096, 4096));
		ASSERT_EQ(0, dt(p));
	}
	REMOVE(id);
	if (set_pool(HUGE_2M, 2) < 2)
		SKIP(return, "no huge pages of 2 MB can be had");
	id = GET(IPC_PRIVATE, 2 * HUGE_2M, SHM_HUGETLB | 0600);
	p = ATTACH(id, 0);
	huge = userfault(_metadata, p, 2 * HUGE_2M, HUGE_2M);
	EXPECT_EQ(0, dt(p));
	REMOVE(id);
	EXPECT_EQ(2, pool_of(HUGE_2M).free);
	set_pool(HUGE_2M, pool);

	asks = on_xshm() ? !small : huge;
	EXPECT_EQ(asks && on_xshm() ? 0 : EINVAL, small);
	EXPECT_EQ(asks && !on_xshm() ? EINVAL : 0, huge);
}

/* Everything there is about sizes stays as it is made: memory past the end is no memory. */
TEST_F(memory_operations, past_the_end)
{
	int id = GET(IPC_PRIVATE, 5000, 0600), status;
	char *p = ATTACH(id, 0), *q;
	pid_t pid;

	p[8191] = 'x';
	q = mremap(p, 8192, 16384, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, (void *)q);
	EXPECT_EQ('x', q[8191]);
	pid = fork();
	if (pid == 0) {
		q[8192] = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	EXPECT_EQ(0, dt(q));
	REMOVE(id);
}

TEST_HARNESS_MAIN
