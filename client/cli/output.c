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
#include <unistd.h>
#include "cli/api_words.h"
#include "cli/output.h"
#include "cli/table.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define MESSAGE_CHARS 1024
#define LINE_CHARS 8192 /* a path may have 4096 characters */

static bool as_json;
static bool left_out; /* something is missing in a list that is to be printed */

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
	{TG_EPROOF, EXIT_EVIDENCE},
	{TG_EPOLICY, EXIT_EVIDENCE},
	{TG_EPENDING, EXIT_LATER},
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
	char line[MESSAGE_CHARS + 16];
	json_t *o;

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

int output_fail_after(const tg_client *c, int err, const char *fmt, ...)
{
	const tg_problem *p = tg_client_problem(c);
	const char *why = tg_client_error(c);
	char done[MESSAGE_CHARS / 2], message[MESSAGE_CHARS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(done, sizeof done, fmt, ap);
	va_end(ap);
	snprintf(message, sizeof message, "%s: %s", done, why[0] != '\0' ? why : tg_strerror(err));
	return say(tg_error_slug(err),
		(int)(p->status != 0 ? exit_of_status(p->status) : meaning_of(err)->exit), message);
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

json_t *output_foreign(const char *text)
{
	char clean[LINE_CHARS];

	untrusted_copy(clean, sizeof clean, text);
	return json_string(clean);
}

void output_append(json_t *list, json_t *o)
{
	if (json_array_append_new(list, o) != 0)
		left_out = true;
}

int output_object(json_t *o)
{
	if (left_out) {
		json_decref(o);
		o = NULL;
	}
	if (o == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	print_json(stdout, o);
	return EXIT_DONE;
}

bool output_is_stdout(const char *target)
{
	return target == NULL || strcmp(target, "-") == 0;
}

int output_check_target(const char *target, bool binary)
{
	if (!output_is_stdout(target))
		return 0;
	if (as_json)
		return output_usage("--json needs -o FILE: stdout is for the JSON object");
	if (binary && isatty(STDOUT_FILENO))
		return output_usage(
			"sealed content is binary and stdout is a terminal: give -o FILE");
	return 0;
}

const char *output_none_if_empty(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

json_t *output_time(int64_t unix_ms)
{
	char text[TG_TIME_LEN + 1];

	return unix_ms >= 0 ? json_string(tg_time_format(unix_ms, text)) : json_null();
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
	table_print(o);
	json_decref(o);
	return EXIT_DONE;
}

int output_finish(int exit_status)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && exit_status == EXIT_DONE)
		return output_fail(TG_EIO, "cannot write to stdout: %s", strerror(errno));
	return exit_status;
}
