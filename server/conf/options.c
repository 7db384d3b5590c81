/*
 * options.c: the table of options and the readers of their values. It opens no file and knows no
 * line: file.c does. Runs in the master, and in each process that reloads.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "core/num.h"
#include "base/log.h"
#include "conf/options.h"
#include "conf/suggest.h"
#include "core/bug.h"

#define GIB (UINT64_C(1) << 30)
#define WORKERS_MAX 64
#define SOCKET_NAME "/redis.sock" /* what the master puts into run_dir */
#define RUN_DIR_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof SOCKET_NAME)

#define HOST_CHARS sizeof(((struct conf *)NULL)->listen_host)

enum type {
	T_UINT,     /* unsigned */
	T_SIZE,     /* uint64_t, with a suffix */
	T_PATH,     /* char *, relative to the file's folder */
	T_PROGRAM,  /* char *, looked up in PATH when it has no slash */
	T_TEXT,     /* char * */
	T_URL,      /* char * */
	T_RUN_DIR,  /* char *, a short path */
	T_ADDRESS,  /* char[64] and the uint16_t at `second` */
	T_LOOPBACK, /* the same, this machine only */
	T_LEVEL     /* int */
};

struct option {
	const char *section, *key;
	enum type type;
	size_t at, second;
	uint64_t min, max;
	const char *initial; /* NULL: 0, NULL */
	bool reloads;        /* false: only a restart changes it */
};

#define AT(member) offsetof(struct conf, member)

static const struct option table[] = {
	/* section, key, type, where, where the port, min, max, default, does a reload change it? */
	{"server", "listen", T_ADDRESS, AT(listen_host), AT(listen_port), 0, 0, "127.0.0.1:8443",
		false},
	{"server", "admin", T_LOOPBACK, AT(admin_host), AT(admin_port), 0, 0, "127.0.0.1:8480",
		false},
	{"server", "workers", T_UINT, AT(workers), 0, 1, WORKERS_MAX, NULL, false},
	{"server", "certificate", T_PATH, AT(certificate), 0, 0, 0, NULL, true},
	{"server", "key", T_PATH, AT(key), 0, 0, 0, NULL, true},
	{"server", "client_ca", T_PATH, AT(client_ca), 0, 0, 0, NULL, true},
	{"server", "user", T_TEXT, AT(user), 0, 0, 0, NULL, false},
	{"server", "log", T_PATH, AT(log_file), 0, 0, 0, NULL, false},
	{"server", "log_level", T_LEVEL, AT(log_level), 0, 0, 0, "info", false},
	{"server", "audit_log", T_PATH, AT(audit_log), 0, 0, 0, NULL, false},
	{"server", "audit_key", T_PATH, AT(audit_key), 0, 0, 0, NULL, false},
	{"server", "audit_rotate_bytes", T_SIZE, AT(audit_rotate_bytes), 0, 65536, 1024 * GIB,
		"256MiB", false},
	{"server", "audit_rotate_s", T_UINT, AT(audit_rotate_s), 0, 60, 31 * TG_TTL_MAX_S, "86400",
		false},
	{"server", "audit_keep_days", T_UINT, AT(audit_keep_days), 0, 0, 36500, "400", false},
	{"server", "audit_max_lag_s", T_UINT, AT(audit_max_lag_s), 0, 1, 60, "5", false},
	{"server", "drain_s", T_UINT, AT(drain_s), 0, 0, TG_TTL_MAX_S, "60", true},
	{"store", "url", T_URL, AT(store_url), 0, 0, 0, NULL, false},
	{"store", "redis_server", T_PROGRAM, AT(redis_server), 0, 0, 0, "redis-server", false},
	{"store", "run_dir", T_RUN_DIR, AT(run_dir), 0, 0, 0, NULL, false},
	{"store", "max_bytes", T_SIZE, AT(store_max_bytes), 0, 16u << 20, 65536 * GIB, NULL, false},
	{"store", "store_attested_by", T_TEXT, AT(store_attested_by), 0, 0, 0, NULL, false},
	{"limits", "max_blob", T_SIZE, AT(max_blob_bytes), 0, 256, 4 * GIB, "32MiB", true},
	{"limits", "max_connections", T_UINT, AT(max_connections), 0, 1, 1000000, "8192", false},
	{"limits", "max_unknown", T_UINT, AT(max_unknown), 0, 16, 65536, "1024", false},
	{"limits", "handshake_timeout_s", T_UINT, AT(handshake_timeout_s), 0, 1, 300, "10", false},
	{"limits", "head_timeout_s", T_UINT, AT(head_timeout_s), 0, 1, 300, "10", false},
	{"limits", "body_idle_s", T_UINT, AT(body_idle_s), 0, 1, 300, "20", false},
	{"limits", "send_idle_s", T_UINT, AT(send_idle_s), 0, 1, 300, "20", false},
	{"limits", "idle_timeout_s", T_UINT, AT(idle_timeout_s), 0, 1, 3600, "75", false},
};
#define N_OPTIONS (sizeof table / sizeof *table)

