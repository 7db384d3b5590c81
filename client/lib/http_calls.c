/*
 * http_calls.c: the tg_client_* calls of timeglas.h, one function a call of the data-plane API: which path, which fields,
 * what comes back. No transport (http.c), no JSON reading (http_answer.c). docs/openapi.yaml.
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
int http_path(struct tg_client *c, const char *before, const char *id, const char *after, char out[HTTP_PATH_CHARS])
{
	if (!http_is_id(id))
		return http_fail(c, TG_EINVAL, "not an id: at most %d letters, digits, '-' and '_'", TG_SESSION_MAX);
	snprintf(out, HTTP_PATH_CHARS, "%s%s%s", before, id, after);
	return 0;
}

static int add_field(struct tg_client *c, struct curl_slist **l, const char *name, const char *value)
{
	char line[FIELD_MAX_CHARS];
	struct curl_slist *grown;

	if (value == NULL)
		return 0;
	for (const char *s = value; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return http_fail(c, TG_EINVAL, "the value for %s holds a control character", name);
	if (value[0] == '\0' || snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
		return http_fail(c, TG_EINVAL, "the value for %s is empty or too long", name);
	grown = curl_slist_append(*l, line);
	if (grown == NULL)
		return http_fail(c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	*l = grown;
	return 0;
}

static int simple_call(struct tg_client *c, const char *method, const char *path)
{
	struct http_call call = { .method = method, .path = path };

	return http_perform(c, &call);
}

static int cannot_write_result(struct tg_client *c)
{
	return http_fail(c, TG_EINVAL, "the struct for the result has no struct_size");
}

int tg_client_session_open(tg_client *c, const char *subject, uint32_t idle_s, tg_session *out)
{
	struct http_call call = { .method = "POST", .path = "/v1/sessions" };
	json_t *o = NULL;
	char *body = NULL;
	tg_session session;
	int err = TG_ENOMEM;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	o = json_object();
	if (o == NULL)
		goto out;
	if (subject != NULL && json_object_set_new(o, "subject_ref", json_string(subject)) != 0)
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
	if (err == 0)
		TG_ABI_OUT(out, session);
out:
	free(body);
	json_decref(o);
	return err;
}

static int session_call(struct tg_client *c, const char *method, const char *sid, const char *after, tg_session *out)
{
	char path[HTTP_PATH_CHARS];
	tg_session session;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) : http_path(c, "/v1/sessions/", sid, after, path);

	if (err == 0)
		err = simple_call(c, method, path);
	if (err == 0)
		err = http_read_session(c, &session);
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

int tg_client_put(tg_client *c, const tg_put_opts *opts, tg_blob *out)
{
	tg_put_opts o;
	struct http_call call = { .method = "POST", .path = "/v1/blobs", .upload = &o };
	struct again a = { .must_begin = true };
	tg_blob blob;
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	if (TG_ABI_IN(o, opts) != 0 || o.kind == NULL || o.read == NULL)
		return http_fail(c, TG_EINVAL, "the options lack their struct_size, kind or read()");
	err = put_fields(c, &o, &call.fields);
	if (err == 0)
		err = http_perform(c, &call);
	while (err != 0 && o.idempotency_key != NULL && o.rewind != NULL && again(c, &a, err)) {
		err = o.rewind(o.ctx);
		if (err != 0)
			break;
		err = http_perform(c, &call);
	}
	if (err == 0)
		err = http_read_blob(c, &blob);
	if (err == 0 && (strcmp(blob.kind, o.kind) != 0 || blob.deadline[0] == '\0'))
		err = http_fail(c, TG_EPROTO, "the server does not say that it holds this kind, and until when");
	if (err == 0)
		TG_ABI_OUT(out, blob);
	curl_slist_free_all(call.fields);
	return err;
}

/* What the header fields of a take say. A length is demanded: without one, a broken connection could pass for the end. */
static int read_take(struct tg_client *c, const char *id, uint64_t received, tg_blob *out)
{
	const char *length = http_field(c, "Content-Length");

	if (length == NULL || tg_num_u64(length, strlen(length), INT64_MAX, &out->size) != 0)
		return http_fail(c, TG_EPROTO, "the answer carries no Content-Length, so nobody can tell whether it is whole");
	if (out->size != received)
		return http_fail(c, TG_ENET, "the answer was broken off: %" PRIu64 " of %" PRIu64 " bytes", received, out->size);
	http_copy_text(out->blob, sizeof out->blob, id);
	return http_read_fields(c, out);
}

int tg_client_take(tg_client *c, const char *id, const tg_take_opts *opts, tg_write_fn *write, void *ctx, tg_blob *out)
{
	struct http_call call = { .method = "POST", .write = write, .write_ctx = ctx };
	tg_take_opts o = { 0 };
	char path[HTTP_PATH_CHARS];
	tg_blob blob = { 0 };
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return cannot_write_result(c);
	if (opts != NULL && TG_ABI_IN(o, opts) != 0)
		return http_fail(c, TG_EINVAL, "the options lack their struct_size");
	err = http_path(c, "/v1/blobs/", id, "/take", path);
	call.path = path;
	if (err == 0)
		err = http_perform(c, &call);
	if (err == 0)
		err = read_take(c, id, call.received, &blob);
	TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_stat(tg_client *c, const char *id, tg_blob *out)
{
	char path[HTTP_PATH_CHARS];
	tg_blob blob;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) : http_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = simple_call(c, "GET", path);
	if (err == 0)
		err = http_read_blob(c, &blob);
	if (err == 0)
		TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_erase(tg_client *c, const char *id, tg_receipt *out)
{
	char path[HTTP_PATH_CHARS];
	tg_receipt receipt;
	int err = TG_ABI_OUT_OK(out) != 0 ? cannot_write_result(c) : http_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = simple_call(c, "DELETE", path);
	if (err == 0)
		err = http_read_receipt(c, 0, &receipt);
	if (err == TG_ENOENT && c->problem.status == 0)
		err = http_fail(c, TG_EPROTO, "the server gave no receipt: nobody knows whether it is erased");
	if (err == 0)
		TG_ABI_OUT(out, receipt);
	return err;
}

int tg_client_policy(tg_client *c)
{
	return simple_call(c, "GET", "/v1/policy");
}
