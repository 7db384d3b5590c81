/*
 * store_idempotency.c: what stands under the Idempotency-Key of an upload. Runs in workers.
 *
 * A hash in Redis, in the shard that peer and key name together, holds what was asked and which
 * blob that made. Whether the blob lives is asked where the blob lives, in another shard, so the
 * two are changed by calls of their own: an upload reserves the key before its first chunk, and
 * settles it behind its commit. If a server dies between the two, the next request under that key
 * finds out what became of the blob. Claims and acks use such a hash only to refuse a key that was
 * used for something else (store_claim.c).
 *
 * The key itself is not kept, only its hash with the peer's name.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "store/abort.h"
#include "store/cmd.h"
#include "store/desc.h"
#include "store/error.h"
#include "store/hash.h"
#include "store/lines.h"
#include "store/query.h"
#include "store/reservation.h"
#include "store/store_idempotency.h"

/* A reservation of this age without a blob is given to whoever asks: its upload died, or will find
 * the key taken when it settles. */
#define RESERVED_MS 60000

struct lookup {
	char key[HASH_TEXTS_LEN + 1], what[HASH_TEXTS_LEN + 1];
	char mine[TOKEN_LEN + 1];  /* the id that this upload would use */
	char found[TOKEN_LEN + 1]; /* the one that stands under the key */
	int64_t age_ms;            /* of the reservation */
	bool done;                 /* it was settled */
};

static int reserve(
	struct store *s, struct lookup *o, const char *old, store_idempotency_cb *cb, void *user);

/* Beginning ----------------------------------------------------------------
 *
 * reserve() asks for the key. If another upload has it, look() asks what became of its blob. If the
 * blob came to nothing, reserve() asks again, to take the key over.
 */

static void answer(struct query *c, int err, const struct store_blob *said)
{
	QUERY_CB(c, store_idempotency_cb)(c->user, err, said);
}

static void on_look(struct query *c, int err, const redisReply *r)
{
	struct lookup *o = c->state;
	struct lines l = lines_of(r);
	struct store_blob blob;
	bool lost = err == TG_ENOENT && (o->done || o->age_ms > RESERVED_MS);

	if (err == 0)
		err = lines_blob(&l, &blob, NULL);
	if (err == 0 &&
		(blob.state != STORE_GONE || strcmp(blob.cause, STORE_CAUSE_ABORTED) != 0)) {
		answer(c, 0, &blob);
		return;
	}
	if (err == 0 || lost) {
		c->state = NULL;
		err = reserve(c->store, o, o->found, QUERY_CB(c, store_idempotency_cb), c->user);
		if (err == 0)
			return;
	}
	answer(c, err == TG_ENOENT ? TG_EINFLIGHT : err, NULL);
}

/* Owns o from now on, also on failure. */
static int look(struct store *s, struct lookup *o, store_idempotency_cb *cb, void *user)
{
	int shard = token_shard(o->found, strlen(o->found));
	struct query *c = shard < 0 ? NULL : query_new(s, on_look, cb, user);
	struct cmd m;

	if (c == NULL) {
		free(o);
		return shard < 0 ? TG_EINTERNAL : TG_ENOMEM;
	}
	c->state = o;
	c->state_free = free;
	cmd_fcall(&m, "tg2_idempotency_look", (unsigned)shard);
	cmd_text(&m, o->found);
	return query_send(c, &m);
}

static void on_begin(struct query *c, int err, const redisReply *r)
{
	struct lookup *o = c->state;
	struct lines l = lines_of(r);

	if (err != 0) {
		answer(c, err, NULL);
		return;
	}
	lines_text(&l, o->found, sizeof o->found);
	if (strcmp(o->found, o->mine) == 0) {
		answer(c, 0, NULL);
		return;
	}
	o->age_ms = lines_num(&l);
	o->done = lines_num(&l) == 1;
	c->state = NULL;
	err = look(c->store, o, QUERY_CB(c, store_idempotency_cb), c->user);
	if (err != 0)
		answer(c, err, NULL);
}

/* old: the id to replace, or ""; may point into o. Takes over o, which is freed also on failure. */
static int reserve(
	struct store *s, struct lookup *o, const char *old, store_idempotency_cb *cb, void *user)
{
	struct query *c = query_new(s, on_begin, cb, user);

	if (c == NULL) {
		free(o);
		return TG_ENOMEM;
	}
	c->state = o;
	c->state_free = free;
	/* The blob lives for TG_TTL_MAX_S at most; its tombstone's time is added by the function.
	 */
	return reservation_send(c,
		&(struct reservation){o->key, o->what, o->mine, old, (int64_t)TG_TTL_MAX_S * 1000});
}

int store_idempotency_begin(struct store *s, const struct store_desc *d, const char *key,
	char id[TOKEN_LEN + 1], store_idempotency_cb *cb, void *ctx)
{
	struct lookup *o = calloc(1, sizeof *o);
	int err = o != NULL ? desc_id(d, o->mine) : TG_ENOMEM;

	if (err != 0) {
		free(o);
		return err;
	}
	hash_texts(o->key, 2, (const char *const[]){d->uploader, key});
	/* The key is hashed in, or a reader of Redis could find kind and issuer by trying them. */
	hash_texts(o->what, 8,
		(const char *const[]){
			key, "upload", d->kind, d->issuer, d->session, d->to, d->subject, d->name});
	memcpy(id, o->mine, sizeof o->mine);
	return reserve(s, o, "", cb, ctx);
}

/* Ending ------------------------------------------------------------------- */

static int end(struct query *c, struct store *s, const char *fn, const char *uploader,
	const char *key, const char *id)
{
	char hash[HASH_TEXTS_LEN + 1];
	struct cmd m;

	hash_texts(hash, 2, (const char *const[]){uploader, key});
	cmd_fcall(&m, fn, reservation_shard(hash));
	cmd_text(&m, hash);
	cmd_text(&m, id);
	return c != NULL ? query_send(c, &m) : cmd_send(s, &m, error_heard, s);
}

/* Ends the blob, because its uploader is not told of it. The function leaves it alone where the
 * uploader has asked again meanwhile, and knows of it. */
static void disown(struct store *s, const char *id)
{
	abort_until_done(s, id, 0, 0, true);
}

static void settle_duty(struct query *c, int err, const redisReply *r)
{
	(void)r;
	if (err != 0)
		disown(c->store, c->state);
}

static void on_settle(struct query *c, int err, const redisReply *r)
{
	settle_duty(c, err, r);
	QUERY_CB(c, store_idempotency_done_cb)(c->user, err);
}

int store_idempotency_settle(struct store *s, const char *uploader, const char *key, const char *id,
	store_idempotency_done_cb *cb, void *ctx)
{
	struct query *c = query_new(s, on_settle, cb, ctx);
	int rc = TG_ENOMEM;

	if (c != NULL) {
		c->duty = settle_duty;
		c->state = strdup(id);
		c->state_free = free;
		if (c->state != NULL)
			rc = end(c, s, "tg2_idempotency_settle", uploader, key, id);
		else
			query_drop(c);
	}
	if (rc != 0)
		disown(s, id);
	return rc;
}

void store_idempotency_drop(struct store *s, const char *uploader, const char *key, const char *id)
{
	/* where this is lost, the next upload under the key asks what became of this one */
	(void)end(NULL, s, "tg2_idempotency_drop", uploader, key, id);
}
