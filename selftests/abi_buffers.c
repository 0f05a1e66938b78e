// SPDX-License-Identifier: GPL-2.0
/*
 * The buffers behind struct xshm_control, the descriptor of the device, and
 * the layout that both word sizes share.
 */
#include <limits.h>
#include <stddef.h>

#include "raw.h"

/* The layout is the same whatever the word size: these hold in both builds. */
#define OFFSET(type, field, offset)	\
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)
#define SIZE(type, bytes)		\
	_Static_assert(sizeof(struct type) == (bytes), #type)

OFFSET(xshm_version, abi, 4);
OFFSET(xshm_version, features, 8);
OFFSET(xshm_version, get_options, 16);
OFFSET(xshm_version, attach_options, 20);
SIZE(xshm_version, 24);
OFFSET(xshm_get, key, 4);
OFFSET(xshm_get, bytes, 8);
OFFSET(xshm_get, shmflg, 16);
OFFSET(xshm_get, options, 20);
SIZE(xshm_get, 24);
OFFSET(xshm_attach, id, 4);
OFFSET(xshm_attach, addr, 8);
OFFSET(xshm_attach, shmflg, 16);
OFFSET(xshm_attach, options, 20);
SIZE(xshm_attach, 24);
OFFSET(xshm_detach, reserved, 4);
OFFSET(xshm_detach, addr, 8);
SIZE(xshm_detach, 16);
OFFSET(xshm_control, id, 4);
OFFSET(xshm_control, select, 8);
OFFSET(xshm_control, buf_size, 12);
OFFSET(xshm_control, buf, 16);
SIZE(xshm_control, 24);
OFFSET(xshm_ds, mode, 20);
OFFSET(xshm_ds, seq, 24);
OFFSET(xshm_ds, reserved2, 32);
OFFSET(xshm_ds, segsz, 48);
OFFSET(xshm_ds, atime, 56);
OFFSET(xshm_ds, dtime, 64);
OFFSET(xshm_ds, ctime, 72);
OFFSET(xshm_ds, cpid, 80);
OFFSET(xshm_ds, lpid, 84);
OFFSET(xshm_ds, nattch, 88);
OFFSET(xshm_ds, reserved3, 96);
OFFSET(xshm_ds, id, XSHM_DS_SIZE_SYSV);
OFFSET(xshm_ds, attributes, 116);
OFFSET(xshm_ds, page_size, 120);
OFFSET(xshm_ds, dev_minor, 164);
SIZE(xshm_ds, 168);
OFFSET(xshm_limits, shmall, 32);
OFFSET(xshm_limits, user_segments, XSHM_LIMITS_SIZE_SYSV);
OFFSET(xshm_limits, user_bytes, 80);
OFFSET(xshm_limits, rmid_forced, 88);
OFFSET(xshm_limits, huge, 92);
OFFSET(xshm_limits, next_id, 96);
SIZE(xshm_limits, 104);
OFFSET(xshm_usage, shm_tot, 8);
OFFSET(xshm_usage, shm_swp, 24);
OFFSET(xshm_usage, huge, XSHM_USAGE_SIZE_SYSV);
SIZE(xshm_usage, 64);

#ifdef __x86_64__
/* What starts each buffer is the structure of shmctl(2) itself. */
#define SYSV(type, field, sysv_type, sysv_field)			\
	_Static_assert(offsetof(struct type, field) ==			\
		       offsetof(struct sysv_type, sysv_field), #type "." #field)
_Static_assert(sizeof(struct shmid_ds) == XSHM_DS_SIZE_SYSV, "struct shmid_ds");
_Static_assert(sizeof(struct shminfo) == XSHM_LIMITS_SIZE_SYSV, "struct shminfo");
_Static_assert(sizeof(struct shm_info) == XSHM_USAGE_SIZE_SYSV, "struct shm_info");
SYSV(xshm_ds, key, shmid_ds, shm_perm.__key);
SYSV(xshm_ds, uid, shmid_ds, shm_perm.uid);
SYSV(xshm_ds, cgid, shmid_ds, shm_perm.cgid);
SYSV(xshm_ds, mode, shmid_ds, shm_perm.mode);
SYSV(xshm_ds, seq, shmid_ds, shm_perm.__seq);
SYSV(xshm_ds, segsz, shmid_ds, shm_segsz);
SYSV(xshm_ds, atime, shmid_ds, shm_atime);
SYSV(xshm_ds, ctime, shmid_ds, shm_ctime);
SYSV(xshm_ds, cpid, shmid_ds, shm_cpid);
SYSV(xshm_ds, lpid, shmid_ds, shm_lpid);
SYSV(xshm_ds, nattch, shmid_ds, shm_nattch);
SYSV(xshm_limits, shmmax, shminfo, shmmax);
SYSV(xshm_limits, shmall, shminfo, shmall);
SYSV(xshm_usage, used_ids, shm_info, used_ids);
SYSV(xshm_usage, shm_tot, shm_info, shm_tot);
SYSV(xshm_usage, shm_rss, shm_info, shm_rss);
SYSV(xshm_usage, shm_swp, shm_info, shm_swp);
#endif

#define SEGMENT_BYTES	5000

FIXTURE(buffers) {
	int fd;
	int id;
	char *pages;
	long page_size;
};

FIXTURE_SETUP(buffers)
{
	self->page_size = pages(1);
	self->fd = -1;
	USE_BACKEND(&xshm);
	self->fd = device();
	ASSERT_LE(0, self->fd);
	self->id = RAW_GET(SEGMENT_BYTES, 0640, 0);
	self->pages = mmap(NULL, 2 * self->page_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->pages);
	ASSERT_EQ(0, mprotect(self->pages + self->page_size, self->page_size, PROT_NONE));
}

FIXTURE_TEARDOWN(buffers)
{
	if (self->fd >= 0)
		EXPECT_EQ(0, raw_remove(self->id));
}

static const struct output {
	const char *name;
	unsigned int number;
	__u32 least, known;
} outputs[] = {
	{ "STAT", XSHM_IOC_STAT, XSHM_DS_SIZE_SYSV, sizeof(struct xshm_ds) },
	{ "LIMITS", XSHM_IOC_LIMITS, XSHM_LIMITS_SIZE_SYSV, sizeof(struct xshm_limits) },
	{ "USAGE", XSHM_IOC_USAGE, XSHM_USAGE_SIZE_SYSV, sizeof(struct xshm_usage) },
};

#define OUTPUTS		(sizeof(outputs) / sizeof(outputs[0]))

/* Runs the command on a poisoned buffer that ends with the accessible memory. */
static int into(FIXTURE_DATA(buffers) *self, const struct output *out, __u32 bytes,
		unsigned char poison, unsigned char **buf)
{
	struct xshm_control c = { .size = sizeof(c), .id = self->id, .buf_size = bytes };

	memset(self->pages, poison, self->page_size);
	*buf = (unsigned char *)self->pages + self->page_size - bytes;
	c.buf = (uintptr_t)*buf;
	return raw(self->fd, out->number, &c);
}

TEST_F(buffers, too_small)
{
	for (unsigned int k = 0; k < OUTPUTS; k++) {
		for (__u32 bytes = 0; bytes < outputs[k].least; bytes++) {
			unsigned char *buf;

			EXPECT_EQ(-EINVAL, into(self, &outputs[k], bytes, POISON, &buf))
				TH_LOG("%s into %u bytes", outputs[k].name, bytes);
			for (__u32 i = 0; i < bytes; i++) {
				ASSERT_EQ(POISON, buf[i]) TH_LOG("%s wrote", outputs[k].name);
			}
		}
	}
}

/*
 * Every byte up to the end of the buffer or of what the module knows is
 * written, whatever was there, and none behind. Two poisons tell a byte that
 * was not written from one that happens to have that value.
 */
TEST_F(buffers, written_in_full_and_no_further)
{
	for (unsigned int k = 0; k < OUTPUTS; k++) {
		for (__u32 bytes = outputs[k].least; bytes <= outputs[k].known + 80; bytes++) {
			__u32 known = bytes < outputs[k].known ? bytes : outputs[k].known;
			unsigned char first[512], *buf;

			ASSERT_EQ(0, into(self, &outputs[k], bytes, POISON, &buf))
				TH_LOG("%s into %u bytes", outputs[k].name, bytes);
			ASSERT_EQ(POISON, buf[-1]);
			memcpy(first, buf, bytes);
			ASSERT_EQ(0, into(self, &outputs[k], bytes, (unsigned char)~POISON, &buf));
			for (__u32 i = 0; i < known; i++) {
				ASSERT_EQ(first[i], buf[i])
					TH_LOG("%s into %u bytes: byte %u was not written",
					       outputs[k].name, bytes, i);
			}
			for (__u32 i = known; i < bytes; i++) {
				ASSERT_EQ((unsigned char)~POISON, buf[i])
					TH_LOG("%s into %u bytes: byte %u was written",
					       outputs[k].name, bytes, i);
			}
		}
	}
}

TEST_F(buffers, huge_buffer_sizes)
{
	static const __u32 sizes[] = { 1U << 20, INT_MAX, 1U << 31, UINT_MAX };

	for (unsigned int k = 0; k < OUTPUTS; k++) {
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct xshm_control c = {
				.size = sizeof(c), .id = self->id, .buf_size = sizes[i],
				.buf = (uintptr_t)self->pages,
			};

			memset(self->pages, POISON, self->page_size);
			EXPECT_EQ(0, raw(self->fd, outputs[k].number, &c))
				TH_LOG("%s into %u bytes", outputs[k].name, sizes[i]);
			EXPECT_EQ((char)POISON, self->pages[outputs[k].known]);
		}
	}
}

TEST_F(buffers, reserved_fields_are_zero)
{
	union {
		struct xshm_ds ds;
		struct xshm_limits limits;
		struct xshm_usage usage;
	} out;
	struct xshm_control c = {
		.size = sizeof(c), .id = self->id, .buf = (uintptr_t)&out, .buf_size = sizeof(out),
	};

	memset(&out, POISON, sizeof(out));
	ASSERT_EQ(0, ioctl(self->fd, XSHM_IOC_STAT, &c));
	EXPECT_EQ(0, out.ds.reserved0);
	EXPECT_EQ(0, out.ds.reserved1);
	EXPECT_EQ(0, out.ds.reserved2[0]);
	EXPECT_EQ(0, out.ds.reserved2[1]);
	EXPECT_EQ(0, out.ds.reserved3[0]);
	EXPECT_EQ(0, out.ds.reserved3[1]);
	EXPECT_EQ(self->id, out.ds.id);
	EXPECT_EQ(self->id >> 15, out.ds.seq);
	EXPECT_EQ(SEGMENT_BYTES, out.ds.segsz);
	EXPECT_EQ(0640, out.ds.mode);
	EXPECT_EQ(self->page_size, out.ds.page_size);
	EXPECT_EQ(0, out.ds.resident);
	EXPECT_EQ(0, out.ds.swapped);
	EXPECT_EQ(0, out.ds.huge);
	EXPECT_EQ(0, out.ds.locked);
	EXPECT_EQ(getpid(), out.ds.cpid);
	memset(&out, POISON, sizeof(out));
	ASSERT_LE(0, ioctl(self->fd, XSHM_IOC_LIMITS, &c));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, out.limits.reserved[i]);
	EXPECT_EQ(1, out.limits.shmmin);
	EXPECT_EQ(out.limits.shmmni, out.limits.shmseg);
	EXPECT_GE(XSHM_HUGE_ADVISE, out.limits.huge);
	EXPECT_EQ(-1, out.limits.next_id);
	EXPECT_EQ(0, out.limits.reserved1);
	memset(&out, POISON, sizeof(out));
	ASSERT_LE(0, ioctl(self->fd, XSHM_IOC_USAGE, &c));
	EXPECT_EQ(0, out.usage.reserved);
	EXPECT_EQ(0, out.usage.swap_attempts);
	EXPECT_EQ(0, out.usage.swap_successes);
	EXPECT_LE(1, out.usage.used_ids);
}

