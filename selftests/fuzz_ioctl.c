// SPDX-License-Identifier: GPL-2.0
/*
 * Random and mutated commands, from two processes with different rights on the
 * same segments, with arguments and buffers in all kinds of memory, while a
 * thread of each takes part of that memory away and gives it back.
 *
 * XSHM_FUZZ_OPS	commands of each process (10000)
 * XSHM_SEED		seed (random; it is printed)
 */
#include <pthread.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/uio.h>

#include "counters.h"
#include "raw.h"

#define COMMANDS	11
#define IDS		64
#define ARENA_BYTES	(64 * MIB)
#define SEGMENT_BYTES	(16 * MIB)
#define SPOT_BYTES	(4 * 4096UL)

union argument {
	__u32 size;
	struct xshm_version version;
	struct xshm_get get;
	struct xshm_attach attach;
	struct xshm_detach detach;
	struct xshm_control control;
	unsigned char bytes[4096 + 64];
};

static const __u32 argument_size[COMMANDS] = {
	sizeof(struct xshm_version), sizeof(struct xshm_get), sizeof(struct xshm_attach),
	sizeof(struct xshm_detach), sizeof(struct xshm_control), sizeof(struct xshm_control),
	sizeof(struct xshm_control), sizeof(struct xshm_control), sizeof(struct xshm_control),
	sizeof(struct xshm_control), sizeof(struct xshm_control),
};

/* What the processes share. */
static struct shared {
	int ids[IDS];
	unsigned long done[COMMANDS + 1];
	unsigned long worked[COMMANDS + 1];
	unsigned long refused[256];
} *shared;

/* Of one process. */
struct fuzzer {
	uint64_t random;
	int fd;
	/* Where attaches are put: nothing else is there. */
	char *arena;
	/* Pages for arguments and buffers, some of which come and go. */
	char *steady;
	char *racing;
	char *racing_attach;
	char *read_only;
	char *gone;
	volatile bool stop;
	/* Attaches, for detaching, and for arguments inside them. */
	char *attaches[IDS];
};

/* xorshift64*: the same sequence everywhere. */
static uint64_t next(struct fuzzer *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * 0x2545f4914f6cdd1dULL;
}

static unsigned long below(struct fuzzer *f, unsigned long n)
{
	return (next(f) >> 16) % n;
}

static bool one_in(struct fuzzer *f, unsigned long n)
{
	return below(f, n) == 0;
}

static uint64_t odd_number(struct fuzzer *f)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 4095, 4096, 4097, INT32_MAX, 1ULL << 31, UINT32_MAX, 1ULL << 32,
		1ULL << 46, 1ULL << 47, (1ULL << 47) - 4096, 1ULL << 62, INT64_MAX, 1ULL << 63,
		-1ULL, -4096ULL, -4097ULL, 0xffff888000000000ULL, 0x0123456789abcdefULL,
	};

	if (one_in(f, 3))
		return next(f) >> below(f, 64);
	return numbers[below(f, sizeof(numbers) / sizeof(numbers[0]))];
}

static int some_id(struct fuzzer *f)
{
	if (one_in(f, 12))
		return odd_number(f);
	return shared->ids[below(f, IDS)];
}

static uint64_t some_bytes(struct fuzzer *f)
{
	if (one_in(f, 10))
		return odd_number(f);
	return one_in(f, 5) ? below(f, 4 * MIB) : 1 + below(f, 8 * 4096);
}

static __u32 some_flags(struct fuzzer *f, __u32 known)
{
	__u32 flags = next(f) & next(f) & known;

	return one_in(f, 20) ? flags | 1U << below(f, 32) : flags;
}

static uint64_t place(struct fuzzer *f)
{
	uint64_t at = (uintptr_t)f->arena + below(f, ARENA_BYTES / 4096) * 4096;

	if (one_in(f, 8))
		at += below(f, 4096);
	return at;
}

