/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue in a segment, for any number of producers and consumers, any of which
 * may be killed at any moment.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <xshm.h>

#define QUEUE_KEY	0x71756575
#define QUEUE_ITEMS	64

struct queue {
	/* 1 once all below is set up. */
	_Atomic uint32_t ready;
	/*
	 * Goes up with every change; who waits for one waits for this number.
	 * Nobody owns anything by that, so a killed waiter leaves nothing
	 * behind, which can't be said of a pthread_cond_t.
	 */
	_Atomic uint32_t changes;

	/* Robust: if its owner is gone, the next one gets it with EOWNERDEAD. */
	pthread_mutex_t lock;
	/* Under @lock: numbers of items ever put and taken, and the sum of those in between. */
	uint64_t put, taken, sum;
	uint64_t items[QUEUE_ITEMS];

	/*
	 * Many readers at a time. There is no robust kind of it: who dies with
	 * it leaves it locked. So it is held to copy a few bytes only, and
	 * whoever waits for it does so for a limited time.
	 */
	pthread_rwlock_t settings_lock;
	uint64_t factor;
};

static inline void queue_check(int error, const char *what)
{
	errno = error;
	if (error)
		err(1, "%s", what);
}

static inline void queue_wait(struct queue *queue, uint32_t seen)
{
	struct timespec second = { .tv_sec = 1 };

	/* Not FUTEX_PRIVATE_FLAG, which is for the threads of one process. */
	syscall(SYS_futex, &queue->changes, FUTEX_WAIT, seen, &second, NULL, 0);
}

static inline void queue_changed(struct queue *queue)
{
	atomic_fetch_add(&queue->changes, 1);
	syscall(SYS_futex, &queue->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline void queue_set_up(struct queue *queue)
{
	pthread_mutexattr_t mutex;
	pthread_rwlockattr_t rwlock;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	queue_check(pthread_mutex_init(&queue->lock, &mutex), "pthread_mutex_init");
	pthread_rwlockattr_init(&rwlock);
	pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
	queue_check(pthread_rwlock_init(&queue->settings_lock, &rwlock), "pthread_rwlock_init");
	/* All other bytes of a new segment are zero. */
	queue->factor = 1;
	atomic_store(&queue->ready, 1);
	queue_changed(queue);
}

/* Whoever comes first makes it. */
static inline struct queue *queue_open(void)
{
	struct queue *queue;
	int id, created = 1;

	id = xshmget(QUEUE_KEY, sizeof(*queue), IPC_CREAT | IPC_EXCL | 0600);
	if (id < 0 && errno == EEXIST) {
		created = 0;
		id = xshmget(QUEUE_KEY, sizeof(*queue), 0);
	}
	if (id < 0)
		err(1, "xshmget");
	queue = xshmat(id, NULL, 0);
	if (queue == (void *)-1)
		err(1, "xshmat");
	if (created) {
		queue_set_up(queue);
	} else {
		for (int i = 0; !atomic_load(&queue->ready) && i < 5; i++)
			queue_wait(queue, atomic_load(&queue->changes));
		if (!atomic_load(&queue->ready))
			errx(1, "who made the queue died at it: xshm rm --key %#x", QUEUE_KEY);
	}
	return queue;
}

/*
 * Who died may have done half of a change. @put and @taken are changed last,
 * so they are right, and what depends on them can be made right.
 */
static inline void queue_repair(struct queue *queue)
{
	uint64_t sum = 0;

	for (uint64_t i = queue->taken; i < queue->put; i++)
		sum += queue->items[i % QUEUE_ITEMS];
	printf("the owner of the lock died: sum of %llu items repaired from %llu to %llu\n",
	       (unsigned long long)(queue->put - queue->taken), (unsigned long long)queue->sum,
	       (unsigned long long)sum);
	fflush(stdout);
	queue->sum = sum;
}

static inline void queue_lock(struct queue *queue)
{
	int error = pthread_mutex_lock(&queue->lock);

	if (error == EOWNERDEAD) {
		queue_repair(queue);
		/* Without this call nobody could ever lock it again. */
		error = pthread_mutex_consistent(&queue->lock);
	}
	queue_check(error, "pthread_mutex_lock");
}

static inline void queue_unlock(struct queue *queue)
{
	queue_check(pthread_mutex_unlock(&queue->lock), "pthread_mutex_unlock");
}

static inline struct timespec queue_patience(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	return until;
}

#endif
