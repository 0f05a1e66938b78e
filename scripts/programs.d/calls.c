// SPDX-License-Identifier: GPL-2.0
/*
 * Makes many shm calls, by libc or (with RAW) as system calls, and prints what
 * they return: the output has to be the same however they are made and
 * whoever carries them out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifdef RAW
#define shmget(...)	((int)syscall(SYS_shmget, __VA_ARGS__))
#define shmat(...)	((void *)syscall(SYS_shmat, __VA_ARGS__))
#define shmdt(...)	((int)syscall(SYS_shmdt, __VA_ARGS__))
#define shmctl(...)	((int)syscall(SYS_shmctl, __VA_ARGS__))
#endif

/* glibc's own 32-bit shmctl() reads the structure, and crashes. */
#ifdef __i386__
#define shmctl_bad(...)	((int)syscall(SYS_shmctl, __VA_ARGS__))
#else
#define shmctl_bad	shmctl
#endif

#define KEY	0x1ca115
#define BYTES	100000

/* An id differs from run to run; that it is one does not. */
static int say(const char *what, long result, int is_id)
{
	if (result == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, is_id ? result >= 0 : result);
	return result;
}

#define TRY(call)	say(#call, (long)(call), 0)
#define TRY_ID(call)	say(#call, (long)(call), 1)

static void show(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xa5, sizeof(ds));
	if (TRY(shmctl(id, IPC_STAT, &ds)))
		return;
	printf("  key %x uid %u gid %u cuid %u cgid %u mode %o size %zu nattch %lu\n",
	       ds.shm_perm.__key, ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.cuid,
	       ds.shm_perm.cgid, ds.shm_perm.mode, ds.shm_segsz, ds.shm_nattch);
	printf("  atime %d dtime %d ctime %d lpid %d\n", ds.shm_atime > 0, ds.shm_dtime > 0,
	       ds.shm_ctime > 0, ds.shm_lpid == getpid());
}

static void *in_thread(void *arg)
{
	int id = *(int *)arg;
	char *at = shmat(id, NULL, 0);

	if (at == (char *)-1)
		return "shmat failed";
	memcpy(at + 300, "thread", 7);
	return shmdt(at) ? "shmdt failed" : "done";
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms = alarms + 1;
}

int main(int argc, char **argv)
{
	struct shm_info info;
	struct shminfo limits;
	struct shmid_ds ds;
	pthread_t thread;
	int id, status;
	char *at, *ro;
	void *said;
	pid_t pid;

	if (argc > 1) {
		/* After an exec: what the segment has. */
		id = atoi(argv[1]);
		ro = shmat(id, NULL, SHM_RDONLY);
		if (ro == (char *)-1)
			return 1;
		printf("after exec: %s %s %s\n", ro, ro + 200, ro + 300);
		fflush(stdout);
		return shmdt(ro) ? 1 : 0;
	}

	TRY(shmget(KEY, BYTES, 0600));
	id = TRY_ID(shmget(KEY, BYTES, IPC_CREAT | IPC_EXCL | 0600));
	if (id < 0)
		return 1;
	TRY(shmget(KEY, BYTES, IPC_CREAT | IPC_EXCL | 0600));
	TRY(shmget(KEY, BYTES + 1, 0));
	TRY(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
	printf("same id: %d\n", shmget(KEY, 0, 0) == id);
	show(id);
	at = shmat(id, NULL, 0);
	TRY(at == (char *)-1);
	if (at == (char *)-1)
		return 1;
	TRY(shmat(id, (char *)1, 0));
	TRY(shmat(-1, NULL, 0));
	/* Without SHM_REMAP it is in the way. */
	TRY(shmat(id, at, 0));
	printf("replaced: %d\n", shmat(id, at, SHM_REMAP) == at);
	printf("rounded: %d\n", shmat(id, at + 5, SHM_REMAP | SHM_RND) == at);
	show(id);
	strcpy(at, "parent");

	pid = fork();
	if (!pid) {
		strcpy(at + 200, "child");
		show(id);
		fflush(stdout);
		_exit(shmdt(at) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	printf("child: %d\n", status);
	if (pthread_create(&thread, NULL, in_thread, &id) || pthread_join(thread, &said))
		return 1;
	printf("thread: %s\n", (char *)said);
	printf("memory: %s %s %s\n", at, at + 200, at + 300);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		char number[16];

		snprintf(number, sizeof(number), "%d", id);
		execl(argv[0], argv[0], number, (char *)NULL);
		_exit(126);
	}
	waitpid(pid, &status, 0);
	printf("exec: %d\n", status);

	/* Signals that come while calls are made are seen, and break none. */
	signal(SIGUSR1, on_alarm);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 20; i++) {
			kill(getppid(), SIGUSR1);
			usleep(1000);
		}
		_exit(0);
	}
	for (int i = 0; i < 200; i++) {
		ro = shmat(id, NULL, SHM_RDONLY);
		if (ro == (char *)-1 || strcmp(ro, "parent") || shmdt(ro))
			printf("broken in round %d\n", i);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	printf("signals: %d\n", alarms > 0);
	/* The last to attach or detach may have been the child, at its exit. */
	TRY(shmdt(shmat(id, NULL, 0)));

	memset(&ds, 0, sizeof(ds));
	ds.shm_perm.uid = 1;
	ds.shm_perm.gid = 2;
	ds.shm_perm.mode = 07640;
	TRY(shmctl(id, IPC_SET, &ds));
	TRY(shmctl_bad(id, IPC_SET, (void *)8));
	TRY(shmctl_bad(id, IPC_STAT, NULL));
	TRY(shmctl(id, 4711, NULL));
	TRY(shmctl(id, SHM_LOCK, NULL));
	show(id);
	TRY(shmctl(id, SHM_UNLOCK, NULL));
	printf("limits: %d", shmctl(0, IPC_INFO, (void *)&limits) >= 0);
	printf(" %lu %lu %d %d\n", limits.shmmin, limits.shmmni, limits.shmmax > BYTES,
	       limits.shmall > 0);
	printf("info: %d", shmctl(0, SHM_INFO, (void *)&info) >= 0);
	printf(" %d %lu\n", info.used_ids, info.shm_tot);
	TRY(shmctl(id, IPC_RMID, NULL));
	TRY(shmget(KEY, 0, 0));
	show(id);
	TRY(shmdt(at + 4096));
	TRY(shmdt(at));
	TRY(shmdt(at));
	TRY(shmctl(id, IPC_STAT, &ds));
	return 0;
}