/* A spot of some bytes for an argument or a buffer, readable or not. */
static char *some_spot(struct fuzzer *f, unsigned long bytes)
{
	switch (below(f, 12)) {
	case 0:
		/* Up to the end of what is mapped, or past it. */
		return f->steady + SPOT_BYTES - bytes + (one_in(f, 2) ? below(f, bytes + 1) : 0);
	case 1:
		return f->read_only + below(f, SPOT_BYTES - bytes);
	case 2:
		return f->gone + below(f, SPOT_BYTES);
	case 3:
		return (char *)odd_number(f);
	case 4: {
		char *attach = f->attaches[below(f, IDS)];

		return attach ? attach + below(f, 4096) : f->steady;
	}
	case 5:
	case 6:
	case 7:
		return f->racing + below(f, SPOT_BYTES);
	default:
		return f->steady + below(f, SPOT_BYTES - bytes);
	}
}

/*
 * Where an attach's argument lies. In memory that others write to, or that can't be
 * written to at the moment, may be parts of other arguments, and an address and
 * XSHM_REMAP among them would replace what belongs to the program. So attaches have
 * places of their own in memory that comes and goes, where nothing is replaced.
 */
static char *attach_spot(struct fuzzer *f, union argument *arg)
{
	switch (below(f, 12)) {
	case 0:
		return f->steady + SPOT_BYTES - 64 + below(f, 65);
	case 1:
		return f->read_only + below(f, SPOT_BYTES - 64);
	case 2:
		return f->gone + below(f, SPOT_BYTES);
	case 3:
		return (char *)odd_number(f);
	case 4:
	case 5:
	case 6:
	case 7:
		arg->attach.shmflg &= ~XSHM_REMAP;
		return f->racing_attach + below(f, SPOT_BYTES / 64) * 64;
	default:
		return f->steady + below(f, SPOT_BYTES - 64);
	}
}

/* Fills in an argument that would mostly work; some fields of it are odd. */
static void make_argument(struct fuzzer *f, unsigned int nr, union argument *arg)
{
	__u64 buf;

	memset(arg, 0, sizeof(*arg));
	switch (nr) {
	case _IOC_NR(XSHM_IOC_GET):
		arg->get.key = one_in(f, 2) ? 0 : (int)(KEY + below(f, 16));
		arg->get.bytes = some_bytes(f);
		arg->get.shmflg = one_in(f, 10) ? next(f) : XSHM_CREAT | below(f, 01000) |
			(one_in(f, 2) ? 0600 : 0666) |
			some_flags(f, XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE);
		arg->get.options = one_in(f, 3) ? some_flags(f, 0x1f) : 0;
		break;
	case _IOC_NR(XSHM_IOC_ATTACH):
		arg->attach.id = some_id(f);
		arg->attach.addr = one_in(f, 2) ? place(f) : one_in(f, 8) ? odd_number(f) : 0;
		arg->attach.shmflg = one_in(f, 2) ? 0 :
			some_flags(f, XSHM_RDONLY | XSHM_RND | XSHM_REMAP | XSHM_EXEC);
		arg->attach.options = some_flags(f, 1);
		/* Not over the program itself. */
		if (arg->attach.addr - (uintptr_t)f->arena >= ARENA_BYTES - SEGMENT_BYTES)
			arg->attach.shmflg &= ~(XSHM_REMAP | XSHM_RND);
		break;
	case _IOC_NR(XSHM_IOC_DETACH):
		arg->detach.addr = one_in(f, 10) ? odd_number(f) : one_in(f, 4) ? place(f) :
			(uintptr_t)f->attaches[below(f, IDS)];
		arg->detach.reserved = one_in(f, 40);
		break;
	case _IOC_NR(XSHM_IOC_VERSION):
		break;
	default:
		arg->control.id = some_id(f);
		if (nr == _IOC_NR(XSHM_IOC_STAT) && one_in(f, 2)) {
			arg->control.select = one_in(f, 8) ? next(f) : 1 + below(f, 2);
			arg->control.id = below(f, 80);
		}
		if ((nr != _IOC_NR(XSHM_IOC_REMOVE) && nr != _IOC_NR(XSHM_IOC_LOCK) &&
		     nr != _IOC_NR(XSHM_IOC_UNLOCK)) || one_in(f, 16)) {
			arg->control.buf_size = one_in(f, 8) ? odd_number(f) :
				48 + below(f, 300);
			arg->control.buf = (uintptr_t)some_spot(f, 348);
		}
	}
	arg->size = nr < COMMANDS ? argument_size[nr] : 24;
	if (one_in(f, 8)) {
		static const __u32 sizes[] = { 0, 1, 3, 4, 8, 12, 16, 20, 23, 32, 40, 4096,
					       4097, INT32_MAX, UINT32_MAX };

		arg->size = sizes[below(f, sizeof(sizes) / sizeof(sizes[0]))];
	}
	buf = arg->control.buf;
	while (one_in(f, 6))
		arg->bytes[4 + below(f, 60)] ^= 1 << below(f, 8);
	/* One bit away from our buffers are a thread's stack and the C library's data. */
	if (nr >= _IOC_NR(XSHM_IOC_STAT) && nr < COMMANDS)
		arg->control.buf = buf;
	/* A bit that was flipped may have undone what is said above. */
	if (nr == _IOC_NR(XSHM_IOC_ATTACH) &&
	    arg->attach.addr - (uintptr_t)f->arena >= ARENA_BYTES - SEGMENT_BYTES)
		arg->attach.shmflg &= ~(XSHM_REMAP | XSHM_RND);
}

