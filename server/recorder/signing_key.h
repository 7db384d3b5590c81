/*
 * signing_key.h: the key that signs the heads of the evidence (audit_key). It decrypts nothing, and
 * the recorder alone uses it. It is made when it is first needed, in a file that its owner alone
 * can read; its public half stands in a file beside that. docs/evidence.md.
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
	int fd; /* holds the lock: one recorder for each key and machine */
};

/** Names the key's file: the configured one (NULL: none), or log with its ending replaced by
 * ".key". Returns 0, or TG_EINVAL when that is longer than cap. */
int signing_key_path(const char *configured, const char *log, char *out, size_t cap);
/**
 * Reads the key and locks its file. Makes both halves when there is neither the file nor its public
 * half, path.pub; writes path.pub when that alone is missing.
 *
 * Returns 0, and the key is the caller's until signing_key_close(); otherwise there is nothing to
 * close: TG_EIO (errno), TG_EKEY (the file holds no such key), TG_ESIGNATURE (path.pub is there and
 * is not its other half), TG_ECLAIMED (another process has locked it), TG_ENOMEM.
 */
int signing_key_open(struct signing_key *k, const char *path);
/** Wipes the secret and unlocks the file. */
void signing_key_close(struct signing_key *k);

#endif
