/*
 * chain.h: the lines of an evidence file (docs/evidence.md): records of events and signed
 * checkpoints, each with the hash of the line before it. The recorder writes them, the command line
 * reads them, and a reader accepts exactly what a writer can produce. No I/O, no clock.
 */
#ifndef TG_CORE_CHAIN_H
#define TG_CORE_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CHAIN_HASH 32u
#define CHAIN_KEY 32u
#define CHAIN_SIG 64u
#define CHAIN_ORIGIN_MAX 127u /* NOTE_NAME_MAX */
#define CHAIN_ROOT 32u        /* SHA-256 */
#define CHAIN_SECRET 64u      /* libsodium's Ed25519 secret key: seed and public key */
#define CHAIN_SHARDS 64u
#define CHAIN_EPOCH 32u /* characters of a store's epoch, hex */
/* characters of "3f-18446744073709551615-18446744073709551615" and a few more */
#define CHAIN_ID_MAX 47u
#define CHAIN_LINE_MAX 16384u /* bytes of a line without its LF */
/* the prefix of a public key's text, before its 64 hexadecimal digits */
#define CHAIN_PUBLIC "timeglas-audit1"

/* Events that the recorder itself makes; they have no id. */
/* The store came back empty. more: epoch (the new one, first), was (the old one). */
#define CHAIN_STORE_LOST "store-lost"
/* The store became another one though its process went on, or has the data of the one before: an
 * incident. more: epoch, was, reason. A store-lost follows. */
#define CHAIN_STORE_REPLACED "store-replaced"
/* A "gone" of the store is none: its blob can still be seen, or the event does not say which blob
 * it is of. more: of (its id), reason. */
#define CHAIN_FALSE_GONE "false-gone"
/* The store came back as it had been earlier (a failover). more: "NN": the position behind which it
 * has forgotten events that are recorded here. */
#define CHAIN_STORE_REVERTED "store-reverted"
/* Another recorder wrote before this one. more: key, n and hash of that one's last line; "NN": the
 * position up to which an event may stand in both chains. */
#define CHAIN_TAKEN_OVER "taken-over"
/* A member in the more of a "gone": the blob had ended before, and was in the store again because
 * the store had gone back. */
#define CHAIN_AGAIN "again"

/* Reads that were refused, of one blob, peer and reason, in one minute or less. */
#define CHAIN_REFUSED "refused"

struct chain_text { /* not NUL-terminated; p is NULL when it is not there */
	const char *p;
	size_t n;
};

struct chain_pos { /* a stream id of an outbox */
	uint64_t ms, seq;
};

/* An event. Texts for chain_put_record() may hold any bytes; texts from chain_scan() are as they
 * stand in the line, escapes and all. */
struct chain_record {
	uint64_t n; /* 1, 2, … over all lines of all files */
	int64_t time_ms;
	struct chain_text id; /* "NN-<stream id>"; not there: the recorder's own */
	struct chain_text event;
	struct chain_text tag, kind;
	int dk;                                   /* 1, 0; -1: not there */
	struct chain_text subject;                /* hashed */
	int64_t size_bytes, deadline_ms, late_us; /* -1: not there */
	int64_t lease_ms;                         /* deadline of a claim; -1: not there */
	struct chain_text cause, outcome, uploader, to, by, session;
	struct chain_text reason;  /* of a "refused": one of core/refused.h */
	int64_t first_ms, last_ms; /* of its attempts; -1: not there */
	int64_t count;             /* how many of them; -1: not there */
	/* further members, as chain_put_member() has written them: "name":"value",… */
	struct chain_text more;
	uint8_t prev[CHAIN_HASH];
};

/* For an initializer of a chain_record: none of the members that are numbers is there. */
#define CHAIN_NO_NUMBERS \
	.dk = -1, .size_bytes = -1, .deadline_ms = -1, .lease_ms = -1, .late_us = -1, \
	.first_ms = -1, .last_ms = -1, .count = -1

