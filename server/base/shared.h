/*
 * shared.h: what the recorder tells the other processes: how far the evidence has come, and the last signed head. The master maps it before it forks; the
 * recorder writes; workers and admin read. No locks: a recorder that is killed in the middle of a write leaves the old value.
 */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_HASH 32u

enum evidence {
	EVIDENCE_STARTING,
	EVIDENCE_RECORDING,
	EVIDENCE_ELSEWHERE, /* another server's recorder has the lease */
	EVIDENCE_NO_STORE,
	EVIDENCE_NO_FILE,   /* audit_log cannot be written */
	EVIDENCE_NO_KEY,    /* audit_key cannot be used */
	EVIDENCE_DAMAGED,   /* audit_log is not what its recorder wrote */
	EVIDENCE_IN_USE     /* another process on this machine holds the key */
};

struct shared;

/** shared_new(): map it. NULL without memory. */
struct shared *shared_new(void);
void shared_free(struct shared *s);
/** shared_attach(s): the calls below are about s in this process. NULL, as at first: no evidence is kept, and none is missed. */
void shared_attach(struct shared *s);

/** shared_set_evidence(e, error): error: the errno behind it, 0 for none. */
void shared_set_evidence(enum evidence e, int error);
/** shared_set_caught_up(mono_us): every event older than that is recorded. */
void shared_set_caught_up(uint64_t mono_us);
/** shared_set_head(n, hash): number and hash of the last checkpoint's line. */
void shared_set_head(uint64_t n, const uint8_t hash[SHARED_HASH]);

enum evidence shared_evidence(void);
/** shared_evidence_late(max_lag_s): may events older than that be unrecorded? Then nothing new may be stored. */
bool shared_evidence_late(unsigned max_lag_s);
/** shared_evidence_text(out, cap): for people: "recording", or why not. Returns out. */
char *shared_evidence_text(char *out, size_t cap);
/** shared_head(n, hash): false: there is none yet. */
bool shared_head(uint64_t *n, uint8_t hash[SHARED_HASH]);

#endif
