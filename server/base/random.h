/* random.h: small pieces of the kernel's randomness, fetched many at a time. For ids. Keys and
 * passwords are drawn from libsodium directly. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

#define RANDOM_MAX 64u

/** Fills out with n random bytes, at most RANDOM_MAX; more abort. A byte is given out once, also
 * across fork(). */
void random_fill(void *out, size_t n);

#endif
