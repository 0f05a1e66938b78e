// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Text that others have chosen: names of processes, users, programs, what a kernel log
 * says. It may have anything in it, and goes to a terminal that may be root's:
 * whatever the command prints of it passes through here.
 *
 * Harmless is what shows as itself: printable characters of UTF-8 where the
 * locale says that the terminal knows it, else of ASCII. Not harmless are
 * controls, those of C1 too (U+0080 to U+009F, a byte of their own on an 8-bit
 * terminal), characters that change the order of others, and bytes that are no
 * UTF-8, as the kernel cuts names in the middle of a character.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include "tool.h"

/*
 * Reads a character of @text. Returns how many bytes it has; 0 if they are no UTF-8:
 * too long a form, a surrogate, too large or cut.
 */
static size_t decode(const unsigned char *text, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 :
			*text < 0xf0 ? 3 : *text < 0xf8 ? 4 : 0;

	if (length < 2) {
		*c = *text;
		return length;
	}
	*c = *text & 0x7fU >> length;
	for (size_t i = 1; i < length; i++) {
		/* The 0 at the end is none, either. */
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (text[i] & 0x3f);
	}
	return *c < least[length] || *c > 0x10ffff || (*c & ~0x7ffU) == 0xd800 ? 0 : length;
}

static bool terminal_is_utf8(void)
{
	static int known = -1;

	if (known < 0) {
		setlocale(LC_CTYPE, "");
		known = !strcasecmp(nl_langinfo(CODESET), "UTF-8");
	}
	return known;
}

/*
 * The next character: how many bytes it has, and how many columns of a terminal; 0
 * columns where it is not harmless, one byte then.
 */
static size_t next(const char *text, int *columns)
{
	uint32_t c;
	size_t length = decode((const unsigned char *)text, &c);

	*columns = 0;
	if (length == 1)
		*columns = c >= ' ' && c < 0x7f;
	/* Those that have no width are for combining, or for order. */
	else if (length && terminal_is_utf8() && c >= 0xa0)
		*columns = wcwidth((wchar_t)c);
	if (*columns > 0)
		return length;
	*columns = 0;
	return 1;
}

/* A copy, to be freed, with a ? for each byte that is not harmless. */
char *text_harmless(const char *text)
{
	char *copy = xalloc(NULL, strlen(text) + 1), *to = copy;

	while (*text) {
		int columns;
		size_t length = next(text, &columns);

		if (columns)
			memcpy(to, text, length);
		else
			*to = '?';
		to += length;
		text += length;
	}
	*to = 0;
	return copy;
}

/* The columns of a terminal that harmless text takes. */
size_t text_width(const char *text)
{
	size_t width = 0;
	int columns;

	for (; *text; width += columns)
		text += next(text, &columns);
	return width;
}

/* The bytes of harmless @text that fit into so many columns. */
size_t text_fit(const char *text, size_t width)
{
	const char *at = text;

	while (*at) {
		int columns;
		size_t length = next(at, &columns);

		if ((size_t)columns > width)
			break;
		width -= columns;
		at += length;
	}
	return at - text;
}

/* As one word of a line: \x20 for a blank and for what is not harmless. */
void text_print_word(const char *text)
{
	while (*text) {
		int columns;
		size_t length = next(text, &columns);

		if (columns && *text != ' ' && *text != '\\')
			printf("%.*s", (int)length, text);
		else
			printf("\\x%02x", (unsigned char)*text);
		text += length;
	}
}

/*
 * Appends @text to @out as a string of JSON, in ASCII only: that is UTF-8 whatever
 * the locale, and harmless. A byte that is no UTF-8 is U+FFFD.
 */
void json_text(char **out, const char *text)
{
	size_t used = *out ? strlen(*out) : 0;
	char *to;

	*out = xalloc(*out, used + 6 * strlen(text) + 3);
	to = *out + used;
	*to++ = '"';
	while (*text) {
		uint32_t c;
		size_t length = decode((const unsigned char *)text, &c);

		if (!length) {
			c = 0xfffd;
			length = 1;
		}
		text += length;
		if (c > 0xffff) {
			c -= 0x10000;
			to += sprintf(to, "\\u%04x\\u%04x", 0xd800 + (c >> 10),
				      0xdc00 + (c & 0x3ff));
		} else if (c < ' ' || c >= 0x7f) {
			to += sprintf(to, "\\u%04x", c);
		} else {
			if (c == '"' || c == '\\')
				*to++ = '\\';
			*to++ = (char)c;
		}
	}
	*to++ = '"';
	*to = 0;
}
