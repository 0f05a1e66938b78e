// SPDX-License-Identifier: GPL-2.0
/* System calls that xshm serves, and the end of who made them, when memory is refused. */
#include "fault_sweep.h"
#include "served.h"

/* What System V says too when there is no memory for an inode. */
#define NO_INODE	.also = ENOSPC

/* The state is looked at through the device. */
#define SERVE() do {								\
	const char *why_ = load_sysv_once();					\
										\
	if (why_)								\
		SKIP(return, "%s", why_);					\
	ipc = &sysv;								\
	ASSERT_EQ(0, serve(true));						\
} while (0)

#define SWEEP(operations) do {							\
	for (unsigned int i_ = 0; i_ < sizeof(operations) / sizeof(operations[0]); i_++) \
		sweep(_metadata, self, &(operations)[i_]);			\
} while (0)

static void remove_result(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			  long result)
{
	if (result >= 0)
		EXPECT_EQ(0, ctl(result, IPC_RMID, NULL));
}

static long get_private(FIXTURE_DATA(fault) *self)
{
	return get(IPC_PRIVATE, BYTES, 0600);
}

static long get_keyed(FIXTURE_DATA(fault) *self)
{
	return get(KEY + 1, BYTES, IPC_CREAT | IPC_EXCL | 0600);
}

static long get_existing(FIXTURE_DATA(fault) *self)
{
	return get(KEY, BYTES, IPC_CREAT | 0600);
}

TEST_F_TIMEOUT(fault, shmget, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("shmget", NULL, get_private, remove_result, NO_INODE),
		OPERATION("shmget of a new key", NULL, get_keyed, remove_result, NO_INODE),
		OPERATION("shmget of an existing key", NULL, get_existing, NULL),
	};

	SERVE();
	SWEEP(operations);
}

static void make_segment(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	self->id = get(IPC_PRIVATE, BYTES, 0600);
	EXPECT_LE(0, self->id);
}

static void remove_made(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, long result)
{
	EXPECT_EQ(0, ctl(self->id, IPC_RMID, NULL));
}

static long attach(FIXTURE_DATA(fault) *self)
{
	long p = at(self->id, NULL, 0);

	self->p = (char *)p;
	return p;
}

static void make_attach(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	make_segment(_metadata, self);
	EXPECT_LT(0, attach(self));
}

static long attach_over(FIXTURE_DATA(fault) *self)
{
	return at(self->keyed, self->p, SHM_REMAP);
}

static void detach_and_remove(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			      long result)
{
	EXPECT_EQ(0, dt(self->p));
	remove_made(_metadata, self, result);
}

static long detach(FIXTURE_DATA(fault) *self)
{
	return dt(self->p);
}

TEST_F_TIMEOUT(fault, shmat_and_shmdt, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("shmat", make_segment, attach, detach_and_remove),
		/* What was there may be gone when the new mapping is refused. */
		OPERATION("shmat over an attach", make_attach, attach_over, detach_and_remove,
			  .partial = true),
		OPERATION("shmdt", make_attach, detach, remove_made),
	};

	SERVE();
	SWEEP(operations);
}

static long control(FIXTURE_DATA(fault) *self, int command)
{
	return ctl(self->id, command, self->buf);
}

static long ipc_stat(FIXTURE_DATA(fault) *self)
{
	return control(self, IPC_STAT);
}

static long ipc_set(FIXTURE_DATA(fault) *self)
{
	struct shmid_ds ds = { .shm_perm.mode = 0640 };

	return ctl(self->id, IPC_SET, &ds);
}

static long lock(FIXTURE_DATA(fault) *self)
{
	return control(self, SHM_LOCK);
}

static long ipc_info(FIXTURE_DATA(fault) *self)
{
	long result = ctl(0, IPC_INFO, self->buf);

	return result < 0 ? result : 0;
}

static long shm_info(FIXTURE_DATA(fault) *self)
{
	long result = ctl(0, SHM_INFO, self->buf);

	return result < 0 ? result : 0;
}

static long remove_it(FIXTURE_DATA(fault) *self)
{
	return control(self, IPC_RMID);
}

