/*
 * retention.h: how long which evidence may be held. The one table that the server, the client, the
 * documentation and the tests read. Configuration can add kinds and shorten limits; nothing
 * lengthens a built-in limit or exceeds a day.
 */
#ifndef TIMEGLAS_RETENTION_H
#define TIMEGLAS_RETENTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TG_TTL_MAX_S 86400u    /* nothing is held longer, whatever the configuration says */
#define TG_SESSION_MAX_S 3600u /* a session's length */
#define TG_SESSION_IDLE_S 600u /* a session's idle limit unless given */
#define TG_LEASE_MAX_S 900u    /* a claim's lease, and so a processor's copy */
#define TG_LEASE_S 60u         /* a claim's lease unless given */
/* session-bound blobs that one session holds at most */
#define TG_SESSION_BOUND_BLOBS 32u
#define TG_SESSION_BOUND_BYTES (128u * 1024 * 1024) /* and their bytes */
#define TG_TOMBSTONE_S 86400u                       /* how long a blob's end is remembered */
#define TG_KIND_MAX 31                              /* characters of a kind's name: [a-z0-9-]+ */

enum tg_issuer_class {
	TG_ISSUER_NONE,   /* the kind has no issuer */
	TG_ISSUER_DANISH, /* DNK, FRO, GRL */
	TG_ISSUER_OTHER   /* any other valid ICAO 9303 code */
};

/* X(kind, issuer class, ceiling in seconds, session-bound) */
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

#define TG_RULES_MAX 32
struct tg_policy { /* a table in force: the built-in one, perhaps shortened and extended */
	struct tg_rule rule[TG_RULES_MAX];
	size_t n;
};

/** tg_policy_init(p): the built-in table. */
void tg_policy_init(struct tg_policy *p);
/**
 * tg_policy_limit(p, kind, issuer_class, ceiling_s): shorten the rules of a kind, or add a new kind
 * (issuer NONE, not session-bound). issuer_class < 0: all rules of the kind. Returns TG_ETTL when
 * that would lengthen a built-in limit, exceed TG_TTL_MAX_S or be 0; TG_EKIND for a malformed name;
 * TG_ENOMEM when the table is full.
 */
int tg_policy_limit(struct tg_policy *p, const char *kind, int issuer_class, uint32_t ceiling_s);

/**
 * tg_policy_rule(p, kind, issuer, out): the rule for a blob. issuer: the canonical code of
 * tg_issuer_parse(), or NULL. Returns 0, TG_EKIND (no such kind), TG_EISSUER (issuer missing, or
 * given for a kind that has none).
 */
int tg_policy_rule(const struct tg_policy *p, const char *kind, const char *issuer,
	const struct tg_rule **out);

/**
 * tg_issuer_parse(text, n, out): an ICAO 9303-3 section 5 issuing state or organisation as it
 * stands in the machine-readable zone: "DNK", "D", "D<<", "UTO" (specimen). out receives 1..3
 * letters without fillers, NUL-terminated. Returns 0 or TG_EISSUER.
 */
int tg_issuer_parse(const char *text, size_t n, char out[4]);
/** tg_issuer_class(code): TG_ISSUER_DANISH or TG_ISSUER_OTHER for a canonical code. */
enum tg_issuer_class tg_issuer_class(const char *code);

#ifdef __cplusplus
}
#endif
#endif
