/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of shmget(2), shmat(2) and shmctl(2) goes to the module: the bits of
 * their flags that mean something (system calls ignore the others, the module
 * refuses them) and the command for each shmctl.
 */
#ifndef XSHM_TRANSLATE_H
#define XSHM_TRANSLATE_H

#include <sys/ipc.h>
#include <sys/shm.h>
#include <linux/xshm.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static inline unsigned int translate_get_flags(unsigned int shmflg)
{
	unsigned int known = 0777 | XSHM_CREAT | XSHM_EXCL | XSHM_HUGETLB | XSHM_NORESERVE;

	if (shmflg & XSHM_HUGETLB)
		known |= XSHM_HUGE_MASK << XSHM_HUGE_SHIFT;
	return shmflg & known;
}

static inline unsigned int translate_attach_flags(unsigned int shmflg)
{
	return shmflg & (XSHM_RDONLY | XSHM_RND | XSHM_REMAP | XSHM_EXEC);
}

enum translated_buffer { BUFFER_NONE, BUFFER_DS, BUFFER_LIMITS, BUFFER_USAGE };

struct translated_control {
	unsigned int command;		/* 0: there is no such one */
	unsigned int select;
	enum translated_buffer buffer;
	unsigned int size;		/* what shmctl(2) knows of the buffer */
};

static inline struct translated_control translate_control(int cmd)
{
	switch (cmd) {
	case IPC_STAT:
		return (struct translated_control){ XSHM_IOC_STAT, XSHM_SELECT_ID, BUFFER_DS,
						    XSHM_DS_SIZE_SYSV };
	case SHM_STAT:
		return (struct translated_control){ XSHM_IOC_STAT, XSHM_SELECT_INDEX, BUFFER_DS,
						    XSHM_DS_SIZE_SYSV };
	case SHM_STAT_ANY:
		return (struct translated_control){ XSHM_IOC_STAT, XSHM_SELECT_INDEX_ANY,
						    BUFFER_DS, XSHM_DS_SIZE_SYSV };
	case IPC_SET:
		return (struct translated_control){ XSHM_IOC_SET, 0, BUFFER_DS,
						    XSHM_DS_SIZE_SYSV };
	case IPC_INFO:
		return (struct translated_control){ XSHM_IOC_LIMITS, 0, BUFFER_LIMITS,
						    XSHM_LIMITS_SIZE_SYSV };
	case SHM_INFO:
		return (struct translated_control){ XSHM_IOC_USAGE, 0, BUFFER_USAGE,
						    XSHM_USAGE_SIZE_SYSV };
	case IPC_RMID:
		return (struct translated_control){ XSHM_IOC_REMOVE, 0, BUFFER_NONE, 0 };
	case SHM_LOCK:
		return (struct translated_control){ XSHM_IOC_LOCK, 0, BUFFER_NONE, 0 };
	case SHM_UNLOCK:
		return (struct translated_control){ XSHM_IOC_UNLOCK, 0, BUFFER_NONE, 0 };
	}
	return (struct translated_control){};
}

#endif
