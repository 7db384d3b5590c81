/*
 * store_claim.c: becoming a blob's one reader for a while, and being done with it. The reading
 * itself is in store_read.c. Runs in workers.
 *
 * A claim's token is the blob's id and a secret of 128 bits; the store keeps the secret's hash.
 * Under an Idempotency-Key the secret is a keyed hash of peer, key and id, and the store keeps the
 * salt that it is keyed with, so that whoever repeats the claim is given the same token by
 * whichever server it asks, although nobody kept it.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "core/hex.h"
#include "store/query.h"
#include "store/hash.h"
#include "store/lines.h"
#include "store/reservation.h"
#include "store/store_claim.h"
#include "store/store_refused.h"

#define SECRET_BYTES 16
#define SALT_BYTES SECRET_BYTES
#define SECRET_CHARS (STORE_CLAIM_LEN - TOKEN_LEN)
/* How long a claim's or an ack's key is kept, beside a tombstone's time: the blob's tombstone
 * begins at the lease's end at the latest. */
#define KEY_KEPT_MS ((int64_t)TG_LEASE_MAX_S * 1000)

struct claiming {
	char id[TOKEN_LEN + 1];
	char peer[CONF_NAME_MAX + 1];
	uint32_t lease_s;
	bool processor;
	char outcome[STORE_OUTCOME_MAX + 1]; /* of an ack */
	char secret_hash[STORE_CLAIM_HASH_LEN + 1];
	char key_hash[HASH_TEXTS_LEN + 1]; /* "" no key */
	char salt[2 * SALT_BYTES + 1];     /* "" no key */
	/* the token's secret: an ack's from the beginning, a claim's from claim_send() on */
	char secret[SECRET_CHARS + 1];
	char *key; /* NULL: no key */
};

static void claiming_free(void *state)
{
	struct claiming *k = state;

	if (k->key != NULL)
		sodium_memzero(k->key, strlen(k->key));
	free(k->key);
	sodium_memzero(k, sizeof *k);
	free(k);
}

/* Tokens ------------------------------------------------------------------- */

int store_claim_shard(const char *text, size_t n)
{
	char as_id[TOKEN_LEN + 1] = "00";

	if (n != STORE_CLAIM_LEN)
		return -1;
	/* the secret has the form of an id without its shard */
	memcpy(as_id + 2, text + TOKEN_LEN, SECRET_CHARS);
	return token_shard(as_id, TOKEN_LEN) < 0 ? -1 : token_shard(text, TOKEN_LEN);
}

static const char *secret_hash(const char *secret, char out[STORE_CLAIM_HASH_LEN + 1])
{
	uint8_t raw[STORE_CLAIM_HASH_LEN / 2];

	crypto_generichash(raw, sizeof raw, (const unsigned char *)secret, SECRET_CHARS, NULL, 0);
	return tg_hex_encode(raw, sizeof raw, out);
}

const char *store_claim_hash(const char *claim, char out[STORE_CLAIM_HASH_LEN + 1])
{
	return secret_hash(claim + TOKEN_LEN, out);
}

