/* gone_check.c: see gone_check.h. It holds nothing back: a false end stands in the file, and the
 * record that it is false stands behind it, under the same checkpoint. Runs in the recorder. */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "base/text.h"
#include "base/token.h"
#include "recorder/gone_check.h"
#include "recorder/own_record.h"
#include "store/store.h"
#include "store/store_still.h"

#define IDS_FIRST 1024u

struct asked {
	char id[TOKEN_LEN + 1], event[CHAIN_ID_MAX + 1];
	unsigned shard;
	struct chain_pos pos;
	bool is_false; /* and recorded as such */
};

struct gone_check {
	struct store *store;
	struct ledger *ledger;
	unsigned shard; /* of the ids that are gathered */
	char *ids;      /* a blank behind each */
	size_t n_ids, cap_ids;
	struct asked *asked; /* all of the batch; those of one shard stand together */
	size_t first[TOKEN_SHARDS];
	size_t n_asked, cap_asked;
	struct own_record own;
};

/* What is recorded --------------------------------------------------------- */

static int add_false(struct gone_check *g, const char *tag, const char *event, const char *reason)
{
	own_record_begin(&g->own);
	own_record_member(&g->own, "of", event);
	own_record_member(&g->own, "reason", reason);
	text_copy(g->own.tag, sizeof g->own.tag, tag);
	log_error("outbox",
		"somebody forged the end of a blob in the store (event %s: %s): find out who has "
		"its password; the evidence says false-gone",
		event, reason);
	return own_record_add(&g->own, g->ledger, CHAIN_FALSE_GONE, store_now_ms(g->store));
}

/* Asking ------------------------------------------------------------------- */

/* Whether the event told of a blob that had the id before: the record of the one that has it now
 * names the last such end. */
static bool is_of_one_before(const struct asked *a, const char *ended)
{
	struct chain_pos last;
	unsigned shard;

	return chain_id_parse(ended, strlen(ended), &shard, &last) == 0 && shard == a->shard &&
		chain_pos_cmp(&a->pos, &last) <= 0;
}

static void on_still(void *ctx, int err, const char *id, const char *ended)
{
	struct gone_check *g = ctx;
	char tag[TOKEN_TAG_LEN + 1];
	int shard;

	if (err != 0) {
		if (err != TG_ESTORE)
			log_error("outbox", "the store does not say whether blobs have ended: %s",
				tg_strerror(err));
		return;
	}
	shard = token_shard(id, strlen(id));
	for (size_t i = shard < 0 ? g->n_asked : g->first[shard]; i < g->n_asked; i++) {
		struct asked *a = &g->asked[i];

		if (a->shard != (unsigned)shard)
			break;
		/* who forges many ends of one blob gets an answer for each */
		if (a->is_false || strcmp(a->id, id) != 0 || is_of_one_before(a, ended))
			continue;
		a->is_false = true;
		token_tag(id, tag);
		(void)add_false(g, tag, a->event, "still-there");
	}
}

static void ask(struct gone_check *g)
{
	if (g->n_ids > 0)
		(void)store_still_ask(g->store, g->shard, g->ids, on_still, g);
	g->n_ids = 0;
}

/* Returns false without memory. */
static bool gather(struct gone_check *g, const struct outbox_event *e, const struct entry *x)
{
	const struct chain_text id = x->blob;
	const size_t cap = g->cap_ids > 0 ? g->cap_ids * 2 : IDS_FIRST;
	char *ids;
	struct asked *asked;

	if (g->n_ids + id.n + 2 > g->cap_ids) {
		if ((ids = realloc(g->ids, cap)) == NULL)
			return false;
		g->ids = ids;
		g->cap_ids = cap;
	}
	if (g->n_asked == g->cap_asked) {
		asked = realloc(g->asked, (g->cap_asked + 64) * 2 * sizeof *asked);
		if (asked == NULL)
			return false;
		g->asked = asked;
		g->cap_asked = (g->cap_asked + 64) * 2;
	}
	memcpy(g->ids + g->n_ids, id.p, id.n);
	g->n_ids += id.n;
	memcpy(g->ids + g->n_ids, " ", 2);
	g->n_ids++;
	asked = &g->asked[g->n_asked++];
	memcpy(asked->id, id.p, id.n);
	asked->id[id.n] = '\0';
	text_copy(asked->event, sizeof asked->event, x->id);
	asked->shard = e->shard;
	asked->pos = e->pos;
	asked->is_false = false;
	if (g->n_asked == 1 || asked[-1].shard != e->shard)
		g->first[e->shard] = g->n_asked - 1;
	return true;
}

/* Does the event name a blob of its shard, and is that the one of its tag? */
static bool names_its_blob(unsigned shard, const struct entry *x)
{
	char id[TOKEN_LEN + 1], tag[TOKEN_TAG_LEN + 1];

	if (x->blob.p == NULL || token_shard(x->blob.p, x->blob.n) != (int)shard)
		return false;
	memcpy(id, x->blob.p, x->blob.n);
	id[x->blob.n] = '\0';
	token_tag(id, tag);
	return chain_is(x->record.tag, tag);
}

int gone_check_event(struct gone_check *g, const struct outbox_event *e, const struct entry *x)
{
	char tag[TOKEN_TAG_LEN + 1] = "";

	if (!chain_is(x->record.event, "gone"))
		return 0;
	if (e->shard != g->shard)
		ask(g);
	g->shard = e->shard;
	if (names_its_blob(e->shard, x))
		return gather(g, e, x) ? 0 : TG_ENOMEM;
	if (x->record.tag.n == TOKEN_TAG_LEN)
		memcpy(tag, x->record.tag.p, TOKEN_TAG_LEN);
	return add_false(g, tag, x->id, "no-id");
}

void gone_check_end(struct gone_check *g)
{
	ask(g);
}

void gone_check_drop(struct gone_check *g)
{
	store_forget(g->store, g);
	g->n_ids = g->n_asked = 0;
}

struct gone_check *gone_check_new(struct store *s, struct ledger *l)
{
	struct gone_check *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->store = s;
	g->ledger = l;
	return g;
}

void gone_check_free(struct gone_check *g)
{
	if (g == NULL)
		return;
	gone_check_drop(g);
	free(g->ids);
	free(g->asked);
	free(g);
}
