/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * xshm - System V shared memory on /dev/xshm
 *
 * This header is the whole interface between the module and its users.
 */
#ifndef _UAPI_LINUX_XSHM_H
#define _UAPI_LINUX_XSHM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Older kernel headers do not have it. */
#ifndef __aligned_s64
#define __aligned_s64 __s64 __attribute__((aligned(8)))
#endif

/**
 * DOC: Rules that hold for every command
 *
 * A command is an ioctl(2) on a descriptor of /dev/xshm. The descriptor
 * carries no rights: credentials, IPC namespace and address space are always
 * those of the calling thread. Its one other meaning is that closing it, at
 * exit at the latest, tells the module that the creator of a segment is gone
 * (XSHM_GET_OWNER_BOUND, shm_rmid_forced).
 *
 * The argument is a pointer to a structure that starts with its own size in
 * bytes. A structure only ever grows at its end, and 0 in what was added means
 * what its absence meant, so any program works with any module:
 *
 * - a size below the command's first published size is refused with EINVAL;
 * - a shorter size than the module knows is read as if followed by zeros;
 * - a longer size is accepted as long as the excess is zero, else E2BIG.
 *
 * The same layout serves 32-bit and 64-bit callers. Times are seconds since
 * 1970, sizes are bytes unless the name says pages, and addresses and buffers
 * are 64-bit whatever the caller is.
 *
 * The buffers behind &struct xshm_control.buf start with the bytes of the
 * 64-bit shmctl(2) structures, so a C library hands its caller's pointer
 * through; what xshm adds stands behind them and is given on request.
 */

/**
 * DOC: What an errno means
 *
 * The calls keep the errno values of shmget(2), shmat(2), shmdt(2) and
 * shmctl(2). Every command can fail with:
 *
 * - E2BIG: the argument is longer than the module knows and the excess is not
 *   zero; the program is newer than the module.
 * - EFAULT: the argument, or a buffer that it names, can't be accessed.
 * - EINVAL: the argument is too short, an unknown flag or option is set or a
 *   reserved field is not zero; no segment has that id (any more); a size or
 *   an address is out of range.
 * - ENOMEM: no memory for the module's own structures.
 * - ENOTTY: the module doesn't know the command.
 *
 * And, where the command says so:
 *
 * - EACCES: the mode of the segment does not grant the access.
 * - EEXIST: IPC_CREAT and IPC_EXCL were given and the key is taken.
 * - EIDRM: the segment was removed while the command was under way.
 * - EINTR: a fatal signal came while waiting for the address space.
 * - ENOENT: no segment has the key, and IPC_CREAT was not given.
 * - ENOSPC: a limit of the IPC namespace (shmall, shmmni) or of the user is
 *   reached.
 * - EPERM: the caller is neither owner nor creator, or lacks a capability.
 */

#define XSHM_ABI_VERSION	1

#define XSHM_IOC_MAGIC		0xEF

/*
 * As in iommufd, the size is in the structure and not in the command number,
 * which therefore never changes when a structure grows.
 */
#define XSHM_IOC_VERSION	_IO(XSHM_IOC_MAGIC, 0x00)
#define XSHM_IOC_GET		_IO(XSHM_IOC_MAGIC, 0x01)
#define XSHM_IOC_ATTACH		_IO(XSHM_IOC_MAGIC, 0x02)
#define XSHM_IOC_DETACH		_IO(XSHM_IOC_MAGIC, 0x03)
#define XSHM_IOC_STAT		_IO(XSHM_IOC_MAGIC, 0x04)
#define XSHM_IOC_SET		_IO(XSHM_IOC_MAGIC, 0x05)
#define XSHM_IOC_REMOVE		_IO(XSHM_IOC_MAGIC, 0x06)
#define XSHM_IOC_LOCK		_IO(XSHM_IOC_MAGIC, 0x07)
#define XSHM_IOC_UNLOCK		_IO(XSHM_IOC_MAGIC, 0x08)
#define XSHM_IOC_LIMITS		_IO(XSHM_IOC_MAGIC, 0x09)
#define XSHM_IOC_USAGE		_IO(XSHM_IOC_MAGIC, 0x0a)
#define XSHM_IOC_SET_LIMITS	_IO(XSHM_IOC_MAGIC, 0x0b)

