/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the xshm command share. */
#ifndef XSHM_TOOL_H
#define XSHM_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/xshm.h>

#define DEVICE		"/dev/xshm"
#define SYSCTLS		"/proc/sys/xshm"

/* Exit statuses: 0 and 1 as ipcrm(1) has them. */
#define EXIT_USAGE	2
/* xshm run: as env(1) and timeout(1), because the rest are the command's. */
#define EXIT_RUN	125
#define EXIT_NOEXEC	126
#define EXIT_NOTFOUND	127

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* main.c */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage_error(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void help_on_option(const char *command, int opt, char **argv);
void *xalloc(void *old, size_t bytes);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int finish_output(void);

int cmd_ls(int argc, char **argv);
void ls_columns_help(void);
int cmd_stat(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_mk(int argc, char **argv);
int page_size_bits(const char *text, unsigned int *bits);	/* mk.c */
int cmd_apply(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_sysv(int argc, char **argv);

/* device.c */
int device_try(char **trouble);
int device_open(void);
char *device_trouble(void);

/* segments.c */
struct segments {
	struct xshm_ds *ds;
	size_t count;
	struct xshm_limits limits;
	struct xshm_usage usage;
};

/* In xshm_ds.attributes, and in no module's: the kernel made it, before its calls were served. */
#define SEGMENT_OF_KERNEL	(1U << 31)

int segments_load(int fd, struct segments *segments);
void segments_sort(struct segments *segments);
int segment_stat(int fd, int id, struct xshm_ds *ds);
int segment_find(int fd, int key);
int segment_remove(int fd, int id);
int segment_set(int fd, const struct xshm_ds *ds);
bool segment_is_orphan(const struct xshm_ds *ds);
char *segment_status(const struct xshm_ds *ds);
char *segment_attributes(const struct xshm_ds *ds);

/* kernels.c */
long kernels_own(struct xshm_ds **ds, long *own);
void segments_add_kernels(struct segments *segments);

/* attached.c */
struct attached {
	size_t segment;		/* index of the segment that was asked for */
	pid_t pid;
	uid_t uid;
	uint64_t start, end, offset;
	char access[5];		/* as in /proc/PID/maps */
	char *command;
};

struct attached_list {
	struct attached *v;
	size_t count;
	size_t hidden;		/* processes whose maps may not be read */
};

void attached_scan(const struct xshm_ds *ds, size_t count, struct attached_list *list);
void attached_free(struct attached_list *list);

/* format.c */
void format_size(char *buf, size_t len, uint64_t bytes);
char *format_time(int64_t seconds, bool brief);
int parse_size(const char *text, uint64_t *bytes);
int parse_decimal(const char *text, uint64_t max, uint64_t *value);
int parse_octal(const char *text, uint64_t max, uint64_t *value);
int parse_number(const char *text, uint64_t max, uint64_t *value);
int parse_key(const char *text, int *key);
int parse_id(const char *text, int *id);
const char *key_error(const char *text);

/* system.c */
bool have_capability(unsigned int capability);
int write_text(const char *path, const char *text);

/* names.c */
char *format_user(uid_t uid);
char *format_group(gid_t gid);
char *process_command(pid_t pid);
int parse_user(const char *text, uid_t *uid);
int parse_group(const char *text, gid_t *gid);
void names_forget(void);

/* table.c */
enum table_mode { TABLE_HUMAN, TABLE_RAW, TABLE_JSON };

/* What a cell is in JSON. CELL_JSON is JSON already and for that mode only. */
enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_JSON };

struct column {
	const char *name;
	const char *help;
	enum cell_kind kind;
	bool right;		/* aligned */
	bool shrink;		/* may be cut on a terminal that is too narrow */
};

struct table {
	enum table_mode mode;
	bool headings;
	const struct column *const *columns;
	size_t column_count;
	char **cells;
	size_t row_count, room;
};

void table_init(struct table *table, enum table_mode mode,
		const struct column *const *columns, size_t count);
char **table_row(struct table *table);
void table_print(struct table *table, const char *json_name);
void table_free(struct table *table);
int terminal_width(void);

/* text.c: what others have chosen */
char *text_harmless(const char *text);
size_t text_width(const char *text);
size_t text_fit(const char *text, size_t width);
void text_print_word(const char *text);
void json_text(char **out, const char *text);

/* limits.c */
const char *limits_home(const char *name);

/* elf.c */
enum program_kind {
	PROGRAM_DYNAMIC,
	PROGRAM_STATIC,
	PROGRAM_OTHER,		/* of another C library, as musl's */
	PROGRAM_PRIVILEGED,	/* set-uid, set-gid or with file capabilities */
	PROGRAM_FOREIGN,	/* for another machine */
	PROGRAM_UNREADABLE,
};

struct program {
	enum program_kind kind;
	int bits;		/* 32 or 64; 0 if it isn't known */
	char *path;		/* what is run in the end: a script's interpreter */
	char *loader;		/* the one that it asks for, or NULL */
	const char *privilege;	/* what makes it privileged */
};

char *program_find(const char *name);
void program_inspect(const char *path, struct program *program);

/* preload.c */
char *preload_path(int bits);
int preload_environment(int bits);

/* tables.c */
void tables_bind(bool verbose);

/* private.c */
int private_enter(void);

/* follow.c */
int follow_guard(bool strict, bool verbose, char **argv);

/* trace.c */
bool trace_supported(void);
int trace_start(bool owner_bound);

#endif
