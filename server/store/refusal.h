/*
 * refusal.h: the moment at which a take is answered "no such blob". Whoever may not know of a blob
 * is not to learn of it from the time that the answer takes, and a large string takes longer to
 * read than none. So the answer is given at a time that was fixed when the take was asked for.
 */
#ifndef STORE_REFUSAL_H
#define STORE_REFUSAL_H

#include <stdint.h>
#include "net/loop.h"

struct refusal;
typedef void refusal_cb(void *ctx);

/**
 * Waits until 10 ms after the take was asked for, or the next multiple of that.
 *
 * @asked_us  clock_mono_us() when it was asked for
 * @cb        called once, never before return, never after refusal_free()
 *
 * Returns a handle, to be freed by refusal_free() also after cb; or NULL, and then cb is never
 * called.
 */
struct refusal *refusal_new(struct loop *l, uint64_t asked_us, refusal_cb *cb, void *ctx);
/** May be called from cb. NULL is fine. */
void refusal_free(struct refusal *r);

#endif
