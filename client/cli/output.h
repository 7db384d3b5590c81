/*
 * output.h: everything that the command prints. Results go to stdout, remarks and errors to stderr;
 * under --json results and errors are JSON objects. The exit status follows from the error, for all
 * commands alike.
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
	EXIT_LATER = 6,
	EXIT_UNPINNED = 7 /* the evidence is good, but nobody said which key must have signed it */
};

/** Returns a text that somebody else chose, as the name of a file, as JSON. What a person could not
 * read is a '?' in it. NULL: no memory. */
json_t *output_foreign(const char *text);

/** Appends o, and takes it. What cannot be appended, or is NULL, makes output_object() fail: a list
 * is complete, or there is none. */
void output_append(json_t *list, json_t *o);

/** Chooses between text and JSON. Call it before anything is said. */
void output_init(bool json);

/** Returns whether it is JSON. */
bool output_is_json(void);

/**
 * Says why the command failed.
 *
 * @code  a TG_E… code
 * @fmt   a sentence, as for printf
 *
 * Returns the exit status that belongs to the code.
 */
int output_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Says what is wrong with how the command was called, and what to do. Returns EXIT_USAGE. */
int output_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * Says why a call of the client failed: the server's refusal, or what happened on the way.
 *
 * @err  what the call returned
 *
 * Returns the exit status.
 */
int output_fail_client(const tg_client *c, int err);

/**
 * Says that something was done, and why what should follow it was not.
 *
 * @err  what the call returned that failed
 * @fmt  what was done, and what is missing; the reason is put behind it
 *
 * Returns the exit status of the reason.
 */
int output_fail_after(const tg_client *c, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Prints a remark for people on stderr; under --json it prints nothing. */
void output_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Prints a line on stdout. */
void output_text(const char *s);

/** Prints a JSON object on stdout, as one line, and drops the reference. NULL: there was no memory
 * for it. Returns an exit status. */
int output_object(json_t *o);

/** Prints the server's last answer: as JSON, or as a table for people. Returns an exit status. */
int output_answer(const tg_client *c);

/** Returns whether the target of -o is stdout: NULL or "-". */
bool output_is_stdout(const char *target);

/**
 * Checks that a file's content may go to the target of -o.
 *
 * @binary  it is not for terminals
 *
 * Returns 0, or EXIT_USAGE after having said what to do.
 */
int output_check_target(const char *target, bool binary);

/** Returns text, or NULL when it is "": for json_pack()'s "s*", which leaves such a member out. */
const char *output_none_if_empty(const char *text);

/** Returns a new reference to a time's text, or to null when unix_ms is negative. */
json_t *output_time(int64_t unix_ms);

/** Flushes stdout. Returns exit_status, or a failure when something could not be written. */
int output_finish(int exit_status);

#endif
