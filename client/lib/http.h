/*
 * http.h: inside of the client's HTTP half, shared by http.c (one transfer), http_answer.c (what
 * came back) and http_calls.c (the calls of timeglas.h). Not installed. Runs wherever the library
 * does; the server does not link it.
 */
#ifndef TG_LIB_HTTP_H
#define TG_LIB_HTTP_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>
#include "lib/http_text.h"

#define HTTP_JSON_MAX (1024u * 1024u) /* bytes of a JSON answer; more is a protocol error */

struct tg_client {
	CURL *curl;
	char *url; /* https://host[:port], no slash at its end */
	char *ca, *cert, *key;
	long connect_timeout_ms, stall_timeout_ms, timeout_ms; /* timeout_ms 0: each call's own */
	int (*progress)(void *ctx, uint64_t sent, uint64_t received, uint64_t total);
	void *progress_ctx;
	char curl_error[CURL_ERROR_SIZE];
	char error[512];
	tg_problem problem;
	/* the collected answer, NUL-terminated; NULL before the first */
	char *json;
	size_t json_len;
	int begun; /* the last call got as far as sending its request */
	/* what the last tg_fetch() points to; NULL before the first */
	struct tg_fetched_parts *fetched;
};

struct tg_fetched_parts {
	tg_head head;
	tg_blob blob;
	tg_receipt receipt;
	int has_head, acked;
	char kept[TG_KEPT_MAX + 1];
	int64_t kept_until_ms;
};

/* the whole of a call that moves no blob, all its tries together */
#define HTTP_CALL_MS 60000
#define HTTP_TAKE_MS (TG_LEASE_MAX_S * 1000) /* of a take: as long as the longest lease */
/* of an upload: as long as the longest session; the answer to it: HTTP_CALL_MS */
#define HTTP_PUT_MS (TG_SESSION_MAX_S * 1000)
#define HTTP_ETAG_CHARS 128

struct http_head { /* of the answer that is being read */
	size_t bytes;
	unsigned lines, interim;
	long status;
};

struct http_call {
	const char *method; /* GET, POST, DELETE */
	const char *path;   /* "/v1/…" */
	const char *body;   /* JSON, or NULL */
	/* request header fields; owned by the caller of http_perform() */
	struct curl_slist *fields;
	const tg_put_opts *upload; /* content to stream, or NULL */
	/* receives the content of a 200 (from > 0: of a 206); NULL: the answer is JSON */
	tg_write_fn *write;
	uint64_t from; /* with write: the first byte that is wanted */
	/* with write: bytes of all of it, where they are known (0: they are not); more than
	 * max_size are refused (0: no such limit) */
	uint64_t size, max_size;
	void *write_ctx;
	/* without write: 201 is the answer, not 200; 200 fits as well: it may be the repeat of
	 * another's */
	int created, repeatable;
	/* http_mono_ms() at which the call ends in any case; the same for all its tries */
	int64_t until_ms;
	struct http_head head;
	uint64_t length;            /* out: Content-Length of the answer */
	uint64_t sent;              /* out: bytes that the upload's source gave */
	char etag[HTTP_ETAG_CHARS]; /* of the first answer; kept from try to try */
	uint64_t received;          /* out: bytes given to write */
};

/**
 * http_perform(c, call): one request on the client's connection. Redirects are not followed;
 * nothing is retried. Returns 0 for a 2xx, the problem's code for any other status (then c->problem
 * is filled in), or TG_ENET, TG_ETLS, TG_EPROTO, TG_EINVAL, TG_ECANCELED and what read or write
 * returned (then c->error says what happened).
 */
int http_perform(struct tg_client *c, struct http_call *call);
/** http_until(c, own_ms): until_ms of a call that begins now: the client's timeout_ms, otherwise
 * own_ms, from now on. */
int64_t http_until(const struct tg_client *c, int64_t own_ms);
/** http_field(c, name): a field that the last answer has once, or NULL. Valid until the next
 * http_perform(). */
const char *http_field(const struct tg_client *c, const char *name);
/** http_field_count(c, name): how often it has it. */
size_t http_field_count(const struct tg_client *c, const char *name);
/** http_fail(c, code, fmt, …): set c->error, return code. */
int http_fail(struct tg_client *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** http_read_problem(c, status): fill c->problem in from the collected answer. Returns its code,
 * never 0. */
int http_read_problem(struct tg_client *c, long status);
/** http_is_id(text): could it be an id of the server's? It goes into paths, and into the shell
 * variables of who called. */
int http_is_id(const char *text);
/** http_mono_ms(): CLOCK_MONOTONIC. */
int64_t http_mono_ms(void);
#define HTTP_PATH_CHARS 160
/** http_path(c, before, id, after, out): a path with an id in it; TG_EINVAL for what no server's id
 * is made of. */
int http_path(struct tg_client *c, const char *before, const char *id, const char *after,
	char out[HTTP_PATH_CHARS]);
/** http_read_fields(c, out): the Timeglas fields of the last answer. Returns 0 or TG_EPROTO. */
int http_read_fields(struct tg_client *c, tg_blob *out);
int http_read_claim(struct tg_client *c, tg_claim *out);
/** http_read_blob(c, out), http_read_session(c, out): members of the collected answer. Returns 0 or
 * TG_EPROTO. The structs are the library's own: whole. */
int http_read_blob(struct tg_client *c, tg_blob *out);
int http_read_session(struct tg_client *c, tg_session *out);
/** http_read_receipt(c, i, out): as tg_client_receipt(). */
int http_read_receipt(const struct tg_client *c, size_t i, tg_receipt *out);
/** http_receipt_of(c, id, outcome, out): the answer's one receipt, of this blob and this outcome
 * (NULL: of any). Returns 0 or TG_EPROTO. */
int http_receipt_of(struct tg_client *c, const char *id, const char *outcome, tg_receipt *out);
/** http_receipts_whole(c): has it a list of receipts, each of them whole? Returns 0 or TG_EPROTO.
 */
int http_receipts_whole(struct tg_client *c);
/** http_read_json(c): the collected answer is the JSON of a success: held to its bounds, and put
 * into the form of http_json_dump(). Returns 0 or TG_EPROTO. */
int http_read_json(struct tg_client *c);
/** http_is_time(text): RFC 3339, as all times of the API? */
int http_is_time(const char *text);

/** http_fetched(c): the client's room for the results of a fetch, zeroed. NULL without memory. */
struct tg_fetched_parts *http_fetched(struct tg_client *c);
/** http_no_problem(c): the last refusal is not what the caller is to be told. */
void http_no_problem(struct tg_client *c);

#endif
