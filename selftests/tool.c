// SPDX-License-Identifier: GPL-2.0
/* The xshm command: ls, stat, rm, mk and limits. */
#include <sys/mount.h>

#include "tool.h"

FIXTURE(tool) { struct said said; };

FIXTURE_SETUP(tool)
{
	USE_BACKEND(&xshm);
	if (access(built("xshm"), X_OK))
		SKIP(return, "the xshm command is not built");
}

FIXTURE_TEARDOWN(tool) {}

#define SAYS(wanted_status, ...) do {						\
	tool(&self->said, __VA_ARGS__);						\
	ASSERT_EQ(wanted_status, self->said.status) TH_LOG("%s", self->said.err); \
} while (0)

#define OUT(text) ASSERT_STREQ(text, self->said.out)
#define ERR_HAS(text) ASSERT_NE(NULL, strstr(self->said.err, text)) \
	TH_LOG("'%s' is not in: %s", text, self->said.err)

TEST_F(tool, help_is_output)
{
	static const char *const commands[] = { "ls", "stat", "rm", "mk", "limits", "top", "run",
						"sysv" };

	SAYS(0, "--help");
	EXPECT_STREQ("", self->said.err);
	/* All that a newcomer needs to get rid of an orphan. */
	EXPECT_NE(NULL, strstr(self->said.out, "xshm ls "));
	EXPECT_NE(NULL, strstr(self->said.out, "orphan"));
	EXPECT_NE(NULL, strstr(self->said.out, "xshm rm "));
	for (size_t i = 0; i < 8; i++) {
		SAYS(0, "%s --help", commands[i]);
		EXPECT_STREQ("", self->said.err);
		EXPECT_EQ(0, strncmp(self->said.out, "Usage: xshm ", 12));
	}
}

/* No line of any help is wider than a terminal. */
TEST_F(tool, help_fits)
{
	for (int i = 0; i < 9; i++) {
		static const char *const commands[] = { "", "ls", "stat", "rm", "mk", "limits",
							"top", "run", "sysv" };

		SAYS(0, "%s --help", commands[i]);
		for (char *line = strtok(self->said.out, "\n"); line; line = strtok(NULL, "\n")) {
			EXPECT_GE(80, strlen(line)) TH_LOG("%s", line);
		}
	}
}

TEST_F_TIMEOUT(tool, wrong_usage, 100)
{
	static const char *const lines[] = {
		"", "frobnicate", "--frobnicate", "ls -x", "ls --frob", "ls -o", "ls -o nonsense",
		"ls -o ''", "ls abc", "stat", "stat x", "stat -k 0", "stat 1 -k 2", "rm", "rm x",
		"rm -k x", "rm --all --orphans", "rm --all 1", "rm -m", "mk", "mk 1X", "mk 4K 4K",
		"mk -p 8 4K", "mk -p 1000 4K", "mk --huge=2M 4K", "mk --hugetlb=3M 4K",
		"mk --small --huge 4K", "mk -k 0x100000000 4K", "limits nonsense", "limits x=1",
		"limits shmmni=many", "limits huge=sometimes", "limits shmmni shmall=1", "top -d 0",
		"top -n 0", "top -s colour", "top x", "run", "run --frob -- true", "ls --json=x",
		"sysv maybe", "sysv on off", "sysv -x", "sysv -J on", "sysv -A off",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		tool(&self->said, "%s", lines[i]);
		EXPECT_EQ(2, self->said.status) TH_LOG("xshm %s", lines[i]);
		EXPECT_STREQ("", self->said.out) TH_LOG("xshm %s", lines[i]);
		EXPECT_TRUE(is_one_line(self->said.err))
			TH_LOG("xshm %s: %s", lines[i], self->said.err);
	}
}

