/* store_int.h: what the files of store/ share among themselves; nobody else includes it. */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <sys/queue.h>
#include <event2/event.h>
#include "base/text.h"
#include "redis/rconn.h"
#include "store/store.h"

#define STORE_ARGS_MAX 24
#define STORE_KEY_MAX 80
/*
 * An upload's attempt: the blob's id, and where that was chosen by the uploader a token of the
 * store's behind it, "<id>:<token>", so that attempts cannot touch each other. All that stands in
 * Redis before the commit is under it.
 */
#define ATTEMPT_TOKEN_LEN 11 /* base64url of 8 bytes */
#define ATTEMPT_LEN (TOKEN_LEN + 1 + ATTEMPT_TOKEN_LEN)
#define STORE_ABORTS_MAX 4096u /* aborts that Redis has not confirmed */

TAILQ_HEAD(abort_list, abort_call);

struct store {
	struct loop *loop;
	struct rconn *conn;
	struct store_calls calls;
	void *ctx;
	bool up;
	bool loading;
	int64_t skew_ms;     /* the store's clock minus clock_mono_us() */
	struct event *again; /* to load the library */
	struct event *beat;  /* to know the store's time */
	LIST_HEAD(call_list, call) pending;
	struct abort_list aborts_due, aborts_sent; /* to be sent (again); on their way */
	unsigned n_aborts;
};

/* Aborts (store_abort.c) */
/** abort_send(s, attempt, n, later_ms, unknown, cb, ctx): the function tg1_abort, for an upload of
 * n chunks. 0, or TG_ESTORE and no callback. */
int abort_send(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown,
	rconn_cb *cb, void *ctx);
/** store_abort(s, attempt, n, later_ms, unknown): the same until Redis says that it was done: an
 * upload that nobody was told of must not live, and a chunk without its index entry is the reaper's
 * no more. */
void store_abort(struct store *s, const char *attempt, unsigned n, int64_t later_ms, bool unknown);
/** store_aborts_send(s, most): so many of those that wait, after a connect or now and then. */
void store_aborts_send(struct store *s, unsigned most);
void store_aborts_free(struct store *s);

/* One command under construction. Texts are borrowed, numbers stand in scratch. */
struct cmd {
	int argc;
	size_t used;
	const char *argv[STORE_ARGS_MAX];
	size_t len[STORE_ARGS_MAX];
	char key[STORE_KEY_MAX]; /* of cmd_fcall() */
	char scratch[256];
};

void cmd_text(struct cmd *m, const char *text);
void cmd_num(struct cmd *m, int64_t number);
/** cmd_fcall(m, fn, shard): FCALL fn with the shard's index key; arguments follow. */
void cmd_fcall(struct cmd *m, const char *fn, unsigned shard);
/** cmd_send(s, m, cb, ctx): cb is the one who hears when Redis refuses the command: never NULL;
 * store_hear where nothing else is to be done. */
int cmd_send(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx);
/** cmd_expect(s, m, cb, ctx): the same, and cb hears only of what is no plain status:
 * rconn_expect(). */
int cmd_expect(struct store *s, const struct cmd *m, rconn_cb *cb, void *ctx);

/* A call that is answered by one callback of the caller's. */
struct call {
	LIST_ENTRY(call) link;
	struct store *store;
	void *user; /* the caller's ctx */
	uint64_t began_us;
	unsigned shard;
	/* r: a function's answer (lines_of), or a command's reply; NULL with an err of ours */
	void (*done)(struct call *c, int err, const redisReply *r);
	/*
	 * What is to be done with the answer when the caller has left (store_forget), instead of
	 * done: user is NULL, and cb is not to be called. NULL: nothing, and the call ends with its
	 * user.
	 */
	void (*duty)(struct call *c, int err, const redisReply *r);
	union {
		store_session_cb *session;
		store_session_show_cb *show;
		store_blob_cb *blob;
		store_wanted_cb *wanted;
		store_reap_cb *reap;
		store_claim_cb *claim;
		store_once_cb *once;
		store_once_done_cb *once_done;
		store_named_cb *named;
		store_attest_cb *attest;
		store_attested_cb *attested;
		store_standing_cb *standing;
		store_done_cb *done;
	} cb;
	void *state; /* of calls of several steps; NULL or freed with state_free */
	void (*state_free)(void *state);
};

/** call_new(s, user, done): NULL without memory. */
struct call *call_new(
	struct store *s, void *user, void (*done)(struct call *, int, const redisReply *));
/** call_send(c, m): 0, or an error, and then c is freed. */
int call_send(struct call *c, const struct cmd *m);
/** call_drop(c): it ends without its callback; only before it was sent. */
void call_drop(struct call *c);

/** store_key(out, shard, kind, id): "tg:{NN}:", a kind ("b:", "dl", …) and an id, or "". Returns
 * the length. */
size_t store_key(char out[STORE_KEY_MAX], unsigned shard, const char *kind, const char *id);
/** store_chunk_key(out, shard, id, n): of chunk n. Returns the length. */
size_t store_chunk_key(char out[STORE_KEY_MAX], unsigned shard, const char *id, unsigned n);
/** store_err(s, r): what a function's answer or Redis itself says: 0 or TG_E…; notices a library
 * that is no longer there. An array that opens with a number is a function's answer, too. */
int store_err(struct store *s, const redisReply *r);

/**
 * A callback for a command on whose answer nothing depends here; its ctx is the store. A refusal is
 * logged, and a library that is gone is loaded again.
 */
