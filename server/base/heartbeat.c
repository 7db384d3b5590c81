/*
 * heartbeat.c: a counter and a flag for each process. What follows from a missing heartbeat is
 * decided in master/supervise.c and worker/worker.c. Runs in every process.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/heartbeat.h"
#include "core/bug.h"

struct slot {
	_Atomic uint64_t count;
	_Atomic bool serving;
};

struct heartbeat {
	unsigned n;
	struct slot slot[];
};

static struct slot *own; /* NULL: not attached */

static size_t bytes_of(unsigned slots)
{
	return sizeof(struct heartbeat) + (size_t)slots * sizeof(struct slot);
}

struct heartbeat *heartbeat_new(unsigned slots)
{
	struct heartbeat *h = mmap(
		NULL, bytes_of(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (h == MAP_FAILED)
		return NULL;
	h->n = slots;
	return h;
}

void heartbeat_free(struct heartbeat *h)
{
	if (h == NULL)
		return;
	own = NULL;
	munmap(h, bytes_of(h->n));
}

static struct slot *slot_of(struct heartbeat *h, unsigned slot)
{
	if (slot >= h->n)
		tg_bug("heartbeat", "no such slot");
	return &h->slot[slot];
}

void heartbeat_attach(struct heartbeat *h, unsigned slot)
{
	own = h != NULL ? slot_of(h, slot) : NULL;
}

void heartbeat_send(void)
{
	if (own != NULL)
		atomic_fetch_add(&own->count, 1);
}

void heartbeat_set_serving(bool on)
{
	if (own != NULL)
		atomic_store(&own->serving, on);
}

uint64_t heartbeat_count(const struct heartbeat *h, unsigned slot)
{
	return slot < h->n ? atomic_load(&h->slot[slot].count) : 0;
}

bool heartbeat_is_serving(const struct heartbeat *h, unsigned slot)
{
	return slot < h->n && atomic_load(&h->slot[slot].serving);
}

void heartbeat_slot_clear(struct heartbeat *h, unsigned slot)
{
	atomic_store(&slot_of(h, slot)->serving, false);
}
