/*
 * conf_load.c: reads a configuration file: its lines, its sections, and what must hold between
 * them. Every mistake is reported with its line, not only the first one; what must hold between
 * lines is checked as far as these are right. What a value means is left to options.c and peers.c.
 * Runs in the master.
 */
#include <ini.h>
#include <libgen.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/file.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "conf/peers.h"
#include "conf/pem.h"

#define LINE_MAX_CHARS 1024

struct seen { /* a section or a setting, and the line that it stands on */
	char what[OPTIONS_SETTING_CHARS];
	unsigned line;
};

struct reader {
	FILE *f;
	const char *path, *dir;
	struct conf *c;
	unsigned line;
	bool skip;              /* the section is a mistake: its lines are not looked at */
	struct conf_peer *peer; /* whose section it is, or NULL */
	struct seen *seen;
	size_t n_seen, cap_seen;
	struct peer_notes notes[CONF_PEERS_MAX];
	char *err; /* of conf_load(); used of its cap bytes are written */
	size_t cap, used;
	int code; /* TG_EINVAL once something is wrong */
};

/* Adds a line to err, of what is wrong or will not work. */
static void tell(struct reader *r, unsigned line, const char *text)
{
	int n;

	if (r->used >= r->cap)
		return;
	n = snprintf(r->err + r->used, r->cap - r->used, "%s%s:%u: %s", r->used > 0 ? "\n" : "",
		r->path, line, text);
	r->used += n > 0 ? (size_t)n : 0;
}

