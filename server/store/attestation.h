/*
 * attestation.h: what was found of the Redis that is used: is it volatile, does it never evict,
 * does it take what an upload writes? The reaper finds it (attest.h judges), and leaves it on the
 * scoreboard (base/scoreboard.h), where every process of the server reads it. This is where the
 * numbers there get their names, and their words for people.
 */
#ifndef STORE_ATTESTATION_H
#define STORE_ATTESTATION_H

#include <stdbool.h>
#include "wipe/wipe.h"

/* X(name, slug for the log and the evidence, what people are told). The first three are no reasons
 * to refuse. */
#define ATTESTATIONS(X) \
	X(SEEN, "seen", "its configuration was seen to be volatile and not to evict") \
	X(VOUCHED, "vouched", "its configuration cannot be seen; the operator vouches for it") \
	X(UNWATCHED, "unwatched", "nobody is asked for attestation here") \
	X(NOT_YET, "not-looked-at", \
		"the store has not been looked at since it was last connected") \
	X(STALE, "stale", "the store has not been looked at for three seconds") \
	X(AOF, "aof", "the store writes every change to a file: set appendonly no") \
	X(RDB, "rdb", "the store is configured to write snapshots: set save \"\"") \
	X(SNAPSHOT, "snapshot", \
		"somebody has the store write a snapshot of itself to disk, or just had; remove " \
		"that file") \
	X(EVICTS, "evicts", \
		"the store evicts keys when it is full: set maxmemory-policy noeviction") \
	X(SYNC_SEND, "sync-send", \
		"the store syncs its replicas by way of a disk: set repl-diskless-sync yes") \
	X(SYNC_LOAD, "sync-load", \
		"the store, a replica, syncs by way of a disk: set repl-diskless-load swapdb") \
	X(LEAKS, "leaks", \
		"the embedded store may log or dump what it holds; its configuration was changed") \
	X(RIGHTS, "rights", \
		"nothing is stored or handed out: the store's user may not do all that timeglasd " \
		"needs") \
	X(BARRED, "config-barred", \
		"CONFIG GET is barred, so snapshots cannot be seen: allow it, or vouch with " \
		"store_attested_by in [store]") \
	X(BLIND, "info-barred", \
		"INFO is barred, so nothing can be seen of the store: allow it to this user")

enum attest {
#define X_(name, slug, text) ATTEST_##name,
	ATTESTATIONS(X_)
#undef X_
};

/** The reaper: that was found just now. */
void attestation_set(enum attest a);
/** Returns what was found. ATTEST_STALE: that was more than three seconds ago. ATTEST_UNWATCHED:
 * this process has no scoreboard. */
enum attest attestation(void);
/** The reaper: what ATTEST_RIGHTS is about: commands, or what the store said; "" nothing. */
void attestation_set_denied(const char *what);
/** Returns whether something new may be stored. */
bool attestation_ok(enum attest a);
/** Returns the word for the log and the evidence. Static. */
const char *attestation_slug(enum attest a);
/** Returns what people are told; of ATTEST_RIGHTS with what is denied. Valid until the next call.
 */
const char *attestation_text(enum attest a);

/** The reaper: so much the store says that it overwrites; WIPE_UNKNOWN: it was not asked, or did
 * not say. */
void attestation_set_wipes(enum wipe_state s);
/** Returns what was set last. It is one of what attestation() knows: of the same connection. */
enum wipe_state attestation_wipes(void);
/** Returns "yes", "no" or "unknown". Overwritten when freed only is "no": blocks that moved, and
 * what is left in buffers, keep the bytes of erased blobs. Static. */
const char *attestation_wipes_word(enum wipe_state s);
/** Returns the word for the evidence. Static. */
const char *attestation_wipes_slug(enum wipe_state s);
/** Returns what people are told, with what to do. Static. */
const char *attestation_wipes_text(enum wipe_state s);

/* X(name, what people are told) */
#define ATTESTATION_WRITES(X) \
	X(TAKEN, "it takes writes") \
	X(FULL, "the store is full: uploads fit again when blobs were fetched or have expired") \
	X(READONLY, \
		"the store is a replica now and takes no writes: point store.url to the primary") \
	X(NO_REPLICAS, \
		"the store takes no writes before enough of its replicas follow it " \
		"(min-replicas-to-write)") \
	X(DISK, "the store takes no writes because it could not write a snapshot: set save \"\"") \
	X(REFUSED, "the store refuses what an upload writes; its answer stands in the log")

enum writes {
#define X_(name, text) WRITES_##name,
	ATTESTATION_WRITES(X_)
#undef X_
};

/** The reaper: that was found last. */
void attestation_set_writes(enum writes w);
/** Any process: an upload was refused because the store is full. attestation_writes() says so for
 * three seconds, also when something smaller still fits. */
void attestation_saw_full(void);
/** Returns whether the store takes what an upload writes. */
enum writes attestation_writes(void);
/** Returns what people are told. Static. */
const char *attestation_writes_text(enum writes w);

#endif
