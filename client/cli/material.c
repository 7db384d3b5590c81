/*
 * material.c: turns what options say into keys and labels. It prints what is wrong with them, and
 * never a secret. Runs in the timeglas command. timeglas(1), docs/envelope.md.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/material.h"
#include "cli/output.h"
#include "core/encoding.h"
#include "core/num.h"
#include "lib/put_file.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define BLANKS ", \t\r\n"

int material_recipients(const struct options *o, struct material *m)
{
	for (size_t i = 0; i < o->n[OPT_RECIPIENT]; i++) {
		const char *s = o->value[OPT_RECIPIENT][i];

		for (size_t n; s += strspn(s, BLANKS), (n = strcspn(s, BLANKS)) > 0; s += n) {
			if (strncmp(s, "AGE-SECRET-KEY-", 15) == 0) /* must not be printed back */
				return cli_usage("--recipient names a secret key; give the age1... "
						 "key that belongs to it");
			if (m->n_recipients == TG_RECIPIENTS_MAX)
				return cli_usage("at most %d recipients", TG_RECIPIENTS_MAX);
			if (tg_recipient_parse(s, n, &m->recipient[m->n_recipients]) != 0)
				return cli_usage("%.*s is not an age X25519 recipient (age1...)",
					(int)(n < 80 ? n : 80), s);
			m->n_recipients++;
		}
	}
	return 0;
}

static const char *encoding_fault(const char *path)
{
	uint8_t b[TG_ENCODING_BYTES];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f != NULL) {
		setvbuf(f, NULL, _IONBF, 0); /* no copy of a key in a buffer of stdio's */
		n = fread(b, 1, sizeof b, f);
		fclose(f);
	}
	return tg_encoding_fault(b, n);
}

static int cannot_load(int err, const char *what, const char *path)
{
	const char *fault;

	if (err == TG_EIO)
		return cli_fail(
			TG_EIO, "cannot read the %s file %s: %s", what, path, strerror(errno));
	fault = err == TG_EKEY ? encoding_fault(path) : NULL;
	return cli_fail(err, "%s does not hold a well-formed %s: %s", path, what,
		fault != NULL ? fault : tg_strerror(err));
}

int material_identities(const struct options *o, struct material *m)
{
	for (size_t i = 0; i < o->n[OPT_IDENTITY]; i++) {
		const char *path = o->value[OPT_IDENTITY][i];
		size_t n = 0;
		int err;

		if (strncmp(path, "AGE-SECRET-KEY-", 15) == 0)
			return cli_usage("--identity takes a file: a secret in arguments or "
					 "environment can be read by others");
		errno = 0;
		err = tg_identity_load(
			path, m->identity + m->n_identities, IDENTITIES_MAX - m->n_identities, &n);
		if (err != 0)
			return cannot_load(err, "identity", path);
		m->n_identities += n;
	}
	return 0;
}

int material_signer(const struct options *o, struct material *m)
{
	const char *path = options_text(o, OPT_SIGN);
	int err;

	if (path == NULL)
		return 0;
	if (strncmp(path, "TIMEGLAS-SIGNING-KEY-", 21) == 0)
		return cli_usage("--sign takes a file: a secret in arguments or environment can be "
				 "read by others");
	errno = 0;
	err = tg_signer_load(path, &m->signer);
	return err == 0 ? 0 : cannot_load(err, "signing key", path);
}

static int add_keys(struct material *m, const char *s)
{
	char key[TG_KEY_TEXT_MAX];
	int err = 0;

	for (size_t n; err == 0 && (s += strspn(s, BLANKS), (n = strcspn(s, BLANKS)) > 0); s += n) {
		if (n >= sizeof key)
			return cli_usage("--sender holds a text that is too long for a key");
		memcpy(key, s, n);
		key[n] = '\0';
		err = tg_senders_add(m->senders, NULL, key);
		if (err == TG_EKEY)
			return cli_usage("%.80s is not a sender (timeglas-sender1...)", key);
	}
	return err == 0 ? 0 : cli_fail(err, "%s", tg_strerror(err));
}

static int add_file(struct material *m, const char *path)
{
	char why[512] = "";
	int err = tg_senders_load(m->senders, path, why, sizeof why);

	if (err == 0)
		return 0;
	if (err == TG_EIO)
		return cli_usage("%.200s is neither a sender (timeglas-sender1...) nor a file of "
				 "them that can be read: %s",
			path, strerror(errno));
	return cli_fail(err, "%.200s: %s", path, why[0] != '\0' ? why : tg_strerror(err));
}