TEST_F(buffers, bad_pointers)
{
	char *end = self->pages + self->page_size;
	const uint64_t bad[] = {
		0, 1, (uintptr_t)end, (uintptr_t)end - 1, (uintptr_t)end - 47, 1ULL << 63,
		-1ULL, -4096ULL, 0xffff888000000000ULL, 1ULL << 47, 0x0123456789abcdefULL,
	};
	char *read_only = mmap(NULL, self->page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	struct xshm_control c = { .size = sizeof(c), .id = self->id, .buf_size = 512 };

	ASSERT_NE(MAP_FAILED, (void *)read_only);
	for (unsigned int k = 0; k < OUTPUTS; k++) {
		for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			c.buf = bad[i];
			EXPECT_EQ(-EFAULT, raw(self->fd, outputs[k].number, &c))
				TH_LOG("%s into 0x%llx", outputs[k].name,
				       (unsigned long long)bad[i]);
		}
		c.buf = (uintptr_t)read_only;
		EXPECT_EQ(-EFAULT, raw(self->fd, outputs[k].number, &c));
	}
	/* SET only reads, and its bad buffer comes before its bad id. */
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.buf = bad[i];
		EXPECT_EQ(-EFAULT, raw(self->fd, XSHM_IOC_SET, &c));
	}
	c.id = self->id + 1;
	EXPECT_EQ(-EFAULT, raw(self->fd, XSHM_IOC_SET, &c));
	/* But a negative id is none at all. */
	c.id = -1;
	EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_SET, &c));
}

