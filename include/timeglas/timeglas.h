/*
 * timeglas.h: the client library. Seal evidence to the people who may read it, hand it to a
 * timeglas buffer, fetch it once, open it, and know who sent it.
 *
 * Sealed files are age v1 (C2SP age.md), binary, with X25519 recipients: `age -d` opens what this
 * library seals raw. Otherwise the sealed payload is head, blank line, content and an Ed25519ph
 * signature over all three (docs/envelope.md).
 *
 * Errors: functions that can fail return 0 or a negative TG_E... (errors.h). Those that make an
 * object leave *out as it was then; tg_client_new() alone sets it in any case.
 *
 * Structs: each begins with struct_size. Whoever provides the memory writes sizeof into it: the
 * caller for options and results (`tg_expect e = { .struct_size = sizeof e }`), the library for
 * structs that it returns by const pointer. What an older caller's struct lacks counts as zero, and
 * is not written. A struct_size of 0, or one smaller than the first that was published, is
 * TG_EINVAL, and so is an option behind the library's own end that is not zero: a program's demand
 * that an older library does not know is never passed over. Members are added at the end only.
 *
 * Texts of options are borrowed: until return, or until the object that was made is freed where
 * that is said. NULL and "" mean the same: none.
 *
 * No global state but tg_init() and up to eight blocks of guarded memory that sealers and openers
 * left, wiped, for the next. An object may be used from one thread at a time. What guarded memory
 * covers: docs/envelope.md, section 5.
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
/**
 * Could all guarded memory so far be locked, so that secrets never go to swap?
 *
 * Returns 1, or 0 once the system has refused to lock a block (RLIMIT_MEMLOCK): the library goes on
 * without.
 */
int tg_memory_locked(void);

/* Keys --------------------------------------------------------------------- */

/*
 * All opaque, so that longer kinds of key can come without a change for callers: a post-quantum
 * recipient has 1,216 bytes and a text of 2,000 characters. Objects are made by _generate, _parse,
 * _load or from one another, and freed by their _free (NULL is fine).
 */
/* secret: opens ("AGE-SECRET-KEY-1..."), in guarded memory */
typedef struct tg_identity tg_identity;
typedef struct tg_recipient tg_recipient; /* its public half: sealed to ("age1...") */
/* secret: signs ("TIMEGLAS-SIGNING-KEY-1..."), in guarded memory */
typedef struct tg_signer tg_signer;
typedef struct tg_sender tg_sender; /* its public half: who signed ("timeglas-sender1...") */

/* characters that are enough for the text of any key, its NUL included */
#define TG_KEY_TEXT_MAX 4096

/*
 * tg_X_text(x, out, cap): the key's text. Returns its length; when that is cap or more, out holds
 * what fits (as snprintf). Texts of secrets are the caller's to wipe.
 */
int tg_identity_generate(tg_identity **out);
/** tg_identity_parse(text, n, out): one "AGE-SECRET-KEY-1..." (Bech32, upper case). Returns 0,
 * TG_EKEY or TG_ENOMEM. */
int tg_identity_parse(const char *text, size_t n, tg_identity **out);
/** tg_identity_load(path, out, cap, n): every identity of an age key file (comments and empty lines
 * skipped); n of them. */
int tg_identity_load(const char *path, tg_identity **out, size_t cap, size_t *n);
size_t tg_identity_text(const tg_identity *id, char *out, size_t cap);
int tg_identity_recipient(const tg_identity *id, tg_recipient **out);
void tg_identity_free(tg_identity *id);

int tg_recipient_parse(const char *text, size_t n, tg_recipient **out);
size_t tg_recipient_text(const tg_recipient *r, char *out, size_t cap);
void tg_recipient_free(tg_recipient *r);

int tg_signer_generate(tg_signer **out);
int tg_signer_parse(const char *text, size_t n, tg_signer **out);
int tg_signer_load(const char *path, tg_signer **out);
size_t tg_signer_text(const tg_signer *s, char *out, size_t cap);
int tg_signer_sender(const tg_signer *s, tg_sender **out);
void tg_signer_free(tg_signer *s);

int tg_sender_parse(const char *text, size_t n, tg_sender **out);
size_t tg_sender_text(const tg_sender *s, char *out, size_t cap);
void tg_sender_free(tg_sender *s);

/*
 * The senders whose signature is trusted: names and keys. Several keys may have one name (a sender
 * whose key is changing), but a key has one name.
 */
