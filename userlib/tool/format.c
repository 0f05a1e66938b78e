// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sizes, times, keys and ids as people write and read them. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "tool.h"

static const char units[] = "BKMGTPE";

/* At most five characters: 0, 512B, 4K, 1.5M, 1023G. */
void format_size(char *buf, size_t len, uint64_t bytes)
{
	uint64_t whole = bytes, tenths = 0;
	int unit = 0;

	if (!bytes) {
		snprintf(buf, len, "0");
		return;
	}
	while (whole >= 1024 && units[unit + 1]) {
		tenths = (whole & 1023) * 10 / 1024;
		whole >>= 10;
		unit++;
	}
	if (whole < 10 && tenths)
		snprintf(buf, len, "%llu.%llu%c", (unsigned long long)whole,
			 (unsigned long long)tenths, units[unit]);
	else
		snprintf(buf, len, "%llu%c", (unsigned long long)whole, units[unit]);
}

/* @brief: the hour if it is today, else the day, as lsipc(1) does. */
char *format_time(int64_t seconds, bool brief)
{
	time_t when = seconds, now = time(NULL);
	struct tm tm, today;
	char buf[64];

	if (!seconds)
		return xprintf("-");
	localtime_r(&when, &tm);
	localtime_r(&now, &today);
	if (!brief)
		strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z", &tm);
	else if (tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday)
		strftime(buf, sizeof(buf), "%H:%M:%S", &tm);
	else if (tm.tm_year == today.tm_year)
		strftime(buf, sizeof(buf), "%b%d", &tm);
	else
		strftime(buf, sizeof(buf), "%Y-%b%d", &tm);
	return xprintf("%s", buf);
}

/* Digits only: no sign, no blank, and no 0 in front, which means octal to others. */
int parse_decimal(const char *text, uint64_t max, uint64_t *value)
{
	if (!*text || text[strspn(text, "0123456789")] || (*text == '0' && text[1]))
		return -1;
	errno = 0;
	*value = strtoull(text, NULL, 10);
	return errno || *value > max ? -1 : 0;
}

/* A number in decimal or hexadecimal (0x) of at most @max. */
int parse_number(const char *text, uint64_t max, uint64_t *value)
{
	if (text[0] != '0' || (text[1] | 0x20) != 'x')
		return parse_decimal(text, max, value);
	text += 2;
	if (!*text || text[strspn(text, "0123456789abcdefABCDEF")])
		return -1;
	errno = 0;
	*value = strtoull(text, NULL, 16);
	return errno || *value > max ? -1 : 0;
}

/* 0644 and 644. */
int parse_octal(const char *text, uint64_t max, uint64_t *value)
{
	if (!*text || text[strspn(text, "01234567")])
		return -1;
	errno = 0;
	*value = strtoull(text, NULL, 8);
	return errno || *value > max ? -1 : 0;
}

/* 4096, 0x1000, 64K, 64KiB, 1.5G are powers of 1024; 64KB of 1000. */
int parse_size(const char *text, uint64_t *bytes)
{
	uint64_t base = 1024, scale = 1, fraction = 0, divisor = 1;
	const char *unit;
	char *end;

	if (!parse_number(text, UINT64_MAX, bytes))
		return 0;
	/* 0 before more digits would be octal to others; 0.5K and 0K are not. */
	if (!isdigit((unsigned char)*text) || (*text == '0' && isdigit((unsigned char)text[1])))
		return -1;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno)
		return -1;
	if (*end == '.') {
		for (end++; isdigit((unsigned char)*end); end++) {
			if (divisor >= 1000)
				continue;
			fraction = fraction * 10 + *end - '0';
			divisor *= 10;
		}
	}
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit)
			return -1;
		end++;
		if (!strcasecmp(end, "B") && unit != units)
			base = 1000;
		else if (strcasecmp(end, "iB") && *end)
			return -1;
		for (; unit > units; unit--)
			scale *= base;
	}
	if (divisor > 1 && scale == 1)
		return -1;
	if (__builtin_mul_overflow(*bytes, scale, bytes) ||
	    __builtin_add_overflow(*bytes, (uint64_t)((double)scale * (double)fraction /
						      (double)divisor), bytes))
		return -1;
	return 0;
}

int parse_key(const char *text, int *key)
{
	bool negative = *text == '-';
	uint64_t value;

	if (parse_number(text + negative, negative ? 1ULL << 31 : UINT32_MAX, &value) || !value)
		return -1;
	*key = negative ? (int)-value : (int)value;
	return 0;
}

int parse_id(const char *text, int *id)
{
	uint64_t value;

	if (parse_decimal(text, INT_MAX, &value))
		return -1;
	*id = (int)value;
	return 0;
}

const char *key_error(const char *text)
{
	uint64_t value;

	return parse_number(text, 0, &value) ? "is no key (a number, 0x for hexadecimal)" :
		"is the private key, which finds nothing: use the id";
}
