/*
 * options.c: see options.h. How a value is read stands in values.c, what must hold between settings
 * in conf_load.c. It opens no file and knows no line. Runs where a configuration is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "conf/kinds.h"
#include "conf/options.h"
#include "conf/suggest.h"
#include "conf/values.h"
#include "core/bug.h"

#define GIB (UINT64_C(1) << 30)

enum type {
	T_UINT,     /* digits */
	T_SIZE,     /* digits, perhaps with a unit */
	T_PATH,     /* relative to the file's folder */
	T_PROGRAM,  /* as T_PATH; without a slash it is looked up in PATH */
	T_TEXT,     /* any */
	T_ORIGIN,   /* the name of a log */
	T_URL,      /* of a Redis */
	T_RUN_DIR,  /* as T_PATH, with room for a socket's name behind it */
	T_ADDRESS,  /* host and port */
	T_LOOPBACK, /* as T_ADDRESS, this machine alone */
	T_LEVEL,    /* of the log */
	T_WIPE      /* a word of CONF_WIPES */
};

enum form {
	F_NUMBER,
	F_TEXT, /* an owned char *, or NULL */
	F_HOST  /* characters, and a port at another place */
};

/* How a value of a type stands in struct conf. */
static const struct {
	enum form form;
	size_t bytes;
} stored[] = {
	[T_UINT] = {F_NUMBER, sizeof(unsigned)},
	[T_SIZE] = {F_NUMBER, sizeof(uint64_t)},
	[T_PATH] = {F_TEXT, sizeof(char *)},
	[T_PROGRAM] = {F_TEXT, sizeof(char *)},
	[T_TEXT] = {F_TEXT, sizeof(char *)},
	[T_ORIGIN] = {F_TEXT, sizeof(char *)},
	[T_URL] = {F_TEXT, sizeof(char *)},
	[T_RUN_DIR] = {F_TEXT, sizeof(char *)},
	[T_ADDRESS] = {F_HOST, CONF_HOST_CHARS},
	[T_LOOPBACK] = {F_HOST, CONF_HOST_CHARS},
	[T_LEVEL] = {F_NUMBER, sizeof(int)},
	[T_WIPE] = {F_NUMBER, sizeof(int)},
};

struct option {
	const char *section, *key;
	enum type type;
	size_t at, port_at; /* in struct conf */
	uint64_t min, max;
	const char *initial; /* as a file would have it; NULL: 0 or NULL */
	bool reloads;        /* a reload may change it */
};

#define AT(member) .at = offsetof(struct conf, member)
#define HOST(which) AT(which##_host), .port_at = offsetof(struct conf, which##_port)
#define FROM(low, high) .min = (low), .max = (high)

static const struct option table[] = {
	{"server", "listen", T_ADDRESS, HOST(listen), .initial = "127.0.0.1:8443"},
	{"server", "admin", T_LOOPBACK, HOST(admin), .initial = "127.0.0.1:8480"},
	/* the default is the number of cores */
	{"server", "workers", T_UINT, AT(workers), FROM(1, CONF_WORKERS_MAX)},
	{"server", "certificate", T_PATH, AT(certificate), .reloads = true},
	{"server", "key", T_PATH, AT(key), .reloads = true},
	{"server", "client_ca", T_PATH, AT(client_ca), .reloads = true},
	{"server", "user", T_TEXT, AT(user)},
	{"server", "log", T_PATH, AT(log_file)},
	{"server", "log_level", T_LEVEL, AT(log_level), .initial = "info"},
	{"server", "audit_log", T_PATH, AT(audit_log)},
	{"server", "audit_key", T_PATH, AT(audit_key)},
	{"server", "audit_origin", T_ORIGIN, AT(audit_origin)},
	{"server", "audit_rotate_bytes", T_SIZE, AT(audit_rotate_bytes), FROM(65536, 1024 * GIB),
		.initial = "256MiB"},
	{"server", "audit_rotate_s", T_UINT, AT(audit_rotate_s), FROM(60, 31 * TG_TTL_MAX_S),
		.initial = "86400"},
	{"server", "audit_keep_days", T_UINT, AT(audit_keep_days), FROM(0, 36500),
		.initial = "400"},
	{"server", "audit_max_lag_s", T_UINT, AT(audit_max_lag_s), FROM(1, 60), .initial = "5"},
	{"server", "witnesses", T_PATH, AT(witnesses)},
	{"server", "witness_ca", T_PATH, AT(witness_ca)},
	{"server", "drain_s", T_UINT, AT(drain_s), FROM(0, TG_TTL_MAX_S), .initial = "60",
		.reloads = true},
	{"store", "url", T_URL, AT(store_url)},
	{"store", "redis_server", T_PROGRAM, AT(redis_server), .initial = "redis-server"},
	{"store", "run_dir", T_RUN_DIR, AT(run_dir)},
	{"store", "max_bytes", T_SIZE, AT(store_max_bytes), FROM(16u << 20, 65536 * GIB)},
	{"store", "store_attested_by", T_TEXT, AT(store_attested_by)},
	{"store", "store_wipe", T_WIPE, AT(store_wipe), .initial = "preferred"},
	{"limits", "max_blob", T_SIZE, AT(max_blob_bytes), FROM(256, 4 * GIB), .initial = "32MiB",
		.reloads = true},
	{"limits", "max_connections", T_UINT, AT(max_connections), FROM(1, 1000000),
		.initial = "8192"},
	{"limits", "max_unknown", T_UINT, AT(max_unknown), FROM(16, 65536), .initial = "1024"},
	{"limits", "handshake_timeout_s", T_UINT, AT(handshake_timeout_s), FROM(1, 300),
		.initial = "10"},
	{"limits", "head_timeout_s", T_UINT, AT(head_timeout_s), FROM(1, 300), .initial = "10"},
	{"limits", "body_idle_s", T_UINT, AT(body_idle_s), FROM(1, 300), .initial = "20"},
	{"limits", "send_idle_s", T_UINT, AT(send_idle_s), FROM(1, 300), .initial = "20"},
	{"limits", "idle_timeout_s", T_UINT, AT(idle_timeout_s), FROM(1, 3600), .initial = "75"},
};
#define N_OPTIONS (sizeof table / sizeof *table)