int material_senders(const struct options *o, struct material *m)
{
	int err = o->n[OPT_SENDER] > 0 ? tg_senders_new(&m->senders) : 0;

	if (err != 0)
		return cli_fail(err, "%s", tg_strerror(err));
	for (size_t i = 0; err == 0 && i < o->n[OPT_SENDER]; i++) {
		const char *text = o->value[OPT_SENDER][i];

		if (strncmp(text, "TIMEGLAS-SIGNING-KEY-", 21) == 0)
			return cli_usage("--sender names a secret key; give the "
					 "timeglas-sender1... key that belongs to it");
		err = strncmp(text, SENDER_PREFIX, strlen(SENDER_PREFIX)) == 0 ? add_keys(m, text) :
										 add_file(m, text);
	}
	return err;
}

const tg_recipient *const *material_to(const struct material *m)
{
	return (const tg_recipient *const *)m->recipient;
}

void material_free(struct material *m)
{
	for (size_t i = 0; i < m->n_identities; i++)
		tg_identity_free(m->identity[i]);
	for (size_t i = 0; i < m->n_recipients; i++)
		tg_recipient_free(m->recipient[i]);
	tg_signer_free(m->signer);
	tg_senders_free(m->senders);
	memset(m, 0, sizeof *m);
}

static int check_text(const char *option, const char *text, size_t max)
{
	if (text != NULL && (text[0] == '\0' || strlen(text) > max))
		return cli_usage("--%s takes 1 to %zu characters", option, max);
	return 0;
}

/* The grammars of docs/envelope.md, section 3. */
static int check_letters(
	const char *option, const char *text, size_t max, const char *letters, const char *said)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (text == NULL || (n > 0 && n <= max && strspn(text, letters) == n))
		return 0;
	return cli_usage("--%s takes 1 to %zu of %s", option, max, said);
}

static int check_subject(const char *hex)
{
	size_t n = hex != NULL ? strlen(hex) : 0;

	if (hex == NULL || (n == TG_SUBJECT_CHARS && strspn(hex, "0123456789abcdef") == n))
		return 0;
	return cli_usage("--subject takes 64 lower-case hexadecimal digits: a keyed pseudonym of "
			 "the document number, never the number itself");
}

int label_options(const struct options *o, int need_kind, struct labels *l)
{
	char why[160];
	int err;

	*l = (struct labels){.kind = options_text(o, OPT_KIND),
		.issuer = options_text(o, OPT_ISSUER),
		.session = options_text(o, OPT_SESSION),
		.subject = options_text(o, OPT_SUBJECT),
		.content_type = options_text(o, OPT_CONTENT_TYPE)};
	if (l->kind == NULL && need_kind)
		return cli_usage("--kind is missing: passport, liveness or face3d");
	err = check_letters("kind", l->kind, TG_KIND_MAX, LOWER DIGITS "-",
		"a-z, 0-9 and -, like passport, liveness or face3d");
	if (err == 0)
		err = check_letters("session", l->session, TG_SESSION_MAX, UPPER LOWER DIGITS "-_",
			"A-Z, a-z, 0-9, - and _");
	if (err == 0)
		err = check_text("content-type", l->content_type, TG_CONTENT_TYPE_MAX);
	if (err == 0)
		err = check_subject(l->subject);
	if (err != 0)
		return err;
	if (l->kind == NULL && l->issuer != NULL &&
		tg_issuer_parse(l->issuer, strlen(l->issuer), l->canonical) != 0)
		return cli_usage("%.8s is not an ICAO 9303 issuing state as it stands in the "
				 "machine-readable zone (DNK, D, UTO)",
			l->issuer);
	if (l->kind != NULL &&
		tg_put_labels(l->kind, l->issuer, l->canonical, why, sizeof why) != 0 &&
		(need_kind || l->issuer != NULL))
		return cli_usage("--issuer: %s", why);
	if (l->issuer != NULL)
		l->issuer = l->canonical;
	return 0;
}

int option_duration(const struct options *o, enum opt_id id, uint64_t max_s, uint64_t *out)
{
	const char *text = options_text(o, id);

	*out = 0;
	if (text == NULL)
		return 0;
	if (tg_num_duration(text, strlen(text), max_s, out) != 0 || *out == 0)
		return cli_usage(
			"--%s takes a duration like 90, 15m, 1h or 1d: from 1 to %llu seconds",
			options_row(id)->name, (unsigned long long)max_s);
	return 0;
}

int option_size(const struct options *o, enum opt_id id, uint64_t *out)
{
	const char *text = options_text(o, id);

	*out = 0;
	if (text == NULL)
		return 0;
	if (tg_num_size(text, strlen(text), INT64_MAX, out) != 0 || *out == 0)
		return cli_usage("--%s takes a size in bytes, like 1000, 64KiB, 20MiB or 1GiB",
			options_row(id)->name);
	return 0;
}
