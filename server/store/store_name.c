/*
 * store_name.c: asks what stands under a name that an uploader chose. Runs in workers.
 */
#include <string.h>
#include <timeglas/errors.h>
#include "store/query.h"
#include "store/desc.h"
#include "store/lines.h"
#include "store/store_name.h"

static void on_named(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_blob blob;
	bool known = err == 0 && lines_more(&l);

	if (known)
		err = lines_blob(&l, &blob, NULL);
	QUERY_CB(c, store_name_cb)(c->user, err, known && err == 0 ? &blob : NULL);
}

int store_name_find(struct store *s, const struct store_desc *d, uint64_t size_bytes,
	store_name_cb *cb, void *ctx)
{
	char id[TOKEN_LEN + 1], hash[DESC_FINGERPRINT_LEN + 1];
	int err = desc_id(d, id);
	struct query *c = err == 0 ? query_new(s, on_named, cb, ctx) : NULL;
	struct cmd m;

	if (c == NULL)
		return err != 0 ? err : TG_ENOMEM;
	desc_fingerprint(hash, d, size_bytes);
	cmd_fcall(&m, "tg2_named", (unsigned)token_shard(id, TOKEN_LEN));
	cmd_text(&m, id);
	cmd_text(&m, d->uploader);
	cmd_text(&m, hash);
	return query_send(c, &m);
}
