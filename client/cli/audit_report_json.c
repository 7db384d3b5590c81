/* audit_report_json.c: the result of audit verify for programs. It computes nothing but sums and
 * quantiles. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/hex.h"

static json_t *dk_json(int dk)
{
	return dk < 0 ? json_null() : json_boolean(dk);
}

static json_t *late_json(const struct audit_row *w)
{
	if (w->late.n == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "n", (json_int_t)w->late.n, "median_us",
		(json_int_t)audit_lateness_quantile_us(&w->late, 0.5), "p999_us",
		(json_int_t)audit_lateness_quantile_us(&w->late, 0.999), "worst_us",
		(json_int_t)w->late.worst_us);
}

static void rows_json(const struct audit_blobs *l, json_t *stored, json_t *ends)
{
	for (size_t i = 0; i < l->rows.n; i++) {
		const struct audit_row *w = &l->rows.row[i];
		json_int_t n = (json_int_t)w->n, ended = (json_int_t)audit_rows_ended(&l->rows, w);

		if (w->cause[0] == '\0')
			output_append(stored,
				json_pack("{s:s, s:o, s:I, s:I, s:I, s:o, s:I}", "kind", w->kind,
					"dk", dk_json(w->dk), "stored", n, "ended", ended, "held",
					n - ended, "longest_held_ms",
					w->held.n > 0 ? json_integer(w->held.worst_us / 1000) :
							json_null(),
					"limit_ms", (json_int_t)w->limit_ms));
		else
			output_append(ends,
				json_pack("{s:s, s:o, s:s, s:I, s:o}", "kind", w->kind, "dk",
					dk_json(w->dk), "cause", w->cause, "n", n, "late",
					late_json(w)));
	}
}

static json_t *outcomes_json(const struct audit_tally *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		output_append(list,
			json_pack("{s:o, s:I}", "outcome",
				t->list[i].word[0] != '\0' ? json_string(t->list[i].word) :
							     json_null(),
				"n", (json_int_t)t->list[i].n));
	return list;
}

static json_t *attempts_json(const struct audit_attempts *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct audit_attempts_row *w = &a->row[i];

		output_append(list,
			json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:I}", "by", w->by, "reason",
				w->reason, "count", (json_int_t)w->count, "first",
				output_time(w->first_ms), "last", output_time(w->last_ms), "file",
				output_foreign(w->last.file), "line", (json_int_t)w->last.line));
	}
	return json_pack("{s:I, s:o}", "total", (json_int_t)a->total, "by_peer", list);
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		output_append(list,
			json_pack("{s:s, s:s, s:I, s:s}", "what", f->list[i].what, "file",
				f->list[i].file, "line", (json_int_t)f->list[i].line, "detail",
				f->list[i].detail));
	return list;
}

static json_t *head_json(const struct audit_chain *c)
{
	const struct audit_head *h = audit_chain_head(c);
	char hex[2 * CHAIN_HASH + 1], key[AUDIT_WORDS_KEY], named[AUDIT_WORDS_LOG_KEY];

	if (h == NULL)
		return json_null();
	audit_words_log_key(c->tree.origin, c->seen_key, named);
	return json_pack("{s:I, s:s, s:s, s:o}", "n", (json_int_t)h->n, "hash",
		tg_hex_encode(h->hash, CHAIN_HASH, hex), "key", audit_words_key(c->seen_key, key),
		"log_key", named[0] != '\0' ? json_string(named) : json_null());
}

static json_t *chains_json(const struct audit_chains *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct audit_recorder *t = &a->recorder[i];
		json_t *files = json_array();

		for (size_t k = 0; k < t->n_files; k++)
			output_append(files, output_foreign(t->file[k].path));
		output_append(list,
			json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "files", files,
				"roots", (json_int_t)t->chain.tree.roots, "roots_unknown",
				(json_int_t)t->chain.tree.unknown, "events",
				(json_int_t)t->chain.records, "first_n",
				(json_int_t)t->chain.first_n, "last_n", (json_int_t)t->chain.last_n,
				"goes_on", t->chain.goes_on, "head", head_json(&t->chain),
				"key_from",
				t->key_from != NULL ? json_string(t->key_from) : json_null()));
	}
	return list;
}

static json_t *duplicates_json(const struct audit_duplicates *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		output_append(list,
			json_pack("{s:s, s:s, s:I, s:s, s:I}", "event", t->list[i].event, "file",
				t->list[i].file, "line", (json_int_t)t->list[i].line, "also_file",
				t->list[i].also, "also_line", (json_int_t)t->list[i].also_line));
	return list;
}

static void blobs_json(json_t *o, const struct audit_report *r)
{
	const struct audit_blobs *l = r->blobs;
	json_t *stored = json_array(), *ends = json_array();

	rows_json(l, stored, ends);
	json_object_set_new(o, "stored", stored);
	json_object_set_new(o, "ends", ends);
	json_object_set_new(o, "aborted", json_integer((json_int_t)l->aborted));
	json_object_set_new(o, "open", json_integer((json_int_t)l->open.n));
	json_object_set_new(o, "overdue", json_integer((json_int_t)r->overdue));
	json_object_set_new(o, "reverted", json_integer((json_int_t)l->reverted));
	json_object_set_new(o, "came_back", json_integer((json_int_t)l->came_back));
	json_object_set_new(o, "second_readers", json_integer((json_int_t)l->second_readers));
	json_object_set_new(o, "not_given", json_integer((json_int_t)l->not_given));
}

json_t *audit_report_json(const struct audit_report *r)
{
	const struct audit_chains *a = r->all;
	const struct audit_sums *s = &r->sums;
	json_t *o = json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:o}", "verdict",
		audit_verdict_word(r->verdict), "good", r->verdict == AUDIT_GOOD, "pinned",
		audit_verdict_pinned(a), "lines", (json_int_t)s->lines, "events",
		(json_int_t)s->records, "checkpoints", (json_int_t)s->checks, "unsigned_lines",
		(json_int_t)s->unsigned_lines, "chains", chains_json(a));

	if (o == NULL)
		return NULL;
	if (s->first_ms > 0) {
		json_object_set_new(o, "first_time", output_time(s->first_ms));
		json_object_set_new(o, "last_time", output_time(s->last_ms));
	}
	blobs_json(o, r);
	json_object_set_new(o, "outcomes", outcomes_json(&r->blobs->outcomes));
	json_object_set_new(o, "longest_delay_us",
		r->blobs->late.n > 0 ? json_integer(r->blobs->late.worst_us) : json_null());
	json_object_set_new(o, "store_lost", json_integer((json_int_t)r->blobs->store_lost));
	json_object_set_new(o, "too_late", json_integer((json_int_t)r->blobs->too_late));
	json_object_set_new(o, "attempts", attempts_json(r->attempts));
	json_object_set_new(
		o, "also_recorded_total", json_integer((json_int_t)a->duplicates.total));
	json_object_set_new(o, "also_recorded", duplicates_json(&a->duplicates));
	json_object_set_new(o, "in_doubt", json_integer((json_int_t)a->doubtful));
	if (r->receipts != NULL)
		json_object_set_new(o, "receipt",
			json_pack("{s:b, s:b, s:I}", "event", audit_receipts_event_met(r->receipts),
				"head", audit_receipts_head_met(r->receipts), "n",
				(json_int_t)r->receipts->n));
	if (r->kept != NULL)
		json_object_set_new(o, "receipt",
			json_pack("{s:b, s:b, s:b, s:I}", "proof", 1, "event", r->kept->line_met,
				"head", r->kept->root_met, "ahead_s",
				(json_int_t)audit_proof_ahead_s(r->kept->proof)));
	if (r->asked->n > 0)
		json_object_set_new(o, "witnesses_asked", audit_witnesses_json(r->asked));
	json_object_set_new(o, "findings_total", json_integer((json_int_t)a->findings.total));
	json_object_set_new(o, "findings", findings_json(&a->findings));
	return o;
}
