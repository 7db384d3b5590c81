/*
 * akey.h: the key that signs the heads of the evidence. It opens nothing and is used by nobody
 * else. Made on first use, in a file of its own (0600), its public half beside it.
 */
#ifndef RECORDER_AKEY_H
#define RECORDER_AKEY_H

#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"

#define AKEY_PUBLIC_TEXT (sizeof CHAIN_PUBLIC - 1 + 2 * CHAIN_KEY)

struct akey {
	uint8_t *secret; /* CHAIN_SECRET bytes in guarded memory */
	char public_text[AKEY_PUBLIC_TEXT + 1];
	int fd; /* holds the lock: one recorder per key and machine */
};

/** akey_path(configured, log, out, cap): configured, or log with its ending replaced by ".key". 0
 * or TG_EINVAL (too long). */
int akey_path(const char *configured, const char *log, char *out, size_t cap);
/**
 * akey_open(k, path): read it, or make it when there is neither it nor its public half (path.pub),
 * and lock it. Writes path.pub when that is missing. Returns 0, TG_EIO (errno), TG_EKEY (not such a
 * file), TG_ESIGNATURE (path.pub is there, and is not its other half), TG_ECLAIMED (another process
 * holds it) or TG_ENOMEM. akey_close() only after 0.
 */
int akey_open(struct akey *k, const char *path);
void akey_close(struct akey *k);

#endif
