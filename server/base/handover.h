/*
 * handover.h: how a reload reaches workers that run. The master reads and checks every file, and
 * leaves what came of it here; workers take it from memory and open no file, so all of them get the
 * same, and what was right when it was checked is right when it is used. Memory that the master
 * maps before it forks; it holds the private key of TLS, so processes that need it not unmap it.
 */
#ifndef BASE_HANDOVER_H
#define BASE_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

enum handover_part {
	HANDOVER_CONF,
	HANDOVER_CERTIFICATE,
	HANDOVER_KEY,
	HANDOVER_CLIENT_CA,
	HANDOVER_PARTS
};

#define HANDOVER_BYTES ((size_t)2 << 20) /* of all parts together */

struct handover_bytes {
	const void *b;
	size_t n;
};

struct handover;

/** handover_new(): map it. NULL without memory. */
struct handover *handover_new(void);
/** handover_free(h): what it holds is overwritten first. handover_forget(h): this process unmaps
 * it, others keep it. */
void handover_free(struct handover *h);
void handover_forget(struct handover *h);
/** handover_put(h, part): replaces what was there, for the master. 0, or TG_ETOOBIG: more than
 * HANDOVER_BYTES, and nothing has changed. */
int handover_put(struct handover *h, const struct handover_bytes part[HANDOVER_PARTS]);
/**
 * handover_take(h, copy, part): the latest, as a copy of this process's own; free it with
 * sodium_free(copy), which overwrites it. part points into it. Returns 0, TG_ENOENT (nothing was
 * put) or TG_ENOMEM.
 */
int handover_take(
	const struct handover *h, void **copy, struct handover_bytes part[HANDOVER_PARTS]);

#endif
