// SPDX-License-Identifier: GPL-2.0
/*
 * A program as others write them, for tool_follow: linked statically and with musl, too. Makes
 * a segment with the key given and writes to it; its status is the errno, or 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

int main(int argc, char **argv)
{
	int id = shmget(argc > 1 ? atoi(argv[1]) : IPC_PRIVATE, 5000, IPC_CREAT | 0600);
	char *p;

	if (id < 0)
		return errno;
	p = shmat(id, NULL, 0);
	if (p == (void *)-1)
		return errno;
	strcpy(p, "lost");
	return shmdt(p) ? errno : 0;
}
