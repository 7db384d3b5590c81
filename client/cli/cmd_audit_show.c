/*
 * cmd_audit_show.c: timeglas audit show: for an incident, lists what was held at a moment, or what
 * one peer stored and read between two moments. It checks the chain while it reads. What a damaged
 * file says is shown, too, together with a warning. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_chains.h"
#include "cli/audit_tags.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "core/time.h"

#define TEXT 48

struct held { /* a blob that was stored before the moment */
	uint8_t tag[AUDIT_TAGS_BYTES];
	char tag_text[TEXT], kind[TEXT], uploader[TEXT], cause[TEXT];
	int dk;
	int64_t stored_ms, deadline_ms, ended_ms; /* ended_ms -1: its end is not recorded */
	uint64_t size;
	unsigned epoch, shard;
	struct chain_pos pos;
	bool gone; /* it ended before the moment, so its place in the table may be reused */
};

struct show {
	struct audit_chains all;
	const char *peer; /* NULL: the question is --at */
	int64_t at_ms, from_ms, to_ms;
	struct held *held;
	size_t n, cap;
	struct audit_tags tags; /* the place in held of the last blob with a tag */
	json_t *rows;           /* NULL: text for people */
	uint64_t found;
	bool reverted;
};

static void copy_text(char out[TEXT], struct chain_text t)
{
	snprintf(out, TEXT, "%.*s", (int)(t.p != NULL ? (t.n < TEXT ? t.n : TEXT - 1) : 0),
		t.p != NULL ? t.p : "");
}

/* What was held at a moment ------------------------------------------------ */

/* Moves to a larger array, without the blobs that are gone. */
static bool make_room(struct show *s)
{
	size_t kept = 0, cap;
	struct held *grown;
	bool good = true;

	if (s->n < s->cap)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (!s->held[i].gone)
			s->held[kept++] = s->held[i];
	s->n = kept;
	cap = s->cap == 0 ? 1024 : kept * 2 > s->cap ? s->cap * 2 : s->cap;
	grown = realloc(s->held, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	s->held = grown;
	s->cap = cap;
	audit_tags_clear(&s->tags);
	for (size_t i = 0; i < s->n; i++)
		good = good && audit_tags_put(&s->tags, s->held[i].tag, i);
	return good;
}

static int no_memory(void)
{
	return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

static int on_stored(struct show *s, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	struct held h = {.dk = r->dk,
		.stored_ms = r->time_ms,
		.deadline_ms = r->deadline_ms,
		.ended_ms = -1,
		.size = r->size_bytes > 0 ? (uint64_t)r->size_bytes : 0,
		.epoch = e->epoch,
		.shard = e->shard,
		.pos = e->pos};

	if (!make_room(s))
		return no_memory();
	audit_tags_read(r->tag, h.tag);
	copy_text(h.tag_text, r->tag);
	copy_text(h.kind, r->kind);
	copy_text(h.uploader, r->uploader);
	s->held[s->n] = h;
	return audit_tags_put(&s->tags, h.tag, s->n++) ? 0 : no_memory();
}

static void end(struct held *h, int64_t moment_ms, int64_t time_ms, struct chain_text cause)
{
	if (h->ended_ms >= 0)
		return;
	h->gone = time_ms <= moment_ms;
	h->ended_ms = time_ms;
	copy_text(h->cause, cause);
}

static void forget(struct show *s, const struct audit_event *e)
{
	const struct audit_event_loss loss = audit_event_loss(e);

	for (size_t i = 0; i < s->n; i++) {
		struct held *h = &s->held[i];

		if (audit_event_forgotten(&loss, h->epoch, h->shard, &h->pos))
			end(h, s->at_ms, e->record->time_ms, e->record->event);
	}
	s->reverted |= !loss.all && e->record->time_ms <= s->at_ms;
}

static int at_event(struct show *s, const struct audit_event *e)
{
	const struct chain_record *r = e->record;
	uint8_t tag[AUDIT_TAGS_BYTES];
	size_t place;

	if (chain_is(r->event, CHAIN_STORE_LOST) || chain_is(r->event, CHAIN_STORE_REVERTED))
		forget(s, e);
	if (chain_is(r->event, "stored") && r->time_ms <= s->at_ms)
		return on_stored(s, e);
	if (!chain_is(r->event, "gone"))
		return 0;
	audit_tags_read(r->tag, tag);
	place = audit_tags_find(&s->tags, tag);
	if (place != AUDIT_TAGS_NONE)
		end(&s->held[place], s->at_ms, r->time_ms, r->cause);
	return 0;
}

/* Rows --------------------------------------------------------------------- */

static json_t *or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

static void print_held(struct show *s, const struct held *h)
{
	char deadline[TG_TIME_LEN + 1], ended[TG_TIME_LEN + 1] = "-";

	s->found++;
	if (s->rows != NULL) {
		json_array_append_new(s->rows,
			json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "tag",
				or_null(h->tag_text), "kind", or_null(h->kind), "dk",
				json_boolean(h->dk == 1), "size", (json_int_t)h->size, "uploader",
				or_null(h->uploader), "stored_at", output_time(h->stored_ms),
				"deadline", output_time(h->deadline_ms), "ended_at",
				output_time(h->ended_ms), "cause", or_null(h->cause)));
		return;
	}
	if (h->ended_ms >= 0)
		tg_time_format(h->ended_ms, ended);
	printf("%-32s %-10s %-6s %s %10" PRIu64 "  %-24s %s\n", h->tag_text, h->kind,
		h->dk == 1 ? "DK" : "not DK", tg_time_format(h->deadline_ms, deadline), h->size,
		ended, h->cause);
}

static void print_all_held(struct show *s)
{
	if (s->rows == NULL)
		printf("%-32s %-10s %-6s %-24s %10s  %-24s %s\n", "tag", "kind", "issuer",
			"deadline", "size", "ended", "cause");
	for (size_t i = 0; i < s->n; i++)
		if (!s->held[i].gone)
			print_held(s, &s->held[i]);
}

/* Prints what the peer uploaded, and whatever else is recorded as done by it. */
static void peer_record(struct show *s, const struct chain_record *r)
{
	bool stored = chain_is(r->event, "stored") && chain_is(r->uploader, s->peer);
	char time[TG_TIME_LEN + 1], tag[TEXT], kind[TEXT], cause[TEXT], event[TEXT];

	if (r->time_ms < s->from_ms || r->time_ms > s->to_ms ||
		(!stored && !chain_is(r->by, s->peer)))
		return;
	s->found++;
	copy_text(tag, r->tag);
	copy_text(kind, r->kind);
	copy_text(cause, r->cause);
	copy_text(event, r->event);
	if (s->rows != NULL)
		json_array_append_new(s->rows,
			json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:o}", "time",
				output_time(r->time_ms), "event", event, "tag", or_null(tag),
				"kind", or_null(kind), "dk", json_boolean(r->dk == 1), "size",
				(json_int_t)(r->size_bytes > 0 ? r->size_bytes : 0), "cause",
				or_null(cause)));
	else
		printf("%s  %-12s %-32s %-10s %-6s %10" PRId64 "  %s\n",
			tg_time_format(r->time_ms, time), event, tag, kind,
			r->dk == 1 ? "DK" : "not DK", r->size_bytes > 0 ? r->size_bytes : 0, cause);
}

