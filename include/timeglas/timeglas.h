/*
 * timeglas.h: the client library. Seal evidence to the people who may read it, hand it to a timeglas buffer, fetch it
 * once, open it, and know who sent it.
 *
 * Sealed files are age v1 (C2SP age.md), binary, with X25519 recipients: `age -d` opens what this library seals --raw.
 * Unless raw, the sealed payload is head, blank line, content and an Ed25519ph signature over all three (docs/envelope.md).
 * All functions that can fail return 0 or a negative TG_E… (errors.h). Those that make an object leave *out as it was then; tg_client_new() alone sets
 * it in any case. No global state but tg_init() and up to eight blocks of guarded memory that sealers and openers left,
 * wiped, for the next; objects may be used from one thread at a time. Secrets live in guarded memory and are wiped on every way out.
 */
#ifndef TIMEGLAS_H
#define TIMEGLAS_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TG_VERSION "0.1.0"

/** tg_init(): once, before anything else. Returns 0 or TG_EINTERNAL (no randomness, no ciphers). */
int tg_init(void);

/* Keys ---------------------------------------------------------------------------------------------------------- */

typedef struct tg_identity tg_identity; /* an age X25519 identity ("AGE-SECRET-KEY-1…"), in guarded memory */
typedef struct tg_signer tg_signer;     /* an Ed25519 signing key ("TIMEGLAS-SIGNING-KEY-1…"), in guarded memory */
typedef struct { uint8_t pk[32]; } tg_recipient; /* "age1…" */
typedef struct { uint8_t pk[32]; } tg_sender;    /* "timeglas-sender1…" */

#define TG_KEY_TEXT_MAX 128 /* characters of any key's text form, with its NUL */

int tg_identity_generate(tg_identity **out);
/** tg_identity_parse(text, n, out): one "AGE-SECRET-KEY-1…" (Bech32, upper case). Returns 0, TG_EKEY or TG_ENOMEM. */
int tg_identity_parse(const char *text, size_t n, tg_identity **out);
/** tg_identity_load(path, out, cap, n): every identity of an age key file (comments and empty lines skipped). */
int tg_identity_load(const char *path, tg_identity **out, size_t cap, size_t *n);
/** tg_identity_text(id, out): for writing to a 0600 file. The caller wipes out. */
void tg_identity_text(const tg_identity *id, char out[TG_KEY_TEXT_MAX]);
void tg_identity_recipient(const tg_identity *id, tg_recipient *out);
void tg_identity_free(tg_identity *id);

int tg_recipient_parse(const char *text, size_t n, tg_recipient *out);
void tg_recipient_text(const tg_recipient *r, char out[TG_KEY_TEXT_MAX]);

int tg_signer_generate(tg_signer **out);
int tg_signer_parse(const char *text, size_t n, tg_signer **out);
int tg_signer_load(const char *path, tg_signer **out);
void tg_signer_text(const tg_signer *s, char out[TG_KEY_TEXT_MAX]);
void tg_signer_sender(const tg_signer *s, tg_sender *out);
void tg_signer_free(tg_signer *s);

int tg_sender_parse(const char *text, size_t n, tg_sender *out);
void tg_sender_text(const tg_sender *s, char out[TG_KEY_TEXT_MAX]);

/* Sealing and opening -------------------------------------------------------------------------------------------- */

#define TG_RECIPIENTS_MAX 20
#define TG_SESSION_MAX 64      /* characters of a session id */
#define TG_CONTENT_TYPE_MAX 127
#define TG_REF_BYTES 16

typedef struct { /* what a sealed, signed payload says of itself */
	char kind[TG_KIND_MAX + 1];
	char issuer[4];                   /* "" for none */
	char session[TG_SESSION_MAX + 1]; /* "" for none */
	char content_type[TG_CONTENT_TYPE_MAX + 1]; /* "" for none */
	int64_t time_ms;                  /* Unix; 0 on sealing: now */
	uint8_t ref[TG_REF_BYTES];        /* on sealing: drawn at random */
	tg_recipient recipient[TG_RECIPIENTS_MAX]; /* on sealing: copied from the options */
	size_t n_recipients;
} tg_head;

/* Takes n bytes; returns 0, or a TG_E… that ends the operation. */
typedef int tg_write_fn(void *ctx, const void *p, size_t n);

typedef struct {
	const tg_recipient *recipient; /* 1..TG_RECIPIENTS_MAX */
	size_t n_recipients;
	const tg_signer *signer;       /* NULL: raw, without head and trailer */
	const tg_head *head;           /* with signer: kind, issuer, session, content_type are read */
	tg_write_fn *write;            /* receives the sealed bytes */
	void *ctx;
} tg_seal_opts;