struct chain_check { /* a checkpoint */
	uint64_t n;
	int64_t time_ms;
	struct chain_text reason;           /* start, time, rotation, exit */
	char epoch[CHAIN_EPOCH + 1];        /* of the store; "" before any was seen */
	struct chain_pos pos[CHAIN_SHARDS]; /* last recorded of each outbox; 0-0: none */
	uint8_t prev[CHAIN_HASH];           /* the head that is signed */
	/* The log's name: 1 to 127 visible ASCII characters, without a quote, backslash or plus.
	 * NULL: an older program's checkpoint, without the next two. */
	struct chain_text origin;
	uint8_t root[CHAIN_ROOT]; /* of the tree over all lines before this one */
	uint8_t note[CHAIN_SIG];  /* the signature of the note (core/chain_note.h) */
	uint8_t key[CHAIN_KEY];
	uint8_t sig[CHAIN_SIG];
	/* by chain_scan(): the first bytes of the line, which the signature covers */
	size_t signed_len;
};

struct chain_line {
	int is_check;
	struct chain_record record; /* one of the two */
	struct chain_check check;
};

/* Lines under construction, in the caller's memory. */
struct chain_buf {
	char *p;
	size_t n, cap; /* bytes that are used, and that there are */
	int full;      /* something did not fit and was left out */
};

/* Writing: what does not fit sets b->full. */

/** Writes a record's line and its LF. */
void chain_put_record(struct chain_buf *b, const struct chain_record *r);

/**
 * Writes a checkpoint's line and its LF, signed.
 *
 * @c       key and sig are not read
 * @secret  the key that signs
 */
void chain_put_check(
	struct chain_buf *b, const struct chain_check *c, const uint8_t secret[CHAIN_SECRET]);

/** Writes "name":"value", escaped, and a comma before it unless b is empty: for
 * chain_record.more. */
void chain_put_member(struct chain_buf *b, struct chain_text name, struct chain_text value);

/* Reading */

/**
 * Reads a line.
 *
 * @line  n bytes, without the LF
 * @out   its texts point into line, escapes and all
 *
 * Returns 0, or TG_EINVAL for a line that the functions above do not write.
 */
int chain_scan(const char *line, size_t n, struct chain_line *out);

/** Takes the first member off rest, which begins as a scanned record's more. Returns 1, or 0 when
 * there is none left. */
int chain_next_member(struct chain_text *rest, struct chain_text *name, struct chain_text *value);

/** Reads the members "NN":"<stream id>" of a scanned record's more into pos[NN]. Places of shards
 * that are not named stay as they are; members of another form are passed over. */
void chain_more_positions(const struct chain_record *r, struct chain_pos pos[CHAIN_SHARDS]);

/** Returns 1 when t is that text, otherwise 0. Inline, since most texts are constants of which then
 * the length is one, too. */
static inline int chain_is(struct chain_text t, const char *text)
{
	return t.p != NULL && t.n == strlen(text) && memcmp(t.p, text, t.n) == 0;
}

/** Returns 1 when that is the name of an event that only the recorder itself makes, otherwise 0. */
int chain_is_own_name(struct chain_text event);

/** Returns 1 when the record is the recorder's own event of that name, otherwise 0: whoever can
 * write into the store can use its name, but not without an id. */
int chain_is_own(const struct chain_record *r, const char *event);

/** Hashes a line of n bytes, without its LF (BLAKE2b-256). */
void chain_hash(const char *line, size_t n, uint8_t out[CHAIN_HASH]);

/** Checks the signature of a scanned checkpoint with the key that the line itself names. Returns 0
 * or TG_ESIGNATURE. */
int chain_check_verify(const char *line, const struct chain_check *c);

/* Stream ids */

/** Returns 1 when that may be a log's origin, otherwise 0. */
int chain_is_origin(struct chain_text t);

/** Reads the n characters "ms-seq", without leading zeros. Returns 0; or TG_EINVAL, and out is
 * undefined then. */
int chain_pos_parse(const char *s, size_t n, struct chain_pos *out);

/** Returns a number less than, equal to or greater than 0 as a is before, at or behind b. */
int chain_pos_cmp(const struct chain_pos *a, const struct chain_pos *b);

/** Reads "NN-ms-seq": the shard, and the position in its outbox. Returns 0 or TG_EINVAL. */
int chain_id_parse(const char *s, size_t n, unsigned *shard, struct chain_pos *pos);

/** Writes "NN-ms-seq" and a NUL. Returns how many characters there are before it. */
size_t chain_id_text(unsigned shard, const struct chain_pos *pos, char out[CHAIN_ID_MAX + 1]);

#endif
