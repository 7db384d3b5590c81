/*
 * open.c: opens an age v1 file for X25519 identities and, unless it is raw, checks its head and the
 * signature behind the content. It needs constant memory: one sealed and one plain chunk. Each
 * chunk is authentic when it is released, but the whole is good only when tg_open_finish() returns
 * 0. It reads no armor, no passphrases and no recipients of plugins. Whether the head meets the
 * caller's demands is decided in expect.c. Runs in the library.
 *
 * age.md, "Header", "The X25519 recipient type", "Payload"; head and trailer: docs/envelope.md,
 * section 3.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "core/b64.h"
#include "core/envelope.h"
#include "lib/abi.h"
#include "lib/crypto.h"
#include "lib/expect.h"
#include "lib/head.h"
#include "lib/open.h"
#include "lib/prehash.h"
#include "lib/secmem.h"
#include "lib/stanza.h"
#include "lib/stream.h"

#define ARMOR_LINE "-----BEGIN AGE ENCRYPTED FILE-----"
#define KEY_TEXT 43
/* bytes of the MAC line that the MAC does not cover: space, text, LF */
#define MAC_TAIL (1 + KEY_TEXT + 1)

enum state { ST_ARMOR, ST_HEADER, ST_NONCE, ST_FIRST_CHUNK, ST_CHUNKS };

struct tg_opener { /* lives in guarded memory */
	tg_open_opts o;
	tg_expect e;
	enum state state;
	int err; /* the first error; every further call returns it */
	int finished;
	const char *why;
	char why_text[TG_EXPECT_WHY];
	struct tg_envelope envelope;
	struct tg_envelope_text text;
	size_t armor_seen;              /* bytes so far that could begin an armored file */
	struct tg_stanza_search search; /* for the file key */
	int has_head;
	struct tg_head_fields head;
	tg_head seen; /* the same head, as the caller may see it */
	struct tg_prehash signed_part;
	struct tg_stream stream;
	tg_chunk_fn *on_chunk; /* may be NULL; sees each sealed chunk */
	void *chunk_ctx;
	int keep_stream;
	size_t head_len;
	uint64_t content_len;
	/* bytes in `in`: of the header, then of the nonce, then of a chunk that is not complete yet
	 */
	size_t held;
	uint8_t in[TG_SEALED_CHUNK];
	/* bytes kept back, which may be the trailer; they are just before plain + TG_TRAILER */
	size_t tail;
	uint8_t plain[TG_TRAILER + TG_AGE_CHUNK];
};

static struct tg_spares spares;

_Static_assert(
	TG_ENVELOPE_HEADER_MAX <= TG_SEALED_CHUNK, "the header is collected where chunks will be");

static int fail(tg_opener *o, int err, const char *why)
{
	o->err = err;
	o->why = why;
	return err;
}

/* The header --------------------------------------------------------------- */

/* The whole header is in o->in: checks its MAC with the file key. */
static int check_header(tg_opener *o)
{
	const char *mac_text = (const char *)o->in + o->held - 1 - KEY_TEXT;
	uint8_t want[32], got[32];

	if (!o->search.opened)
		return fail(o, TG_ENOMATCH,
			o->envelope.n_scrypt > 0 ?
				"the file is sealed with a passphrase, not to an identity" :
				"none of the identities is a recipient of this file");
	if (tg_b64_decode(TG_B64_NOPAD, mac_text, KEY_TEXT, got, sizeof got) != (long)sizeof got ||
		tg_header_mac(o->search.file_key, o->in, o->held - MAC_TAIL, want) != 0)
		return fail(o, TG_EINTERNAL, "the header's MAC could not be computed");
	if (sodium_memcmp(want, got, sizeof want) != 0)
		return fail(o, TG_EHMAC,
			"the header was changed after sealing: its MAC does not match");
	o->held = 0;
	o->state = ST_NONCE;
	return 0;
}

/* Feeds the grammar and keeps the header, over which the MAC goes. Returns the bytes taken; the
 * others belong to the payload. */
static size_t take_header(tg_opener *o, const uint8_t *p, size_t n)
{
	uint64_t before = o->envelope.header_len;
	int err = tg_envelope_feed(&o->envelope, p, n);
	size_t took = (size_t)(o->envelope.header_len - before);

	if (err) {
		(void)fail(o, err == TG_EENVELOPE ? TG_EHEADER : err,
			err == TG_EHEADER ? "an X25519 share is a point of small order" :
					    o->envelope.why);
		return n;
	}
	memcpy(o->in + o->held, p, took);
	o->held += took;
	if (tg_envelope_in_payload(&o->envelope))
		(void)check_header(o);
	return took;
}

/*
 * Recognises an armored file before the grammar sees it, for an error that helps. Bytes that only
 * began like armor go on to the grammar.
 */
