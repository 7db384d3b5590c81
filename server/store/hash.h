/*
 * hash.h: several texts as one hash.
 */
#ifndef STORE_HASH_H
#define STORE_HASH_H

#include <stddef.h>

#define HASH_TEXTS_LEN 32
/** hash_texts(out, n, text): n texts as one BLAKE2b-128, in hex; no two lists of texts give the
 * same. Returns out. */
const char *hash_texts(char out[HASH_TEXTS_LEN + 1], size_t n, const char *const text[]);

#endif
