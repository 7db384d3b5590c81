/* again.h: whether and when a call is tried once more. Not installed. Runs wherever the library
 * does. */
#ifndef TG_LIB_AGAIN_H
#define TG_LIB_AGAIN_H

#include <stdbool.h>
#include "lib/http.h"

struct again {
	/* http_mono_ms() after which nobody tries any more; 0: AGAIN_MS after the first break */
	int64_t until_ms;
	int64_t deadline_ms; /* of the whole call; 0: none */
	/* a first try that never got as far as sending its request is not repeated */
	bool must_begin;
	unsigned tries;
	long wait_ms;
};
#define AGAIN_MS 15000

/**
 * again(c, a, err): after a try that ended with err: when the connection broke, or the server asks
 * for patience after a break, waits (longer each time) and returns true. c: the client, whose last
 * call it was.
 */
bool again(const struct tg_client *c, struct again *a, int err);

/** again_moved(a): the last try got somewhere, so that pauses begin small again. */
void again_moved(struct again *a);

#endif
