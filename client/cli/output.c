/*
 * output.c: what the command says, for people and as JSON, and which exit status an error has. It
 * writes to stdout and stderr only. Blobs do not pass here. Runs in the timeglas command.
 * timeglas(1).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/output.h"
#include "cli/api_words.h"
#include "lib/untrusted.h"

#define MESSAGE_CHARS 1024
#define LINE_CHARS 8192 /* a path may have 4096 characters */

static bool as_json;

void output_init(bool json)
{
	as_json = json;
}

bool output_is_json(void)
{
	return as_json;
}

/* The exit status of an error. Any other code is a fault of this machine (EXIT_USAGE). */
static const struct meaning {
	int code;
	enum exit_status exit;
} meanings[] = {
	{0, EXIT_DONE},
	{TG_ENET, EXIT_UNREACHED},
	{TG_EPROTO, EXIT_UNREACHED},
	{TG_ETLS, EXIT_UNREACHED},
	{TG_ETOOBIG, EXIT_REFUSED},
	{TG_EENVELOPE, EXIT_CRYPTO},
	{TG_EDIGEST, EXIT_CRYPTO},
	{TG_EHEADER, EXIT_CRYPTO},
	{TG_EHMAC, EXIT_CRYPTO},
	{TG_ENOMATCH, EXIT_CRYPTO},
	{TG_EPAYLOAD, EXIT_CRYPTO},
	{TG_EARMOR, EXIT_CRYPTO},
	{TG_ESIGNATURE, EXIT_CRYPTO},
	{TG_EMISLABELLED, EXIT_CRYPTO},
	{TG_EAGE, EXIT_CRYPTO},
	{TG_EREPLAY, EXIT_CRYPTO},
};

static const struct meaning *meaning_of(int code)
{
	static const struct meaning other = {.exit = EXIT_USAGE};

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (meanings[i].code == code)
			return &meanings[i];
	return &other;
}

/* Prints JSON; all that the command prints passes here. */
static void print_json(FILE *f, json_t *o)
{
	char *text = untrusted_json_dump(o);

	if (text != NULL)
		fprintf(f, "%s\n", text);
	free(text);
	json_decref(o);
}

/* Prints a line for people; all of them pass here. A file's name or a server's word that is quoted
 * in it cannot steer the terminal. */
static void print_line(FILE *f, const char *text)
{
	char line[LINE_CHARS];

	untrusted_copy(line, sizeof line, text);
	fprintf(f, "%s\n", line);
}

static json_t *error_object(const char *slug, int exit_status, const char *message)
{
	return json_pack("{s:s, s:s, s:i}", "error", slug, "detail", message, "exit", exit_status);
}

