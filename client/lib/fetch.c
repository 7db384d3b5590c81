/*
 * fetch.c: tg_fetch() and tg_fetch_file(): a blob from the buffer to the caller, with every check
 * on the way: size, digest, the sealed file whole, sender, id, labels, age, replay. Nothing is
 * released before the last of them. What arrives is written to a nameless file as it comes, sealed;
 * opened content goes straight to where the caller wants it and nowhere else. Runs in the library.
 * docs/envelope.md, docs/openapi.yaml.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/num.h"
#include "lib/abi.h"
#include "lib/digest.h"
#include "lib/expect.h"
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/untrusted.h"
#include "lib/kept.h"
#include "lib/seen.h"
#include "lib/spool.h"

/* of several sealed chunks at once, the opener copies the first and the last alone */
#define READ_BYTES 262144
#define WHY_CHARS 512
#define DAY_MS INT64_C(86400000)

struct fetch {
	struct tg_client *c;
	const char *id;
	tg_fetch_opts o;
	tg_expect expect;
	const char *path; /* the file that is to appear; NULL: the content goes to write */
	tg_write_fn *write;
	void *write_ctx;
	struct tg_spool *sealed; /* as it came */
	struct tg_spool *good;   /* with path: what is to appear there */
	struct tg_seen *seen;    /* unless the caller has a memory of its own */
	tg_claim claim;
	int64_t now_ms;
	/* what fails from now on is this machine's affair, and no judgement of the blob */
	bool judged;
	bool released;
	int write_errno; /* of the caller's write */
	char why[WHY_CHARS];
	struct client_fetched *parts;
};

/* What a failed check tells the buffer, and through it the uploader. What is not here is no fault
 * of the blob: its lease runs out. */
static const struct {
	int code;
	const char *outcome;
} outcomes[] = {
	{0, "ok"},
	{TG_EDIGEST, "decrypt-failed"},
	{TG_EHEADER, "decrypt-failed"},
	{TG_EHMAC, "decrypt-failed"},
	{TG_ENOMATCH, "decrypt-failed"},
	{TG_EPAYLOAD, "decrypt-failed"},
	{TG_EARMOR, "decrypt-failed"},
	{TG_ESIGNATURE, "bad-signature"},
	{TG_EMISLABELLED, "mislabelled"},
	{TG_EAGE, "rejected"},
	{TG_EREPLAY, "rejected"},
};

static const char *outcome_of(int code)
{
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
		if (outcomes[i].code == code)
			return outcomes[i].outcome;
	return NULL;
}

static int why(struct fetch *f, int code, const char *what)
{
	snprintf(f->why, sizeof f->why, "%s", what);
	return code;
}

/* Before anything is asked for --------------------------------------------- */

/* The same that tg_open_new() would say, but before the only copy is given away. */
static int check_expect(struct fetch *f)
{
	const tg_expect *e = &f->expect;
	int err;

	if (f->o.sealed)
		return 0;
	if (e->n_identities == 0 || e->identity == NULL)
		return client_fail(f->c, TG_EINVAL, "no identity to open it with");
	if (!e->raw && (e->senders == NULL || tg_senders_count(e->senders) == 0))
		return client_fail(f->c, TG_EINVAL,
			"no sender is trusted: name one, or accept raw content, of which nothing "
			"says who sealed it");
	if (e->raw &&
		(e->kind != NULL || e->issuer != NULL || e->session != NULL || e->subject != NULL))
		return client_fail(f->c, TG_EINVAL,
			"raw content has no signed head, so nothing can be demanded of it");
	if (e->max_age_ms < 0 || e->max_age_ms > TG_MAX_AGE_MS)
		return client_fail(f->c, TG_EINVAL,
			"max_age_ms is a day and five minutes at most: no reference is remembered "
			"for longer");
	err = tg_expect_ok(e);
	return err == 0 ?
		0 :
		client_fail(f->c, err, "what is demanded of the signed head can stand in none: %s",
			tg_strerror(err));
}

static int check_options(struct fetch *f, const tg_fetch_opts *o)
{
	int err = TG_ABI_IN(f->o, o);

	if (err == 0 && f->o.expect != NULL)
		err = TG_ABI_IN(f->expect, f->o.expect);
	f->expect.struct_size = sizeof f->expect;
	if (err != 0)
		return client_fail(f->c, err,
			"struct_size of the options is not that of a published struct, or a newer "
			"one's member is set");
	if (tg_id_name(f->id, NULL) != 0)
		return client_fail(f->c, TG_EINVAL,
			"that is not a blob's id: two hex digits and a name of %d characters",
			TG_NAME_CHARS);
	f->expect.blob = f->expect.raw || f->o.sealed ? NULL : f->id;
	return check_expect(f);
}

static int cannot_write(struct fetch *f, const char *path)
{
	return client_fail(f->c, TG_EIO, "nothing was fetched: cannot write %s: %s",
		path != NULL ? path : "a temporary file", strerror(errno));
}