/**
 * struct xshm_version - argument of XSHM_IOC_VERSION: what the module can do
 * @size: size of this structure, in bytes
 * @abi: out: XSHM_ABI_VERSION of the module; a change that a program has to
 *	know of raises it
 * @features: out: XSHM_FEATURE_* bits
 * @get_options: out: the XSHM_GET_* options that XSHM_IOC_GET knows
 * @attach_options: out: the XSHM_ATTACH_* options that XSHM_IOC_ATTACH knows
 *
 * Return: 0; needs no permission and looks at no segment.
 */
struct xshm_version {
	__u32 size;
	__u32 abi;
	__aligned_u64 features;
	__u32 get_options;
	__u32 attach_options;
};

/* Ordinary segments can have transparent huge pages on this kernel. */
#define XSHM_FEATURE_THP	(1ULL << 0)
/* SHM_HUGETLB works on this kernel. */
#define XSHM_FEATURE_HUGETLB	(1ULL << 1)

/*
 * Bits of xshm_get.shmflg, with the values that shmget(2) gives them: the low
 * nine bits are the mode, and the top six the base-2 logarithm of the huge
 * page size (0: the default size), looked at with XSHM_HUGETLB only.
 */
#define XSHM_CREAT		00001000
#define XSHM_EXCL		00002000
#define XSHM_HUGETLB		00004000
#define XSHM_NORESERVE		00010000
#define XSHM_HUGE_SHIFT		26
#define XSHM_HUGE_MASK		0x3fU

/* The key that always makes a new segment: IPC_PRIVATE of shmget(2). */
#define XSHM_PRIVATE		0

/*
 * Options of xshm_get.options: xshm's own, for a segment that is made by the
 * call; a call that finds an existing segment ignores them.
 */
/* Transparent huge pages wherever they fit, whatever the namespace's policy. */
#define XSHM_GET_HUGE		(1U << 0)
/* Small pages only. Excludes XSHM_GET_HUGE and XSHM_GET_TRY_HUGETLB. */
#define XSHM_GET_SMALL		(1U << 1)
/*
 * Pages of the hugetlb pool if the caller may have them and enough are free,
 * else an ordinary segment with XSHM_GET_HUGE. The page size is that of the top bits
 * of shmflg. xshm_ds.page_size tells which it became.
 */
#define XSHM_GET_TRY_HUGETLB	(1U << 2)
/* Allocate every page now: ENOMEM now instead of SIGBUS or the OOM killer later. */
#define XSHM_GET_POPULATE	(1U << 3)
/*
 * Mark the segment for destruction when the creator has closed the descriptor
 * that it was made with, or is gone, however it died.
 */
#define XSHM_GET_OWNER_BOUND	(1U << 4)

/**
 * struct xshm_get - argument of XSHM_IOC_GET: find or make a segment
 * @size: size of this structure, in bytes
 * @key: key of the segment, or XSHM_PRIVATE
 * @bytes: size of the segment, in bytes. For an existing segment any value up
 *	to its size, 0 included. It is kept and reported as given; the backing is
 *	rounded up to whole pages.
 * @shmflg: mode and flags as for shmget(2): XSHM_CREAT, XSHM_EXCL,
 *	XSHM_HUGETLB, XSHM_NORESERVE. Other bits are refused; the library drops
 *	them, because shmget(2) ignores them.
 * @options: XSHM_GET_* options
 *
 * Return: the id of the segment, not negative. EACCES, EEXIST, EINVAL,
 * ENOENT, ENOMEM, ENOSPC, EPERM (XSHM_HUGETLB without CAP_IPC_LOCK and outside
 * of hugetlb_shm_group). ENOMEM also stands for memory that can't be
 * committed and for huge pages that can't be reserved.
 */