typedef struct tg_sealer tg_sealer;
/**
 * tg_seal_new(o, out): writes the age header at once. Holds at most two 64 KiB chunks, whatever the length.
 * Returns 0, TG_ERECIPIENT (none, or too many), TG_EKEY (a recipient of small order), TG_EKIND, TG_EISSUER, TG_ESESSION, TG_EMEDIA (a field of
 * the head), TG_ENOMEM, TG_EINTERNAL, or what write() returned. o is not needed after return.
 */
int tg_seal_new(const tg_seal_opts *o, tg_sealer **out);
int tg_seal_push(tg_sealer *s, const void *p, size_t n);
/** tg_seal_finish(s): trailer and last chunk. Nothing may be pushed afterwards. */
int tg_seal_finish(tg_sealer *s);
/** tg_seal_head(s): the head as sealed (ref and time filled in), NULL when raw. Owned by s. */
const tg_head *tg_seal_head(const tg_sealer *s);
void tg_seal_free(tg_sealer *s);
/** tg_seal_size(o, content_len): bytes that sealing content_len bytes will give, so that an upload can declare its length. 0: these options cannot be sealed. */
uint64_t tg_seal_size(const tg_seal_opts *o, uint64_t content_len);

typedef struct {
	tg_identity *const *identity;
	size_t n_identities;
	int raw;                      /* 1: no head and trailer are expected */
	const tg_sender *sender;      /* pinned; required unless raw */
	tg_write_fn *write;           /* receives content; NOT good before tg_open_finish() returned 0: write to a temporary place */
	void *ctx;
	int (*on_head)(void *ctx, const tg_head *head); /* may be NULL; called once, before the first content; unauthenticated until finish */
} tg_open_opts;

typedef struct tg_opener tg_opener;
/** tg_open_new(o, out): the identities must outlive the opener. Returns 0, TG_EINVAL (no identity, write, or sender unless raw) or TG_ENOMEM. */
int tg_open_new(const tg_open_opts *o, tg_opener **out);
/**
 * tg_open_push(o, p, n): sealed bytes. Returns 0; TG_EARMOR (armored: only binary files are read), TG_EHEADER, TG_ENOMATCH, TG_EHMAC, TG_EPAYLOAD;
 * TG_ESIGNATURE (no head, or another sender's), TG_EMISLABELLED (sealed for others than those it is addressed to); or what write() or on_head() returned. Sticky.
 */
int tg_open_push(tg_opener *o, const void *p, size_t n);
/** tg_open_finish(o): 0 only when the payload was whole and (unless raw) the signature is the pinned sender's and one of the identities is a named recipient. */
int tg_open_finish(tg_opener *o);
const tg_head *tg_open_head(const tg_opener *o);
/** tg_open_why(o): a sentence for the last error. Static or owned by o. */
const char *tg_open_why(const tg_opener *o);
void tg_open_free(tg_opener *o);

/* The buffer, over HTTP/1.1 and mTLS ------------------------------------------------------------------------------ */

typedef struct tg_client tg_client;
typedef struct {
	const char *url;  /* https://host:port */
	const char *ca;   /* PEM file */
	const char *cert; /* PEM file */
	const char *key;  /* PEM file */
	long connect_timeout_ms; /* 0: 10,000 */
	long stall_timeout_ms;   /* no byte for that long ends a transfer; 0: 30,000 */
	int (*progress)(void *ctx, uint64_t sent, uint64_t received, uint64_t total); /* may be NULL; non-zero cancels */
	void *progress_ctx;
} tg_client_opts;

typedef struct { /* the last refusal, RFC 9457; valid until the next call on the client */
	int status;             /* HTTP; 0: none */
	int code;               /* the TG_E… whose slug the type names, or TG_EPROBLEM */
	char type[64], title[128], detail[512], cause[32], gone_at[32], instance[64];
	long retry_after_s;     /* -1: none */
} tg_problem;

typedef struct {
	char blob[TG_SESSION_MAX + 1], ref[64], state[16], kind[TG_KIND_MAX + 1], issuer[4], session[TG_SESSION_MAX + 1];
	char sha256[65];        /* hex; "" unknown */
	char stored_at[32], deadline[32], cause[32], gone_at[32];
	uint64_t size;
} tg_blob;

typedef struct {
	char session[TG_SESSION_MAX + 1], state[16], opened_at[32], deadline[32];
	uint32_t idle_s;
} tg_session;