TEST_F_TIMEOUT(tool, ls_columns, 100)
{
	int id = xshmget(KEY, 5000, IPC_CREAT | 0640), none;
	char wanted[256];
	void *p;

	ASSERT_LE(0, id);
	p = xshmat(id, NULL, 0);
	ASSERT_NE((void *)-1, p);
	memset(p, 1, 5000);
	none = xshmget(IPC_PRIVATE, 4096, 0600);
	ASSERT_LE(0, none);
	snprintf(wanted, sizeof(wanted), "%d 0x%08x root 640 5000 8192 0 0 4096 1 - %d\n"
		 "%d 0x00000000 root 600 4096 0 0 0 4096 0 - %d\n", id, KEY, getpid(), none,
		 getpid());
	SAYS(0, "ls -rn -o shmid,key,owner,perms,size,res,swap,huge,page,nattch,status,cpid");
	OUT(wanted);
	/* Letters in either case, and the names that ipcs and lsipc have. */
	snprintf(wanted, sizeof(wanted), "SHMID SIZE\n%d 5000\n", id);
	SAYS(0, "ls -r -o ID,Bytes %d", id);
	OUT(wanted);
	/* Each column once. */
	SAYS(0, "ls -r -o shmid -o +size,size,shmid %d", id);
	OUT(wanted);
	ASSERT_EQ(0, xshmctl(id, SHM_LOCK, NULL));
	ASSERT_EQ(0, xshmctl(id, IPC_RMID, NULL));
	snprintf(wanted, sizeof(wanted), "%d 0x00000000 dest,locked\n", id);
	SAYS(0, "ls -rn -o shmid,key,status %d", id);
	OUT(wanted);
	EXPECT_EQ(0, xshmdt(p));
	SAYS(1, "ls %d %d", id, none);
	ERR_HAS("no segment has the id");
}

TEST_F(tool, ls_empty)
{
	SAYS(0, "ls");
	OUT("KEY SHMID OWNER PERMS SIZE RES SWAP HUGE PAGE NATTCH STATUS\n");
	SAYS(0, "ls -rn");
	OUT("");
	SAYS(0, "ls -J");
	OUT("{\n   \"segments\": []\n}\n");
}

TEST_F(tool, ls_json)
{
	int id = xshmget(KEY, 1 << 20, IPC_CREAT | 0600);
	char wanted[512];

	ASSERT_LE(0, id);
	SAYS(0, "ls --json -o key,shmid,size,atime,status,attached");
	snprintf(wanted, sizeof(wanted), "{\n   \"segments\": [\n      {\n"
		 "         \"key\": \"0x%08x\",\n         \"shmid\": %d,\n"
		 "         \"size\": 1048576,\n         \"atime\": null,\n"
		 "         \"status\": \"\",\n         \"attached\": []\n      }\n   ]\n}\n",
		 KEY, id);
	OUT(wanted);
}

/* A pipe gets all of a long name, a narrow terminal what fits. */
TEST_F(tool, ls_width)
{
	int id = xshmget(KEY, 4096, IPC_CREAT | 0600);
	struct shmid_ds ds = { .shm_perm = { .uid = 4294967294U - 1, .mode = 0600 } };

	ASSERT_LE(0, id);
	ASSERT_EQ(0, xshmctl(id, IPC_SET, &ds));
	SAYS(0, "ls -n -o owner,shmid");
	EXPECT_NE(NULL, strstr(self->said.out, "4294967293 "));
	if (access("/usr/bin/script", X_OK))
		SKIP(return, "no script(1)");
	char line[8192];

	snprintf(line, sizeof(line), "script -qec \"stty cols 10 rows 24; '%s' ls -n -o "
		 "owner,shmid\" /dev/null </dev/null", built("xshm"));
	run_line(&self->said, 0, line);
	EXPECT_EQ(0, self->said.status);
	EXPECT_EQ(NULL, strstr(self->said.out, "4294967293"));
	EXPECT_NE(NULL, strstr(self->said.out, "+"));
}

