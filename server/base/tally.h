/*
 * tally.h: log lines about what strangers can cause as often as they like. At most one line a
 * second is written for each kind of event; it says how many events it stands for.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdint.h>

struct tally { /* zeroed at first, but for event */
	const char *event;
	uint64_t said_us; /* clock_mono_us() of the last line; 0: none yet */
	unsigned held;    /* events since that line */
	char last[256];   /* the text of the latest of them, perhaps cut */
};

/** Notes one event, with its text: a warning is logged at once when the last one is a second old;
 * otherwise the event is counted for the next line. */
void tally_note(struct tally *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Logs what was counted, when the last line is a second old. To be called about once a second. */
void tally_flush(struct tally *t);

#endif
