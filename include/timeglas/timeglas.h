/*
 * timeglas.h: the client library. It seals evidence to the people who may read it, hands it to a
 * timeglas buffer, fetches it once, opens it and says who sent it.
 *
 * Sealed files are age v1 (C2SP age.md), binary, with X25519 recipients: `age -d` opens what this
 * library seals raw. Otherwise the sealed payload is head, blank line, content and an Ed25519ph
 * signature over all three (docs/envelope.md).
 *
 * Errors: a function that can fail returns 0 or a negative TG_E... (errors.h). One that makes an
 * object leaves *out as it was when it fails; tg_client_new() alone sets it in any case.
 *
 * Structs: each begins with struct_size. Whoever provides the memory writes sizeof into it: the
 * caller for options and results (`tg_expect e = { .struct_size = sizeof e }`), the library for
 * structs that it returns by const pointer. What an older caller's struct lacks counts as zero, and
 * is not written. A struct_size that is 0, or smaller than the first that was published, is
 * TG_EINVAL. So is a longer struct with something in it that this library does not know: it never
 * ignores what a newer program demands. Members are added at the end only.
 *
 * Ownership: what options point to is borrowed until the call returns, unless it says otherwise.
 * Texts of options are NUL-terminated; NULL and "" both mean none, unless it is said that "" is
 * refused. Pointers that the library returns are its own, and live as long as the object that they
 * belong to, or as it says.
 *
 * Threads: an object may be used from one thread at a time, different objects at once. The library
 * has no global state but what tg_init() sets up, and up to eight wiped blocks of guarded memory
 * that sealers and openers leave for the next ones. What guarded memory covers: docs/envelope.md,
 * section 5.
 */
#ifndef TIMEGLAS_H
#define TIMEGLAS_H

#include <stddef.h>
#include <stdint.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>
#include <timeglas/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Prepares the library. Call it before any other function and before there are threads. It may be
 * called again.
 *
 * Returns 0, or TG_EINTERNAL: the system gives no randomness, or OpenSSL lacks a cipher.
 */
int tg_init(void);

/**
 * Tells whether all guarded memory so far could be locked, so that secrets never go to swap.
 *
 * Returns 1, or 0 once the system has refused to lock a block (RLIMIT_MEMLOCK). The library works
 * all the same.
 */
int tg_memory_locked(void);

/* Keys --------------------------------------------------------------------- */

/*
 * Keys are opaque, so that longer kinds can come without a change for callers: a post-quantum
 * recipient has 1,216 bytes and a text of 2,000 characters. A key is made by _generate, _parse,
 * _load or from another key. Its _free frees it, wipes what is secret, and accepts NULL.
 */

/* Secret; opens ("AGE-SECRET-KEY-1..."). In guarded memory. */
typedef struct tg_identity tg_identity;
/* An identity's public half, to which one seals ("age1..."). */
typedef struct tg_recipient tg_recipient;
/* Secret; signs ("TIMEGLAS-SIGNING-KEY-1..."). In guarded memory. */
typedef struct tg_signer tg_signer;
/* A signer's public half, which says who signed ("timeglas-sender1..."). */
typedef struct tg_sender tg_sender;

/* Characters that are enough for the text of any key, its NUL included. */
#define TG_KEY_TEXT_MAX 4096

/*
 * What the functions below share:
 *
 * _generate(out)       draws a new key. Returns 0, TG_ENOMEM or TG_EINTERNAL.
 * _parse(text, n, out) reads a key's text, of n characters without a NUL. Returns 0, TG_ENOMEM or
 *                      TG_EKEY (another kind of key, a typing error, or a public key of small
 * order, which protects nothing). _text(key, out, cap) writes a key's text as snprintf() does: cut
 * to cap bytes, its NUL included. Returns the length of the whole text; it was cut when that is cap
 * or more. The caller wipes the text of a secret.
 */
int tg_identity_generate(tg_identity **out);
int tg_identity_parse(const char *text, size_t n, tg_identity **out);
/**
 * Reads every identity of an age key file of less than 64 KiB: one a line; empty lines and such
 * that begin with # are skipped.
 *
 * @out  receives up to cap identities, which the caller frees one by one
 * @n    out: how many there are
 *
 * Returns 0, TG_EIO (errno), TG_EKEY (a line is no identity, there is none, or more than cap) or
 * TG_ENOMEM. On failure no identity is left to free.
 */
int tg_identity_load(const char *path, tg_identity **out, size_t cap, size_t *n);
size_t tg_identity_text(const tg_identity *id, char *out, size_t cap);
/** Makes the identity's public half, an object of its own. Returns 0 or TG_ENOMEM. */
int tg_identity_recipient(const tg_identity *id, tg_recipient **out);
void tg_identity_free(tg_identity *id);

