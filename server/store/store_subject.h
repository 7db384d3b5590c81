/*
 * store_subject.h: all that is of one subject: shown, erased, frozen and released together. The
 * subject is its hash, which is made of its uploader's name, too: so whoever knows the hash asks
 * for that uploader's blobs alone. Whoever calls decides who may.
 */
#ifndef STORE_STORE_SUBJECT_H
#define STORE_STORE_SUBJECT_H

#include <stddef.h>
#include "store/types.h"

/* Who asks for what. Texts are borrowed until return. */
struct store_subject {
	const char *hash;     /* STORE_SUBJECT_LEN hexadecimal digits */
	const char *uploader; /* whose it is */
	const char *by;       /* the peer that asks */
};

/* A blob of a subject, and who reads it, or has: "" nobody. */
struct store_subject_blob {
	struct store_blob blob;
	char reader[CONF_NAME_MAX + 1];
};

struct store_subject_shown {
	int64_t frozen_until_ms;                /* Unix; 0: it is not frozen */
	bool more;                              /* there are others, which ended earlier */
	const struct store_subject_blob *blobs; /* what can be seen, then the ends, latest first */
	size_t n;
};

/** shown: with 0 alone, borrowed until return. */
typedef void store_subject_show_cb(void *ctx, int err, const struct store_subject_shown *shown);
/** Tells what is there, and how the rest ended; 1,000 at most. cb: 0, TG_ECOMPARE, TG_ESTORE,
 * TG_ENOMEM or TG_EINTERNAL. */
int store_subject_show(struct store *s, const char *hash, store_subject_show_cb *cb, void *ctx);

struct store_subject_erased {
	char event[48]; /* the id of the event that tells of the erasure, as of a blob's end */
	int64_t at_ms;
	const char *method;             /* as it was given */
	const struct store_blob *blobs; /* that ended */
	size_t n;
};

/** erased: with 0 alone, borrowed until return. */
typedef void store_subject_erase_cb(void *ctx, int err, const struct store_subject_erased *erased);
/**
 * Ends all that can be seen, and all uploads under way. Goes on until no byte of it is left, also
 * when the caller leaves before the answer.
 *
 * @method  for the evidence: what becomes of the bytes
 * @cb      0, TG_ESTORE, TG_ENOMEM or TG_EINTERNAL
 */
int store_subject_erase(struct store *s, const struct store_subject *subject, const char *method,
	store_subject_erase_cb *cb, void *ctx);

/** frozen_until_ms: Unix; 0 behind a release, or with an error. event: the id of the event that
 * tells of it; "" where nothing has changed, or with an error. */
typedef void store_subject_freeze_cb(
	void *ctx, int err, int64_t frozen_until_ms, const char *event);
/** Lets nobody read of it for TG_FREEZE_S. cb: 0, TG_ESTORE or TG_EINTERNAL. */
int store_subject_freeze(struct store *s, const struct store_subject *subject,
	store_subject_freeze_cb *cb, void *ctx);
/** Ends that before its time. cb: 0, also where it was not frozen; TG_ESTORE or TG_EINTERNAL. */
int store_subject_release(struct store *s, const struct store_subject *subject,
	store_subject_freeze_cb *cb, void *ctx);

#endif
