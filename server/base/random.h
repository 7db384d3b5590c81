/* random.h: small pieces of the kernel's randomness, fetched many at a time. For ids and
 * references; a secret that opens something asks libsodium itself. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

#define RANDOM_MAX 64u

/** random_fill(out, n): n bytes, at most RANDOM_MAX. Never the same ones twice, in whatever process
 * of a fork. */
void random_fill(void *out, size_t n);

#endif