int tg_recipient_parse(const char *text, size_t n, tg_recipient **out);
size_t tg_recipient_text(const tg_recipient *r, char *out, size_t cap);
void tg_recipient_free(tg_recipient *r);

int tg_signer_generate(tg_signer **out);
int tg_signer_parse(const char *text, size_t n, tg_signer **out);
/** Reads the one signing key of a file, whose form is that of tg_identity_load(). Returns 0, TG_EIO
 * (errno), TG_EKEY (not exactly one) or TG_ENOMEM. */
int tg_signer_load(const char *path, tg_signer **out);
size_t tg_signer_text(const tg_signer *s, char *out, size_t cap);
/** Makes the signer's public half, an object of its own. Returns 0 or TG_ENOMEM. */
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
/**
 * Adds a sender.
 *
 * @name      1..TG_SENDER_NAME_MAX characters; NULL: the key's text is its name
 * @key_text  "timeglas-sender1..."
 *
 * Returns 0 (also when it is there already), TG_EKEY (no such key), TG_EINVAL (not such a name, or
 * the key has another one) or TG_ENOMEM.
 */
int tg_senders_add(tg_senders *s, const char *name, const char *key_text);
/**
 * Adds all senders of a file, or none of them.
 *
 * @path     lines `name key` or `key`; empty ones and such that begin with # are skipped
 * @why      out, on failure: a sentence, with the line's number; NULL: not wanted
 * @why_cap  bytes that why holds; a longer sentence is cut
 *
 * Returns 0, TG_EIO (errno), TG_EKEY (a line is neither, a key has another name already, or the set
 * is still empty) or TG_ENOMEM.
 */
int tg_senders_load(tg_senders *s, const char *path, char *why, size_t why_cap);
/** Returns how many keys the set has. */
size_t tg_senders_count(const tg_senders *s);
void tg_senders_free(tg_senders *s);

/* What is sealed, and what it says of itself ------------------------------- */

#define TG_RECIPIENTS_MAX 20
#define TG_SESSION_MAX 64   /* characters of a session's id */
#define TG_SUBJECT_CHARS 64 /* characters of a subject: lower-case hexadecimal digits */
#define TG_CONTENT_TYPE_MAX 127
#define TG_REF_BYTES 16
#define TG_NAME_CHARS 22 /* characters of a blob's name: base64url, canonical */
#define TG_ID_CHARS 24   /* characters of a blob's id: two digits of its shard, and its name */
/* A day and five minutes: a head that is older is refused unless another age is demanded. */
#define TG_MAX_AGE_MS INT64_C(86700000)
/* Five minutes: a head that is further in the future is refused in any case. */
#define TG_MAX_AHEAD_MS INT64_C(300000)

/* What a sealed file says of itself. "" for a field that is left out. */
typedef struct {
	size_t struct_size;
	char kind[TG_KIND_MAX + 1];
	char issuer[4];
	char session[TG_SESSION_MAX + 1];
	char subject[TG_SUBJECT_CHARS + 1];
	char content_type[TG_CONTENT_TYPE_MAX + 1];
	/* follows from the sender's key and ref: the last 22 characters of the blob's id */
	char name[TG_NAME_CHARS + 1];
	uint8_t ref[TG_REF_BYTES];
	int64_t time_ms; /* Unix time of the sealing, in milliseconds */
	/* the text of the key that signed; a longer one is cut */
	char sender[TG_SENDER_NAME_MAX + 1];
	/* its name in the set of trusted senders; "" when the head was not read but sealed */
	char sender_name[TG_SENDER_NAME_MAX + 1];
	size_t n_recipients;
} tg_head;

/** Computes the name of what this sender seals under this reference (docs/envelope.md, section 3).
 * Never fails. */
void tg_name_of(
	const tg_sender *sender, const uint8_t ref[TG_REF_BYTES], char out[TG_NAME_CHARS + 1]);
/**
 * Checks a blob's id, and gives the name that it ends with.
 *
 * @out  NULL: not wanted
 *
 * Returns 0 or TG_EINVAL (not an id, or not in its canonical form).
 */
int tg_id_name(const char *id, char out[TG_NAME_CHARS + 1]);

/* Takes n bytes, which are borrowed until it returns. Returns 0, or a TG_E... code that ends the
 * operation, which then returns that code. */
typedef int tg_write_fn(void *ctx, const void *p, size_t n);

/* Sealing ------------------------------------------------------------------ */

