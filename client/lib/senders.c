/*
 * senders.c: the set of senders whose signatures are trusted, from texts and from files. It
 * verifies nothing. Runs in the library.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/encoding.h"
#include "lib/keys.h"
#include "lib/secmem.h"

#define BLANKS " \t"
#define SENDERS_MAX 4096u
#define LINE_MAX_CHARS (TG_KEY_TEXT_MAX + TG_SENDER_NAME_MAX + 128)

struct sender_row {
	tg_sender key;
	char name[TG_SENDER_NAME_MAX + 1];
};

struct tg_senders {
	size_t n, cap;
	struct sender_row *row;
};

int tg_senders_new(tg_senders **out)
{
	tg_senders *s = tg_plain_alloc(sizeof *s);

	if (!s)
		return TG_ENOMEM;
	memset(s, 0, sizeof *s);
	*out = s;
	return 0;
}

void tg_senders_free(tg_senders *s)
{
	if (!s)
		return;
	free(s->row);
	free(s);
}

size_t tg_senders_count(const tg_senders *s)
{
	return s->n;
}

static struct sender_row *find_key(const tg_senders *s, const tg_sender *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->row[i].key.pk, key->pk, sizeof key->pk) == 0)
			return &s->row[i];
	return NULL;
}

const char *tg_senders_find(const tg_senders *s, const tg_sender *key)
{
	const struct sender_row *r = find_key(s, key);

	return r ? r->name : NULL;
}

static int name_ok(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name[i] < 0x21 || name[i] > 0x7e)
			return 0;
	return n > 0 && n <= TG_SENDER_NAME_MAX;
}

static int make_room(tg_senders *s)
{
	size_t cap = s->cap ? s->cap * 2 : 8;
	struct sender_row *row;

	if (s->n < s->cap)
		return 0;
	if (s->n == SENDERS_MAX)
		return TG_ENOMEM;
	row = tg_plain_grow(s->row, cap * sizeof *row);
	if (!row)
		return TG_ENOMEM;
	s->row = row;
	s->cap = cap;
	return 0;
}

/* name: n characters; NULL stands for the key's text. */
static int add_key(tg_senders *s, const char *name, size_t n, const char *text, size_t text_len)
{
	struct sender_row r = {0}, *same;
	int err = tg_sender_read(text, text_len, &r.key);

	if (err)
		return err;
	if (!name)
		(void)tg_sender_text(&r.key, r.name, sizeof r.name);
	else if (name_ok(name, n))
		memcpy(r.name, name, n);
	else
		return TG_EINVAL;
	same = find_key(s, &r.key);
	/* Messages name the sender, and that name must not depend on the order of lines. */
	if (same)
		return strcmp(same->name, r.name) == 0 ? 0 : TG_EINVAL;
	err = make_room(s);
	if (!err)
		s->row[s->n++] = r;
	return err;
}

int tg_senders_add(tg_senders *s, const char *name, const char *key_text)
{
	return add_key(s, name, name ? strlen(name) : 0, key_text, strlen(key_text));
}

/* Files -------------------------------------------------------------------- */

static void set_why(char *why, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void set_why(char *why, size_t cap, const char *fmt, ...)
{
	va_list ap;

	if (!why || cap == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
}

/* Adds the key of one line, which comes without its end. Returns 0, also for an empty line or a
 * comment, or what is wrong. */
static int add_line(tg_senders *s, const char *line, size_t n)
{
	const char *key, *name = NULL;
	size_t key_len, name_len = 0;

	while (n > 0 && strchr(BLANKS "\r", line[n - 1]))
		n--;
	while (n > 0 && strchr(BLANKS, *line)) {
		line++;
		n--;
	}
	if (n == 0 || *line == '#')
		return 0;
	key = line;
	for (key_len = 0; key_len < n && !strchr(BLANKS, key[key_len]);)
		key_len++;
	if (key_len < n) { /* of two words, the first is the name */
		name = line;
		name_len = key_len;
		key = line + key_len;
		key_len = n - key_len;
		while (key_len > 0 && strchr(BLANKS, *key)) {
			key++;
			key_len--;
		}
	}
	return add_key(s, name, name_len, key, key_len);
}

static const char *fault_of(const char *line, size_t n, size_t number, int err)
{
	const char *fault = number == 1 ? tg_encoding_fault((const uint8_t *)line,
						  n < TG_ENCODING_BYTES ? n : TG_ENCODING_BYTES) :
					  NULL;

	if (fault)
		return fault;
	if (memmem(line, n, "TIMEGLAS-SIGNING-KEY-", 21))
		return "that is a secret signing key; give the timeglas-sender1... key that "
		       "belongs to it";
	if (err == TG_EINVAL)
		return "a name is 1 to 127 visible ASCII characters, and a key has one name";
	return err == TG_EKEY ?
		"a line is a timeglas-sender1... key, with a name in front of it if you like" :
		tg_strerror(err);
}

static int load(tg_senders *s, FILE *f, char *why, size_t cap)
{
	char line[LINE_MAX_CHARS];
	size_t number = 0;
	int err = 0;

	errno = 0;
	while (!err && fgets(line, sizeof line, f)) {
		size_t n = strlen(line);
		int whole = n > 0 && line[n - 1] == '\n';

		number++;
		if (whole)
			n--;
		/* A line that is too long, or cut by a NUL, holds no key. */
		err = whole || (n + 1 < sizeof line && feof(f)) ? add_line(s, line, n) : TG_EKEY;
		if (err)
			set_why(why, cap, "line %zu: %s", number, fault_of(line, n, number, err));
		if (err == TG_EINVAL)
			err = TG_EKEY;
	}
	if (!err && ferror(f)) {
		err = TG_EIO;
		set_why(why, cap, "cannot read it: %s", strerror(errno));
	}
	return err;
}

int tg_senders_load(tg_senders *s, const char *path, char *why, size_t why_cap)
{
	FILE *f = fopen(path, "re");
	size_t before = s->n;
	int err, saved;

	if (!f) {
		set_why(why, why_cap, "cannot read it: %s", strerror(errno));
		return TG_EIO;
	}
	err = load(s, f, why, why_cap);
	saved = errno;
	fclose(f);
	errno = saved;
	if (!err && s->n == before && tg_senders_count(s) == 0) {
		set_why(why, why_cap, "there is no key in it");
		err = TG_EKEY;
	}
	if (err)
		s->n = before;
	return err;
}
