/*
 * expect.c: compares a signed head with what the caller demands: the id that was asked for, labels,
 * age, recipients. It opens nothing, and nothing that a server says reaches it. Runs in the
 * library. docs/envelope.md, section 3.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/time.h"
#include "lib/clock.h"
#include "lib/expect.h"

#define ANY_AGE (-1)

/* The demands themselves --------------------------------------------------- */

/* An empty demand is refused: a variable that somebody forgot to fill in must not accept every
 * file. */
static int label_fits(const char *demand, char *field, size_t cap)
{
	size_t n = strlen(demand);

	if (n == 0 || n >= cap)
		return 0;
	memcpy(field, demand, n + 1);
	return 1;
}

/* Checks the labels by the rules for heads, in a head that is otherwise good. */
static int labels_ok(const tg_expect *e)
{
	struct tg_head_fields h = {.kind = "passport", .n_recipients = 1};

	if (e->kind && !label_fits(e->kind, h.kind, sizeof h.kind))
		return TG_EKIND;
	if (e->issuer &&
		(e->issuer[0] == '\0' ||
			tg_issuer_parse(e->issuer, strlen(e->issuer), h.issuer) != 0))
		return TG_EISSUER;
	if (e->session && !label_fits(e->session, h.session, sizeof h.session))
		return TG_ESESSION;
	if (e->subject && !label_fits(e->subject, h.subject, sizeof h.subject))
		return TG_ESUBJECT;
	return tg_head_check(&h);
}

int tg_expect_ok(const tg_expect *e)
{
	if (!e->identity || e->n_identities == 0)
		return TG_EINVAL;
	for (size_t i = 0; i < e->n_identities; i++)
		if (!e->identity[i])
			return TG_EINVAL;
	if (e->raw)
		return e->blob || e->kind || e->issuer || e->session || e->subject ? TG_EINVAL : 0;
	if (!e->senders || tg_senders_count(e->senders) == 0)
		return TG_EINVAL;
	if (e->max_age_ms < ANY_AGE || e->now_ms < 0 || (e->blob && tg_id_name(e->blob, NULL) != 0))
		return TG_EINVAL;
	return labels_ok(e);
}

/* The head against them ---------------------------------------------------- */

static int differs(char *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int differs(char *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, TG_EXPECT_WHY, fmt, ap);
	va_end(ap);
	return err;
}

static int check_name(const char *blob, const tg_head *seen, char *why)
{
	char name[TG_NAME_CHARS + 1];

	if (!blob || (tg_id_name(blob, name) == 0 && strcmp(name, seen->name) == 0))
		return 0;
	return differs(why, TG_EMISLABELLED,
		"this is not the blob %s that was asked for: what was sealed here has the name %s; "
		"somebody exchanged it, or it was stored without its name",
		blob, seen->name);
}

/* The head's texts hold nothing that could steer a terminal; head.c has checked that. */
static int check_label(const char *label, const char *demand, const char *is, char *why)
{
	if (!demand || strcmp(demand, is) == 0)
		return 0;
	if (is[0] == '\0')
		return differs(why, TG_EMISLABELLED,
			"the signed head names no %s, and %s was demanded", label, demand);
	return differs(why, TG_EMISLABELLED, "the signed head names the %s %s, and %s was demanded",
		label, is, demand);
}

static int check_labels(const tg_expect *e, const tg_head *seen, char *why)
{
	char issuer[4] = "";
	int err = check_label("kind", e->kind, seen->kind, why);

	if (!err && e->issuer && tg_issuer_parse(e->issuer, strlen(e->issuer), issuer) == 0)
		err = check_label("issuer", issuer, seen->issuer, why);
	if (!err)
		err = check_label("session", e->session, seen->session, why);
	return err ? err : check_label("subject", e->subject, seen->subject, why);
}

/* An age that is exactly at one of the two limits is accepted. */
static int check_age(const tg_expect *e, int64_t time_ms, char *why)
{
	int64_t now = e->now_ms != 0 ? e->now_ms : clock_unix_ms(), age = now - time_ms;
	int64_t max = e->max_age_ms != 0 ? e->max_age_ms : TG_MAX_AGE_MS;
	char text[TG_TIME_LEN + 1];

	if (age < -TG_MAX_AHEAD_MS)
		return differs(why, TG_EAGE,
			"it says that it was sealed at %s, %" PRId64
			" s from now; one of the two clocks is wrong, or the sender gave a false "
			"time",
			tg_time_format(time_ms, text), -age / 1000);
	if (max != ANY_AGE && age > max)
		return differs(why, TG_EAGE,
			"it was sealed at %s, %" PRId64 " s ago; at most %" PRId64
			" s are accepted",
			tg_time_format(time_ms, text), age / 1000, max / 1000);
	return 0;
}

static size_t named(const struct tg_head_fields *h, const uint8_t pk[32])
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_recipients; i++)
		n += memcmp(h->recipient[i].pk, pk, 32) == 0;
	return n;
}

static size_t opened(const struct tg_stanzas *s, const uint8_t pk[32])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_ours; i++)
		n += memcmp(s->ours[i], pk, 32) == 0;
	return n;
}

/*
 * Only who opens an X25519 stanza knows whose it is. So our stanzas must be exactly those that the
 * head gives us, and the number of all stanzas must be right. A head names X25519 recipients only,
 * so a signed file has no stanza of another type; but grease, which some implementations add to
 * every file, does not count.
 */
static int check_recipients(
	const tg_expect *e, const struct tg_head_fields *h, const struct tg_stanzas *s, char *why)
{
	int ok = s->n_x25519 == h->n_recipients && s->n_other == 0;

	for (size_t i = 0; i < e->n_identities; i++) {
		const uint8_t *pk = e->identity[i]->pk;
		size_t n = opened(s, pk), want = named(h, pk);

		if (n > 0 && want == 0)
			return differs(why, TG_EMISLABELLED,
				"the sender did not seal this to the identity that opened it: it "
				"was passed on");
		ok = ok && n == want;
	}
	if (ok)
		return 0;
	return differs(why, TG_EMISLABELLED,
		"the file has other recipients than the sender sealed it to: it was passed on");
}

int tg_expect_head(const tg_expect *e, const struct tg_head_fields *h, const tg_head *seen,
	const struct tg_stanzas *s, char why[TG_EXPECT_WHY])
{
	int err = check_recipients(e, h, s, why);

	if (!err)
		err = check_name(e->blob, seen, why);
	if (!err)
		err = check_labels(e, seen, why);
	return err ? err : check_age(e, h->time_ms, why);
}
