/*
 * cmd_audit_index.c: timeglas audit index: reads and checks evidence as audit show does, and keeps
 * in the user's state folder what is needed to find a blob, a session or a person in it. What is
 * indexed already is not read again. Runs in the timeglas command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cli/audit_build.h"
#include "cli/audit_forget.h"
#include "cli/audit_index.h"
#include "cli/audit_verdict.h"
#include "cli/cmd.h"
#include "cli/output.h"

struct indexing {
	struct audit_chains all;
	struct audit_index have;
	struct audit_build build;
	struct audit_recorder *recorder; /* NULL: there are several chains */
	uint64_t had;                    /* lines that were indexed before */
};

static int on_begin(void *ctx, struct audit_recorder *t)
{
	struct indexing *x = ctx;

	if (!audit_index_find(&x->have, t, true))
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	x->had = audit_index_lines(&x->have);
	x->recorder = t;
	if (x->have.n > 0) {
		x->build.behind_bytes = x->have.behind.bytes;
		audit_chains_resume(t, &x->have.behind);
	}
	return 0;
}

static int on_line(void *ctx, const struct audit_chain *c, const struct chain_line *l,
	const struct finding_place *at)
{
	struct indexing *x = ctx;

	(void)c;
	if (x->recorder == NULL)
		return output_usage("an index is made of one recorder's files: give those of each "
				    "recorder by themselves");
	return audit_build_line(&x->build, x->recorder, l, at);
}

static int on_event(void *ctx, const struct audit_event *e)
{
	(void)ctx, (void)e;
	return 0;
}

static void on_gap(void *ctx, int64_t at_ms)
{
	(void)ctx, (void)at_ms;
}

static int print_result(const struct indexing *x)
{
	const struct audit_build *b = &x->build;
	const bool good = x->all.findings.total == 0;
	int status = EXIT_DONE;

	if (output_is_json())
		status = output_object(json_pack("{s:b, s:I, s:I, s:I}", "good", good, "lines",
			(json_int_t)(x->had + b->lines), "new", (json_int_t)b->lines, "bytes",
			(json_int_t)b->bytes));
	else
		printf("%" PRIu64 " lines are indexed, %" PRIu64 " of them now (%" PRIu64
		       " bytes written)\n",
			x->had + b->lines, b->lines, b->bytes);
	if (!good)
		output_note("timeglas: this evidence is not as it was written (%" PRIu64
			    " findings), and is not indexed from the first of them on: see "
			    "'timeglas audit verify'",
			x->all.findings.total);
	return status == EXIT_DONE && !good ? EXIT_EVIDENCE : status;
}

static int make_folder(void)
{
	char why[256];
	int dir;

	if (tg_state_open(&dir, why, sizeof why) != 0)
		return output_fail(TG_EIO, "%s", why);
	close(dir);
	return EXIT_DONE;
}

int cmd_audit_index(struct cli *cli)
{
	static const struct audit_calls calls = {
		.line = on_line, .event = on_event, .begin = on_begin, .gap = on_gap};
	struct indexing *x = calloc(1, sizeof *x);
	int status =
		x != NULL ? make_folder() : output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	if (status == EXIT_DONE)
		status = audit_chains_run(
			&x->all, cli, cli->opt.word + 2, cli->opt.n_words - 2, &calls, x);
	if (status == EXIT_DONE && x->recorder != NULL)
		status = audit_build_end(&x->build, x->recorder);
	if (status == EXIT_DONE) {
		audit_forget_lost();
		status = print_result(x);
	}
	if (x != NULL) {
		audit_chains_free(&x->all);
		audit_index_free(&x->have);
		audit_build_free(&x->build);
	}
	free(x);
	return status;
}