static void *in(struct conf *c, size_t at)
{
	return (char *)c + at;
}

static char **text_in(struct conf *c, const struct option *o)
{
	return in(c, o->at);
}

static const void *from(const struct conf *c, size_t at)
{
	return (const char *)c + at;
}

static const char *text_from(const struct conf *c, const struct option *o)
{
	return *(const char *const *)from(c, o->at);
}

static bool is_text(const struct option *o)
{
	return stored[o->type].form == F_TEXT;
}

char *options_join(const char *dir, const char *path)
{
	char *out;

	if (dir == NULL || path[0] == '/')
		return strdup(path);
	return asprintf(&out, "%s/%s", dir, path) < 0 ? NULL : out;
}

/* One setting -------------------------------------------------------------- */

/* Owns copy from here on, unless it is NULL. */
static int set_text(struct conf *c, const struct option *o, char *copy, char *why, size_t cap)
{
	if (copy == NULL) {
		snprintf(why, cap, "out of memory; free some");
		return TG_ENOMEM;
	}
	free(*text_in(c, o));
	*text_in(c, o) = copy;
	return 0;
}

static int set_path(struct conf *c, const struct option *o, const char *value, const char *dir,
	char *why, size_t cap)
{
	const bool in_path = o->type == T_PROGRAM && strchr(value, '/') == NULL;
	char *joined = options_join(in_path ? NULL : dir, value);

	if (o->type == T_RUN_DIR && joined != NULL && values_check_run_dir(joined, why, cap) != 0) {
		free(joined);
		return TG_EINVAL;
	}
	return set_text(c, o, joined, why, cap);
}

static int set_number(
	struct conf *c, const struct option *o, const char *value, char *why, size_t cap)
{
	uint64_t v;
	int err = values_number(value, o->type == T_SIZE, o->min, o->max, &v, why, cap);

	if (err != 0)
		return err;
	if (o->type == T_SIZE)
		*(uint64_t *)in(c, o->at) = v;
	else
		*(unsigned *)in(c, o->at) = (unsigned)v;
	return 0;
}

