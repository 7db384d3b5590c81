/*
 * allowance.c: see allowance.h. A slot's word holds the bytes that are used and the second in which
 * that was so; it is changed by compare and exchange, without locks. Runs in workers.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/allowance.h"

/* Twice the peers that a configuration may have: names that a reload has taken away keep theirs. */
#define SLOTS 512u
#define USED_BITS 32

struct slot {
	_Atomic uint64_t name; /* its hash; 0: free */
	_Atomic uint64_t word; /* seconds, and below them the bytes that are used */
};

struct allowance {
	struct slot slot[SLOTS];
};

static struct allowance own;
static struct allowance *mine = &own;

struct allowance *allowance_new(void)
{
	void *p = mmap(NULL, sizeof(struct allowance), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void allowance_free(struct allowance *w)
{
	if (w == NULL)
		return;
	if (mine == w)
		mine = &own;
	munmap(w, sizeof *w);
}

void allowance_attach(struct allowance *w)
{
	mine = w != NULL ? w : &own;
}

/* FNV-1a. Names are the operator's, so none is made to collide; two that do share an allowance. */
static uint64_t hash(const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return h != 0 ? h : 1;
}

/* The slot of that name. Where all are in use by others, it shares one. */
static struct slot *slot_of(const char *name)
{
	const uint64_t h = hash(name);

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &mine->slot[(h + i) % SLOTS];
		uint64_t is = 0;

		if (atomic_compare_exchange_strong(&s->name, &is, h) || is == h)
			return s;
	}
	return &mine->slot[h % SLOTS];
}

static uint64_t used_at(uint64_t word, uint64_t now_s)
{
	const uint64_t used = word & ((UINT64_C(1) << USED_BITS) - 1), then_s = word >> USED_BITS;
	const uint64_t back = now_s > then_s ? (now_s - then_s) * ALLOWANCE_BYTES_PER_S : 0;

	return back < used ? used - back : 0;
}

bool allowance_take(const char *peer, uint64_t now_s, unsigned bytes, unsigned keep)
{
	struct slot *s = slot_of(peer);
	uint64_t word = atomic_load(&s->word), used, then_s;

	do {
		/* another worker may have read a later second */
		then_s = word >> USED_BITS > now_s ? word >> USED_BITS : now_s;
		used = used_at(word, now_s) + bytes;
		if (used + keep > ALLOWANCE_BYTES)
			return false;
	} while (!atomic_compare_exchange_weak(&s->word, &word, then_s << USED_BITS | used));
	return true;
}

void allowance_give(const char *peer, unsigned bytes)
{
	struct slot *s = slot_of(peer);
	uint64_t word = atomic_load(&s->word), used, less;

	do {
		used = word & ((UINT64_C(1) << USED_BITS) - 1);
		less = used < bytes ? used : bytes;
	} while (!atomic_compare_exchange_weak(&s->word, &word, word - less));
}
