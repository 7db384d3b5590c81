/* audit_words.h: the words in which the results of an audit are told to people: durations, causes,
 * outcomes, reasons. Texts are ASCII, and nothing in them comes from the evidence unless said. */
#ifndef CLI_AUDIT_WORDS_H
#define CLI_AUDIT_WORDS_H

#include "core/note.h"
#include "core/chain.h"

#define AUDIT_WORDS_DURATION 32 /* memory for a duration, with its NUL */
#define AUDIT_WORDS_HELD 80     /* the same for a time held and what it is over its limit */
#define AUDIT_WORDS_KEY 96      /* memory for a public key, with its NUL */
#define AUDIT_WORDS_LOG_KEY NOTE_KEY_TEXT_MAX

/** Writes microseconds in the two largest units that matter, like "4.9 s" or "14 min 3 s". Returns
 * out. */
char *audit_words_duration(int64_t us, char out[AUDIT_WORDS_DURATION]);

/** Writes how long something was held, next to its limit: with what it is over that, if it is, like
 * "1 d + 17.1 ms". Returns out. */
char *audit_words_held(int64_t us, int64_t limit_us, char out[AUDIT_WORDS_HELD]);

/** Writes a time without seconds, like "2026-11-22 12:00" (UTC). Returns out. */
char *audit_words_minute(int64_t unix_ms, char out[AUDIT_WORDS_DURATION]);

/** Writes a key as a .pub file has it. Returns out. */
char *audit_words_key(const uint8_t key[CHAIN_KEY], char out[AUDIT_WORDS_KEY]);

/** Writes the key of the log of that name as witnesses and policies want it (name+id+base64).
 * Returns out; "" where the log has no name, or no memory is left. */
char *audit_words_log_key(
	const char *origin, const uint8_t key[CHAIN_KEY], char out[AUDIT_WORDS_LOG_KEY]);

/** Returns "Danish", "other", or "-" (makes no difference) for 1, 0, -1. */
const char *audit_words_issuer(int dk);

/** Returns what a cause of an end means, "" for one that this program does not know. */
const char *audit_words_cause(const char *cause);

/** Returns what is to be done when something is wrong. */
const char *audit_words_advice(void);

/** Returns what an outcome means, "" for one that this program does not know. */
const char *audit_words_outcome(const char *outcome);

#endif
