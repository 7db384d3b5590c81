/*
 * answer.h: what the server's last answer says, read into the structs of timeglas.h. All functions
 * take the connection that holds the answer, and leave a sentence there on failure. The structs to
 * be filled in are the library's own, of their full size. Not installed.
 */
#ifndef TG_LIB_ANSWER_H
#define TG_LIB_ANSWER_H

#include "lib/http_conn.h"

/**
 * Reads a refusal (RFC 9457).
 *
 * @status  of the answer
 * @out     zeroed, but for struct_size
 *
 * Returns the problem's code: never 0; TG_EPROBLEM for a type that is not known, or no problem at
 * all.
 */
int answer_read_problem(struct http_conn *c, long status, tg_problem *out);

/**
 * Checks that the answer is one JSON object within the bounds of untrusted.h, and rewrites it as
 * one line of visible ASCII. Returns 0 or TG_EPROTO.
 */
int answer_normalise(struct http_conn *c);

/** Each reads all members of the answer. Returns 0, or TG_EPROTO when one is not of its form. */
int answer_read_blob(struct http_conn *c, tg_blob *out);
int answer_read_session(struct http_conn *c, tg_session *out);
int answer_read_subject(struct http_conn *c, tg_subject *out);
int answer_read_claim(struct http_conn *c, tg_claim *out);

/** Reads the Timeglas header fields that come with a blob's content. Returns 0 or TG_EPROTO. */
int answer_read_labels(struct http_conn *c, tg_blob *out);

/**
 * Reads one receipt.
 *
 * @i  0 for an answer that is a receipt itself; its place in a list of receipts
 *
 * Returns 0, TG_ENOENT (there is none at that place) or TG_EPROTO. Leaves no sentence.
 */
int answer_read_receipt(const struct http_conn *c, size_t i, tg_receipt *out);

/**
 * Reads the answer's only receipt and checks that it is the expected one.
 *
 * @id       of the blob that it must be for
 * @outcome  that it must name; NULL: any
 *
 * Returns 0 or TG_EPROTO.
 */
int answer_receipt_of(struct http_conn *c, const char *id, const char *outcome, tg_receipt *out);

/** Checks that the answer has a list of receipts, all of their form, and counts them in *n, which
 * may be NULL. Returns 0 or TG_EPROTO. */
int answer_check_receipts(struct http_conn *c, size_t *n);

/** Returns 1 when text could be an id of the server's. Ids are put into paths and, by callers, into
 * shell variables. */
int answer_is_id(const char *text);

#endif