typedef struct {
	size_t struct_size;
	const tg_recipient *const *recipient; /* 1..TG_RECIPIENTS_MAX */
	size_t n_recipients;
	const tg_signer *signer; /* NULL: raw, without head and signature */
	const char *kind;        /* needed with a signer; the next four may be none */
	const char *issuer;      /* ICAO 9303-3 section 5, with or without fillers */
	const char *session, *subject, *content_type;
	/* TG_REF_BYTES; NULL: drawn. Who seals anew for the same blob gives the same ref and
	 * time_ms, so that the name stays */
	const uint8_t *ref;
	int64_t time_ms;    /* Unix time in milliseconds; 0: now */
	tg_write_fn *write; /* receives the sealed bytes */
	void *ctx;          /* passed to write */
} tg_seal_opts;

typedef struct tg_sealer tg_sealer;
/**
 * Begins a sealed file, and writes its age header at once. A sealer holds at most two chunks of
 * 64 KiB, however long the content is.
 *
 * @o    nothing that it points to is needed after return, but write and ctx
 * @out  free with tg_seal_free()
 *
 * Returns 0, TG_EINVAL (no write, or not such options), TG_ERECIPIENT (none, or too many), TG_EKEY
 * (a recipient of small order), TG_EKIND, TG_EISSUER, TG_ESESSION, TG_ESUBJECT or TG_EMEDIA (a
 * field of the head), TG_ENOMEM, TG_EINTERNAL, or what write() returned.
 */
int tg_seal_new(const tg_seal_opts *o, tg_sealer **out);
/** Seals n bytes of content. Returns 0, TG_EINTERNAL, TG_EINVAL (finished before), or what write()
 * returned. After an error every further call returns the same. */
int tg_seal_push(tg_sealer *s, const void *p, size_t n);
/** Writes the signature and the last chunk. Nothing may be pushed afterwards. Returns what
 * tg_seal_push() does. */
int tg_seal_finish(tg_sealer *s);
/** Returns the head as it was sealed, with ref, name and time filled in; NULL when raw. It is the
 * sealer's. */
const tg_head *tg_seal_head(const tg_sealer *s);
/** Wipes and frees a sealer, whether finished or not. NULL is fine. */
void tg_seal_free(tg_sealer *s);
/** Returns how many bytes sealing content_len bytes will give, so that an upload can declare its
 * length; 0 when these options cannot be sealed. write is not needed. */
uint64_t tg_seal_size(const tg_seal_opts *o, uint64_t content_len);

/* Opening ------------------------------------------------------------------ */

/*
 * What the caller knows, and demands of a sealed file. Nothing is released unless every demand that
 * is not NULL is met. Here "" does not mean none: it is what a variable holds that nobody has
 * filled in, and is refused with TG_EINVAL or the label's own error.
 */
typedef struct {
	size_t struct_size;
	tg_identity *const *identity; /* one of them must be a recipient */
	size_t n_identities;
	const tg_senders *senders; /* one of them must have signed; needed unless raw */
	/* 1: no head and no signature are expected. Only the encryption is checked then, and no
	 * demand below may be made */
	int raw;
	/* the id that was asked for: its name must follow from the signed head */
	const char *blob;
	const char *kind, *issuer, *session, *subject;
	/* of the head, in milliseconds; 0: TG_MAX_AGE_MS; -1: any age, for an archive */
	int64_t max_age_ms;
	int64_t now_ms; /* Unix time in milliseconds; 0: by the clock */
} tg_expect;

typedef struct {
	size_t struct_size;
	/* the struct is copied; what it points to is borrowed until the opener is freed */
	const tg_expect *expect;
	tg_write_fn *write; /* receives content */
	void *ctx;          /* passed to write and on_head */
	/* called once, before the first content; head is borrowed until it returns. A TG_E... code
	 * ends the opening. NULL: not wanted, as for a raw file, which has no head */
	int (*on_head)(void *ctx, const tg_head *head);
} tg_open_opts;

/*
 * Opens a stream. Each chunk of content is authentic when it comes out, but the whole is NOT GOOD
 * before tg_open_finish() has returned 0: write it to a temporary place until then. Nor is the
 * head's signature checked before. tg_open_fd() releases nothing too early.
 */
typedef struct tg_opener tg_opener;
/**
 * Makes an opener.
 *
 * @out  free with tg_open_free()
 *
 * Returns 0, TG_EINVAL (no identity or write; no senders, unless raw; blob is no id), TG_EKIND,
 * TG_EISSUER, TG_ESESSION or TG_ESUBJECT (a demand that no head can meet), or TG_ENOMEM.
 */
