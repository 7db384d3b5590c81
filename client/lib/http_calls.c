/*
 * http_calls.c: the tg_client_* calls of timeglas.h, one function a call of the data-plane API:
 * which path, which fields, what comes back. No transport (http.c), no JSON reading
 * (http_answer.c). docs/openapi.yaml.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/b64.h"
#include "core/num.h"
#include "lib/abi.h"
#include "lib/again.h"
#include "lib/http.h"

#define FIELD_MAX_CHARS 1024
#define SHA256_BYTES 32

/* An id goes into a path: nothing but what the server's ids are made of may pass. */
int http_path(struct tg_client *c, const char *before, const char *id, const char *after,
	char out[HTTP_PATH_CHARS])
{
	if (!http_is_id(id))
		return http_fail(c, TG_EINVAL, "not an id: at most %d letters, digits, '-' and '_'",
			TG_SESSION_MAX);
	snprintf(out, HTTP_PATH_CHARS, "%s%s%s", before, id, after);
	return 0;
}

static int add_field(
	struct tg_client *c, struct curl_slist **l, const char *name, const char *value)
{
	char line[FIELD_MAX_CHARS];
	struct curl_slist *grown;

	if (value == NULL)
		return 0;
	for (const char *s = value; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return http_fail(
				c, TG_EINVAL, "the value for %s holds a control character", name);
	if (value[0] == '\0' ||
		snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
		return http_fail(c, TG_EINVAL, "the value for %s is empty or too long", name);
	grown = curl_slist_append(*l, line);
	if (grown == NULL)
		return http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	*l = grown;
	return 0;
}

static int simple_call(struct tg_client *c, const char *method, const char *path)
{
	struct http_call call = {
		.method = method, .path = path, .until_ms = http_until(c, HTTP_CALL_MS)};

	return http_perform(c, &call);
}

static int cannot_write_result(struct tg_client *c)
{
	return http_fail(c, TG_EINVAL, "the struct for the result has no struct_size");
}

int tg_client_session_open(tg_client *c, const char *subject, uint32_t idle_s, tg_session *out)
{
	struct http_call call = {.method = "POST",
		.path = "/v1/sessions",
		.created = 1,
		.until_ms = http_until(c, HTTP_CALL_MS)};
	json_t *o = NULL;
	char *body = NULL;
	tg_session session;
	int err = TG_ENOMEM;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	o = json_object();
	if (o == NULL)
		goto out;
	if (subject != NULL && json_object_set_new(o, "subject", json_string(subject)) != 0)
		goto out;
	if (idle_s != 0 && json_object_set_new(o, "idle_s", json_integer(idle_s)) != 0)
		goto out;
	body = json_dumps(o, JSON_COMPACT);
	if (body == NULL)
		goto out;
	call.body = body;
	err = http_perform(c, &call);
	if (err == 0)
		err = http_read_session(c, &session);
	if (err == 0 && (session.deadline[0] == '\0' || session.idle_s == 0))
		err = http_fail(
			c, TG_EPROTO, "the server does not say until when the session lasts");
	if (err == 0)
		TG_ABI_OUT(out, session);
out:
	free(body);
	json_decref(o);
	return err;
}

static int session_call(struct tg_client *c, const char *method, const char *sid, const char *after,
	tg_session *out)
{
	char path[HTTP_PATH_CHARS];
	tg_session session;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) :
					    http_path(c, "/v1/sessions/", sid, after, path);

	if (err == 0)
		err = simple_call(c, method, path);
	if (err == 0)
		err = http_read_session(c, &session);
	if (err == 0 && strcmp(session.session, sid) != 0)
		err = http_fail(c, TG_EPROTO,
			"the server's answer is about another session than was asked for");
	if (err == 0 && strcmp(method, "DELETE") == 0 && strcmp(session.state, "open") == 0)
		err = http_fail(c, TG_EPROTO, "the server says that the session is still open");
	if (err == 0 && strcmp(method, "DELETE") == 0)
		err = http_receipts_whole(c);
	if (err == 0)
		TG_ABI_OUT(out, session);
	return err;
}

int tg_client_session_show(tg_client *c, const char *sid, tg_session *out)
{
	return session_call(c, "GET", sid, "", out);
}

int tg_client_session_touch(tg_client *c, const char *sid, tg_session *out)
{
	return session_call(c, "POST", sid, "/touch", out);
}

int tg_client_session_close(tg_client *c, const char *sid, int erase_all, tg_session *out)
{
	return session_call(c, "DELETE", sid, erase_all ? "?erase=all" : "", out);
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
		/* none was declared; whether the server fills one in is its own affair */
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

/* What the server says that it holds is what was sent, under the name that was sent. A blob that is
 * gone already has only its name left. */
static int check_put(struct tg_client *c, const tg_put_opts *o, uint64_t sent, const tg_blob *b)
{
	const char *what =
		strcmp(b->state, "gone") == 0 && b->kind[0] == '\0' ? NULL : differing(o, sent, b);
	char name[TG_NAME_CHARS + 1];

	if (o->name != NULL && (tg_id_name(b->blob, name) != 0 || strcmp(name, o->name) != 0))
		return http_fail(c, TG_EPROTO,
			"the server's id has another name than the one that was sent with the "
			"blob");
	if (tg_id_name(b->blob, NULL) != 0)
		return http_fail(c, TG_EPROTO, "the server's answer does not have a blob's id");
	if (what != NULL)
		return http_fail(c, TG_EPROTO,
			"what the server says that it holds is not what was sent: another %s",
			what);
	if (strcmp(b->state, "gone") != 0 && b->deadline[0] == '\0')
		return http_fail(
			c, TG_EPROTO, "the server does not say until when it holds the blob");
	return 0;
}

int tg_client_put(tg_client *c, const tg_put_opts *opts, tg_blob *out)
{
	tg_put_opts o;
	struct http_call call = {.method = "POST",
		.path = "/v1/blobs",
		.upload = &o,
		.created = 1,
		.until_ms = http_until(c, HTTP_PUT_MS)};
	struct again a = {.must_begin = true, .deadline_ms = call.until_ms};
	tg_blob blob;
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	if (TG_ABI_IN(o, opts) != 0 || o.kind == NULL || o.read == NULL)
		return http_fail(
			c, TG_EINVAL, "the options lack their struct_size, kind or read()");
	call.repeatable = o.idempotency_key != NULL || o.name != NULL;
	err = put_fields(c, &o, &call.fields);
	if (err == 0)
		err = http_perform(c, &call);
	while (err != 0 && (o.idempotency_key != NULL || o.name != NULL) && o.rewind != NULL &&
		again(c, &a, err)) {
		err = o.rewind(o.ctx);
		if (err != 0)
			break;
		err = http_perform(c, &call);
	}
	if (err == 0)
		err = http_read_blob(c, &blob);
	if (err == 0)
		err = check_put(c, &o, call.sent, &blob);
	if (err == 0)
		TG_ABI_OUT(out, blob);
	curl_slist_free_all(call.fields);
	return err;
}

int tg_client_take(tg_client *c, const char *id, const tg_take_opts *opts, tg_write_fn *write,
	void *ctx, tg_blob *out)
{
	struct http_call call = {.method = "POST",
		.write = write,
		.write_ctx = ctx,
		.until_ms = http_until(c, HTTP_TAKE_MS)};
	tg_take_opts o = {0};
	char path[HTTP_PATH_CHARS];
	tg_blob blob = {0};
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	if (opts != NULL && TG_ABI_IN(o, opts) != 0)
		return http_fail(c, TG_EINVAL, "the options lack their struct_size");
	err = http_path(c, "/v1/blobs/", id, "/take", path);
	call.path = path;
	call.max_size = o.max_size != 0 ? o.max_size : TG_MAX_SIZE;
	if (err == 0)
		err = http_perform(c, &call);
	if (err == 0 && call.received != call.length)
		err = http_fail(c, TG_ENET,
			"the answer was broken off: %" PRIu64 " of %" PRIu64 " bytes",
			call.received, call.length);
	if (err == 0) {
		blob.size = call.received;
		http_copy_text(blob.blob, sizeof blob.blob, id);
		err = http_read_fields(c, &blob);
	}
	TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_stat(tg_client *c, const char *id, tg_blob *out)
{
	char path[HTTP_PATH_CHARS];
	tg_blob blob;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) :
					    http_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = simple_call(c, "GET", path);
	if (err == 0)
		err = http_read_blob(c, &blob);
	if (err == 0 && strcmp(blob.blob, id) != 0)
		err = http_fail(c, TG_EPROTO,
			"the server's answer is about another blob than was asked for");
	if (err == 0)
		TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_erase(tg_client *c, const char *id, tg_receipt *out)
{
	char path[HTTP_PATH_CHARS];
	tg_receipt receipt;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) :
					    http_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = simple_call(c, "DELETE", path);
	if (err == 0)
		err = http_receipt_of(c, id, NULL, &receipt);
	if (err == 0)
		TG_ABI_OUT(out, receipt);
	return err;
}

int tg_client_policy(tg_client *c)
{
	return simple_call(c, "GET", "/v1/policy");
}
