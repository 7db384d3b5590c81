/*
 * types.h: what the store's modules tell their callers of blobs and sessions. Keys, fields, states,
 * causes and events: schema.def and docs/store.md.
 *
 * Every function of a store_*.h that takes a callback returns 0, or a negative TG_E… code
 * (TG_ESTORE or TG_ENOMEM, and what its header names), and then the callback is never called. After
 * 0 it is called exactly once, never before return, unless store_forget() came first. A callback's
 * err is 0 or a negative TG_E… code; TG_ESTORE when the connection broke, and then it is not
 * known what became of the call.
 */
#ifndef STORE_TYPES_H
#define STORE_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <timeglas/retention.h>
#include "base/token.h"
#include "conf/conf.h"
#include "core/refused.h"
#include "core/subject.h"
#include "store/schema.h"

#define STORE_TO_TEXT 640  /* " verifier verifier2 ": names, each with blanks around it */
#define STORE_DESC_MAX 512 /* room for a field of a record, and the NUL */
#define STORE_SUBJECT_LEN SUBJECT_HASH_CHARS
#define STORE_SIZE_UNKNOWN UINT64_MAX

struct store;

/* What never changes about a blob. */
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
	/* hashed: subject_hash(); "" none, or its session's */
	char subject[STORE_SUBJECT_LEN + 1];
	bool danish; /* issued in Denmark */
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
	int64_t stored_at_ms, deadline_ms;   /* Unix; 0 when gone */
	char cause[STORE_CAUSE_MAX + 1];     /* when gone: "consumed", "expired", … */
	char outcome[STORE_OUTCOME_MAX + 1]; /* when gone: what the ack said, or "" */
	int64_t gone_at_ms;
	/* when gone: the id of the event that told of it, "NN-…": shard, dash, stream id */
	char event[48];
	/* of a commit: it was stored before, by the same uploader and as the same */
	bool repeated;
	/* of TG_ECLAIMED: until when the caller itself has claimed it; 0: somebody else has */
	int64_t own_lease_ms;
	/* of a read that was refused: why. With TG_ENOENT, TG_EFROZEN and TG_EPROCESSOR
	 * nothing else is set. */
	enum refused refused;
};

struct store_session {
	char id[TOKEN_LEN + 1];
	char state[20]; /* "open", "closed", "expired", "idle" */
	char uploader[CONF_NAME_MAX + 1];
	int64_t opened_at_ms, deadline_ms, idle_deadline_ms;
	int64_t gone_at_ms; /* when it has ended */
	uint32_t idle_s;
};

/** blob: borrowed until return; NULL where nothing is known of it. */
typedef void store_blob_cb(void *ctx, int err, const struct store_blob *blob);

#endif
