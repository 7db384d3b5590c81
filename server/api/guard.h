/*
 * guard.h: looks at an upload's bytes as they pass: the form of the age envelope, and their SHA-256
 * when the uploader declared one. It copies no content, and keeps none.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>

struct guard;

/** Makes a guard, which the caller frees with guard_free(). Returns NULL without memory.
 *
 * @digest  the declared SHA-256, copied; NULL: none is computed */
struct guard *guard_new(const uint8_t digest[32]);
/**
 * Looks at the first n bytes of data, which stay there.
 *
 * @n  at most what is in data
 *
 * Returns 0; TG_EENVELOPE: it is no envelope, and guard_why() says why; or TG_EINTERNAL.
 */
int guard_feed(struct guard *g, struct evbuffer *data, size_t n);
/** The content has ended. To be called once. Returns 0; TG_EENVELOPE or TG_EDIGEST, of which
 * guard_why() tells; or TG_EINTERNAL. */
int guard_finish(struct guard *g);
/** Returns a sentence about the last refusal, for the client; "" when there was none. Static. */
const char *guard_why(const struct guard *g);
/** Frees the guard. NULL is fine. */
void guard_free(struct guard *g);

#endif
