/*
 * realloc.c: a realloc() that leaves no bytes behind. jemalloc's own overwrites neither the block
 * that it moves nor the end that it cuts off, even when its free() overwrites. This one is no
 * allocator: it calls malloc() and free(). Linked into timeglasd and into libtimeglas-wipe.so; a
 * sanitizer brings a realloc() of its own instead.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "wipe/realloc.h"

static unsigned long moves; /* how many blocks were copied and freed */

/* glibc's reallocarray() finds realloc() as any other library does. */
bool realloc_wipes(void)
{
	unsigned long before = __atomic_load_n(&moves, __ATOMIC_RELAXED);
	void *p = malloc(16), *moved;

	if (p == NULL)
		return false;
	moved = reallocarray(p, 64, 64);
	if (moved != NULL)
		p = moved;
	free(p);
	return __atomic_load_n(&moves, __ATOMIC_RELAXED) != before;
}

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifndef SANITIZED
/* jemalloc's: returns the size of the block that a request of size gets */
extern size_t nallocx(size_t size, int flags) __attribute__((weak));

static bool fits(size_t have, size_t want)
{
	return want <= have &&
		(nallocx != NULL ? nallocx(want, 0) == have : want > have - have / 4);
}

void *realloc(void *old, size_t size)
{
	size_t have;
	void *fresh;

	if (old == NULL)
		return malloc(size);
	if (size == 0) {
		free(old);
		return NULL;
	}
	have = malloc_usable_size(old);
	/* The block stays. What stands in it behind the size that was asked for may be bytes of
	 * something erased, and nobody may rely on it. */
	if (fits(have, size)) {
		explicit_bzero((char *)old + size, have - size);
		return old;
	}
	fresh = malloc(size);
	if (fresh == NULL)
		return NULL;
	memcpy(fresh, old, have < size ? have : size);
	free(old); /* overwrites it: opt.junk */
	__atomic_fetch_add(&moves, 1, __ATOMIC_RELAXED);
	return fresh;
}
#endif