static size_t take_armor(tg_opener *o, const uint8_t *p, size_t n)
{
	size_t took = 0;

	while (took < n && o->armor_seen < strlen(ARMOR_LINE) &&
		p[took] == (uint8_t)ARMOR_LINE[o->armor_seen]) {
		o->armor_seen++;
		took++;
	}
	if (o->armor_seen == strlen(ARMOR_LINE)) {
		(void)fail(o, TG_EARMOR,
			"the file is ASCII-armored: remove the armor first (drop its first and "
			"last line, "
			"decode the rest as base64)");
	} else if (took < n) {
		o->state = ST_HEADER;
		if (o->armor_seen > 0)
			(void)take_header(o, (const uint8_t *)ARMOR_LINE, o->armor_seen);
	}
	return took;
}

/* Content ------------------------------------------------------------------ */

static int release(tg_opener *o, const uint8_t *p, size_t n)
{
	int err;

	if (n == 0)
		return 0;
	if (!o->e.raw)
		tg_prehash_update(&o->signed_part, p, n);
	o->content_len += n;
	err = o->o.write(o->o.ctx, p, n);
	return err ? fail(o, err, "the content could not be written where it was to go") : 0;
}

/* Releases n bytes at p, which stand in o->plain behind the tail; keeps the last 64 back, since
 * they may be the trailer. */
static int release_content(tg_opener *o, uint8_t *p, size_t n)
{
	size_t out;

	if (o->e.raw)
		return release(o, p, n);
	p -= o->tail;
	n += o->tail;
	out = n > TG_TRAILER ? n - TG_TRAILER : 0;
	if (release(o, p, out) != 0)
		return o->err;
	o->tail = n - out;
	memmove(o->plain + TG_TRAILER - o->tail, p + out, o->tail);
	return 0;
}

static int read_head(tg_opener *o, const uint8_t *p, size_t n, size_t *len)
{
	char line[TG_HEAD_WHY];

	if (!tg_head_begins(p, n))
		return fail(o, TG_ESIGNATURE,
			"the content does not begin with a timeglas head: it was sealed raw, and "
			"nobody asked for raw content, or by something else");
	if (tg_head_parse(p, n, &o->head, len, line) == 0)
		return 0;
	snprintf(o->why_text, sizeof o->why_text, "the head is not well-formed: %s", line);
	return fail(o, TG_ESIGNATURE, o->why_text);
}

/*
 * The first chunk holds the whole head. It is not trusted before the signature has been checked,
 * but a head that contradicts the file or the caller's demands ends the opening here.
 */
static int take_head(tg_opener *o, const uint8_t *p, size_t n, size_t *len)
{
	const char *sender_name;
	int err;

	if (read_head(o, p, n, len) != 0)
		return o->err;
	sender_name = tg_senders_find(o->e.senders, &o->head.sender);
	if (!sender_name)
		return fail(o, TG_ESIGNATURE,
			"the head names another sender than those that were expected");
	tg_head_public(&o->head, sender_name, &o->seen);
	err = tg_expect_head(&o->e, &o->head, &o->seen, &o->search.found, o->why_text);
	if (err)
		return fail(o, err, o->why_text);
	tg_prehash_init(&o->signed_part);
	tg_prehash_update(&o->signed_part, p, *len);
	o->has_head = 1;
	o->head_len = *len;
	err = o->o.on_head ? o->o.on_head(o->o.ctx, &o->seen) : 0;
	return err ? fail(o, err, "the head was not accepted") : 0;
}

static int open_chunk(tg_opener *o, const uint8_t *p, size_t n, int last)
{
	uint8_t *plain = o->plain + TG_TRAILER;
	size_t head_len = 0;
	int err = o->on_chunk ? o->on_chunk(o->chunk_ctx, p, n) : 0;

	if (err)
		return fail(o, err, tg_strerror(err));
	err = tg_stream_open(&o->stream, p, n, last, plain);
	if (err)
		return fail(o, err,
			last ? "the payload was cut or changed: its last chunk is not authentic" :
			       "the payload was changed: a chunk is not authentic, or follows the "
			       "last one");
	if (o->state == ST_FIRST_CHUNK) {
		o->state = ST_CHUNKS;
		if (!o->e.raw && take_head(o, plain, n - TG_AGE_TAG, &head_len) != 0)
			return o->err;
	}
	return release_content(o, plain + head_len, n - TG_AGE_TAG - head_len);
}

/* The payload -------------------------------------------------------------- */

static size_t collect(tg_opener *o, const uint8_t *p, size_t n, size_t want)
{
	size_t take = n < want - o->held ? n : want - o->held;

	memcpy(o->in + o->held, p, take);
	o->held += take;
	return take;
}

static size_t take_nonce(tg_opener *o, const uint8_t *p, size_t n)
{
	size_t took = collect(o, p, n, TG_AGE_NONCE);
	int err;

	if (o->held < TG_AGE_NONCE)
		return took;
	err = tg_stream_init(&o->stream, o->search.file_key, o->in, 0);
	tg_wipe(o->search.file_key, sizeof o->search.file_key);
	if (err)
		(void)fail(o, err, tg_strerror(err));
	o->held = 0;
	o->state = ST_FIRST_CHUNK;
	return took;
}

