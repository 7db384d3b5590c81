/*
 * opening.c: turns options into what is demanded of a sealed file. The library compares. It opens
 * no sealed file and never talks to the buffer. Runs in the timeglas command. docs/envelope.md.
 */
#include <string.h>
#include "cli/output.h"
#include "cli/opening.h"
#include "core/hex.h"
#include "core/time.h"

static const enum opt_id of_head[] = {
	OPT_KIND, OPT_ISSUER, OPT_SESSION, OPT_SUBJECT, OPT_MAX_AGE, OPT_ID};

static int check_raw(const struct cmdline *o)
{
	if (cmdline_given(o, OPT_SENDER))
		return output_usage(
			"--raw and --sender exclude each other: a raw file names no sender");
	for (size_t i = 0; i < sizeof of_head / sizeof of_head[0]; i++)
		if (cmdline_given(o, of_head[i]))
			return output_usage("--raw and --%s exclude each other: a raw file has no "
					    "signed head that could be compared",
				cmdline_row(of_head[i])->name);
	return 0;
}

static int load_keys(const struct cmdline *o, bool raw, struct material *keys)
{
	int err = material_identities(o, keys);

	if (err == 0 && !raw)
		err = material_senders(o, keys);
	if (err == 0 && keys->n_identities == 0)
		err = output_usage(
			"--identity is missing; give the file, or set TIMEGLAS_IDENTITY");
	if (err == 0 && !raw && keys->senders == NULL)
		err = output_usage("--sender is missing: give the key of the sender that you "
				   "trust, or --raw for a plain age file");
	return err;
}

int opening_prepare(const struct cmdline *o, uint64_t max_age_s, struct opening *u)
{
	bool raw = cmdline_flag(o, OPT_RAW);
	uint64_t age_s = 0;
	int err = raw ? check_raw(o) : 0;

	memset(u, 0, sizeof *u);
	if (err == 0)
		err = values_labels(o, 0, &u->labels);
	if (err == 0)
		err = values_duration(o, OPT_MAX_AGE, max_age_s, &age_s);
	if (err == 0)
		err = load_keys(o, raw, &u->keys);
	u->expect = (tg_expect){.struct_size = sizeof u->expect,
		.identity = u->keys.identity,
		.n_identities = u->keys.n_identities,
		.senders = u->keys.senders,
		.raw = raw,
		.blob = cmdline_text(o, OPT_ID),
		.kind = u->labels.kind,
		.issuer = u->labels.issuer,
		.session = u->labels.session,
		.subject = u->labels.subject,
		.max_age_ms = (int64_t)age_s * 1000};
	return err;
}

void opening_free(struct opening *u)
{
	material_free(&u->keys);
}

json_t *opening_head_json(const tg_head *h)
{
	char time_text[TG_TIME_LEN + 1], ref[2 * TG_REF_BYTES + 1];

	return json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s, s:s, s:s, s:s, s:s}", "kind", h->kind,
		"issuer", output_none_if_empty(h->issuer), "session",
		output_none_if_empty(h->session), "subject", output_none_if_empty(h->subject),
		"content_type", output_none_if_empty(h->content_type), "time",
		tg_time_format(h->time_ms, time_text), "ref",
		tg_hex_encode(h->ref, TG_REF_BYTES, ref), "name", h->name, "sender", h->sender,
		"sender_name", h->sender_name);
}

void opening_head_note(const tg_head *h)
{
	char time_text[TG_TIME_LEN + 1];

	if (h == NULL) {
		output_note(
			"raw: nothing says who sealed this, when, or that it is the blob that was "
			"asked for");
		return;
	}
	output_note("%s%s%s%s%s, sealed %s%s%s; signed by %s, whose signature is good", h->kind,
		h->issuer[0] != '\0' ? " " : "", h->issuer,
		h->session[0] != '\0' ? ", session " : "", h->session,
		tg_time_format(h->time_ms, time_text), h->content_type[0] != '\0' ? ", " : "",
		h->content_type, h->sender_name);
}
