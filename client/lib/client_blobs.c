/*
 * client_blobs.c: calls of timeglas.h about a stored blob (take, stat, erase), and the policy. None
 * is repeated by itself. Runs in the library. docs/openapi.yaml.
 */
#include <inttypes.h>
#include <string.h>
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/client.h"
#include "lib/untrusted.h"

int tg_client_take(tg_client *c, const char *id, const tg_take_opts *opts, tg_write_fn *write,
	void *ctx, tg_blob *out)
{
	struct http_call call = {.method = "POST",
		.head.want = HTTP_WANT_CONTENT,
		.write = write,
		.write_ctx = ctx,
		.until_mono_ms = client_deadline_mono_ms(c, CLIENT_TAKE_MS)};
	tg_take_opts o = {0};
	char path[CLIENT_PATH_CHARS];
	tg_blob blob = {0};
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return client_fail_result(c);
	if (opts != NULL && TG_ABI_IN(o, opts) != 0)
		return client_fail(c, TG_EINVAL, "the options lack their struct_size");
	err = client_path(c, "/v1/blobs/", id, "/take", path);
	call.path = path;
	call.head.max_bytes = o.max_size != 0 ? o.max_size : TG_MAX_SIZE;
	if (err == 0)
		err = client_perform(c, &call);
	if (err == 0 && call.received_bytes != call.head.length_bytes)
		err = client_fail(c, TG_ENET,
			"the answer was broken off: %" PRIu64 " of %" PRIu64 " bytes",
			call.received_bytes, call.head.length_bytes);
	if (err == 0) {
		blob.size = call.received_bytes;
		untrusted_copy(blob.blob, sizeof blob.blob, id);
		err = answer_read_labels(&c->http, &blob);
	}
	TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_stat(tg_client *c, const char *id, tg_blob *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_blob blob;
	int err = TG_ABI_OUT_OK(out) != 0 ? client_fail_result(c) :
					    client_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = client_ask(c, "GET", path);
	if (err == 0)
		err = answer_read_blob(&c->http, &blob);
	if (err == 0 && strcmp(blob.blob, id) != 0)
		err = client_fail(c, TG_EPROTO,
			"the server's answer is about another blob than was asked for");
	if (err == 0)
		TG_ABI_OUT(out, blob);
	return err;
}

int tg_client_erase(tg_client *c, const char *id, tg_receipt *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_receipt receipt;
	int err = TG_ABI_OUT_OK(out) != 0 ? client_fail_result(c) :
					    client_path(c, "/v1/blobs/", id, "", path);

	if (err == 0)
		err = client_ask(c, "DELETE", path);
	if (err == 0)
		err = answer_receipt_of(&c->http, id, NULL, &receipt);
	if (err == 0)
		TG_ABI_OUT(out, receipt);
	return err;
}

int tg_client_policy(tg_client *c)
{
	return client_ask(c, "GET", "/v1/policy");
}
