/*
 * chain.h: the evidence as lines of a file, byte by byte (docs/evidence.md): records of events and
 * signed checkpoints, each with the hash of the line before it. The recorder writes lines, the
 * command line reads them, and a reader accepts exactly what a writer can produce. No I/O, no
 * clock.
 */
#ifndef TG_CORE_CHAIN_H
#define TG_CORE_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#define CHAIN_HASH 32u
#define CHAIN_KEY 32u
#define CHAIN_SIG 64u
#define CHAIN_SECRET 64u /* libsodium's Ed25519 secret key: seed and public key */
#define CHAIN_SHARDS 64u
#define CHAIN_EPOCH 32u /* characters of a store's epoch, hex */
/* characters of "3f-18446744073709551615-18446744073709551615" and a few more */
#define CHAIN_ID_MAX 47u
#define CHAIN_LINE_MAX 16384u /* bytes of a line without its LF */
/* before the 64 hex digits of a public key, as people are shown it */
#define CHAIN_PUBLIC "timeglas-audit1"

/* Events of the recorder's own, without an id: */
/* the store came back empty. more: epoch (first), was */
#define CHAIN_STORE_LOST "store-lost"
/* in "more" of a "gone": that blob had ended before, and stood in a store that went back */
#define CHAIN_AGAIN "again"
/* it came back as it had been before. more: "NN": position behind which it had forgotten what is
 * recorded here */
#define CHAIN_STORE_REVERTED "store-reverted"
/* another recorder wrote before. more: key, n, hash; "NN": up to where events may stand in its
 * chain that follow here */
#define CHAIN_TAKEN_OVER "taken-over"

struct chain_text { /* not NUL-terminated; p NULL: not there */
	const char *p;
	size_t n;
};

struct chain_pos { /* a stream id */
	uint64_t ms, seq;
};

/* An event. Texts that chain_put_record() is given are bytes of any kind; those that chain_scan()
 * gives are as they stand in the line, escapes and all. */
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
	/* members that have no place above: "name":"value",… escaped already by chain_put_member()
	 */
	struct chain_text more;
	uint8_t prev[CHAIN_HASH];
};

struct chain_check { /* a checkpoint */
	uint64_t n;
	int64_t time_ms;
	struct chain_text reason;           /* start, time, rotation, exit */
	char epoch[CHAIN_EPOCH + 1];        /* of the store; "" before any was seen */
	struct chain_pos pos[CHAIN_SHARDS]; /* last recorded of each outbox; 0-0: none */
	uint8_t prev[CHAIN_HASH];           /* the head that is signed */
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

struct chain_buf {
	/* lines under construction in the caller's memory; full: what did not fit was left out */
	char *p;
	size_t n, cap;
	int full;
};

/** chain_put_record(b, r): the line and its LF. */
void chain_put_record(struct chain_buf *b, const struct chain_record *r);
/** chain_put_check(b, c, secret): the line and its LF, signed; c->key and c->sig are not read. */
void chain_put_check(
	struct chain_buf *b, const struct chain_check *c, const uint8_t secret[CHAIN_SECRET]);
/** chain_put_member(b, name, value): "name":"value", with a comma before it unless b is empty: for
 * chain_record.more. */
void chain_put_member(struct chain_buf *b, struct chain_text name, struct chain_text value);

/** chain_next_member(rest, name, value): takes the first member from rest, which is what is left of
 * a scanned record's more. 0: there was none. */
int chain_next_member(struct chain_text *rest, struct chain_text *name, struct chain_text *value);
/** chain_more_positions(r, pos): of a scanned record's more, the members "NN":"<stream id>" whose
 * shard has a place in pos; the others' places are kept. */
void chain_more_positions(const struct chain_record *r, struct chain_pos pos[CHAIN_SHARDS]);
/** chain_is(t, text): is it that? */
int chain_is(struct chain_text t, const char *text);

/** chain_scan(line, n, out): a line without its LF. Returns 0, or TG_EINVAL for anything that the
 * writers above do not produce. Texts point into line. */
int chain_scan(const char *line, size_t n, struct chain_line *out);
/** chain_hash(line, n, out): of a line without its LF: BLAKE2b-256. */
void chain_hash(const char *line, size_t n, uint8_t out[CHAIN_HASH]);
/** chain_check_verify(line, c): is the scanned checkpoint signed by the key that it names? 0 or
 * TG_ESIGNATURE. */
int chain_check_verify(const char *line, const struct chain_check *c);

/** chain_pos_parse(s, n, out): "ms-seq", canonical. Returns 0 or TG_EINVAL. */
int chain_pos_parse(const char *s, size_t n, struct chain_pos *out);
/** chain_pos_cmp(a, b): <0, 0, >0. */
int chain_pos_cmp(const struct chain_pos *a, const struct chain_pos *b);
/** chain_id_parse(s, n, shard, pos): "NN-ms-seq". Returns 0 or TG_EINVAL. */
int chain_id_parse(const char *s, size_t n, unsigned *shard, struct chain_pos *pos);

#endif
