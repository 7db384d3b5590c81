/*
 * store.h: sessions and blobs in Redis. Every transition is one call of the Function library
 * (functions/), or one MULTI … EXEC for an upload of one chunk (store_whole.c), that changes the
 * state, moves the deadline index entry, writes the tombstone and appends an event to the outbox,
 * atomically. Blob bytes never pass through Lua. It knows no HTTP. Keys, fields, events:
 * docs/store.md.
 *
 * A call with one callback returns 0 or a negative TG_E…; on 0 the callback is called exactly once,
 * never before return, unless store_forget(s, ctx) came first. Uploads and reads are objects with
 * callbacks of their own (struct store_put, store_read). A callback's err is TG_ESTORE when the
 * connection broke: the call's fate is then unknown.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>
#include <timeglas/retention.h>
#include "base/token.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "store/schema.h"

#define STORE_TO_TEXT 640 /* " verifier verifier2 ": names, each with blanks around it */
#define STORE_DESC_MAX 512
#define STORE_SUBJECT_LEN 32 /* of a subject's hash, hex */

struct store;

/* "live", "claimed", "gone"; TAKING reads "claimed" */
const char *store_state_text(enum store_state s);

/* What never changes about a blob, as the API describes it. The store keeps it as text and gives it
 * back. */
struct store_desc {
	char kind[TG_KIND_MAX + 1];
	char issuer[4];              /* "" none */
	char session[TOKEN_LEN + 1]; /* "" none */
	char uploader[CONF_NAME_MAX + 1];
	char to[STORE_TO_TEXT];
	/* of an upload: chosen by its uploader; "": the store draws one */
	char name[TOKEN_NAME_LEN + 1];
	/* how evidence calls it: token_tag(); of an upload the store fills it in */
	char tag[TOKEN_TAG_LEN + 1];
	char sha256[65]; /* hex; "" not declared */
	/* hashed: rules_subject(); "" none, or its session's */
	char subject[STORE_SUBJECT_LEN + 1];
	bool danish; /* evidence: DK or not */
	bool bound;  /* erased with its session */
	uint64_t size_bytes;
	/* of each of its chunks but the last; 0 (of an upload): STORE_CHUNK_BYTES */
	uint32_t chunk_bytes;
};

struct store_blob {
	char id[TOKEN_LEN + 1];
	/* of the record in front of its only chunk, in the same string; 0: all chunks have keys of
	 * their own */
	unsigned head_bytes;
	enum store_state state;
	struct store_desc desc;
	int64_t stored_at_ms, deadline_ms;   /* Unix */
	char cause[STORE_CAUSE_MAX + 1];     /* when gone: "consumed", "expired", … */
	char outcome[STORE_OUTCOME_MAX + 1]; /* when gone: what the ack said, or "" */
	int64_t gone_at_ms;
	/* id of the event that ended it, "SS-…": shard, dash, stream id */
	char event[48];
	/* of a commit: it was stored before, by the same uploader and as the same */
	bool repeated;
	/* of TG_ECLAIMED: until when the caller itself has claimed it; 0: somebody else has */
	int64_t own_lease_ms;
};

struct store_session {
	char id[TOKEN_LEN + 1];
	char state[20]; /* "open", "closed", "expired", "idle" */
	char uploader[CONF_NAME_MAX + 1];
	int64_t opened_at_ms, deadline_ms, idle_deadline_ms;
	int64_t gone_at_ms; /* when it has ended */
	uint32_t idle_s;
};

struct store_calls {
	void (*on_up)(struct store *s, void *ctx); /* connected, library loaded */
	void (*on_down)(struct store *s, void *ctx);
	/* connected, but it does not let itself be used: asked again each second */
	void (*on_refused)(struct store *s, const char *why, void *ctx);
	void (*on_low)(struct store *s, void *ctx); /* room in the write queue again */
};

struct store *store_new(struct loop *l, const char *url, const struct store_calls *calls, void *ctx,
	char *err, size_t cap);
void store_free(struct store *s);
bool store_up(const struct store *s);
/** store_busy(s): the write queue is above its watermark: pause sources until on_low. */
bool store_busy(const struct store *s);
/** store_forget(s, ctx): no callback with this ctx will be called any more; what was sent still
 * happens, and what a call has to do with its answer is done. */
void store_forget(struct store *s, const void *ctx);

/* Sessions ----------------------------------------------------------------- */
typedef void store_session_cb(void *ctx, int err, const struct store_session *session);
/** store_session_open(s, uploader, subject, idle_s, cb, ctx): subject: its hash, which then holds
 * for all its blobs and names the shard; "" or NULL: none. */
int store_session_open(struct store *s, const char *uploader, const char *subject, uint32_t idle_s,
	store_session_cb *cb, void *ctx);