TEST_F(tool, attached)
{
	int id = xshmget(KEY, 3 * 4096, IPC_CREAT | 0600);
	char wanted[512], *low, *high;
	void *p = xshmat(id, NULL, 0), *q = xshmat(id, NULL, SHM_RDONLY);

	ASSERT_NE((void *)-1, p);
	ASSERT_NE((void *)-1, q);
	low = p < q ? p : q;
	high = p < q ? q : p;
	snprintf(wanted, sizeof(wanted), "%d %d root tool %s 12288 %p\n"
		 "%d %d root tool %s 12288 %p\n", id, getpid(), low == p ? "rw-" : "r--", low, id,
		 getpid(), high == p ? "rw-" : "r--", high);
	SAYS(0, "ls -Arn");
	OUT(wanted);
	/* Each fragment is an attach, and has a line. */
	ASSERT_EQ(0, munmap((char *)p + 4096, 4096));
	SAYS(0, "ls -rn -o address,length");
	snprintf(wanted, sizeof(wanted), "%p 4096\n", p);
	EXPECT_NE(NULL, strstr(self->said.out, wanted));
	snprintf(wanted, sizeof(wanted), "%p 4096\n", (char *)p + 8192);
	EXPECT_NE(NULL, strstr(self->said.out, wanted));
	SAYS(0, "stat %d", id);
	snprintf(wanted, sizeof(wanted), "%p\n", q);
	EXPECT_NE(NULL, strstr(self->said.out, wanted));
	/* Another user is told that there is more. */
	tool_as(&self->said, USER, "ls -A");
	EXPECT_EQ(0, self->said.status);
	ERR_HAS("as root");
	EXPECT_EQ(0, xshmdt(p));
	EXPECT_EQ(0, xshmdt(q));
}

TEST_F(tool, orphans)
{
	int orphan = make_orphan(KEY, 4096), mine = xshmget(KEY + 1, 4096, IPC_CREAT | 0600);
	int used = make_orphan(KEY + 2, 4096);
	void *p = xshmat(used, NULL, 0);
	struct shmid_ds ds;
	char wanted[64];

	ASSERT_LE(0, orphan);
	ASSERT_NE((void *)-1, p);
	snprintf(wanted, sizeof(wanted), "%d orphan\n", orphan);
	SAYS(0, "ls -Orn -o shmid,status");
	OUT(wanted);
	snprintf(wanted, sizeof(wanted), "would remove %d (key 0x%08x, 4K)\n", orphan, KEY);
	SAYS(0, "rm --orphans --dry-run");
	OUT(wanted);
	EXPECT_EQ(0, xshmctl(orphan, IPC_STAT, &ds));
	snprintf(wanted, sizeof(wanted), "removed %d (key 0x%08x, 4K)\n", orphan, KEY);
	SAYS(0, "rm --orphans");
	OUT(wanted);
	EXPECT_EQ(-1, xshmctl(orphan, IPC_STAT, &ds));
	EXPECT_EQ(0, xshmctl(mine, IPC_STAT, &ds));
	EXPECT_EQ(0, xshmctl(used, IPC_STAT, &ds));
	SAYS(0, "rm --orphans");
	OUT("");
	EXPECT_EQ(0, xshmdt(p));
}

TEST_F_TIMEOUT(tool, rm, 100)
{
	int a = xshmget(KEY, 4096, IPC_CREAT | 0600), b = xshmget(IPC_PRIVATE, 4096, 0600);
	int c = xshmget(IPC_PRIVATE, 4096, 0600);
	struct shmid_ds ds;
	void *p;

	ASSERT_LE(0, a);
	/* A wrong one does not spare the others. */
	SAYS(1, "rm -q %d %d", c + 1, c);
	ERR_HAS("no segment has the id");
	EXPECT_TRUE(is_one_line(self->said.err));
	EXPECT_EQ(-1, xshmctl(c, IPC_STAT, &ds));
	tool_as(&self->said, USER, "rm %d", b);
	EXPECT_EQ(1, self->said.status);
	ERR_HAS("another user's");
	EXPECT_EQ(0, xshmctl(b, IPC_STAT, &ds));
	/* Another user's "all" is what is his. */
	tool_as(&self->said, USER, "rm --all");
	EXPECT_EQ(0, self->said.status);
	EXPECT_EQ(0, xshmctl(b, IPC_STAT, &ds));
	p = xshmat(a, NULL, 0);
	ASSERT_NE((void *)-1, p);
	SAYS(0, "rm --key 0x%x", KEY);
	EXPECT_NE(NULL, strstr(self->said.out, "goes with the last of its 1 attaches"));
	EXPECT_EQ(0, xshmctl(a, IPC_STAT, &ds));
	EXPECT_EQ(SHM_DEST, ds.shm_perm.mode & SHM_DEST);
	SAYS(1, "rm -M %d", KEY);
	ERR_HAS("no segment has the key");
	SAYS(0, "rm --all");
	EXPECT_EQ(-1, xshmctl(b, IPC_STAT, &ds));
	EXPECT_EQ(0, xshmdt(p));
	SAYS(0, "ls -rn");
	OUT("");
}

