/*
 * client.h: the inside of a tg_client, for those files of the library that implement its calls
 * (client_*.c, fetch.c, put_file.c). Not installed.
 */
#ifndef TG_LIB_CLIENT_H
#define TG_LIB_CLIENT_H

#include "lib/http.h"

#define CLIENT_PATH_CHARS 160

/* Time limits, unless the client was given one of its own (tg_client_opts.timeout_ms): */
#define CLIENT_CALL_MS 60000                    /* a call without content, with all its tries */
#define CLIENT_TAKE_MS (TG_LEASE_MAX_S * 1000)  /* a take; as long as the longest lease */
#define CLIENT_PROOF_MS 15000                   /* a proof, with all its tries */
#define CLIENT_PUT_MS (TG_SESSION_MAX_S * 1000) /* an upload; as long as the longest session */

/* What a tg_fetched points to. */
struct client_fetched {
	tg_head head;
	tg_blob blob;
	tg_receipt receipt;
	int has_head, acked;
	char kept[TG_KEPT_MAX + 1]; /* path of the sealed copy; "": none */
	int64_t kept_until_ms;      /* Unix time */
};

struct tg_client {
	struct http_conn http;
	long timeout_ms; /* 0: each call's own */
	tg_problem problem;
	struct client_fetched *fetched; /* of the last fetch; NULL before the first one */
	char *proof;                    /* the last that was good; NULL before the first one */
	size_t proof_bytes;
};

/** client_fail(c, code, fmt, ...): as http_conn_fail(). */
#define client_fail(c, ...) http_conn_fail(&(c)->http, __VA_ARGS__)

/**
 * Sends one request and judges its answer.
 *
 * @call  as for http_perform()
 *
 * Returns 0 for a success, whose JSON has then been checked and normalised; the problem's code for
 * a refusal, which is then in c->problem; otherwise what http_perform() returns.
 */
int client_perform(struct tg_client *c, struct http_call *call);

/** Sends a request without fields or content, whose answer is JSON. Returns what client_perform()
 * does. */
int client_ask(struct tg_client *c, const char *method, const char *path);

/** Returns clock_mono_ms() at which a call that begins now ends: after the client's timeout_ms, or
 * after own_ms when it has none. */
int64_t client_deadline_mono_ms(const struct tg_client *c, int64_t own_ms);

/**
 * Builds a path around an id.
 *
 * @before, after  of the id, in the path
 * @out            the path
 *
 * Returns 0, or TG_EINVAL for a text that cannot be an id.
 */
int client_path(struct tg_client *c, const char *before, const char *id, const char *after,
	char out[CLIENT_PATH_CHARS]);

/** Forgets the last refusal, which is not what the caller is to see. */
void client_forget_problem(struct tg_client *c);

/** Says that the struct for the result has no struct_size. Returns TG_EINVAL. */
int client_fail_result(struct tg_client *c);

/** Returns c->fetched, zeroed and with every struct_size set; NULL without memory. */
struct client_fetched *client_new_fetched(struct tg_client *c);

#endif