int tg_open_new(const tg_open_opts *o, tg_opener **out);
/**
 * Reads the next n sealed bytes. All that the head can tell is checked before the first content is
 * released.
 *
 * Returns 0, or
 *   TG_EARMOR       the file is armored; only binary files are read
 *   TG_EHEADER      the age header is not well-formed
 *   TG_ENOMATCH     no identity opens it
 *   TG_EHMAC        the header was changed
 *   TG_EPAYLOAD     a chunk was changed or is missing
 *   TG_ESIGNATURE   there is no head that can be read, or its sender is not trusted
 *   TG_EMISLABELLED id, kind, issuer, session or subject differ from what was demanded; or the file
 *                   is sealed for others than those to whom the head addresses it
 *   TG_EAGE         the head is too old, or from the future
 *   TG_ENOMEM, TG_EINTERNAL, TG_EINVAL (finished before), or what write() or on_head() returned.
 * After an error every further call returns the same.
 */
int tg_open_push(tg_opener *o, const void *p, size_t n);
/** Ends the input. Returns 0 only when the payload was whole and, unless raw, the signature is by
 * the sender whom the head names; otherwise TG_EPAYLOAD, TG_ESIGNATURE or what tg_open_push() does.
 */
int tg_open_finish(tg_opener *o);
/** Returns the head, which is the opener's; NULL before it was read, and when raw. */
const tg_head *tg_open_head(const tg_opener *o);
/** Writes the text of the head's recipient number i, from 0 on, as tg_recipient_text() does.
 * Returns 0 when there is none. */
size_t tg_open_recipient(const tg_opener *o, size_t i, char *out, size_t cap);
/** Returns a sentence for the last error, "" when there was none. It lives as long as the opener.
 */
const char *tg_open_why(const tg_opener *o);
/** Wipes and frees an opener. NULL is fine. */
void tg_open_free(tg_opener *o);

/**
 * Opens a sealed file and releases nothing before all of it was checked. No plaintext is kept in a
 * file.
 *
 * The file is read twice. The first time it is checked, whole. Then on_head() is called, with a
 * head whose signature is good. Then the same bytes are opened again and go to write(). If somebody
 * changes the file in between, what was released is a beginning of what was checked, and an error
 * follows (docs/envelope.md, section 5).
 *
 * @o        as for tg_open_new(); borrowed until return
 * @fd       a regular file, which is read from its current position to its end; stays the caller's
 * @head     out; its struct_size is set; NULL: not wanted
 * @why      out, on failure: a sentence; NULL: not wanted
 * @why_cap  bytes that why holds; a longer sentence is cut
 *
 * Returns 0, TG_EIO (fd cannot be read twice, or reading failed; errno), or what tg_open_new(),
 * tg_open_push() and tg_open_finish() return.
 */
int tg_open_fd(const tg_open_opts *o, int fd, tg_head *head, char *why, size_t why_cap);

/* The buffer, over HTTP/1.1 and mTLS --------------------------------------- */

typedef struct tg_client tg_client;
typedef struct {
	size_t struct_size;
	const char *url;         /* https://host:port */
	const char *ca;          /* PEM file: the authority that vouches for the server */
	const char *cert;        /* PEM file: the client's certificate */
	const char *key;         /* PEM file: its private key */
	long connect_timeout_ms; /* 0: 10,000 */
	long stall_timeout_ms;   /* no byte for that long ends a transfer; 0: 30,000 */
	/* called about once a second, in bytes; total is 0 while it is not known. Non-zero ends the
	 * call with TG_ECANCELED. NULL: not wanted */
	int (*progress)(void *ctx, uint64_t sent, uint64_t received, uint64_t total);
	void *progress_ctx;
	/* of a whole call, with its repetitions. 0: 900,000 for a take, 3,600,000 for an upload,
	 * 60,000 for a call that moves no blob. A read ends with its lease in any case */
	long timeout_ms;
} tg_client_opts;

/* The server's last refusal (RFC 9457). Texts are cut to fit; "" for what was not said. */
typedef struct {
	size_t struct_size;
	int status; /* of HTTP; 0: the last call was not refused */
	int code;   /* the TG_E... whose slug the type names, or TG_EPROBLEM */
	char type[64], title[128], detail[512], cause[32], gone_at[32], instance[64];
	long retry_after_s; /* -1: none */
	/* of TG_ECLAIMED: until when the caller itself has claimed it; "": somebody else has */
	char lease_deadline[32];
} tg_problem;

