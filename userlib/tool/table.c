// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A table for people, for scripts, and as JSON. On a terminal it is made to
 * fit by cutting what may be cut; in a pipe nothing is cut.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "tool.h"

/* 0 when the output is no terminal. */
int terminal_width(void)
{
	struct winsize size;
	const char *columns;
	uint64_t width;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	columns = getenv("COLUMNS");
	return columns && !parse_decimal(columns, INT_MAX, &width) && width ? (int)width : 80;
}

void table_init(struct table *table, enum table_mode mode,
		const struct column *const *columns, size_t count)
{
	*table = (struct table){
		.mode = mode,
		.headings = true,
		.columns = columns,
		.column_count = count,
	};
}

/* The cells of a new row, all NULL: to be set to allocated text. */
char **table_row(struct table *table)
{
	size_t bytes = table->column_count * sizeof(char *);
	char **row;

	if (table->row_count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = xalloc(table->cells, table->room * bytes);
	}
	row = table->cells + table->row_count++ * table->column_count;
	memset(row, 0, bytes);
	return row;
}

static void print_json(struct table *table, const char *name)
{
	printf("{\n   \"%s\": [", name);
	for (size_t row = 0; row < table->row_count; row++) {
		printf("%s\n      {", row ? "," : "");
		for (size_t i = 0; i < table->column_count; i++) {
			const struct column *column = table->columns[i];
			const char *cell = table->cells[row * table->column_count + i];
			char *text = NULL;

			printf("%s\n         \"", i ? "," : "");
			for (const char *c = column->name; *c; c++)
				putchar(tolower((unsigned char)*c));
			fputs("\": ", stdout);
			if (cell && column->kind == CELL_TEXT)
				json_text(&text, cell);
			fputs(text ? text : cell && *cell ? cell : "null", stdout);
			free(text);
		}
		printf("\n      }");
	}
	printf("%s]\n}\n", table->row_count ? "\n   " : "");
}

/* Blanks inside of a cell become \x20, so that each line has as many words. */
static void print_raw_cell(const char *cell)
{
	if (cell && *cell)
		text_print_word(cell);
	else
		putchar('-');
}

static void print_raw(struct table *table)
{
	for (size_t i = 0; table->headings && i < table->column_count; i++)
		printf("%s%s", table->columns[i]->name,
		       i + 1 < table->column_count ? " " : "\n");
	for (size_t row = 0; row < table->row_count; row++)
		for (size_t i = 0; i < table->column_count; i++) {
			print_raw_cell(table->cells[row * table->column_count + i]);
			putchar(i + 1 < table->column_count ? ' ' : '\n');
		}
}

/* Takes from the widest column that may be cut, until the line fits. */
static void shrink(struct table *table, size_t *width, int room)
{
	const size_t least = 6;

	for (;;) {
		size_t total = table->column_count - 1, widest = table->column_count;

		for (size_t i = 0; i < table->column_count; i++) {
			total += width[i];
			if (table->columns[i]->shrink && width[i] > least &&
			    (widest == table->column_count || width[i] > width[widest]))
				widest = i;
		}
		if (total <= (size_t)room || widest == table->column_count)
			return;
		width[widest]--;
	}
}

static void print_line(struct table *table, const size_t *width, char *const *row)
{
	size_t pending = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		const char *text = row ? row[i] ?: "" : table->columns[i]->name;
		size_t length = text_width(text), bytes = strlen(text);
		bool cut = length > width[i];

		if (cut) {
			bytes = text_fit(text, width[i] - 1);
			length = width[i];
		}
		if (table->columns[i]->right)
			pending += width[i] - length;
		/* No blanks at the end of a line. */
		if (length)
			printf("%*s%.*s%s", (int)pending, "", (int)bytes, text, cut ? "+" : "");
		pending = (length ? 0 : pending) + 1;
		if (!table->columns[i]->right)
			pending += width[i] - length;
	}
	putchar('\n');
}

/* A process may have any name: none of it may reach the terminal as a control. */
static void print_human(struct table *table)
{
	size_t *width = xalloc(NULL, table->column_count * sizeof(*width));
	int room = terminal_width();

	for (size_t i = 0; i < table->row_count * table->column_count; i++) {
		char *cell = table->cells[i];

		table->cells[i] = cell ? text_harmless(cell) : NULL;
		free(cell);
	}
	for (size_t i = 0; i < table->column_count; i++) {
		width[i] = table->headings ? strlen(table->columns[i]->name) : 1;
		for (size_t row = 0; row < table->row_count; row++) {
			const char *cell = table->cells[row * table->column_count + i];

			if (cell && text_width(cell) > width[i])
				width[i] = text_width(cell);
		}
	}
	if (room)
		shrink(table, width, room);
	if (table->headings)
		print_line(table, width, NULL);
	for (size_t row = 0; row < table->row_count; row++)
		print_line(table, width, table->cells + row * table->column_count);
	free(width);
}

void table_print(struct table *table, const char *json_name)
{
	switch (table->mode) {
	case TABLE_JSON:
		print_json(table, json_name);
		break;
	case TABLE_RAW:
		print_raw(table);
		break;
	default:
		print_human(table);
	}
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->row_count * table->column_count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->row_count = table->room = 0;
}
