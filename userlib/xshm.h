/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxshm - System V shared memory on /dev/xshm
 *
 * xshmget(), xshmat(), xshmdt() and xshmctl() are shmget(2), shmat(2),
 * shmdt(2) and shmctl(2) under other names. What System V does not have is
 * called xshm_something().
 */
#ifndef _XSHM_H
#define _XSHM_H

#include <sys/types.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <linux/xshm.h>

#ifdef __cplusplus
extern "C" {
#endif

int xshmget(key_t key, size_t size, int shmflg);
void *xshmat(int shmid, const void *shmaddr, int shmflg);
int xshmdt(const void *shmaddr);

/*
 * On 32-bit systems struct shmid_ds depends on the size of time_t, as it does
 * for shmctl(2), and so does the function that fills it.
 */
#if defined(__USE_TIME_BITS64) && __SIZEOF_LONG__ == 4 && defined(__REDIRECT)
extern int __REDIRECT(xshmctl, (int shmid, int cmd, struct shmid_ds *buf), xshmctl64);
#else
int xshmctl(int shmid, int cmd, struct shmid_ds *buf);
#endif

/* shmget(2) and shmat(2) with XSHM_GET_* and XSHM_ATTACH_* options. */
int xshm_get(key_t key, size_t size, int shmflg, unsigned int options);
void *xshm_attach(int id, const void *addr, int shmflg, unsigned int options);

/*
 * The structures grow at their end, so each function is told how much of one
 * its caller knows; what the module does not know is zero. The inline
 * functions below do that.
 */
int xshm_stat_sized(unsigned int select, int id, struct xshm_ds *ds, size_t size);
int xshm_limits_sized(struct xshm_limits *limits, size_t size);
int xshm_usage_sized(struct xshm_usage *usage, size_t size);
int xshm_version_sized(struct xshm_version *version, size_t size);

/* 0 for a segment given by its id. */
static __inline__ int xshm_stat(int id, struct xshm_ds *ds)
{
	return xshm_stat_sized(XSHM_SELECT_ID, id, ds, sizeof(*ds));
}

/* The id of the segment at an index from 0 to what xshm_limits() returns. */
static __inline__ int xshm_stat_index(int index, struct xshm_ds *ds)
{
	return xshm_stat_sized(XSHM_SELECT_INDEX, index, ds, sizeof(*ds));
}

/* The same without a permission check. */
static __inline__ int xshm_stat_index_any(int index, struct xshm_ds *ds)
{
	return xshm_stat_sized(XSHM_SELECT_INDEX_ANY, index, ds, sizeof(*ds));
}

/* Both return the highest index in use. */
static __inline__ int xshm_limits(struct xshm_limits *limits)
{
	return xshm_limits_sized(limits, sizeof(*limits));
}

static __inline__ int xshm_usage(struct xshm_usage *usage)
{
	return xshm_usage_sized(usage, sizeof(*usage));
}

static __inline__ int xshm_version(struct xshm_version *version)
{
	return xshm_version_sized(version, sizeof(*version));
}

/* Open the device now rather than at the first call: 0, or -1 and errno. */
int xshm_prepare(void);

/* Why xshm can't be used, in words; NULL if it can. */
const char *xshm_unavailable(void);

#ifdef __cplusplus
}
#endif

#endif /* _XSHM_H */