TEST_F(buffers, set_reads_no_more_than_it_needs)
{
	struct xshm_ds *ds = (void *)(self->pages + self->page_size - XSHM_DS_SIZE_SYSV);
	struct xshm_control c = {
		.size = sizeof(c), .id = self->id, .buf = (uintptr_t)ds,
		.buf_size = XSHM_DS_SIZE_SYSV,
	};

	ASSERT_EQ(0, ioctl(self->fd, XSHM_IOC_STAT, &c));
	ds->mode = 0604;
	/* All that SET doesn't take may be anything. */
	ds->key = 99;
	ds->segsz = 1;
	ds->nattch = 7;
	ds->cpid = 1;
	ds->reserved1 = ~0U;
	ds->reserved3[1] = ~0ULL;
	ASSERT_EQ(0, mprotect(self->pages, self->page_size, PROT_READ));
	ASSERT_EQ(0, ioctl(self->fd, XSHM_IOC_SET, &c));
	ASSERT_EQ(0, mprotect(self->pages, self->page_size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, ioctl(self->fd, XSHM_IOC_STAT, &c));
	EXPECT_EQ(0604, ds->mode);
	EXPECT_EQ(0, ds->key);
	EXPECT_EQ(SEGMENT_BYTES, ds->segsz);
	EXPECT_EQ(0, ds->nattch);
	EXPECT_EQ(getpid(), ds->cpid);
	for (__u32 bytes = 0; bytes < XSHM_DS_SIZE_SYSV; bytes++) {
		c.buf_size = bytes;
		EXPECT_EQ(-EINVAL, raw(self->fd, XSHM_IOC_SET, &c))
			TH_LOG("SET with %u bytes", bytes);
	}
}

/* The descriptor carries no rights, so how it was opened doesn't matter. */
TEST_F(buffers, access_mode_of_the_descriptor)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_NONBLOCK };

	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open("/dev/xshm", modes[i] | O_CLOEXEC);
		struct xshm_attach attach = { .size = sizeof(attach), .id = self->id };
		struct xshm_detach detach = { .size = sizeof(detach) };
		struct xshm_get get = { .size = sizeof(get), .bytes = 1, .shmflg = 0600 };
		struct xshm_control c = { .size = sizeof(c) };
		volatile char *p;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, ioctl(fd, XSHM_IOC_ATTACH, &attach));
		p = (char *)(uintptr_t)attach.addr;
		*p = i + 1;
		EXPECT_EQ(i + 1, *p);
		detach.addr = attach.addr;
		EXPECT_EQ(0, ioctl(fd, XSHM_IOC_DETACH, &detach));
		c.id = ioctl(fd, XSHM_IOC_GET, &get);
		ASSERT_LE(0, c.id);
		EXPECT_EQ(0, ioctl(fd, XSHM_IOC_REMOVE, &c));
		close(fd);
	}
}

