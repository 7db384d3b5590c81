/* chain_note.c: see chain_note.h. Runs in the recorder and in the timeglas command. */
#include <stdio.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/bug.h"
#include "core/chain_note.h"

_Static_assert(CHAIN_ORIGIN_MAX == NOTE_NAME_MAX, "an origin is the name of a key");
_Static_assert(CHAIN_ROOT == TREE_HASH && CHAIN_KEY == NOTE_PUBLIC && CHAIN_SIG == NOTE_SIGNATURE,
	"one hash and one key");

static size_t text_of(const struct chain_check *c, char out[CHECKPOINT_TEXT_MAX])
{
	struct checkpoint k = {.size = c->n - 1};

	memcpy(k.origin, c->origin.p, c->origin.n);
	memcpy(k.root, c->root, sizeof k.root);
	return checkpoint_text(&k, out);
}

void chain_note_sign(struct chain_check *c, const uint8_t secret[CHAIN_SECRET])
{
	char text[CHECKPOINT_TEXT_MAX];
	const size_t n = text_of(c, text);

	memcpy(c->key, secret + CHAIN_SECRET - CHAIN_KEY, CHAIN_KEY);
	crypto_sign_detached(c->note, NULL, (const unsigned char *)text, n, secret);
}

int chain_note_verify(const struct chain_check *c)
{
	char text[CHECKPOINT_TEXT_MAX];
	const size_t n = text_of(c, text);

	return crypto_sign_verify_detached(c->note, (const unsigned char *)text, n, c->key) == 0 ?
		0 :
		TG_ESIGNATURE;
}

size_t chain_note_text(struct sha256 *h, const struct chain_check *c, char out[CHAIN_NOTE_MAX])
{
	char origin[NOTE_NAME_MAX + 1] = "", line[NOTE_LINE_MAX];
	struct note_key key;
	size_t n = text_of(c, out);

	memcpy(origin, c->origin.p, c->origin.n);
	if (note_key_make(h, origin, NOTE_ED25519, c->key, &key) != 0)
		tg_bug("chain", "a log's origin is not the name of a key");
	return n +
		(size_t)snprintf(
			out + n, CHAIN_NOTE_MAX - n, "\n%s", note_line(&key, 0, c->note, line));
}
