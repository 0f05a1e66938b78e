// SPDX-License-Identifier: GPL-2.0
/*
 * xshm sysv, and what else of the command depends on the system calls being served.
 * Loads xshm_sysv.ko, which serves nobody but who asks, if it isn't there.
 */
#include "served.h"
#include "tool.h"

#define RESTRICT "/proc/sys/kernel/dmesg_restrict"

FIXTURE(tool_sysv) {
	struct said said;
	int module;		/* its file */
	bool mine;		/* it is loaded for this test */
	long long was, restricted;
};

FIXTURE_SETUP(tool_sysv)
{
	self->was = -1;
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
	self->restricted = read_number(RESTRICT);
	self->module = open_sysv_module();
	if (access(SWITCH, F_OK) && self->module < 0)
		SKIP(return, "no xshm_sysv.ko beside xshm.ko");
	self->was = read_number(SWITCH);
}

FIXTURE_TEARDOWN(tool_sysv)
{
	if (geteuid() || unavailable(&xshm))
		return;
	if (!access(FTRACE, F_OK))
		write_text(FTRACE, "1");
	if (self->restricted >= 0)
		write_number(RESTRICT, self->restricted);
	if (self->mine) {
		EXPECT_EQ(0, unload_sysv());
	} else if (self->was >= 0) {
		write_number(SWITCH, self->was);
	}
}

#define SAYS(wanted_status, ...) do {						\
	tool(&self->said, __VA_ARGS__);						\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
} while (0)

#define USER_SAYS(wanted_status, ...) do {					\
	tool_as(&self->said, USER, __VA_ARGS__);				\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
} while (0)

#define OUT_HAS(text) EXPECT_NE(NULL, strstr(self->said.out, text))		\
	TH_LOG("'%s' is not in: %s", text, self->said.out)
#define ERR_HAS(text) EXPECT_NE(NULL, strstr(self->said.err, text))		\
	TH_LOG("'%s' is not in: %s", text, self->said.err)

/* Loaded, and off in this namespace. */
#define LOAD() do {								\
	if (self->was < 0) {							\
		int err_ = load_sysv(self->module, "serve=0");				\
										\
		if (err_ == -EBUSY || err_ == -ENOENT || err_ == -EINVAL)	\
			SKIP(return, "xshm_sysv.ko can't be loaded here (%d)", err_); \
		ASSERT_EQ(0, err_);						\
		self->mine = true;						\
	}									\
	ASSERT_EQ(0, write_number(SWITCH, 0));					\
} while (0)

TEST_F_TIMEOUT(tool_sysv, not_loaded, 100)
{
	bool none = unavailable(&sysv);

	if (self->was >= 0)
		SKIP(return, "xshm_sysv is loaded");
	SAYS(0, "sysv");
	OUT_HAS(none ? "calls      not served in this IPC namespace: ENOSYS (Function not implem" :
		"calls      not served in this IPC namespace: the kernel's own segments\n");
	OUT_HAS("module     xshm_sysv is not loaded: as root, modprobe xshm_sysv");
	SAYS(0, "sysv -J");
	OUT_HAS("\"served\": false,");
	OUT_HAS("\"loaded\": false,");
	OUT_HAS(none ? "\"calls\": \"none\"," : "\"calls\": \"kernel\",");
	OUT_HAS("\"hooks\": null,");
	SAYS(1, "sysv on");
	ERR_HAS("xshm_sysv is not loaded: as root, modprobe xshm_sysv");
	EXPECT_TRUE(is_one_line(self->said.err));
	SAYS(1, "sysv off");
	ERR_HAS("xshm_sysv is not loaded");
}

/* Why it was not loaded, from the kernel log, as far as that may be read. */
TEST_F_TIMEOUT(tool_sysv, refused, 100)
{
	if (self->was >= 0)
		SKIP(return, "xshm_sysv is loaded");
	if (write_text(FTRACE, "0"))
		SKIP(return, "ftrace can't be switched off");
	ASSERT_EQ(-EBUSY, load_sysv(self->module, "serve=0"));
	SAYS(0, "sysv");
	OUT_HAS("refused    ftrace is switched off: set kernel.ftrace_enabled to 1 first\n");
	SAYS(0, "sysv -J");
	OUT_HAS("\"refused\": \"ftrace is switched off");
	ASSERT_EQ(0, write_number(RESTRICT, 1));
	USER_SAYS(0, "sysv");
	OUT_HAS("refused    not known: can't read the kernel log: Operation not permitted");
	EXPECT_EQ(NULL, strstr(self->said.out, "ftrace is"));
	/* A load that works is the end of that. */
	ASSERT_EQ(0, write_text(FTRACE, "1"));
	LOAD();
	self->mine = false;
	ASSERT_EQ(0, unload_sysv());
	SAYS(0, "sysv");
	EXPECT_EQ(NULL, strstr(self->said.out, "refused")) TH_LOG("%s", self->said.out);
}