TEST_F(buffers, device_is_no_memory_and_no_stream)
{
	char byte = 0;
	int path = open("/dev/xshm", O_PATH | O_CLOEXEC);
	struct xshm_version v = { .size = sizeof(v) };

	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page_size, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page_size, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(-1, ftruncate(self->fd, 4096));
	ASSERT_LE(0, path);
	EXPECT_EQ(-EBADF, raw(path, XSHM_IOC_VERSION, &v));
	close(path);
}

#ifdef __x86_64__
/* The compat entry of ioctl(2), as a 32-bit program calls it. */
static long ioctl32(int fd, unsigned int number, void *arg)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54L), "b" ((long)fd), "c" ((long)number), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static long getpid32(void)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret) : "a" (20L) : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

TEST_F(buffers, caller_of_32_bits)
{
	struct area {
		union {
			struct xshm_get get;
			struct xshm_attach attach;
			struct xshm_detach detach;
			struct xshm_control control;
			struct xshm_version version;
		};
		struct xshm_ds ds;
	} *low = mmap(NULL, self->page_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	volatile char *p;
	int id;

	ASSERT_NE(MAP_FAILED, (void *)low);
	if (getpid32() != getpid())
		SKIP(return, "this kernel has no 32-bit system calls");
	low->version = (struct xshm_version){ .size = sizeof(low->version) };
	ASSERT_EQ(0, ioctl32(self->fd, XSHM_IOC_VERSION, low));
	EXPECT_EQ(XSHM_ABI_VERSION, low->version.abi);
	low->get = (struct xshm_get){ .size = sizeof(low->get), .bytes = 12345, .shmflg = 0600 };
	id = ioctl32(self->fd, XSHM_IOC_GET, low);
	ASSERT_LE(0, id);
	low->attach = (struct xshm_attach){ .size = sizeof(low->attach), .id = id };
	ASSERT_EQ(0, ioctl32(self->fd, XSHM_IOC_ATTACH, low));
	/* A 32-bit program could not reach it elsewhere. */
	ASSERT_GT(1ULL << 32, low->attach.addr);
	p = (char *)(uintptr_t)low->attach.addr;
	p[12344] = 7;
	low->control = (struct xshm_control){
		.size = sizeof(low->control), .id = id, .buf = (uintptr_t)&low->ds,
		.buf_size = sizeof(low->ds),
	};
	ASSERT_EQ(0, ioctl32(self->fd, XSHM_IOC_STAT, low));
	EXPECT_EQ(12345, low->ds.segsz);
	EXPECT_EQ(1, low->ds.nattch);
	EXPECT_EQ(getpid(), low->ds.cpid);
	/* The upper half of an address is not cut off for such a caller. */
	low->control.buf |= 1ULL << 32;
	EXPECT_EQ(-EFAULT, ioctl32(self->fd, XSHM_IOC_STAT, low));
	low->detach = (struct xshm_detach){ .size = sizeof(low->detach), .addr = (uintptr_t)p };
	EXPECT_EQ(0, ioctl32(self->fd, XSHM_IOC_DETACH, low));
	low->control = (struct xshm_control){ .size = sizeof(low->control), .id = id };
	EXPECT_EQ(0, ioctl32(self->fd, XSHM_IOC_REMOVE, low));
	EXPECT_EQ(-EINVAL, ioctl32(self->fd, XSHM_IOC_STAT, low));
}
#endif

TEST_HARNESS_MAIN
