/* SPDX-License-Identifier: GPL-2.0 */
/*
 * backend.h - the three kinds of shared memory, called as a program calls them
 *
 * Everything is inlined into an operation per backend, so that no indirection
 * of the benchmark is counted.
 */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xshm.h>

#include "bench.h"

/* An id or, with memfd, a descriptor. */
static inline __attribute__((always_inline))
int backend_create(enum bench_backend backend, key_t key, size_t size)
{
	int fd;

	switch (backend) {
	case BENCH_SYSV:
		return shmget(key, size, IPC_CREAT | IPC_EXCL | 0600);
	case BENCH_XSHM:
		return xshmget(key, size, IPC_CREAT | IPC_EXCL | 0600);
	default:
		fd = memfd_create("bench", MFD_CLOEXEC);
		if (fd >= 0 && ftruncate(fd, size))
			return -1;
		return fd;
	}
}

static inline __attribute__((always_inline))
int backend_find(enum bench_backend backend, key_t key)
{
	return backend == BENCH_SYSV ? shmget(key, 0, 0) : xshmget(key, 0, 0);
}

static inline __attribute__((always_inline))
void *backend_attach(enum bench_backend backend, int id, size_t size)
{
	switch (backend) {
	case BENCH_SYSV:
		return shmat(id, NULL, 0);
	case BENCH_XSHM:
		return xshmat(id, NULL, 0);
	default:
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, id, 0);
	}
}

static inline __attribute__((always_inline))
int backend_detach(enum bench_backend backend, void *addr, size_t size)
{
	switch (backend) {
	case BENCH_SYSV:
		return shmdt(addr);
	case BENCH_XSHM:
		return xshmdt(addr);
	default:
		return munmap(addr, size);
	}
}

static inline __attribute__((always_inline))
int backend_remove(enum bench_backend backend, int id)
{
	switch (backend) {
	case BENCH_SYSV:
		return shmctl(id, IPC_RMID, NULL);
	case BENCH_XSHM:
		return xshmctl(id, IPC_RMID, NULL);
	default:
		return close(id);
	}
}

static inline __attribute__((always_inline))
int backend_stat(enum bench_backend backend, int id)
{
	struct shmid_ds ds;
	struct stat st;

	switch (backend) {
	case BENCH_SYSV:
		return shmctl(id, IPC_STAT, &ds);
	case BENCH_XSHM:
		return xshmctl(id, IPC_STAT, &ds);
	default:
		return fstat(id, &st);
	}
}

/* Defines OPERATION_sysv() and so on, and their table, of OPERATION(backend, context). */
#define EACH_BACKEND(operation)							\
	static void operation##_sysv(void *context) { operation(BENCH_SYSV, context); }	\
	static void operation##_xshm(void *context) { operation(BENCH_XSHM, context); }	\
	static void operation##_memfd(void *context) { operation(BENCH_MEMFD, context); }	\
	static void (*const operation##_each[])(void *) = {			\
		operation##_sysv, operation##_xshm, operation##_memfd		\
	}

#define OPERATION static inline __attribute__((always_inline)) void

#endif