typedef struct tg_senders tg_senders;
#define TG_SENDER_NAME_MAX 127 /* characters: visible ASCII */
int tg_senders_new(tg_senders **out);
/** tg_senders_add(s, name, key_text): name NULL: the key's text is its name. Returns 0, TG_EKEY,
 * TG_EINVAL (name) or TG_ENOMEM. */
int tg_senders_add(tg_senders *s, const char *name, const char *key_text);
/**
 * Adds what a file says, or nothing of it.
 *
 * @path     lines `name key` or `key`; empty ones and such that begin with # are skipped
 * @why      on failure a sentence, with the line's number; NULL: not wanted
 * @why_cap  its size
 *
 * Returns 0, TG_EIO (errno), TG_EKEY (a line is neither, or there is none) or TG_ENOMEM.
 */
int tg_senders_load(tg_senders *s, const char *path, char *why, size_t why_cap);
size_t tg_senders_count(const tg_senders *s);
void tg_senders_free(tg_senders *s);

/* What is sealed, and what it says of itself ------------------------------- */

#define TG_RECIPIENTS_MAX 20
#define TG_SESSION_MAX 64   /* characters of a session's id */
#define TG_SUBJECT_CHARS 64 /* of a subject: lower-case hex */
#define TG_CONTENT_TYPE_MAX 127
#define TG_REF_BYTES 16
#define TG_NAME_CHARS 22 /* of a blob's name: base64url, canonical */
/* of a blob's id: two hex digits of its shard, 00 to 3f, and its name */
#define TG_ID_CHARS 24
/* a day and five minutes: heads that are older are refused unless said otherwise */
#define TG_MAX_AGE_MS INT64_C(86700000)
/* five minutes: heads that are further in the future are always refused */
#define TG_MAX_AHEAD_MS INT64_C(300000)

typedef struct {
	size_t struct_size;
	char kind[TG_KIND_MAX + 1];
	char issuer[4];                             /* "" for none */
	char session[TG_SESSION_MAX + 1];           /* "" for none */
	char subject[TG_SUBJECT_CHARS + 1];         /* "" for none */
	char content_type[TG_CONTENT_TYPE_MAX + 1]; /* "" for none */
	/* follows from the sender's key and ref: the last 22 characters of the blob's id */
	char name[TG_NAME_CHARS + 1];
	uint8_t ref[TG_REF_BYTES];
	int64_t time_ms; /* Unix: when it was sealed */
	/* the text of the key that signed; a longer one is cut */
	char sender[TG_SENDER_NAME_MAX + 1];
	/* as the set of senders names it; on sealing "" */
	char sender_name[TG_SENDER_NAME_MAX + 1];
	size_t n_recipients;
} tg_head;

/** tg_name_of(sender, ref, out): the name of what this sender seals under this reference
 * (docs/envelope.md, section 3). Never fails. */
void tg_name_of(
	const tg_sender *sender, const uint8_t ref[TG_REF_BYTES], char out[TG_NAME_CHARS + 1]);
/** tg_id_name(id, out): the name that a blob's id ends with. Returns 0 or TG_EINVAL (not an id in
 * its canonical form). out may be NULL. */
int tg_id_name(const char *id, char out[TG_NAME_CHARS + 1]);

/* Takes n bytes; returns 0, or a TG_E... that ends the operation. */
typedef int tg_write_fn(void *ctx, const void *p, size_t n);

/* Sealing ------------------------------------------------------------------ */

typedef struct {
	size_t struct_size;
	const tg_recipient *const *recipient; /* 1..TG_RECIPIENTS_MAX */
	size_t n_recipients;
	const tg_signer *signer; /* NULL: raw, without head and trailer */
	const char *kind;        /* with signer: needed; the other four are optional */
	const char *issuer;      /* ICAO 9303, also with fillers */
	const char *session, *subject, *content_type;
	/* TG_REF_BYTES; NULL: drawn. What is sealed again for the same blob keeps it, and time_ms,
	 * as its name follows from it */
	const uint8_t *ref;
	int64_t time_ms;    /* 0: now */
	tg_write_fn *write; /* receives the sealed bytes */
	void *ctx;
} tg_seal_opts;

typedef struct tg_sealer tg_sealer;
/**
 * tg_seal_new(o, out): writes the age header at once. Holds at most two 64 KiB chunks, whatever the
 * length. Returns 0, TG_EINVAL (no write, or not such options), TG_ERECIPIENT (none, or too many),
 * TG_EKEY (a recipient of small order), TG_EKIND, TG_EISSUER, TG_ESESSION, TG_ESUBJECT, TG_EMEDIA
 * (a field of the head), TG_ENOMEM, TG_EINTERNAL, or what write() returned. o is not needed after
 * return.
 */
