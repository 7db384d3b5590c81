/*
 * kinds.c: see kinds.h. Which limits are allowed is decided by core/retention.c. Runs where a
 * configuration is read.
 */
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>

#include "conf/kinds.h"
#include "conf/suggest.h"
#include "core/num.h"

#define EVERY_CLASS (-1) /* as tg_policy_limit() has it */

static int read_class(const char *name, int *out, char *why, size_t cap)
{
	static const char *const names[] = {"danish", "other"};
	static const int classes[] = {TG_ISSUER_DANISH, TG_ISSUER_OTHER};
	const int i =
		suggest_choose("issuer class", name, names, sizeof names / sizeof *names, why, cap);

	if (i < 0)
		return TG_EINVAL;
	*out = classes[i];
	return 0;
}

static void explain(int err, const char *key, const char *value, char *why, size_t cap)
{
	if (err == TG_ETTL)
		snprintf(why, cap,
			"%s s is not a shorter limit for '%s'; limits are at least 1 s, never "
			"above the built-in one and never above %u s",
			value, key, TG_TTL_MAX_S);
	else if (err == TG_ENOMEM)
		snprintf(why, cap, "too many kinds; at most %u rules", (unsigned)TG_RULES_MAX);
	else
		snprintf(why, cap,
			"'%s' is not a kind's name; use a-z, 0-9 and '-', at most %u of them, and "
			".danish or .other only for passports",
			key, (unsigned)TG_KIND_MAX);
}

int kinds_set(struct tg_policy *p, const char *key, const char *value, char *why, size_t cap)
{
	char kind[TG_KIND_MAX + 2]; /* one character too many is kept, so that it is refused */
	const size_t n = strcspn(key, ".");
	int class = EVERY_CLASS, err;
	uint64_t seconds;

	snprintf(kind, sizeof kind, "%.*s", (int)n, key);
	if (key[n] == '.' && read_class(key + n + 1, &class, why, cap) != 0)
		return TG_EINVAL;
	if (tg_num_u64(value, strlen(value), UINT32_MAX, &seconds) != 0) {
		snprintf(why, cap, "'%s' is not a number of seconds; write digits only", value);
		return TG_EINVAL;
	}
	err = tg_policy_limit(p, kind, class, (uint32_t)seconds);
	if (err == 0)
		return 0;
	explain(err, key, value, why, cap);
	return TG_EINVAL;
}