struct xshm_get {
	__u32 size;
	__s32 key;
	__aligned_u64 bytes;
	__u32 shmflg;
	__u32 options;
};

/* Bits of xshm_attach.shmflg, with the values that shmat(2) gives them. */
#define XSHM_RDONLY		0010000
#define XSHM_RND		0020000
#define XSHM_REMAP		0040000
#define XSHM_EXEC		0100000

/* Options of xshm_attach.options. */
/* Fault all pages in before returning, as mmap(2) does with MAP_POPULATE. */
#define XSHM_ATTACH_POPULATE	(1U << 0)

/**
 * struct xshm_attach - argument of XSHM_IOC_ATTACH: map a segment
 * @size: size of this structure, in bytes
 * @id: id of the segment
 * @addr: in: where to map it, or 0 for a place that the kernel chooses;
 *	out: where it is mapped
 * @shmflg: flags as for shmat(2): XSHM_RDONLY, XSHM_RND, XSHM_REMAP,
 *	XSHM_EXEC. Other bits are refused; the library drops them.
 * @options: XSHM_ATTACH_* options
 *
 * Return: 0, with @addr set. EACCES, EIDRM, EINTR, EINVAL, ENOMEM. Nothing is
 * mapped after an error, EFAULT included.
 */
struct xshm_attach {
	__u32 size;
	__s32 id;
	__aligned_u64 addr;
	__u32 shmflg;
	__u32 options;
};

/**
 * struct xshm_detach - argument of XSHM_IOC_DETACH: unmap an attach
 * @size: size of this structure, in bytes
 * @reserved: must be 0
 * @addr: the address that XSHM_IOC_ATTACH gave (or where mremap(2) took it)
 *
 * Unmaps all that is left of the attach, also when parts of it were unmapped
 * or got another protection.
 *
 * Return: 0; EINTR, EINVAL (nothing attached there).
 */
struct xshm_detach {
	__u32 size;
	__u32 reserved;
	__aligned_u64 addr;
};

/* Values of xshm_control.select. */
/* @id is an id. */
#define XSHM_SELECT_ID		0
/* @id is an index from 0 to what XSHM_IOC_LIMITS returns: shmctl(2) SHM_STAT. */
#define XSHM_SELECT_INDEX	1
/* The same without a permission check: shmctl(2) SHM_STAT_ANY. */
#define XSHM_SELECT_INDEX_ANY	2

/**
 * struct xshm_control - argument of the commands that look at or change
 * @size: size of this structure, in bytes
 * @id: the segment. With XSHM_IOC_LIMITS and XSHM_IOC_USAGE it is ignored but
 *	must not be negative, as with shmctl(2).
 * @select: what @id is, for XSHM_IOC_STAT; which limits, for
 *	XSHM_IOC_SET_LIMITS; else 0
 * @buf_size: size of the buffer, in bytes; the module fills as much of it as
 *	it knows, and needs at least the part that shmctl(2) has. 0 for commands without
 *	a buffer.
 * @buf: address of the buffer, or 0 for commands without one
 *
 * XSHM_IOC_STAT fills a &struct xshm_ds. The id of the segment is returned
 * where @select is not XSHM_SELECT_ID. EACCES, EINVAL.
 *
 * XSHM_IOC_SET takes uid, gid and the low nine bits of mode from a &struct
 * xshm_ds. EFAULT comes before an error of the id. EINVAL (also for a uid or
 * gid that the caller's user namespace doesn't have), EPERM.
 *
 * XSHM_IOC_REMOVE marks the segment for destruction and frees its key; the
 * segment goes with its last attach, at once if it has none. Again on a
 * marked segment: 0. EINVAL, EPERM.
 *
 * XSHM_IOC_LOCK keeps the pages of the segment from being swapped out;
 * XSHM_IOC_UNLOCK ends it. Both are idempotent, and do nothing to segments of
 * the hugetlb pool. EINVAL, ENOMEM (over RLIMIT_MEMLOCK), EPERM.
 *
 * XSHM_IOC_LIMITS fills a &struct xshm_limits, XSHM_IOC_USAGE a &struct
 * xshm_usage; both return the highest index in use. EINVAL.
 *
 * XSHM_IOC_SET_LIMITS takes those values of a &struct xshm_limits that @select
 * names by XSHM_LIMIT_* bits; @buf_size is at least the first published size
 * of that structure, which may grow as arguments do, and @id is 0. For root of
 * the user namespace that owns the IPC namespace, who can't write
 * /proc/sys/xshm unless it is root of the machine. E2BIG, EINVAL, EPERM.
 *
 * Return: 0 where not said otherwise.
 */
