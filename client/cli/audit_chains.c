/*
 * audit_chains.c: reads the chains of several recorders side by side. Only one recorder at a time
 * writes for a store. The first record of the next one (taken-over) quotes the chain that it
 * continues, and that chain is read up to there first. Runs in the timeglas command.
 * docs/evidence.md.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_chains.h"
#include "cli/audit_keys.h"
#include "cli/audit_tiles.h"
#include "cli/output.h"
#include "core/hex.h"
#include "core/num.h"

static struct audit_quote quote_of(const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	struct audit_quote q = {0};

	while (chain_next_member(&rest, &name, &value)) {
		if (chain_is(name, "key"))
			q.has_key = tg_hex_decode(value.p, value.n, q.key, sizeof q.key) == 0;
		else if (chain_is(name, "hash"))
			q.has_head = tg_hex_decode(value.p, value.n, q.hash, sizeof q.hash) == 0;
		else if (chain_is(name, "n") && tg_num_u64(value.p, value.n, UINT64_MAX, &q.n) != 0)
			q.n = 0;
	}
	q.has_head = q.has_head && q.n > 0;
	return q;
}

/* Finds the chain that a taken-over record quotes. If several have that key, it is the one in which
 * the quoted line stands. Returns NULL when it is not given. */
static const struct audit_recorder *quoted(
	const struct audit_recorder *t, const struct audit_quote *q)
{
	const struct audit_recorder *found = NULL;

	for (size_t i = 0; i < t->all->n; i++) {
		const struct audit_recorder *o = &t->all->recorder[i];

		if (o == t || !q->has_key || !o->first->begins ||
			memcmp(o->first->key, q->key, CHAIN_KEY) != 0)
			continue;
		if (found == NULL ||
			(q->has_head && audit_chain_signed(&o->chain, q->n, q->hash) == 1))
			found = o;
	}
	return found;
}

/* Stores ------------------------------------------------------------------- */

static unsigned number_of(struct audit_chains *a, const char *epoch, size_t n)
{
	void *grown;

	if (n != CHAIN_EPOCH)
		return 0;
	for (size_t i = 0; i < a->n_epochs; i++)
		if (memcmp(a->epoch[i], epoch, n) == 0)
			return (unsigned)i + 1;
	grown = realloc(a->epoch, (a->n_epochs + 1) * sizeof *a->epoch);
	if (grown == NULL)
		return 0;
	a->epoch = grown;
	memcpy(a->epoch[a->n_epochs], epoch, n);
	a->epoch[a->n_epochs][n] = '\0';
	return (unsigned)++a->n_epochs;
}

static unsigned lost_epoch(struct audit_recorder *t, const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	unsigned was = 0;

	while (chain_next_member(&rest, &name, &value)) {
		if (chain_is(name, "epoch"))
			t->epoch = number_of(t->all, value.p, value.n);
		else if (chain_is(name, "was"))
			was = number_of(t->all, value.p, value.n);
	}
	return was;
}

/* Lines -------------------------------------------------------------------- */

static void gap(struct audit_chains *a, int64_t at_ms)
{
	a->gaps++;
	a->calls->gap(a->ctx, at_ms);
}

static void on_taken_over(
	struct audit_recorder *t, const struct chain_record *r, const struct finding_place *at)
{
	const struct audit_quote q = quote_of(r);
	const struct audit_recorder *o = quoted(t, &q);

	if (t->continues == NULL)
		t->continues = o;
	if (o == NULL) {
		memset(t->doubt, 0, sizeof t->doubt);
		chain_more_positions(r, t->doubt);
		t->doubt_epoch =
			0; /* the next checkpoint tells it, unless it is the same as before */
		gap(t->all, r->time_ms);
	} else if (q.has_head && audit_chain_signed(&o->chain, q.n, q.hash) == 0) {
		findings_add(&t->all->findings, "head", at,
			"the recorder before this one had signed line number %" PRIu64
			" of the chain that begins with %s, and that line is not there: it was cut "
			"off, or written anew",
			q.n, o->first->path);
	}
}

