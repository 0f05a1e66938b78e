// SPDX-License-Identifier: GPL-2.0
/* libxshm: errno, bad arguments, extensions, trouble with the device; what it exports. */
#include <elf.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "built.h"
#include "library.h"

FIXTURE(library) { };

FIXTURE_SETUP(library)
{
	USE_BACKEND(&xshm);
}

FIXTURE_TEARDOWN(library)
{
}

TEST_F(library, errno_is_untouched_from_the_first_call_on)
{
	EXPECT_EQ(0, all_calls());
	EXPECT_EQ(0, all_calls());
}

TEST_F(library, bad_buffers)
{
	static const int commands[] = { IPC_STAT, IPC_SET, IPC_INFO, SHM_INFO, SHM_STAT,
					SHM_STAT_ANY };
	int id = GET(IPC_PRIVATE, 4096, 0600);
	char *bad[] = { NULL, (char *)8, (char *)-4096L, mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE |
							      MAP_ANONYMOUS, -1, 0) };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
			EXPECT_EQ(-EFAULT, ctl(id, commands[i], bad[j])) {
				TH_LOG("command %d, buffer %p", commands[i], bad[j]);
			}
		}
	}
	EXPECT_EQ(0, ctl(id, IPC_RMID, bad[1]));
}

TEST_F(library, unknown_flags_are_dropped)
{
	int id = GET(KEY, 4096, IPC_CREAT | 0600 | 0x03ff0000 | PAGE_SIZE_FLAGS(63));
	struct shmid_ds ds;
	char *p = ATTACH(id, 0x7fff0000 | 07777);

	EXPECT_EQ(0, xshmctl(id, IPC_STAT, &ds));
	EXPECT_EQ(0600, ds.shm_perm.mode);
	EXPECT_EQ(id, xshmget(KEY, 0, PAGE_SIZE_FLAGS(17) | 0x01000000));
	EXPECT_EQ(0, xshmdt(p));
}

TEST_F(library, unknown_commands)
{
	int id = GET(IPC_PRIVATE, 4096, 0600);
	static const int unknown[] = { -1, 4, 10, 16, 0x100, 0x102, INT32_MIN, INT32_MAX };
	struct shmid_ds ds;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		EXPECT_EQ(-EINVAL, ctl(id, unknown[i], &ds)) TH_LOG("command %d", unknown[i]);
	}
	for (int command = 0; command < 16; command++) {
		EXPECT_EQ(-EINVAL, ctl(-1, command, &ds)) TH_LOG("command %d", command);
	}
}

TEST_F(library, extensions)
{
	struct xshm_version version;
	struct xshm_limits limits;
	struct xshm_usage usage;
	struct xshm_ds ds;
	char buf[sizeof(ds) + 8];
	int id, other;
	char *p;

	ASSERT_EQ(0, xshm_prepare());
	EXPECT_EQ(NULL, xshm_unavailable());
	ASSERT_EQ(0, xshm_version(&version));
	EXPECT_EQ(XSHM_ABI_VERSION, version.abi);
	EXPECT_TRUE(version.get_options & XSHM_GET_POPULATE);

	id = xshm_get(KEY, 8192, IPC_CREAT | 0640, XSHM_GET_SMALL | XSHM_GET_POPULATE);
	ASSERT_LE(0, id);
	EXPECT_EQ(-1, xshm_get(KEY, 8192, IPC_CREAT | 0640, 1U << 31));
	EXPECT_EQ(EINVAL, errno);
	p = xshm_attach(id, NULL, SHM_RDONLY, XSHM_ATTACH_POPULATE);
	ASSERT_NE((void *)-1, p);
	EXPECT_EQ((void *)-1, xshm_attach(id, NULL, 0, 1U << 31));
	EXPECT_EQ(EINVAL, errno);

	memset(&ds, POISON, sizeof(ds));
	ASSERT_EQ(0, xshm_stat(id, &ds));
	EXPECT_EQ(id, ds.id);
	EXPECT_EQ(8192, ds.segsz);
	EXPECT_EQ(8192, ds.resident);
	EXPECT_EQ(pages(1), ds.page_size);
	EXPECT_EQ(1, ds.nattch);
	EXPECT_EQ(0, ds.reserved1);

	ASSERT_LE(0, xshm_limits(&limits));
	EXPECT_EQ(4096, limits.shmmni);
	other = xshm_usage(&usage);
	ASSERT_LE(0, other);
	EXPECT_EQ(1, usage.used_ids);
	EXPECT_EQ(2 * 4096 / pages(1), usage.shm_tot);
	EXPECT_EQ(id, xshm_stat_index(other, &ds));
	EXPECT_EQ(id, xshm_stat_index_any(other, &ds));

	/* A program that knows less, or more, than this library. */
	memset(buf, POISON, sizeof(buf));
	ASSERT_EQ(0, xshm_stat_sized(XSHM_SELECT_ID, id, (void *)buf, XSHM_DS_SIZE_SYSV));
	EXPECT_EQ(8192, ((struct xshm_ds *)buf)->segsz);
	EXPECT_EQ((char)POISON, buf[XSHM_DS_SIZE_SYSV]);
	ASSERT_EQ(0, xshm_stat_sized(XSHM_SELECT_ID, id, (void *)buf, sizeof(buf)));
	EXPECT_EQ(id, ((struct xshm_ds *)buf)->id);
	EXPECT_EQ(0, buf[sizeof(ds)]);
}

