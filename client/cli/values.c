/*
 * values.c: reads those values of options that are neither files nor keys: durations, sizes, labels
 * and pseudonyms. It says what is wrong with one. Runs in the timeglas command. timeglas(1),
 * docs/envelope.md.
 */
#include <string.h>
#include "cli/output.h"
#include "cli/values.h"
#include "core/hex.h"
#include "core/num.h"
#include "lib/put_file.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DECIMAL "0123456789"

static int check_text(const char *option, const char *text, size_t max)
{
	if (text != NULL && (text[0] == '\0' || strlen(text) > max))
		return output_usage("--%s takes 1 to %zu characters", option, max);
	return 0;
}

/* The grammars of docs/envelope.md, section 3. */
static int check_letters(
	const char *option, const char *text, size_t max, const char *letters, const char *said)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (text == NULL || (n > 0 && n <= max && strspn(text, letters) == n))
		return 0;
	return output_usage("--%s takes 1 to %zu of %s", option, max, said);
}

int values_subject(const char *hex)
{
	size_t n = hex != NULL ? strlen(hex) : 0;

	if (hex == NULL || (n == TG_SUBJECT_CHARS && tg_hex_is_lower(hex, n)))
		return 0;
	return output_usage("a subject is 64 lower-case hexadecimal digits: a keyed pseudonym of "
			    "the document number, never the number itself");
}

int values_labels(const struct cmdline *o, int need_kind, struct labels *l)
{
	char why[160];
	int err;

	*l = (struct labels){.kind = cmdline_text(o, OPT_KIND),
		.issuer = cmdline_text(o, OPT_ISSUER),
		.session = cmdline_text(o, OPT_SESSION),
		.subject = cmdline_text(o, OPT_SUBJECT),
		.content_type = cmdline_text(o, OPT_CONTENT_TYPE)};
	if (l->kind == NULL && need_kind)
		return output_usage("--kind is missing: give passport, liveness or face3d");
	err = check_letters("kind", l->kind, TG_KIND_MAX, LOWER DECIMAL "-",
		"a-z, 0-9 and -, like passport, liveness or face3d");
	if (err == 0)
		err = check_letters("session", l->session, TG_SESSION_MAX, UPPER LOWER DECIMAL "-_",
			"A-Z, a-z, 0-9, - and _");
	if (err == 0)
		err = check_text("content-type", l->content_type, TG_CONTENT_TYPE_MAX);
	if (err == 0)
		err = values_subject(l->subject);
	if (err != 0)
		return err;
	if (l->kind == NULL && l->issuer != NULL &&
		tg_issuer_parse(l->issuer, strlen(l->issuer), l->canonical) != 0)
		return output_usage("%.8s is not an ICAO 9303 issuing state as it stands in the "
				    "machine-readable zone (DNK, D, UTO)",
			l->issuer);
	if (l->kind != NULL &&
		tg_put_labels(l->kind, l->issuer, l->canonical, why, sizeof why) != 0 &&
		(need_kind || l->issuer != NULL))
		return output_usage("--issuer: %s", why);
	if (l->issuer != NULL)
		l->issuer = l->canonical;
	return 0;
}

int values_duration(const struct cmdline *o, enum opt_id id, uint64_t max_s, uint64_t *out)
{
	const char *text = cmdline_text(o, id);

	*out = 0;
	if (text == NULL)
		return 0;
	if (tg_num_duration(text, strlen(text), max_s, out) != 0 || *out == 0)
		return output_usage(
			"--%s takes a duration like 90, 15m, 1h or 1d: from 1 to %llu seconds",
			cmdline_row(id)->name, (unsigned long long)max_s);
	return 0;
}

int values_size(const struct cmdline *o, enum opt_id id, uint64_t *out)
{
	const char *text = cmdline_text(o, id);

	*out = 0;
	if (text == NULL)
		return 0;
	if (tg_num_size(text, strlen(text), INT64_MAX, out) != 0 || *out == 0)
		return output_usage("--%s takes a size in bytes, like 1000, 64KiB, 20MiB or 1GiB",
			cmdline_row(id)->name);
	return 0;
}
