/*
 * secmem.h: memory of the library. Secrets (keys, plaintext on its way) live in pages that are
 * locked, kept out of core dumps, guarded on both sides and wiped on free. One hook fails
 * allocations, for tests.
 */
#ifndef TG_LIB_SECMEM_H
#define TG_LIB_SECMEM_H

#include <stddef.h>

/** tg_secret_alloc(n): n zeroed bytes, aligned for any type. NULL without memory. Free with
 * tg_secret_free(). */
void *tg_secret_alloc(size_t n);
/** tg_secret_free(p): wipes and frees. NULL is fine. */
void tg_secret_free(void *p);

#define TG_SPARES 4

/* Zeroed at first. What it holds stays until the process ends. */
struct tg_spares {
	void *_Atomic block[TG_SPARES];
};

/**
 * tg_secret_take(s, n), tg_secret_give(s, p, n): as alloc and free, for a block that is wanted
 * often and always in the same size: up to TG_SPARES that were given back are kept, wiped, for the
 * next. From any thread.
 */
void *tg_secret_take(struct tg_spares *s, size_t n);
void tg_secret_give(struct tg_spares *s, void *p, size_t n);
/** tg_plain_alloc(n), tg_plain_grow(p, n): malloc() and realloc() for what is no secret, so that
 * tests can let them fail, too. Free with free(). */
void *tg_plain_alloc(size_t n);
void *tg_plain_grow(void *p, size_t n);
/** tg_wipe(p, n): overwrite; never optimised away. */
void tg_wipe(void *p, size_t n);
/** tg_alloc_fail_at(n): tests only: the n-th allocation by one of these from now (1: the next)
 * returns NULL, once. 0: never. */
void tg_alloc_fail_at(unsigned n);

#endif
