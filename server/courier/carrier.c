/* carrier.c: see carrier.h. Whatever a witness does wrong, it is away until the next try, and that
 * comes later each time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "core/num.h"
#include "courier/carrier.h"
#include "courier/errand.h"

#define PAUSE_FIRST_US UINT64_C(1000000)
#define PAUSE_MAX_US UINT64_C(60000000)
#define LEARNS_MAX 2u /* times in a row that it may tell another size */

struct carrier {
	struct carrier_opts o;
	const struct policy_witness *w;
	unsigned index;
	struct target target;
	struct errand_known known;
	uint64_t size; /* lines that it cosigned last */
	uint64_t done; /* serial of the cargo that it has answered about */
	struct errand *errand;
	const struct cargo *cargo; /* what the errand carries; it may have changed since */
	uint64_t serial;           /* of it, when it went out */
	struct checkpoint sent;
	unsigned failures, learns;
	uint64_t not_before_us;
	bool up, told;
};

struct carrier *carrier_new(
	const struct carrier_opts *o, const struct policy_witness *w, unsigned index)
{
	struct carrier *x = calloc(1, sizeof *x);

	if (x == NULL || target_parse(w->url, &x->target) != 0) {
		free(x);
		return NULL;
	}
	x->o = *o;
	x->w = w;
	x->index = index;
	return x;
}

void carrier_free(struct carrier *x)
{
	if (x == NULL)
		return;
	errand_free(x->errand);
	free(x);
}

void carrier_set_size(struct carrier *x, uint64_t size)
{
	x->size = size;
}

bool carrier_is_up(const struct carrier *x)
{
	return x->up;
}

bool carrier_is_due(const struct carrier *x, const struct cargo *g)
{
	return x->done != g->serial && x->failures == 0;
}

/* Answers ------------------------------------------------------------------ */

static void failed(struct carrier *x, enum metric_witness_failure kind, const char *why)
{
	uint64_t pause = PAUSE_FIRST_US << (x->failures < 6 ? x->failures : 6);
	uint8_t jitter;

	random_fill(&jitter, 1);
	pause = pause > PAUSE_MAX_US ? PAUSE_MAX_US : pause;
	x->not_before_us = clock_mono_us() + pause * (192 + jitter / 2u) / 256;
	x->failures++;
	errand_known_failed(&x->known);
	metrics_witness_failed(x->index, kind);
	if (x->up || !x->told)
		log_warn("witness-away",
			"%s at %s: %s; its cosignatures are missing until it is back, and nothing "
			"waits for them",
			x->w->name, x->w->url, why);
	x->up = false;
	x->told = true;
}

static void answered(struct carrier *x)
{
	if (!x->up)
		log_info("witness", "%s at %s cosigns", x->w->name, x->w->url);
	x->up = true;
	x->told = true;
	x->failures = 0;
	x->learns = 0;
	x->done = x->serial;
}

/* Finds the line in the answer that this witness's key has signed of what was sent. */
static bool find_line(
	const struct carrier *x, const char *text, size_t n, char line[NOTE_LINE_MAX], size_t *len)
{
	char *whole = malloc(CHECKPOINT_TEXT_MAX + 1 + n + 1);
	struct note note;
	size_t at;
	bool found = false;

	if (whole == NULL)
		return false;
	at = checkpoint_text(&x->sent, whole);
	whole[at++] = '\n';
	memcpy(whole + at, text, n);
	if (note_scan(whole, at + n, &note) == 0 && note.text.n == at - 1)
		found = note_line_of(&note, &x->w->key, line, len);
	free(whole);
	return found;
}

static void on_cosigned(struct carrier *x, const char *text, size_t n)
{
	char line[NOTE_LINE_MAX];
	size_t len;

	if (!find_line(x, text, n, line, &len)) {
		failed(x, WITNESS_F_SIGNATURE, "its answer has no right cosignature by its key");
		return;
	}
	x->size = x->sent.size;
	metrics_witness_cosigned(x->index, x->size, clock_wall_ms() / 1000);
	answered(x);
	if (x->cargo->serial == x->serial)
		x->o.cosigned(x->o.ctx, x->index, line, len);
}

/* It has cosigned another size last: the next proof begins there. */
static void on_other_size(struct carrier *x, const char *text, size_t n)
{
	char why[160];
	uint64_t size;

	if (n < 2 || text[n - 1] != '\n' || tg_num_u64(text, n - 1, INT64_MAX, &size) != 0) {
		failed(x, WITNESS_F_ANSWER, "it answers 409 without a size");
	} else if (size > x->sent.size) {
		snprintf(why, sizeof why,
			"it has cosigned %" PRIu64 " lines of this log, which has %" PRIu64
			": the log was rolled back, or there are two of them",
			size, x->sent.size);
		failed(x, WITNESS_F_HISTORY, why);
	} else if (size == x->size) {
		failed(x, WITNESS_F_HISTORY,
			"it has cosigned another log of this size under this name: there are two "
			"histories");
	} else if (++x->learns > LEARNS_MAX) {
		failed(x, WITNESS_F_ANSWER, "it tells another size each time");
	} else {
		x->size = size;
	}
}

static void on_answer(
	void *ctx, int status, const char *text, size_t n, enum metric_witness_failure kind)
{
	struct carrier *x = ctx;
	struct errand *e = x->errand;
	char why[200];

	x->errand = NULL;
	if (status == 200) {
		on_cosigned(x, text, n);
	} else if (status == 409) {
		on_other_size(x, text, n);
	} else {
		snprintf(why, sizeof why, "%s (status %d)",
			status == 422         ? "it says that this log was rewritten" :
				status == 404 ? "it does not know this log" :
						"it refuses",
			status);
		failed(x,
			status == 0           ? kind :
				status == 422 ? WITNESS_F_HISTORY :
						WITNESS_F_REFUSED,
			status == 0 ? text : why); /* text: ours, then */
	}
	errand_free(e);
}

/* Requests ----------------------------------------------------------------- */

static void carry(struct carrier *x, const struct cargo *g)
{
	struct submission s = {.old = x->size, .note = g->note, .note_n = g->n};
	char *text = malloc(SUBMISSION_MAX + 1);
	size_t n = 0;

	x->cargo = g;
	x->serial = g->serial;
	x->sent = g->c;
	if (s.old > g->c.size) /* it says which size it has: 409 */
		s.old = 0;
	if (x->o.prove(x->o.ctx, s.old, g->c.size, &s.proof) != 0)
		goto out; /* the tiles have gone on: the next checkpoint */
	if (text != NULL)
		n = submission_text(&s, text, SUBMISSION_MAX + 1);
	if (n > 0)
		x->errand = errand_start(
			x->o.loop, &x->target, &x->known, x->o.tls, text, n, on_answer, x);
	if (x->errand == NULL)
		failed(x, WITNESS_F_CONNECTION, "no connection can be begun");
out:
	free(text);
}

void carrier_offer(struct carrier *x, const struct cargo *g)
{
	if (x->errand == NULL && x->done != g->serial && clock_mono_us() >= x->not_before_us)
		carry(x, g);
}
