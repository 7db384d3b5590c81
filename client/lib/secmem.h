/*
 * secmem.h: memory of the library. Secrets (keys, plaintext on its way) live in pages that are
 * locked, kept out of core dumps, guarded on both sides and wiped on free. One hook fails
 * allocations, for tests.
 */
#ifndef TG_LIB_SECMEM_H
#define TG_LIB_SECMEM_H

#include <stddef.h>

/** Returns n zeroed bytes of guarded memory, aligned for any type; NULL without memory. Free with
 * tg_secret_free(). */
void *tg_secret_alloc(size_t n);

/** Wipes and frees. NULL is fine. */
void tg_secret_free(void *p);

#define TG_SPARES 4

/* Blocks of one size that are kept for the next user. Zeroed at first; never freed. */
struct tg_spares {
	void *_Atomic block[TG_SPARES];
};

/** As tg_secret_alloc(), for a block that is wanted often and always in the same size. Takes a
 * spare one when there is one. From any thread. */
void *tg_secret_take(struct tg_spares *s, size_t n);

/** Wipes the block, and keeps it as a spare one or frees it. NULL is fine. From any thread. */
void tg_secret_give(struct tg_spares *s, void *p, size_t n);

/** malloc() and realloc() for what is no secret; a test can let them fail. Free with free(). */
void *tg_plain_alloc(size_t n);
void *tg_plain_grow(void *p, size_t n);

/** Overwrites n bytes; the compiler does not leave it out. */
void tg_wipe(void *p, size_t n);

/** For tests only: the n-th allocation by these functions from now on (1: the next one) returns
 * NULL, once. 0: none does. */
void tg_alloc_fail_at(unsigned n);

#endif
