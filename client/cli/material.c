/*
 * material.c: loads the keys that options name. It says what is wrong with one, and never prints a
 * secret. Runs in the timeglas command. timeglas(1), docs/envelope.md.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/material.h"
#include "cli/output.h"
#include "core/encoding.h"

#define BLANKS ", \t\r\n"

int material_recipients(const struct cmdline *o, struct material *m)
{
	for (size_t i = 0; i < o->n[OPT_RECIPIENT]; i++) {
		const char *s = o->value[OPT_RECIPIENT][i];

		for (size_t n; s += strspn(s, BLANKS), (n = strcspn(s, BLANKS)) > 0; s += n) {
			if (strncmp(s, "AGE-SECRET-KEY-", 15) ==
				0) /* a secret must not be printed back */
				return output_usage(
					"--recipient names a secret key; give the age1... "
					"key that belongs to it");
			if (m->n_recipients == TG_RECIPIENTS_MAX)
				return output_usage("--recipient is given too often: at most %d "
						    "recipients are possible",
					TG_RECIPIENTS_MAX);
			if (tg_recipient_parse(s, n, &m->recipient[m->n_recipients]) != 0)
				return output_usage("%.*s is not an age X25519 recipient (age1...)",
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
		setvbuf(f, NULL, _IONBF,
			0); /* without stdio's buffer, which would keep a copy of a key */
		n = fread(b, 1, sizeof b, f);
		fclose(f);
	}
	return tg_encoding_fault(b, n);
}

static int cannot_load(int err, const char *what, const char *path)
{
	const char *fault;

	if (err == TG_EIO)
		return output_fail(
			TG_EIO, "cannot read the %s file %s: %s", what, path, strerror(errno));
	fault = err == TG_EKEY ? encoding_fault(path) : NULL;
	return output_fail(err, "%s does not hold a well-formed %s: %s", path, what,
		fault != NULL ? fault : tg_strerror(err));
}

int material_identities(const struct cmdline *o, struct material *m)
{
	for (size_t i = 0; i < o->n[OPT_IDENTITY]; i++) {
		const char *path = o->value[OPT_IDENTITY][i];
		size_t n = 0;
		int err;

		if (strncmp(path, "AGE-SECRET-KEY-", 15) == 0)
			return output_usage("--identity takes a file: a secret in arguments or "
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

int material_signer(const struct cmdline *o, struct material *m)
{
	const char *path = cmdline_text(o, OPT_SIGN);
	int err;

	if (path == NULL)
		return 0;
	if (strncmp(path, "TIMEGLAS-SIGNING-KEY-", 21) == 0)
		return output_usage(
			"--sign takes a file: a secret in arguments or environment can be "
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
			return output_usage("a text of --sender is too long for a key");
		memcpy(key, s, n);
		key[n] = '\0';
		err = tg_senders_add(m->senders, NULL, key);
		if (err == TG_EKEY)
			return output_usage("%.80s is not a sender (timeglas-sender1...)", key);
	}
	return err == 0 ? 0 : output_fail(err, "%s", tg_strerror(err));
}

static int add_file(struct material *m, const char *path)
{
	char why[512] = "";
	int err = tg_senders_load(m->senders, path, why, sizeof why);

	if (err == 0)
		return 0;
	if (err == TG_EIO)
		return output_usage(
			"%.200s is neither a sender (timeglas-sender1...) nor a file of "
			"them that can be read: %s",
			path, strerror(errno));
	return output_fail(err, "%.200s: %s", path, why[0] != '\0' ? why : tg_strerror(err));
}

int material_senders(const struct cmdline *o, struct material *m)
{
	int err = o->n[OPT_SENDER] > 0 ? tg_senders_new(&m->senders) : 0;

	if (err != 0)
		return output_fail(err, "%s", tg_strerror(err));
	for (size_t i = 0; err == 0 && i < o->n[OPT_SENDER]; i++) {
		const char *text = o->value[OPT_SENDER][i];

		if (strncmp(text, "TIMEGLAS-SIGNING-KEY-", 21) == 0)
			return output_usage("--sender names a secret key; give the "
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
