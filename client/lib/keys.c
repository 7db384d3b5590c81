/*
 * keys.c: identities, recipients, signing keys and senders, and their text. It generates and reads
 * keys; it uses none. Secret halves live in guarded memory from the first byte read to the last
 * byte freed. Runs in the library.
 *
 * Text: age's own for X25519 (age.md, "The X25519 recipient type"); ours for Ed25519 is the same
 * with other prefixes.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/point.h"
#include "lib/bech32.h"
#include "lib/keys.h"
#include "lib/secmem.h"

#define HRP_IDENTITY "AGE-SECRET-KEY-"
#define HRP_RECIPIENT "age"
#define HRP_SIGNER "TIMEGLAS-SIGNING-KEY-"
#define HRP_SENDER "timeglas-sender"
#define KEY_FILE_MAX 65536u
/* characters of an identity's or a signing key's text, its NUL included */
#define SECRET_TEXT 128u

/* As snprintf() does: cuts a text that does not fit, and returns its whole length. */
static size_t give_text(const char *text, char *out, size_t cap)
{
	size_t n = strlen(text), take = n < cap ? n : cap - 1;

	if (cap > 0) {
		memcpy(out, text, take);
		out[take] = '\0';
	}
	return n;
}

static size_t secret_text(const char *hrp, const uint8_t *p, size_t n, char *out, size_t cap)
{
	char text[SECRET_TEXT];
	size_t len;

	(void)tg_bech32_encode(hrp, p, n, text, sizeof text);
	len = give_text(text, out, cap);
	tg_wipe(text, sizeof text);
	return len;
}

static size_t public_text(const char *hrp, const uint8_t *p, size_t n, char *out, size_t cap)
{
	char text[TG_PUBLIC_TEXT];

	(void)tg_bech32_encode(hrp, p, n, text, sizeof text);
	return give_text(text, out, cap);
}

/* Identities --------------------------------------------------------------- */

int tg_identity_generate(tg_identity **out)
{
	tg_identity *id = tg_secret_alloc(sizeof *id);

	if (!id)
		return TG_ENOMEM;
	randombytes_buf(id->sk, sizeof id->sk);
	if (crypto_scalarmult_base(id->pk, id->sk) != 0) {
		tg_identity_free(id);
		return TG_EINTERNAL;
	}
	*out = id;
	return 0;
}

int tg_identity_parse(const char *text, size_t n, tg_identity **out)
{
	tg_identity *id = tg_secret_alloc(sizeof *id);

	if (!id)
		return TG_ENOMEM;
	if (tg_bech32_decode(HRP_IDENTITY, text, n, id->sk, sizeof id->sk) != 0 ||
		crypto_scalarmult_base(id->pk, id->sk) != 0) {
		tg_identity_free(id);
		return TG_EKEY;
	}
	*out = id;
	return 0;
}

size_t tg_identity_text(const tg_identity *id, char *out, size_t cap)
{
	return secret_text(HRP_IDENTITY, id->sk, sizeof id->sk, out, cap);
}

/* Public halves live in plain memory. */
static int give_recipient(const tg_recipient *r, tg_recipient **out)
{
	tg_recipient *copy = tg_plain_alloc(sizeof *copy);

	if (!copy)
		return TG_ENOMEM;
	*copy = *r;
	*out = copy;
	return 0;
}

static int give_sender(const tg_sender *s, tg_sender **out)
{
	tg_sender *copy = tg_plain_alloc(sizeof *copy);

	if (!copy)
		return TG_ENOMEM;
	*copy = *s;
	*out = copy;
	return 0;
}

int tg_identity_recipient(const tg_identity *id, tg_recipient **out)
{
	tg_recipient r;

	memcpy(r.pk, id->pk, sizeof r.pk);
	return give_recipient(&r, out);
}

void tg_identity_free(tg_identity *id)
{
	tg_secret_free(id);
}

int tg_recipient_read(const char *text, size_t n, tg_recipient *out)
{
	int err = tg_bech32_decode(HRP_RECIPIENT, text, n, out->pk, sizeof out->pk);

	/* Anybody can open what is sealed to a point of small order, so it is refused when it is
	 * read. */
	return err ? err : tg_point_small_order(out->pk) ? TG_EKEY : 0;
}

int tg_recipient_parse(const char *text, size_t n, tg_recipient **out)
{
	tg_recipient r;
	int err = tg_recipient_read(text, n, &r);

	return err ? err : give_recipient(&r, out);
}

size_t tg_recipient_text(const tg_recipient *r, char *out, size_t cap)
{
	return public_text(HRP_RECIPIENT, r->pk, sizeof r->pk, out, cap);
}

void tg_recipient_free(tg_recipient *r)
{
	free(r);
}

/* Signing keys ------------------------------------------------------------- */

int tg_signer_generate(tg_signer **out)
{
	tg_signer *s = tg_secret_alloc(sizeof *s);

	if (!s)
		return TG_ENOMEM;
	if (crypto_sign_keypair(s->pk, s->sk) != 0) {
		tg_signer_free(s);
		return TG_EINTERNAL;
	}
	*out = s;
	return 0;
}