int tg_seal_new(const tg_seal_opts *o, tg_sealer **out);
int tg_seal_push(tg_sealer *s, const void *p, size_t n);
/** tg_seal_finish(s): trailer and last chunk. Nothing may be pushed afterwards. */
int tg_seal_finish(tg_sealer *s);
/** tg_seal_head(s): the head as sealed (ref, name and time filled in), NULL when raw. Owned by s.
 */
const tg_head *tg_seal_head(const tg_sealer *s);
void tg_seal_free(tg_sealer *s);
/** tg_seal_size(o, content_len): bytes that sealing content_len bytes will give, so that an upload
 * can declare its length. 0: these options cannot be sealed. */
uint64_t tg_seal_size(const tg_seal_opts *o, uint64_t content_len);

/* Opening ------------------------------------------------------------------ */

/*
 * What the caller knows, and demands. All that is not NULL must hold, or nothing is released. Here
 * "" is no "none", but TG_EINVAL or the label's own error: it is what a variable holds that nobody
 * has filled in.
 */
typedef struct {
	size_t struct_size;
	tg_identity *const *identity; /* one of them must be a recipient */
	size_t n_identities;
	const tg_senders *senders; /* one of them must have signed; required unless raw */
	/* 1: no head and trailer are expected; then nothing but the encryption is checked, and no
	 * demand below may be made */
	int raw;
	/* the id that was asked for: its name must follow from the signed head */
	const char *blob;
	const char *kind, *issuer, *session, *subject;
	int64_t max_age_ms; /* of the head; 0: TG_MAX_AGE_MS; -1: any age (an archive) */
	int64_t now_ms;     /* Unix; 0: the clock */
} tg_expect;

typedef struct {
	size_t struct_size;
	/* what it points to, and keys and senders, must outlive the opener */
	const tg_expect *expect;
	tg_write_fn *write; /* receives content */
	void *ctx;
	/* may be NULL; called once, before the first content. Non-zero ends it */
	int (*on_head)(void *ctx, const tg_head *head);
} tg_open_opts;

/*
 * As a stream: content comes out as it is found authentic, and is NOT GOOD before tg_open_finish()
 * returned 0: write to a temporary place. The head is unauthenticated until then. tg_open_fd()
 * releases nothing too early.
 */
typedef struct tg_opener tg_opener;
/** tg_open_new(o, out): Returns 0, TG_EINVAL (no identity, write, or senders unless raw; no id),
 * TG_EKIND, TG_EISSUER, TG_ESESSION or TG_ESUBJECT (a demand that no head can meet), or TG_ENOMEM.
 */
int tg_open_new(const tg_open_opts *o, tg_opener **out);
/**
 * tg_open_push(o, p, n): sealed bytes. Returns 0; TG_EARMOR (armored: only binary files are read),
 * TG_EHEADER, TG_ENOMATCH, TG_EHMAC, TG_EPAYLOAD; TG_ESIGNATURE (no head that can be read, or
 * another sender's), TG_EMISLABELLED (another id, kind, issuer, session or subject than demanded;
 * or sealed for others than those it is addressed to), TG_EAGE (too old, or of the future); or what
 * write() or on_head() returned. Sticky. All that the head can tell is checked before the first
 * content is released.
 */
int tg_open_push(tg_opener *o, const void *p, size_t n);
/** tg_open_finish(o): 0 only when the payload was whole and (unless raw) the signature is that of
 * the sender whom the head names. */
int tg_open_finish(tg_opener *o);
/** tg_open_head(o): NULL before it was read, and when raw. Owned by o. */
const tg_head *tg_open_head(const tg_opener *o);
/** tg_open_recipient(o, i, out, cap): the text of the head's i-th recipient, as
 * tg_recipient_text(). 0: there is none. */
size_t tg_open_recipient(const tg_opener *o, size_t i, char *out, size_t cap);
/** tg_open_why(o): a sentence for the last error. Static or owned by o. */
const char *tg_open_why(const tg_opener *o);
void tg_open_free(tg_opener *o);