static size_t take_chunk(tg_opener *o, const uint8_t *p, size_t n)
{
	size_t took;

	if (o->held == 0 && n >= TG_SEALED_CHUNK) { /* without copying, as it is a whole chunk */
		(void)open_chunk(o, p, TG_SEALED_CHUNK, 0);
		return TG_SEALED_CHUNK;
	}
	took = collect(o, p, n, TG_SEALED_CHUNK);
	if (o->stream.ended) {
		(void)fail(o, TG_EPAYLOAD,
			"the payload was added to: something follows its last chunk");
	} else if (o->held == TG_SEALED_CHUNK) {
		o->held = 0;
		(void)open_chunk(o, o->in, TG_SEALED_CHUNK, 0);
	}
	return took;
}

/* The interface ------------------------------------------------------------ */

int tg_open_new(const tg_open_opts *opts, tg_opener **out)
{
	tg_open_opts o_in;
	tg_expect e;
	tg_opener *o;
	int err = TG_ABI_IN(o_in, opts);

	if (!err)
		err = TG_ABI_IN(e, o_in.expect);
	if (!err && !o_in.write)
		err = TG_EINVAL;
	if (!err)
		err = tg_expect_ok(&e);
	if (err)
		return err;
	o = tg_secret_take(&spares, sizeof *o);
	if (!o)
		return TG_ENOMEM;
	o->o = o_in;
	o->e = e;
	o->why = "";
	tg_envelope_init(&o->envelope, &o->text);
	/* A file sealed with a passphrase cannot be opened here; the grammar lets it pass so that
	 * the answer is "no match" and not "malformed". */
	o->envelope.allow_scrypt = 1;
	o->search.identity = e.identity;
	o->search.n_identities = e.n_identities;
	o->search.stop_at_first = e.raw;
	o->envelope.on_stanza = tg_stanza_search;
	o->envelope.ctx = &o->search;
	*out = o;
	return 0;
}

int tg_open_push(tg_opener *o, const void *data, size_t n)
{
	const uint8_t *p = data;

	if (!o->err && o->finished)
		return fail(o, TG_EINVAL, "finished before");
	while (n > 0 && !o->err) {
		size_t took = 0;
		switch (o->state) {
		case ST_ARMOR:
			took = take_armor(o, p, n);
			break;
		case ST_HEADER:
			took = take_header(o, p, n);
			break;
		case ST_NONCE:
			took = take_nonce(o, p, n);
			break;
		case ST_FIRST_CHUNK:
		case ST_CHUNKS:
			took = take_chunk(o, p, n);
			break;
		}
		p += took;
		n -= took;
	}
	return o->err;
}

static int finish_payload(tg_opener *o)
{
	if (o->state == ST_ARMOR || o->state == ST_HEADER)
		return fail(o, TG_EHEADER, "the file ends within its header");
	if (o->state == ST_NONCE)
		return fail(o, TG_EHEADER, "the file ends within its nonce");
	if (o->stream.ended)
		return 0;
	return open_chunk(o, o->in, o->held, 1);
}

static int finish_signature(tg_opener *o)
{
	if (o->tail != TG_TRAILER)
		return fail(o, TG_ESIGNATURE, "the content ends without a signature");
	if (tg_prehash_verify(&o->signed_part, o->plain, o->head.sender.pk) != 0)
		return fail(o, TG_ESIGNATURE,
			"the sender's signature does not verify: the content is not what the "
			"sender sealed");
	return 0;
}

int tg_open_finish(tg_opener *o)
{
	if (!o->err && o->finished)
		return fail(o, TG_EINVAL, "finished before");
	o->finished = 1;
	if (!o->err && finish_payload(o) == 0 && !o->e.raw)
		(void)finish_signature(o);
	tg_wipe(o->plain, sizeof o->plain);
	if (!o->keep_stream)
		tg_stream_wipe(&o->stream);
	return o->err;
}

const tg_head *tg_open_head(const tg_opener *o)
{
	return o->has_head ? &o->seen : NULL;
}

size_t tg_open_recipient(const tg_opener *o, size_t i, char *out, size_t cap)
{
	return o->has_head && i < o->head.n_recipients ?
		tg_recipient_text(&o->head.recipient[i], out, cap) :
		0;
}

const char *tg_open_why(const tg_opener *o)
{
	return o->why;
}

void tg_open_observe(tg_opener *o, tg_chunk_fn *on_chunk, void *ctx)
{
	o->on_chunk = on_chunk;
	o->chunk_ctx = ctx;
	o->keep_stream = 1;
}

void tg_open_rewind(tg_opener *o, struct tg_payload *out)
{
	out->stream = &o->stream;
	out->start = o->envelope.header_len + TG_AGE_NONCE;
	out->head_len = o->head_len;
	out->content_len = o->content_len;
	tg_stream_rewind(&o->stream);
}

void tg_open_free(tg_opener *o)
{
	if (!o)
		return;
	tg_stream_wipe(&o->stream);
	tg_secret_give(&spares, o, sizeof *o);
}
