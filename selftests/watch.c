// SPDX-License-Identifier: GPL-2.0
/*
 * What lives through the module's watch, which ends namespaces with nobody inside: a
 * namespace that a process is in, that only a file holds, or that is the initial one,
 * whose references a kernel need not count.
 */
#include <poll.h>
#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/mount.h>

#include "counters.h"
#include "raw.h"

#define PERIOD		1	/* seconds, of the watch */
#define PERIODS		5

/* The number of the initial IPC namespace, PROC_IPC_INIT_INO of the kernel. */
#define INITIAL		"ipc:[4026531839]"

enum place {
	IN_INITIAL,	/* in the initial namespace */
	INSIDE,		/* in one that this process is in */
	BY_FILE,	/* in one that is only open */
	BY_MOUNT,	/* in one that is only mounted somewhere */
};

FIXTURE(watch) {
	char point[64];		/* where the namespace is mounted */
	int home, held;		/* namespaces */
	char limit[3][32];	/* before, as text: some are too large for a number */
	int id[4];
	struct shmid_ds ds[4];
	char *at[4];
};

FIXTURE_VARIANT(watch) {
	const struct backend *backend;
	enum place place;
};

#define PLACE(name_, place_)							\
	FIXTURE_VARIANT_ADD(watch, sysv_##name_) { .backend = &sysv, .place = place_ };	\
	FIXTURE_VARIANT_ADD(watch, xshm_##name_) { .backend = &xshm, .place = place_ }

PLACE(initial, IN_INITIAL);
PLACE(inside, INSIDE);
PLACE(by_file, BY_FILE);
PLACE(by_mount, BY_MOUNT);

static const char *const limits[] = { "shmmni", "shmmax", "shmall" };

static bool read_limit(const char *name, char *text)
{
	int fd = open(sysctl_path(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, 31);

	close(fd);
	return n > 0;
}

FIXTURE_SETUP(watch)
{
	const char *why = unavailable(variant->backend);
	char name[64] = "";

	self->home = self->held = -1;
	for (int i = 0; i < 4; i++)
		self->id[i] = -1;
	ipc = variant->backend;
	if (why)
		SKIP(return, "%s", why);
	if (geteuid() != 0)
		SKIP(return, "needs root");
	if (variant->place == IN_INITIAL) {
		ASSERT_LT(0, readlink("/proc/self/ns/ipc", name, sizeof(name) - 1));
		if (strcmp(name, INITIAL))
			SKIP(return, "%s is not the initial namespace", name);
	} else {
		self->home = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, self->home);
		ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	}
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(read_limit(limits[i], self->limit[i]));
}

FIXTURE_TEARDOWN(watch)
{
	for (int i = 0; i < 4; i++)
		if (self->id[i] >= 0)
			ctl(self->id[i], IPC_RMID, NULL);
	for (int i = 0; i < 3; i++)
		if (self->limit[i][0])
			EXPECT_EQ(0, write_text(sysctl_path(limits[i]), self->limit[i]));
	if (self->point[0]) {
		umount2(self->point, MNT_DETACH);
		unlink(self->point);
	}
}

/* Leaves the namespace to what holds it. */
static void leave(struct __test_metadata *_metadata, FIXTURE_DATA(watch) *self,
		  enum place place)
{
	if (place != BY_FILE && place != BY_MOUNT)
		return;
	self->held = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->held);
	if (place == BY_MOUNT) {
		int fd;

		strcpy(self->point, "/tmp/xshm-watch-XXXXXX");
		fd = mkstemp(self->point);
		ASSERT_LE(0, fd);
		close(fd);
		ASSERT_EQ(0, unshare(CLONE_NEWNS));
		ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		ASSERT_EQ(0, mount("/proc/self/ns/ipc", self->point, NULL, MS_BIND, NULL));
		close(self->held);
	}
	ASSERT_EQ(0, setns(self->home, CLONE_NEWIPC));
	EXPECT_EQ(-ENOENT, get(KEY, 0, 0));
}

static void come_back(struct __test_metadata *_metadata, FIXTURE_DATA(watch) *self,
		      enum place place)
{
	if (place == BY_MOUNT)
		self->held = open(self->point, O_RDONLY | O_CLOEXEC);
	if (place == BY_FILE || place == BY_MOUNT)
		ASSERT_EQ(0, setns(self->held, CLONE_NEWIPC));
}

static void let_it_look(void)
{
	if (on_xshm())
		usleep((PERIODS * PERIOD * 1000 + 300) * 1000);
}

#define SIZE(i)		(5000UL + 4096UL * (i))

/* Keyed and private, attached and not. */
TEST_F_TIMEOUT(watch, segments_and_limits_stay, 120)
{
	int before = ctl(0, SHM_INFO, &(struct shm_info){}), fill = 4200;
	struct shm_info info, later;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, set_sysctl("shmmni", 32768));
	ASSERT_EQ(0, set_sysctl("shmmax", 1 << 20));
	ASSERT_EQ(0, set_sysctl("shmall", 1 << 20));
	for (int i = 0; i < 4; i++) {
		self->id[i] = GET(i & 1 ? KEY + i : IPC_PRIVATE, SIZE(i), IPC_CREAT | 0600);
		self->at[i] = ATTACH(self->id[i], 0);
		memset(self->at[i], 'a' + i, SIZE(i));
		if (i & 2)
			ASSERT_EQ(0, dt(self->at[i]));
		self->ds[i] = STAT(self->id[i]);
		EXPECT_EQ(!(i & 2), self->ds[i].shm_nattch);
	}
	ASSERT_LE(0, ctl(0, SHM_INFO, &info));
	leave(_metadata, self, variant->place);
	let_it_look();
	come_back(_metadata, self, variant->place);

	EXPECT_EQ(32768, get_sysctl("shmmni"));
	EXPECT_EQ(1 << 20, get_sysctl("shmmax"));
	EXPECT_EQ(1 << 20, get_sysctl("shmall"));
	EXPECT_EQ(-EINVAL, get(IPC_PRIVATE, (1 << 20) + 1, 0600));
	ASSERT_LE(0, ctl(0, SHM_INFO, &later));
	EXPECT_EQ(info.used_ids, later.used_ids);
	EXPECT_EQ(info.shm_tot, later.shm_tot);
	EXPECT_EQ(info.shm_rss, later.shm_rss);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(i & 1 ? self->id[i] : -ENOENT, get(KEY + i, 0, 0));
		EXPECT_SAME_STAT(self->ds[i], STAT(self->id[i]));
		if (i & 2)
			self->at[i] = ATTACH(self->id[i], 0);
		EXPECT_TRUE(all_bytes(self->at[i], SIZE(i), 'a' + i));
		EXPECT_EQ(1, NATTCH(self->id[i]));
		ASSERT_EQ(0, dt(self->at[i]));
	}

	/* More than the default of shmmni. On a slow kernel the sysctl has to do. */
	if (getenv("XSHM_SLOW"))
		fill = 8;
	int *more = calloc(fill, sizeof(*more));

	for (int i = 0; i < fill; i++)
		more[i] = GET(IPC_PRIVATE, 1, 0600);
	ASSERT_LE(0, ctl(0, SHM_INFO, &later));
	EXPECT_EQ(info.used_ids + fill, later.used_ids);
	for (int i = 0; i < fill; i++)
		REMOVE(more[i]);
	free(more);
	ASSERT_EQ(0, set_sysctl("shmmni", info.used_ids));
	EXPECT_EQ(-ENOSPC, get(IPC_PRIVATE, 1, 0600));
	for (int i = 0; i < 4; i++) {
		REMOVE(self->id[i]);
		EXPECT_EQ(-EINVAL, ctl(self->id[i], IPC_STAT, &self->ds[i]));
		self->id[i] = -1;
	}
}

