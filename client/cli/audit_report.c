/* audit_report.c: the answer to a data protection officer's questions, in plain words. It computes nothing but quantiles. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_report.h"
#include "cli/output.h"
#include "core/num.h"
#include "lib/http.h"

#define FINDINGS_SHOWN 20

static const char *issuer_text(int dk)
{
	return dk < 0 ? "-" : dk ? "Danish" : "other";
}

static char *duration(int64_t us, char out[24])
{
	if (us < 1000)
		snprintf(out, 24, "%" PRId64 " us", us);
	else if (us < 1000000)
		snprintf(out, 24, "%.1f ms", (double)us / 1e3);
	else
		snprintf(out, 24, "%.1f s", (double)us / 1e6);
	return out;
}

static char *key_text(const uint8_t key[CHAIN_KEY], char out[96])
{
	strcpy(out, CHAIN_PUBLIC);
	tg_hex_encode(key, CHAIN_KEY, out + strlen(out));
	return out;
}

static uint64_t ended_of(const struct life *l, const struct life_row *stored)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n_rows; i++)
		if (l->row[i].cause[0] != '\0' && l->row[i].dk == stored->dk && strcmp(l->row[i].kind, stored->kind) == 0)
			n += l->row[i].n;
	return n;
}

/* For people ---------------------------------------------------------------------------------------------------------- */

static void print_head(const struct audit_report *r)
{
	const struct audit_chain *c = r->chain;
	char from[TG_TIME_LEN + 1], to[TG_TIME_LEN + 1], key[96];

	printf("Evidence of timeglas: %s%s\n", r->file[0], r->n_files > 1 ? " and others" : "");
	if (c->records + c->checks > 0)
		printf("%" PRIu64 " events and %" PRIu64 " signed checkpoints, from %s to %s\n", c->records, c->checks, tg_time_format(c->first_ms, from),
		       tg_time_format(c->last_ms, to));
	printf("\nVERDICT: %s\n", c->findings.total == 0 ? "GOOD. Nothing was changed, removed, repeated or moved, and every blob that was due has ended."
							  : "NOT GOOD. What is wrong stands below, with its line.");
	if (c->head_n > 0)
		printf("Signed by %s%s\n", key_text(c->seen_key, key),
		       r->key_from == NULL ? "\n  Nobody said which key it must be. Compare this one with the operator's, or give it with --key." : "");
	if (r->key_from != NULL && strcmp(r->key_from, "given") != 0)
		printf("  as %s says, which lies beside the evidence: whoever can change one can change both. Better give --key.\n", r->key_from);
	if (c->first_n > 1)
		printf("The chain begins at line number %" PRIu64 "; what came before stands in earlier files.\n", c->first_n);
	if (r->receipt != NULL && r->receipt->event_met)
		printf("The receipt fits: its event is recorded%s.\n", r->receipt->head_met ? ", and the head that it quotes is unchanged" : "");
}

static void print_stored(const struct life *l)
{
	printf("\nWhat was stored, and whether it has ended\n  %-20s %-7s %10s %10s %10s\n", "kind", "issuer", "stored", "ended", "still held");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct life_row *w = &l->row[i];
		uint64_t ended = ended_of(l, w);

		if (w->cause[0] == '\0')
			printf("  %-20s %-7s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", w->kind, issuer_text(w->dk), w->n, ended, w->n - ended);
	}
}

static void print_ends(const struct life *l)
{
	char a[24], b[24], c[24];

	printf("\nHow each ended, and how long after its deadline it was erased (where a deadline ended it)\n  %-20s %-7s %-16s %10s %10s %10s %10s\n", "kind",
	       "issuer", "cause", "blobs", "median", "99.9 %", "worst");
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct life_row *w = &l->row[i];

		if (w->cause[0] == '\0')
			continue;
		printf("  %-20s %-7s %-16s %10" PRIu64, w->kind, issuer_text(w->dk), w->cause, w->n);
		if (w->n_late > 0)
			printf(" %10s %10s %10s\n", duration(life_quantile_us(w, 0.5), a), duration(life_quantile_us(w, 0.999), b), duration(w->worst_us, c));
		else
			printf(" %10s %10s %10s\n", "-", "-", "-");
	}
	if (l->aborted > 0)
		printf("  %" PRIu64 " uploads were broken off before anybody could see them, and erased\n", l->aborted);
	if (l->before > 0 && !l->from_start)
		printf("  %" PRIu64 " ends belong to blobs stored before these files begin\n", l->before);
}

