/* keys.h: keys and names for blobs, where the client chooses them. No I/O; it knows no other file.
 */
#ifndef BENCH_KEYS_H
#define BENCH_KEYS_H

#include <stddef.h>
#include <stdint.h>

/** Adds 1 to a key of n characters that ends in decimal digits. It must not overflow. */
void keys_next(char *key, size_t n);

/** Writes 16 bytes in base64url, 22 characters, to name. They are new and spread evenly, not
 * secret. state: any number at first; it is changed. */
void keys_draw(uint64_t *state, unsigned char name[22]);

#endif
