/*
 * open_fd.c: opens a sealed file in two passes: the first checks all of it, the second releases it.
 * Content that fits into one block of guarded memory is kept there between the two. Larger content
 * is read and opened again; a MAC proves that each chunk is the one that was checked (AES-GMAC,
 * under a key that is drawn for this file and never leaves the process; 16 bytes are kept for each
 * chunk of 64 KiB). Runs in the library. docs/envelope.md, section 3.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/abi.h"
#include "lib/clock.h"
#include "lib/expect.h"
#include "lib/open.h"
#include "lib/secmem.h"

/* Several sealed chunks at a time: the opener copies only the first and the last of them. */
#define READ_BYTES 262144
#define TAG 16
#define IV 12
#define KEY 16
#define CHANGED \
	"the file was changed while it was being opened: what was released is only a beginning " \
	"of it"

struct content { /* lives in guarded memory */
	size_t n;
	int over; /* the content did not fit, and bytes is of no use */
	uint8_t bytes[TG_AGE_CHUNK];
};

static struct tg_spares spares;

struct pass {
	tg_open_opts o;
	int fd;
	off_t start; /* of the sealed file, in fd */
	char *why;
	size_t why_cap;
	struct content *content;
	EVP_CIPHER_CTX *mac;
	uint8_t (*tag)[TAG]; /* of each sealed chunk, in their order */
	size_t n_tags, cap_tags;
	uint8_t *buf; /* READ_BYTES */
};

static int with_why(struct pass *p, int err, const char *why)
{
	if (p->why && p->why_cap > 0 && err)
		snprintf(p->why, p->why_cap, "%s", why);
	return err;
}

static int cannot_read(struct pass *p)
{
	int saved = errno;
	char text[128];

	snprintf(text, sizeof text, "cannot read it: %s", strerror(saved));
	errno = saved;
	return with_why(p, TG_EIO, text);
}

/* The MAC of chunks -------------------------------------------------------- */

static int mac_new(struct pass *p)
{
	uint8_t key[KEY];
	int ok;

	randombytes_buf(key, sizeof key);
	p->mac = EVP_CIPHER_CTX_new();
	ok = p->mac && EVP_EncryptInit_ex2(p->mac, tg_mac_cipher(), key, NULL, NULL) == 1;
	tg_wipe(key, sizeof key);
	return ok ? 0 : p->mac ? TG_EINTERNAL : TG_ENOMEM;
}

/* The chunk's number is the nonce, so the same chunk in another place has another tag. */
static int mac_chunk(
	struct pass *p, uint64_t number, const uint8_t *chunk, size_t n, uint8_t tag[TAG])
{
	uint8_t iv[IV] = {0};
	int len;

