/* retry.h: whether and when a call is sent once more. Not installed. */
#ifndef TG_LIB_RETRY_H
#define TG_LIB_RETRY_H

#include <stdbool.h>
#include "lib/client.h"

#define RETRY_MS 15000 /* from the first broken connection on, unless the caller says otherwise */

/* The caller zeroes it and sets the first three. Times are those of clock_mono_ms(). */
struct retry {
	int64_t until_mono_ms; /* nothing is tried after it; 0: RETRY_MS after the first break */
	int64_t call_ends_mono_ms; /* the whole call's limit; 0: none */
	/* the first try is not repeated if it never sent any of its request */
	bool only_if_sent;
	/* retry.c's own */
	unsigned tries;
	long wait_ms;
};

/**
 * Decides after a failed try whether to send the call once more, and if so, waits. The pauses grow.
 * The caller makes sure that the request may be sent twice.
 *
 * @c    the client that made the try
 * @err  the try's error
 *
 * Returns true, after the pause, if the call is to be sent again: the connection broke; or it broke
 * in an earlier try, and this one was refused for a reason that passes by itself. Returns false
 * when the call has failed for good, or a limit in r forbids another try.
 */
bool retry_wait(const struct tg_client *c, struct retry *r, int err);

/** The last try received something: the pauses begin small again. */
void retry_progressed(struct retry *r);

#endif
