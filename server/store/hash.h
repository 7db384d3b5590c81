/*
 * hash.h: several texts as one hash.
 */
#ifndef STORE_HASH_H
#define STORE_HASH_H

#include <stddef.h>

#define HASH_TEXTS_LEN 32

/** Hashes n texts, each with its NUL, by BLAKE2b-128, so that two different lists of texts have two
 * hashes. out: in hex. Returns out. */
const char *hash_texts(char out[HASH_TEXTS_LEN + 1], size_t n, const char *const text[]);

#endif