	for (unsigned i = 0; i < 8; i++)
		iv[i] = (uint8_t)(number >> 8 * i);
	if (EVP_EncryptInit_ex2(p->mac, NULL, NULL, iv, NULL) != 1 ||
		EVP_EncryptUpdate(p->mac, NULL, &len, chunk, (int)n) != 1 ||
		EVP_EncryptFinal_ex(p->mac, tag, &len) != 1 ||
		EVP_CIPHER_CTX_ctrl(p->mac, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1)
		return TG_EINTERNAL;
	return 0;
}

static int remember_chunk(void *ctx, const uint8_t *chunk, size_t n)
{
	struct pass *p = ctx;

	if (p->n_tags == p->cap_tags) {
		size_t cap = p->cap_tags ? p->cap_tags * 2 : 64;
		uint8_t(*grown)[TAG] = tg_plain_grow(p->tag, cap * sizeof *grown);

		if (!grown)
			return TG_ENOMEM;
		p->tag = grown;
		p->cap_tags = cap;
	}
	p->n_tags++;
	return mac_chunk(p, p->n_tags - 1, chunk, n, p->tag[p->n_tags - 1]);
}

/* The first pass ----------------------------------------------------------- */

static int keep_content(void *ctx, const void *data, size_t n)
{
	struct content *c = ctx;

	c->over = c->over || n > sizeof c->bytes - c->n;
	if (!c->over) {
		memcpy(c->bytes + c->n, data, n);
		c->n += n;
	}
	return 0;
}

static int check(struct pass *p, tg_opener *opener)
{
	int err = 0;

	while (!err) {
		ssize_t n = read(p->fd, p->buf, READ_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_read(p);
		if (n == 0) {
			err = tg_open_finish(opener);
			break;
		}
		err = tg_open_push(opener, p->buf, (size_t)n);
	}
	return with_why(p, err, tg_open_why(opener));
}

/* The second pass ---------------------------------------------------------- */

static int read_chunk(struct pass *p, off_t at, size_t *n)
{
	*n = 0;
	while (*n < TG_SEALED_CHUNK) {
		ssize_t got = pread(p->fd, p->buf + *n, TG_SEALED_CHUNK - *n, at + (off_t)*n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cannot_read(p);
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return 0;
}

static int same_chunk(struct pass *p, size_t number, size_t n)
{
	uint8_t tag[TAG];
	int err = mac_chunk(p, number, p->buf, n, tag);

	if (err)
		return with_why(p, err, tg_strerror(err));
	return sodium_memcmp(tag, p->tag[number], sizeof tag) == 0 ?
		0 :
		with_why(p, TG_EPAYLOAD, CHANGED);
}

static int give_content(struct pass *p, const uint8_t *bytes, size_t n)
{
	int err = n > 0 ? p->o.write(p->o.ctx, bytes, n) : 0;

	return with_why(p, err, "the content could not be written where it was to go");
}

/* In the first pass all chunks were authentic, and head and signature good. A chunk is opened and
 * released only if it is still the same. */
static int release_checked(struct pass *p, const struct tg_payload *payload)
{
	uint64_t left = payload->content_len;
	size_t skip = payload->head_len, n;
	int err = 0;

	for (size_t i = 0; i < p->n_tags && !err && left > 0; i++) {
		size_t plain, give_n;

		err = read_chunk(p,
			p->start + (off_t)payload->start + (off_t)i * (off_t)TG_SEALED_CHUNK, &n);
		if (!err)
			err = same_chunk(p, i, n);
		if (err)
			break;
		err = tg_stream_open(
			payload->stream, p->buf, n, i + 1 == p->n_tags, p->content->bytes);
		if (err) {
			with_why(p, err, CHANGED);
			break;
		}
		plain = n - TG_AGE_TAG - skip;
		give_n = plain < left ? plain :
					(size_t)left; /* the trailer stands behind the content */
		err = give_content(p, p->content->bytes + skip, give_n);
		left -= give_n;
		skip = 0;
	}
	return err;
}

static int run_passes(struct pass *p, tg_opener *opener, tg_head *head)
{
	struct tg_payload payload;
	const tg_head *seen;
	int err = check(p, opener);

	if (err)
		return err;
	seen = tg_open_head(opener);
	if (seen)
		TG_ABI_OUT(head, *seen);
	if (seen && p->o.on_head) {
		err = p->o.on_head(p->o.ctx, seen);
		if (err)
			return with_why(p, err, "the head was not accepted");
	}
	if (!p->content->over)
		return give_content(p, p->content->bytes, p->content->n);
	tg_open_rewind(opener, &payload);
	return release_checked(p, &payload);
}

static int prepare(struct pass *p, tg_opener **opener, tg_expect *e)
{
	tg_open_opts first = {.struct_size = sizeof first, .expect = e, .write = keep_content};
	int err = 0;

	p->start = lseek(p->fd, 0, SEEK_CUR);
	if (p->start < 0)
		return with_why(p, TG_EIO, "it cannot be read twice, as it is no file");
	p->buf = tg_plain_alloc(READ_BYTES);
	p->content = tg_secret_take(&spares, sizeof *p->content);
	first.ctx = p->content;
	if (!p->buf || !p->content)
		err = TG_ENOMEM;
	if (!err)
		err = mac_new(p);
	if (!err) {
		if (e->now_ms == 0)
			e->now_ms = clock_unix_ms(); /* both passes judge by one time */
		err = tg_open_new(&first, opener);
	}
	if (!err)
		tg_open_observe(*opener, remember_chunk, p);
	return with_why(p, err,
		err == TG_EINVAL ? "identities, senders or demands are missing, or malformed" :
				   tg_strerror(err));
}

int tg_open_fd(const tg_open_opts *opts, int fd, tg_head *head, char *why, size_t why_cap)
{
	struct pass p = {.fd = fd, .why = why, .why_cap = why_cap};
	tg_opener *opener = NULL;
	tg_expect e;
	int err = TG_ABI_IN(p.o, opts), saved;

	if (!err)
		err = TG_ABI_IN(e, p.o.expect);
	if (!err && (!p.o.write || TG_ABI_OUT_OK(head) != 0))
		err = TG_EINVAL;
	if (err)
		return with_why(&p, err, "the options lack their struct_size, expect or write()");
	err = prepare(&p, &opener, &e);
	if (!err)
		err = run_passes(&p, opener, head);
	saved = errno;
	tg_open_free(opener);
	EVP_CIPHER_CTX_free(p.mac);
	tg_secret_give(&spares, p.content, sizeof *p.content);
	free(p.tag);
	free(p.buf);
	errno = saved;
	return err;
}
