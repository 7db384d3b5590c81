/* subject.c: see subject.h. A subject's 64 digits are hashed with its uploader's name as soon as
 * the call begins, and go no further: neither to the store nor to an answer or the log. So whatever
 * name is given, only that uploader's blobs are found. Runs in workers. */
#include <string.h>

#include <sodium.h>
#include <timeglas/errors.h>
#include <timeglas/version.h>

#include "api/answers.h"
#include "api/reply.h"
#include "api/subject.h"
#include "base/text.h"
#include "core/subject.h"
#include "store/attestation.h"
#include "store/store_subject.h"

#define QUERY "uploader="
#define QUERY_LEN (sizeof QUERY - 1)

/* Writes the uploader that the query names. Returns false when it is no peer's name. */
static bool named_uploader(struct h1_str query, char out[CONF_NAME_MAX + 1])
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct text t = text_in(out, CONF_NAME_MAX + 1);

	if (query.n <= QUERY_LEN || query.n - QUERY_LEN > CONF_NAME_MAX ||
		memcmp(query.p, QUERY, QUERY_LEN) != 0)
		return false;
	text_add_n(&t, query.p + QUERY_LEN, query.n - QUERY_LEN);
	return strspn(out, chars) == query.n - QUERY_LEN;
}

/* Writes the uploader whose subject is meant. Returns 0, or an error with the sentence in *why. */
static int uploader_of(const struct call *c, char out[CONF_NAME_MAX + 1], const char **why)
{
	const struct h1_head *head = httpd_req_head(c->req);

	if (!head->has_query) {
		text_copy(out, CONF_NAME_MAX + 1, c->peer);
		*why = "an operator names the uploader whose subject it is: ?uploader=NAME";
		return call_is(c, ROLE_UPLOADER) ? 0 : TG_EINVAL;
	}
	*why = "the only query known here is ?uploader=NAME, with a peer's name";
	if (!named_uploader(head->query, out))
		return TG_EINVAL;
	*why = "only an operator may ask for another uploader's subject; leave ?uploader= out";
	return call_is(c, ROLE_OPERATOR) || strcmp(out, c->peer) == 0 ? 0 : TG_EROLE;
}

/* Puts the subject's hash into the place of its digits. Returns whether to go on; otherwise the
 * problem has been answered. */
static bool begin(struct call *c, char uploader[CONF_NAME_MAX + 1])
{
	char hash[STORE_SUBJECT_LEN + 1];
	const char *why = NULL;
	int err = uploader_of(c, uploader, &why);

	if (err == 0 && subject_hash(uploader, c->id, strlen(c->id), hash) != 0) {
		why = "a subject is 64 lower-case hexadecimal digits";
		err = TG_ENOENT;
	}
	sodium_memzero(c->id, sizeof c->id);
	if (err != 0) {
		httpd_problem(httpd_req_reply(c->req), err, why, NULL, NULL);
		return false;
	}
	text_copy(c->id, sizeof c->id, hash);
	return true;
}

/* The store has answered. Opens the call's answer: whose subject it is about. Returns false when
 * err was the answer. */
static bool answer_begin(struct jsonw *w, struct call *c, int err)
{
	char uploader[CONF_NAME_MAX + 1];
	const char *why = NULL;

	c->waiting = false;
	if (err != 0) {
		reply_error(c->req, err, NULL);
		return false;
	}
	(void)uploader_of(c, uploader, &why); /* as at the call's begin */
	jsonw_open(w, NULL, '{');
	jsonw_str(w, "subject", c->id);
	jsonw_str(w, "uploader", uploader);
	return true;
}

static void answer_end(struct jsonw *w, const struct call *c)
{
	jsonw_close(w, '}');
	reply_json(c->req, 200, NULL, w);
}

/* Show --------------------------------------------------------------------- */

static void frozen_until(struct jsonw *w, int64_t ms)
{
	if (ms != 0)
		jsonw_time(w, "frozen_until", ms);
	else
		jsonw_str(w, "frozen_until", NULL);
}

/* Those that can be seen, or those that have ended. */
static void write_blobs(
	struct jsonw *w, const char *name, const struct store_subject_shown *shown, bool ended)
{
	jsonw_open(w, name, '[');
	for (size_t i = 0; i < shown->n; i++) {
		const struct store_subject_blob *b = &shown->blobs[i];
		if ((b->blob.state == STORE_GONE) != ended)
			continue;
		jsonw_open(w, NULL, '{');
		answers_blob(w, &b->blob, true);
		jsonw_str(w, "reader", b->reader);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void on_show(void *ctx, int err, const struct store_subject_shown *shown)
{
	struct call *c = ctx;
	struct jsonw w = {0};

	if (!answer_begin(&w, c, err))
		return;
	frozen_until(&w, shown->frozen_until_ms);
	write_blobs(&w, "live", shown, false);
	write_blobs(&w, "ended", shown, true);
	jsonw_bool(&w, "more", shown->more);
	answer_end(&w, c);
}

void subject_show(struct call *c)
{
	char uploader[CONF_NAME_MAX + 1];

	if (begin(c, uploader))
		call_sent(c, store_subject_show(c->api->store, c->id, on_show, c));
}

/* Erase -------------------------------------------------------------------- */

/* What becomes of the bytes: a store that was found to overwrite memory that it frees or moves does
 * so; of another one nobody knows (store/attestation.h). */
static const char *method_now(void)
{
	return attestation_wipes() == WIPE_ALL ? "overwrite" : "delete";
}

static void on_erase(void *ctx, int err, const struct store_subject_erased *erased)
{
	struct call *c = ctx;
	struct jsonw w = {0};

	if (!answer_begin(&w, c, err))
		return;
	jsonw_time(&w, "erased_at", erased->at_ms);
	jsonw_u64(&w, "count", erased->n);
	jsonw_str(&w, "method", erased->method);
	jsonw_str(&w, "by", c->peer);
	jsonw_str(&w, "tool", "timeglasd " TG_VERSION);
	jsonw_str(&w, "event", erased->event);
	jsonw_open(&w, "receipts", '[');
	for (size_t i = 0; i < erased->n; i++)
		answers_receipt(&w, NULL, &erased->blobs[i]);
	jsonw_close(&w, ']');
	answer_end(&w, c);
}

void subject_erase(struct call *c)
{
	char uploader[CONF_NAME_MAX + 1];
	const struct store_subject subject = {c->id, uploader, c->peer};

	if (begin(c, uploader))
		call_sent(
			c, store_subject_erase(c->api->store, &subject, method_now(), on_erase, c));
}

/* Freeze and release ------------------------------------------------------- */

static void on_freeze(void *ctx, int err, int64_t frozen_until_ms, const char *event)
{
	struct call *c = ctx;
	struct jsonw w = {0};

	if (!answer_begin(&w, c, err))
		return;
	frozen_until(&w, frozen_until_ms);
	jsonw_str(&w, "event", event);
	answer_end(&w, c);
}

void subject_freeze(struct call *c)
{
	char uploader[CONF_NAME_MAX + 1];
	const struct store_subject subject = {c->id, uploader, c->peer};

	if (begin(c, uploader))
		call_sent(c, store_subject_freeze(c->api->store, &subject, on_freeze, c));
}

void subject_release(struct call *c)
{
	char uploader[CONF_NAME_MAX + 1];
	const struct store_subject subject = {c->id, uploader, c->peer};

	if (begin(c, uploader))
		call_sent(c, store_subject_release(c->api->store, &subject, on_freeze, c));
}
