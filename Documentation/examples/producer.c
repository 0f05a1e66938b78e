// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Puts the numbers FIRST to LAST into the queue. With --stop-at N it stops half
 * way through putting N, while it holds the lock, to be killed there.
 *
 * Usage: producer [--factor F] [--stop-at N] FIRST LAST
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <string.h>
#include "queue.h"

static void set_factor(struct queue *queue, uint64_t factor)
{
	struct timespec until = queue_patience();

	queue_check(pthread_rwlock_timedwrlock(&queue->settings_lock, &until),
		    "pthread_rwlock_timedwrlock");
	queue->factor = factor;
	queue_check(pthread_rwlock_unlock(&queue->settings_lock), "pthread_rwlock_unlock");
}

static void put(struct queue *queue, uint64_t item, int stop)
{
	uint32_t seen;

	for (;;) {
		seen = atomic_load(&queue->changes);
		queue_lock(queue);
		if (queue->put - queue->taken < QUEUE_ITEMS)
			break;
		queue_unlock(queue);
		queue_wait(queue, seen);
	}
	queue->items[queue->put % QUEUE_ITEMS] = item;
	queue->sum += item;
	if (stop) {
		printf("stopped with the lock\n");
		fflush(stdout);
		for (;;)
			pause();
	}
	queue->put++;
	queue_unlock(queue);
	queue_changed(queue);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "factor", required_argument, NULL, 'f' },
		{ "stop-at", required_argument, NULL, 's' },
		{}
	};
	uint64_t factor = 0, stop_at = 0, first, last;
	struct queue *queue;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			factor = strtoull(optarg, NULL, 10);
			break;
		case 's':
			stop_at = strtoull(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		errx(2, "usage: producer [--factor F] [--stop-at N] FIRST LAST");
	first = strtoull(argv[optind], NULL, 10);
	last = strtoull(argv[optind + 1], NULL, 10);

	queue = queue_open();
	if (factor)
		set_factor(queue, factor);
	for (uint64_t item = first; item <= last; item++)
		put(queue, item, item == stop_at);
	printf("put %llu to %llu\n", (unsigned long long)first, (unsigned long long)last);
	return xshmdt(queue) ? 1 : 0;
}