/* Everything that can fail on this machine fails here. */
static int prepare(struct fetch *f, const tg_fetch_opts *o)
{
	char seen_why[TG_SEEN_WHY];
	int err = check_options(f, o);

	if (err != 0)
		return err;
	if (!f->o.sealed && !f->expect.raw && f->o.seen == NULL) {
		err = tg_seen_open(&f->seen, seen_why);
		if (err != 0)
			return client_fail(f->c, err, "nothing was fetched: %s",
				seen_why[0] != '\0' ? seen_why : tg_strerror(err));
	}
	if (f->path != NULL && tg_spool_new(f->path, &f->good) != 0)
		return cannot_write(f, f->path);
	if (f->o.keep != NULL)
		(void)tg_kept_sweep();
	if (tg_spool_new(f->o.keep, &f->sealed) != 0)
		return cannot_write(f, f->o.keep);
	f->now_ms = f->expect.now_ms != 0 ? f->expect.now_ms : clock_unix_ms();
	return 0;
}

/* From the buffer ---------------------------------------------------------- */

static int lost(struct fetch *f, int saved)
{
	if (f->o.take)
		return client_fail(
			f->c, TG_EIO, "the blob is lost: cannot write it: %s", strerror(saved));
	return client_fail(f->c, TG_EIO,
		"cannot write it: %s; the buffer erases it when the lease ends, at %s",
		strerror(saved), f->claim.lease_deadline);
}

static int obtain(struct fetch *f)
{
	const tg_take_opts t = {.struct_size = sizeof t, .max_size = f->o.max_size};
	uint64_t most = f->o.max_size != 0 ? f->o.max_size : TG_MAX_SIZE;
	tg_blob *blob = &f->parts->blob;
	int err;

	f->claim.struct_size = sizeof f->claim;
	if (f->o.take) {
		errno = 0;
		err = tg_client_take(f->c, f->id, &t, tg_spool_write, f->sealed, blob);
		return err == TG_EIO ? lost(f, errno) : err;
	}
	err = tg_client_claim(f->c, f->id, f->o.lease_s, &f->claim);
	if (err != 0)
		return err;
	if (f->claim.size > most)
		return client_fail(f->c, TG_ETOOBIG,
			"nothing was fetched: the blob has %" PRIu64 " bytes, and %" PRIu64
			" are the most that is accepted; "
			"the buffer erases it when the lease ends, at %s",
			f->claim.size, most, f->claim.lease_deadline);
	errno = 0;
	err = tg_client_read(f->c, &f->claim, tg_spool_write, f->sealed, blob);
	if (err == TG_EIO)
		return lost(f, errno);
	untrusted_copy(blob->blob, sizeof blob->blob, f->id);
	return err;
}

/* Checks ------------------------------------------------------------------- */

static long read_sealed(void *spool, void *p, size_t cap)
{
	ssize_t n;

	do
		n = read(tg_spool_fd(spool), p, cap);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : TG_EIO;
}

/* Is it what the uploader declared, by the server's word? What is opened is checked by better
 * means, too. */
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
		return why(f, err, tg_strerror(err));
	if (tg_hex_decode(text, strlen(text), said, sizeof said) == 0 &&
		sodium_memcmp(is, said, sizeof is) == 0)
		return 0;
	return why(f, TG_EDIGEST, "it is not what its uploader declared: its SHA-256 differs");
}

/* Kind, issuer and session stand under the sender's signature, so a server that changes them is
 * found out. */
static int check_labels(struct fetch *f, const tg_head *h)
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
		return why(f, err, "its sealed reference was received before: a replay");
	if (err == 0)
		return 0;
	snprintf(f->why, sizeof f->why, "cannot remember its reference: %.400s",
		seen_why[0] != '\0' ? seen_why : tg_strerror(err));
	f->judged = true;
	return err;
}

/* With an authenticated head, and before anything is released. */
static int accept_head(void *ctx, const tg_head *h)
{
	struct fetch *f = ctx;
	int err;

	f->parts->head = *h;
	f->parts->has_head = true;
	err = check_labels(f, h);
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

/* Into the nameless file that is to appear: it may be written before it is good, as nobody sees it.
 */
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
			(void)why(f, err, tg_open_why(opener));
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
	f->judged = true; /* raw content has no head */
	return err;
}

static int open_to_caller(struct fetch *f)
{
	const tg_open_opts o = {.struct_size = sizeof o,
		.expect = &f->expect,
		.write = write_out,
		.ctx = f,
		.on_head = f->expect.raw ? NULL : accept_head};
	char open_why[WHY_CHARS] = "";
	int err = tg_spool_rewind(f->sealed);

	if (err == 0)
		err = tg_open_fd(&o, tg_spool_fd(f->sealed), NULL, open_why, sizeof open_why);
	if (err == TG_EIO && f->write_errno != 0)
		snprintf(f->why, sizeof f->why, "cannot write: %s", strerror(f->write_errno));
	else if (err != 0 && f->why[0] == '\0')
		(void)why(f, err, open_why);
	return err;
}

/* What stays sealed: nothing but size and digest can be checked. */
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

static int release(struct fetch *f)
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
		(void)why(f, err, tg_strerror(err));
	return err;
}

/* The end ------------------------------------------------------------------ */

