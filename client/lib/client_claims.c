/*
 * client_claims.c: the calls of a blob's one reader: claim, read, ack. Each tries again by itself
 * while the lease lasts: claim and ack under an Idempotency-Key of their own, the read from the
 * byte at which it broke off. Runs in the library. docs/openapi.yaml.
 */
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "core/hex.h"
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/clock.h"
#include "lib/retry.h"
#include "lib/untrusted.h"

#define KEY_BYTES 16
#define KEY_FIELD "Idempotency-Key: "

/* Sends a call under a new Idempotency-Key until it is answered.
 * body: JSON, or NULL for none. */
static int keyed_call(
	struct tg_client *c, const char *path, enum http_want want, char *body, struct retry *retry)
{
	struct http_call call = {.method = "POST",
		.path = path,
		.head.want = want,
		.body = body,
		.until_mono_ms = client_deadline_mono_ms(c, CLIENT_CALL_MS)};
	char field[sizeof KEY_FIELD + 2 * KEY_BYTES] = KEY_FIELD;
	uint8_t raw[KEY_BYTES];
	int err;

	randombytes_buf(raw, sizeof raw);
	tg_hex_encode(raw, sizeof raw, field + strlen(KEY_FIELD));
	call.fields = curl_slist_append(NULL, field);
	if (call.fields == NULL)
		return client_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	retry->call_ends_mono_ms = call.until_mono_ms;
	do
		err = client_perform(c, &call);
	while (err != 0 && retry_wait(c, retry, err));
	curl_slist_free_all(call.fields);
	return err;
}

/* Dumps and frees o; NULL without memory. */
static char *take_text(json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

static int bad_struct(struct tg_client *c)
{
	return client_fail(c, TG_EINVAL, "a struct of the call has no struct_size");
}

static int claim(struct tg_client *c, const char *id, uint32_t lease_s, tg_claim *k)
{
	int64_t began_mono_ms = clock_mono_ms();
	struct retry retry = {.only_if_sent = true};
	char path[CLIENT_PATH_CHARS];
	char *body = NULL;
	int err = client_path(c, "/v1/blobs/", id, "/claim", path);

	if (err != 0)
		return err;
	if (lease_s > TG_LEASE_MAX_S)
		return client_fail(c, TG_EINVAL,
			"a lease is %d seconds at most, and %u were asked for", TG_LEASE_MAX_S,
			(unsigned)lease_s);
	if (lease_s != 0) {
		body = take_text(json_pack("{s:I}", "lease_s", (json_int_t)lease_s));
		if (body == NULL)
			return client_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	}
	err = keyed_call(c, path, HTTP_WANT_CREATED_OR_EARLIER, body, &retry);
	free(body);
	if (err == 0)
		err = answer_read_claim(&c->http, k);
	if (err == 0 && strncmp(k->claim, id, strlen(id)) != 0) /* a token is the id and a secret */
		err = client_fail(
			c, TG_EPROTO, "the server's claim is on another blob than was asked for");
	if (err == 0)
		untrusted_copy(k->blob, sizeof k->blob, id);
	/* Any of the tries may have begun the lease, so count from the last possible one. The
	 * server ends the lease in any case. */
	k->ends_mono_ms = began_mono_ms + (retry.until_mono_ms != 0 ? RETRY_MS : 0) +
		(int64_t)(lease_s != 0 ? lease_s : TG_LEASE_S) * 1000;
	return err;
}

int tg_client_claim(tg_client *c, const char *id, uint32_t lease_s, tg_claim *out)
{
	tg_claim k = {0};
	int err;

	if (out == NULL || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	err = claim(c, id, lease_s, &k);
	TG_ABI_OUT(out, k);
	sodium_memzero(&k, sizeof k);
	return err;
}

/* Reads from the byte at which the last try broke off, until all of it is here. *have: how much
 * is. */
static int read_parts(
	struct tg_client *c, const tg_claim *k, struct http_call *call, uint64_t *have)
{
	struct retry retry = {
		.until_mono_ms = k->ends_mono_ms, .call_ends_mono_ms = call->until_mono_ms};
	int err;

	*have = 0;
	do {
		call->head.from_bytes = *have;
		err = client_perform(c, call);
		*have += call->received_bytes;
		if (call->received_bytes > 0)
			retry_progressed(&retry);
		if (*have > k->size)
			return client_fail(c, TG_EPROTO,
				"the server sent more than the %" PRIu64
				" bytes that it had announced",
				k->size);
		/* the connection may break behind the last byte */
		if (err == TG_ENET && *have == k->size)
			return 0;
	} while (err != 0 && retry_wait(c, &retry, err));
	return err;
}

static int read_claim(struct tg_client *c, const tg_claim *k, const char *path, tg_write_fn *write,
	void *ctx, tg_blob *out)
{
	struct http_call call = {.method = "GET",
		.path = path,
		.head = {.want = HTTP_WANT_CONTENT, .size_bytes = k->size},
		.write = write,
		.write_ctx = ctx,
		.until_mono_ms = k->ends_mono_ms};
	uint64_t have;
	int err;

	if (c->timeout_ms > 0 && client_deadline_mono_ms(c, 0) < k->ends_mono_ms)
		call.until_mono_ms = client_deadline_mono_ms(c, 0);
	err = read_parts(c, k, &call, &have);
	if (err != 0)
		return err;
	if (have != k->size)
		return client_fail(c, TG_EPROTO,
			"the server sent %" PRIu64 " of the %" PRIu64
			" bytes that it had announced",
			have, k->size);
	out->size = have;
	memcpy(out->sha256, k->sha256, sizeof out->sha256);
	memcpy(out->blob, k->blob, sizeof out->blob);
	return answer_read_labels(&c->http, out);
}

int tg_client_read(tg_client *c, const tg_claim *claim, tg_write_fn *write, void *ctx, tg_blob *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_blob blob = {0};
	tg_claim k;
	int err;

	if (TG_ABI_IN(k, claim) != 0 || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	err = client_path(c, "/v1/claims/", k.claim, "", path);
	if (err == 0)
		err = read_claim(c, &k, path, write, ctx, &blob);
	TG_ABI_OUT(out, blob);
	sodium_memzero(&k, sizeof k);
	return err;
}

int tg_client_ack(tg_client *c, const tg_claim *claim, const char *outcome, tg_receipt *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_receipt receipt = {0};
	struct retry retry = {0};
	char *body;
	tg_claim k;
	int err;

	if (TG_ABI_IN(k, claim) != 0 || TG_ABI_OUT_OK(out) != 0)
		return bad_struct(c);
	retry.until_mono_ms = k.ends_mono_ms;
	body = take_text(json_pack("{s:s}", "outcome", outcome));
	err = body != NULL ? client_path(c, "/v1/claims/", k.claim, "/ack", path) :
			     client_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (err == 0)
		err = keyed_call(c, path, HTTP_WANT_JSON, body, &retry);
	if (err == 0)
		err = answer_receipt_of(&c->http, k.blob, outcome, &receipt);
	TG_ABI_OUT(out, receipt);
	sodium_memzero(&k, sizeof k);
	free(body);
	return err;
}
