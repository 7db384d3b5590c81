/* audit_chain.c: checks the lines of one chain, in their order and in constant memory. Runs in the
 * timeglas command. docs/evidence.md. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/audit_chain.h"
#include "cli/audit_forged.h"

#define YOUNG_MS 5000

/* Numbers and hashes ------------------------------------------------------- */

/* Two lines do not fit together. If the later one does not fit the line behind it either (later),
 * it is the one that was changed; otherwise it is the earlier one. */
static void settle_pair(struct audit_chain *c, bool later)
{
	struct finding *f = c->pair;

	c->pair = NULL;
	if (f == NULL)
		return;
	if (later) {
		f->line = c->pair_at.line;
		snprintf(f->file, sizeof f->file, "%s", c->pair_at.file);
	}
	snprintf(f->detail, sizeof f->detail, "this line was changed after it was written");
}

static void check_link(
	struct audit_chain *c, const uint8_t prev[CHAIN_HASH], const struct finding_place *at)
{
	bool fits = memcmp(prev, c->last_hash, CHAIN_HASH) == 0;

	if (c->pair != NULL) {
		settle_pair(c, !fits);
		return;
	}
	if (fits || c->last_bad)
		return;
	c->pair = findings_add(c->findings, "changed", &c->before,
		"this line or the next one was changed after it was written");
	c->pair_at = *at;
}

/* Between two lines, or, where a file begins, between two files: retention removes the oldest file
 * first, so it never leaves a gap. */
static void missing(struct audit_chain *c, uint64_t n, const struct finding_place *at)
{
	if (at->line == 1)
		findings_add(c->findings, "missing", at,
			"a file was taken away, or not given: lines number %" PRIu64 " to %" PRIu64
			", between this file and %s",
			c->last_n + 1, n - 1, c->before.file);
	else
		findings_add(c->findings, "missing", at,
			"%" PRIu64 " line%s missing before this one: number %" PRIu64
			" follows %" PRIu64,
			n - c->last_n - 1, n - c->last_n == 2 ? " is" : "s are", n, c->last_n);
}

/* Checks a line's number and its link to the line before. Returns whether it continues the chain.
 */
static bool check_number(struct audit_chain *c, uint64_t n, const uint8_t prev[CHAIN_HASH],
	const uint8_t hash[CHAIN_HASH], const struct finding_place *at)
{
	static const uint8_t zero[CHAIN_HASH];

	if (c->last_n == 0) {
		c->first_n = n;
		if (n == 1 && memcmp(prev, zero, CHAIN_HASH) != 0)
			findings_add(c->findings, "changed", at,
				"line number 1 names a line before it, and there is none");
		return true;
	}
	if (n == c->last_n + 1) {
		check_link(c, prev, at);
		return true;
	}
	if (n > c->last_n) {
		settle_pair(c, false);
		missing(c, n, at);
		return true;
	}
	if (n == c->last_n && memcmp(hash, c->last_hash, CHAIN_HASH) == 0)
		findings_add(c->findings, "duplicate", at, "the line before is here a second time");
	else
		findings_add(c->findings, "order", at,
			"number %" PRIu64 " stands after %" PRIu64 ": moved or repeated", n,
			c->last_n);
	return false;
}

/* Checkpoints and positions ------------------------------------------------ */

/* A key that names its log signs for no other one. */
bool audit_chain_may_sign(
	struct audit_chain *c, const uint8_t key[CHAIN_KEY], struct chain_text origin)
{
	if (c->n_keys == 0) {
		memcpy(c->key[0].public, key, CHAIN_KEY);
		c->n_keys = 1;
	}
	for (size_t i = 0; i < c->n_keys; i++)
		if (memcmp(c->key[i].public, key, CHAIN_KEY) == 0 &&
			(c->key[i].origin[0] == '\0' || origin.p == NULL ||
				chain_is(origin, c->key[i].origin)))
			return true;
	return false;
}

