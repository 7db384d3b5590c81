/* answers.c: see answers.h. Who may be told what is decided by the calls. Runs in workers. */
#include <string.h>
#include "api/answers.h"
#include "api/call.h"
#include "api/refused_reads.h"
#include "api/reply.h"
#include "base/scoreboard.h"
#include "core/hex.h"
#include "store/record.h"
#include "store/types.h"

static void describe(struct jsonw *w, const struct store_blob *b)
{
	jsonw_str(w, "kind", b->desc.kind);
	jsonw_str(w, "issuer", b->desc.issuer);
	jsonw_str(w, "session", b->desc.session);
	jsonw_u64(w, "size", b->desc.size_bytes);
	jsonw_str(w, "sha256", b->desc.sha256);
	jsonw_time(w, "stored_at", b->stored_at_ms);
	jsonw_time(w, "deadline", b->deadline_ms);
}

/* A take has no receipt that would tell its reader the event; an ack has. */
static bool was_taken(const struct store_blob *b)
{
	return strcmp(b->cause, STORE_CAUSE_CONSUMED) == 0 && b->outcome[0] == '\0';
}

void answers_blob(struct jsonw *w, const struct store_blob *b, bool full)
{
	jsonw_str(w, "blob", b->id);
	jsonw_str(w, "state", record_state_text(b->state));
	if (full)
		jsonw_str(w, "tag", b->desc.tag);
	if (b->state == STORE_GONE) {
		jsonw_str(w, "cause", b->cause);
		jsonw_time(w, "gone_at", b->gone_at_ms);
		if (full)
			jsonw_str(w, "outcome", b->outcome);
		if (full || was_taken(b))
			jsonw_str(w, "event", b->event);
	} else
		describe(w, b);
}

void answers_stored(struct jsonw *w, const struct store_blob *b)
{
	jsonw_str(w, "blob", b->id);
	/* As the first time: a repeat gets the same answer. GET tells the state that it has now. */
	jsonw_str(w, "state", record_state_text(STORE_LIVE));
	jsonw_str(w, "tag", b->desc.tag);
	describe(w, b);
}

void answers_session(struct jsonw *w, const struct store_session *s)
{
	jsonw_str(w, "session", s->id);
	jsonw_str(w, "state", s->state);
	jsonw_time(w, "opened_at", s->opened_at_ms);
	jsonw_time(w, "deadline", s->deadline_ms);
	jsonw_u64(w, "idle_s", s->idle_s);
}

/* The head of the evidence's chain. Whoever keeps it can tell later whether evidence was cut or
 * written anew (docs/evidence.md). */
static void write_chain_head(struct jsonw *w)
{
	uint8_t hash[SCOREBOARD_HASH];
	char hex[2 * SCOREBOARD_HASH + 1];
	uint64_t n;

	if (!scoreboard_head(&n, hash)) {
		jsonw_str(w, "head", NULL);
		return;
	}
	jsonw_open(w, "head", '{');
	jsonw_u64(w, "n", n);
	jsonw_str(w, "hash", tg_hex_encode(hash, sizeof hash, hex));
	jsonw_close(w, '}');
}

void answers_receipt(struct jsonw *w, const char *key, const struct store_blob *b)
{
	jsonw_open(w, key, '{');
	jsonw_str(w, "blob", b->id);
	jsonw_str(w, "tag", b->desc.tag);
	jsonw_str(w, "cause", b->cause);
	jsonw_str(w, "outcome", b->outcome);
	jsonw_time(w, "erased_at", b->gone_at_ms);
	jsonw_str(w, "event", b->event);
	write_chain_head(w);
	jsonw_close(w, '}');
}

void answers_on_receipt(void *ctx, int err, const struct store_blob *b)
{
	struct call *c = ctx;
	struct jsonw w = {0};

	c->waiting = false;
	if (err != 0) {
		refused_reads_of(c, err, b);
		reply_error(c->req, err, b);
		return;
	}
	answers_receipt(&w, NULL, b);
	reply_json(c->req, 200, NULL, &w);
}