static void print_findings(const struct findings *f)
{
	char detail[256];

	if (f->total == 0)
		return;
	printf("\nWhat is wrong\n");
	for (size_t i = 0; i < f->n && i < FINDINGS_SHOWN; i++) {
		const struct finding *x = &f->list[i];

		http_copy_text(detail, sizeof detail, x->detail);
		if (x->line > 0)
			printf("  %s, line %" PRIu64 " (%s): %s\n", x->file, x->line, x->what, detail);
		else
			printf("  (%s): %s\n", x->what, detail);
	}
	if (f->total > FINDINGS_SHOWN)
		printf("  and %" PRIu64 " more\n", f->total - FINDINGS_SHOWN);
}

void report_text(const struct audit_report *r)
{
	const struct life *l = r->life;

	print_head(r);
	if (l->n_rows > 0) {
		print_stored(l);
		print_ends(l);
	}
	printf("\n%zu blobs are still held", l->n_open);
	printf(r->overdue > 0 ? "; %" PRIu64 " of them should have ended\n" : ", none past its deadline\n", r->overdue);
	print_findings(&r->chain->findings);
	if (r->receipt == NULL)
		printf("\nA file that ends early and is whole otherwise is found only with a receipt (--receipt) that is younger than the cut.\n");
}

/* For programs -------------------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t ms)
{
	char text[TG_TIME_LEN + 1];

	return json_string(tg_time_format(ms, text));
}

static json_t *dk_json(int dk)
{
	return dk < 0 ? json_null() : json_boolean(dk);
}

static json_t *late_json(const struct life_row *w)
{
	if (w->n_late == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "n", (json_int_t)w->n_late, "median_us", (json_int_t)life_quantile_us(w, 0.5), "p999_us",
			 (json_int_t)life_quantile_us(w, 0.999), "worst_us", (json_int_t)w->worst_us);
}

static void rows_json(const struct life *l, json_t *stored, json_t *ends)
{
	for (size_t i = 0; i < l->n_rows; i++) {
		const struct life_row *w = &l->row[i];
		json_int_t n = (json_int_t)w->n, ended = (json_int_t)ended_of(l, w);

		if (w->cause[0] == '\0')
			json_array_append_new(stored, json_pack("{s:s, s:o, s:I, s:I, s:I}", "kind", w->kind, "dk", dk_json(w->dk), "stored", n, "ended", ended,
								"held", n - ended));
		else
			json_array_append_new(ends, json_pack("{s:s, s:o, s:s, s:I, s:o}", "kind", w->kind, "dk", dk_json(w->dk), "cause", w->cause, "n", n,
							      "late", late_json(w)));
	}
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", "what", f->list[i].what, "file", f->list[i].file, "line",
						      (json_int_t)f->list[i].line, "detail", f->list[i].detail));
	return list;
}

static json_t *head_json(const struct audit_chain *c)
{
	char hex[2 * CHAIN_HASH + 1], key[96];

	if (c->head_n == 0)
		return json_null();
	return json_pack("{s:I, s:s, s:s}", "n", (json_int_t)c->head_n, "hash", tg_hex_encode(c->head, CHAIN_HASH, hex), "key", key_text(c->seen_key, key));
}

json_t *report_json(const struct audit_report *r)
{
	const struct audit_chain *c = r->chain;
	const struct life *l = r->life;
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "good", c->findings.total == 0, "lines", (json_int_t)c->lines, "events",
			      (json_int_t)c->records, "checkpoints", (json_int_t)c->checks, "first_n", (json_int_t)c->first_n, "last_n", (json_int_t)c->last_n);
	json_t *stored = json_array(), *ends = json_array();

	if (o == NULL)
		return NULL;
	rows_json(l, stored, ends);
	if (c->lines > 0) {
		json_object_set_new(o, "first_time", time_json(c->first_ms));
		json_object_set_new(o, "last_time", time_json(c->last_ms));
	}
	json_object_set_new(o, "head", head_json(c));
	json_object_set_new(o, "key_from", r->key_from != NULL ? json_string(r->key_from) : json_null());
	json_object_set_new(o, "unsigned_lines", json_integer((json_int_t)c->unsigned_lines));
	json_object_set_new(o, "stored", stored);
	json_object_set_new(o, "ends", ends);
	json_object_set_new(o, "aborted", json_integer((json_int_t)l->aborted));
	json_object_set_new(o, "open", json_integer((json_int_t)l->n_open));
	json_object_set_new(o, "overdue", json_integer((json_int_t)r->overdue));
	if (r->receipt != NULL)
		json_object_set_new(o, "receipt", json_pack("{s:b, s:b}", "event", r->receipt->event_met, "head", r->receipt->head_met));
	json_object_set_new(o, "findings_total", json_integer((json_int_t)c->findings.total));
	json_object_set_new(o, "findings", findings_json(&c->findings));
	return o;
}