TEST_F_TIMEOUT(tool, mk, 100)
{
	struct shmid_ds ds;
	struct xshm_ds more;
	int id;

	SAYS(0, "mk 1.5M -p 640 -k 0x%x", KEY);
	ASSERT_TRUE(is_one_line(self->said.out));
	id = atoi(self->said.out);
	ASSERT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(3 << 19, ds.shm_segsz);
	EXPECT_EQ(0640, ds.shm_perm.mode);
	EXPECT_EQ(id, xshmget(KEY, 0, 0));
	SAYS(1, "mk 4K -k %d", KEY);
	ERR_HAS("is taken");
	SAYS(0, "mk 8K --noreserve --small");
	ASSERT_EQ(0, xshm_stat(atoi(self->said.out), &more));
	EXPECT_EQ(XSHM_ATTR_NORESERVE, more.attributes & XSHM_ATTR_NORESERVE);
	SAYS(0, "mk 4M --huge");
	ASSERT_EQ(0, xshm_stat(atoi(self->said.out), &more));
	/* PREEMPT_RT has no transparent huge pages. */
	EXPECT_EQ(access("/sys/kernel/mm/transparent_hugepage", F_OK) ? 0 : XSHM_ATTR_THP,
		  more.attributes & XSHM_ATTR_THP);
	SAYS(0, "mk 64K --populate");
	ASSERT_EQ(0, xshm_stat(atoi(self->said.out), &more));
	EXPECT_EQ(65536, more.resident);
	SAYS(1, "mk 0");
	ERR_HAS("empty");
	SAYS(0, "limits shmmax=1M");
	SAYS(1, "mk 2M");
	ERR_HAS("shmmax of 1048576");
	SAYS(0, "limits shmmni=1");
	SAYS(1, "mk 4K");
	ERR_HAS("shmmni of 1 reached: xshm rm --orphans, or sysctl xshm.shmmni");
	tool_as(&self->said, USER, "mk 4K --hugetlb");
	EXPECT_EQ(1, self->said.status);
}

TEST_F_TIMEOUT(tool, limits, 100)
{
	char text[64] = "";
	FILE *file;

	SAYS(0, "limits shmmni=77 shmmax=3M shmall=1G huge=always");
	SAYS(0, "limits -r");
	EXPECT_NE(NULL, strstr(self->said.out, "\nshmmni 77 0\n"));
	EXPECT_NE(NULL, strstr(self->said.out, "shmmax 3145728 0\n"));
	/* With a letter bytes, though the limit counts pages. */
	EXPECT_NE(NULL, strstr(self->said.out, "\nshmall 262144 0\n"));
	EXPECT_NE(NULL, strstr(self->said.out, "\nhuge always -\n"));
	file = fopen("/proc/sys/xshm/shmmni", "r");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(text, sizeof(text), file));
	fclose(file);
	EXPECT_STREQ("77\n", text);
	SAYS(0, "limits -rn xshm.shmmni");
	OUT("shmmni 77 0\n");
	/* All are looked at before one is set. */
	SAYS(2, "limits shmmni=78 shmmax=much");
	SAYS(0, "limits -rn shmmni");
	OUT("shmmni 77 0\n");
	SAYS(1, "limits shmmni=99999999");
	ERR_HAS("out of range");
	tool_as(&self->said, USER, "limits shmmni=5");
	EXPECT_EQ(1, self->said.status);
	ERR_HAS("as root");
	SAYS(0, "limits -J huge");
	OUT("{\n   \"limits\": [\n      {\n         \"name\": \"huge\",\n"
	    "         \"value\": \"always\",\n         \"used\": null\n      }\n   ]\n}\n");
}

