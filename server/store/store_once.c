/*
 * store_once.c: what stands under an Idempotency-Key. A record, in the shard that peer and key name
 * together, holds what was asked (a hash) and which blob that made; whether the blob lives is asked
 * where it lives, so the two need not change in one call: an upload reserves the key before its
 * first chunk and settles it behind its commit, and who dies in between is found out by the next
 * one who asks. Claims and acks use the record only to refuse a key that was used for something
 * else; what they said before stands with the blob. Runs in workers.
 *
 * No key is kept, only its hash with the peer's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/hex.h"
#include "store/store_int.h"

/* An upload that reserved a key and has no chunk there after so long died, or will find the key
 * taken when it settles. */
#define RESERVED_MS 60000

struct once {
	char key[ONCE_HASH_LEN + 1], what[ONCE_HASH_LEN + 1];
	char mine[TOKEN_LEN + 1];  /* the id that we would use */
	char found[TOKEN_LEN + 1]; /* the one that stands there */
	int64_t age_ms;
	bool done; /* it was settled */
};

static int once_begin(
	struct store *s, struct once *o, const char *old, store_once_cb *cb, void *user);

const char *once_hash(char out[ONCE_HASH_LEN + 1], size_t n, const char *const text[])
{
	crypto_generichash_state h;
	uint8_t raw[ONCE_HASH_LEN / 2];

	crypto_generichash_init(&h, NULL, 0, sizeof raw);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&h, (const unsigned char *)text[i], strlen(text[i]) + 1);
	crypto_generichash_final(&h, raw, sizeof raw);
	return tg_hex_encode(raw, sizeof raw, out);
}

static unsigned once_shard(const char *key)
{
	uint8_t first = 0;

	(void)tg_hex_decode(key, 2, &first, 1);
	return first % TOKEN_SHARDS;
}

int once_send(struct call *c, const struct once_args *a)
{
	struct cmd m;

	cmd_fcall(&m, "tg1_once_begin", once_shard(a->key));
	cmd_text(&m, a->key);
	cmd_text(&m, a->what);
	cmd_text(&m, a->id);
	cmd_text(&m, a->old);
	cmd_num(&m, a->keep_ms);
	return call_send(c, &m);
}

/* Beginning: ask for the key; if somebody has it, see what became of the blob; if nothing, take the
 * key over ---- */

static void answer(struct call *c, int err, const struct store_blob *said)
{
	c->cb.once(c->user, err, said);
}

static void on_look(struct call *c, int err, const redisReply *r)
{
	struct once *o = c->state;
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
		err = once_begin(c->store, o, o->found, c->cb.once, c->user);
		if (err == 0)
			return;
	}
	answer(c, err == TG_ENOENT ? TG_EINFLIGHT : err, NULL);
}

/* Owns o from now on, also on failure. */
static int once_look(struct store *s, struct once *o, store_once_cb *cb, void *user)
{
	int shard = token_shard(o->found, strlen(o->found));
	struct call *c = shard < 0 ? NULL : call_new(s, user, on_look);
	struct cmd m;

	if (c == NULL) {
		free(o);
		return shard < 0 ? TG_EINTERNAL : TG_ENOMEM;
	}
	c->cb.once = cb;
	c->state = o;
	c->state_free = free;
	cmd_fcall(&m, "tg1_once_look", (unsigned)shard);
	cmd_text(&m, o->found);
	return call_send(c, &m);
}

static void on_begin(struct call *c, int err, const redisReply *r)
{
	struct once *o = c->state;
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
	err = once_look(c->store, o, c->cb.once, c->user);
	if (err != 0)
		answer(c, err, NULL);
}

/* old: the id to replace, or ""; may lie in o. Owns o from now on, also on failure. */
static int once_begin(
	struct store *s, struct once *o, const char *old, store_once_cb *cb, void *user)
{
	struct call *c = call_new(s, user, on_begin);

	if (c == NULL) {
		free(o);
		return TG_ENOMEM;
	}
	c->cb.once = cb;
	c->state = o;
	c->state_free = free;
	/* A day at most until the blob's end, and then as long as its tombstone. */
	return once_send(c,
		&(struct once_args){o->key, o->what, o->mine, old, (int64_t)TG_TTL_MAX_S * 1000});
}

int store_once_begin(struct store *s, const struct store_desc *d, const char *key,
	char id[TOKEN_LEN + 1], store_once_cb *cb, void *ctx)
{
	struct once *o = calloc(1, sizeof *o);
	int err = o != NULL ? store_upload_id(d, o->mine) : TG_ENOMEM;

	if (err != 0) {
		free(o);
		return err;
	}
	once_hash(o->key, 2, (const char *const[]){d->uploader, key});
	/* With the key in it: from a hash of so little as kind and issuer alone a reader of Redis
	 * could guess them. */
	once_hash(o->what, 8,
		(const char *const[]){
			key, "upload", d->kind, d->issuer, d->session, d->to, d->subject, d->name});
	memcpy(id, o->mine, sizeof o->mine);
	return once_begin(s, o, "", cb, ctx);
}

/* Ending ------------------------------------------------------------------- */

static int once_end(struct call *c, struct store *s, const char *fn, const char *uploader,
	const char *key, const char *id)
{
	char hash[ONCE_HASH_LEN + 1];
	struct cmd m;

	once_hash(hash, 2, (const char *const[]){uploader, key});
	cmd_fcall(&m, fn, once_shard(hash));
	cmd_text(&m, hash);
	cmd_text(&m, id);
	return c != NULL ? call_send(c, &m) : cmd_send(s, &m, store_hear, s);
}

/* Its uploader is not going to be told of it, so it must not live; if it has asked again and knows,
 * it stays. */
static void disown(struct store *s, const char *id)
{
	store_abort(s, id, 0, 0, true);
}

static void settle_duty(struct call *c, int err, const redisReply *r)
{
	(void)r;
	if (err != 0)
		disown(c->store, c->state);
}

static void on_settle(struct call *c, int err, const redisReply *r)
{
	settle_duty(c, err, r);
	c->cb.once_done(c->user, err);
}

int store_once_settle(struct store *s, const char *uploader, const char *key, const char *id,
	store_once_done_cb *cb, void *ctx)
{
	struct call *c = call_new(s, ctx, on_settle);
	int rc = TG_ENOMEM;

	if (c != NULL) {
		c->cb.once_done = cb;
		c->duty = settle_duty;
		c->state = strdup(id);
		c->state_free = free;
		if (c->state != NULL)
			rc = once_end(c, s, "tg1_once_settle", uploader, key, id);
		else
			call_drop(c);
	}
	if (rc != 0)
		disown(s, id);
	return rc;
}

void store_once_drop(struct store *s, const char *uploader, const char *key, const char *id)
{
	/* without a store: the next who asks finds out */
	(void)once_end(NULL, s, "tg1_once_drop", uploader, key, id);
}
