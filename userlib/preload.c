// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * shmget(2), shmat(2), shmdt(2) and shmctl(2) on xshm, for programs that know
 * nothing of it: LD_PRELOAD=libxshm-preload.so
 *
 * The environment is read once:
 *
 * XSHM_FALLBACK=1	Use the kernel's own segments if there is no xshm. Decided
 *			once in a program and inherited by fork, so that the
 *			two never mix. Otherwise the calls fail with ENOSYS.
 * XSHM_OWNER_BOUND=1	Make every segment with XSHM_GET_OWNER_BOUND.
 *
 * The loader ignores LD_PRELOAD in set-uid and set-gid programs, unless an
 * administrator put the library, set-uid too, into a system folder. Even then
 * their environment, which is the caller's, changes nothing here.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"
#include "xshm.h"

#define SETTING_READ		(1 << 0)
#define SETTING_KERNEL		(1 << 1)
#define SETTING_OWNER_BOUND	(1 << 2)

static atomic_int settings;

static int is_set(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] == '1' && !value[1];
}

/*
 * Constructors of other libraries may call before ours has run, and threads at
 * once; all come to the same result, and the first one stays.
 */
static int read_settings(void)
{
	int found = SETTING_READ, expected = 0;
	int saved_errno = errno;

	if (is_set("XSHM_OWNER_BOUND"))
		found |= SETTING_OWNER_BOUND;

	/*
	 * Open the device already now, for programs that will chroot, drop
	 * privileges, filter their system calls or use up their descriptors.
	 */
	if (device_prepare() < 0 && errno == ENOSYS && is_set("XSHM_FALLBACK"))
		found |= SETTING_KERNEL;

	if (!atomic_compare_exchange_strong(&settings, &expected, found))
		found = expected;
	errno = saved_errno;
	return found;
}

static inline int get_settings(void)
{
	int found = atomic_load_explicit(&settings, memory_order_relaxed);

	return __builtin_expect(found, 1) ? found : read_settings();
}

__attribute__((constructor)) static void preload_start(void)
{
	get_settings();
}

bool preload_is_on_kernel(void)
{
	return get_settings() & SETTING_KERNEL;
}

int preload_shmget(key_t key, size_t size, int shmflg)
{
	int found = get_settings();

	if (__builtin_expect(found & SETTING_KERNEL, 0))
		return next_syscall(SYS_shmget, key, size, shmflg);
	return xshm_get(key, size, shmflg,
			found & SETTING_OWNER_BOUND ? XSHM_GET_OWNER_BOUND : 0);
}

void *preload_shmat(int shmid, const void *shmaddr, int shmflg)
{
	if (__builtin_expect(get_settings() & SETTING_KERNEL, 0))
		return (void *)next_syscall(SYS_shmat, shmid, shmaddr, shmflg);
	return xshm_attach(shmid, shmaddr, shmflg, 0);
}

int preload_shmdt(const void *shmaddr)
{
	if (__builtin_expect(get_settings() & SETTING_KERNEL, 0))
		return next_syscall(SYS_shmdt, shmaddr);
	return xshmdt(shmaddr);
}

EXPORT __typeof__(shmget) shmget __attribute__((alias("preload_shmget")));
EXPORT __typeof__(shmat) shmat __attribute__((alias("preload_shmat")));
EXPORT __typeof__(shmdt) shmdt __attribute__((alias("preload_shmdt")));

#if __SIZEOF_LONG__ == 8

int preload_shmctl(int shmid, int cmd, struct shmid_ds *buf)
{
	if (__builtin_expect(get_settings() & SETTING_KERNEL, 0))
		return next_syscall(SYS_shmctl, shmid, cmd, buf);
	return xshmctl(shmid, cmd, buf);
}

EXPORT __typeof__(shmctl) shmctl __attribute__((alias("preload_shmctl")));

#elif !defined(__i386__)
#error "the versions of shmctl on this architecture"
#else

static int shmctl_layout(int shmid, int cmd, void *buf, enum layout32 layout)
{
	if (__builtin_expect(get_settings() & SETTING_KERNEL, 0))
		return kernel_shmctl32(shmid, cmd, buf, layout);
	return control32(shmid, cmd, buf, layout);
}

int preload_shmctl_old(int shmid, int cmd, void *buf)
{
	return shmctl_layout(shmid, cmd, buf, LAYOUT32_OLD);
}

__asm__(".symver preload_shmctl_old, shmctl@GLIBC_2.0");

int preload_shmctl(int shmid, int cmd, void *buf)
{
	return shmctl_layout(shmid, cmd, buf, LAYOUT32_TIME32);
}

__asm__(".symver preload_shmctl, shmctl@@GLIBC_2.2");

int __shmctl64(int shmid, int cmd, void *buf)
{
	return shmctl_layout(shmid, cmd, buf, LAYOUT32_TIME64);
}

#endif