static void secret_text(const uint8_t raw[SECRET_BYTES], char out[SECRET_CHARS + 1])
{
	sodium_bin2base64(
		out, SECRET_CHARS + 1, raw, SECRET_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Keyed by the salt, so that neither the key alone nor what Redis holds gives a token away. */
static int secret_derive(struct claiming *k, const char *salt_hex)
{
	const char *const part[] = {k->peer, k->key, k->id};
	uint8_t salt[SALT_BYTES], raw[SECRET_BYTES];
	crypto_generichash_state h;

	if (tg_hex_decode(salt_hex, strlen(salt_hex), salt, sizeof salt) != 0)
		return TG_EINTERNAL;
	crypto_generichash_init(&h, salt, sizeof salt, sizeof raw);
	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
		crypto_generichash_update(&h, (const unsigned char *)part[i], strlen(part[i]) + 1);
	crypto_generichash_final(&h, raw, sizeof raw);
	secret_text(raw, k->secret);
	sodium_memzero(raw, sizeof raw);
	return 0;
}

static int secret_make(struct claiming *k)
{
	uint8_t raw[SECRET_BYTES];

	randombytes_buf(raw, sizeof raw);
	if (k->key == NULL) {
		secret_text(raw, k->secret);
		sodium_memzero(raw, sizeof raw);
		return 0;
	}
	tg_hex_encode(raw, SALT_BYTES, k->salt);
	return secret_derive(k, k->salt);
}

/* Calls --------------------------------------------------------------------
 *
 * A claim or an ack is one call. Under an Idempotency-Key another one goes before it, which refuses
 * a key that was used for something else.
 */

static struct claiming *claiming_new(const char *id, const char *peer, const char *key)
{
	struct claiming *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	memcpy(k->id, id, TOKEN_LEN);
	strncpy(k->peer, peer, sizeof k->peer - 1);
	if (key == NULL)
		return k;
	k->key = strdup(key);
	if (k->key == NULL) {
		claiming_free(k);
		return NULL;
	}
	hash_texts(k->key_hash, 2, (const char *const[]){peer, key});
	return k;
}

/* Owns k from now on, also on failure. */
static struct query *claiming_call(
	struct store *s, struct claiming *k, query_done *done, void (*cb)(void), void *user)
{
	struct query *c = query_new(s, done, cb, user);

	if (c == NULL) {
		claiming_free(k);
		return NULL;
	}
	c->state = k;
	c->state_free = claiming_free;
	return c;
}

static int key_send(struct query *c, const char *verb)
{
	struct claiming *k = c->state;
	char what[HASH_TEXTS_LEN + 1];

	hash_texts(what, 4, (const char *const[]){verb, k->id, k->secret, k->outcome});
	return reservation_send(
		c, &(struct reservation){k->key_hash, what, k->id, "", KEY_KEPT_MS});
}

/* Claiming ----------------------------------------------------------------- */

/* Reads the answer: blob, lease deadline, salt, repeated; of TG_ECLAIMED the blob, and the lease
 * deadline where the claim is the caller's own. */
static void claim_done(struct query *c, int err, const redisReply *r)
{
	struct claiming *k = c->state;
	struct lines l = lines_of(r), why = l;
	struct store_claim claim = {0};
	struct store_blob blob;
	char salt[2 * SALT_BYTES + 1];
	bool have = lines_blob(&l, &blob, NULL) == 0;

	claim.lease_deadline_ms = lines_num(&l);
	lines_text(&l, salt, sizeof salt);
	claim.repeated = lines_num(&l) == 1;
	if (err == 0 && !have)
		err = TG_EINTERNAL;
	if (err == TG_ECLAIMED)
		blob.own_lease_ms = claim.lease_deadline_ms;
	blob.refused = store_refused_why(err, &blob, &why, false);
	if (err == 0 && claim.repeated)
		err = secret_derive(k, salt);
	if (err == 0) {
		memcpy(claim.token, k->id, TOKEN_LEN);
		memcpy(claim.token + TOKEN_LEN, k->secret, SECRET_CHARS);
	}
	QUERY_CB(c, store_claim_cb)
	(c->user, err, err == 0 ? &claim : NULL,
		have || blob.refused != REFUSED_NONE ? &blob : NULL);
	sodium_memzero(&claim, sizeof claim);
}

static int claim_send(struct store *s, struct claiming *k, store_claim_cb *cb, void *user)
{
	struct query *c = claiming_call(s, k, claim_done, (void (*)(void))cb, user);
	struct cmd m;
	int rc;

	if (c == NULL)
		return TG_ENOMEM;
	rc = secret_make(k);
	if (rc != 0) {
		query_drop(c);
		return rc;
	}
	cmd_fcall(&m, "tg2_claim", (unsigned)token_shard(k->id, TOKEN_LEN));
	cmd_text(&m, k->id);
	cmd_text(&m, k->peer);
	cmd_num(&m, (int64_t)k->lease_s * 1000);
	cmd_text(&m, secret_hash(k->secret, k->secret_hash));
	cmd_text(&m, k->salt);
	cmd_text(&m, k->key_hash);
	cmd_text(&m, k->processor ? "1" : "0");
	return query_send(c, &m);
}

static void claim_key_done(struct query *c, int err, const redisReply *r)
{
	struct claiming *k = c->state;

	(void)r;
	if (err == 0) {
		c->state = NULL;
		err = claim_send(c->store, k, QUERY_CB(c, store_claim_cb), c->user);
	}
	if (err != 0)
		QUERY_CB(c, store_claim_cb)(c->user, err, NULL, NULL);
}

int store_claim_begin(
	struct store *s, const struct store_claim_opts *o, store_claim_cb *cb, void *ctx)
{
	struct claiming *k;
	struct query *c;

	if (token_shard(o->id, strlen(o->id)) < 0)
		return TG_ENOENT;
	k = claiming_new(o->id, o->peer, o->key);
	if (k == NULL)
		return TG_ENOMEM;
	k->lease_s = o->lease_s;
	k->processor = o->processor;
	if (k->key == NULL)
		return claim_send(s, k, cb, ctx);
	c = claiming_call(s, k, claim_key_done, (void (*)(void))cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	return key_send(c, "claim");
}

/* Being done --------------------------------------------------------------- */

static void ack_duty(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r);
	struct store_blob blob;

	(void)c;
	if (err == 0 && lines_blob(&l, &blob, NULL) == 0 && lines_num(&l) == 0)
		metrics_count(M_TAKEN, 1);
}

static void ack_done(struct query *c, int err, const redisReply *r)
{
	struct lines l = lines_of(r), why = l;
	struct store_blob blob;
	bool have = lines_blob(&l, &blob, NULL) == 0;

	if (err == 0 && !have)
		err = TG_EINTERNAL;
	/* An ack that comes again, or too late, reads nothing. */
	blob.refused = err == TG_ENOENT ? store_refused_why(err, &blob, &why, true) : REFUSED_NONE;
	ack_duty(c, err, r);
	QUERY_CB(c, store_blob_cb)
	(c->user, err, have || blob.refused != REFUSED_NONE ? &blob : NULL);
}

static int ack_send(struct store *s, struct claiming *k, store_blob_cb *cb, void *user)
{
	struct query *c = claiming_call(s, k, ack_done, (void (*)(void))cb, user);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	c->duty = ack_duty;
	cmd_fcall(&m, "tg2_ack", (unsigned)token_shard(k->id, TOKEN_LEN));
	cmd_text(&m, k->id);
	cmd_text(&m, k->peer);
	cmd_text(&m, k->secret_hash);
	cmd_text(&m, k->outcome);
	cmd_text(&m, k->key_hash);
	return query_send(c, &m);
}

static void ack_key_done(struct query *c, int err, const redisReply *r)
{
	struct claiming *k = c->state;

	(void)r;
	if (err == 0) {
		c->state = NULL;
		err = ack_send(c->store, k, QUERY_CB(c, store_blob_cb), c->user);
	}
	if (err != 0)
		QUERY_CB(c, store_blob_cb)(c->user, err, NULL);
}

int store_claim_ack(struct store *s, const char *claim, const char *peer, const char *outcome,
	const char *key, store_blob_cb *cb, void *ctx)
{
	struct claiming *k;
	struct query *c;

	if (store_claim_shard(claim, strlen(claim)) < 0)
		return TG_ENOENT;
	k = claiming_new(claim, peer, key);
	if (k == NULL)
		return TG_ENOMEM;
	strncpy(k->outcome, outcome, sizeof k->outcome - 1);
	store_claim_hash(claim, k->secret_hash);
	memcpy(k->secret, claim + TOKEN_LEN, SECRET_CHARS);
	if (k->key == NULL)
		return ack_send(s, k, cb, ctx);
	c = claiming_call(s, k, ack_key_done, (void (*)(void))cb, ctx);
	if (c == NULL)
		return TG_ENOMEM;
	return key_send(c, "ack");
}