/* Any of the memory may be away just now, so it is written to like another process's. */
static bool write_spot(char *to, const void *from, size_t bytes)
{
	struct iovec local = { .iov_base = (void *)from, .iov_len = bytes };
	struct iovec remote = { .iov_base = to, .iov_len = bytes };

	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) > 0;
}

static bool read_spot(void *to, char *from, size_t bytes)
{
	struct iovec local = { .iov_base = to, .iov_len = bytes };
	struct iovec remote = { .iov_base = from, .iov_len = bytes };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

/* An errno that no command may give is a bug. */
static bool is_documented(long err)
{
	static const int known[] = {
		E2BIG, EACCES, EEXIST, EFAULT, EIDRM, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC,
		ENOTTY, EPERM,
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (err == known[i])
			return true;
	return false;
}

static void one_command(struct fuzzer *f)
{
	unsigned int nr = one_in(f, 30) ? below(f, 256) : below(f, COMMANDS);
	unsigned int command = _IO(XSHM_IOC_MAGIC, nr);
	unsigned int counted = nr < COMMANDS ? nr : COMMANDS;
	union argument arg;
	char *spot;
	long ret;

	/* GET and ATTACH more often: they make what the others work on. */
	if (nr < COMMANDS && one_in(f, 4))
		command = one_in(f, 2) ? XSHM_IOC_GET : XSHM_IOC_ATTACH;
	if (one_in(f, 50))
		command ^= 1U << below(f, 32);
	nr = _IOC_NR(command);
	counted = command == _IO(XSHM_IOC_MAGIC, nr) && nr < COMMANDS ? nr : COMMANDS;

	make_argument(f, nr, &arg);
	spot = nr == _IOC_NR(XSHM_IOC_ATTACH) ? attach_spot(f, &arg) : some_spot(f, 64);
	write_spot(spot, &arg, arg.size > 64 && arg.size <= SPOT_BYTES && one_in(f, 2) ?
		   arg.size : 64);
	ret = ioctl(f->fd, command, spot);
	if (ret < 0)
		ret = -errno;
	__atomic_fetch_add(&shared->done[counted], 1, __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_fetch_add(&shared->worked[counted], 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&shared->refused[-ret & 255], 1, __ATOMIC_RELAXED);
	if (ret < 0 && counted < COMMANDS && !is_documented(-ret)) {
		printf("# command %u gave %s: ", nr, strerror(-ret));
		for (int i = 0; i < 32; i++)
			printf("%02x%s", arg.bytes[i], i % 4 == 3 ? " " : "");
		printf("\n");
		exit(3);
	}
	if (ret < 0)
		return;
	if (counted == _IOC_NR(XSHM_IOC_GET))
		shared->ids[below(f, IDS)] = ret;
	if (counted == _IOC_NR(XSHM_IOC_ATTACH) &&
	    read_spot(&arg, spot, sizeof(struct xshm_attach)))
		f->attaches[below(f, IDS)] = (char *)(uintptr_t)arg.attach.addr;
}

/* Other things that happen to attaches. */
static void something_else(struct fuzzer *f)
{
	char *p = f->attaches[below(f, IDS)];
	char *in_arena = f->arena + below(f, ARENA_BYTES / 4096 - 4) * 4096;

	switch (below(f, 6)) {
	case 0:
		munmap(in_arena, 4096 << below(f, 3));
		break;
	case 1:
		mprotect(in_arena, 4096 << below(f, 3), one_in(f, 2) ? PROT_READ :
			 PROT_READ | PROT_WRITE);
		break;
	case 2:
		if (p)
			madvise(p, 4096, MADV_POPULATE_WRITE);
		break;
	case 3:
		if (p)
			madvise(p, 4096, MADV_REMOVE);
		break;
	case 4:
		/* Nothing is left in the arena, whosoever it was. */
		if (one_in(f, 10))
			munmap(f->arena, ARENA_BYTES);
		break;
	case 5:
		if (one_in(f, 4)) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
	}
}

static void *take_away(void *data)
{
	struct fuzzer *f = data;
	unsigned int n = 0;

	while (!f->stop) {
		char *p = (n / 4 % 2 ? f->racing_attach : f->racing) + n % 4 * 4096;

		switch (n++ % 7) {
		case 0:
			munmap(p, 4096);
			break;
		case 1:
			mprotect(p, 4096, PROT_NONE);
			break;
		case 2:
			mprotect(p, 4096, PROT_READ);
			break;
		case 3:
			madvise(p, 4096, MADV_DONTNEED);
			break;
		default:
			mmap(p, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		}
		if (n % 4 == 0)
			usleep(20);
	}
	return NULL;
}

static char *spot_pages(int prot)
{
	char *p = mmap(NULL, SPOT_BYTES + 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + SPOT_BYTES, 4096, PROT_NONE))
		abort();
	return p;
}

static void fuzz(uint64_t seed, unsigned long operations)
{
	struct fuzzer f = { .random = seed ?: 1 };
	pthread_t thread;

	f.fd = open("/dev/xshm", O_RDWR | O_CLOEXEC);
	f.steady = spot_pages(PROT_READ | PROT_WRITE);
	f.racing = spot_pages(PROT_READ | PROT_WRITE);
	f.racing_attach = spot_pages(PROT_READ | PROT_WRITE);
	f.read_only = spot_pages(PROT_READ);
	f.gone = spot_pages(PROT_NONE);
	if (f.fd < 0 || pthread_create(&thread, NULL, take_away, &f))
		exit(2);
	/* Below the stack of the thread, then. */
	f.arena = free_range(ARENA_BYTES);
	while (operations--) {
		one_command(&f);
		if (one_in(&f, 10))
			something_else(&f);
	}
	f.stop = true;
	pthread_join(thread, NULL);
}

FIXTURE(fuzz) {
	struct pool pool;
	uint64_t seed;
	unsigned long operations;
};

FIXTURE_SETUP(fuzz)
{
	const char *seed = getenv("XSHM_SEED"), *operations = getenv("XSHM_FUZZ_OPS");

	USE_BACKEND(&xshm);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)shared);
	if (seed)
		self->seed = strtoull(seed, NULL, 0);
	else
		ASSERT_EQ(8, getrandom(&self->seed, 8, 0));
	self->operations = operations ? strtoul(operations, NULL, 0) : 10000;
	self->pool = pool_of(HUGE_2M);
	/* What a segment may take from the machine is little. */
	ASSERT_EQ(0, set_sysctl("shmall", SEGMENT_BYTES / 4096));
	ASSERT_EQ(0, set_sysctl("shmmni", 2 * IDS));
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F_TIMEOUT(fuzz, commands, 1800)
{
	struct xshm_usage usage;
	struct xshm_ds ds;
	unsigned long done = 0, worked = 0;
	pid_t pids[2];
	char table[4096];
	int highest, fd, id;

	TH_LOG("XSHM_SEED=%#llx", (unsigned long long)self->seed);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i] == 0) {
			if (i == 1)
				become(USER, GROUP);
			fuzz(self->seed + i, self->operations);
			exit(0);
		}
	}
	for (int i = 0; i < 2; i++) {
		int status;

		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("process %d", i);
	}
	for (int i = 0; i <= COMMANDS; i++) {
		done += shared->done[i];
		worked += shared->worked[i];
		/* Commands that are always refused show little. */
		if (i < COMMANDS)
			EXPECT_LT(self->operations / 400, shared->worked[i])
				TH_LOG("command %d worked too seldom", i);
	}
	EXPECT_LE(2 * self->operations, done);
	printf("# counted: %lu random commands, of which %lu worked\n", done, worked);

	/* Nobody is attached any more, and all can be removed. */
	highest = raw_control(XSHM_IOC_USAGE, 0, &usage, sizeof(usage));
	ASSERT_LE(0, highest);
	for (int i = 0; i <= highest; i++) {
		struct xshm_control arg = {
			.size = sizeof(arg), .id = i, .select = XSHM_SELECT_INDEX_ANY,
			.buf = (uintptr_t)&ds, .buf_size = sizeof(ds),
		};

		id = raw(device(), XSHM_IOC_STAT, &arg);
		if (id < 0)
			continue;
		EXPECT_EQ(0, ds.nattch);
		EXPECT_EQ(0, ds.mode & XSHM_DEST);
		EXPECT_EQ(0, raw_remove(id));
	}
	memset(&usage, POISON, sizeof(usage));
	EXPECT_EQ(0, raw_control(XSHM_IOC_USAGE, 0, &usage, sizeof(usage)));
	EXPECT_EQ(0, usage.used_ids);
	EXPECT_EQ(0, usage.shm_tot);
	EXPECT_EQ(0, usage.shm_rss);
	EXPECT_EQ(0, usage.shm_swp);
	EXPECT_EQ(0, usage.huge);
	EXPECT_EQ(0, usage.locked);
	fd = open("/proc/xshm", O_RDONLY);
	ASSERT_LE(0, fd);
	memset(table, 0, sizeof(table));
	ASSERT_LT(0, read(fd, table, sizeof(table) - 1));
	close(fd);
	EXPECT_EQ(table + strlen(table) - 1, strchr(table, '\n'));
	/* The whole of shmall, of the user's locked memory, and of the pool is there again. */
	id = raw_get(IPC_PRIVATE, SEGMENT_BYTES, 0600, 0);
	ASSERT_LE(0, id);
	EXPECT_EQ(0, raw_remove(id));
	AS_USER(USER, GROUP) {
		struct rlimit limit = { .rlim_cur = 8 * 4096, .rlim_max = 8 * 4096 };

		id = raw_get(IPC_PRIVATE, 8 * 4096, 0600, 0);
		ASSERT_LE(0, id);
		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
		EXPECT_EQ(0, raw_control(XSHM_IOC_LOCK, id, NULL, 0));
		EXPECT_EQ(0, raw_remove(id));
	}
	EXPECT_EQ(self->pool.reserved, pool_of(HUGE_2M).reserved);
	EXPECT_EQ(self->pool.free, pool_of(HUGE_2M).free);
}

TEST_HARNESS_MAIN
