/*
 * stanza.c: finds the stanzas of an age header that the caller's identities open, and the file key
 * in the first of them. It knows nothing of the payload. Runs in the library.
 *
 * age.md, "The X25519 recipient type".
 */
#include <string.h>
#include "core/b64.h"
#include "lib/secmem.h"
#include "lib/stanza.h"

#define X25519_WORD "X25519 "
#define GREASE "-grease"

static int try_identities(
	struct tg_stanza_search *s, const uint8_t share[32], const uint8_t body[TG_WRAPPED_KEY])
{
	uint8_t other[TG_FILE_KEY] = {0};
	int err = 0;

	for (size_t i = 0; i < s->n_identities && !err; i++) {
		err = tg_x25519_unwrap(
			s->identity[i], share, body, s->opened ? other : s->file_key);
		if (err == 0) {
			s->opened = 1;
			memcpy(s->found.ours[s->found.n_ours++], s->identity[i]->pk,
				sizeof s->identity[i]->pk);
			break;
		}
		if (err == TG_ENOMATCH)
			err = 0;
	}
	tg_wipe(other, sizeof other);
	return err;
}

static int is_grease(const char *args, size_t args_len)
{
	const char *blank = memchr(args, ' ', args_len);
	size_t type = blank ? (size_t)(blank - args) : args_len;

	return type >= strlen(GREASE) &&
		memcmp(args + type - strlen(GREASE), GREASE, strlen(GREASE)) == 0;
}

int tg_stanza_search(
	void *search, const char *args, size_t args_len, const uint8_t *body, size_t body_len)
{
	struct tg_stanza_search *s = search;
	size_t type = strlen(X25519_WORD);
	uint8_t share[32];

	if (args_len <= type || memcmp(args, X25519_WORD, type) != 0 ||
		body_len != TG_WRAPPED_KEY) {
		s->found.n_other += !is_grease(args, args_len);
		return 0;
	}
	s->found.n_x25519++;
	if (s->opened && s->stop_at_first)
		return 0;
	if (tg_b64_decode(TG_B64_NOPAD, args + type, args_len - type, share, sizeof share) !=
		(long)sizeof share)
		return TG_EHEADER;
	return try_identities(s, share, body);
}
