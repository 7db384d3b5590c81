/* guard.c: see guard.h. It checks the form of an envelope, not the encryption: the server has no
 * key to try. Runs in workers. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <timeglas/errors.h>

#include "api/guard.h"
#include "core/envelope.h"

#define PEEK_EXTENTS 16 /* pieces of an evbuffer that are looked at together */

struct guard {
	struct tg_envelope envelope;
	EVP_MD_CTX *sha; /* NULL: no digest was declared */
	uint8_t digest[32];
	const char *why; /* static; "" none */
};

/* Memory for the header's text, which is given back when the payload begins. Most headers come in
 * one piece, so one such memory is kept here, wiped, and serves most uploads. */
static struct tg_envelope_text *spare;

static struct tg_envelope_text *text_take(void)
{
	struct tg_envelope_text *t = spare != NULL ? spare : malloc(sizeof *t);

	spare = NULL;
	return t;
}

static void text_give(struct guard *g)
{
	struct tg_envelope_text *t = g->envelope.text;

	if (t == NULL)
		return;
	tg_envelope_wipe(&g->envelope);
	g->envelope.text = NULL;
	if (spare == NULL)
		spare = t;
	else
		free(t);
}

static EVP_MD_CTX *sha_new(void)
{
	/* Fetched once for the process's life: a fetch costs more than to hash a small blob. */
	static EVP_MD *sha256;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (ctx != NULL && (sha256 == NULL || EVP_DigestInit_ex2(ctx, sha256, NULL) != 1)) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

struct guard *guard_new(const uint8_t digest[32])
{
	struct guard *g = malloc(sizeof *g);
	struct tg_envelope_text *text = g != NULL ? text_take() : NULL;

	if (text == NULL) {
		free(g);
		return NULL;
	}
	tg_envelope_init(&g->envelope, text);
	g->sha = NULL;
	g->why = "";
	if (digest != NULL) {
		memcpy(g->digest, digest, sizeof g->digest);
		if ((g->sha = sha_new()) == NULL) {
			guard_free(g);
			return NULL;
		}
	}
	return g;
}

static int feed_extent(struct guard *g, const uint8_t *p, size_t n)
{
	int err;

	if (g->sha != NULL && EVP_DigestUpdate(g->sha, p, n) != 1)
		return TG_EINTERNAL;
	err = tg_envelope_feed(&g->envelope, p, n);
	if (err != 0)
		g->why = g->envelope.why;
	else if (tg_envelope_in_payload(&g->envelope))
		text_give(g);
	return err;
}

int guard_feed(struct guard *g, struct evbuffer *data, size_t n)
{
	struct evbuffer_ptr at;

	/* The payload's bytes are only counted. */
	if (g->sha == NULL && tg_envelope_in_payload(&g->envelope))
		return tg_envelope_feed(&g->envelope, NULL, n);
	evbuffer_ptr_set(data, &at, 0, EVBUFFER_PTR_SET);
	while (n > 0) {
		struct evbuffer_iovec v[PEEK_EXTENTS];
		int have = evbuffer_peek(data, (ev_ssize_t)n, &at, v, PEEK_EXTENTS);
		size_t seen = 0;
		for (int i = 0; i < have && i < PEEK_EXTENTS && n > 0; i++) {
			size_t k = v[i].iov_len < n ? v[i].iov_len : n;
			int err = feed_extent(g, v[i].iov_base, k);

			if (err != 0)
				return err;
			n -= k;
			seen += k;
		}
		if (seen == 0)
			return TG_EINTERNAL;
		if (n > 0)
			evbuffer_ptr_set(data, &at, seen, EVBUFFER_PTR_ADD);
	}
	return 0;
}

int guard_finish(struct guard *g)
{
	uint8_t found[32];
	int err = tg_envelope_finish(&g->envelope);

	if (err != 0) {
		g->why = g->envelope.why;
		return err;
	}
	if (g->sha == NULL)
		return 0;
	if (EVP_DigestFinal_ex(g->sha, found, NULL) != 1)
		return TG_EINTERNAL;
	/* No secret, so not in constant time: the client sent both content and digest. */
	if (memcmp(found, g->digest, sizeof found) != 0) {
		g->why = "the content that arrived does not have the SHA-256 that Content-Digest "
			 "declares; send it again";
		return TG_EDIGEST;
	}
	return 0;
}

const char *guard_why(const struct guard *g)
{
	return g->why;
}

void guard_free(struct guard *g)
{
	if (g == NULL)
		return;
	text_give(g);
	EVP_MD_CTX_free(g->sha);
	free(g);
}
