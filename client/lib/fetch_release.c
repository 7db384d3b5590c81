/*
 * fetch_release.c: the checks of a fetched blob (digest, sealed file, sender, id, labels, age,
 * replay), and where its content goes when all have passed. It asks the buffer nothing. Runs in the
 * library. docs/envelope.md.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/hex.h"
#include "lib/digest.h"
#include "lib/fetch_int.h"

/* Several sealed chunks at a time: the opener copies only the first and the last of them. */
#define READ_BYTES 262144

/* Keeps the reason. Returns code. */
static int fails(struct fetch *f, int code, const char *what)
{
	snprintf(f->why, sizeof f->why, "%s", what);
	return code;
}

static long read_sealed(void *spool, void *p, size_t cap)
{
	ssize_t n;

	do
		n = read(tg_spool_fd(spool), p, cap);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : TG_EIO;
}

/* Compares the sealed bytes with the digest that, by the server's word, the uploader declared. What
 * is opened is also checked by means that the server cannot choose. */
static int check_digest(struct fetch *f)
{
	uint8_t is[TG_DIGEST_BYTES], said[TG_DIGEST_BYTES];
	const char *text = f->claim.sha256;
	int err;

	if (text[0] == '\0')
		return 0;
	err = tg_spool_rewind(f->sealed);
	if (err == 0)
		err = tg_digest(read_sealed, f->sealed, is);
	if (err == TG_EIO) {
		snprintf(f->why, sizeof f->why, "cannot read it again: %s", strerror(errno));
		return err;
	}
	if (err != 0)
		return fails(f, err, tg_strerror(err));
	if (tg_hex_decode(text, strlen(text), said, sizeof said) == 0 &&
		sodium_memcmp(is, said, sizeof is) == 0)
		return 0;
	return fails(f, TG_EDIGEST, "it is not what its uploader declared: its SHA-256 differs");
}

/* The signature covers kind, issuer and session, so a server that changes one of them is noticed.
 */
static int compare_labels(struct fetch *f, const tg_head *h)
{
	const tg_blob *b = &f->parts->blob;
	const char *what = strcmp(h->kind, b->kind) != 0 ? "kind" :
		strcmp(h->issuer, b->issuer) != 0        ? "issuer" :
		strcmp(h->session, b->session) != 0      ? "session" :
							   NULL;

	if (what == NULL)
		return 0;
	snprintf(f->why, sizeof f->why, "the sealed head names another %s than the server did",
		what);
	return TG_EMISLABELLED;
}

static int check_new(struct fetch *f, const tg_head *h)
{
	int64_t until_ms = h->time_ms + TG_MAX_AGE_MS;
	char seen_why[TG_SEEN_WHY] = "";
	int err;

	if (f->o.seen != NULL)
		err = f->o.seen(f->o.seen_ctx, h->ref, until_ms);
	else
		err = tg_seen_add(f->seen, h->ref, until_ms, f->now_ms, seen_why);
	if (err == TG_EREPLAY)
		return fails(f, err, "its sealed reference was received before: a replay");
	if (err == 0)
		return 0;
	snprintf(f->why, sizeof f->why, "cannot remember its reference: %.400s",
		seen_why[0] != '\0' ? seen_why : tg_strerror(err));
	f->judged = true;
	return err;
}

/* The last checks, with a head whose signature is good and before anything is released. */
static int accept_head(void *ctx, const tg_head *h)
{
	struct fetch *f = ctx;
	int err;

	f->parts->head = *h;
	f->parts->has_head = true;
	err = compare_labels(f, h);
	if (err == 0)
		err = check_new(f, h);
	f->judged = f->judged || err == 0;
	return err;
}

/* Release ------------------------------------------------------------------ */

static int read_into(struct fetch *f, tg_opener *opener, unsigned char *buf)
{
	int err = tg_spool_rewind(f->sealed);

	while (err == 0) {
		long n = read_sealed(f->sealed, buf, READ_BYTES);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return tg_open_finish(opener);
		err = tg_open_push(opener, buf, (size_t)n);
	}
	return err;
}

/* Opens into the nameless file that is to appear. Content may be written there before it has been
 * checked, since nobody sees it. */
static int open_into_file(struct fetch *f)
{
	const tg_open_opts o = {.struct_size = sizeof o,
		.expect = &f->expect,
		.write = tg_spool_write,
		.ctx = f->good};
	unsigned char *buf = malloc(READ_BYTES);
	tg_opener *opener = NULL;
	int err = buf != NULL ? tg_open_new(&o, &opener) : TG_ENOMEM, saved;

	if (err == 0) {
		errno = 0;
		err = read_into(f, opener, buf);
		saved = errno;
		if (err == TG_EIO)
			snprintf(f->why, sizeof f->why, "cannot write: %s", strerror(saved));
		else if (err != 0)
			(void)fails(f, err, tg_open_why(opener));
	}
	if (err == 0 && !f->expect.raw)
		err = accept_head(f, tg_open_head(opener));
	f->judged = f->judged || err == 0;
	tg_open_free(opener);
	free(buf);
	return err;
}

static int write_out(void *ctx, const void *p, size_t n)
{
	struct fetch *f = ctx;

	int err = f->write(f->write_ctx, p, n);

	f->write_errno = err != 0 ? errno : 0;
	f->judged = true; /* there is no head whose checks could set it */
	return err;
}

static int open_to_caller(struct fetch *f)
{
	const tg_open_opts o = {.struct_size = sizeof o,
		.expect = &f->expect,
		.write = write_out,
		.ctx = f,
		.on_head = f->expect.raw ? NULL : accept_head};
	char open_why[FETCH_WHY_CHARS] = "";
	int err = tg_spool_rewind(f->sealed);

	if (err == 0)
		err = tg_open_fd(&o, tg_spool_fd(f->sealed), NULL, open_why, sizeof open_why);
	if (err == TG_EIO && f->write_errno != 0)
		snprintf(f->why, sizeof f->why, "cannot write: %s", strerror(f->write_errno));
	else if (err != 0 && f->why[0] == '\0')
		(void)fails(f, err, open_why);
	return err;
}

/* Copies what stays sealed. Only its size and digest can be checked. */
static int copy_sealed(struct fetch *f)
{
	unsigned char *buf = malloc(READ_BYTES);
	int err = buf != NULL ? tg_spool_rewind(f->sealed) : TG_ENOMEM;
	long n = 1;

	f->judged = true;
	errno = 0;
	while (err == 0 && (n = read_sealed(f->sealed, buf, READ_BYTES)) != 0)
		if (n < 0)
			err = (int)n;
		else
			err = f->good != NULL ? tg_spool_write(f->good, buf, (size_t)n) :
						f->write(f->write_ctx, buf, (size_t)n);
	if (err != 0)
		snprintf(f->why, sizeof f->why, "cannot write: %s",
			err == TG_EIO ? strerror(errno) : tg_strerror(err));
	free(buf);
	return err;
}

int fetch_release(struct fetch *f)
{
	int err = check_digest(f);

	if (err == 0)
		err = f->o.sealed       ? copy_sealed(f) :
			f->good != NULL ? open_into_file(f) :
					  open_to_caller(f);
	if (err == 0 && f->good != NULL && (err = tg_spool_commit(f->good)) != 0)
		snprintf(f->why, sizeof f->why, "cannot write %s: %s", f->path, strerror(errno));
	f->released = err == 0;
	if (err != 0 && f->why[0] == '\0')
		(void)fails(f, err, tg_strerror(err));
	return err;
}
