/*
 * handover.c: two places, which the master writes by turns; it counts the turn after the bytes. A
 * worker that has read while its place was written anew sees that the turn has moved, and reads
 * again. It does not know what the bytes mean. Runs in the master and in workers.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/handover.h"

/* of a reader; the master would have to put faster than a worker copies */
#define TRIES 64

struct place {
	size_t n[HANDOVER_PARTS];
	unsigned char b[HANDOVER_BYTES];
};

struct handover {
	_Atomic uint64_t turn; /* place[turn & 1] is the latest; 0: nothing was put */
	struct place place[2];
};

struct handover *handover_new(void)
{
	void *p = mmap(NULL, sizeof(struct handover), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, sizeof(struct handover), MADV_DONTDUMP);
	return p;
}

void handover_forget(struct handover *h)
{
	if (h != NULL)
		munmap(h, sizeof *h);
}

static size_t bytes_in(const struct place *p)
{
	size_t sum = 0, i;

	for (i = 0; i < HANDOVER_PARTS; i++)
		sum += p->n[i];
	return sum;
}

void handover_free(struct handover *h)
{
	size_t i;

	for (i = 0; h != NULL && i < 2; i++)
		sodium_memzero(h->place[i].b, bytes_in(&h->place[i]));
	handover_forget(h);
}

int handover_put(struct handover *h, const struct handover_bytes part[HANDOVER_PARTS])
{
	uint64_t turn = atomic_load(&h->turn) + 1;
	struct place *p = &h->place[turn & 1];
	size_t i, at = 0, sum = 0;

	for (i = 0; i < HANDOVER_PARTS; i++) {
		if (part[i].n > HANDOVER_BYTES - sum)
			return TG_ETOOBIG;
		sum += part[i].n;
	}
	sodium_memzero(p->b, bytes_in(p));
	for (i = 0; i < HANDOVER_PARTS; i++) {
		memcpy(p->b + at, part[i].b, part[i].n);
		p->n[i] = part[i].n;
		at += part[i].n;
	}
	atomic_store(&h->turn, turn);
	return 0;
}

int handover_take(const struct handover *h, void **copy, struct handover_bytes part[HANDOVER_PARTS])
{
	unsigned char *b = sodium_malloc(HANDOVER_BYTES);
	size_t n[HANDOVER_PARTS], i, at;
	unsigned tries;

	if (b == NULL)
		return TG_ENOMEM;
	for (tries = 0; tries < TRIES; tries++) {
		uint64_t turn = atomic_load(&h->turn);
		const struct place *p = &h->place[turn & 1];
		bool fits = true;

		if (turn == 0)
			break;
		for (i = 0, at = 0; i < HANDOVER_PARTS && fits; i++) {
			n[i] = p->n[i];
			fits = n[i] <= HANDOVER_BYTES - at;
			at += fits ? n[i] : 0;
		}
		if (fits)
			memcpy(b, p->b, at);
		/* Two puts may have come meanwhile: the second one writes where we have read. */
		if (!fits || atomic_load(&h->turn) != turn)
			continue;
		for (i = 0, at = 0; i < HANDOVER_PARTS; at += n[i++])
			part[i] = (struct handover_bytes){b + at, n[i]};
		*copy = b;
		return 0;
	}
	sodium_free(b);
	return TG_ENOENT;
}