/* A blob as the server describes it. Times are RFC 3339 in UTC; "" for what was not said. */
typedef struct {
	size_t struct_size;
	/* tag: how the evidence calls the blob */
	char blob[TG_SESSION_MAX + 1], tag[64], state[16], kind[TG_KIND_MAX + 1], issuer[4],
		session[TG_SESSION_MAX + 1];
	char sha256[65]; /* of the sealed bytes, in hexadecimal digits; "" when nobody declared it
			  */
	/* cause and gone_at: why and when it ended */
	char stored_at[32], deadline[32], cause[32], gone_at[32];
	char outcome[32]; /* of the acknowledgement that ended it; "" for any other end */
	char event[64];   /* id of its end in the evidence */
	uint64_t size;    /* bytes, sealed */
} tg_blob;

typedef struct {
	size_t struct_size;
	char session[TG_SESSION_MAX + 1], state[16], opened_at[32], deadline[32];
	uint32_t idle_s;
} tg_session;

typedef struct {
	size_t struct_size;
	/* sent as header fields of these names; NULL: not sent, "": TG_EINVAL. kind is needed */
	const char *kind, *issuer, *session, *subject, *to, *idempotency_key;
	/* of what is sealed (tg_head.name). NULL: the server draws one, and nothing binds the id to
	 * the content */
	const char *name;
	uint64_t ttl_s;        /* seconds; 0: the kind's ceiling */
	uint64_t size;         /* of the sealed bytes; UINT64_MAX: unknown, so sent in chunks */
	const uint8_t *sha256; /* of the sealed bytes, 32 bytes; NULL: not declared */
	/* gives up to cap sealed bytes. Returns how many, 0 at the end, or a TG_E... code that ends
	 * the upload */
	long (*read)(void *ctx, void *p, size_t cap);
	void *ctx; /* passed to read and rewind */
	/* makes read begin again at the start. Returns 0, or a TG_E... code that ends the upload.
	 * NULL: the content can be read only once */
	int (*rewind)(void *ctx);
} tg_put_opts;

#define TG_MAX_SIZE (UINT64_C(1) << 30)
typedef struct {
	size_t struct_size;
	/* bytes; 0: TG_MAX_SIZE. A longer blob is refused before its first byte is given out */
	uint64_t max_size;
} tg_take_opts;

/* What the server says of a subject. "" or 0 for what was not said. */
#define TG_SUBJECT_HASH_CHARS 32
#define TG_PEER_MAX 31 /* characters of a peer's name */
typedef struct {
	size_t struct_size;
	/* hashed with its uploader's name, as the evidence calls it; and that name */
	char subject[TG_SUBJECT_HASH_CHARS + 1], uploader[TG_PEER_MAX + 1];
	char frozen_until[32]; /* "": it is not frozen */
	/* of an erasure: when; how ("overwrite" or "delete"); who asked for it; the program that
	 * erased, and its version */
	char erased_at[32], method[16], by[TG_PEER_MAX + 1], tool[64];
	char event[64]; /* what the evidence calls it; "" where nothing has changed */
	uint64_t count; /* of an erasure: how many blobs have ended */
} tg_subject;

#define TG_CLAIM_MAX 63
typedef struct {
	size_t struct_size;
	/* the claim's token. Who has it, and the certificate that claimed, can read and acknowledge
	 */
	char claim[TG_CLAIM_MAX + 1];
	char blob[TG_SESSION_MAX + 1]; /* the id that was claimed: its receipt must name it */
	/* in hexadecimal digits, as the uploader declared it; "" when it did not */
	char sha256[65];
	char lease_deadline[32]; /* by the server's clock, RFC 3339 */
	uint64_t size;           /* bytes, sealed */
	/* this machine's CLOCK_MONOTONIC in milliseconds: the lease is over by then, and nothing is
	 * tried any more */
	int64_t ends_mono_ms;
} tg_claim;

/* The proof of an erasure. tg_client_json() has the server's whole answer. */
typedef struct {
	size_t struct_size;
	char blob[TG_SESSION_MAX + 1], tag[64], cause[32], outcome[32], erased_at[32], event[64];
} tg_receipt;

/*
 * What a proof must show, and whose word is believed. The server chooses what it answers, so all
 * that the caller knows is compared. Give a receipt, or an erased subject, or an event.
 */
typedef struct {
	size_t struct_size;
	/* public keys of the log, which the caller got beforehand and not from this server:
	 * "timeglas-audit1..." or name+id+base64. One of them must have signed. Needed, unless the
	 * policy lists logs */
	const char *const *log_key;
	size_t n_log_keys;
	/* text of a policy (C2SP tlog-policy): so many witnesses must have cosigned; NULL: none */
	const char *policy;
	/* id of the event, as tg_blob has it; NULL: that of the receipt or of the subject */
	const char *event;
	/* id of the blob whose end it must be; NULL: the receipt's, otherwise not compared */
	const char *blob;
	const char *subject; /* hash (tg_subject.subject) that the record must have; NULL: any */
	/* the answer to an erasure or an acknowledgement: event, blob, cause and time, and an
	 * outcome if it has one, must be recorded so; NULL: none */
	const tg_receipt *receipt;
	/* the answer to tg_client_subject_erase(): hash, time, count, method and peers must be
	 * recorded so; NULL: none */
	const tg_subject *erased;
} tg_proof_opts;

