/*
 * seal.c: seals content to recipients as an age v1 file; unless it is raw, with a signed head in
 * front of the content and the signature behind it. It holds one chunk of plaintext and one of
 * ciphertext, and does no I/O but the caller's write(). Runs in the library.
 *
 * age.md, "Header", "The X25519 recipient type", "Payload"; head and trailer: docs/envelope.md,
 * section 3.
 */
#include <sodium.h>
#include <string.h>
#include "core/b64.h"
#include "lib/abi.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/head.h"
#include "lib/prehash.h"
#include "lib/secmem.h"
#include "lib/stream.h"

#define VERSION_LINE "age-encryption.org/v1\n"
#define KEY_TEXT 43
#define STANZA_TEXT (sizeof "-> X25519 " - 1 + KEY_TEXT + 1 + KEY_TEXT + 1)
#define MAC_TEXT (sizeof "--- " - 1 + KEY_TEXT + 1)
#define HEADER_TEXT(n) (sizeof VERSION_LINE - 1 + (n)*STANZA_TEXT + MAC_TEXT)

struct tg_sealer { /* lives in guarded memory */
	tg_write_fn *write;
	void *ctx;
	int err; /* the first error; every further call returns it */
	int finished;
	int is_signed;
	uint8_t sk[crypto_sign_SECRETKEYBYTES];
	struct tg_prehash signed_part;
	tg_head head; /* as the caller may see it */
	struct tg_stream stream;
	size_t held; /* bytes of plain that wait for a full chunk, or for the end */
	uint8_t plain[TG_AGE_CHUNK];
	uint8_t sealed[TG_SEALED_CHUNK];
};

static struct tg_spares spares;

static int options_ok(const tg_seal_opts *o)
{
	if (!o->recipient || o->n_recipients == 0 || o->n_recipients > TG_RECIPIENTS_MAX)
		return TG_ERECIPIENT;
	for (size_t i = 0; i < o->n_recipients; i++)
		if (!o->recipient[i])
			return TG_ERECIPIENT;
	return 0;
}

/* Copies a label; NULL is the same as "". Returns err when it is too long. */
static int copy_label(const char *label, char *out, size_t cap, int err)
{
	size_t n = label ? strlen(label) : 0;

	if (n >= cap)
		return err;
	if (n > 0)
		memcpy(out, label, n);
	out[n] = '\0';
	return 0;
}

/* Fills in the head that these options describe, with the issuer in canonical form. */
static int fill_head(const tg_seal_opts *o, struct tg_head_fields *h)
{
	int err = copy_label(o->kind, h->kind, sizeof h->kind, TG_EKIND);

	if (!err)
		err = copy_label(o->session, h->session, sizeof h->session, TG_ESESSION);
	if (!err)
		err = copy_label(o->subject, h->subject, sizeof h->subject, TG_ESUBJECT);
	if (!err)
		err = copy_label(
			o->content_type, h->content_type, sizeof h->content_type, TG_EMEDIA);
	if (err)
		return err;
	memset(h->issuer, 0, sizeof h->issuer);
	if (o->issuer && o->issuer[0] &&
		tg_issuer_parse(o->issuer, strlen(o->issuer), h->issuer) != 0)
		return TG_EISSUER;
	h->time_ms = o->time_ms != 0 ? o->time_ms : clock_unix_ms();
	if (o->ref)
		memcpy(h->ref, o->ref, sizeof h->ref);
	else
		randombytes_buf(h->ref, sizeof h->ref);
	memcpy(h->sender.pk, o->signer->pk, sizeof h->sender.pk);
	for (size_t i = 0; i < o->n_recipients; i++)
		h->recipient[i] = *o->recipient[i];
	h->n_recipients = o->n_recipients;
	return tg_head_check(h);
}

/* Sealing chunks ----------------------------------------------------------- */

static int seal_chunk(tg_sealer *s, const uint8_t *p, size_t n, int last)
{
	int err = tg_stream_seal(&s->stream, p, n, last, s->sealed);
	return err ? err : s->write(s->ctx, s->sealed, n + TG_AGE_TAG);
}

/* A full chunk waits until more follows, because the last chunk has a mark of its own, also when it
 * is full. */
static int push_plain(tg_sealer *s, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t room = TG_AGE_CHUNK - s->held, take = n < room ? n : room;
		int err = 0;

		if (s->held == 0 &&
			n > TG_AGE_CHUNK) { /* without copying, as it is a whole chunk */
			err = seal_chunk(s, p, TG_AGE_CHUNK, 0);
		} else if (room == 0) {
			err = seal_chunk(s, s->plain, TG_AGE_CHUNK, 0);
			s->held = 0;
		} else {
			memcpy(s->plain + s->held, p, take);
			s->held += take;
		}
		if (err)
			return err;
		p += take;
		n -= take;
	}
	return 0;
}

/* Adds bytes of the head or the content, which the signature covers. */
static int push_signed(tg_sealer *s, const uint8_t *p, size_t n)
{
	if (s->is_signed)
		tg_prehash_update(&s->signed_part, p, n);
	return push_plain(s, p, n);
}

/* The header --------------------------------------------------------------- */

