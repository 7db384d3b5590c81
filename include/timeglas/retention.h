/*
 * retention.h: how long which evidence may be held: the one table for the server, the library, the
 * documents and the tests. Configuration can add kinds and shorten limits. It can neither lengthen
 * a built-in limit nor exceed a day.
 */
#ifndef TIMEGLAS_RETENTION_H
#define TIMEGLAS_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds. */
#define TG_TTL_MAX_S 86400u    /* no blob is held longer, whatever the configuration says */
#define TG_SESSION_MAX_S 3600u /* the longest session */
#define TG_SESSION_IDLE_S 600u /* a session's idle limit, unless it is given */
#define TG_LEASE_MAX_S 900u    /* the longest lease of a claim */
#define TG_LEASE_S 60u         /* a claim's lease, unless it is given */
#define TG_TOMBSTONE_S 86400u  /* how long a blob's end is remembered */

/* What one session holds at most of blobs that are bound to it. */
#define TG_SESSION_BOUND_BLOBS 32u
#define TG_SESSION_BOUND_BYTES (128u * 1024 * 1024)

/* What there is at most of one subject at a time: visible blobs and uploads under way, and the
 * bytes of those blobs; and how long it stays frozen, unless it is released. */
#define TG_SUBJECT_BLOBS 64u
#define TG_SUBJECT_BYTES (128u * 1024 * 1024)
#define TG_FREEZE_S 86400u

#define TG_KIND_MAX 31 /* characters of a kind's name: a-z, 0-9 and - */

enum tg_issuer_class {
	TG_ISSUER_NONE,   /* the kind has no issuer */
	TG_ISSUER_DANISH, /* DNK, FRO, GRL */
	TG_ISSUER_OTHER   /* any other valid ICAO 9303 code */
};

/*
 * X(kind, issuer class, ceiling, session-bound)
 *
 * ceiling        the longest time to live of such a blob, in seconds
 * session-bound  1: the blob needs an open session and ends with it
 */
#define TG_RETENTION(X) \
	X("passport", TG_ISSUER_DANISH, 3600u, 1) \
	X("passport", TG_ISSUER_OTHER, 86400u, 0) \
	X("liveness", TG_ISSUER_NONE, 86400u, 0) \
	X("face3d", TG_ISSUER_NONE, 86400u, 0)

struct tg_rule {
	char kind[TG_KIND_MAX + 1];
	enum tg_issuer_class issuer;
	uint32_t ceiling_s;
	int session_bound;
};

/* A table in force: the built-in one, perhaps shortened and extended. */
#define TG_RULES_MAX 32
struct tg_policy {
	struct tg_rule rule[TG_RULES_MAX];
	size_t n;
};

/** Fills p with the built-in table. */
void tg_policy_init(struct tg_policy *p);

/**
 * Shortens the rules of a kind, or adds a kind, which then has no issuer and no session.
 *
 * @issuer_class  an enum tg_issuer_class; negative: every rule of the kind
 * @ceiling_s     seconds, at least 1
 *
 * Returns 0, TG_ETTL (it would lengthen a built-in limit or exceed TG_TTL_MAX_S, or is 0), TG_EKIND
 * (a malformed name), TG_EISSUER (the kind has no rule for that class) or TG_ENOMEM (the table is
 * full). On failure p is unchanged.
 */
int tg_policy_limit(struct tg_policy *p, const char *kind, int issuer_class, uint32_t ceiling_s);

/**
 * Finds the rule for a blob.
 *
 * @issuer  canonical, from tg_issuer_parse(); NULL: none
 * @out     a rule of p, which lives as long as p
 *
 * Returns 0, TG_EKIND (no such kind) or TG_EISSUER (it is missing, or given for a kind that has
 * none).
 */
int tg_policy_rule(const struct tg_policy *p, const char *kind, const char *issuer,
	const struct tg_rule **out);

/**
 * Reads an issuing state or organisation as it stands in the machine-readable zone (ICAO Doc 9303-3
 * section 5): "DNK", "D", "D<<", "UTO" (specimen).
 *
 * @text  n characters; no NUL needs to follow
 * @out   1 to 3 letters without fillers, and a NUL
 *
 * Returns 0 or TG_EISSUER.
 */
int tg_issuer_parse(const char *text, size_t n, char out[4]);

/** Returns TG_ISSUER_DANISH or TG_ISSUER_OTHER for a canonical code. */
enum tg_issuer_class tg_issuer_class(const char *code);

#ifdef __cplusplus
}
#endif
#endif