/* May this event also stand in a chain that is not given? */
static bool in_doubt(struct audit_recorder *t, const struct audit_event *e)
{
	if (t->doubt_epoch == 0)
		t->doubt_epoch = t->epoch;
	return t->doubt_epoch == t->epoch && chain_pos_cmp(&e->pos, &t->doubt[e->shard]) <= 0;
}

static int on_record(struct audit_recorder *t, const char *line, size_t n,
	const struct chain_record *r, const struct finding_place *at)
{
	struct audit_event e = {.record = r, .at = at, .epoch = t->epoch, .shard = CHAIN_SHARDS};

	if (r->id.p != NULL && chain_id_parse(r->id.p, r->id.n, &e.shard, &e.pos) != 0)
		e.shard = CHAIN_SHARDS;
	if (chain_is_own(r, CHAIN_TAKEN_OVER))
		on_taken_over(t, r, at);
	else if (chain_is_own(r, CHAIN_STORE_LOST))
		e.lost = lost_epoch(t, r);
	else if (chain_is_own(r, CHAIN_STORE_REVERTED) && t->all->n > 1)
		audit_duplicates_revert(&t->all->duplicates, &e);
	if (e.shard < CHAIN_SHARDS) {
		t->all->doubtful += in_doubt(t, &e);
		if (t->all->n > 1 &&
			!audit_duplicates_check(&t->all->duplicates, &t->all->findings, &e, line, n,
				(size_t)(t - t->all->recorder)))
			return 0;
	}
	return t->all->calls->event(t->all->ctx, &e);
}

static int on_line(void *ctx, const char *line, size_t n, const struct finding_place *at)
{
	struct audit_recorder *t = ctx;
	struct chain_line l;
	int rc;

	if (!audit_chain_line(&t->chain, line, n, at, &l))
		return 0;
	if (!t->begun && t->chain.first_n != 1)
		gap(t->all, l.is_check ? l.check.time_ms : l.record.time_ms);
	t->begun = true;
	if (l.is_check)
		t->epoch = number_of(t->all, l.check.epoch, strlen(l.check.epoch));
	rc = t->all->calls->line(t->all->ctx, &t->chain, &l, at);
	return rc != 0 || l.is_check ? rc : on_record(t, line, n, &l.record, at);
}

/* Inside a value quotation marks are escaped, so these words can stand in no other place. */
static bool is_taken_over(const char *line, size_t n)
{
	static const char words[] = "\",\"event\":\"" CHAIN_TAKEN_OVER "\",";

	return n <= CHAIN_LINE_MAX && memmem(line, n, words, sizeof words - 1) != NULL;
}

static bool stop_before(void *ctx, const char *line, size_t n)
{
	struct audit_recorder *t = ctx;
	struct chain_line l;

	if (t->all->n == 1 || !is_taken_over(line, n) || chain_scan(line, n, &l) != 0 ||
		l.is_check || !chain_is_own(&l.record, CHAIN_TAKEN_OVER))
		return false;
	t->waits = true;
	t->quote = quote_of(&l.record);
	t->next_ms = l.record.time_ms;
	return true;
}

static bool may_grow(void *ctx)
{
	const struct audit_recorder *t = ctx;

	return audit_chain_growing(&t->chain);
}

/* Running ------------------------------------------------------------------ */

/* Has everything been read that comes before this chain's next line? */
static bool may_go_on(const struct audit_recorder *t)
{
	const struct audit_recorder *o = t->waits ? quoted(t, &t->quote) : NULL;

	return o == NULL || audit_reader_done(o->reader) ||
		(t->quote.has_head && o->chain.last_n >= t->quote.n);
}

static struct audit_recorder *next_recorder(const struct audit_chains *a)
{
	struct audit_recorder *best = NULL;
	bool best_may = false;

	for (size_t i = 0; i < a->n; i++) {
		struct audit_recorder *t = &a->recorder[i];
		bool may;

		if (audit_reader_done(t->reader))
			continue;
		may = may_go_on(t);
		if (best == NULL || may > best_may ||
			(may == best_may && t->next_ms < best->next_ms)) {
			best = t;
			best_may = may;
		}
	}
	return best;
}

