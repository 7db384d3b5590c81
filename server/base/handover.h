/*
 * handover.h: how a reload reaches workers that run. The master reads and checks every file and
 * puts the bytes here; workers take them from memory and open no file. So all workers get the same
 * bytes, and those that were checked. The memory is mapped by the master before it forks. It holds
 * the private key of TLS: processes that do not need it unmap it.
 */
#ifndef BASE_HANDOVER_H
#define BASE_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

enum handover_part {
	HANDOVER_CONF, /* struct conf, for conf_copy() */
	HANDOVER_CERTIFICATE,
	HANDOVER_KEY,
	HANDOVER_CLIENT_CA, /* the last three as they stand in their files */
	HANDOVER_PARTS
};

#define HANDOVER_BYTES ((size_t)2 << 20) /* of all parts together */

struct handover_bytes {
	const void *b;
	size_t n;
};

struct handover;

/** Maps an empty one. NULL without memory. */
struct handover *handover_new(void);
/** Overwrites what it holds, for all processes, and unmaps it. NULL is harmless. */
void handover_free(struct handover *h);
/** Unmaps it in this process; others keep it. NULL is harmless. */
void handover_forget(struct handover *h);
/** Replaces what is there by copies of the parts; for the master alone. Returns 0; or TG_ETOOBIG:
 * the parts are larger than HANDOVER_BYTES together, and nothing has changed. */
int handover_put(struct handover *h, const struct handover_bytes part[HANDOVER_PARTS]);
/**
 * Copies what was put last.
 *
 * @copy  receives guarded memory, to be freed by sodium_free(), which overwrites it
 * @part  receives where the parts stand in *copy
 *
 * Returns 0, TG_ENOENT (nothing was put) or TG_ENOMEM. On failure nothing is to be freed.
 */
int handover_take(
	const struct handover *h, void **copy, struct handover_bytes part[HANDOVER_PARTS]);

#endif