int tg_signer_parse(const char *text, size_t n, tg_signer **out)
{
	tg_signer *s = tg_secret_alloc(sizeof *s);
	uint8_t seed[crypto_sign_SEEDBYTES];
	int err;

	if (!s)
		return TG_ENOMEM;
	err = tg_bech32_decode(HRP_SIGNER, text, n, seed, sizeof seed);
	if (!err && crypto_sign_seed_keypair(s->pk, s->sk, seed) != 0)
		err = TG_EKEY;
	tg_wipe(seed, sizeof seed);
	if (err) {
		tg_signer_free(s);
		return err;
	}
	*out = s;
	return 0;
}

size_t tg_signer_text(const tg_signer *s, char *out, size_t cap)
{
	/* The seed is the first half of libsodium's secret key. */
	return secret_text(HRP_SIGNER, s->sk, crypto_sign_SEEDBYTES, out, cap);
}

int tg_signer_sender(const tg_signer *s, tg_sender **out)
{
	tg_sender sender;

	memcpy(sender.pk, s->pk, sizeof sender.pk);
	return give_sender(&sender, out);
}

void tg_signer_free(tg_signer *s)
{
	tg_secret_free(s);
}

int tg_sender_decode(const char *text, size_t n, tg_sender *out)
{
	return tg_bech32_decode(HRP_SENDER, text, n, out->pk, sizeof out->pk);
}

int tg_sender_read(const char *text, size_t n, tg_sender *out)
{
	int err = tg_sender_decode(text, n, out);

	/* With a point of small order anybody could sign, so it is refused when it is read. */
	if (!err && crypto_core_ed25519_is_valid_point(out->pk) != 1)
		err = TG_EKEY;
	return err;
}

int tg_sender_parse(const char *text, size_t n, tg_sender **out)
{
	tg_sender s;
	int err = tg_sender_read(text, n, &s);

	return err ? err : give_sender(&s, out);
}

size_t tg_sender_text(const tg_sender *s, char *out, size_t cap)
{
	return public_text(HRP_SENDER, s->pk, sizeof s->pk, out, cap);
}

void tg_sender_free(tg_sender *s)
{
	free(s);
}

/* Key files ---------------------------------------------------------------- */

/* Reads a whole key file into guarded memory, which the caller frees. TG_EIO leaves errno as it was
 * set. */
static int read_key_file(const char *path, char **buf, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = TG_EIO;
	ssize_t n = 1;

	*len = 0;
	*buf = NULL;
	if (fd < 0)
		return TG_EIO;
	*buf = tg_secret_alloc(KEY_FILE_MAX);
	if (!*buf) {
		close(fd);
		return TG_ENOMEM;
	}
	while (n > 0 && *len < KEY_FILE_MAX) {
		n = read(fd, *buf + *len, KEY_FILE_MAX - *len);
		if (n > 0)
			*len += (size_t)n;
	}
	if (n >= 0)
		err = *len < KEY_FILE_MAX ? 0 : TG_EKEY;
	close(fd);
	if (err) {
		tg_secret_free(*buf);
		*buf = NULL;
	}
	return err;
}

/* Returns the length of the next line that is neither empty nor a comment, without its LF or CRLF;
 * 0 at the end. */
static int next_key_line(const char **at, const char *end, const char **line, size_t *n)
{
	while (*at < end) {
		const char *lf = memchr(*at, '\n', (size_t)(end - *at));
		*line = *at;
		*n = (size_t)((lf ? lf : end) - *at);
		*at = lf ? lf + 1 : end;
		if (*n > 0 && (*line)[*n - 1] == '\r')
			(*n)--;
		if (*n > 0 && **line != '#')
			return 1;
	}
	return 0;
}

int tg_identity_load(const char *path, tg_identity **out, size_t cap, size_t *n)
{
	const char *at, *line;
	size_t len, line_len;
	char *buf;
	int err = read_key_file(path, &buf, &len);

	*n = 0;
	if (err)
		return err;
	at = buf;
	while (!err && next_key_line(&at, buf + len, &line, &line_len)) {
		err = *n < cap ? tg_identity_parse(line, line_len, &out[*n]) : TG_EKEY;
		*n += err == 0;
	}
	if (!err && *n == 0)
		err = TG_EKEY;
	while (err && *n > 0)
		tg_identity_free(out[--*n]);
	tg_secret_free(buf);
	return err;
}

int tg_signer_load(const char *path, tg_signer **out)
{
	const char *at, *line, *more;
	size_t len, line_len, more_len;
	char *buf;
	int err = read_key_file(path, &buf, &len);

	if (err)
		return err;
	at = buf;
	err = TG_EKEY;
	if (next_key_line(&at, buf + len, &line, &line_len) &&
		!next_key_line(&at, buf + len, &more, &more_len))
		err = tg_signer_parse(line, line_len, out);
	tg_secret_free(buf);
	return err;
}