/* Returns whether the checkpoint's signature is good, by a key that may sign. */
static bool check_signature(struct audit_chain *c, const char *line, const struct chain_check *k,
	const struct finding_place *at)
{
	if (!audit_chain_may_sign(c, k->key, k->origin)) {
		findings_add(c->findings, "key", at,
			"signed with another key than the one that was given or came first");
		return false;
	}
	if (chain_check_verify(line, k) != 0) {
		findings_add(c->findings, "signature", at,
			"the signature of this checkpoint is not good");
		return false;
	}
	c->unsigned_lines = 0;
	memcpy(c->seen_key, k->key, CHAIN_KEY);
	audit_tree_check(&c->tree, k, c->findings, at);
	return true;
}

static void add_head(struct audit_chain *c, uint64_t n, const uint8_t hash[CHAIN_HASH])
{
	struct audit_head *h = &c->heads[c->n_heads++ % AUDIT_HEADS];

	h->n = n;
	memcpy(h->hash, hash, CHAIN_HASH);
}

const struct audit_head *audit_chain_head(const struct audit_chain *c)
{
	return c->n_heads > 0 ? &c->heads[(c->n_heads - 1) % AUDIT_HEADS] : NULL;
}

int audit_chain_signed(const struct audit_chain *c, uint64_t n, const uint8_t hash[CHAIN_HASH])
{
	size_t have = c->n_heads < AUDIT_HEADS ? (size_t)c->n_heads : AUDIT_HEADS;
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < have; i++) {
		if (c->heads[i].n == n)
			return memcmp(c->heads[i].hash, hash, CHAIN_HASH) == 0;
		if (c->heads[i].n < oldest)
			oldest = c->heads[i].n;
	}
	return n < c->first_n || (c->n_heads > AUDIT_HEADS && n < oldest) ? -1 : 0;
}

/* The events of one outbox have growing positions. An event that is there twice, or too late, is
 * found here even when numbers and hashes are right. */
static void check_position(
	struct audit_chain *c, const struct chain_record *r, const struct finding_place *at)
{
	unsigned shard;
	struct chain_pos pos;

	if (chain_is_own(r, CHAIN_STORE_LOST))
		memset(c->pos, 0, sizeof c->pos);
	else if (chain_is_own(r, CHAIN_STORE_REVERTED))
		chain_more_positions(r, c->pos);
	if (r->id.p == NULL)
		return;
	if (chain_id_parse(r->id.p, r->id.n, &shard, &pos) != 0) {
		findings_add(c->findings, "changed", at, "not an event's id: %.*s",
			(int)(r->id.n < 60 ? r->id.n : 60), r->id.p);
		return;
	}
	if (chain_pos_cmp(&pos, &c->pos[shard]) <= 0)
		findings_add(c->findings, "twice", at, "event %.*s was recorded already",
			(int)r->id.n, r->id.p);
	else
		c->pos[shard] = pos;
}

/* Lines -------------------------------------------------------------------- */

static void note_time(struct audit_chain *c, int64_t ms)
{
	if (c->first_ms == 0 || ms < c->first_ms)
		c->first_ms = ms;
	if (ms > c->last_ms)
		c->last_ms = ms;
}

static void check_beginning(
	struct audit_chain *c, const struct chain_line *l, const struct finding_place *at)
{
	if (at->file == c->file)
		return;
	c->file = at->file;
	if (!l->is_check || !chain_is(l->check.reason, "begin"))
		findings_add(c->findings, "begin", at,
			"a file begins with a checkpoint that says so; what stood before this line "
			"was cut off");
	else if (c->last_n == 0)
		memcpy(c->pos, l->check.pos, sizeof c->pos);
}