/** touch: only its uploader (TG_ENOENT otherwise); TG_EGONE when it has ended (session filled in).
 */
int store_session_touch(
	struct store *s, const char *sid, const char *uploader, store_session_cb *cb, void *ctx);

/* blobs: those of the session that are known, live and gone; borrowed until return. */
typedef void store_session_show_cb(void *ctx, int err, const struct store_session *session,
	const struct store_blob *blobs, size_t n);
int store_session_show(struct store *s, const char *sid, store_session_show_cb *cb, void *ctx);
/** close: by whom is checked by the caller's `uploader` (NULL: an operator). Erases bound blobs, or
 * all; blobs: those erased by this call. */
int store_session_close(struct store *s, const char *sid, const char *uploader, bool erase_all,
	store_session_show_cb *cb, void *ctx);

/* Upload ------------------------------------------------------------------- */
/** store_upload_id(d, out): the id of what d describes: the name is d's, or drawn; the shard the
 * session's, or the name's. 0 or TG_ESESSION. */
int store_upload_id(const struct store_desc *d, char out[TOKEN_LEN + 1]);

struct store_put;
struct store_put_opts {
	char id[TOKEN_LEN + 1]; /* "": store_upload_id()'s */
	/* size_bytes is filled in by commit; sha256 is read at commit */
	struct store_desc desc;
	uint32_t ttl_s;  /* from the request's first byte */
	uint64_t age_us; /* since the request's first byte, at the time of the call */
	/* ask at once whether the session is open; otherwise commit finds out */
	bool eager;
};
struct store_put_calls {
	/* store_put_room() is true again */
	void (*on_room)(struct store_put *p, void *ctx);
	/* before commit: session not open, full, store lost. The put is dead: abort it */
	void (*on_refused)(struct store_put *p, int err, void *ctx);
	/* eager: the session is open */
	void (*on_checked)(struct store_put *p, void *ctx);
	/* the put is freed after return */
	void (*on_committed)(
		struct store_put *p, int err, const struct store_blob *blob, void *ctx);
};
/** store_put_new(s, o, calls, ctx, err): NULL: *err. Nothing is sent before the first chunk, unless
 * eager. */
struct store_put *store_put_new(struct store *s, const struct store_put_opts *o,
	const struct store_put_calls *calls, void *ctx, int *err);
const char *store_put_id(const struct store_put *p);
/** store_put_room(p): may another chunk be given? At most two are unanswered. */
bool store_put_room(const struct store_put *p);
/** store_put_resize(p, chunk_bytes): before the first chunk: of that size are all but the last. */
void store_put_resize(struct store_put *p, uint32_t chunk_bytes);
/** store_put_chunk(p, data): moves one chunk's bytes out of data (or all, when there is less: only
 * for the last chunk). */
int store_put_chunk(struct store_put *p, struct evbuffer *data);
/**
 * store_put_commit(p, o): make it live. o->desc as final. Answer: on_committed, with TG_ESESSION,
 * TG_ETTL, TG_EFULL, TG_EQUOTA, TG_ETAKEN, TG_ESTORE on failure, and then nothing is left in Redis;
 * blob->repeated.
 */
int store_put_commit(struct store_put *p, const struct store_put_opts *o);
/* err 0 and said NULL: there is none. said: it was stored before, by the same uploader and as the
 * same; it may be gone since. TG_ETAKEN: anything else. */
typedef void store_named_cb(void *ctx, int err, const struct store_blob *said);
/**
 * Asks what stands under a name that an uploader chose. Whoever is told of its blob knows of it: it
 * is not aborted any more because nobody did.
 *
 * @d           as of the upload; with a name
 * @size_bytes  of its content; STORE_SIZE_UNKNOWN
 */
int store_named(struct store *s, const struct store_desc *d, uint64_t size_bytes,
	store_named_cb *cb, void *ctx);
#define STORE_SIZE_UNKNOWN UINT64_MAX
/** store_put_abort(p): erase what was written, cause "aborted"; no callbacks any more; p is freed.
 * NULL is fine. */
void store_put_abort(struct store_put *p);

/* Fetch, look, erase ------------------------------------------------------- */
struct store_read;
struct store_read_calls {
	/*
	 * err 0: the blob is ours; its bytes follow. TG_ENOENT, TG_EGONE, TG_ECLAIMED: blob filled
	 * in for the latter two. Then the read is freed after return.
	 */
	void (*on_begin)(struct store_read *t, int err, const struct store_blob *blob, void *ctx);
	/* A chunk: all bytes in data are the callee's. done: it was the last; the read is freed
	 * after return. err: broken off (TG_ESTORE, TG_EGONE), freed after return. */
	void (*on_data)(struct store_read *t, struct evbuffer *data, bool done, int err, void *ctx);
};
/** store_take(s, id, peer, calls, ctx, err): the at-most-once read for an addressed peer. The first
 * chunk follows by itself; further ones on store_read_next(). */