struct xshm_control {
	__u32 size;
	__s32 id;
	__u32 select;
	__u32 buf_size;
	__aligned_u64 buf;
};

/* Bits of xshm_ds.mode above the permissions, as in shmctl(2). */
#define XSHM_DEST		01000
#define XSHM_LOCKED		02000

/* Bits of xshm_ds.attributes. */
/* Pages come from the hugetlb pool. */
#define XSHM_ATTR_HUGETLB	(1U << 0)
/* Nothing was reserved or committed at creation. */
#define XSHM_ATTR_NORESERVE	(1U << 1)
/* Made with XSHM_GET_OWNER_BOUND. */
#define XSHM_ATTR_OWNER_BOUND	(1U << 2)
/* The process that made the segment is gone. */
#define XSHM_ATTR_CREATOR_GONE	(1U << 3)
/* Transparent huge pages: the policy that was in force at creation. */
#define XSHM_ATTR_THP		(1U << 4)

/* Size of what shmctl(2) knows of &struct xshm_ds, in bytes. */
#define XSHM_DS_SIZE_SYSV	112

/**
 * struct xshm_ds - a segment
 * @key: key, XSHM_PRIVATE once it is marked for destruction
 * @uid: owner, in the user namespace of the caller
 * @gid: group of the owner
 * @cuid: creator
 * @cgid: group of the creator
 * @mode: nine permission bits, XSHM_DEST and XSHM_LOCKED
 * @seq: sequence number, the upper part of the id
 * @reserved0: 0
 * @reserved1: 0
 * @reserved2: 0
 * @segsz: size as given at creation, in bytes
 * @atime: time of the last attach, 0 if there was none
 * @dtime: time of the last detach, 0 if there was none
 * @ctime: time of creation or of the last XSHM_IOC_SET
 * @cpid: process that made the segment, in the PID namespace of the caller
 * @lpid: process that attached or detached last, 0 if there was none
 * @nattch: number of mappings of the segment
 * @reserved3: 0
 * @id: id of the segment. Here ends what shmctl(2) has, and all that follows
 *	is given only if buf_size reaches beyond XSHM_DS_SIZE_SYSV.
 * @attributes: XSHM_ATTR_* bits
 * @page_size: size of a page of the pool for hugetlb, else of an ordinary
 *	page, in bytes
 * @resident: memory that the segment has now, in bytes
 * @swapped: what of it is swapped out, in bytes
 * @huge: what of @resident is in huge pages of either kind, in bytes
 * @locked: what is accounted against RLIMIT_MEMLOCK, in bytes
 * @dev_major: device number that /proc/PID/maps shows for the segment; its
 *	inode number there is @id
 * @dev_minor: the same
 *
 * The first XSHM_DS_SIZE_SYSV bytes are those of struct shmid_ds on 64-bit
 * Linux.
 */
struct xshm_ds {
	__s32 key;
	__u32 uid;
	__u32 gid;
	__u32 cuid;
	__u32 cgid;
	__u32 mode;
	__u16 seq;
	__u16 reserved0;
	__u32 reserved1;
	__aligned_u64 reserved2[2];
	__aligned_u64 segsz;
	__aligned_s64 atime;
	__aligned_s64 dtime;
	__aligned_s64 ctime;
	__s32 cpid;
	__s32 lpid;
	__aligned_u64 nattch;
	__aligned_u64 reserved3[2];
	/* xshm's own from here on */
	__s32 id;
	__u32 attributes;
	__aligned_u64 page_size;
	__aligned_u64 resident;
	__aligned_u64 swapped;
	__aligned_u64 huge;
	__aligned_u64 locked;
	__u32 dev_major;
	__u32 dev_minor;
};