static int acknowledge(struct fetch *f, const char *outcome)
{
	int err;

	if (f->o.take || outcome == NULL)
		return 0;
	err = tg_client_ack(f->c, &f->claim, outcome, &f->parts->receipt);
	f->parts->acked = err == 0;
	return err;
}

/* No copy outlasts what the buffer was allowed to hold: the blob's own deadline, where the server
 * says it, and the kind's limit in any case. */
static int64_t keep_until(struct fetch *f)
{
	const tg_blob *b = &f->parts->blob;
	tg_blob now = {.struct_size = sizeof now};
	int64_t at, until_ms = f->now_ms + DAY_MS;
	const struct tg_rule *rule;
	struct tg_policy policy;

	tg_policy_init(&policy);
	if (tg_policy_rule(&policy, b->kind, b->issuer[0] != '\0' ? b->issuer : NULL, &rule) == 0 &&
		rule != NULL) {
		int64_t limit_ms = (int64_t)rule->ceiling_s * 1000;

		if (f->now_ms + limit_ms < until_ms)
			until_ms = f->now_ms + limit_ms;
		if (tg_time_parse(b->stored_at, strlen(b->stored_at), &at) == 0 &&
			at + limit_ms < until_ms)
			until_ms = at + limit_ms;
	}
	if (!f->o.take && tg_client_stat(f->c, f->id, &now) == 0 &&
		tg_time_parse(now.deadline, strlen(now.deadline), &at) == 0 && at < until_ms)
		until_ms = at;
	/* by a server's word it may have been over long ago, or before 1970 */
	return until_ms > f->now_ms ? until_ms : f->now_ms;
}

static void keep(struct fetch *f, char *said, size_t cap)
{
	struct client_fetched *p = f->parts;
	char time_text[TG_TIME_LEN + 1];

	if (f->o.keep == NULL) {
		snprintf(said, cap, " and nothing is kept");
		return;
	}
	if (tg_spool_keep(f->sealed, p->kept, sizeof p->kept) != 0) {
		p->kept[0] = '\0';
		snprintf(said, cap, ", and the sealed content could not be kept: %s",
			strerror(errno));
		return;
	}
	p->kept_until_ms = keep_until(f);
	snprintf(said, cap, ", and the sealed content is kept in %.300s until %s%s", p->kept,
		tg_time_format(p->kept_until_ms, time_text),
		tg_kept_add(p->kept, p->kept_until_ms) == 0 ?
			"" :
			" (remove it then: it could not be listed)");
}

static int give_up(struct fetch *f, int err)
{
	const char *erased = "has erased it";
	char kept[WHY_CHARS];

	keep(f, kept, sizeof kept);
	if (!f->o.take) {
		(void)acknowledge(f, f->judged ? NULL : outcome_of(err));
		if (!f->parts->acked)
			erased = "erases it when the lease ends";
	}
	client_forget_problem(f->c);
	return client_fail(f->c, err, "not released: %s. The buffer %s%s", f->why, erased, kept);
}

static int finish(struct fetch *f)
{
	int err = release(f);

	if (err != 0)
		return give_up(f, err);
	return acknowledge(f, "ok");
}

static void tell(const struct fetch *f, tg_fetched *out)
{
	const struct client_fetched *p = f->parts;
	tg_fetched r = {.struct_size = sizeof r,
		.head = p->has_head ? &p->head : NULL,
		.blob = p->blob.blob[0] != '\0' ? &p->blob : NULL,
		.receipt = p->acked ? &p->receipt : NULL,
		.acked = p->acked,
		.kept_until_ms = p->kept_until_ms,
		.released = f->released};

	memcpy(r.kept, p->kept, sizeof r.kept);
	TG_ABI_OUT(out, r);
}

static int fetch(struct fetch *f, const tg_fetch_opts *o, tg_fetched *out)
{
	int err;

	if (TG_ABI_OUT_OK(out) != 0)
		return client_fail(f->c, TG_EINVAL, "struct_size of the result is not set");
	f->parts = client_new_fetched(f->c);
	err = f->parts != NULL ? prepare(f, o) :
				 client_fail(f->c, TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (err == 0)
		err = obtain(f);
	if (err == 0)
		err = finish(f);
	if (f->parts != NULL)
		tell(f, out);
	tg_spool_free(f->sealed);
	tg_spool_free(f->good);
	tg_seen_free(f->seen);
	sodium_memzero(&f->claim, sizeof f->claim);
	return err;
}

int tg_fetch(tg_client *c, const char *id, const tg_fetch_opts *o, tg_write_fn *write, void *ctx,
	tg_fetched *out)
{
	struct fetch f = {.c = c, .id = id, .write = write, .write_ctx = ctx};

	return write != NULL ? fetch(&f, o, out) : client_fail(c, TG_EINVAL, "nowhere to write to");
}

int tg_fetch_file(
	tg_client *c, const char *id, const tg_fetch_opts *o, const char *path, tg_fetched *out)
{
	struct fetch f = {.c = c, .id = id, .path = path};

	return path != NULL ? fetch(&f, o, out) : client_fail(c, TG_EINVAL, "no file is named");
}
