/*
 * cmd_audit_show.c: timeglas audit show: for an incident, or a person who asks. It checks the chain
 * while it reads, and refuses what lies outside the evidence. What a damaged file says is shown,
 * too, together with a warning. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/audit_chains.h"
#include "cli/audit_events.h"
#include "cli/audit_held.h"
#include "cli/audit_insight.h"
#include "cli/audit_verdict.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "core/time.h"

struct show {
	struct audit_chains all;
	struct audit_question asked;
	struct audit_held held;     /* the answer to --at, */
	struct audit_events events; /* and to everything else */
	struct audit_insight insight;
	bool no_index;
};

static int on_line(void *ctx, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	(void)ctx, (void)c, (void)l, (void)at;
	return 0;
}

static int on_event(void *ctx, const struct audit_event *e)
{
	struct show *s = ctx;
	bool good = true;

	if (s->asked.kind == AUDIT_ASK_AT)
		good = audit_held_event(&s->held, e);
	else if (audit_question_match(&s->asked, e->record))
		good = audit_events_add(&s->events, e);
	return good && !s->asked.no_memory ? 0 :
					     output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

static int on_begin(void *ctx, struct audit_recorder *t)
{
	struct show *s = ctx;

	if (s->no_index || !audit_question_indexed(&s->asked))
		return 0;
	return audit_insight_begin(&s->insight, t, &s->asked, on_event, s);
}

static void on_gap(void *ctx, int64_t at_ms)
{
	(void)ctx, (void)at_ms; /* audit_chains counts them */
}

/* Nothing of an id that somebody typed: that it is not here does not say that it never was. */
static void note_nothing(const struct show *s, const struct audit_sums *sums)
{
	char from[TG_TIME_LEN + 1], to[TG_TIME_LEN + 1];

	if (s->events.n > 0 || !audit_question_indexed(&s->asked))
		return;
	output_note("timeglas: this evidence tells of the time from %s to %s, and nothing of it in "
		    "that time: see that it is written as it was told to you, and that all files "
		    "of all servers are given",
		tg_time_format(sums->first_ms, from), tg_time_format(sums->last_ms, to));
}

static void note(const struct show *s)
{
	char made[TG_TIME_LEN + 1];

	if (s->all.gaps > 0)
		output_note("timeglas: not all evidence is given: what an earlier file, or another "
			    "recorder's, would tell is missing here");
	if (s->held.reverted)
		output_note(
			"timeglas: the store was failed over before that time: what had ended in "
			"the moments before may have been held once more");
	if (s->insight.index.n > 0)
		output_note("timeglas: the first %" PRIu64 " lines were found by the index of %s, "
			    "and not read again: --no-index reads all",
			audit_index_lines(&s->insight.index),
			tg_time_format(audit_index_made_ms(&s->insight.index), made));
	if (!audit_verdict_pinned(&s->all))
		output_note("timeglas: nobody said which key must have signed this: anybody could "
			    "have written it; give --key");
	if (s->all.findings.total > 0)
		output_note("timeglas: this evidence is not as it was written (%" PRIu64
			    " findings): see 'timeglas audit verify'",
			s->all.findings.total);
}

/* What was found by an index, and not read. */
static json_t *index_json(const struct audit_index *x)
{
	return x->n == 0 ? json_null() :
			   json_pack("{s:I, s:o}", "lines", (json_int_t)audit_index_lines(x),
				   "made", output_time(audit_index_made_ms(x)));
}

static int print_json(struct show *s, bool good)
{
	bool at = s->asked.kind == AUDIT_ASK_AT;
	size_t n = at ? s->held.n : s->events.n;

	return output_object(json_pack("{s:b, s:b, s:I, s:b, s:o, s:o}", "good", good, "pinned",
		audit_verdict_pinned(&s->all), "n", (json_int_t)n, "complete", s->all.gaps == 0,
		"index", index_json(&s->insight.index), at ? "held" : "events",
		at ? audit_held_json(&s->held) : audit_events_json(&s->events)));
}

static int print_result(struct show *s)
{
	const struct audit_sums sums = audit_chains_sums(&s->all);
	bool good = s->all.findings.total == 0;
	int status = audit_question_check(&s->asked, sums.first_ms, sums.last_ms);

	if (status != EXIT_DONE)
		return status;
	audit_held_finish(&s->held);
	if (output_is_json()) {
		status = print_json(s, good);
	} else if (s->held.n + s->events.n == 0) {
		printf("nothing\n");
	} else if (s->asked.kind == AUDIT_ASK_AT) {
		audit_held_print(&s->held);
	} else {
		audit_events_print(&s->events);
	}
	note_nothing(s, &sums);
	note(s);
	return status == EXIT_DONE && !good ? EXIT_EVIDENCE : status;
}

int cmd_audit_show(struct cli *cli)
{
	static const struct audit_calls calls = {
		.line = on_line, .event = on_event, .begin = on_begin, .gap = on_gap};
	struct show *s = calloc(1, sizeof *s);
	int status = s != NULL ? audit_question_read(&cli->opt, &s->asked) :
				 output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == EXIT_DONE) {
		s->held.at_ms = s->asked.at_ms;
		s->no_index = cmdline_flag(&cli->opt, OPT_NO_INDEX);
		status = audit_chains_run(
			&s->all, cli, cli->opt.word + 2, cli->opt.n_words - 2, &calls, s);
	}
	if (status == EXIT_DONE)
		status = print_result(s);
	if (s != NULL) {
		audit_chains_free(&s->all);
		audit_question_free(&s->asked);
		audit_held_free(&s->held);
		audit_events_free(&s->events);
		audit_insight_free(&s->insight);
	}
	free(s);
	return status;
}