struct store_read *store_take(struct store *s, const char *id, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/** store_claim_read(s, claim, peer, calls, ctx, err): a claimant's read; the bytes stay. Nothing is
 * read before store_read_next(). */
struct store_read *store_claim_read(struct store *s, const char *claim, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err);
/** store_read_range(t, from, len): of a claimant's read, in on_begin: only these bytes, within the
 * blob's size. len > 0. */
void store_read_range(struct store_read *t, uint64_t from, uint64_t len);
/** store_read_next(t): ask for the next chunk (one at a time). */
void store_read_next(struct store_read *t);
/** store_read_abort(t): no callbacks any more. Of a take: erase the rest now (cause consumed). NULL
 * is fine. */
void store_read_abort(struct store_read *t);

/* err 0: it may still be delivered. TG_EGONE: not any more. TG_ESTORE: that is not known. */
typedef void store_wanted_cb(void *ctx, int err);
/**
 * Asks whether what a take has read may still be delivered: nobody has erased the blob since, nor
 * ended the session that it is bound to.
 *
 * @session  that the blob names; "" none
 * @bound    whether it ends with that session
 */
int store_take_wanted(struct store *s, const char *id, const char *session, bool bound,
	store_wanted_cb *cb, void *ctx);

typedef void store_blob_cb(void *ctx, int err, const struct store_blob *blob);
/** store_now_ms(s): the store's time, as far as it is known here: Unix ms, as of the last connect
 * and by this machine's clock since. */
int64_t store_now_ms(const struct store *s);
/** store_stat(s, id): TG_ENOENT, or 0 with the blob in any state but staged. Who may know is the
 * caller's to decide. */
int store_stat(struct store *s, const char *id, store_blob_cb *cb, void *ctx);
/** store_erase(s, id, uploader): uploader NULL: an operator. TG_ENOENT, TG_EGONE (blob filled in),
 * 0: erased, with event and gone_at. */
int store_erase(
	struct store *s, const char *id, const char *uploader, store_blob_cb *cb, void *ctx);

/* Claims ------------------------------------------------------------------- */
/* a claim's token: the blob's id and a secret of 128 bits, of which the store keeps a hash */
#define STORE_CLAIM_LEN (TOKEN_LEN + 22)

struct store_claim {
	char token[STORE_CLAIM_LEN + 1];
	int64_t lease_deadline_ms;
	bool repeated; /* under an Idempotency-Key: this was said before */
};
struct store_claim_opts {
	const char *id, *peer;
	uint32_t lease_s; /* 1..TG_LEASE_MAX_S */
	bool processor;   /* may have passports alone, and no Danish one: TG_EPROCESSOR */
	const char *key;  /* Idempotency-Key, or NULL */
};
/* err 0: claim and blob. TG_EGONE, TG_ECLAIMED: blob alone. TG_ENOENT, TG_EPROCESSOR, TG_EREUSED.
 */
typedef void store_claim_cb(
	void *ctx, int err, const struct store_claim *claim, const struct store_blob *blob);
/** store_claim(s, o, cb, ctx): become the blob's one reader until the lease ends, at the blob's
 * deadline at the latest. o is not needed after return. */
int store_claim(struct store *s, const struct store_claim_opts *o, store_claim_cb *cb, void *ctx);
/** store_claim_shard(text, n): the shard that a well-formed claim token names, or -1. */
int store_claim_shard(const char *text, size_t n);
/**
 * store_ack(s, claim, peer, outcome, key, cb, ctx): the claimant is done; erase. key NULL: none.
 * TG_ENOENT, TG_EREUSED, TG_EGONE (blob filled in), 0: erased, with event and gone_at.
 */
int store_ack(struct store *s, const char *claim, const char *peer, const char *outcome,
	const char *key, store_blob_cb *cb, void *ctx);

/* Uploads under an Idempotency-Key: begin, then either put, commit and settle, or drop ---- */
/* err 0 and said NULL: go on. said: it was stored before. TG_EINFLIGHT, TG_EREUSED. */
typedef void store_once_cb(void *ctx, int err, const struct store_blob *said);
/**
 * store_once_begin(s, d, key, id, cb, ctx): what became of d's uploader's upload under this key? d:
 * kind, issuer, session and to are what it is compared by. id: filled in before return: the put's,
 * if it is to go on; who gives up before the answer drops it by this id.
 */
int store_once_begin(struct store *s, const struct store_desc *d, const char *key,
	char id[TOKEN_LEN + 1], store_once_cb *cb, void *ctx);
/* err != 0: the blob of this id does not live, or is ended as soon as the store can be reached:
 * TG_EINFLIGHT, TG_ESTORE. */
typedef void store_once_done_cb(void *ctx, int err);
/** store_once_settle(s, uploader, key, id, cb, ctx): the upload was committed: only when this is
 * answered may its uploader be told so. */
int store_once_settle(struct store *s, const char *uploader, const char *key, const char *id,
	store_once_done_cb *cb, void *ctx);
/** store_once_drop(s, uploader, key, id): nothing came of it. */
void store_once_drop(struct store *s, const char *uploader, const char *key, const char *id);

/* Reaping ------------------------------------------------------------------ */
#define STORE_REAP_MAX 128u /* lateness figures in one answer */
struct store_reaped {
	unsigned erased;  /* things ended by this call: blobs, sessions, leftovers */
	bool more;        /* more are due in this shard now */
	unsigned overdue; /* how many */
	int64_t next_ms;  /* the shard's next deadline (Unix), 0: none */
	int64_t now_ms;   /* the store's time */
	/* what Redis said to something that could not be ended; it is tried again in a second; "":
	 * nothing */
	char failed[96];
	/* how far Redis's clock stands behind the store's time: it was stepped back */
	int64_t back_ms;
	unsigned expired, session_ended, lease_expired, aborted, consumed; /* blobs, by cause */
	uint32_t lateness_us[STORE_REAP_MAX]; /* of the first of them */
	unsigned n_lateness;
};
typedef void store_reap_cb(void *ctx, unsigned shard, int err, const struct store_reaped *r);
/**
 * store_reap(s, shard, max, at_least_ms, cb, ctx): end up to max things that are due in a shard.
 * Idempotent; several reapers may run. at_least_ms: by the store's time it is no earlier than that,
 * whatever its clock says (one that was stepped back goes on from there); 0: unknown.
 */
int store_reap(struct store *s, unsigned shard, unsigned max, int64_t at_least_ms,
	store_reap_cb *cb, void *ctx);

/* Comparing it with the evidence, for the recorder ------------------------- */
#define STORE_CURSOR_MAX 20
struct store_standing { /* what the index of a shard still holds */
	char id[TOKEN_LEN + 1];
	char tag[33]; /* of a session: its h */
	bool session; /* an open one; otherwise a blob that can be seen */
	bool live;    /* a blob: nobody reads it yet */
};
/* cursor: for the next call; "0": that was all. list: borrowed until return. */
typedef void store_standing_cb(void *ctx, int err, unsigned shard, const char *cursor,
	const struct store_standing *list, size_t n);
/** store_standing(s, shard, cursor, count, cb, ctx): about count entries of the index, from cursor
 * on; "0": from the start. What stands there all the while is told once at least. */
int store_standing(struct store *s, unsigned shard, const char *cursor, unsigned count,
	store_standing_cb *cb, void *ctx);

struct store_end_again {
	bool session;
	const char *id, *tag, *cause;
	const char *by, *outcome; /* of a blob */
};
typedef void store_done_cb(void *ctx, int err, unsigned shard);
/** store_end_again(s, shard, e, cb, ctx): it has ended before, and stands in the store again.
 * TG_ENOENT: it does not, or is another. */
int store_end_again(struct store *s, unsigned shard, const struct store_end_again *e,
	store_done_cb *cb, void *ctx);
/** store_compared(s, life, cb, ctx): what had ended has ended again: reads may begin. TG_ECOMPARE:
 * the Redis is not the one any more whose life it was. */
int store_compared(struct store *s, const char *life, store_done_cb *cb, void *ctx);

/* Attestation and wake-up, for the reaper ---------------------------------- */
struct attest_facts;
typedef void store_attest_cb(void *ctx, int err, const struct attest_facts *f);
/** store_attest(s, cb, ctx): what CONFIG GET and INFO say (attest.h). err: nothing was learned. */
int store_attest(struct store *s, store_attest_cb *cb, void *ctx);
/* err 0: it stands in the outbox. */
typedef void store_attested_cb(void *ctx, int err);
/** store_attested(s, slug, who, cb, ctx): put into the outbox, for the evidence, what was found;
 * who: the operator who vouches, or "". */
int store_attested(
	struct store *s, const char *slug, const char *who, store_attested_cb *cb, void *ctx);

struct store_watch;
/* An entry became the next that is due in its shard, in_ms from now. */
typedef void store_due_cb(void *ctx, unsigned shard, int64_t in_ms);
/** store_watch_new(l, url, cb, ctx, err, cap): be told so, over a connection of its own. What is
 * published while that is down is not told later. */
struct store_watch *store_watch_new(
	struct loop *l, const char *url, store_due_cb *cb, void *ctx, char *err, size_t cap);
/** store_watch_ping(w): find out whether the other side is still there. Now and then, or a silent
 * loss stays unnoticed. */
void store_watch_ping(struct store_watch *w);
void store_watch_free(struct store_watch *w);

#endif