/* A proof that was found good, and what its record says. */
typedef struct {
	size_t struct_size;
	/* C2SP tlog-proof, n bytes, to be kept as they are. It is the client's, and valid until the
	 * next call of tg_client_proof() on it */
	const char *text;
	size_t n;
	uint64_t n_line;      /* the record's number in the log */
	uint64_t n_lines;     /* of the log, when it was signed */
	uint64_t n_witnesses; /* of the policy's, that have cosigned that */
	char event[64], what[32], tag[64], cause[32], outcome[32], at[32];
	char origin[128]; /* the log's name */
} tg_proof;

/*
 * What the calls below share. A call waits until it is answered, or its time is over. Results
 * (tg_blob, tg_session, tg_subject, tg_receipt) may be NULL where nobody wants them; their
 * struct_size is set. After a failure nothing in them means anything.
 *
 * A call returns 0, or
 *   the code of the server's refusal (TG_EGONE, ...), or TG_EPROBLEM: see tg_client_problem()
 *   TG_EINVAL     an argument or a struct_size
 *   TG_ENET       the server cannot be reached, or the connection broke
 *   TG_ETLS       one side refused the other's certificate
 *   TG_EPROTO     the server's answer is not what the call promises
 *   TG_ECANCELED  progress() said so
 *   TG_ENOMEM, TG_EINTERNAL.
 * tg_client_error() has a sentence for each.
 */

/**
 * Makes a client. It checks the address and that the three files can be read, and connects to
 * nobody yet.
 *
 * @o    texts are copied; progress and progress_ctx are used until the client is freed
 * @out  free with tg_client_free(). Also set on failure, unless there was no memory for it, to a
 *       client that only says why (tg_client_error()): free it too. Other calls on it return
 *       TG_EINVAL
 *
 * Returns 0, TG_EINVAL (an option is missing, or no address), TG_EIO (a file cannot be read),
 * TG_EINTERNAL or TG_ENOMEM.
 */
int tg_client_new(const tg_client_opts *o, tg_client **out);
/** Closes the connection and frees the client. NULL is fine. */
void tg_client_free(tg_client *c);
/** Returns the last call's refusal. It is the client's, and valid until the next call on it. */
const tg_problem *tg_client_problem(const tg_client *c);
/**
 * Returns a sentence for the last failure: what is wrong, and what to do; "" when there was none.
 * It is the client's, and valid until the next call on it. Of a refusal it is status, title and
 * detail, which tg_client_problem() has apart.
 */
const char *tg_client_error(const tg_client *c);
/** Returns the last JSON answer as one line of text, "" when there was none. It is the client's,
 * and valid until the next call on it. */
const char *tg_client_json(const tg_client *c);

/**
 * Opens a session.
 *
 * @subject  keyed pseudonym of the person, TG_SUBJECT_CHARS digits; NULL: none
 * @idle_s   the server ends it when nothing happens in it for so many seconds; 0: its default
 */
int tg_client_session_open(tg_client *c, const char *subject, uint32_t idle_s, tg_session *out);
/** Asks how a session stands. @sid: its id. */
int tg_client_session_show(tg_client *c, const char *sid, tg_session *out);
/** Begins the time anew for which a session may be idle. */
int tg_client_session_touch(tg_client *c, const char *sid, tg_session *out);
/**
 * Ends a session, and erases the blobs that are bound to it. tg_client_receipt() has the receipts.
 *
 * @erase_all  1: erases all blobs of the session, 0: only those whose kind is bound to it
 */
int tg_client_session_close(tg_client *c, const char *sid, int erase_all, tg_session *out);

/*
 * What is held of a person. The server's answer is checked to be about the subject that was asked
 * for: it is a hash of the digits and of the uploader's name.
 *
 * @subject   TG_SUBJECT_CHARS digits, as in tg_put_opts
 * @uploader  whose subject it is; NULL: the caller's own. Operators have to say it
 */

/** Asks what there is of a subject, and how the rest ended: tg_client_json() has the lists. */
int tg_client_subject_show(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out);
/** Erases all of it. tg_client_receipt() has a receipt for each blob that ended. */
int tg_client_subject_erase(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out);
/** Lets nobody read of it for a day, or until it is released. Clocks run on. */
int tg_client_subject_freeze(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out);
/** Ends a freeze; also where there was none. */
int tg_client_subject_release(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out);