static char *put_key(char *at, const uint8_t key[32])
{
	at += tg_b64_encode(TG_B64_NOPAD, key, 32, at);
	*at++ = '\n';
	return at;
}

static int write_header(tg_sealer *s, const tg_seal_opts *o, const uint8_t file_key[TG_FILE_KEY],
	const uint8_t nonce[TG_AGE_NONCE])
{
	char text[HEADER_TEXT(TG_RECIPIENTS_MAX) + TG_AGE_NONCE + 2],
		*at = stpcpy(text, VERSION_LINE);
	uint8_t share[32], body[TG_WRAPPED_KEY], mac[32];
	int err;

	for (size_t i = 0; i < o->n_recipients; i++) {
		err = tg_x25519_wrap(o->recipient[i], file_key, share, body);
		if (err)
			return err;
		at = stpcpy(at, "-> X25519 ");
		at = put_key(at, share);
		at = put_key(at, body);
	}
	at = stpcpy(at, "---");
	err = tg_header_mac(file_key, (const uint8_t *)text, (size_t)(at - text), mac);
	if (err)
		return err;
	*at++ = ' ';
	at = put_key(at, mac);
	memcpy(at, nonce, TG_AGE_NONCE);
	return s->write(s->ctx, text, (size_t)(at - text) + TG_AGE_NONCE);
}

/* Draws the keys and writes the header and, in a signed file, the head. head: NULL for a raw file.
 */
static int begin(tg_sealer *s, const tg_seal_opts *o, const struct tg_head_fields *head)
{
	uint8_t file_key[TG_FILE_KEY], nonce[TG_AGE_NONCE];
	char text[TG_HEAD_TEXT_MAX];
	int err = 0;

	if (head) {
		tg_head_public(head, NULL, &s->head);
		s->is_signed = 1;
		memcpy(s->sk, o->signer->sk, sizeof s->sk);
		tg_prehash_init(&s->signed_part);
	}
	randombytes_buf(file_key, sizeof file_key);
	randombytes_buf(nonce, sizeof nonce);
	err = tg_stream_init(&s->stream, file_key, nonce, 1);
	if (!err)
		err = write_header(s, o, file_key, nonce);
	tg_wipe(file_key, sizeof file_key);
	if (err || !head)
		return err;
	return push_signed(s, (const uint8_t *)text, tg_head_format(head, text));
}

/* The interface ------------------------------------------------------------ */

int tg_seal_new(const tg_seal_opts *opts, tg_sealer **out)
{
	struct tg_head_fields head;
	tg_seal_opts o;
	tg_sealer *s;
	int err = TG_ABI_IN(o, opts);

	if (!err && !o.write)
		err = TG_EINVAL;
	if (!err)
		err = options_ok(&o);
	if (!err && o.signer)
		err = fill_head(&o, &head);
	if (err)
		return err;
	s = tg_secret_take(&spares, sizeof *s);
	if (!s)
		return TG_ENOMEM;
	s->write = o.write;
	s->ctx = o.ctx;
	err = begin(s, &o, o.signer ? &head : NULL);
	if (err) {
		tg_seal_free(s);
		return err;
	}
	*out = s;
	return 0;
}

int tg_seal_push(tg_sealer *s, const void *p, size_t n)
{
	if (!s->err && s->finished)
		s->err = TG_EINVAL;
	if (!s->err)
		s->err = push_signed(s, p, n);
	return s->err;
}

int tg_seal_finish(tg_sealer *s)
{
	uint8_t signature[TG_TRAILER];

	if (!s->err && s->finished)
		s->err = TG_EINVAL;
	s->finished = 1;
	if (!s->err && s->is_signed) {
		s->err = tg_prehash_sign(&s->signed_part, s->sk, signature);
		if (!s->err)
			s->err = push_plain(s, signature, sizeof signature);
	}
	if (!s->err)
		s->err = seal_chunk(s, s->plain, s->held, 1);
	tg_wipe(s->sk, sizeof s->sk);
	tg_wipe(s->plain, sizeof s->plain);
	tg_stream_wipe(&s->stream);
	return s->err;
}

const tg_head *tg_seal_head(const tg_sealer *s)
{
	return s->is_signed ? &s->head : NULL;
}

void tg_seal_free(tg_sealer *s)
{
	if (!s)
		return;
	tg_stream_wipe(&s->stream);
	tg_secret_give(&spares, s, sizeof *s);
}

uint64_t tg_seal_size(const tg_seal_opts *opts, uint64_t content_len)
{
	uint64_t plain = content_len, chunks;
	struct tg_head_fields head;
	char text[TG_HEAD_TEXT_MAX];
	tg_seal_opts o;

	if (TG_ABI_IN(o, opts) != 0 || options_ok(&o) != 0 ||
		(o.signer && fill_head(&o, &head) != 0))
		return 0;
	if (o.signer)
		plain += tg_head_format(&head, text) + TG_TRAILER;
	chunks = plain == 0 ? 1 : (plain + TG_AGE_CHUNK - 1) / TG_AGE_CHUNK;
	return HEADER_TEXT(o.n_recipients) + TG_AGE_NONCE + plain + chunks * TG_AGE_TAG;
}