void store_hear(void *store, const redisReply *r);

/* A function's answer, behind its first line: read from the front to the end. What is not there
 * reads as 0, "" and TG_EINTERNAL. */
struct lines {
	const char *at, *end;
};
struct lines lines_of(const redisReply *r);
bool lines_more(const struct lines *l);
int64_t lines_num(struct lines *l);
/** lines_text(l, out, cap): the next line, cut to cap - 1 bytes. Returns out. */
char *lines_text(struct lines *l, char *out, size_t cap);
/** lines_blob(l, b, n_chunks): a blob's record. n_chunks may be NULL. 0 or TG_EINTERNAL. */
int lines_blob(struct lines *l, struct store_blob *b, unsigned *n_chunks);
int lines_session(struct lines *l, struct store_session *s);
/** lines_reaped(l, cause, cap, late_us): a blob's end as reap tells it. */
/** record_text(t, field): appends a record of these fields; NULL reads as "". */
void record_text(struct text *t, const char *const field[STORE_FIELDS]);
void lines_reaped(struct lines *l, char *cause, size_t cap, int64_t *late_us);

/* Replies of Redis's own commands. */
/** reply_at / reply_text: element i of an array, NULL or "" when it is not there. */
const redisReply *reply_at(const redisReply *r, size_t i);
const char *reply_text(const redisReply *r, size_t i);
/** error_discarded(error): does Redis say of a transaction that none of its commands was carried
 * out? */
bool error_discarded(const char *error);
#define CLAIM_HASH_LEN 64
/** claim_hash(claim, out): what the store keeps of a claim token's secret. Returns out. */
const char *claim_hash(const char *claim, char out[CLAIM_HASH_LEN + 1]);

#define DESC_HASH_LEN 64
/** desc_hash(out, d, size_bytes): what is kept of a description under a chosen name: keyed with the
 * name, so that it tells nothing to who has not got that (functions/upload.lua). */
void desc_hash(char out[DESC_HASH_LEN + 1], const struct store_desc *d, uint64_t size_bytes);

#define ONCE_HASH_LEN 32
/** once_hash(out, n, text): texts as one hash, in hex; no two lists of texts give the same. Returns
 * out. */
const char *once_hash(char out[ONCE_HASH_LEN + 1], size_t n, const char *const text[]);
struct once_args {
	const char *key, *what; /* hashes */
	const char *id, *old;
	int64_t keep_ms; /* beyond a tombstone's time */
};
/** once_send(c, a): the function once_begin, in the shard that the key's hash names; its answer is
 * c's. As call_send(). */
int once_send(struct call *c, const struct once_args *a);

/** whole_fits(d, left_ms): may an upload of one chunk go by whole_send(), or under a chosen name by
 * tg1_put? Nothing has to be looked up for it. */
bool whole_fits(const struct store_desc *d, int64_t left_ms);
/* What goes live, as texts. */
struct whole_texts {
	char record[STORE_HEAD_MAX_BYTES]; /* both lines */
	char event[4 * STORE_DESC_MAX];
	char entry[4 * STORE_DESC_MAX]; /* in the deadline index */
	unsigned head_bytes;            /* of the record with its blanks */
};
/**
 * Composes what an upload of one chunk writes.
 *
 * @b            id and desc are given; state, times and head_bytes are filled in
 * @attempt      the token of the attempt that made it, "": the name was drawn
 * @fingerprint  its description, hashed; "" with an attempt of ""
 * @left_ms      until its deadline
 */
void whole_texts(struct store *s, struct store_blob *b, const char *attempt,
	const char *fingerprint, int64_t left_ms, struct whole_texts *t);
/**
 * Puts the record in front of the chunk. live false: one that nobody takes for a blob, for a commit
 * that completes it. Returns 0 or TG_ENOMEM.
 */
int whole_prepend(struct evbuffer *chunk, const struct whole_texts *t, bool live);
struct whole_calls {
	rconn_cb *chunk;   /* the chunk was queued, or why not */
	rconn_cb *refused; /* why another of the commands was not queued; in any number */
	rconn_cb *done;    /* EXEC's answer: whole_err(), whole_discarded() */
};
/**
 * whole_send(s, shard, b, chunk, left_ms, calls, ctx): make it live. Of b, id and desc are given;
 * its times are filled in. Moves chunk. Returns 0, or TG_ESTORE: nothing of it is carried out, and
 * of these callbacks none may still come.
 */
int whole_send(struct store *s, unsigned shard, struct store_blob *b, struct evbuffer *chunk,
	int64_t left_ms, const struct whole_calls *calls, void *ctx);
int whole_err(struct store *s, const redisReply *r);
/** whole_discarded(r): an EXEC that failed: is it certain that none of the commands was carried
 * out? */
bool whole_discarded(const redisReply *r);

/** desc_shard(d): the shard of what is stored: its session's; without one, its subject's; without
 * both, its name's, or any. -1: the session's id is none. */
int desc_shard(const struct store_desc *d);
/** subject_shard(hash): the shard that a subject's hash names. */
unsigned subject_shard(const char *hash);
/** desc_event / desc_private: the two opaque texts that the functions carry for a blob: what events
 * may show, and the rest. */
void desc_event(const struct store_desc *d, char out[STORE_DESC_MAX]);
void desc_private(const struct store_desc *d, char out[STORE_DESC_MAX]);

extern const char store_functions_lua[];
extern const unsigned store_functions_lua_len;

#endif
