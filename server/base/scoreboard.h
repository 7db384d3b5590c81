/*
 * scoreboard.h: what reaper and recorder tell all processes, and those that replace them: whether
 * the store is attested, what its clock shows, how far the evidence is. The memory is mapped by the
 * master before it forks. Each item has one writer, where nothing else is said, and any number of
 * readers. There are no locks: a writer that is killed leaves the value from before.
 *
 * Where no scoreboard is attached, setting does nothing, and reading gives what stands at first.
 */
#ifndef BASE_SCOREBOARD_H
#define BASE_SCOREBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scoreboard;

/** Maps an empty one. NULL without memory. */
struct scoreboard *scoreboard_new(void);
/** Unmaps it in this process. NULL is harmless. */
void scoreboard_free(struct scoreboard *b);
/** Makes b the scoreboard of the calls below, in this process. NULL, as at first: none; then nobody
 * attests, no evidence is kept, and neither is missed. */
void scoreboard_attach(struct scoreboard *b);

/** Returns whether a scoreboard is attached in this process. */
bool scoreboard_attached(void);

/* What the reaper found of the store. store/attestation.h says what the numbers mean. ------------
 */

#define SCOREBOARD_DENIED 96 /* bytes of the text, with its NUL; a longer one is cut */

/** The reaper: the store was found so just now. found: a number below 256. */
void scoreboard_set_found(unsigned found);
/**
 * Returns whether anything was found.
 *
 * @found   receives what was found last
 * @age_us  receives how long ago
 */
bool scoreboard_found(unsigned *found, uint64_t *age_us);
/** The reaper: a text for people that goes with it; "": none. */
void scoreboard_set_denied(const char *what);
/** Reads that text. A reader may get it half written. */
void scoreboard_denied(char out[SCOREBOARD_DENIED]);
/** The reaper: whether the store takes what an upload writes; 0, as at first: it does. */
void scoreboard_set_writes(unsigned writes);
/** Returns the number that was set last. */
unsigned scoreboard_writes(void);
/** The reaper: what the store overwrites of the memory that it frees (wipe/wipe.h); 0, as at first:
 * that is not known. */
void scoreboard_set_wipes(unsigned wipes);
/** Returns the number that was set last. */
unsigned scoreboard_wipes(void);
/** Any process: the store refused an upload just now because it is full. */
void scoreboard_set_full(void);
/** Returns how long ago that was; UINT64_MAX: never. */
uint64_t scoreboard_full_age_us(void);

/* The store's clock, by the reaper ----------------------------------------- */

/** Remembers the store's clock minus clock_mono_us(), in ms. */
void scoreboard_set_clock(int64_t ms);
/** Reads it. Returns false when nothing was remembered yet. */
bool scoreboard_clock(int64_t *ms);

/* The end of an orderly stop, by the master -------------------------------- */

/** With the embedded Redis, so many blobs end: those that are live when nobody can store, read or
 * erase any more. all: they were counted; otherwise there are more, or it is not known how many. */
void scoreboard_set_stopped(uint64_t live, bool all);
/** Returns whether blobs end, and how many; false also before the master has counted. */
bool scoreboard_stopped(uint64_t *live, bool *all);

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
	EVIDENCE_NO_TREE, /* neither the tiles nor all lines of the log are there */
	EVIDENCE_IN_USE   /* another process on this machine has the file or the key */
};

/** The recorder: its state. error: the errno that goes with it, 0 for none. */
void scoreboard_set_evidence(enum evidence e, int error);
/** Returns the state that was set last; EVIDENCE_STARTING at first. */
enum evidence scoreboard_evidence(void);
/** Writes for people how it is with the evidence: "recording", or why it is not recorded, or that
 * the recorder has not caught up for 3 s. Returns out. */
char *scoreboard_evidence_text(char *out, size_t cap);
/** The recorder: every event before this time, of clock_mono_us(), is recorded. */
void scoreboard_set_caught_up(uint64_t mono_us);
/** Returns whether events older than that may be unrecorded. Then nothing new may be stored. */
bool scoreboard_evidence_late(unsigned max_lag_s);
/** Says whether the store has been compared with the evidence; until then the store itself refuses
 * reads. The recorder says yes. Any process says no, when the store has told it so. */
void scoreboard_set_compared(bool yes);
/** Returns what was said last. */
bool scoreboard_compared(void);
/** The recorder: the store became another one while its process went on. That stays until the
 * server is started anew. */
void scoreboard_set_replaced(void);
/** Returns whether that was said. */
bool scoreboard_replaced(void);
/** The recorder: number and hash of the line of its last checkpoint. */
void scoreboard_set_head(uint64_t n, const uint8_t hash[SCOREBOARD_HASH]);
/** Reads both. Returns false when there is no checkpoint yet. */
bool scoreboard_head(uint64_t *n, uint8_t hash[SCOREBOARD_HASH]);

#endif
