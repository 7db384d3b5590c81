/*
 * tally.h: log lines for what strangers can cause as often as they like: at most one line a second
 * for each kind, with the count of those that it stands for.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdint.h>

struct tally { /* static; only event is set at first */
	const char *event;
	uint64_t said_us; /* of the last line; 0: none yet */
	unsigned held;    /* noted since */
	char last[256];   /* the text of the last of them */
};

/** tally_note(t, fmt, …): a line at once, if the last is a second old; otherwise it is counted, and
 * the next line tells so. */
void tally_note(struct tally *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** tally_flush(t): call it about once a second: a line for what was counted since the last one. */
void tally_flush(struct tally *t);

#endif
