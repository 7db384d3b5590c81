/*
 * cmdline.c: reads the command line, the environment and the client's configuration file. It does
 * not use getopt_long(), because --sign takes a value except for keygen, and because abbreviated
 * options would break scripts when an option is added. It opens only the configuration file and
 * judges no value. Runs in the timeglas command. timeglas(1).
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cmdline.h"

#define PATH_CHARS 4096

static const struct option_row rows[OPT_N] = {
#define X_(id, name_, letter_, arg_, env_, key_, help_) \
	[id] = {.name = name_, \
		.arg = arg_, \
		.env = env_, \
		.key = key_, \
		.help = help_, \
		.letter = letter_},
	CLI_OPTIONS(X_)
#undef X_
};

const struct option_row *cmdline_row(enum opt_id id)
{
	return &rows[id];
}

static int bad(char why[256], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(char why[256], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 256, fmt, ap);
	va_end(ap);
	return TG_EINVAL;
}

static int find_long(const char *name, size_t n)
{
	for (int id = 0; id < OPT_N; id++)
		if (strlen(rows[id].name) == n && memcmp(rows[id].name, name, n) == 0)
			return id;
	return -1;
}

static int find_letter(char c)
{
	for (int id = 0; id < OPT_N; id++)
		if (rows[id].letter != 0 && rows[id].letter == c)
			return id;
	return -1;
}

static int add_value(struct cmdline *o, int id, const char *value, char why[256])
{
	if (o->n[id] == OPT_VALUES_MAX)
		return bad(why, "--%s is given more than %d times", rows[id].name, OPT_VALUES_MAX);
	o->value[id][o->n[id]++] = value;
	o->given |= OPT_BIT(id);
	return 0;
}

/* For keygen --sign is a flag; for every other command it names a key. Before the command is known,
 * the next word decides. */
static bool takes_value(const struct cmdline *o, int id, const char *next)
{
	if (id != OPT_SIGN)
		return rows[id].arg != NULL;
	if (o->n_words > 0)
		return strcmp(o->word[0], "keygen") != 0;
	return next != NULL && strcmp(next, "keygen") != 0 && (next[0] != '-' || next[1] == '\0');
}

static int parse_option(
	struct cmdline *o, const char *arg, const char *next, int *used_next, char why[256])
{
	const char *value = NULL;
	int id;

	*used_next = 0;
	if (arg[1] == '-') {
		size_t n = strcspn(arg + 2, "=");

		id = find_long(arg + 2, n);
		value = arg[2 + n] == '=' ? arg + 3 + n : NULL;
	} else {
		id = find_letter(arg[1]);
		value = arg[2] != '\0' ? arg + 2 : NULL;
	}
	if (id < 0)
		return bad(why, "unknown option %s", arg);
	if (!takes_value(o, id, next)) {
		if (value != NULL)
			return bad(why, "%s takes no value", arg);
		return add_value(o, id, "", why);
	}
	if (value == NULL) {
		value = next;
		*used_next = 1;
	}
	if (value == NULL || value[0] == '\0')
		return bad(why, "--%s needs a value: %s", rows[id].name, rows[id].arg);
	return add_value(o, id, value, why);
}

int cmdline_parse(struct cmdline *o, int argc, char **argv, char why[256])
{
	bool only_words = false;

	memset(o, 0, sizeof *o);
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		int used_next, err;

		if (!only_words && strcmp(arg, "--") == 0) {
			only_words = true;
			continue;
		}
		if (only_words || arg[0] != '-' || arg[1] == '\0') {
			if (o->n_words == OPERANDS_MAX)
				return bad(why, "too many operands, from %s on", arg);
			o->word[o->n_words++] = arg;
			continue;
		}
		err = parse_option(o, arg, i + 1 < argc ? argv[i + 1] : NULL, &used_next, why);
		if (err != 0)
			return err;
		i += used_next;
	}
	return 0;
}

/* Configuration ------------------------------------------------------------ */

struct config_reader {
	struct cmdline *o;
	const char *path;
	char *why;
	int err;
};

static bool names_file(int id, const char *value)
{
	if (id == OPT_SENDER)
		return strncmp(value, SENDER_PREFIX, strlen(SENDER_PREFIX)) != 0;
	if (id == OPT_LOG_KEY)
		return strncmp(value, LOG_KEY_PREFIX, strlen(LOG_KEY_PREFIX)) != 0 &&
			strchr(value, '+') == NULL;
	return id == OPT_CA || id == OPT_CERT || id == OPT_KEY || id == OPT_IDENTITY ||
		id == OPT_SIGN;
}