static int set_option(struct conf *c, const struct option *o, const char *value, const char *dir,
	char *why, size_t cap)
{
	if (value[0] == '\0') {
		snprintf(why, cap, "'%s' is empty; give a value or leave the line out", o->key);
		return TG_EINVAL;
	}
	switch (o->type) {
	case T_UINT:
	case T_SIZE:
		return set_number(c, o, value, why, cap);
	case T_PATH:
	case T_PROGRAM:
	case T_RUN_DIR:
		return set_path(c, o, value, dir, why, cap);
	case T_URL:
		if (values_check_url(value, why, cap) != 0)
			return TG_EINVAL;
		return set_text(c, o, strdup(value), why, cap);
	case T_ORIGIN:
		if (values_check_origin(value, why, cap) != 0)
			return TG_EINVAL;
		return set_text(c, o, strdup(value), why, cap);
	case T_TEXT:
		return set_text(c, o, strdup(value), why, cap);
	case T_ADDRESS:
	case T_LOOPBACK:
		return values_address(
			value, o->type == T_LOOPBACK, in(c, o->at), in(c, o->port_at), why, cap);
	case T_LEVEL:
		return values_level(value, in(c, o->at), why, cap);
	case T_WIPE:
		return values_wipe(value, in(c, o->at), why, cap);
	}
	tg_bug("options", "set one of no known type");
}

bool options_has_section(const char *section, char *why, size_t cap)
{
	static const char *const sections[] = {
		"server", "store", "limits", "retention", "peer NAME"};
	const size_t n = sizeof sections / sizeof *sections;
	char hint[128];

	for (size_t i = 0; i + 1 < n; i++) /* the last one is a hint, and no name */
		if (strcmp(section, sections[i]) == 0)
			return true;
	snprintf(why, cap, "no section [%s]; %s", section,
		suggest(section, sections, n, hint, sizeof hint));
	return false;
}

int options_set(struct conf *c, const char *section, const char *key, const char *value,
	const char *dir, char *why, size_t cap)
{
	const char *known[N_OPTIONS];
	char hint[256];
	size_t i, n = 0;

	if (strcmp(section, "retention") == 0)
		return kinds_set(&c->policy, key, value, why, cap);
	for (i = 0; i < N_OPTIONS; i++) {
		if (strcmp(section, table[i].section) != 0)
			continue;
		if (strcmp(key, table[i].key) == 0)
			return set_option(c, &table[i], value, dir, why, cap);
		known[n++] = table[i].key;
	}
	if (n == 0)
		return options_has_section(section, why, cap) ? 0 : TG_EINVAL;
	snprintf(why, cap, "no key '%s' in [%s]; %s", key, section,
		suggest(key, known, n, hint, sizeof hint));
	return TG_EINVAL;
}

/* All settings ------------------------------------------------------------- */

int options_set_defaults(struct conf *c)
{
	char why[OPTIONS_WHY];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;
	int err = 0;

	for (i = 0; i < N_OPTIONS && err == 0; i++)
		if (table[i].initial != NULL)
			err = set_option(c, &table[i], table[i].initial, NULL, why, sizeof why);
	c->workers = cores < 1 ? 1 : cores > CONF_WORKERS_MAX ? CONF_WORKERS_MAX : (unsigned)cores;
	return err;
}

void options_free_texts(struct conf *c)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (is_text(&table[i]))
			free(*text_in(c, &table[i]));
}

void options_drop_texts(struct conf *c)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (is_text(&table[i]))
			*text_in(c, &table[i]) = NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same(const struct option *o, const struct conf *a, const struct conf *b)
{
	switch (stored[o->type].form) {
	case F_TEXT:
		return same_text(text_from(a, o), text_from(b, o));
	case F_HOST:
		return strcmp(from(a, o->at), from(b, o->at)) == 0 &&
			memcmp(from(a, o->port_at), from(b, o->port_at), sizeof(uint16_t)) == 0;
	case F_NUMBER:
		return memcmp(from(a, o->at), from(b, o->at), stored[o->type].bytes) == 0;
	}
	tg_bug("options", "compared one of no known form");
}

static int copy_one(const struct option *o, struct conf *to, const struct conf *c)
{
	const char *text;
	char *copy = NULL;

	if (!is_text(o)) {
		memcpy(in(to, o->at), from(c, o->at), stored[o->type].bytes);
		if (stored[o->type].form == F_HOST)
			memcpy(in(to, o->port_at), from(c, o->port_at), sizeof(uint16_t));
		return 0;
	}
	text = text_from(c, o);
	if (text != NULL && (copy = strdup(text)) == NULL)
		return TG_ENOMEM;
	free(*text_in(to, o));
	*text_in(to, o) = copy;
	return 0;
}

int options_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap)
{
	size_t i, at = 0;

	changed[0] = '\0';
	for (i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &table[i];

		if (o->reloads || same(o, fresh, running))
			continue;
		if (at < cap)
			at += (size_t)snprintf(
				changed + at, cap - at, "%s%s", at > 0 ? ", " : "", o->key);
		if (copy_one(o, fresh, running) != 0)
			return TG_ENOMEM;
	}
	return 0;
}
