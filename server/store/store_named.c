/*
 * store_named.c: names that uploaders choose: what is kept of a description, and what stands under
 * a name already. Runs in workers.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "store/store_int.h"

/* functions/upload.lua has the same: of the request's head, the content's length, and its digest */
#define HEAD_LEN 32
#define PART_LEN 16

static char *add_part(char *at, const char *name, const char *what, const char *value)
{
	char hash[ONCE_HASH_LEN + 1];

	if (value[0] != '\0')
		memcpy(at, once_hash(hash, 3, (const char *const[]){name, what, value}), PART_LEN);
	else
		memset(at, '-', PART_LEN); /* not known */
	return at + PART_LEN;
}

void desc_hash(char out[DESC_HASH_LEN + 1], const struct store_desc *d, uint64_t size_bytes)
{
	char head[ONCE_HASH_LEN + 1], size[24] = "";
	struct text t = text_in(size, sizeof size);
	char *at = out;

	_Static_assert(ONCE_HASH_LEN == HEAD_LEN && DESC_HASH_LEN == HEAD_LEN + 2 * PART_LEN,
		"three parts");
	if (size_bytes != STORE_SIZE_UNKNOWN)
		text_num(&t, (int64_t)size_bytes);
	memcpy(at,
		once_hash(head, 7,
			(const char *const[]){d->name, "upload", d->kind, d->issuer, d->session,
				d->to, d->subject}),
		HEAD_LEN);
	at = add_part(at + HEAD_LEN, d->name, "length", size);
	at = add_part(at, d->name, "digest", d->sha256);
	*at = '\0';
}

static void on_named(struct call *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_blob blob;
	bool known = err == 0 && lines_more(&l);

	if (known)
		err = lines_blob(&l, &blob, NULL);
	c->cb.named(c->user, err, known && err == 0 ? &blob : NULL);
}

int store_named(struct store *s, const struct store_desc *d, uint64_t size_bytes,
	store_named_cb *cb, void *ctx)
{
	char id[TOKEN_LEN + 1], hash[DESC_HASH_LEN + 1];
	int err = store_upload_id(d, id);
	struct call *c = err == 0 ? call_new(s, ctx, on_named) : NULL;
	struct cmd m;

	if (c == NULL)
		return err != 0 ? err : TG_ENOMEM;
	c->cb.named = cb;
	desc_hash(hash, d, size_bytes);
	cmd_fcall(&m, "tg1_named", (unsigned)token_shard(id, TOKEN_LEN));
	cmd_text(&m, id);
	cmd_text(&m, d->uploader);
	cmd_text(&m, hash);
	return call_send(c, &m);
}
