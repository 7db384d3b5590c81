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

/* What the reaper found of the store. Which numbers mean what is told by store/attestation.h. ----
 */

#define SCOREBOARD_DENIED 96 /* of a text, with its NUL; a longer one is cut */

/** The reaper has found that just now: a number below 256. */
void scoreboard_set_found(unsigned found);
/** Returns whether anything was found. found: what was; age_us: how long ago, 0 also when another
 * process read its clock a moment later than this one. */
bool scoreboard_found(unsigned *found, uint64_t *age_us);
/** What is to be told beside that, for people; "" nothing. A reader may see it half written. */
void scoreboard_set_denied(const char *what);
void scoreboard_denied(char out[SCOREBOARD_DENIED]);
/** Whether the store takes what an upload writes, as found last; 0, as at first: it does. */
void scoreboard_set_writes(unsigned writes);
unsigned scoreboard_writes(void);
/** Any process: the store refused an upload just now because it is full. */
void scoreboard_set_full(void);
/** Returns how long ago that was; UINT64_MAX: it never was. */
uint64_t scoreboard_full_age_us(void);
/** Returns whether a scoreboard is attached in this process. */
bool scoreboard_attached(void);

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
