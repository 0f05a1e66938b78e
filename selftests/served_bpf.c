// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF program at the entry of a function that xshm_sysv.ko hooks: who comes second is
 * refused, and the first goes on. No library: a program of two instructions, which
 * the kernel is told of by the function's number in its own type information.
 */
#include <linux/bpf.h>
#include <linux/btf.h>

#include "hooks.h"

#define TYPES	"/sys/kernel/btf/vmlinux"

static int bpf(int command, union bpf_attr *attr)
{
	int result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return result < 0 ? -errno : result;
}

/* Words that follow a type; -1 of a kind that is not known here. */
static int words_after(const struct btf_type *type)
{
	unsigned int count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 1;
	case BTF_KIND_ARRAY:
		return 3;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return 3 * count;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return 2 * count;
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

/* The number of a function of the kernel's, or a negative errno. */
static int number_of(const char *function)
{
	static char types[16 << 20];
	int fd = open(TYPES, O_RDONLY | O_CLOEXEC), number = 1;
	const struct btf_header *header = (void *)types;
	const char *names, *at, *end;
	size_t size = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, types + size, sizeof(types) - size)) > 0)
		size += n;
	close(fd);
	if (n < 0 || size == sizeof(types) || header->magic != BTF_MAGIC)
		return -EINVAL;
	names = types + header->hdr_len + header->str_off;
	at = types + header->hdr_len + header->type_off;
	for (end = at + header->type_len; at < end; number++) {
		const struct btf_type *type = (void *)at;
		int words = words_after(type);

		if (words < 0)
			return -EINVAL;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    !strcmp(names + type->name_off, function))
			return number;
		at += sizeof(*type) + 4 * words;
	}
	return -ENOENT;
}

/* Of a program that returns 0. */
static int load_program(int function)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.attach_btf_id = function,
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

/* What is attached is so until the descriptor is closed. */
static int attach_program(int program)
{
	union bpf_attr attr = { .raw_tracepoint.prog_fd = program };

	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

FIXTURE(served_bpf) {
	int file;
	int program;
};

FIXTURE_VARIANT(served_bpf) { int unused; };
FIXTURE_VARIANT_ADD(served_bpf, calls) { };

FIXTURE_SETUP(served_bpf)
{
	/* The last of the calls: a load that is refused has hooked the others. */
	int function = number_of(SHMCTL);

	self->file = -1;
	if (function == -ENOENT)
		SKIP(return, "this kernel has no BPF, or doesn't tell its types");
	ASSERT_LT(0, function);
	USE_CALLS();
	self->program = load_program(function);
	ASSERT_LT(0, self->program);
	self->file = open_sysv_module();
	if (self->file < 0)
		SKIP(return, "no xshm_sysv.ko to load again");
}

FIXTURE_TEARDOWN(served_bpf)
{
	if (self->file < 0)
		return;
	if (access(SWITCH, F_OK))
		EXPECT_EQ(0, load_sysv(self->file, sysv_parameters));
	close(self->file);
	close(self->program);
}

TEST_F_TIMEOUT(served_bpf, program_after_the_module, 100)
{
	int err = attach_program(self->program);

	/* Linux 7.x says EINVAL. */
	EXPECT_TRUE(err == -EBUSY || err == -EINVAL) TH_LOG("%d", err);
	EXPECT_TRUE(calls_work());
	EXPECT_LT(0, lines_with(TRACEFS "/enabled_functions", "xshm_enter_shmctl"));
	/* Once there is room, it can. */
	ASSERT_EQ(0, unload_sysv());
	ASSERT_STREQ("", what_is_left());
	int attached = attach_program(self->program);

	EXPECT_LT(0, attached) TH_LOG("%s", strerror(-attached));
	EXPECT_EQ(kernel_has_sysv() ? -ENOENT : -ENOSYS, get(KEY, 0, 0));
	close(attached);
}

TEST_F_TIMEOUT(served_bpf, program_before_the_module, 100)
{
	const char *why = SHMCTL "() can't be hooked: a live patch or a BPF program is attached";
	int attached, lines, of_all;

	ASSERT_EQ(0, unload_sysv());
	attached = attach_program(self->program);
	ASSERT_LT(0, attached) TH_LOG("%s", strerror(-attached));
	lines = log_lines(why);
	of_all = log_lines("");
	EXPECT_EQ(-EBUSY, load_sysv(self->file, ""));
	EXPECT_EQ(lines + 1, log_lines(why));
	EXPECT_EQ(of_all + 1, log_lines(""));
	EXPECT_STREQ("", what_is_left());
	/* The program is still there. */
	EXPECT_EQ(1, lines_with(TRACEFS "/enabled_functions", SHMCTL));
	close(attached);
	/* A moment after its end. */
	for (int i = 0; i < 100 && load_sysv(self->file, sysv_parameters); i++)
		usleep(50000);
	ASSERT_EQ(0, serve(true));
	EXPECT_TRUE(calls_work());
}

TEST_HARNESS_MAIN