static int run_recorders(struct audit_chains *a)
{
	struct audit_recorder *t;
	int rc = 0;

	while (rc == 0 && (t = next_recorder(a)) != NULL) {
		t->waits = false;
		rc = audit_reader_run(t->reader);
	}
	return rc;
}

static int open_recorder(struct audit_chains *a, struct cli *cli, struct audit_recorder *t,
	const struct audit_file *f, size_t n)
{
	static const struct audit_reader_calls calls = {
		.line = on_line, .stop = stop_before, .more = may_grow};

	t->all = a;
	t->file = t->first = f;
	while (t->first->size == 0 && t->first + 1 < f + n)
		t->first++;
	t->n_files = n;
	t->chain.findings = &a->findings;
	t->chain.tree.sha = a->sha;
	t->next_ms = t->first->first_ms;
	t->path = calloc(n, sizeof *t->path);
	if (t->path == NULL)
		return TG_ENOMEM;
	for (size_t i = 0; i < n; i++)
		t->path[i] = f[i].path;
	t->reader = audit_reader_new(cli, t->path, n, &calls, t, &a->bytes);
	return t->reader != NULL ? 0 : TG_ENOMEM;
}

/* The tree of the lines that are in no file that was given. Nothing is said when there is none: the
 * report tells from where on the tree is checked. */
static int begin_tree(struct audit_chains *a, struct cli *cli, struct audit_recorder *t)
{
	const char *dir = a->n == 1 ? cmdline_text(&cli->opt, OPT_TILES) : NULL;
	char beside[AUDIT_TILES_PATH];
	struct audit_tiles *tiles;
	int rc;

	if (t->first->first_n <= 1 || (dir == NULL && !audit_tiles_beside(t->first->path, beside)))
		return 0;
	rc = audit_tiles_open(
		a->sha, dir != NULL ? dir : beside, t->chain.key, t->chain.n_keys, &tiles);
	if (rc != 0)
		return rc;
	if (!audit_tiles_edge(tiles, t->first->first_n - 1, &t->chain.tree.edge))
		t->chain.tree.edge = (struct tree_edge){0};
	audit_tiles_free(tiles);
	return 0;
}

static int open_recorders(struct audit_chains *a, struct cli *cli, size_t n)
{
	size_t from = 0, to;
	int rc = 0;

	a->recorder = calloc(a->n, sizeof *a->recorder);
	if (a->recorder == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	for (size_t c = 0; c < a->n && rc == 0; c++, from = to) {
		for (to = from; to < n && a->file[to].chain == c; to++)
			a->bytes.total += a->file[to].size;
		if (open_recorder(a, cli, &a->recorder[c], &a->file[from], to - from) != 0)
			return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
		rc = audit_keys_choose(cli, a->sha, a->recorder[c].first->path,
			&a->recorder[c].chain, &a->recorder[c].key_from, a->recorder[c].beside);
		if (rc == 0)
			rc = begin_tree(a, cli, &a->recorder[c]);
	}
	return rc;
}

/* A copy of a file would look like the chain of another recorder, in which every event stands once
 * more. */
static void find_copies(struct audit_chains *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (a->file[i].begins && a->file[k].begins &&
				memcmp(a->file[i].first, a->file[k].first, CHAIN_HASH) == 0) {
				const struct finding_place at = {
					.file = a->file[i].path, .line = 1, .whole = true};

				findings_add(&a->findings, "duplicate", &at,
					"this file is a copy of %s, or of a part of it",
					a->file[k].path);
				break;
			}
}

/* Was one key the first or the last in both? A chain that tells no name, as an older program's, may
 * be of any log of its key. */
static bool is_same_log(const struct audit_recorder *t, const struct audit_recorder *o)
{
	const char *a = t->chain.tree.origin, *b = o->chain.tree.origin;

	return audit_chain_head(&t->chain) != NULL && audit_chain_head(&o->chain) != NULL &&
		(memcmp(t->chain.seen_key, o->chain.seen_key, CHAIN_KEY) == 0 ||
			memcmp(t->first->key, o->first->key, CHAIN_KEY) == 0) &&
		(a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0);
}

/* Does what it says to continue lead to o, which is of the same log? */
static bool leads_to(const struct audit_recorder *t, const struct audit_recorder *o)
{
	for (size_t steps = 0; t != NULL && t != o && steps < o->all->n; steps++)
		t = t->continues;
	return t == o;
}

/* A log has one line of each number. Only a recorder whose file was moved away begins another chain
 * under its name and key, and says which one it continues; so of two one leads to the other. */
static void find_splits(struct audit_chains *a)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct audit_recorder *t = &a->recorder[i], *o = &a->recorder[k];
			const struct finding_place at = {
				.file = t->first->path, .line = 1, .whole = true};

			if (is_same_log(t, o) && leads_to(t, o) == leads_to(o, t))
				findings_add(&a->findings, "split", &at,
					"this is another history of the log of %s", o->first->path);
		}
}