TEST_F_TIMEOUT(tool_sysv, on_off, 100)
{
	LOAD();
	SAYS(0, "sysv");
	OUT_HAS("calls      not served in this IPC namespace: ");
	OUT_HAS("module     xshm_sysv is loaded; new IPC namespaces are ");
	if (self->mine) {
		OUT_HAS("new IPC namespaces are not served\n");
	}
	USER_SAYS(1, "sysv on");
	EXPECT_STREQ("xshm: no permission to switch it on: only root of the machine may, not of "
		     "a container\n", self->said.err);
	EXPECT_EQ(0, read_number(SWITCH));
	SAYS(0, "sysv on");
	EXPECT_STREQ("", self->said.out);
	EXPECT_EQ(1, read_number(SWITCH));
	SAYS(0, "sysv");
	OUT_HAS("calls      served by xshm in this IPC namespace\n");
	/* Another namespace is asked for itself. */
	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	ASSERT_EQ(0, write_number(SWITCH, 0));
	SAYS(0, "sysv -J");
	OUT_HAS("\"served\": false,");
	OUT_HAS("\"loaded\": true,");
	SAYS(0, "sysv on");
	SAYS(0, "sysv off");
	EXPECT_EQ(0, read_number(SWITCH));
}

/* All that serves is named, to who may know. */
TEST_F_TIMEOUT(tool_sysv, hooks, 100)
{
	LOAD();
	SAYS(0, "sysv -J");
	if (access("/sys/kernel/tracing/enabled_functions", R_OK))
		SKIP(return, "no tracefs");
	OUT_HAS("_sys_shmget\"");
	OUT_HAS("_sys_shmat\"");
	OUT_HAS("_sys_shmdt\"");
	OUT_HAS("_sys_shmctl\"");
	SAYS(0, "sysv");
	OUT_HAS("hooks      ");
	for (char *line = strtok(self->said.out, "\n"); line; line = strtok(NULL, "\n")) {
		EXPECT_GE(80, strlen(line)) TH_LOG("%s", line);
	}
	USER_SAYS(0, "sysv");
	OUT_HAS("hooks      all that are needed; root with tracefs mounted sees which\n");
}

/* The kernel's own of before, and xshm's. */
TEST_F_TIMEOUT(tool_sysv, segments, 100)
{
	char line[64];
	int before, id;

	LOAD();
	before = sysv_get(KEY, 4096, IPC_CREAT | 0600);
	EXPECT_EQ(!unavailable(&sysv), before >= 0);
	SAYS(0, "sysv on");
	id = sysv_get(KEY + 1, 4096, IPC_CREAT | 0600);
	ASSERT_LE(0, id);
	ASSERT_EQ(id, xshmget(KEY + 1, 0, 0));
	SAYS(0, "sysv");
	OUT_HAS(before >= 0 ? "segments   1 of xshm, 1 of the kernel's own\n" :
		"segments   1 of xshm, 0 of the kernel's own\n");
	SAYS(0, "ls -nr -o SHMID,NATTCH,SIZE,STATUS");
	snprintf(line, sizeof(line), "%d 0 4096 -\n", id);
	OUT_HAS(line);
	if (before >= 0) {
		snprintf(line, sizeof(line), "%d 0 4096 kernel\n", before);
		OUT_HAS(line);
		SAYS(0, "ls -nr -o SHMID,STATUS %d", before);
		snprintf(line, sizeof(line), "%d kernel\n", before);
		ASSERT_STREQ(line, self->said.out);
	}
	/* Either kind is told when only it is there, which one table has. */
	if (before >= 0) {
		EXPECT_EQ(0, sysv_ctl(before, IPC_RMID, NULL));
	}
	SAYS(0, "sysv -J");
	OUT_HAS("\"segments\": 1,\n      \"kernel_segments\": 0,");
	SAYS(0, "sysv off");
	SAYS(0, "sysv -J");
	OUT_HAS("\"segments\": 1,\n      \"kernel_segments\": 0,");
	EXPECT_EQ(0, sysv_ctl(id, IPC_RMID, NULL));
	SAYS(0, "sysv -J");
	OUT_HAS("\"segments\": 0,\n      \"kernel_segments\": 0,");
}

static unsigned long ipc_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/ipc", &st) ? 0 : st.st_ino;
}

/* What --all says of a namespace as JSON. */
static bool says_of(const char *out, unsigned long inode, const char *wanted)
{
	char text[64];
	const char *at, *end;

	snprintf(text, sizeof(text), "\"namespace\": %lu,", inode);
	at = strstr(out, text);
	end = at ? strchr(at, '}') : NULL;
	at = at ? strstr(at, wanted) : NULL;
	return at && at < end;
}

