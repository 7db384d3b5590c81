/* stanza.h: which stanzas an age header has, and which of them are ours. Not installed. */
#ifndef TG_LIB_STANZA_H
#define TG_LIB_STANZA_H

#include <stddef.h>
#include <stdint.h>
#include "core/envelope.h"
#include "lib/crypto.h"

struct tg_stanzas {
	size_t n_x25519;
	size_t n_other; /* of other types, but for grease, which is nobody's */
	/* X25519 stanzas that our identities open, and whose they are: the identity's public half
	 */
	size_t n_ours;
	uint8_t ours[TG_ENVELOPE_STANZAS_MAX][32];
};

struct tg_stanza_search {             /* holds a secret: lives in guarded memory */
	tg_identity *const *identity; /* borrowed */
	size_t n_identities;
	/* Only the first stanza that opens is wanted. Otherwise all of ours are searched for, since
	 * they are compared with the head. */
	int stop_at_first;

	int opened; /* file_key is the file's */
	uint8_t file_key[TG_FILE_KEY];
	struct tg_stanzas found;
};

/**
 * Looks at one stanza of a header: counts it, and tries the identities on it. Its form has been
 * checked by the grammar, whose on_stanza this is.
 *
 * @search    a struct tg_stanza_search
 * @args      type and arguments, args_len characters
 * @body      decoded, body_len bytes
 *
 * Returns 0, also for a stanza that is not ours, TG_EHEADER or TG_EINTERNAL.
 */
int tg_stanza_search(
	void *search, const char *args, size_t args_len, const uint8_t *body, size_t body_len);

#endif
