/*
 * output.h: everything that the command says. Results go to stdout, remarks and errors to stderr;
 * under --json both are JSON objects. Exit codes are decided here, from the error, so that all
 * commands agree.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <timeglas/timeglas.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* for good, by the server; its problem is printed */
	EXIT_USAGE = 2,   /* also what is wrong on this machine: a file, a full disk */
	EXIT_UNREACHED = 3,
	EXIT_CRYPTO = 4,
	EXIT_EVIDENCE = 5, /* tampered with or incomplete */
	/* refused by the server for now (429, 503, 507): the same may be tried again */
	EXIT_LATER = 6
};

/** output_init(json): before anything is said. */
void output_init(bool json);
bool output_is_json(void);

/** output_fail(code, fmt, …): say why, and return the exit status that belongs to a TG_E… code. */
int output_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** output_usage(fmt, …): the user is to say it differently. Returns EXIT_USAGE. */
int output_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** output_fail_client(c, err): why a tg_client_* call failed: the server's problem, or what
 * happened on the way. */
int output_fail_client(const tg_client *c, int err);
/** output_note(fmt, …): a remark for people, on stderr; silent under --json. */
void output_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** output_text(s): a line on stdout. */
void output_text(const char *s);
/** output_object(o): a JSON object on stdout, one line; takes the reference. Returns an exit status
 * (NULL: no memory). */
int output_object(json_t *o);
/** output_answer(c): the server's last answer: JSON under --json, otherwise a table for people.
 * Returns an exit status. */
int output_answer(const tg_client *c);
/** output_finish(exit): flush; a result that could not be written is a failure. Returns the exit
 * status. */
int output_finish(int exit_status);

#endif
