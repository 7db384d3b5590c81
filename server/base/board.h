/*
 * board.h: what the reaper leaves for the other processes, and for its own successor: whether the store is attested, and what the store's clock
 * showed. The master maps it before it forks; the reaper writes, all read. No locks: each item is one word.
 */
#ifndef BASE_BOARD_H
#define BASE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, slug for the log and the evidence, what people are told). The first three are no reasons to refuse. */
#define BOARD_ATTEST(X)                                                                                                \
	X(SEEN,       "seen",           "its configuration was seen to be volatile and not to evict")                 \
	X(VOUCHED,    "vouched",        "its configuration cannot be seen; the operator vouches for it")              \
	X(UNWATCHED,  "unwatched",      "nobody is asked for attestation here")                                       \
	X(NOT_YET,    "not-looked-at",  "the store has not been looked at since it was last connected")              \
	X(STALE,      "stale",          "the store has not been looked at for three seconds")                         \
	X(AOF,        "aof",            "the store writes every change to a file: set appendonly no")                 \
	X(RDB,        "rdb",            "the store is configured to write snapshots: set save \"\"")                  \
	X(SNAPSHOT,   "snapshot",       "somebody has the store write a snapshot of itself to disk, or just had; remove that file") \
	X(EVICTS,     "evicts",         "the store evicts keys when it is full: set maxmemory-policy noeviction")     \
	X(SYNC_SEND,  "sync-send",      "the store syncs its replicas by way of a disk: set repl-diskless-sync yes")   \
	X(SYNC_LOAD,  "sync-load",      "the store, a replica, syncs by way of a disk: set repl-diskless-load swapdb") \
	X(LEAKS,      "leaks",          "the embedded store may log or dump what it holds; its configuration was changed") \
	X(BARRED,     "config-barred",  "CONFIG GET is barred, so snapshots cannot be seen: allow it, or vouch with store_attested_by in [store]") \
	X(BLIND,      "info-barred",    "INFO is barred, so nothing can be seen of the store: allow it to this user")

enum attest {
#define X_(name, slug, text) ATTEST_##name,
	BOARD_ATTEST(X_)
#undef X_
};

struct board;

/** board_new(): map it. NULL without memory. */
struct board *board_new(void);
void board_free(struct board *b);
/** board_attach(b): the calls below are about b in this process. NULL, as at first: ATTEST_UNWATCHED. */
void board_attach(struct board *b);

/** board_set_attest(a): found just now. For the reaper. */
void board_set_attest(enum attest a);
/** board_attest(): ATTEST_STALE when what was found is older than 3 s. */
enum attest board_attest(void);
/** board_attest_ok(a): may something new be stored? */
bool board_attest_ok(enum attest a);
const char *board_attest_slug(enum attest a);
const char *board_attest_text(enum attest a);

/** board_set_clock(ms), board_clock(ms): the store's clock minus clock_mono_us(), in ms, as last remembered. false: nothing yet. */
void board_set_clock(int64_t ms);
bool board_clock(int64_t *ms);

#endif