static const char *const sections[] = {"server", "store", "limits", "retention", "peer NAME"};
static const char *const levels[] = {[LOG_L_ERROR] = "error",
	[LOG_L_WARN] = "warn",
	[LOG_L_INFO] = "info",
	[LOG_L_DEBUG] = "debug"};

static void *field(struct conf *c, size_t at)
{
	return (char *)c + at;
}

char *options_join(const char *dir, const char *path)
{
	char *out;

	if (dir == NULL || path[0] == '/')
		return strdup(path);
	return asprintf(&out, "%s/%s", dir, path) < 0 ? NULL : out;
}

static int set_text(struct conf *c, const struct option *o, char *copy, char *why, size_t cap)
{
	char **p = field(c, o->at);

	if (copy == NULL) {
		snprintf(why, cap, "out of memory; free some");
		return TG_ENOMEM;
	}
	free(*p);
	*p = copy;
	return 0;
}

static int set_number(
	struct conf *c, const struct option *o, const char *value, char *why, size_t cap)
{
	uint64_t v = 0;
	int bad;

	bad = o->type == T_SIZE ? tg_num_size(value, strlen(value), UINT64_MAX, &v) :
				  tg_num_u64(value, strlen(value), UINT64_MAX, &v);
	if (bad != 0) {
		snprintf(why, cap, "'%s' is not a %s; write digits%s", value,
			o->type == T_SIZE ? "size" : "number",
			o->type == T_SIZE ? ", perhaps with KiB, MiB or GiB" : " only");
		return TG_EINVAL;
	}
	if (v < o->min || v > o->max) {
		snprintf(why, cap, "%s is out of bounds; give %llu to %llu", value,
			(unsigned long long)o->min, (unsigned long long)o->max);
		return TG_EINVAL;
	}
	if (o->type == T_SIZE)
		*(uint64_t *)field(c, o->at) = v;
	else
		*(unsigned *)field(c, o->at) = (unsigned)v;
	return 0;
}

static bool is_loopback(int family, const unsigned char addr[16])
{
	static const unsigned char six[16] = {[15] = 1};

	return family == AF_INET ? addr[0] == 127 : memcmp(addr, six, sizeof six) == 0;
}

/* "127.0.0.1:8443", "[::1]:8443", "localhost:8443". Numbers, not names: a server must not wait for
 * a resolver to start. */
static int set_address(
	struct conf *c, const struct option *o, const char *value, char *why, size_t cap)
{
	unsigned char addr[16];
	char host[64], *h = host;
	const char *colon = strrchr(value, ':');
	uint64_t port;
	size_t n;
	int family = AF_INET;

	if (colon == NULL || (n = (size_t)(colon - value)) >= sizeof host ||
		tg_num_u64(colon + 1, strlen(colon + 1), 65535, &port) != 0)
		goto bad;
	memcpy(host, value, n);
	host[n] = '\0';
	if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		h++;
		family = AF_INET6;
	}
	if (inet_pton(family, h, addr) != 1)
		goto bad;
	if (o->type == T_LOOPBACK && !is_loopback(family, addr)) {
		snprintf(why, cap,
			"%s is not this machine's own; the admin plane has no access control: use "
			"127.0.0.1 or [::1]",
			value);
		return TG_EINVAL;
	}
	snprintf(field(c, o->at), sizeof host, "%s", h);
	*(uint16_t *)field(c, o->second) = (uint16_t)port;
	return 0;
bad:
	snprintf(why, cap, "'%s' is not an address; write 127.0.0.1:8443 or [::1]:8443", value);
	return TG_EINVAL;
}

static int set_level(
	struct conf *c, const struct option *o, const char *value, char *why, size_t cap)
{
	char hint[128];
	int i;