typedef struct {
	const char *kind, *issuer, *session, *to, *idempotency_key; /* NULL: not sent */
	uint64_t ttl_s;                 /* 0: not sent */
	uint64_t size;                  /* of the sealed bytes; UINT64_MAX: unknown, sent chunked */
	const uint8_t *sha256;          /* 32 bytes, NULL: not sent */
	long (*read)(void *ctx, void *p, size_t cap); /* sealed bytes: > 0, 0 at the end, negative TG_E… */
	void *ctx;
	int (*rewind)(void *ctx);       /* NULL: it can be read once. Otherwise read from the start again; 0 or a TG_E… that ends the upload */
} tg_put_opts;

#define TG_CLAIM_MAX 63
typedef struct {
	char claim[TG_CLAIM_MAX + 1];   /* the token: whoever has it, and the claimant's certificate, reads and acks */
	char sha256[65];                /* hex, as the uploader declared it; "" when it did not */
	char lease_deadline[32];        /* by the server's clock */
	uint64_t size;
	int64_t ends_mono_ms;           /* CLOCK_MONOTONIC here: the lease is over by then; tries end with it */
} tg_claim;

typedef struct { /* what an ack, an erasure or a session's end leaves in hand; tg_client_json() has all of it */
	char blob[TG_SESSION_MAX + 1], ref[64], cause[32], erased_at[32], event[64];
} tg_receipt;

/**
 * tg_client_new(o, out): reads nothing and connects to nobody yet. Returns 0, TG_EINVAL (an option is missing, or no address), TG_EIO (a file cannot be read),
 * TG_EINTERNAL or TG_ENOMEM. On failure *out is NULL, or a client that only says why: tg_client_error(*out). Free it in either case; calls on it return TG_EINVAL.
 */
int tg_client_new(const tg_client_opts *o, tg_client **out);
void tg_client_free(tg_client *c); /* NULL is fine */
const tg_problem *tg_client_problem(const tg_client *c);
/** tg_client_error(c): a sentence for the last failure that is not a refusal (cannot connect, a certificate, …): what is wrong and what to do. "" when there was none. */
const char *tg_client_error(const tg_client *c);
/** tg_client_json(c): the last JSON answer as text, for --json. "" when there was none. */
const char *tg_client_json(const tg_client *c);

int tg_client_session_open(tg_client *c, const char *subject_ref_hex, uint32_t idle_s, tg_session *out);
int tg_client_session_show(tg_client *c, const char *sid, tg_session *out);
int tg_client_session_touch(tg_client *c, const char *sid, tg_session *out);
int tg_client_session_close(tg_client *c, const char *sid, int erase_all, tg_session *out);
/**
 * tg_client_put(c, o, out): store a blob. With an idempotency_key and rewind it tries again by itself when the connection breaks before the answer, for
 * up to 15 s; the server then stores it once, and answers what it answered first.
 */
int tg_client_put(tg_client *c, const tg_put_opts *o, tg_blob *out);
/** tg_client_take(c, id, write, ctx, out): the ciphertext, at most once. out: what the answer's header fields say. */
int tg_client_take(tg_client *c, const char *id, tg_write_fn *write, void *ctx, tg_blob *out);
/**
 * tg_client_claim(c, id, lease_s, out): become the blob's one reader for lease_s seconds (0: 60; at most TG_LEASE_MAX_S), at most until its own deadline.
 * An answer that is lost on the way is asked for again. TG_ECLAIMED: somebody else is; TG_EGONE.
 */
int tg_client_claim(tg_client *c, const char *id, uint32_t lease_s, tg_claim *out);
/**
 * tg_client_read(c, k, write, ctx, out): the ciphertext, each byte once and in order; as often as wanted within the lease. When the connection breaks it goes
 * on by itself from there, with growing pauses, while the lease lasts. out: what the answer's header fields say.
 */
int tg_client_read(tg_client *c, const tg_claim *k, tg_write_fn *write, void *ctx, tg_blob *out);
/**
 * tg_client_ack(c, k, outcome, out): done with it: the server erases it. Only when what was read is safe. outcome: "ok", "decrypt-failed",
 * "mislabelled", "rejected".
 */
int tg_client_ack(tg_client *c, const tg_claim *k, const char *outcome, tg_receipt *out);
/** tg_client_receipt(c, i, out): the i-th receipt of the last answer: of ack and erase one, of session_close one a blob. TG_ENOENT: there are no more. */
int tg_client_receipt(const tg_client *c, size_t i, tg_receipt *out);
int tg_client_stat(tg_client *c, const char *id, tg_blob *out);
int tg_client_erase(tg_client *c, const char *id);
int tg_client_policy(tg_client *c);

#ifdef __cplusplus
}
#endif
#endif
