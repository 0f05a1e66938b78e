// SPDX-License-Identifier: GPL-2.0
/*
 * xshm run and the walls of sandboxes: what /proc shows in another IPC namespace, roots that
 * are no mount points, devices that can't be opened, and a namespace of the command's own.
 */
#include "scenes.h"
#include "tool.h"
#include <sys/mount.h>
#include <sys/sysmacros.h>

FIXTURE(tool_sandbox) {
	struct said said;
	char self[4096], xshm[4200];
};

FIXTURE_SETUP(tool_sandbox)
{
	FIND_SELF(self->self);
	strcpy(self->xshm, built("xshm"));
}

FIXTURE_TEARDOWN(tool_sandbox)
{
}

#define SAYS(uid, wanted, ...) do {						\
	tool_as(&self->said, uid, __VA_ARGS__);					\
	ASSERT_EQ(wanted, self->said.status)					\
		TH_LOG("said '%s' '%s'", self->said.out, self->said.err);	\
} while (0)

#define ERR_HAS(text) EXPECT_NE(NULL, strstr(self->said.err, text))		\
	TH_LOG("'%s' is not in: %s", text, self->said.err)

static bool has_tables(void)
{
	return !access("/proc/sys/kernel/shmmni", F_OK);
}

/* The files show the limits of the namespace that asks, and set them. */
TEST_F_TIMEOUT(tool_sandbox, limits_follow, 100)
{
	if (!has_tables())
		SKIP(return, "this kernel has no System V shared memory");
	SAYS(0, 0, "run -- unshare --ipc sh -c '%s limits shmmni=77; "
	     "cat /proc/sys/kernel/shmmni; echo 78 >/proc/sys/kernel/shmmni; "
	     "%s limits -rn shmmni'", self->xshm, self->xshm);
	EXPECT_STREQ("77\nshmmni 78 0\n", self->said.out);
	EXPECT_STREQ("", self->said.err);
	SAYS(0, 0, "run -- unshare --ipc sh -c '%s limits shmmni=79; ipcs -l'", self->xshm);
	EXPECT_NE(NULL, strstr(self->said.out, "max number of segments = 79\n"))
		TH_LOG("%s", self->said.out);
	/* Nobody else's. */
	EXPECT_EQ(4096, read_number("/proc/sys/xshm/shmmni"));
	EXPECT_EQ(4096, read_number("/proc/sys/kernel/shmmni"));
}

/* All else in the folder is what it was. */
TEST_F_TIMEOUT(tool_sandbox, others_in_folder, 100)
{
	struct said *as_usual = calloc(1, sizeof(*as_usual));
	static const char line[] = "cd /proc/sys/kernel && ls && cat ostype random/poolsize && "
				   "was=$(cat msgmni) && echo 1234 >msgmni && cat msgmni && "
				   "echo $was >msgmni && cat msgmni";

	ASSERT_NE(NULL, as_usual);
	if (!has_tables())
		SKIP(return, "this kernel has no System V shared memory");
	run_line(as_usual, 0, line);
	ASSERT_EQ(0, as_usual->status);
	SAYS(0, 0, "run -- sh -c '%s'", line);
	EXPECT_STREQ(as_usual->out, self->said.out);
	free(as_usual);
	/* Twice is as once. */
	SAYS(0, 0, "run -- %s run -v -- cat /proc/sys/kernel/shmmni", self->xshm);
	EXPECT_STREQ("4096\n", self->said.out);
	EXPECT_EQ(NULL, strstr(self->said.err, "going on without"));
}

TEST_F_TIMEOUT(tool_sandbox, bubblewrap, 100)
{
	int id;

	if (access("/usr/bin/bwrap", X_OK))
		SKIP(return, "no bubblewrap");
	SAYS(0, 0, "run -- bwrap --unshare-ipc --bind / / true");
	EXPECT_STREQ("", self->said.err);
	SAYS(0, 0, "run -- bwrap --unshare-ipc --dev-bind / / sh -c '%s limits shmmni=70; "
	     "cat /proc/sys/%s/shmmni; ipcmk -M 5000; %s ls -rn -o size'", self->xshm,
	     has_tables() ? "kernel" : "xshm", self->xshm);
	EXPECT_EQ(0, strncmp(self->said.out, "70\n", 3)) TH_LOG("%s", self->said.out);
	EXPECT_NE(NULL, strstr(self->said.out, "\n5000\n")) TH_LOG("%s", self->said.out);
	/* The container's. */
	SAYS(0, 0, "ls -rn");
	EXPECT_STREQ("", self->said.out);
	id = xshmget(KEY, 0, 0);
	EXPECT_EQ(-1, id);
}

