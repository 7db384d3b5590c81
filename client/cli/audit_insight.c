/* audit_insight.c: the look-ups of an answer, and the runs that they lead to. Runs in the timeglas
 * command. */
#include <stdlib.h>
#include <string.h>
#include "cli/audit_insight.h"
#include "cli/output.h"

static int no_memory(void)
{
	return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
}

/* Looking up --------------------------------------------------------------- */

static bool add_place(struct audit_insight *a, size_t segment, uint32_t run)
{
	if (a->n == a->cap) {
		size_t cap = a->cap > 0 ? a->cap * 2 : 256;
		struct audit_place *grown = realloc(a->place, cap * sizeof *grown);

		if (grown == NULL)
			return false;
		a->place = grown;
		a->cap = cap;
	}
	a->place[a->n++] = (struct audit_place){(uint32_t)segment, run};
	return true;
}

static int look_up(struct audit_insight *a, enum audit_segment_word word, struct chain_text text)
{
	for (size_t i = 0; i < a->index.n; i++) {
		uint32_t *run;
		size_t n;
		bool good = audit_segment_find(&a->index.seg[i], word, text, &run, &n), room = true;

		for (size_t k = 0; good && room && k < n; k++)
			room = add_place(a, i, run[k]);
		free(run);
		if (!good)
			return AUDIT_INDEX_CHANGED;
		if (!room)
			return no_memory();
	}
	return 0;
}

static int look_up_once(struct audit_insight *a, enum audit_segment_word word,
	struct audit_tags *done, struct chain_text text)
{
	uint8_t key[AUDIT_TAGS_BYTES];

	if (text.p == NULL)
		return 0;
	audit_tags_read(text, key);
	if (audit_tags_find(done, key) != AUDIT_TAGS_NONE)
		return 0;
	return audit_tags_put(done, key, 0) ? look_up(a, word, text) : no_memory();
}

static int by_place(const void *x, const void *y)
{
	const struct audit_place *a = x, *b = y;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return a->run < b->run ? -1 : a->run > b->run;
}

/* In the order of the evidence, each once. */
static void sort_places(struct audit_insight *a)
{
	size_t kept = 0;

	if (a->n > 0)
		qsort(a->place, a->n, sizeof a->place[0], by_place);
	for (size_t i = 0; i < a->n; i++)
		if (kept == 0 || by_place(&a->place[kept - 1], &a->place[i]) != 0)
			a->place[kept++] = a->place[i];
	a->n = kept;
}

static int read_places(struct audit_insight *a, size_t n, audit_index_line *line)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct audit_place p = a->place[i]; /* line() may add more */

		rc = audit_index_run(&a->index, p.segment, p.run, line, a);
	}
	return rc;
}

/* The answer --------------------------------------------------------------- */

/* Looks up what a line of the session or person names. */
static int on_named(void *ctx, const struct chain_line *l, const struct finding_place *at)
{
	struct audit_insight *a = ctx;
	int rc;

	(void)at;
	if (l->is_check || !audit_question_names(a->asked, &l->record))
		return 0;
	rc = look_up_once(a, AUDIT_SEGMENT_TAG, &a->tags, l->record.tag);
	if (rc == 0 && l->record.tag.p == NULL)
		rc = look_up_once(a, AUDIT_SEGMENT_SESSION, &a->sessions, l->record.session);
	return rc;
}

static int on_found(void *ctx, const struct chain_line *l, const struct finding_place *at)
{
	struct audit_insight *a = ctx;
	const struct audit_event e = {.record = &l->record, .at = at, .shard = CHAIN_SHARDS};

	return l->is_check ? 0 : a->event(a->ctx, &e);
}

static void learn_uploaders(struct audit_insight *a)
{
	for (size_t i = 0; i < a->index.n; i++) {
		const struct audit_segment *s = &a->index.seg[i];
		const char *at = s->names, *end = at + s->head.names_bytes;

		for (; at < end; at += strlen(at) + 1)
			audit_question_uploader(a->asked, (struct chain_text){at, strlen(at)});
	}
}

static int find_places(struct audit_insight *a)
{
	static const enum audit_segment_word words[] = {[AUDIT_ASK_BLOB] = AUDIT_SEGMENT_TAG,
		[AUDIT_ASK_SESSION] = AUDIT_SEGMENT_SESSION,
		[AUDIT_ASK_SUBJECT] = AUDIT_SEGMENT_SUBJECT};
	const char *hash;
	int rc = 0;

	learn_uploaders(a);
	for (size_t i = 0; rc == 0 && (hash = audit_question_hash(a->asked, i)) != NULL; i++)
		rc = look_up(a, words[a->asked->kind], (struct chain_text){hash, strlen(hash)});
	if (rc == 0 && a->asked->kind != AUDIT_ASK_BLOB) {
		sort_places(a);
		rc = read_places(a, a->n, on_named);
	}
	/* the end of each segment, too: an index of evidence that was cut or replaced is none */
	for (size_t i = 0; rc == 0 && i < a->index.n; i++)
		if (!add_place(a, i, (uint32_t)a->index.seg[i].head.runs - 1))
			rc = no_memory();
	sort_places(a);
	return rc == 0 ? read_places(a, a->n, NULL) : rc;
}

int audit_insight_begin(struct audit_insight *a, struct audit_recorder *t,
	struct audit_question *asked, int (*event)(void *ctx, const struct audit_event *e),
	void *ctx)
{
	const size_t n_keys = t->chain.n_keys;
	int rc;

	a->asked = asked;
	a->event = event;
	a->ctx = ctx;
	if (!audit_index_find(&a->index, t, false))
		return no_memory();
	if (a->index.n == 0)
		return 0;
	rc = find_places(a);
	if (rc == 0) {
		audit_chains_resume(t, &a->index.behind);
		rc = read_places(a, a->n, on_found);
		return rc == AUDIT_INDEX_CHANGED ?
			output_fail(TG_EIO, "the evidence changed while it was read: ask again") :
			rc;
	}
	if (rc != AUDIT_INDEX_CHANGED)
		return rc;
	audit_index_free(&a->index);
	t->chain.n_keys = n_keys;
	output_note("timeglas: this evidence is not what its index was made of, or the index is "
		    "damaged: all of it is read");
	return 0;
}

void audit_insight_free(struct audit_insight *a)
{
	audit_index_free(&a->index);
	audit_tags_free(&a->tags);
	audit_tags_free(&a->sessions);
	free(a->place);
}