/* A line that cannot be read counts as the one that was expected here. */
static void unreadable(struct audit_chain *c, const char *line, size_t n,
	const struct finding_place *at, const uint8_t hash[CHAIN_HASH])
{
	settle_pair(c, false);
	if (at->whole)
		findings_add(
			c->findings, "changed", at, "this is not a line as the recorder writes it");
	else
		findings_add(c->findings, "cut", at, "the file ends in the middle of a line");
	c->file = at->file;
	c->goes_on = false;
	if (c->last_n != 0)
		c->last_n++;
	audit_tree_line(&c->tree, c->last_n, line, n);
	memcpy(c->last_hash, hash, CHAIN_HASH);
	c->last_bad = true;
	c->before = *at;
}

bool audit_chain_line(struct audit_chain *c, const char *line, size_t n,
	const struct finding_place *at, struct chain_line *out)
{
	uint8_t hash[CHAIN_HASH];
	const char *forged = NULL;
	bool good = true;

	if (n == 0 && !at->whole) {
		findings_add(c->findings, "begin", at,
			"the file is empty: what stood in it was cut off");
		return false;
	}
	c->lines++;
	c->unsigned_lines++;
	chain_hash(line, n, hash);
	if (!at->whole || chain_scan(line, n, out) != 0) {
		unreadable(c, line, n, at, hash);
		return false;
	}
	check_beginning(c, out, at);
	if (!check_number(c, out->is_check ? out->check.n : out->record.n,
		    out->is_check ? out->check.prev : out->record.prev, hash, at))
		return false;
	c->last_n = out->is_check ? out->check.n : out->record.n;
	memcpy(c->last_hash, hash, CHAIN_HASH);
	c->before = *at;
	note_time(c, out->is_check ? out->check.time_ms : out->record.time_ms);
	if (out->is_check) {
		c->checks++;
		good = check_signature(c, line, &out->check, at);
		if (good)
			add_head(c, out->check.n, hash);
	} else {
		c->records++;
		check_position(c, &out->record, at);
		forged = audit_forged(&out->record);
		if (forged != NULL)
			findings_add(c->findings, "forged", at, "%s", forged);
	}
	audit_tree_line(&c->tree, c->last_n, line, n);
	c->goes_on = good && out->is_check && chain_is(out->check.reason, "rotation");
	c->last_bad = !good;
	return forged == NULL;
}

void audit_chain_save(const struct audit_chain *c, struct audit_chain_state *out)
{
	out->last_n = c->last_n;
	memcpy(out->last_hash, c->last_hash, CHAIN_HASH);
	memcpy(out->pos, c->pos, sizeof out->pos);
	out->edge = c->tree.edge;
	out->tree_lost = c->tree.lost;
	memcpy(out->origin, c->tree.origin, sizeof out->origin);
}

void audit_chain_resume(
	struct audit_chain *c, const struct audit_chain_state *s, const struct finding_place *at)
{
	c->last_n = s->last_n;
	memcpy(c->last_hash, s->last_hash, CHAIN_HASH);
	memcpy(c->pos, s->pos, sizeof c->pos);
	c->tree.edge = s->edge;
	c->tree.lost = s->tree_lost;
	memcpy(c->tree.origin, s->origin, sizeof c->tree.origin);
	c->lines = at->line;
	c->checks = 1;
	c->file = at->file;
	c->before = *at;
}

void audit_chain_end(struct audit_chain *c)
{
	/* no line follows that could tell which of the two was changed, so the finding stays as it
	 * is */
	c->pair = NULL;
	if (c->lines == 0)
		return; /* each empty file is a finding already */
	if (c->checks == 0)
		findings_add(c->findings, "unsigned", &c->before, "nothing here is signed");
	else if (c->unsigned_lines > 0 && !c->last_bad)
		findings_add(c->findings, "unsigned", &c->before,
			"no checkpoint signs the last %" PRIu64 " line%s: the file was cut, or its "
			"recorder was killed and has not been started since",
			c->unsigned_lines, c->unsigned_lines == 1 ? "" : "s");
}

bool audit_chain_growing(const struct audit_chain *c)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return c->unsigned_lines > 0 && (int64_t)now.tv_sec * 1000 - c->last_ms < YOUNG_MS;
}