	for (i = 0; i < (int)(sizeof levels / sizeof *levels); i++) {
		if (strcmp(value, levels[i]) == 0) {
			*(int *)field(c, o->at) = i;
			return 0;
		}
	}
	snprintf(why, cap, "no log level '%s'; %s", value,
		suggest(value, levels, sizeof levels / sizeof *levels, hint, sizeof hint));
	return TG_EINVAL;
}

static int set_url(struct conf *c, const struct option *o, const char *value, char *why, size_t cap)
{
	const char *host = NULL, *colon,
		   *path = strncmp(value, "unix://", 7) == 0 ? strchr(value + 7, '/') : NULL;
	uint64_t port;

	if (path != NULL && path[1] != '\0' && (path == value + 7 || path[-1] == '@')) {
		if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
			snprintf(why, cap, "the socket's path is too long; at most 107 bytes");
			return TG_EINVAL;
		}
		return set_text(c, o, strdup(value), why, cap);
	}
	if (strncmp(value, "redis://", 8) == 0) {
		host = strrchr(value, '@');
		host = host != NULL ? host + 1 : value + 8;
		colon = strrchr(host, ':');
		if (colon != NULL && colon > host && strchr(host, '/') == NULL &&
			tg_num_u64(colon + 1, strlen(colon + 1), 65535, &port) == 0 && port > 0)
			return set_text(c, o, strdup(value), why, cap);
	}
	/* The value is not repeated: it may hold a password. */
	snprintf(why, cap,
		"not a store's URL; write unix:///path or redis://[user:password@]host:port, or "
		"leave it out for the embedded one");
	return TG_EINVAL;
}

static int set_path(struct conf *c, const struct option *o, const char *value, const char *dir,
	char *why, size_t cap)
{
	char *joined = options_join(
		o->type == T_PROGRAM && strchr(value, '/') == NULL ? NULL : dir, value);

	if (o->type == T_RUN_DIR && joined != NULL &&
		(joined[0] != '/' || strlen(joined) > RUN_DIR_MAX)) {
		snprintf(why, cap,
			"'%s' is relative or too long for a socket; give an absolute path of at "
			"most %zu bytes",
			joined, RUN_DIR_MAX);
		free(joined);
		return TG_EINVAL;
	}
	return set_text(c, o, joined, why, cap);
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
	case T_TEXT:
		return set_text(c, o, strdup(value), why, cap);
	case T_URL:
		return set_url(c, o, value, why, cap);
	case T_ADDRESS:
	case T_LOOPBACK:
		return set_address(c, o, value, why, cap);
	case T_LEVEL:
		return set_level(c, o, value, why, cap);
	}
	tg_bug("options", "set one of no known type");
}

/* "passport = 1800", "passport.danish = 600", "voice = 300" */
static int set_retention(struct conf *c, const char *key, const char *value, char *why, size_t cap)
{
	static const char *const classes[] = {"danish", "other"};
	char kind[TG_KIND_MAX + 2], hint[128];
	const char *dot = strchr(key, '.');
	uint64_t v;
	int class = -1, err;

	snprintf(kind, sizeof kind, "%.*s", dot != NULL ? (int)(dot - key) : (int)strlen(key), key);
	if (dot != NULL) {
		class = strcmp(dot + 1, "danish") == 0 ? (int)TG_ISSUER_DANISH :
			strcmp(dot + 1, "other") == 0  ? (int)TG_ISSUER_OTHER :
							 -2;
		if (class == -2) {
			snprintf(why, cap, "no issuer class '%s'; %s", dot + 1,
				suggest(dot + 1, classes, 2, hint, sizeof hint));
			return TG_EINVAL;
		}
	}
	if (tg_num_u64(value, strlen(value), UINT32_MAX, &v) != 0) {
		snprintf(why, cap, "'%s' is not a number of seconds; write digits only", value);
		return TG_EINVAL;
	}
	err = tg_policy_limit(&c->policy, kind, class, (uint32_t)v);
	if (err == TG_ETTL)
		snprintf(why, cap,
			"%s s is not a shorter limit for '%s'; limits are at least 1 s, never "
			"above the built-in one and never above %u s",
			value, key, TG_TTL_MAX_S);
	else if (err == TG_ENOMEM)
		snprintf(why, cap, "too many kinds; at most %u rules", (unsigned)TG_RULES_MAX);
	else if (err != 0)
		snprintf(why, cap,
			"'%s' is not a kind's name; use a-z, 0-9 and '-', at most %u of them, and "
			".danish or .other only for passports",
			key, (unsigned)TG_KIND_MAX);
	return err != 0 ? TG_EINVAL : 0;
}