/* What is in the way of the device there, and the way around it. */
TEST_F_TIMEOUT(tool_sandbox, says_what_helps, 100)
{
	char line[10000];
	struct stat st;

	ASSERT_EQ(0, stat("/dev/xshm", &st));
	snprintf(line, sizeof(line), "exec unshare --mount sh -ec 'mkdir -p /tmp/xshm-nodev; "
		 "mount -t tmpfs -o nodev none /tmp/xshm-nodev; "
		 "mknod -m 0666 /tmp/xshm-nodev/xshm c %u %u; "
		 "mount --bind /tmp/xshm-nodev/xshm /dev/xshm; exec \"%s\" ls'",
		 major(st.st_rdev), minor(st.st_rdev), self->xshm);
	run_line(&self->said, 0, line);
	EXPECT_EQ(1, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
	ERR_HAS("nodev");
	EXPECT_EQ(NULL, strstr(self->said.err, "chmod")) TH_LOG("%s", self->said.err);
	/* As sandboxes have it: root of one makes no devices. */
	snprintf(line, sizeof(line), "exec unshare --mount sh -ec 'mount -t tmpfs none /dev; "
		 "exec setpriv --bounding-set=-mknod --inh-caps=-mknod \"%s\" ls'", self->xshm);
	run_line(&self->said, 0, line);
	EXPECT_EQ(1, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
	ERR_HAS("--dev-bind /dev/xshm /dev/xshm");
	EXPECT_EQ(NULL, strstr(self->said.err, "mknod")) TH_LOG("%s", self->said.err);
	/* The machine's own, from which it was removed. */
	ASSERT_EQ(0, rename("/dev/xshm", "/dev/xshm-gone"));
	SAYS(0, 1, "ls");
	EXPECT_EQ(0, rename("/dev/xshm-gone", "/dev/xshm"));
	ERR_HAS("mknod -m 0666 /dev/xshm c 10 ");
}

/* Nothing can be mounted for the command alone, and it is run without. */
TEST_F_TIMEOUT(tool_sandbox, root_without_mount, 100)
{
	char line[14000], top[4200];

	snprintf(top, sizeof(top), "%s", self->xshm);
	strchr(top + 1, '/')[0] = 0;
	snprintf(line, sizeof(line), "exec unshare --mount sh -ec 'r=/tmp/xshm-chroot; "
		 "for d in /bin /lib /lib64 /usr /proc /dev /etc %s; do [ -d $d ] || continue; "
		 "mkdir -p $r$d; mount --rbind $d $r$d; done; "
		 "chroot $r %s run -v -- ipcmk -M 5000; "
		 "exec chroot $r %s ls -rn -o size'", top, self->xshm, self->xshm);
	run_line(&self->said, 0, line);
	EXPECT_EQ(0, self->said.status) TH_LOG("%s", self->said.err);
	ERR_HAS("going on without xshm's tables in /proc: can't keep mounts");
	EXPECT_NE(NULL, strstr(self->said.out, "\n5000\n")) TH_LOG("%s", self->said.out);
	SAYS(0, 0, "rm --all");
}

/* Its segments are nobody else's, and end with it. */
#define PRIVATE(uid, options) do {						\
	SAYS(uid, 7, "run --private " options " -- sh -c 'ipcmk -M 5000 >/dev/null; " \
	     "%s ls -rn -o size; id -u; exit 7'", self->xshm);			\
	snprintf(wanted, sizeof(wanted), "5000\n%d\n", uid);			\
	EXPECT_STREQ(wanted, self->said.out);					\
	EXPECT_STREQ("", self->said.err);					\
	SAYS(uid, -SIGTERM, "run --private " options " -- sh -c 'kill -TERM $$'"); \
	SAYS(0, 0, "ls -rn");							\
	EXPECT_STREQ("", self->said.out);					\
} while (0)

TEST_F_TIMEOUT(tool_sandbox, private, 100)
{
	char wanted[64];

	PRIVATE(0, "");
	PRIVATE(0, "--trace");
	PRIVATE(USER, "");
	PRIVATE(USER, "--trace");
	SAYS(0, 0, "run --private -- readlink /proc/self/ns/ipc");
	snprintf(wanted, sizeof(wanted), "%.60s", self->said.out);
	SAYS(0, 0, "run -- readlink /proc/self/ns/ipc");
	EXPECT_STRNE(wanted, self->said.out);
}

TEST_F_TIMEOUT(tool_sandbox, private_refused, 100)
{
	static const char limit[] = "/proc/sys/user/max_user_namespaces";
	long long was = read_number(limit);

	if (was < 0)
		SKIP(return, "no user namespaces");
	ASSERT_EQ(0, write_number(limit, 0));
	tool_as(&self->said, USER, "run --private -- true");
	EXPECT_EQ(0, write_number(limit, was));
	EXPECT_EQ(125, self->said.status);
	EXPECT_TRUE(is_one_line(self->said.err));
	ERR_HAS("user.max_user_namespaces");
}

TEST_HARNESS_MAIN