/**
 * Stores a blob, and checks that the server's answer describes what was sent.
 *
 * With a name or an idempotency_key, and with rewind, an upload whose connection breaks before the
 * answer is sent again, for up to 15 s. The server stores it once, and answers as it did at first.
 *
 * Returns what all calls do, or what read() or rewind() returned.
 */
int tg_client_put(tg_client *c, const tg_put_opts *o, tg_blob *out);
/**
 * Fetches a blob's sealed bytes at most once. Before the first byte comes, nobody else can fetch
 * the blob any more; if the connection breaks after that, it is lost. The call is never repeated.
 *
 * @o    NULL: the defaults
 * @out  what the answer's header fields say
 *
 * Returns what all calls do, TG_ETOOBIG, or what write() returned.
 */
int tg_client_take(tg_client *c, const char *id, const tg_take_opts *o, tg_write_fn *write,
	void *ctx, tg_blob *out);
/**
 * Becomes the blob's one reader for a time, at most until its own deadline. When the connection
 * breaks before the answer it is asked for again, for up to 15 s.
 *
 * @lease_s  1..TG_LEASE_MAX_S seconds; 0: TG_LEASE_S
 * @out      not NULL; the claim. Its token is a secret
 *
 * Returns what all calls do; TG_ECLAIMED when somebody else is the reader, TG_EGONE when the blob
 * has ended.
 */
int tg_client_claim(tg_client *c, const char *id, uint32_t lease_s, tg_claim *out);
/**
 * Reads the sealed bytes of a claimed blob, each byte once and in order, as often as wanted within
 * the lease. When the connection breaks it goes on from there, with growing pauses, while the lease
 * lasts.
 *
 * @out  what the answer's header fields say
 *
 * Returns what all calls do, or what write() returned.
 */
int tg_client_read(tg_client *c, const tg_claim *k, tg_write_fn *write, void *ctx, tg_blob *out);
/**
 * Acknowledges a claimed blob: the server erases it. Call it only when what was read is safe. When
 * the connection breaks it is repeated, while the lease lasts.
 *
 * @outcome  "ok", "decrypt-failed", "bad-signature", "mislabelled" or "rejected"
 */
int tg_client_ack(tg_client *c, const tg_claim *k, const char *outcome, tg_receipt *out);
/**
 * Reads a receipt of the last answer: an ack or erase gave one, a session_close or subject_erase
 * one for each blob that it erased.
 *
 * @i  from 0 on
 *
 * Returns 0, TG_ENOENT (there is none at that place), TG_EPROTO or TG_EINVAL.
 */
int tg_client_receipt(const tg_client *c, size_t i, tg_receipt *out);
/**
 * Fetches the proof of an event, and checks it: that the log's key has signed it, that the record
 * stands in the log, that it is of what was asked for, and the policy. It is ready about a second
 * after the event. Until then it is asked for again, for up to 15 s, or the client's timeout_ms.
 *
 * @out  its text is what to keep; NULL: not wanted
 *
 * Returns what all calls do, or
 *   TG_EPENDING  no checkpoint covers the event yet: ask again later
 *   TG_EPROOF    what the server gave is no proof, or one of something else
 *   TG_EPOLICY   too few witnesses have cosigned it so far
 *   TG_EKEY      a key is not one, or none is given.
 */
int tg_client_proof(tg_client *c, const tg_proof_opts *o, tg_proof *out);
/** Asks what the server has of a blob. @id: its id, or that of one that ended within the last day.
 */
int tg_client_stat(tg_client *c, const char *id, tg_blob *out);
/** Erases a blob. */
int tg_client_erase(tg_client *c, const char *id, tg_receipt *out);
/** Asks for the server's retention policy, which tg_client_json() then has. */
int tg_client_policy(tg_client *c);

/* Everything in one call --------------------------------------------------- */

/*
 * A replay memory: remembers ref until until_ms (Unix time in milliseconds). Returns 0, TG_EREPLAY
 * when ref is remembered already, or another TG_E... code that ends the fetch. It is called once,
 * when every other check has passed and before anything is released.
 */
typedef int tg_seen_fn(void *ctx, const uint8_t ref[TG_REF_BYTES], int64_t until_ms);

