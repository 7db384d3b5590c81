/*
 * client_proof.c: the call of timeglas.h that fetches the proof of an event: again while no
 * checkpoint covers the event yet, or too few witnesses have cosigned it, and until it was found
 * good and of what was asked for. Runs in the library. docs/openapi.yaml, docs/evidence.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/time.h"
#include "lib/abi.h"
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/proof_match.h"
#include "lib/untrusted.h"

/* between two tries, whatever the server advises: it promises a checkpoint within a second */
#define WAIT_MIN_MS 200
#define WAIT_MAX_MS 2000

static void sleep_ms(int64_t ms)
{
	struct timespec ts = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (nanosleep(&ts, &ts) != 0)
		; /* a signal came; ts is the rest */
}

/* 202, refusals that pass, a broken connection, and cosignatures that are still to come. */
static bool may_pass(int err)
{
	return err == TG_EPENDING || err == TG_EPOLICY || err == TG_ENET || err == TG_EEVIDENCE ||
		err == TG_ESTORE || err == TG_ECOMPARE || err == TG_EDRAIN || err == TG_EQUOTA;
}

static int64_t pause_ms(const struct tg_client *c)
{
	const char *advice = http_conn_field(&c->http, "Retry-After");
	long s = advice != NULL ? strtol(advice, NULL, 10) : 1;

	if (s <= 0)
		return WAIT_MIN_MS;
	return s >= WAIT_MAX_MS / 1000 ? WAIT_MAX_MS : (int64_t)s * 1000;
}

static int fetch_once(struct tg_client *c, struct proof_match *m, const char *path, int64_t until)
{
	struct http_call call = {.method = "GET",
		.path = path,
		.head = {.want = HTTP_WANT_PROOF, .max_bytes = PROOF_MAX},
		.until_mono_ms = until};
	int err = client_perform(c, &call);

	if (err != 0)
		return err;
	if (call.head.status == 202)
		return client_fail(c, TG_EPENDING,
			"no checkpoint of the log covers the event yet; fetch its proof later");
	err = proof_match_judge(m, c->http.json, c->http.json_bytes);
	return err == 0 ? 0 : client_fail(c, err, "%s", m->why);
}

static int fetch(struct tg_client *c, struct proof_match *m)
{
	const int64_t until = client_deadline_mono_ms(c, CLIENT_PROOF_MS);
	char path[CLIENT_PATH_CHARS];
	int err = client_path(c, "/v1/receipts/", m->event, "", path);

	while (err == 0) {
		int64_t wait_ms;

		err = fetch_once(c, m, path, until);
		wait_ms = pause_ms(c);
		if (!may_pass(err) || clock_mono_ms() + wait_ms >= until)
			return err;
		sleep_ms(wait_ms);
		err = 0;
	}
	return err;
}

static void copy_text(char *out, size_t cap, struct chain_text t)
{
	snprintf(out, cap, "%.*s", (int)t.n, t.n > 0 ? t.p : "");
}

static void describe(const struct proof_match *m, const struct tg_client *c, tg_proof *out)
{
	const struct chain_record *r = &m->found.line.record;

	out->text = c->proof;
	out->n = c->proof_bytes;
	out->n_line = r->n;
	out->n_lines = m->found.head.checkpoint.size;
	out->n_witnesses = m->n_witnesses;
	copy_text(out->event, sizeof out->event, r->id);
	copy_text(out->what, sizeof out->what, r->event);
	copy_text(out->tag, sizeof out->tag, r->tag);
	copy_text(out->cause, sizeof out->cause, r->cause);
	copy_text(out->outcome, sizeof out->outcome, r->outcome);
	tg_time_format(r->time_ms, out->at);
	untrusted_copy(out->origin, sizeof out->origin, m->found.head.checkpoint.origin);
}

/* The text stays with the client. It is no JSON answer, so tg_client_json() must not have it. */
static void take_text(struct tg_client *c)
{
	free(c->proof);
	c->proof = c->http.json;
	c->proof_bytes = c->http.json_bytes;
	c->http.json = NULL;
	c->http.json_bytes = 0;
}

int tg_client_proof(tg_client *c, const tg_proof_opts *opts, tg_proof *out)
{
	struct proof_match *m = NULL;
	tg_proof proof = {0};
	int err;

	client_forget_problem(c);
	if (TG_ABI_OUT_OK(out) != 0)
		return client_fail_result(c);
	err = proof_match_new(opts, &m);
	if (err != 0)
		client_fail(
			c, err, "%s", m != NULL && m->why[0] != '\0' ? m->why : tg_strerror(err));
	else
		err = fetch(c, m);
	take_text(c);
	if (err == 0)
		describe(m, c, &proof);
	if (err == 0)
		TG_ABI_OUT(out, proof);
	proof_match_free(m);
	return err;
}