/* Puts another node, or nothing, in place of the device for this test alone. */
static int replace_device(const char *with)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	if (with)
		return mount(with, DEVICE, NULL, MS_BIND, NULL);
	return mount("tmpfs", "/dev", "tmpfs", 0, NULL);
}

TEST_F(library, no_device)
{
	const char *why;

	ASSERT_EQ(0, replace_device(NULL));
	EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(ENOSYS, errno);
	EXPECT_EQ((void *)-1, xshmat(0, NULL, 0));
	EXPECT_EQ(ENOSYS, errno);
	EXPECT_EQ(-1, xshm_prepare());
	why = xshm_unavailable();
	ASSERT_NE(NULL, why);
	EXPECT_NE(NULL, strstr(why, "modprobe xshm"));
}

TEST_F(library, another_device_in_its_place)
{
	const char *why;

	ASSERT_EQ(0, replace_device("/dev/null"));
	EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
	EXPECT_EQ(ENOSYS, errno);
	why = xshm_unavailable();
	ASSERT_NE(NULL, why);
	EXPECT_NE(NULL, strstr(why, "not the device"));
}

TEST_F(library, no_permission_on_the_device)
{
	struct stat st;

	ASSERT_EQ(0, stat(DEVICE, &st));
	EXPECT_EQ(0666, st.st_mode & 0777);
	ASSERT_EQ(0, replace_device(NULL));
	ASSERT_EQ(0, mknod(DEVICE, S_IFCHR | 0600, st.st_rdev));
	AS_USER(USER, GROUP) {
		EXPECT_EQ(-1, xshmget(KEY, 4096, IPC_CREAT | 0600));
		EXPECT_EQ(EACCES, errno);
		EXPECT_NE(NULL, strstr(xshm_unavailable(), "permission"));
	}
	EXPECT_EQ(0, all_calls());
	AS_USER(USER, GROUP) {
		/* Opened before the rights were dropped. */
		EXPECT_EQ(0, all_calls());
	}
}

/* The names that a shared library defines for others, sorted as they come. */
static int exported(const char *path, char names[][64], int most)
{
	int fd = open(path, O_RDONLY), count = 0;
	const Elf64_Ehdr *elf;
	const Elf64_Shdr *section;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	elf = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (elf == MAP_FAILED || memcmp(elf->e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	section = (const void *)((const char *)elf + elf->e_shoff);
	for (int i = 0; i < elf->e_shnum; i++) {
		const Elf64_Sym *symbol = (const void *)((const char *)elf + section[i].sh_offset);
		const char *strings = (const char *)elf + section[section[i].sh_link].sh_offset;

		if (section[i].sh_type != SHT_DYNSYM)
			continue;
		for (size_t j = 0; j < section[i].sh_size / sizeof(*symbol); j++) {
			/* Not those of others, nor the name of a version. */
			if (symbol[j].st_shndx == SHN_UNDEF || symbol[j].st_shndx == SHN_ABS ||
			    ELF64_ST_BIND(symbol[j].st_info) == STB_LOCAL)
				continue;
			if (count < most)
				snprintf(names[count], 64, "%s", strings + symbol[j].st_name);
			count++;
		}
	}
	return count;
}

static void expect_exports(struct __test_metadata *_metadata, const char *library,
			   const char *const *expected)
{
	char names[64][64];
	int count, wanted, found;

	count = exported(built(library), names, 64);
	if (count == -ENOENT)
		SKIP(return, "%s is not there", library);
	for (wanted = 0; expected[wanted]; wanted++) {
		for (found = 0; found < count && strcmp(names[found], expected[wanted]); found++)
			;
		EXPECT_GT(count, found) TH_LOG("%s: no %s", library, expected[wanted]);
	}
	EXPECT_EQ(wanted, count);
}

TEST(exports)
{
	static const char *const shared[] = {
		"xshmget", "xshmat", "xshmdt", "xshmctl", "xshm_get", "xshm_attach",
		"xshm_stat_sized", "xshm_limits_sized", "xshm_usage_sized", "xshm_version_sized",
		"xshm_prepare", "xshm_unavailable", NULL,
	};
	static const char *const preload[] = {
		"shmget", "shmat", "shmdt", "shmctl", "syscall", "dlopen", "dlsym", "dlvsym",
		NULL,
	};

	expect_exports(_metadata, "libxshm.so.0", shared);
	expect_exports(_metadata, "libxshm-preload.so", preload);
}

TEST_HARNESS_MAIN
