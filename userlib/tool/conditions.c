// SPDX-License-Identifier: LGPL-2.1-or-later
/* What xshm rm is told of the segments that it shall remove. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "conditions.h"

/* 90, 90s, 10m, 1h30m, 2d, 1w. */
static int parse_duration(const char *text, uint64_t *seconds)
{
	static const struct {
		char unit;
		unsigned int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };

	*seconds = 0;
	if (!*text)
		return -1;
	while (*text) {
		uint64_t part = 0, scale = 0;

		if (!isdigit((unsigned char)*text))
			return -1;
		for (; isdigit((unsigned char)*text); text++)
			if (__builtin_mul_overflow(part, 10, &part) ||
			    __builtin_add_overflow(part, (uint64_t)(*text - '0'), &part))
				return -1;
		for (size_t i = 0; *text && i < ARRAY_SIZE(units); i++)
			if (*text == units[i].unit)
				scale = units[i].seconds;
		/* Without a unit it ends there: 1h30 could be either. */
		if (!scale && (*text || *seconds))
			return -1;
		text += scale != 0;
		if (__builtin_mul_overflow(part, scale ?: 1, &part) ||
		    __builtin_add_overflow(*seconds, part, seconds))
			return -1;
	}
	return *seconds > INT64_MAX ? -1 : 0;
}

int conditions_older(struct conditions *conditions, const char *text)
{
	conditions->has_older = true;
	return parse_duration(text, &conditions->older);
}

int conditions_owner(struct conditions *conditions, const char *text)
{
	conditions->has_owner = true;
	return parse_user(text, &conditions->owner);
}

int conditions_size(struct conditions *conditions, const char *text)
{
	conditions->has_size = true;
	conditions->sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
	return parse_size(text + (conditions->sign != 0), &conditions->size);
}

bool conditions_given(const struct conditions *conditions)
{
	return conditions->orphans || conditions->has_older || conditions->has_owner ||
	       conditions->has_size;
}

bool conditions_match(const struct conditions *conditions, const struct xshm_ds *ds)
{
	int64_t unused = time(NULL) - (ds->dtime ?: ds->ctime);
	int compared = (ds->segsz > conditions->size) - (ds->segsz < conditions->size);

	if (conditions->orphans && !segment_is_orphan(ds))
		return false;
	/* A clock that was set back makes nothing old. */
	if (conditions->has_older && (unused < 0 || (uint64_t)unused <= conditions->older))
		return false;
	if (conditions->has_owner && ds->uid != conditions->owner)
		return false;
	if (conditions->has_size && compared != conditions->sign)
		return false;
	return conditions->attached || !ds->nattch;
}
