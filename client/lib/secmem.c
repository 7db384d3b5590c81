/*
 * secmem.c: guarded memory, by libsodium. Decides nothing about what is a secret. Runs in the library only: no server
 * process has any.
 */
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include "lib/secmem.h"

#define ALIGN 64u

static unsigned fail_at;

void *tg_secret_alloc(size_t n)
{
	void *p;

	if (fail_at > 0 && --fail_at == 0)
		return NULL;
	if (n > SIZE_MAX - ALIGN)
		return NULL;
	/* sodium_malloc() puts the end, not the beginning, at a page's edge: only a rounded size gives an aligned
	 * pointer. */
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	p = sodium_malloc(n);
	if (p)
		memset(p, 0, n);
	return p;
}

void tg_secret_free(void *p)
{
	sodium_free(p);
}

void tg_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void tg_alloc_fail_at(unsigned n)
{
	fail_at = n;
}
