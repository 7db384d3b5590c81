/*
 * signing_key.h: the key that signs the heads of the evidence. It opens nothing and is used by
 * nobody else. Made on first use, in a file of its own (0600), its public half beside it.
 */
#ifndef RECORDER_SIGNING_KEY_H
#define RECORDER_SIGNING_KEY_H

#include <stddef.h>
#include <stdint.h>
#include "core/chain.h"

#define SIGNING_KEY_PUBLIC_TEXT (sizeof CHAIN_PUBLIC - 1 + 2 * CHAIN_KEY)

struct signing_key {
	uint8_t *secret; /* CHAIN_SECRET bytes in guarded memory */
	char public_text[SIGNING_KEY_PUBLIC_TEXT + 1];
	int fd; /* holds the lock: one recorder per key and machine */
};

/** signing_key_path(configured, log, out, cap): configured, or log with its ending replaced by
 * ".key". 0 or TG_EINVAL (too long). */
int signing_key_path(const char *configured, const char *log, char *out, size_t cap);
/**
 * signing_key_open(k, path): read it, or make it when there is neither it nor its public half
 * (path.pub), and lock it. Writes path.pub when that is missing. Returns 0, TG_EIO (errno), TG_EKEY
 * (not such a file), TG_ESIGNATURE (path.pub is there, and is not its other half), TG_ECLAIMED
 * (another process holds it) or TG_ENOMEM. signing_key_close() only after 0.
 */
int signing_key_open(struct signing_key *k, const char *path);
void signing_key_close(struct signing_key *k);

#endif
