/*
 * http_claims.c: claim, read and ack of timeglas.h: a blob's one reader, who may break off and go
 * on. All three try again by themselves while the lease lasts: claim and ack under an
 * Idempotency-Key of their own, the read from the byte at which it broke. docs/openapi.yaml.
 */
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/num.h"
#include "lib/abi.h"
#include "lib/again.h"
#include "lib/http.h"

#define KEY_BYTES 16
#define KEY_FIELD "Idempotency-Key: "

/* One call with a JSON object of one member (NULL: none), again under the same key until it is
 * answered. */
static int keyed_call(
	struct tg_client *c, const char *path, int created, json_t *content, struct again *a)
{
	struct http_call call = {.method = "POST",
		.path = path,
		.created = created,
		.repeatable = 1,
		.until_ms = http_until(c, HTTP_CALL_MS)};
	char field[sizeof KEY_FIELD + 2 * KEY_BYTES] = KEY_FIELD;
	uint8_t raw[KEY_BYTES];
	char *body = content != NULL ? json_dumps(content, JSON_COMPACT) : NULL;
	int err = http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	randombytes_buf(raw, sizeof raw);
	tg_hex_encode(raw, sizeof raw, field + strlen(KEY_FIELD));
	call.fields = curl_slist_append(NULL, field);
	if (call.fields == NULL || (content != NULL && body == NULL))
		goto out;
	call.body = body;
	a->deadline_ms = call.until_ms;
	do
		err = http_perform(c, &call);
	while (err != 0 && again(c, a, err));
out:
	curl_slist_free_all(call.fields);
	free(body);
	json_decref(content);
	return err;
}

static int bad_struct(struct tg_client *c)
{
	return http_fail(c, TG_EINVAL, "a struct of the call has no struct_size");
}

int tg_client_claim(tg_client *c, const char *id, uint32_t lease_s, tg_claim *out)
{
	int64_t began_ms = http_mono_ms();
	struct again a = {.must_begin = true};
	char path[HTTP_PATH_CHARS];
	tg_claim k = {0};
	int err;

	if (out == NULL || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	err = http_path(c, "/v1/blobs/", id, "/claim", path);
	if (err == 0)
		err = keyed_call(c, path, 1,
			lease_s != 0 ? json_pack("{s:I}", "lease_s", (json_int_t)lease_s) : NULL,
			&a);
	if (err == 0)
		err = http_read_claim(c, &k);
	if (err == 0 && strncmp(k.claim, id, strlen(id)) != 0) /* a token is the id and a secret */
		err = http_fail(
			c, TG_EPROTO, "the server's claim is on another blob than was asked for");
	if (err == 0)
		http_copy_text(k.blob, sizeof k.blob, id);
	/* A claim that was answered late began earlier than this, but at the first try at the
	 * earliest; the server's word ends it in any case. */
	k.ends_mono_ms = began_ms + (a.until_ms != 0 ? AGAIN_MS : 0) +
		(int64_t)(lease_s != 0 ? lease_s : TG_LEASE_S) * 1000;
	TG_ABI_OUT(out, k);
	sodium_memzero(&k, sizeof k);
	return err;
}

static int read_claim(struct tg_client *c, const tg_claim *k, const char *path, tg_write_fn *write,
	void *ctx, tg_blob *out)
{
	struct http_call call = {
		.method = "GET", .path = path, .write = write, .write_ctx = ctx, .size = k->size};
	struct again a = {.until_ms = k->ends_mono_ms};
	uint64_t have = 0;
	int err;

	call.until_ms = c->timeout_ms > 0 && http_until(c, 0) < k->ends_mono_ms ? http_until(c, 0) :
										  k->ends_mono_ms;
	a.deadline_ms = call.until_ms;
	do {
		call.from = have;
		err = http_perform(c, &call);
		have += call.received;
		if (call.received > 0)
			again_moved(&a);
		if (have > k->size)
			return http_fail(c, TG_EPROTO,
				"the server sent more than the %" PRIu64
				" bytes that it had announced",
				k->size);
	} while (!(have == k->size && err == TG_ENET) && err != 0 && again(c, &a, err));
	if (err != 0 && !(err == TG_ENET && have == k->size))
		return err;
	if (have != k->size)
		return http_fail(c, TG_EPROTO,
			"the server sent %" PRIu64 " of the %" PRIu64
			" bytes that it had announced",
			have, k->size);
	out->size = have;
	memcpy(out->sha256, k->sha256, sizeof out->sha256);
	memcpy(out->blob, k->blob, sizeof out->blob);
	return http_read_fields(c, out);
}

int tg_client_read(tg_client *c, const tg_claim *claim, tg_write_fn *write, void *ctx, tg_blob *out)
{
	char path[HTTP_PATH_CHARS];
	tg_blob blob = {0};
	tg_claim k;
	int err;

	if (TG_ABI_IN(k, claim) != 0 || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	err = http_path(c, "/v1/claims/", k.claim, "", path);
	if (err == 0)
		err = read_claim(c, &k, path, write, ctx, &blob);
	TG_ABI_OUT(out, blob);
	sodium_memzero(&k, sizeof k);
	return err;
}

int tg_client_ack(tg_client *c, const tg_claim *claim, const char *outcome, tg_receipt *out)
{
	char path[HTTP_PATH_CHARS];
	tg_receipt receipt = {0};
	struct again a = {0};
	tg_claim k;
	int err;

	if (TG_ABI_IN(k, claim) != 0 || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	a.until_ms = k.ends_mono_ms;
	err = http_path(c, "/v1/claims/", k.claim, "/ack", path);
	if (err == 0)
		err = keyed_call(c, path, 0, json_pack("{s:s}", "outcome", outcome), &a);
	if (err == 0)
		err = http_receipt_of(c, k.blob, outcome, &receipt);
	TG_ABI_OUT(out, receipt);
	sodium_memzero(&k, sizeof k);
	return err;
}