/* Root of a container sets the limits of its namespace, and none of another. */
TEST_F_TIMEOUT(tool, limits_of_a_container, 100)
{
	char line[16384];

	snprintf(line, sizeof(line), "unshare -U true || exit 3; "
		 "unshare -Ur --ipc sh -c 'x=\"%s\"; \"$x\" limits shmmni=5 shmmax=1M shmall=9 "
		 "user_segments=3 user_bytes=2M huge=advise shm_rmid_forced=1 shm_next_id=77 && "
		 "\"$x\" limits -rn && \"$x\" mk 4K'; unshare -Ur \"%s\" limits shmmni=6",
		 built("xshm"), built("xshm"));
	run_line(&self->said, USER, line);
	if (self->said.status == 3)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(1, self->said.status);
	ERR_HAS("no permission to set shmmni");
	EXPECT_NE(NULL, strstr(self->said.out, "shmmax 1048576 0\nshmall 9 0\nshmmni 5 0\n"
			       "user_segments 3 -\nuser_bytes 2097152 -\n"
			       "shm_rmid_forced 1 -\nhuge advise -\nshm_next_id 77 -\n"))
		TH_LOG("%s", self->said.out);
	EXPECT_NE(NULL, strstr(self->said.out, "\n77\n"));
}

TEST_F(tool, stat)
{
	int id = make_orphan(KEY, 2 << 20);
	char wanted[64];

	ASSERT_LE(0, id);
	SAYS(0, "stat --key %d", KEY);
	snprintf(wanted, sizeof(wanted), "segment %d\n", id);
	EXPECT_EQ(0, strncmp(self->said.out, wanted, strlen(wanted)));
	EXPECT_NE(NULL, strstr(self->said.out, "2M (2097152 bytes)\n"));
	EXPECT_NE(NULL, strstr(self->said.out, "  status        orphan\n"));
	EXPECT_NE(NULL, strstr(self->said.out, "(gone)\n"));
	SAYS(0, "stat -J %d", id);
	EXPECT_NE(NULL, strstr(self->said.out, "\"size\": 2097152,"));
	SAYS(1, "stat %d", id + 1);
	ERR_HAS("no segment has the id");
	tool_as(&self->said, USER, "stat %d", id);
	EXPECT_EQ(1, self->said.status);
	ERR_HAS("permission");
}

/* Each trouble with the device has its own words. */
TEST_F(tool, device_trouble)
{
	char file[] = "/tmp/xshm-tool-XXXXXX";

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("/dev/null", "/dev/xshm", NULL, MS_BIND, NULL));
	SAYS(1, "ls");
	ERR_HAS("is not xshm's");
	ASSERT_EQ(0, umount("/dev/xshm"));

	ASSERT_LE(0, mkstemp(file));
	ASSERT_EQ(0, mount(file, "/dev/xshm", NULL, MS_BIND, NULL));
	tool_as(&self->said, USER, "ls");
	EXPECT_EQ(1, self->said.status);
	ERR_HAS("no permission on /dev/xshm: chmod 0666");
	EXPECT_TRUE(is_one_line(self->said.err));
	ASSERT_EQ(0, umount("/dev/xshm"));
	unlink(file);

	ASSERT_EQ(0, mount("none", "/dev", "tmpfs", 0, NULL));
	SAYS(1, "ls");
	ERR_HAS("/dev/xshm is missing: mknod");
	EXPECT_TRUE(is_one_line(self->said.err));
	SAYS(125, "run -- true");
	ERR_HAS("/dev/xshm is missing");
}

/* A full disk is no success. */
TEST_F(tool, output_error)
{
	SAYS(1, "ls > /dev/full");
	ERR_HAS("can't write");
	SAYS(1, "--help > /dev/full");
}

TEST_HARNESS_MAIN
