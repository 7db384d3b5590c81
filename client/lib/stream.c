/*
 * stream.c: seals and opens single chunks of an age file's payload (age.md, "Payload"). Who holds
 * the chunks, and when they may be released, is decided in seal.c and open.c. OpenSSL's cipher,
 * because it is twice as fast as libsodium's here. Runs in the library.
 */
#include <string.h>
#include "lib/secmem.h"
#include "lib/stream.h"

#define NONCE 12

int tg_stream_init(struct tg_stream *s, const uint8_t file_key[TG_FILE_KEY],
	const uint8_t nonce[TG_AGE_NONCE], int sealing)
{
	uint8_t key[32];
	int err = tg_hkdf(file_key, TG_FILE_KEY, nonce, TG_AGE_NONCE, "payload", key);

	memset(s, 0, sizeof *s);
	if (!err) {
		s->ctx = EVP_CIPHER_CTX_new();
		if (!s->ctx)
			err = TG_ENOMEM;
		else if (EVP_CipherInit_ex2(s->ctx, tg_bulk_cipher(), key, NULL, sealing, NULL) !=
			1)
			err = TG_EINTERNAL;
	}
	tg_wipe(key, sizeof key);
	return err;
}

/* The nonce is a big-endian counter of eleven bytes, of which eight suffice for every file, and a
 * byte that is 1 for the last chunk. */
static int start_chunk(struct tg_stream *s, int last)
{
	uint8_t nonce[NONCE] = {0};

	for (unsigned i = 0; i < 8; i++)
		nonce[10 - i] = (uint8_t)(s->chunk >> 8 * i);
	nonce[11] = (uint8_t)(last != 0);
	return EVP_CipherInit_ex2(s->ctx, NULL, NULL, nonce, -1, NULL) == 1;
}

int tg_stream_seal(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out)
{
	int len = 0, rest = 0;

	if (!start_chunk(s, last) ||
		(n > 0 && EVP_EncryptUpdate(s->ctx, out, &len, p, (int)n) != 1) ||
		EVP_EncryptFinal_ex(s->ctx, out + len, &rest) != 1 || (size_t)(len + rest) != n ||
		EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, TG_AGE_TAG, out + n) != 1)
		return TG_EINTERNAL;
	s->chunk++;
	s->ended = last;
	return 0;
}

static int open_as(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out)
{
	uint8_t tag[TG_AGE_TAG];
	int len = 0, rest = 0;

	memcpy(tag, p + n, sizeof tag);
	if (!start_chunk(s, last) ||
		EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, TG_AGE_TAG, tag) != 1)
		return TG_EINTERNAL;
	if ((n > 0 && EVP_DecryptUpdate(s->ctx, out, &len, p, (int)n) != 1) ||
		EVP_DecryptFinal_ex(s->ctx, out + len, &rest) != 1) {
		tg_wipe(out, n); /* it was decrypted before it was known to be false */
		return TG_EPAYLOAD;
	}
	s->chunk++;
	s->ended = last;
	return 0;
}

int tg_stream_open(struct tg_stream *s, const uint8_t *p, size_t n, int last, uint8_t *out)
{
	int err;

	/* Only an empty payload has an empty last chunk. */
	if (n < TG_AGE_TAG || (n == TG_AGE_TAG && s->chunk > 0) || s->ended)
		return TG_EPAYLOAD;
	err = open_as(s, p, n - TG_AGE_TAG, last, out);
	if (err == TG_EPAYLOAD && !last)
		err = open_as(s, p, n - TG_AGE_TAG, 1, out);
	return err;
}

void tg_stream_rewind(struct tg_stream *s)
{
	s->chunk = 0;
	s->ended = 0;
}

void tg_stream_wipe(struct tg_stream *s)
{
	EVP_CIPHER_CTX_free(s->ctx);
	memset(s, 0, sizeof *s);
}