/**
 * Opens a sealed file without keeping plaintext anywhere.
 *
 * Reads it twice: first it checks everything, whole, and releases nothing; then on_head() is
 * called, with an authenticated head; then the same bytes are opened again and go to write(). If
 * the file is changed between the two, what was released is a beginning of what was checked, and an
 * error follows (docs/envelope.md, section 3).
 *
 * @o        as for tg_open_new()
 * @fd       a regular file; read from where it stands to its end
 * @head     out; struct_size set; NULL: not wanted
 * @why      on failure a sentence; NULL: not wanted
 *
 * Returns 0, TG_EIO (fd cannot be read twice; errno), or what tg_open_new(), _push(), _finish() do.
 */
int tg_open_fd(const tg_open_opts *o, int fd, tg_head *head, char *why, size_t why_cap);

/* The buffer, over HTTP/1.1 and mTLS --------------------------------------- */

typedef struct tg_client tg_client;
typedef struct {
	size_t struct_size;
	const char *url;         /* https://host:port */
	const char *ca;          /* PEM file */
	const char *cert;        /* PEM file */
	const char *key;         /* PEM file */
	long connect_timeout_ms; /* 0: 10,000 */
	long stall_timeout_ms;   /* no byte for that long ends a transfer; 0: 30,000 */
	/* may be NULL; non-zero cancels */
	int (*progress)(void *ctx, uint64_t sent, uint64_t received, uint64_t total);
	void *progress_ctx;
	/* of a whole call, its repetitions included; 0: one that moves no blob 60,000, a take
	 * 900,000, an upload 3,600,000. A read ends with its lease */
	long timeout_ms;
} tg_client_opts;

typedef struct { /* the last refusal, RFC 9457; valid until the next call on the client */
	size_t struct_size;
	int status; /* HTTP; 0: none */
	int code;   /* the TG_E... whose slug the type names, or TG_EPROBLEM */
	char type[64], title[128], detail[512], cause[32], gone_at[32], instance[64];
	long retry_after_s; /* -1: none */
	/* of TG_ECLAIMED: until when the caller itself has claimed it; "": somebody else has */
	char lease_deadline[32];
} tg_problem;

typedef struct {
	size_t struct_size;
	/* tag: how evidence calls it */
	char blob[TG_SESSION_MAX + 1], tag[64], state[16], kind[TG_KIND_MAX + 1], issuer[4],
		session[TG_SESSION_MAX + 1];
	char sha256[65]; /* hex; "" unknown */
	char stored_at[32], deadline[32], cause[32], gone_at[32];
	char outcome[32]; /* of the ack that ended it; "" unknown, or none */
	char event[64];   /* of its end */
	uint64_t size;
} tg_blob;

typedef struct {
	size_t struct_size;
	char session[TG_SESSION_MAX + 1], state[16], opened_at[32], deadline[32];
	uint32_t idle_s;
} tg_session;

typedef struct {
	size_t struct_size;
	const char *kind, *issuer, *session, *subject, *to, *idempotency_key; /* NULL: not sent */
	/* of what is sealed (tg_head.name); NULL: the server draws one, and nothing binds the id to
	 * the content */
	const char *name;
	uint64_t ttl_s;        /* 0: not sent */
	uint64_t size;         /* of the sealed bytes; UINT64_MAX: unknown, sent chunked */
	const uint8_t *sha256; /* 32 bytes, NULL: not sent */
	/* sealed bytes: > 0, 0 at the end, negative TG_E... */
	long (*read)(void *ctx, void *p, size_t cap);
	void *ctx;
	/* NULL: it can be read once. Otherwise read from the start again; 0 or a TG_E... that ends
	 * the upload */
	int (*rewind)(void *ctx);
} tg_put_opts;

typedef struct {
	size_t struct_size;
	/* bytes; 0: TG_MAX_SIZE. A longer blob is refused before its first byte is given out */
	uint64_t max_size;
} tg_take_opts;
#define TG_MAX_SIZE (UINT64_C(1) << 30)

#define TG_CLAIM_MAX 63
typedef struct {
	size_t struct_size;
	/* the token: whoever has it, and the claimant's certificate, reads and acks */
	char claim[TG_CLAIM_MAX + 1];
	char blob[TG_SESSION_MAX + 1]; /* the id that was claimed: its receipt must name it */
	char sha256[65];               /* hex, as the uploader declared it; "" when it did not */
	char lease_deadline[32];       /* by the server's clock */
	uint64_t size;
	/* CLOCK_MONOTONIC here: the lease is over by then; tries end with it */
	int64_t ends_mono_ms;
} tg_claim;