void audit_chains_resume(struct audit_recorder *t, const struct audit_resume *from)
{
	const struct finding_place at = {.file = t->path[from->file],
		.line = from->line,
		.whole = true,
		.end_bytes = from->bytes};

	audit_chain_resume(&t->chain, &from->chain, &at);
	t->chain.first_n = from->first_n;
	t->chain.first_ms = from->first_ms;
	t->chain.last_ms = from->last_ms;
	t->begun = true;
	t->epoch = number_of(t->all, from->epoch, strlen(from->epoch));
	for (uint64_t i = from->first_n == 1; i < from->taken_over + 1; i++)
		gap(t->all, from->first_ms);
	for (size_t i = 0; i < from->file; i++)
		t->all->bytes.done += t->file[i].size;
	audit_reader_begin_at(t->reader, from->file, from->bytes, from->line);
}

int audit_chains_run(struct audit_chains *a, struct cli *cli, const char *const *files, size_t n,
	const struct audit_calls *calls, void *ctx)
{
	int rc;

	a->calls = calls;
	a->ctx = ctx;
	a->sha = sha256_new();
	a->file = calloc(n, sizeof *a->file);
	if (a->sha == NULL || a->file == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	rc = audit_files_sort(files, n, a->file, &n, &a->n);
	if (rc == 0)
		rc = open_recorders(a, cli, n);
	if (rc != 0)
		return rc;
	find_copies(a, n);
	if (a->n == 1 && calls->begin != NULL)
		rc = calls->begin(ctx, &a->recorder[0]);
	progress_start(&cli->progress, false);
	if (rc == 0)
		rc = run_recorders(a);
	progress_end(&cli->progress);
	for (size_t i = 0; i < a->n && rc == 0; i++)
		audit_chain_end(&a->recorder[i].chain);
	if (rc == 0)
		find_splits(a);
	return rc;
}

void audit_chains_free(struct audit_chains *a)
{
	for (size_t i = 0; a->recorder != NULL && i < a->n; i++) {
		audit_reader_free(a->recorder[i].reader);
		free(a->recorder[i].path);
	}
	findings_free(&a->findings);
	audit_duplicates_free(&a->duplicates);
	sha256_free(a->sha);
	free(a->recorder);
	free(a->file);
	free(a->epoch);
	*a = (struct audit_chains){0};
}

/* Sums --------------------------------------------------------------------- */

struct audit_sums audit_chains_sums(const struct audit_chains *a)
{
	struct audit_sums s = {0};

	for (size_t i = 0; i < a->n; i++) {
		const struct audit_chain *c = &a->recorder[i].chain;

		s.lines += c->lines;
		s.records += c->records;
		s.checks += c->checks;
		s.unsigned_lines += c->unsigned_lines;
		if (c->lines > 0 && (s.last == NULL || c->last_n > s.last_n)) {
			s.last_n = c->last_n;
			s.last = &c->before;
		}
		if (c->first_n != 0 && (s.first_n == 0 || c->first_n < s.first_n))
			s.first_n = c->first_n;
		if (c->first_ms != 0 && (s.first_ms == 0 || c->first_ms < s.first_ms))
			s.first_ms = c->first_ms;
		if (c->last_ms > s.last_ms)
			s.last_ms = c->last_ms;
	}
	return s;
}