TEST_F_TIMEOUT(tool_sysv, namespaces, 100)
{
	unsigned long inode = 0;
	int ready[2], done[2], id;
	char wanted[64];
	pid_t pid;

	LOAD();
	SAYS(0, "sysv on");
	id = sysv_get(IPC_PRIVATE, 4096, 0600);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	pid = fork();
	if (!pid) {
		close(done[1]);
		if (unshare(CLONE_NEWIPC) || write_number(SWITCH, 0))
			_exit(1);
		inode = ipc_inode();
		_exit(write(ready[1], &inode, sizeof(inode)) != sizeof(inode) ||
		      read(done[0], wanted, 1) != 0);
	}
	close(ready[1]);
	ASSERT_EQ(sizeof(inode), read(ready[0], &inode, sizeof(inode)));
	SAYS(0, "sysv -AJ");
	EXPECT_TRUE(says_of(self->said.out, ipc_inode(),
			    "\"served\": true,\n         \"xshm\": 1,"))
		TH_LOG("%s", self->said.out);
	EXPECT_TRUE(says_of(self->said.out, inode,
			    "\"served\": false,\n         \"xshm\": 0,"))
		TH_LOG("%s", self->said.out);
	SAYS(0, "sysv -A");
	snprintf(wanted, sizeof(wanted), "\n%10lu ", inode);
	OUT_HAS(wanted);
	/* Others' processes are not a user's to look at. */
	USER_SAYS(0, "sysv -A");
	ERR_HAS("only root sees the namespaces of everybody's processes");
	EXPECT_EQ(NULL, strstr(self->said.out, wanted));
	close(done[1]);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, sysv_ctl(id, IPC_RMID, NULL));
}

/*
 * A container's root sets a limit of its namespace, which is served; what is in force then.
 * False if there is no container.
 */
static bool in_container(struct said *said, const char *tool)
{
	char line[8192];

	snprintf(line, sizeof(line),
		 "user='setpriv --reuid %d --regid %d --clear-groups'; "
		 "$user unshare -Ur true || exit 3; "
		 "$user unshare -Ur --ipc sleep 50 & p=$!; i=0; "
		 "while [ $i -lt 100 ] && [ \"$(cat /proc/$p/comm)\" != sleep ]; do "
		 "sleep 0.1; i=$((i + 1)); done; "
		 "nsenter -t $p --ipc sh -c 'echo 1 >%s'; "
		 "nsenter -t $p --user --ipc '%s' limits shmmni=5; "
		 "nsenter -t $p --ipc cat /proc/sys/kernel/shmmni; kill $p", USER, GROUP, SWITCH,
		 tool);
	run_line(said, 0, line);
	return said->status != 3;
}

/* The limits in force, which a container's root may set, too. */
TEST_F_TIMEOUT(tool_sysv, limits, 100)
{
	int id;

	LOAD();
	SAYS(0, "limits shmmni=78");
	EXPECT_EQ(78, read_number("/proc/sys/xshm/shmmni"));
	SAYS(0, "sysv on");
	SAYS(0, "limits shmmni=1");
	EXPECT_EQ(1, read_number("/proc/sys/kernel/shmmni"));
	SAYS(0, "limits -rn shmmni user_segments");
	EXPECT_STREQ("shmmni 1 0\nuser_segments 0 -\n", self->said.out);
	id = sysv_get(IPC_PRIVATE, 4096, 0600);
	ASSERT_LE(0, id);
	EXPECT_EQ(-1, sysv_get(IPC_PRIVATE, 4096, 0600));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, sysv_ctl(id, IPC_RMID, NULL));
	SAYS(0, "limits shmmni=4096");
	if (!in_container(&self->said, built("xshm")))
		SKIP(return, "no user namespaces");
	EXPECT_STREQ("5\n", self->said.out) TH_LOG("%s", self->said.err);
}

/* xshm run isn't needed, says so, and runs also what it could not reach itself. */
TEST_F_TIMEOUT(tool_sysv, run, 100)
{
	static const char program[] = "/run/guest/busybox";
	char mounts[64] = "";

	LOAD();
	SAYS(0, "run -v -- true");
	ERR_HAS("preloading into");
	EXPECT_TRUE(is_one_line(self->said.err));
	if (!access(program, X_OK)) {
		SAYS(0, "run -v -- %s true", program);
		ERR_HAS("tracing");
	}
	SAYS(0, "sysv on");
	SAYS(0, "run -v -- true");
	EXPECT_STREQ("xshm: not needed: the system calls of this IPC namespace are served by "
		     "xshm, see xshm sysv\n", self->said.err);
	SAYS(0, "run -- true");
	EXPECT_STREQ("", self->said.err);
	/* The kernel's files show xshm: no mount namespace is needed to cover them. */
	ASSERT_LT(0, readlink("/proc/self/ns/mnt", mounts, sizeof(mounts) - 2));
	strcat(mounts, "\n");
	SAYS(0, "run -- readlink /proc/self/ns/mnt");
	EXPECT_STREQ(mounts, self->said.out);
	if (access(program, X_OK))
		SKIP(return, "no static program");
	SAYS(0, "run -- %s true", program);
	/* Only the tracer binds its segments to their maker. */
	SAYS(0, "run -v --owner-bound -- %s true", program);
	ERR_HAS("tracing");
}

TEST_HARNESS_MAIN
