// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What kind of program a command is: LD_PRELOAD reaches only dynamic ones
 * that run with no more rights than their caller.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "tool.h"

/* As deep as the kernel follows interpreters of interpreters. */
#define SCRIPT_DEPTH 5

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/*
 * Finds @name as execvp(3) does. Returns the path, to be freed, or NULL with
 * errno: ENOENT, or EACCES if there is one that can't be executed.
 */
char *program_find(const char *name)
{
	const char *path = getenv("PATH");
	int err = ENOENT;

	if (strchr(name, '/')) {
		if (is_program(name))
			return xprintf("%s", name);
		if (!access(name, F_OK))
			errno = EACCES;
		return NULL;
	}
	for (path = path ? path : "/bin:/usr/bin"; *name; path++) {
		size_t length = strcspn(path, ":");
		char *full = xprintf("%.*s%s%s", (int)length, path, length ? "/" : "", name);

		if (is_program(full))
			return full;
		if (!access(full, F_OK))
			err = EACCES;
		free(full);
		path += length;
		if (!*path)
			break;
	}
	errno = err;
	return NULL;
}

/* What makes the program privileged for this caller, NULL if nothing does. */
static const char *privilege(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) || (!fstatvfs(fd, &fs) && fs.f_flag & ST_NOSUID))
		return NULL;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return "set-uid";
	if (st.st_mode & S_ISGID && st.st_mode & 0010 && st.st_gid != getgid())
		return "set-gid";
	if (getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "given capabilities";
	return NULL;
}

static int machine_bits(const unsigned char *ident, unsigned int machine)
{
#ifdef __x86_64__
	if (ident[EI_CLASS] == ELFCLASS64 && machine == EM_X86_64)
		return 64;
	if (ident[EI_CLASS] == ELFCLASS32 && machine == EM_386)
		return 32;
	return 0;
#elif defined(__aarch64__)
	return ident[EI_CLASS] == ELFCLASS64 && machine == EM_AARCH64 ? 64 : 0;
#else
	return ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
#endif
}

/* The GNU C library's loader, which preloads. It has no interpreter itself. */
static bool is_loader(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return !strncmp(base, "ld-linux", 8) || !strncmp(base, "ld.so", 5) ||
	       !strncmp(base, "ld64.so", 7) || !strncmp(base, "ld-2.", 5);
}

/* The loader that the program asks for, to be freed; NULL if it needs none. */
static char *find_loader(int fd, const unsigned char *header, int bits)
{
	const Elf64_Ehdr *e64 = (const void *)header;
	const Elf32_Ehdr *e32 = (const void *)header;
	unsigned int count = bits == 64 ? e64->e_phnum : e32->e_phnum;
	uint64_t offset = bits == 64 ? e64->e_phoff : e32->e_phoff;
	size_t size = bits == 64 ? e64->e_phentsize : e32->e_phentsize;

	for (unsigned int i = 0; i < count; i++) {
		union {
			uint32_t type;	/* the first word of both kinds of program header */
			Elf64_Phdr p64;
			Elf32_Phdr p32;
		} found = {};
		char path[PATH_MAX] = "";
		size_t wanted = bits == 64 ? sizeof(found.p64) : sizeof(found.p32);

		if (pread(fd, &found, wanted, (off_t)(offset + i * size)) != (ssize_t)wanted)
			return NULL;
		if (found.type != PT_INTERP)
			continue;
		/* What is cut or can't be read is nobody's that is known. */
		if (pread(fd, path, sizeof(path) - 1, (off_t)(bits == 64 ? found.p64.p_offset :
							       found.p32.p_offset)) < 0)
			*path = 0;
		return xprintf("%s", path);
	}
	return NULL;
}

/* The interpreter of a script, to be freed; NULL if it is no script. */
static char *script_interpreter(char *head)
{
	char *start;

	if (strncmp(head, "#!", 2))
		return NULL;
	head[strcspn(head, "\n")] = 0;
	start = head + 2 + strspn(head + 2, " \t");
	start[strcspn(start, " \t")] = 0;
	return *start ? xprintf("%s", start) : NULL;
}

/*
 * Looks at the program that runs in the end when @path is executed. A file that is
 * neither ELF nor a script is left to execvp(3), which takes it for a script
 * of the shell.
 */
void program_inspect(const char *path, struct program *program)
{
	*program = (struct program){ .kind = PROGRAM_DYNAMIC, .path = xprintf("%s", path) };
	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		unsigned char head[512] = {};
		char *interpreter;
		int fd = open(program->path, O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			program->kind = PROGRAM_UNREADABLE;
			return;
		}
		if (read(fd, head, sizeof(head) - 1) < 4) {
			close(fd);
			return;
		}
		interpreter = script_interpreter((char *)head);
		if (interpreter) {
			/* The set-uid bit of a script has no effect. */
			close(fd);
			free(program->path);
			program->path = interpreter;
			continue;
		}
		program->privilege = privilege(fd);
		if (program->privilege) {
			program->kind = PROGRAM_PRIVILEGED;
		} else if (!memcmp(head, ELFMAG, SELFMAG)) {
			program->bits = machine_bits(head, ((Elf32_Ehdr *)head)->e_machine);
			if (program->bits)
				program->loader = find_loader(fd, head, program->bits);
			if (!program->bits)
				program->kind = PROGRAM_FOREIGN;
			else if (!program->loader && !is_loader(program->path))
				program->kind = PROGRAM_STATIC;
			else if (program->loader && !is_loader(program->loader))
				program->kind = PROGRAM_OTHER;
		}
		close(fd);
		return;
	}
}