typedef struct {
	/* what an ack, an erasure or a session's end leaves in hand; tg_client_json() has all of it
	 */
	size_t struct_size;
	char blob[TG_SESSION_MAX + 1], tag[64], cause[32], outcome[32], erased_at[32], event[64];
} tg_receipt;

/* Results (tg_blob, tg_session, tg_claim, tg_receipt): out may be NULL where nobody wants it. */

/**
 * tg_client_new(o, out): reads nothing and connects to nobody yet. Returns 0, TG_EINVAL (an option
 * is missing, or no address), TG_EIO (a file cannot be read), TG_EINTERNAL or TG_ENOMEM. On failure
 * *out is NULL, or a client that only says why: tg_client_error(*out). Free it in either case;
 * calls on it return TG_EINVAL.
 */
int tg_client_new(const tg_client_opts *o, tg_client **out);
void tg_client_free(tg_client *c); /* NULL is fine */
const tg_problem *tg_client_problem(const tg_client *c);
/**
 * tg_client_error(c): a sentence for the last failure: what is wrong, and what to do. Of a refusal
 * it is status, title and detail; tg_client_problem() has them apart. "" when there was none.
 */
const char *tg_client_error(const tg_client *c);
/** tg_client_json(c): the last JSON answer as text, for --json. "" when there was none. */
const char *tg_client_json(const tg_client *c);

int tg_client_session_open(tg_client *c, const char *subject, uint32_t idle_s, tg_session *out);
int tg_client_session_show(tg_client *c, const char *sid, tg_session *out);
int tg_client_session_touch(tg_client *c, const char *sid, tg_session *out);
int tg_client_session_close(tg_client *c, const char *sid, int erase_all, tg_session *out);
/**
 * tg_client_put(c, o, out): store a blob. With an idempotency_key and rewind it tries again by
 * itself when the connection breaks before the answer, for up to 15 s; the server then stores it
 * once, and answers what it answered first.
 */
int tg_client_put(tg_client *c, const tg_put_opts *o, tg_blob *out);
/** tg_client_take(c, id, o, write, ctx, out): the ciphertext, at most once. o: NULL for the
 * defaults. out: what the answer's header fields say. */
int tg_client_take(tg_client *c, const char *id, const tg_take_opts *o, tg_write_fn *write,
	void *ctx, tg_blob *out);
/**
 * tg_client_claim(c, id, lease_s, out): become the blob's one reader for lease_s seconds (0: 60; at
 * most TG_LEASE_MAX_S), at most until its own deadline. An answer that is lost on the way is asked
 * for again. TG_ECLAIMED: somebody else is; TG_EGONE.
 */
int tg_client_claim(tg_client *c, const char *id, uint32_t lease_s, tg_claim *out);
/**
 * tg_client_read(c, k, write, ctx, out): the ciphertext, each byte once and in order; as often as
 * wanted within the lease. When the connection breaks it goes on by itself from there, with growing
 * pauses, while the lease lasts. out: what the answer's header fields say.
 */
int tg_client_read(tg_client *c, const tg_claim *k, tg_write_fn *write, void *ctx, tg_blob *out);
/**
 * tg_client_ack(c, k, outcome, out): done with it: the server erases it. Only when what was read is
 * safe. outcome: "ok", "decrypt-failed", "bad-signature", "mislabelled", "rejected".
 */
int tg_client_ack(tg_client *c, const tg_claim *k, const char *outcome, tg_receipt *out);
/** tg_client_receipt(c, i, out): the i-th receipt of the last answer: of ack and erase one, of
 * session_close one a blob. TG_ENOENT: there are no more. */
int tg_client_receipt(const tg_client *c, size_t i, tg_receipt *out);
int tg_client_stat(tg_client *c, const char *id, tg_blob *out);
int tg_client_erase(tg_client *c, const char *id, tg_receipt *out);
int tg_client_policy(tg_client *c);

/* Everything in one call --------------------------------------------------- */

/*
 * The replay memory: remembers ref until until_ms (Unix). TG_EREPLAY: it is remembered already;
 * another TG_E... ends the fetch. Called once everything else has been checked, and before anything
 * is released.
 */
typedef int tg_seen_fn(void *ctx, const uint8_t ref[TG_REF_BYTES], int64_t until_ms);