static int say(const char *slug, int exit_status, char *message)
{
	json_t *o;

	char line[MESSAGE_CHARS + 16];

	if (!as_json) {
		snprintf(line, sizeof line, "timeglas: %s", message);
		print_line(stderr, line);
		return exit_status;
	}
	o = error_object(slug, exit_status, message);
	if (o == NULL) { /* a file's name need not be UTF-8, and JSON must be */
		for (char *p = message; *p != '\0'; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
		o = error_object(slug, exit_status, message);
	}
	print_json(stderr, o);
	return exit_status;
}

int output_fail(int code, const char *fmt, ...)
{
	char message[MESSAGE_CHARS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	return say(tg_error_slug(code), (int)meaning_of(code)->exit, message);
}

int output_usage(const char *fmt, ...)
{
	char message[MESSAGE_CHARS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	return say("usage", EXIT_USAGE, message);
}

static void add_text(json_t *o, const char *name, const char *text)
{
	if (text[0] != '\0')
		json_object_set_new(o, name, json_string(text));
}

/* Over a quota, or the store is full or cannot be reached: the same request may succeed later. */
static enum exit_status exit_of_status(int status)
{
	return status == 429 || status == 503 || status == 507 ? EXIT_LATER : EXIT_REFUSED;
}

/* JSON has the server's own words, which scripts may know. People are told options and commands. */
static int say_problem(const tg_problem *p)
{
	char title[sizeof p->title + 64], detail[sizeof p->detail + 128], line[LINE_CHARS];
	enum exit_status exit_status = exit_of_status(p->status);

	if (as_json) {
		json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "error",
			p->code == TG_EPROBLEM ? "refused" : tg_error_slug(p->code), "title",
			p->title, "status", p->status, "exit", (int)exit_status);

		if (o != NULL) {
			add_text(o, "type", p->type);
			add_text(o, "detail", p->detail);
			add_text(o, "cause", p->cause);
			add_text(o, "gone_at", p->gone_at);
			add_text(o, "lease_deadline", p->lease_deadline);
			if (p->retry_after_s >= 0)
				json_object_set_new(
					o, "retry_after_s", json_integer(p->retry_after_s));
		}
		print_json(stderr, o);
		return exit_status;
	}
	api_words_translate(p->title, title, sizeof title);
	/* the server speaks of a key, which this command has drawn itself */
	if (p->code == TG_ECLAIMED && p->lease_deadline[0] != '\0')
		snprintf(detail, sizeof detail,
			"an earlier get with this certificate has claimed the blob, and only that "
			"one can go on; it is erased at %s at the latest",
			p->lease_deadline);
	else
		api_words_translate(p->detail, detail, sizeof detail);
	snprintf(line, sizeof line, "timeglas: refused: %s (%d)", title, p->status);
	print_line(stderr, line);
	if (detail[0] != '\0') {
		snprintf(line, sizeof line, "  %s", detail);
		print_line(stderr, line);
	}
	if (p->cause[0] != '\0') {
		snprintf(line, sizeof line, "  cause: %s%s%s", p->cause,
			p->gone_at[0] != '\0' ? ", at " : "", p->gone_at);
		print_line(stderr, line);
	}
	if (p->retry_after_s >= 0)
		fprintf(stderr, "  try again in %ld s\n", p->retry_after_s);
	return exit_status;
}

int output_fail_client(const tg_client *c, int err)
{
	const tg_problem *p = tg_client_problem(c);
	const char *why = tg_client_error(c);

	if (p->status != 0)
		return say_problem(p);
	return output_fail(err, "%s", why[0] != '\0' ? why : tg_strerror(err));
}

void output_note(const char *fmt, ...)
{
	char line[LINE_CHARS];
	va_list ap;

	if (as_json)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	print_line(stderr, line);
}

void output_text(const char *s)
{
	print_line(stdout, s);
}

int output_object(json_t *o)
{
	if (o == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	print_json(stdout, o);
	return EXIT_DONE;
}

/* The table for people. The server's answers are flat objects, some with an array of flat objects
 * in them. ---- */

static void cell_text(const json_t *v, char *out, size_t cap)
{
	const char *s = json_string_value(v);

	if (json_is_null(v) || v == NULL)
		snprintf(out, cap, "-");
	else if (json_is_boolean(v))
		snprintf(out, cap, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_object(v)) {
		char *text = untrusted_json_dump(v);

		untrusted_copy(out, cap, text != NULL ? text : "...");
		free(text);
	} else
		/* a server must not steer the terminal */
		untrusted_copy(out, cap, s != NULL ? s : "...");
}

#define CELL_CHARS 128
#define COLUMNS_MAX 16

static int width_of(const char *key)
{
	size_t n = strlen(key);

	return (int)(n < CELL_CHARS ? n : CELL_CHARS - 1);
}

static void print_rows(const json_t *rows)
{
	const char *column[COLUMNS_MAX];
	int width[COLUMNS_MAX];
	size_t n = 0, i;
	char cell[CELL_CHARS];
	const char *key;
	json_t *row, *v;

	json_object_foreach(json_array_get(rows, 0), key, v) if (n < COLUMNS_MAX)
	{
		width[n] = width_of(key);
		column[n++] = key;
	}
	json_array_foreach(rows, i, row) for (size_t c = 0; c < n; c++)
	{
		cell_text(json_object_get(row, column[c]), cell, sizeof cell);
		if ((int)strlen(cell) > width[c])
			width[c] = (int)strlen(cell);
	}
	for (size_t c = 0; c < n; c++) {
		untrusted_copy(cell, sizeof cell, column[c]);
		printf("  %-*s", c + 1 < n ? width[c] : 0, cell);
	}
	printf("\n");
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; c < n; c++) {
			cell_text(json_object_get(row, column[c]), cell, sizeof cell);
			printf("  %-*s", c + 1 < n ? width[c] : 0, cell);
		}
		printf("\n");
	}
}

static void print_table(json_t *o)
{
	char cell[CELL_CHARS], name[CELL_CHARS];
	const char *key;
	json_t *v;
	int width = 0;

	json_object_foreach(o, key, v) if (!json_is_array(v) && width_of(key) > width) width =
		width_of(key);
	json_object_foreach(o, key, v)
	{
		if (json_is_array(v))
			continue;
		untrusted_copy(name, sizeof name, key);
		cell_text(v, cell, sizeof cell);
		printf("%-*s  %s\n", width, name, cell);
	}
	json_object_foreach(o, key, v)
	{
		if (!json_is_array(v))
			continue;
		untrusted_copy(name, sizeof name, key);
		printf("%s%s\n", name, json_array_size(v) == 0 ? ": none" : ":");
		if (json_array_size(v) > 0)
			print_rows(v);
	}
}

int output_answer(const tg_client *c)
{
	const char *text = tg_client_json(c);
	json_t *o = untrusted_json_parse(text, strlen(text));

	if (!json_is_object(o)) {
		json_decref(o);
		return output_fail(
			TG_EPROTO, "the server's answer is not the JSON that belongs to this call");
	}
	if (as_json)
		return output_object(o);
	print_table(o);
	json_decref(o);
	return EXIT_DONE;
}

int output_finish(int exit_status)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && exit_status == EXIT_DONE)
		return output_fail(TG_EIO, "cannot write to stdout: %s", strerror(errno));
	return exit_status;
}
