/*
 * secmem.c: guarded memory, by libsodium. What is a secret is decided by the callers. Runs in the
 * library only; no server process holds secrets of this kind.
 */
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <timeglas/timeglas.h>
#include "lib/secmem.h"
#include "core/bug.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else /* the sanitizer is to see a kept block as freed memory */
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
#endif

#define ALIGN 64u

static unsigned fail_at;
static atomic_int unlocked; /* a block could not be locked, so secrets may go to swap */

static int must_fail(void)
{
	return fail_at > 0 && --fail_at == 0;
}

static void *map(size_t n)
{
	void *p;

	if (n > SIZE_MAX - ALIGN)
		return NULL;
	/* sodium_malloc() puts a block's end at a page's edge, so only a rounded size gives an
	 * aligned pointer. */
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	p = sodium_malloc(n);
	if (!p)
		return NULL;
	memset(p, 0, n);
	/* sodium_malloc() locks the block but does not say whether that worked. Asking again for a
	 * locked block costs nothing of the limit. */
	if (mlock(p, n) != 0)
		atomic_store(&unlocked, 1);
	return p;
}

int tg_memory_locked(void)
{
	return !atomic_load(&unlocked);
}

void *tg_secret_alloc(size_t n)
{
	return must_fail() ? NULL : map(n);
}

void *tg_plain_alloc(size_t n)
{
	return must_fail() ? NULL : malloc(n);
}

void *tg_plain_grow(void *p, size_t n)
{
	return must_fail() ? NULL : realloc(p, n);
}

void tg_secret_free(void *p)
{
	sodium_free(p);
}

/* Blocks are kept because mapping, guarding and locking pages takes several times as long as
 * sealing a small file. */
void *tg_secret_take(struct tg_spares *s, size_t n)
{
	if (must_fail())
		return NULL;
	for (size_t i = 0; i < TG_SPARES; i++) {
		void *p = atomic_exchange(&s->block[i], NULL);

		if (p) {
			ASAN_UNPOISON_MEMORY_REGION(p, n);
			return p;
		}
	}
	return map(n);
}

void tg_secret_give(struct tg_spares *s, void *p, size_t n)
{
	if (!p)
		return;
	tg_wipe(p, n);
	ASAN_POISON_MEMORY_REGION(p, n);
	for (size_t i = 0; i < TG_SPARES; i++) {
		void *none = NULL;

		if (atomic_compare_exchange_strong(&s->block[i], &none, p))
			return;
		if (none == p)
			tg_bug("secmem", "a block was freed twice");
	}
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	tg_secret_free(p);
}

void tg_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void tg_alloc_fail_at(unsigned n)
{
	fail_at = n;
}
