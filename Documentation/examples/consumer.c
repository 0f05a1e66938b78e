// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Takes COUNT numbers from the queue and prints their sum, each multiplied by
 * the factor that is set when it is taken.
 *
 * Usage: consumer COUNT
 */
#define _GNU_SOURCE
#include "queue.h"

static uint64_t get_factor(struct queue *queue)
{
	struct timespec until = queue_patience();
	uint64_t factor;

	queue_check(pthread_rwlock_timedrdlock(&queue->settings_lock, &until),
		    "pthread_rwlock_timedrdlock");
	factor = queue->factor;
	queue_check(pthread_rwlock_unlock(&queue->settings_lock), "pthread_rwlock_unlock");
	return factor;
}

static uint64_t take(struct queue *queue)
{
	uint64_t item;
	uint32_t seen;

	for (;;) {
		seen = atomic_load(&queue->changes);
		queue_lock(queue);
		if (queue->put != queue->taken)
			break;
		queue_unlock(queue);
		queue_wait(queue, seen);
	}
	item = queue->items[queue->taken % QUEUE_ITEMS];
	queue->sum -= item;
	queue->taken++;
	/* What the lock is for: the sum is that of the items at every moment. */
	if (queue->put == queue->taken && queue->sum)
		errx(1, "an empty queue with the sum %llu", (unsigned long long)queue->sum);
	queue_unlock(queue);
	queue_changed(queue);
	return item;
}

int main(int argc, char **argv)
{
	unsigned long long total = 0;
	struct queue *queue;
	long count;

	if (argc != 2)
		errx(2, "usage: consumer COUNT");
	count = strtol(argv[1], NULL, 10);
	queue = queue_open();
	for (long i = 0; i < count; i++)
		total += take(queue) * get_factor(queue);
	printf("total %llu\n", total);
	return xshmdt(queue) ? 1 : 0;
}
