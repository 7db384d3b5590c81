/*
 * random.c: a pool of random bytes, for a system call for each piece was two of the seven that a
 * small request took. Bytes that were given out are wiped from the pool at once. In a forked child
 * the kernel empties the pool (MADV_WIPEONFORK), so the child fetches its own. Runs in every
 * process.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sodium.h>

#include "base/random.h"
#include "core/bug.h"

#define POOL_BYTES 2048u

struct pool {
	size_t left; /* bytes not given out; 0 at first, and in a forked child */
	uint8_t bytes[POOL_BYTES];
};

static struct pool *pool;

static struct pool *pool_map(void)
{
	void *p = mmap(
		NULL, sizeof *pool, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, sizeof *pool, MADV_WIPEONFORK) == 0)
		return p;
	munmap(p, sizeof *pool);
	return NULL;
}

void random_fill(void *out, size_t n)
{
	if (n > RANDOM_MAX)
		tg_bug("random", "more bytes wanted than one call gives");
	if (pool == NULL && (pool = pool_map()) == NULL) {
		randombytes_buf(out, n); /* as good, but a system call each */
		return;
	}
	if (pool->left < n) {
		randombytes_buf(pool->bytes, sizeof pool->bytes);
		pool->left = sizeof pool->bytes;
	}
	pool->left -= n;
	memcpy(out, pool->bytes + pool->left, n);
	sodium_memzero(pool->bytes + pool->left, n);
}