typedef struct {
	size_t struct_size;
	const tg_recipient *const *recipient;
	size_t n_recipients;
	const tg_signer *signer; /* NULL only with raw or sealed */
	/* 1: sealed without head and signature; nothing binds the id to the content */
	int raw;
	/* kind is needed; NULL for the others: none */
	const char *kind, *issuer, *session, *subject, *content_type;
	/* names of peers that may fetch it, with commas; NULL: as the server is configured for this
	 * uploader */
	const char *to;
	uint64_t ttl_s; /* seconds; 0: the kind's ceiling */
	/* 1: the file is sealed already, and sent as it is, with its digest. Then there is no
	 * recipient, signer or content_type */
	int sealed;
	/* with sealed: the name that its sealing gave; NULL: nothing binds the id to the content */
	const char *name;
	/* NULL: one is drawn where it is needed, for a blob without a name */
	const char *idempotency_key;
} tg_put_file_opts;

/**
 * Seals a file while it is sent, under the name that follows from its signature, and checks the
 * server's answer.
 *
 * When the connection breaks before the answer, the upload is repeated for up to 15 s, unless the
 * file is a pipe. It is sealed anew for that, with the same reference and time, so that it is the
 * same blob.
 *
 * @o     an empty issuer, session, subject, to or name is TG_EINVAL: NULL is none
 * @path  read, never written; "-" is standard input
 * @out   what the server holds now; its struct_size is set; NULL: not wanted
 *
 * Returns what all calls do, or TG_EIO, TG_EKIND, TG_EISSUER, ... when nothing was sent:
 * tg_client_error() says why.
 */
int tg_put_file(tg_client *c, const tg_put_file_opts *o, const char *path, tg_blob *out);

typedef struct {
	size_t struct_size;
	/* its blob is not used, as the call names it; its max_age_ms can only shorten TG_MAX_AGE_MS
	 */
	const tg_expect *expect;
	int take;          /* 1: fetched at most once; 0: claimed, read and acknowledged */
	uint32_t lease_s;  /* of the claim, in seconds; 0: TG_LEASE_S */
	uint64_t max_size; /* bytes, sealed; 0: TG_MAX_SIZE */
	/* NULL: the library's own memory ($XDG_STATE_HOME/timeglas/received), of one user on one
	 * machine */
	tg_seen_fn *seen;
	void *seen_ctx; /* passed to seen */
	/* a file for the sealed bytes when a check fails, which tg_kept_sweep() removes when the
	 * blob's time is over; NULL: they are not kept */
	const char *keep;
	/* 1: the bytes are wanted as they are sealed; only size and digest are checked, and expect
	 * may be NULL */
	int sealed;
} tg_fetch_opts;

#define TG_KEPT_MAX 4127
typedef struct {
	size_t struct_size;
	/* these three are the client's, and valid until the next call on it; NULL: there is none */
	const tg_head *head;
	const tg_blob *blob; /* what the server said */
	const tg_receipt *receipt;
	int acked;    /* 1: the buffer was told how it ended */
	int released; /* 1: all content was given out; with an error, only the ack failed */
	int64_t kept_until_ms; /* Unix time in milliseconds at which the kept copy is removed */
	char kept[TG_KEPT_MAX + 1]; /* path of the sealed copy that was kept; "": none */
} tg_fetched;

/**
 * Fetches a blob, checks everything (size, digest, id, labels, age, sender, replay), releases it,
 * and tells the buffer how it ended.
 *
 * @o      max_age_ms of its expect must not be -1 or above TG_MAX_AGE_MS (TG_EINVAL)
 * @write  called only after every check has passed
 * @out    its struct_size is set; NULL: not wanted. Also filled in on failure, as far as it came
 *
 * Returns what all calls do, or what tg_open_fd() and seen() return, TG_EDIGEST or TG_ETOOBIG.
 *
 * After a failed check the buffer is told an outcome:
 *   "decrypt-failed"  TG_EDIGEST, TG_EHEADER, TG_EHMAC, TG_ENOMATCH, TG_EPAYLOAD, TG_EARMOR
 *   "bad-signature"   TG_ESIGNATURE
 *   "mislabelled"     TG_EMISLABELLED
 *   "rejected"        TG_EAGE, TG_EREPLAY
 * A failure of this machine alone is not told, and the buffer erases the blob when the lease ends.
 */
int tg_fetch(tg_client *c, const char *id, const tg_fetch_opts *o, tg_write_fn *write, void *ctx,
	tg_fetched *out);
/** Does the same into a file (mode 0600), which appears whole or not at all. TG_EIO: it cannot be
 * written. */
int tg_fetch_file(
	tg_client *c, const char *id, const tg_fetch_opts *o, const char *path, tg_fetched *out);
/**
 * Removes kept copies whose time is over: of all programs of this user, and only those that are
 * still as they were left. A fetch with `keep` calls it, and so does every run of the timeglas
 * command.
 *
 * Returns how many it removed.
 */
int tg_kept_sweep(void);

#ifdef __cplusplus
}
#endif
#endif
