/* jsonw.c: see jsonw.h. It makes no tree: answers are small and written once. Pure; runs in
 * workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "core/time.h"

#define JSONW_FIRST_BYTES 512u

static void put(struct jsonw *w, const char *p, size_t n)
{
	if (w->failed)
		return;
	if (w->cap - w->n < n + 1) {
		size_t cap = w->cap ? w->cap * 2 : JSONW_FIRST_BYTES;
		while (cap - w->n < n + 1)
			cap *= 2;
		char *q = realloc(w->p, cap);
		if (q == NULL) {
			w->failed = true;
			return;
		}
		w->p = q;
		w->cap = cap;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
	w->p[w->n] = '\0';
}

static void put_quoted(struct jsonw *w, const char *s)
{
	put(w, "\"", 1);
	for (;;) {
		size_t plain = 0;
		while ((unsigned char)s[plain] >= 0x20 && s[plain] != '"' && s[plain] != '\\')
			plain++;
		put(w, s, plain);
		s += plain;
		if (*s == '\0')
			break;
		char esc[8];
		int n = *s == '"' || *s == '\\' ?
			snprintf(esc, sizeof esc, "\\%c", *s) :
			snprintf(esc, sizeof esc, "\\u%04x", (unsigned)(unsigned char)*s);
		put(w, esc, (size_t)n);
		s++;
	}
	put(w, "\"", 1);
}

static void lead(struct jsonw *w, const char *key)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
	if (key != NULL) {
		put_quoted(w, key);
		put(w, ":", 1);
	}
}

void jsonw_open(struct jsonw *w, const char *key, char bracket)
{
	lead(w, key);
	put(w, &bracket, 1);
	w->comma = false;
}

void jsonw_close(struct jsonw *w, char bracket)
{
	put(w, &bracket, 1);
	w->comma = true;
}

void jsonw_str(struct jsonw *w, const char *key, const char *value)
{
	lead(w, key);
	if (value == NULL || *value == '\0')
		put(w, "null", 4);
	else
		put_quoted(w, value);
}

void jsonw_u64(struct jsonw *w, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	lead(w, key);
	put(w, text, (size_t)n);
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
	lead(w, key);
	put(w, value ? "true" : "false", value ? 4 : 5);
}

void jsonw_time(struct jsonw *w, const char *key, int64_t unix_ms)
{
	char text[TG_TIME_LEN + 1];
	jsonw_str(w, key, tg_time_format(unix_ms, text));
}

const char *jsonw_text(const struct jsonw *w, size_t *n)
{
	if (w->failed || w->p == NULL)
		return NULL;
	*n = w->n;
	return w->p;
}

void jsonw_free(struct jsonw *w)
{
	free(w->p);
	memset(w, 0, sizeof *w);
}