TEST_F_TIMEOUT(fault, shmctl, SWEEP_SECONDS)
{
	static const struct operation operations[] = {
		OPERATION("IPC_STAT", make_segment, ipc_stat, remove_made),
		OPERATION("IPC_SET", make_segment, ipc_set, remove_made),
		OPERATION("SHM_LOCK", make_segment, lock, remove_made),
		OPERATION("IPC_INFO", NULL, ipc_info, NULL),
		OPERATION("SHM_INFO", NULL, shm_info, NULL),
		OPERATION("IPC_RMID", make_segment, remove_it, NULL),
	};

	SERVE();
	SWEEP(operations);
}

/* Opens a file of the caller's namespace, and reads it from its beginning. */
static long look_into(FIXTURE_DATA(fault) *self)
{
	int fd = open(self->path, O_RDONLY | O_CLOEXEC);
	long err;

	if (fd < 0)
		return -errno;
	err = read(fd, self->buf, sizeof(self->buf)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static long switch_on(FIXTURE_DATA(fault) *self)
{
	return serve(true);
}

TEST_F_TIMEOUT(fault, files, SWEEP_SECONDS)
{
	static const struct operation table = OPERATION("table", NULL, look_into, NULL);
	static const struct operation state = OPERATION("switch, read", NULL, look_into, NULL);
	static const struct operation on = OPERATION("switch, written", NULL, switch_on, NULL);

	SERVE();
	strcpy(self->path, "/proc/sysvipc/shm");
	sweep(_metadata, self, &table);
	strcpy(self->path, SWITCH);
	sweep(_metadata, self, &state);
	sweep(_metadata, self, &on);
}

/* What a child does that has just begun; a negative errno when it is refused. */
struct beginning {
	const char *name;
	bool new_namespace;
	bool exits;		/* it is the exit that is failed */
};

/*
 * The child says by its exit status what it was refused, and by what is left of its
 * fault, which is looked at before the child is forgotten, whether it met it.
 */
static long in_child(const struct beginning *what, int nth, bool *fired)
{
	siginfo_t info = {};
	pid_t pid = fork();
	char path[64];
	int id;

	if (pid == 0) {
		if (fault_open() || (what->new_namespace && (unshare(CLONE_NEWIPC) || serve(true))))
			_exit(255);
		if (what->exits) {
			id = get(KEY + 1, BYTES, IPC_CREAT | 0600);
			fault_arm(nth);
			_exit(id < 0 ? 254 : 0);
		}
		fault_arm(nth);
		id = get(KEY + 1, BYTES, IPC_CREAT | 0600);
		_exit(id < 0 ? -id : 0);
	}
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return -ECHILD;
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	*fired = read_number(path) == 0;
	if (waitid(P_PID, pid, &info, WEXITED) || info.si_code != CLD_EXITED)
		return -ECHILD;
	return -info.si_status;
}

/* The segment goes with its maker, so after each nothing is left. */
TEST_F_TIMEOUT(fault, makers, SWEEP_SECONDS)
{
	static const struct beginning beginnings[] = {
		{ .name = "first segment of a task" },
		{ .name = "first segment of a namespace", .new_namespace = true },
		{ .name = "exit of a maker", .exits = true },
	};

	SERVE();
	ASSERT_EQ(0, raw_remove(self->keyed));
	self->keyed = RAW_GET(BYTES, 0600, 0);
	ASSERT_EQ(0, set_sysctl("shm_rmid_forced", 1));
	for (unsigned int i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		const struct beginning *what = &beginnings[i];
		struct state start, now;
		int nth, refused = 0;
		bool fired = true;

		look_around(_metadata, self, &start);
		for (nth = 1; fired && nth < MAX_FAULTS; nth++) {
			long err = in_child(what, nth, &fired);

			ASSERT_TRUE(!err || (fired && !what->exits &&
					     (err == -ENOMEM || err == -ENOSPC)))
				TH_LOG("%s, fault %d: %ld", what->name, nth, err);
			refused += err < 0;
			look_around(_metadata, self, &now);
			expect_same(_metadata, &start, &now, what->name, nth);
			ASSERT_EQ(KSFT_PASS, _metadata->exit_code);
		}
		EXPECT_FALSE(fired);
		TH_LOG("%s: %d faults, refused %d times", what->name, nth - 2, refused);
		sums->operations++;
		sums->faults += nth - 2;
		sums->refused += refused;
	}
	EXPECT_EQ(0, set_sysctl("shm_rmid_forced", 0));
}

TEST_SUM_OF_FAULTS

TEST_HARNESS_MAIN
