/*
 * scoreboard.h: what reaper and recorder leave for the other processes, and for their own
 * successors: is the store attested, what did its clock show, how far is the evidence. The master
 * maps it before it forks; each item has one writer, all read. No locks, nobody waits: a writer
 * that is killed half way leaves the old value.
 */
#ifndef BASE_SCOREBOARD_H
#define BASE_SCOREBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scoreboard;

/** scoreboard_new(): map it. NULL without memory. */
struct scoreboard *scoreboard_new(void);
void scoreboard_free(struct scoreboard *b);
/** scoreboard_attach(b): the calls below are about b in this process. NULL, as at first: nobody
 * attests, no evidence is kept, and neither is missed. */
void scoreboard_attach(struct scoreboard *b);

/* Attestation, by the reaper ----------------------------------------------- */

/* X(name, slug for the log and the evidence, what people are told). The first three are no reasons
 * to refuse. */
#define SCOREBOARD_ATTEST(X) \
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
	SCOREBOARD_ATTEST(X_)
#undef X_
};

/** scoreboard_set_attest(a): found just now. */
void scoreboard_set_attest(enum attest a);
/** scoreboard_attest(): ATTEST_STALE when what was found is older than 3 s. */
enum attest scoreboard_attest(void);
/** scoreboard_set_denied(what): what ATTEST_RIGHTS is about: commands, or what the store said; ""
 * nothing. */
void scoreboard_set_denied(const char *what);
/** scoreboard_attest_ok(a): may something new be stored? */
bool scoreboard_attest_ok(enum attest a);
const char *scoreboard_attest_slug(enum attest a);
/** scoreboard_attest_text(a): for people; of ATTEST_RIGHTS with what is denied. Valid until the
 * next call. */
const char *scoreboard_attest_text(enum attest a);

/* Whether the store takes what an upload writes, by the reaper ------------- */

/* X(name, what people are told) */
#define SCOREBOARD_WRITES(X) \
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
	SCOREBOARD_WRITES(X_)
#undef X_
};

/** scoreboard_set_writes(w), scoreboard_writes(): as found last. */
void scoreboard_set_writes(enum writes w);
/** scoreboard_saw_full(): by any process: an upload was refused because the store is full. So says
 * scoreboard_writes() for three seconds, also when something smaller still fits. */
void scoreboard_saw_full(void);
enum writes scoreboard_writes(void);
const char *scoreboard_writes_text(enum writes w);

/* The store's clock, by the reaper ----------------------------------------- */

/** scoreboard_set_clock(ms), scoreboard_clock(ms): the store's clock minus clock_mono_us(), in ms,
 * as last remembered. false: nothing yet. */
void scoreboard_set_clock(int64_t ms);
bool scoreboard_clock(int64_t *ms);

/* Evidence, by the recorder ------------------------------------------------ */

#define SCOREBOARD_HASH 32u

enum evidence {
	EVIDENCE_STARTING,
	EVIDENCE_RECORDING,
	EVIDENCE_ELSEWHERE, /* another server's recorder has the lease */
	EVIDENCE_NO_STORE,
	EVIDENCE_NO_FILE, /* audit_log cannot be written */
	EVIDENCE_NO_KEY,  /* audit_key cannot be used */
	/* audit_key is not the one that its public half was written for, or is gone */
	EVIDENCE_LOST_KEY,
	EVIDENCE_DAMAGED, /* audit_log is not what its recorder wrote */
	EVIDENCE_IN_USE   /* another process on this machine holds the key */
};

/** scoreboard_set_evidence(e, error): error: the errno behind it, 0 for none. */
void scoreboard_set_evidence(enum evidence e, int error);
enum evidence scoreboard_evidence(void);
/** scoreboard_evidence_text(out, cap): for people: "recording", or why not, also when it should but
 * has not caught up for 3 s. Returns out. */
char *scoreboard_evidence_text(char *out, size_t cap);
/** scoreboard_set_caught_up(mono_us): every event older than that is recorded. */
void scoreboard_set_caught_up(uint64_t mono_us);
/** scoreboard_evidence_late(max_lag_s): may events older than that be unrecorded? Then nothing new
 * may be stored. */
bool scoreboard_evidence_late(unsigned max_lag_s);
/**
 * scoreboard_set_compared(yes), scoreboard_compared(): what was heard last: has the store been
 * compared with the evidence? Until then it refuses reads by itself. Any process says no, which it
 * hears when it connects and once a second; the recorder says yes.
 */
void scoreboard_set_compared(bool yes);
bool scoreboard_compared(void);
/** scoreboard_set_head(n, hash), scoreboard_head(n, hash): number and hash of the last checkpoint's
 * line. false: there is none yet. */
void scoreboard_set_head(uint64_t n, const uint8_t hash[SCOREBOARD_HASH]);
bool scoreboard_head(uint64_t *n, uint8_t hash[SCOREBOARD_HASH]);

#endif