/* A command whose result waits for the handler of a page fault. */
struct sleeper {
	pthread_t thread;
	unsigned int command;
	int id, result;
	void *buf;
	uint32_t size;
};

static void *sleep_in_command(void *arg)
{
	struct sleeper *s = arg;

	s->result = raw_control(s->command, s->id, s->buf, s->size);
	return NULL;
}

TEST_F_TIMEOUT(watch, a_call_that_sleeps_goes_on, 60)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct sleeper s[3] = {
		{ .command = XSHM_IOC_USAGE, .size = sizeof(struct xshm_usage) },
		{ .command = XSHM_IOC_LIMITS, .size = sizeof(struct xshm_limits) },
		{ .command = XSHM_IOC_STAT, .size = sizeof(struct xshm_ds) },
	};
	char *page = mmap(NULL, pages(3), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), highest;
	const struct xshm_limits *told = (void *)(page + pages(1));
	const struct xshm_usage *usage = (void *)page;
	const struct xshm_ds *ds = (void *)(page + pages(2));
	struct xshm_usage before, now;

	if (!on_xshm())
		SKIP(return, "System V has no watch");
	if (variant->place != IN_INITIAL && variant->place != INSIDE)
		SKIP(return, "who calls is inside");
	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, set_sysctl("shmmni", 32768));
	before = RAW_USAGE();
	self->id[0] = GET(KEY, SIZE(3), IPC_CREAT | SHM_NORESERVE | 0600);
	char *p = ATTACH(self->id[0], 0);

	touch(p, SIZE(3));
	highest = raw_control(XSHM_IOC_USAGE, 0, &now, sizeof(now));
	ASSERT_LE(self->id[0] & 0x7fff, highest);

	reg.range.start = (uintptr_t)page;
	reg.range.len = pages(3);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	/* Once for all threads: device() is of the process. */
	ASSERT_LE(0, device());
	for (int i = 0; i < 3; i++) {
		s[i].id = s[i].command == XSHM_IOC_STAT ? self->id[0] : 0;
		s[i].buf = page + pages(i);
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, sleep_in_command, &s[i]));
	}
	for (int i = 0; i < 3; i++) {
		struct uffd_msg msg;

		ASSERT_EQ(sizeof(msg), read(fd, &msg, sizeof(msg)));
		ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	}
	/* All three are in the command now. */
	usleep(4000 * 1000);
	for (int i = 0; i < 3; i++) {
		struct uffdio_zeropage zero = {
			.range = { .start = (uintptr_t)page + pages(i), .len = pages(1) },
		};

		ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(s[i].thread, NULL));
	close(fd);

	EXPECT_EQ(highest, s[0].result);
	EXPECT_EQ(before.used_ids + 1, usage->used_ids);
	EXPECT_EQ(before.shm_tot + 5, usage->shm_tot);
	EXPECT_EQ(before.shm_rss + 5, usage->shm_rss);
	EXPECT_EQ(highest, s[1].result);
	EXPECT_EQ(32768, told->shmmni);
	EXPECT_EQ(-1, told->next_id);
	EXPECT_EQ(0, s[2].result);
	EXPECT_EQ(self->id[0], ds->id);
	EXPECT_EQ(SIZE(3), ds->segsz);
	EXPECT_EQ(5 * 4096, ds->resident);
	EXPECT_EQ(1, ds->nattch);
	/* And so are those that come after. */
	now = RAW_USAGE();
	EXPECT_EQ(usage->used_ids, now.used_ids);
	EXPECT_EQ(self->id[0], get(KEY, 0, 0));
	EXPECT_EQ(1, NATTCH(self->id[0]));
	ASSERT_EQ(0, dt(p));
}

TEST_HARNESS_MAIN