/* Size of what shmctl(2) knows of &struct xshm_limits, in bytes. */
#define XSHM_LIMITS_SIZE_SYSV	72

/* Values of xshm_limits.huge and of /proc/sys/xshm/huge. */
#define XSHM_HUGE_NEVER		0
#define XSHM_HUGE_WITHIN_SIZE	1
#define XSHM_HUGE_ALWAYS	2
#define XSHM_HUGE_ADVISE	3

/* Bits of xshm_control.select for XSHM_IOC_SET_LIMITS. */
#define XSHM_LIMIT_SHMMAX	(1U << 0)
#define XSHM_LIMIT_SHMMNI	(1U << 1)
#define XSHM_LIMIT_SHMALL	(1U << 2)
#define XSHM_LIMIT_USER_SEGMENTS (1U << 3)
#define XSHM_LIMIT_USER_BYTES	(1U << 4)
#define XSHM_LIMIT_RMID_FORCED	(1U << 5)
#define XSHM_LIMIT_HUGE		(1U << 6)
/* Needs CAP_CHECKPOINT_RESTORE instead. */
#define XSHM_LIMIT_NEXT_ID	(1U << 7)

/**
 * struct xshm_limits - the limits of the caller's IPC namespace
 * @shmmax: largest size of a segment, in bytes
 * @shmmin: smallest size of a segment, in bytes: 1
 * @shmmni: most segments
 * @shmseg: most attaches of a process; not enforced, the same as @shmmni
 * @shmall: most memory of all segments, in pages
 * @reserved: 0
 * @user_segments: most segments of a user, 0: no limit. Here ends what
 *	shmctl(2) has.
 * @user_bytes: most memory of all segments of a user, in bytes, 0: no limit
 * @rmid_forced: 1 if a segment dies with its last attach
 * @huge: policy of new ordinary segments, XSHM_HUGE_*
 * @next_id: id that the next segment shall get, -1 for any
 * @reserved1: 0
 *
 * The first XSHM_LIMITS_SIZE_SYSV bytes are those of struct shminfo on 64-bit
 * Linux.
 */
struct xshm_limits {
	__aligned_u64 shmmax;
	__aligned_u64 shmmin;
	__aligned_u64 shmmni;
	__aligned_u64 shmseg;
	__aligned_u64 shmall;
	__aligned_u64 reserved[4];
	/* xshm's own from here on */
	__aligned_u64 user_segments;
	__aligned_u64 user_bytes;
	__u32 rmid_forced;
	__u32 huge;
	__s32 next_id;
	__u32 reserved1;
};

/* Size of what shmctl(2) knows of &struct xshm_usage, in bytes. */
#define XSHM_USAGE_SIZE_SYSV	48

/**
 * struct xshm_usage - what the segments of the caller's IPC namespace use
 * @used_ids: number of segments
 * @reserved: 0
 * @shm_tot: memory of all segments, in pages of the kernel, as if all of it
 *	were touched
 * @shm_rss: what of it is resident, in pages
 * @shm_swp: what of it is swapped out, in pages
 * @swap_attempts: 0
 * @swap_successes: 0
 * @huge: what of @shm_rss is in huge pages, in bytes. Here ends what
 *	shmctl(2) has.
 * @locked: what is accounted against RLIMIT_MEMLOCK, in bytes
 *
 * The first XSHM_USAGE_SIZE_SYSV bytes are those of struct shm_info on 64-bit
 * Linux.
 */
struct xshm_usage {
	__s32 used_ids;
	__u32 reserved;
	__aligned_u64 shm_tot;
	__aligned_u64 shm_rss;
	__aligned_u64 shm_swp;
	__aligned_u64 swap_attempts;
	__aligned_u64 swap_successes;
	/* xshm's own from here on */
	__aligned_u64 huge;
	__aligned_u64 locked;
};

#endif /* _UAPI_LINUX_XSHM_H */
