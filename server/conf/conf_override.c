/*
 * conf_override.c: settings of --set, which count over those of the file, at every reload, too.
 * What a setting means is options.c's. They are kept in this process for its whole life.
 */
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>

#include "conf/conf.h"
#include "conf/options.h"

#define OVERRIDES_MAX 64

static char *overrides[OVERRIDES_MAX]; /* "section.key=value" */
static size_t n_overrides;

int conf_override(const char *setting)
{
	const char *eq = strchr(setting, '='), *dot = strchr(setting, '.');

	if (eq == NULL || dot == NULL || dot > eq || eq - setting >= OPTIONS_SETTING_CHARS ||
		n_overrides == OVERRIDES_MAX)
		return TG_EINVAL;
	for (size_t i = 0; i < n_overrides; i++)
		if (strncmp(overrides[i], setting, (size_t)(eq - setting) + 1) == 0)
			return TG_EREUSED;
	overrides[n_overrides] = strdup(setting);
	if (overrides[n_overrides] == NULL)
		return TG_ENOMEM;
	n_overrides++;
	return 0;
}

static int apply_one(struct conf *c, const char *setting, char *err, size_t cap)
{
	const char *eq = strchr(setting, '=');
	char name[OPTIONS_SETTING_CHARS], why[OPTIONS_WHY], *key;

	snprintf(name, sizeof name, "%.*s", (int)(eq - setting), setting);
	key = strchr(name, '.');
	*key++ = '\0';
	if (options_set(c, name, key, eq + 1, NULL, why, sizeof why) == 0)
		return 0;
	snprintf(err, cap, "--set %s.%s: %s", name, key, why);
	return TG_EINVAL;
}

int conf_apply_overrides(struct conf *c, char *err, size_t cap)
{
	char line[OPTIONS_SETTING_CHARS + OPTIONS_WHY + sizeof "--set .: "];
	size_t i, used = 0;
	int code = 0;

	err[0] = '\0';
	for (i = 0; i < n_overrides; i++) {
		if (apply_one(c, overrides[i], line, sizeof line) == 0)
			continue;
		code = TG_EINVAL;
		if (used < cap)
			used += (size_t)snprintf(
				err + used, cap - used, "%s%s", used > 0 ? "\n" : "", line);
	}
	return code;
}
