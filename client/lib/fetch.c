/*
 * fetch.c: tg_fetch() and tg_fetch_file(): a blob from the buffer to the caller. Everything that
 * can fail on this machine is tried first; then the blob is claimed or taken and written, sealed,
 * to a nameless file; then it is checked and released, and the buffer is told the outcome. Opened
 * content goes to where the caller wants it and nowhere else. Runs in the library.
 * docs/envelope.md, docs/openapi.yaml.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include "lib/abi.h"
#include "lib/clock.h"
#include "lib/expect.h"
#include "lib/fetch_int.h"
#include "lib/kept.h"
#include "lib/untrusted.h"

/* What the buffer, and through it the uploader, is told of a failed check. Any other code is no
 * fault of the blob; nothing is told, and its lease runs out. */
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

/* Before anything is asked for --------------------------------------------- */

/* tg_open_new() would refuse the same, but only after the buffer has given its only copy away. */
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
	return err == 0 ? 0 :
			  client_fail(f->c, err, "no signed head can say what is demanded: %s",
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
			"struct_size of the options is not set, or they hold something that this "
			"library does not know");
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

/* Tries everything that can fail on this machine, before the buffer is asked for anything. */
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

static int give_up(struct fetch *f, int err)
{
	const char *erased = "has erased it";
	char kept[FETCH_WHY_CHARS];

	fetch_keep(f, kept, sizeof kept);
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
	int err = fetch_release(f);

	if (err != 0)
		return give_up(f, err);
	return acknowledge(f, "ok");
}

static void give_result(const struct fetch *f, tg_fetched *out)
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
		give_result(f, out);
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

	return write != NULL ? fetch(&f, o, out) : client_fail(c, TG_EINVAL, "no write() is given");
}

int tg_fetch_file(
	tg_client *c, const char *id, const tg_fetch_opts *o, const char *path, tg_fetched *out)
{
	struct fetch f = {.c = c, .id = id, .path = path};

	return path != NULL ? fetch(&f, o, out) : client_fail(c, TG_EINVAL, "no path is given");
}