bool options_has_section(const char *section, char *why, size_t cap)
{
	char hint[128];
	size_t i;

	for (i = 0; i + 1 < sizeof sections / sizeof *sections; i++)
		if (strcmp(section, sections[i]) == 0)
			return true;
	snprintf(why, cap, "no section [%s]; %s", section,
		suggest(section, sections, sizeof sections / sizeof *sections, hint, sizeof hint));
	return false;
}

int options_set(struct conf *c, const char *section, const char *key, const char *value,
	const char *dir, char *why, size_t cap)
{
	const char *known[N_OPTIONS];
	char hint[256];
	size_t i, n = 0;

	if (strcmp(section, "retention") == 0)
		return set_retention(c, key, value, why, cap);
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

static int set_defaults(struct conf *c)
{
	char why[OPTIONS_WHY];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;
	int err = 0;

	for (i = 0; i < N_OPTIONS && err == 0; i++)
		if (table[i].initial != NULL)
			err = set_option(c, &table[i], table[i].initial, NULL, why, sizeof why);
	c->workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
	tg_policy_init(&c->policy);
	return err;
}

static bool is_text(const struct option *o)
{
	switch (o->type) {
	case T_PATH:
	case T_PROGRAM:
	case T_TEXT:
	case T_URL:
	case T_RUN_DIR:
		return true;
	case T_UINT:
	case T_SIZE:
	case T_ADDRESS:
	case T_LOOPBACK:
	case T_LEVEL:
		return false;
	}
	tg_bug("options", "compared one of no known type");
}

static void free_texts(struct conf *c)
{
	size_t i;

	for (i = 0; i < N_OPTIONS; i++)
		if (is_text(&table[i]))
			free(*(char **)field(c, table[i].at));
}

static void forget_texts(struct conf *c)
{
	size_t i;

	for (i = 0; i < N_OPTIONS; i++)
		if (is_text(&table[i]))
			*(char **)field(c, table[i].at) = NULL;
}

struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof *c);

	if (c != NULL && set_defaults(c) != 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	free_texts(c);
	free(c);
}

struct conf *conf_copy(const struct conf *bytes)
{
	struct conf *c = malloc(sizeof *c);

	if (c == NULL)
		return NULL;
	memcpy(c, bytes, sizeof *c);
	forget_texts(c);
	return c;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static size_t bytes_of(const struct option *o)
{
	switch (o->type) {
	case T_UINT:
		return sizeof(unsigned);
	case T_SIZE:
		return sizeof(uint64_t);
	case T_LEVEL:
		return sizeof(int);
	case T_ADDRESS:
	case T_LOOPBACK:
		return HOST_CHARS;
	default:
		return sizeof(char *);
	}
}

static bool differs(const struct option *o, const struct conf *a, const struct conf *b)
{
	const char *pa = (const char *)a + o->at, *pb = (const char *)b + o->at;

	if (is_text(o))
		return !same_text(
			*(char *const *)(const void *)pa, *(char *const *)(const void *)pb);
	if (bytes_of(o) == HOST_CHARS)
		return strcmp(pa, pb) != 0 ||
			memcmp((const char *)a + o->second, (const char *)b + o->second,
				sizeof(uint16_t)) != 0;
	return memcmp(pa, pb, bytes_of(o)) != 0;
}

static int keep_one(const struct option *o, struct conf *fresh, const struct conf *running)
{
	char **text, *const *old;

	if (!is_text(o)) {
		memcpy(field(fresh, o->at), (const char *)running + o->at, bytes_of(o));
		if (bytes_of(o) == HOST_CHARS)
			memcpy(field(fresh, o->second), (const char *)running + o->second,
				sizeof(uint16_t));
		return 0;
	}
	text = field(fresh, o->at);
	old = (char *const *)(const void *)((const char *)running + o->at);
	free(*text);
	*text = *old != NULL ? strdup(*old) : NULL;
	return *old != NULL && *text == NULL ? TG_ENOMEM : 0;
}

int conf_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap)
{
	size_t i, at = 0;

	changed[0] = '\0';
	for (i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &table[i];

		if (o->reloads || !differs(o, fresh, running))
			continue;
		if (at < cap)
			at += (size_t)snprintf(
				changed + at, cap - at, "%s%s", at > 0 ? ", " : "", o->key);
		if (keep_one(o, fresh, running) != 0)
			return TG_ENOMEM;
	}
	fresh->store_open_socket = running->store_open_socket;
	return 0;
}