static void report(struct reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void report(struct reader *r, unsigned line, const char *fmt, ...)
{
	char text[OPTIONS_WHY + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->code = TG_EINVAL;
	tell(r, line, text);
}

/* 0: it was not given. */
static unsigned line_of(const struct reader *r, const char *what)
{
	size_t i;

	for (i = 0; i < r->n_seen; i++)
		if (strcmp(r->seen[i].what, what) == 0)
			return r->seen[i].line;
	return 0;
}

static void note(struct reader *r, const char *what)
{
	struct seen *grown;

	if (r->n_seen == r->cap_seen) {
		grown = realloc(r->seen, (r->cap_seen * 2 + 16) * sizeof *grown);
		if (grown == NULL) {
			report(r, r->line, "out of memory; free some");
			return;
		}
		r->seen = grown;
		r->cap_seen = r->cap_seen * 2 + 16;
	}
	snprintf(r->seen[r->n_seen].what, OPTIONS_SETTING_CHARS, "%s", what);
	r->seen[r->n_seen++].line = r->line;
}

/* s: what stands between the brackets, "server" or "peer NAME". */
static void on_section(struct reader *r, char *s)
{
	char why[OPTIONS_WHY];
	int err;

	r->peer = NULL;
	if (strncmp(s, "peer ", 5) == 0) {
		err = peers_begin(r->c, s + 5 + strspn(s + 5, " \t"), why, sizeof why);
		if (err == 0) {
			r->peer = &r->c->peer[r->c->n_peers - 1];
			r->notes[r->c->n_peers - 1] = (struct peer_notes){.line = r->line};
		}
		r->skip = err != 0;
	} else {
		r->skip = !options_has_section(s, why, sizeof why);
	}
	if (r->skip)
		report(r, r->line, "%s", why);
	else if (line_of(r, s) == 0)
		note(r, s);
}

/* Called by inih for each line, before it takes the line apart. Sections are handled here, for inih
 * tells neither the number of a line nor of a section without settings. A line that is a mistake is
 * given to inih as an empty one. */
static char *read_line(char *buf, int cap, void *ctx)
{
	struct reader *r = ctx;
	char *s, *end, head[LINE_MAX_CHARS];
	int ch;

	if (fgets(buf, cap, r->f) == NULL)
		return NULL;
	r->line++;
	if (strchr(buf, '\n') == NULL && (ch = fgetc(r->f)) != EOF) {
		while (ch != EOF && ch != '\n')
			ch = fgetc(r->f);
		report(r, r->line, "the line is too long or holds a NUL; at most %d characters",
			cap - 3);
		buf[0] = '\0';
		return buf;
	}
	s = buf + strspn(buf, " \t\r\n\xef\xbb\xbf");
	if (*s == '[') {
		end = strchr(s, ']');
		if (end == NULL) {
			report(r, r->line, "the section's name has no end; write [name]");
			r->skip = true;
			buf[0] = '\0';
			return buf;
		}
		snprintf(head, sizeof head, "%.*s", (int)(end - s - 1), s + 1);
		on_section(r, head);
	} else if (*s != '\0' && *s != ';' && *s != '#' && strpbrk(s, "=:") == NULL) {
		report(r, r->line,
			"neither a section nor a setting; write key = value, or # before a "
			"comment");
		buf[0] = '\0';
	}
	return buf;
}

static int on_setting(void *ctx, const char *section, const char *key, const char *value)
{
	struct reader *r = ctx;
	char what[OPTIONS_SETTING_CHARS], why[OPTIONS_WHY];
	int err;

	if (r->skip)
		return 1;
	if (section[0] == '\0') {
		report(r, r->line,
			"'%s' stands before any section; put [server] or another section's name "
			"above it",
			key);
		return 1;
	}
	snprintf(what, sizeof what, "%s.%s", section, key);
	if (line_of(r, what) != 0) {
		report(r, r->line, "'%s' was given on line %u already; keep one", key,
			line_of(r, what));
		return 1;
	}
	note(r, what);
	if (r->peer != NULL) {
		struct peer_notes *notes = &r->notes[r->peer - r->c->peer];

		if (strcmp(key, "to") == 0)
			notes->to_line = r->line;
		err = peers_set(r->peer, notes, key, value, r->dir, why, sizeof why);
	} else {
		err = options_set(r->c, section, key, value, r->dir, why, sizeof why);
	}
	if (err != 0)
		report(r, r->line, "%s", why);
	return 1;
}

/* Called by check.c for what prevents no start but will not work. The line is that of the setting,
 * otherwise of its section, otherwise 1. */
static void on_found(void *ctx, const char *key, const char *why)
{
	struct reader *r = ctx;
	char section[OPTIONS_SETTING_CHARS];
	unsigned line = line_of(r, key);

	snprintf(section, sizeof section, "%.*s", (int)strcspn(key, "."), key);
	if (line == 0)
		line = line_of(r, section);
	tell(r, line != 0 ? line : 1, why);
}

static void check_certificates(struct reader *r)
{
	struct check_peer *peer = calloc(r->c->n_peers + 1, sizeof *peer);
	size_t i;

	if (peer == NULL) {
		report(r, r->line, "out of memory; free some");
		return;
	}
	for (i = 0; i < r->c->n_peers; i++)
		peer[i] = (struct check_peer){
			r->c->peer[i].name, r->notes[i].key_known ? r->notes[i].certificate : NULL};
	check_peers(r->c->client_ca, peer, r->c->n_peers, on_found, r);
	free(peer);
}

static void check_files(struct reader *r)
{
	const struct conf *c = r->c;
	char why[OPTIONS_WHY];
	const struct {
		const char *what, *key, *path;
	} needed[] = {
		{"certificate", "server.certificate", c->certificate},
		{"key", "server.key", c->key},
		{"client_ca", "server.client_ca", c->client_ca},
	};
	bool all = true;
	size_t i;

	if (c->audit_log == NULL && line_of(r, "server.audit_log") == 0)
		report(r, line_of(r, "server"),
			"[server] has no audit_log; add audit_log = FILE, where what is stored and "
			"erased is recorded");
	for (i = 0; i < sizeof needed / sizeof *needed; i++) {
		if (needed[i].path != NULL)
			continue;
		all = false;
		if (line_of(r, needed[i].key) != 0)
			continue; /* its line is wrong, and that was reported */
		report(r, line_of(r, "server"), "[server] has no %s; add %s = FILE.pem",
			needed[i].what, needed[i].what);
	}
	if (!all)
		return;
	if (pem_check_certificate(c->certificate, why, sizeof why) != 0)
		report(r, line_of(r, "server.certificate"), "%s", why);
	else if (pem_check_key(c->key, c->certificate, why, sizeof why) != 0)
		report(r, line_of(r, "server.key"), "%s", why);
	if (pem_check_certificate(c->client_ca, why, sizeof why) != 0)
		report(r, line_of(r, "server.client_ca"), "%s", why);
	else
		check_certificates(r);
}

static void check(struct reader *r)
{
	char why[OPTIONS_WHY];
	unsigned line;
	size_t i;

	for (i = 0; i < r->c->n_peers; i++)
		if (peers_check(r->c, i, r->notes, &line, why, sizeof why) != 0)
			report(r, line, "%s", why);
	if (r->c->n_peers == 0)
		report(r, r->line,
			"no [peer NAME] section, so nobody could use this server; add one");
	if (r->c->user != NULL && getpwnam(r->c->user) == NULL)
		report(r, line_of(r, "server.user"),
			"no user '%s' on this machine; add it or leave the line out", r->c->user);
	check_files(r);
	check_machine(r->c, on_found, r);
}

static void read_all(struct reader *r)
{
	int rc;

	/* otherwise an indented line would become part of the value above it */
	ini_allow_multiline = false;
	ini_use_stack = false;
	ini_max_line = LINE_MAX_CHARS;
	ini_initial_alloc = LINE_MAX_CHARS;
	rc = ini_parse_stream(read_line, r, on_setting, r);
	if (rc == -2)
		report(r, r->line, "out of memory; free some");
	else if (rc > 0 && r->code == 0)
		report(r, (unsigned)rc, "not understood; write [section] or key = value");
}

/* Mistakes in --set are reported among those of the file. */
static void override(struct reader *r)
{
	size_t gap = r->used > 0;

	if (r->used + gap >= r->cap ||
		conf_apply_overrides(r->c, r->err + r->used + gap, r->cap - r->used - gap) == 0)
		return;
	if (gap > 0)
		r->err[r->used] = '\n';
	r->used += gap + strlen(r->err + r->used + gap);
	r->code = TG_EINVAL;
}

int conf_load(const char *path, struct conf **out, char *err, size_t cap)
{
	struct reader *r = calloc(1, sizeof *r);
	char *copy = strdup(path), why[OPTIONS_WHY];
	int code = TG_ENOMEM;

	*out = NULL;
	snprintf(err, cap, "%s: out of memory; free some", path);
	if (r == NULL || copy == NULL || (r->c = conf_new()) == NULL)
		goto out;
	r->path = path;
	r->dir = dirname(copy);
	r->err = err;
	r->cap = cap;
	r->f = file_open(path, why, sizeof why);
	if (r->f == NULL) {
		snprintf(err, cap, "%s: %s", path, why);
		code = TG_EIO;
		goto out;
	}
	err[0] = '\0';
	read_all(r);
	override(r);
	check(r);
	code = r->code;
	if (code == 0) {
		*out = r->c;
		r->c = NULL;
	}
out:
	if (r != NULL) {
		if (r->f != NULL)
			fclose(r->f);
		for (size_t i = 0; i < CONF_PEERS_MAX; i++)
			peers_forget(&r->notes[i]);
		conf_free(r->c);
		free(r->seen);
	}
	free(r);
	free(copy);
	return code;
}
