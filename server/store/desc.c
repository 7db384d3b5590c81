/*
 * desc.c: what is made of a description: id, shard, texts. Pure, but for the name that desc_id()
 * draws.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "base/text.h"
#include "core/bug.h"
#include "core/hex.h"
#include "store/desc.h"
#include "store/hash.h"

unsigned desc_subject_shard(const char *hash)
{
	uint8_t first = 0;

	if (tg_hex_decode(hash, 2, &first, 1) != 0)
		tg_bug("desc", "a subject's hash is not hexadecimal");
	return first % TOKEN_SHARDS;
}

/* A blob is in the shard of its session; without a session, in its subject's; without both, in the
 * one that its chosen name gives, or in any. -1: the session's id is no id. */
static int shard_of(const struct store_desc *d)
{
	if (d->session[0] != '\0')
		return token_shard(d->session, strlen(d->session));
	if (d->subject[0] != '\0')
		return (int)desc_subject_shard(d->subject);
	return d->name[0] != '\0' ? token_name_shard(d->name, strlen(d->name)) :
				    (int)token_any_shard();
}

int desc_id(const struct store_desc *d, char out[TOKEN_LEN + 1])
{
	int shard = shard_of(d);

	if (shard < 0)
		return TG_ESESSION;
	if (d->name[0] != '\0')
		token_named((unsigned)shard, d->name, out);
	else
		token_make((unsigned)shard, out);
	return 0;
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

void desc_event(const struct store_desc *d, char out[STORE_DESC_MAX])
{
	struct text t = text_in(out, STORE_DESC_MAX);

	text_join(&t, or_dash(d->tag), " ", d->kind, d->danish ? " 1" : " 0");
	if (d->subject[0] != '\0')
		text_join(&t, " ", d->subject);
}

void desc_private(const struct store_desc *d, char out[STORE_DESC_MAX])
{
	struct text t = text_in(out, STORE_DESC_MAX);

	text_join(&t, or_dash(d->issuer), " ", or_dash(d->sha256));
	if (d->chunk_bytes != 0 && d->chunk_bytes != STORE_CHUNK_BYTES) {
		text_add(&t, " ");
		text_num(&t, d->chunk_bytes);
	}
}

/* A fingerprint has three parts, which functions/upload.lua compares one by one: of the request's
 * head, of the content's length, and of its digest. */
#define HEAD_LEN 32
#define PART_LEN 16

static char *add_part(char *at, const char *name, const char *what, const char *value)
{
	char hash[HASH_TEXTS_LEN + 1];

	if (value[0] != '\0')
		memcpy(at, hash_texts(hash, 3, (const char *const[]){name, what, value}), PART_LEN);
	else
		memset(at, '-', PART_LEN); /* not known */
	return at + PART_LEN;
}

void desc_fingerprint(
	char out[DESC_FINGERPRINT_LEN + 1], const struct store_desc *d, uint64_t size_bytes)
{
	char head[HASH_TEXTS_LEN + 1], size[24] = "";
	struct text t = text_in(size, sizeof size);
	char *at = out;

	_Static_assert(
		HASH_TEXTS_LEN == HEAD_LEN && DESC_FINGERPRINT_LEN == HEAD_LEN + 2 * PART_LEN,
		"three parts");
	if (size_bytes != STORE_SIZE_UNKNOWN)
		text_num(&t, (int64_t)size_bytes);
	memcpy(at,
		hash_texts(head, 7,
			(const char *const[]){d->name, "upload", d->kind, d->issuer, d->session,
				d->to, d->subject}),
		HEAD_LEN);
	at = add_part(at + HEAD_LEN, d->name, "length", size);
	at = add_part(at, d->name, "digest", d->sha256);
	*at = '\0';
}