/* "~/…" is in the home directory. Any other relative path is relative to the configuration file's
 * folder, not to the working directory. */
static char *config_value(const char *config_path, int id, const char *value)
{
	const char *home = getenv("HOME"), *slash = strrchr(config_path, '/');
	char *out = NULL;

	if (!names_file(id, value) || value[0] == '/')
		return strdup(value);
	if (strncmp(value, "~/", 2) == 0 && home != NULL)
		return asprintf(&out, "%s/%s", home, value + 2) < 0 ? NULL : out;
	if (slash == NULL)
		return strdup(value);
	return asprintf(&out, "%.*s/%s", (int)(slash - config_path), config_path, value) < 0 ?
		NULL :
		out;
}

static int on_config(void *user, const char *section, const char *name, const char *value)
{
	struct config_reader *r = user;

	if (r->err != 0)
		return 0;
	for (int id = 0; id < OPT_N && section[0] == '\0'; id++) {
		if (rows[id].key == NULL || strcmp(rows[id].key, name) != 0)
			continue;
		if (r->o->config_text[id] != NULL) {
			r->err = bad(r->why, "%s: %s is set twice", r->path, name);
			return 0;
		}
		r->o->config_text[id] = config_value(r->path, id, value);
		return r->o->config_text[id] != NULL;
	}
	r->err = bad(r->why,
		"%s: unknown key %s%s%s; known are url ca cert key timeout recipient identity "
		"signing_key sender log_key",
		r->path, section, section[0] != '\0' ? "." : "", name);
	return 0;
}

static int read_config(struct cmdline *o, const char *path, bool must_exist, char why[256])
{
	struct config_reader r = {.o = o, .path = path, .why = why};
	FILE *f = fopen(path, "re");
	int line;

	if (f == NULL) {
		if (errno == ENOENT && !must_exist)
			return 0;
		bad(why, "cannot read the configuration %s: %s", path, strerror(errno));
		return TG_EIO;
	}
	line = ini_parse_file(f, on_config, &r);
	fclose(f);
	if (r.err != 0)
		return r.err;
	if (line != 0)
		return bad(why, "%s, line %d: not of the form key = value", path, line);
	return 0;
}

static int config_file(struct cmdline *o, char why[256])
{
	const char *path = cmdline_text(o, OPT_CONFIG), *dir = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");
	char standard[PATH_CHARS];
	int n;

	if (path != NULL)
		return read_config(o, path, true, why);
	if (dir != NULL && dir[0] == '/')
		n = snprintf(standard, sizeof standard, "%s/timeglas/config", dir);
	else if (home != NULL && home[0] == '/')
		n = snprintf(standard, sizeof standard, "%s/.config/timeglas/config", home);
	else
		return 0;
	return n < (int)sizeof standard ? read_config(o, standard, false, why) : 0;
}

int cmdline_defaults(struct cmdline *o, char why[256])
{
	int err;

	for (int id = 0; id < OPT_N; id++) {
		const char *value =
			o->n[id] == 0 && rows[id].env != NULL ? getenv(rows[id].env) : NULL;

		if (value != NULL && value[0] != '\0')
			o->value[id][o->n[id]++] = value;
	}
	err = config_file(o, why);
	for (int id = 0; id < OPT_N && err == 0; id++)
		if (o->n[id] == 0 && o->config_text[id] != NULL && o->config_text[id][0] != '\0')
			o->value[id][o->n[id]++] = o->config_text[id];
	return err;
}

void cmdline_free(struct cmdline *o)
{
	for (int id = 0; id < OPT_N; id++)
		free(o->config_text[id]);
	memset(o, 0, sizeof *o);
}

const char *cmdline_text(const struct cmdline *o, enum opt_id id)
{
	return o->n[id] > 0 ? o->value[id][0] : NULL;
}

bool cmdline_flag(const struct cmdline *o, enum opt_id id)
{
	return o->n[id] > 0;
}

bool cmdline_given(const struct cmdline *o, enum opt_id id)
{
	return (o->given & OPT_BIT(id)) != 0;
}