/* The command -------------------------------------------------------------- */

static int on_line(void *ctx, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	(void)ctx, (void)c, (void)l, (void)at;
	return 0;
}

static int on_event(void *ctx, const struct audit_event *e)
{
	struct show *s = ctx;

	if (s->peer == NULL)
		return at_event(s, e);
	peer_record(s, e->record);
	return 0;
}

static void on_gap(void *ctx, int64_t at_ms)
{
	(void)ctx, (void)at_ms; /* audit_chains counts them */
}

static int time_option(const struct cmdline *o, enum opt_id id, int64_t otherwise, int64_t *out)
{
	const char *text = cmdline_text(o, id);

	*out = otherwise;
	if (text == NULL || tg_time_parse(text, strlen(text), out) == 0)
		return 0;
	return output_usage(
		"--%s: not a time like 2026-11-22T12:00:00Z: %s", cmdline_row(id)->name, text);
}

static int read_question(const struct cmdline *o, struct show *s)
{
	const char *at = cmdline_text(o, OPT_AT);
	int status;

	s->peer = cmdline_text(o, OPT_PEER);
	if ((at != NULL) == (s->peer != NULL))
		return output_usage("ask one thing: --at TIME (what was held then), or --peer NAME "
				    "[--from TIME] [--to TIME] (what that peer stored and read)");
	if (at != NULL && (cmdline_flag(o, OPT_FROM) || cmdline_flag(o, OPT_TO)))
		return output_usage("--from and --to belong to --peer");
	status = time_option(o, OPT_AT, 0, &s->at_ms);
	if (status == 0)
		status = time_option(o, OPT_FROM, 0, &s->from_ms);
	return status != 0 ? status : time_option(o, OPT_TO, INT64_MAX, &s->to_ms);
}

static void note(const struct show *s)
{
	if (s->all.gaps > 0)
		output_note("timeglas: not all evidence is given: what an earlier file, or another "
			    "recorder's, would tell is missing here");
	if (s->reverted)
		output_note(
			"timeglas: the store was failed over before that time: what had ended in "
			"the moments before may have been held once more");
	if (s->all.findings.total > 0)
		output_note("timeglas: this evidence is not as it was written (%" PRIu64
			    " findings): see 'timeglas audit verify'",
			s->all.findings.total);
}

static int print_result(struct show *s)
{
	bool good = s->all.findings.total == 0;
	int status = EXIT_DONE;

	if (s->peer == NULL)
		print_all_held(s);
	if (s->rows != NULL)
		status = output_object(json_pack("{s:b, s:I, s:b, s:o}", "good", good, "n",
			(json_int_t)s->found, "complete", s->all.gaps == 0,
			s->peer == NULL ? "held" : "events", s->rows));
	else if (s->found == 0)
		printf("nothing\n");
	note(s);
	return status == EXIT_DONE && !good ? EXIT_EVIDENCE : status;
}

int cmd_audit_show(struct cli *cli)
{
	static const struct audit_calls calls = {.line = on_line, .event = on_event, .gap = on_gap};
	struct show s = {.rows = output_is_json() ? json_array() : NULL};
	int status = read_question(&cli->opt, &s);

	if (status == EXIT_DONE)
		status = audit_chains_run(
			&s.all, cli, cli->opt.word + 2, cli->opt.n_words - 2, &calls, &s);
	if (status == EXIT_DONE)
		status = print_result(&s);
	else
		json_decref(s.rows);
	audit_chains_free(&s.all);
	free(s.held);
	audit_tags_free(&s.tags);
	return status;
}