typedef struct {
	size_t struct_size;
	const tg_recipient *const *recipient;
	size_t n_recipients;
	const tg_signer *signer; /* NULL only with raw */
	/* 1: sealed without head and signature; nothing binds the id to the content */
	int raw;
	const char *kind, *issuer, *session, *subject, *content_type;
	/* peers that may fetch it, a list; NULL: as the server is configured for this uploader */
	const char *to;
	uint64_t ttl_s; /* 0: the kind's ceiling */
	/* 1: the file is sealed already, and sent as it is, with its digest; then no recipient,
	 * signer or content_type */
	int sealed;
	/* with sealed: the name that its sealing gave; NULL: nothing binds the id to the content */
	const char *name;
	/* NULL: one is drawn where it is needed, for what has no name */
	const char *idempotency_key;
} tg_put_file_opts;

/**
 * Seals a file while it is sent, under the name that follows from its signature; the server's
 * answer is checked, and a lost one asked for again for up to 15 s, unless the file is a pipe. What
 * is sent again is sealed anew, with the same reference and time, so that it is the same blob.
 *
 * @o     an empty issuer, session, subject, to or name is TG_EINVAL: NULL is none
 * @path  read, never written; "-" is stdin
 * @out   what the server holds now; struct_size set; NULL: not wanted
 *
 * Returns 0 or a TG_E...: tg_client_problem() or tg_client_error() say why.
 */
int tg_put_file(tg_client *c, const tg_put_file_opts *o, const char *path, tg_blob *out);

typedef struct {
	size_t struct_size;
	/* its blob is taken from the call, not from here; its max_age_ms may only shorten
	 * TG_MAX_AGE_MS */
	const tg_expect *expect;
	int take;          /* 1: the at-most-once form; 0: claim, read, ack */
	uint32_t lease_s;  /* 0: TG_LEASE_S */
	uint64_t max_size; /* sealed bytes; 0: TG_MAX_SIZE */
	/* NULL: the library's own file ($XDG_STATE_HOME/timeglas/received), of one user on one
	 * machine */
	tg_seen_fn *seen;
	void *seen_ctx;
	/* where the sealed bytes go when a check fails, until the blob's limit; NULL: they are not
	 * kept */
	const char *keep;
	/* 1: the bytes are wanted as they are sealed; nothing but size and digest is checked, and
	 * expect may be NULL */
	int sealed;
} tg_fetch_opts;

#define TG_KEPT_MAX 4127
typedef struct {
	size_t struct_size;
	/* the three: the client's, until the next call on it; NULL: there is none */
	const tg_head *head;
	const tg_blob *blob; /* what the server said */
	const tg_receipt *receipt;
	int acked; /* the buffer was told how it ended */
	/* all of the content was given out; with an error: only the ack failed */
	int released;
	/* Unix: then the kept file must be gone; tg_kept_sweep() sees to it */
	int64_t kept_until_ms;
	/* the file in which the sealed bytes are kept; "" for none */
	char kept[TG_KEPT_MAX + 1];
} tg_fetched;

/**
 * Fetches a blob, checks everything (size, digest, id, labels, age, sender, replay), releases it,
 * and tells the buffer how it ended.
 *
 * @o      max_age_ms of its expect can only tighten: TG_EINVAL above TG_MAX_AGE_MS, or for -1
 * @write  called only after every check has passed
 * @out    struct_size set; NULL: not wanted. Filled in on failure too, as far as it came
 *
 * Returns 0 or a TG_E...: tg_client_problem() or tg_client_error() say why. Acked with
 * "decrypt-failed" are TG_EDIGEST, TG_EHEADER, TG_EHMAC, TG_ENOMATCH, TG_EPAYLOAD and TG_EARMOR;
 * with "bad-signature" TG_ESIGNATURE; with "mislabelled" TG_EMISLABELLED; with "rejected" TG_EAGE
 * and TG_EREPLAY. What fails on this machine alone is not acked, and the buffer erases the blob
 * when the lease ends.
 */
int tg_fetch(tg_client *c, const char *id, const tg_fetch_opts *o, tg_write_fn *write, void *ctx,
	tg_fetched *out);
/** tg_fetch_file(c, id, o, path, out): the same, into a file (0600) that appears whole or not at
 * all. */
int tg_fetch_file(
	tg_client *c, const char *id, const tg_fetch_opts *o, const char *path, tg_fetched *out);
/**
 * tg_kept_sweep(): removes kept copies whose time is over, of all programs of this user: those that
 * are still as they were left. A fetch with `keep` does so, and every run of the timeglas command.
 * Returns how many it removed.
 */
int tg_kept_sweep(void);

#ifdef __cplusplus
}
#endif
#endif
