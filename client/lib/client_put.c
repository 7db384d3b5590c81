/*
 * client_put.c: the upload call of timeglas.h, with its repeats, and the check that what the server
 * says it holds is what was sent. Runs in the library. docs/openapi.yaml.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "core/b64.h"
#include "core/hex.h"
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/retry.h"

#define FIELD_MAX_CHARS 1024
#define SHA256_BYTES 32

static int add_field(
	struct tg_client *c, struct curl_slist **l, const char *name, const char *value)
{
	char line[FIELD_MAX_CHARS];
	struct curl_slist *grown;

	if (value == NULL)
		return 0;
	for (const char *s = value; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return client_fail(
				c, TG_EINVAL, "the value for %s holds a control character", name);
	if (value[0] == '\0' ||
		snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
		return client_fail(c, TG_EINVAL, "the value for %s is empty or too long", name);
	grown = curl_slist_append(*l, line);
	if (grown == NULL)
		return client_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	*l = grown;
	return 0;
}

static int put_fields(struct tg_client *c, const tg_put_opts *o, struct curl_slist **l)
{
	char digest[16 + TG_B64_LEN(SHA256_BYTES) + 1], ttl[24];
	int err = add_field(c, l, "Timeglas-Kind", o->kind);

	if (err == 0)
		err = add_field(c, l, "Timeglas-Issuer", o->issuer);
	if (err == 0)
		err = add_field(c, l, "Timeglas-Session", o->session);
	if (err == 0)
		err = add_field(c, l, "Timeglas-Subject", o->subject);
	if (err == 0)
		err = add_field(c, l, "Timeglas-Name", o->name);
	if (err == 0)
		err = add_field(c, l, "Timeglas-To", o->to);
	if (err == 0)
		err = add_field(c, l, "Idempotency-Key", o->idempotency_key);
	if (err == 0 && o->ttl_s != 0) {
		snprintf(ttl, sizeof ttl, "%" PRIu64, o->ttl_s);
		err = add_field(c, l, "Timeglas-Ttl", ttl);
	}
	if (err == 0 && o->sha256 != NULL) {
		size_t n = (size_t)snprintf(digest, sizeof digest, "sha-256=:");

		n += tg_b64_encode(TG_B64_STD, o->sha256, SHA256_BYTES, digest + n);
		snprintf(digest + n, sizeof digest - n, ":");
		err = add_field(c, l, "Content-Digest", digest);
	}
	return err;
}

/* "D" and "D<<" are one issuer. */
static bool same_issuer(const char *asked, const char *said)
{
	char code[4];

	if (asked == NULL || asked[0] == '\0')
		/* none was declared, and the server may fill one in */
		return true;
	return tg_issuer_parse(asked, strlen(asked), code) == 0 ? strcmp(code, said) == 0 :
								  strcmp(asked, said) == 0;
}

static bool same_text(const char *asked, const char *said)
{
	return strcmp(asked != NULL ? asked : "", said) == 0;
}

static const char *differing(const tg_put_opts *o, uint64_t sent, const tg_blob *b)
{
	char hex[2 * SHA256_BYTES + 1];

	if (strcmp(b->kind, o->kind) != 0)
		return "kind";
	if (!same_issuer(o->issuer, b->issuer))
		return "issuer";
	if (!same_text(o->session, b->session))
		return "session";
	if (b->size != (o->size != UINT64_MAX ? o->size : sent))
		return "size";
	if (o->sha256 != NULL && b->sha256[0] != '\0' &&
		strcmp(tg_hex_encode(o->sha256, SHA256_BYTES, hex), b->sha256) != 0)
		return "SHA-256";
	return NULL;
}

/* Checks that the server holds what was sent, under the name that was sent. Of a blob that is gone
 * already only the name is left to check. */
static int check_put(struct tg_client *c, const tg_put_opts *o, uint64_t sent, const tg_blob *b)
{
	const char *what =
		strcmp(b->state, "gone") == 0 && b->kind[0] == '\0' ? NULL : differing(o, sent, b);
	char name[TG_NAME_CHARS + 1];

	if (o->name != NULL && (tg_id_name(b->blob, name) != 0 || strcmp(name, o->name) != 0))
		return client_fail(c, TG_EPROTO,
			"the server's id has another name than the one that was sent with the "
			"blob");
	if (tg_id_name(b->blob, NULL) != 0)
		return client_fail(c, TG_EPROTO, "the server's answer does not have a blob's id");
	if (what != NULL)
		return client_fail(c, TG_EPROTO,
			"the server says that it holds another %s than was sent", what);
	if (strcmp(b->state, "gone") != 0 && b->deadline[0] == '\0')
		return client_fail(
			c, TG_EPROTO, "the server does not say until when it holds the blob");
	return 0;
}

static bool may_repeat(const tg_put_opts *o)
{
	return o->idempotency_key != NULL || o->name != NULL;
}

/* Sends the upload, again while the connection breaks and the content can be read once more. */
static int send_upload(struct tg_client *c, const tg_put_opts *o, struct http_call *call)
{
	struct retry retry = {.only_if_sent = true, .call_ends_mono_ms = call->until_mono_ms};
	int err = client_perform(c, call);

	while (err != 0 && may_repeat(o) && o->rewind != NULL && retry_wait(c, &retry, err)) {
		err = o->rewind(o->ctx);
		if (err != 0)
			break;
		err = client_perform(c, call);
	}
	return err;
}

int tg_client_put(tg_client *c, const tg_put_opts *opts, tg_blob *out)
{
	struct http_call call = {.method = "POST",
		.path = "/v1/blobs",
		.until_mono_ms = client_deadline_mono_ms(c, CLIENT_PUT_MS)};
	struct http_upload upload;
	tg_put_opts o;
	tg_blob blob;
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return client_fail_result(c);
	if (TG_ABI_IN(o, opts) != 0 || o.kind == NULL || o.read == NULL)
		return client_fail(
			c, TG_EINVAL, "the options lack their struct_size, kind or read()");
	upload = (struct http_upload){.size_bytes = o.size, .read = o.read, .ctx = o.ctx};
	call.upload = &upload;
	call.head.want = may_repeat(&o) ? HTTP_WANT_CREATED_OR_EARLIER : HTTP_WANT_CREATED;
	err = put_fields(c, &o, &call.fields);
	if (err == 0)
		err = send_upload(c, &o, &call);
	if (err == 0)
		err = answer_read_blob(&c->http, &blob);
	if (err == 0)
		err = check_put(c, &o, call.sent_bytes, &blob);
	if (err == 0)
		TG_ABI_OUT(out, blob);
	curl_slist_free_all(call.fields);
	return err;
}
