/*
 * log_fixture.h: logs as a recorder writes them, in memory: lines of events and signed checkpoints,
 * their tree, its proofs and notes, and all of it as files. Whoever includes this has the key, and
 * so can write any history anew.
 */
#ifndef LOG_FIXTURE_H
#define LOG_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sodium.h>
#include "core/chain_note.h"
#include "core/proof.h"
#include "recorder/tiles.h"
#include "tree_node.h"

#define LOG_LINES_MAX 2048u
#define LOG_EVERY 11u /* a line of so many is a checkpoint */
#define LOG_ORIGIN "timeglas/00112233445566778899aabbccddeeff"
#define LOG_BEGIN_MS 1700000000000
#define LOG_PATH 512

struct log_event { /* what the story tells */
	unsigned blob;
	bool gone;
	const char *by; /* who read it */
	int shift_ms;   /* earlier or later than its place says */
};

struct log {
	unsigned n;
	struct {
		char *p; /* n bytes, no LF */
		size_t n;
		uint8_t leaf[TREE_HASH];
		bool is_check;
	} line[LOG_LINES_MAX];
	struct chain_pos pos[CHAIN_SHARDS];
};

struct log_key {
	struct sha256 *sha;
	struct note_key note; /* the log's, with its name */
	uint8_t secret[NOTE_SECRET];
};

#define LOG_T(s) ((struct chain_text){s, strlen(s)})

/* The key ------------------------------------------------------------------ */

static inline void log_key_draw(struct log_key *k)
{
	uint8_t public[NOTE_PUBLIC];

	k->sha = sha256_new();
	if (k->sha == NULL || sodium_init() < 0)
		abort();
	crypto_sign_keypair(public, k->secret);
	if (note_key_make(k->sha, LOG_ORIGIN, NOTE_ED25519, public, &k->note) != 0)
		abort();
}

/* The tree ----------------------------------------------------------------- */

struct log_reader {
	const struct log_key *key;
	const struct log *log;
};

static inline int log_read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	const struct log_reader *r = ctx;
	uint8_t right[TREE_HASH];

	if (level == 0) {
		memcpy(out, r->log->line[index].leaf, TREE_HASH);
		return 0;
	}
	log_read_node(ctx, level - 1, 2 * index, out);
	log_read_node(ctx, level - 1, 2 * index + 1, right);
	tree_node(r->key->sha, out, right, out);
	return 0;
}

static inline void log_head(
	const struct log_key *k, const struct log *l, uint64_t size, struct checkpoint *out)
{
	struct log_reader r = {k, l};
	struct tree_edge e;

	*out = (struct checkpoint){.origin = LOG_ORIGIN, .size = size};
	if (tree_edge_read(log_read_node, &r, size, &e) != 0)
		abort();
	tree_root(k->sha, &e, out->root);
}

/* Lines -------------------------------------------------------------------- */

static inline void log_add(
	const struct log_key *k, struct log *l, const struct chain_buf *b, bool check)
{
	if (b->full || l->n == LOG_LINES_MAX)
		abort();
	l->line[l->n].n = b->n - 1;
	l->line[l->n].p = malloc(b->n);
	l->line[l->n].is_check = check;
	if (l->line[l->n].p == NULL)
		abort();
	memcpy(l->line[l->n].p, b->p, b->n);
	tree_leaf(k->sha, b->p, b->n - 1, l->line[l->n].leaf);
	l->n++;
}

static inline void log_prev(const struct log *l, uint8_t out[CHAIN_HASH])
{
	memset(out, 0, CHAIN_HASH);
	if (l->n > 0)
		chain_hash(l->line[l->n - 1].p, l->line[l->n - 1].n, out);
}

static inline void log_put_check(const struct log_key *k, struct log *l, const char *reason)
{
	static char text[CHAIN_LINE_MAX + 1];
	struct chain_buf b = {.p = text, .cap = sizeof text};
	struct chain_check c = {.n = l->n + 1,
		.time_ms = LOG_BEGIN_MS + 10 * l->n,
		.reason = LOG_T(reason),
		.epoch = "0123456789abcdef0123456789abcdef"};

	struct checkpoint head;

	memcpy(c.pos, l->pos, sizeof c.pos);
	log_prev(l, c.prev);
	log_head(k, l, l->n, &head);
	c.origin = LOG_T(LOG_ORIGIN);
	memcpy(c.root, head.root, sizeof c.root);
	chain_note_sign(&c, k->secret);
	chain_put_check(&b, &c, k->secret);
	log_add(k, l, &b, true);
}

static inline void log_put_event(const struct log_key *k, struct log *l, const struct log_event *e)
{
	static char text[CHAIN_LINE_MAX + 1];
	const unsigned shard = e->blob % CHAIN_SHARDS;
	const int64_t ms = LOG_BEGIN_MS + 10 * (int64_t)l->n + e->shift_ms;
	struct chain_buf b = {.p = text, .cap = sizeof text};
	char id[CHAIN_ID_MAX + 1], tag[33];
	struct chain_record r = {.n = l->n + 1,
		.time_ms = ms,
		.event = e->gone ? LOG_T("gone") : LOG_T("stored"),
		.kind = LOG_T("liveness"),
		.dk = -1,
		.size_bytes = 4000,
		.deadline_ms = LOG_BEGIN_MS + 3600000,
		.lease_ms = -1,
		.late_us = -1,
		.uploader = LOG_T("uploader")};

	l->pos[shard] = (struct chain_pos){(uint64_t)ms, 0};
	snprintf(id, sizeof id, "%02x-%lld-0", shard, (long long)ms);
	snprintf(tag, sizeof tag, "%032x", e->blob);
	r.id = LOG_T(id);
	r.tag = LOG_T(tag);
	if (e->gone) {
		r.cause = LOG_T("consumed");
		r.by = LOG_T(e->by);
	} else {
		r.to = LOG_T("verifier verifier2");
	}
	log_prev(l, r.prev);
	chain_put_record(&b, &r);
	log_add(k, l, &b, false);
}

/* Writes a log that tells n events, with its checkpoints. */
static inline void log_tell(
	const struct log_key *k, struct log *l, const struct log_event *story, unsigned n)
{
	*l = (struct log){0};
	log_put_check(k, l, "begin");
	for (unsigned i = 0; i < n; i++) {
		if (l->n % LOG_EVERY == 0)
			log_put_check(k, l, "time");
		log_put_event(k, l, &story[i]);
	}
	log_put_check(k, l, "exit");
}

static inline void log_free(struct log *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->line[i].p);
	*l = (struct log){0};
}

/* Proofs and notes --------------------------------------------------------- */

/* Writes a signed checkpoint. Returns its length. */
static inline size_t log_note(const struct log_key *k, const struct checkpoint *c,
	char out[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2])
{
	char signature[NOTE_LINE_MAX];
	size_t n = checkpoint_text(c, out);

	if (note_sign(&k->note, k->secret, out, n, 0, signature) == NULL)
		abort();
	return n + (size_t)sprintf(out + n, "\n%s", signature);
}

static inline void log_prove(const struct log_key *k, const struct log *l, uint64_t index,
	uint64_t size, struct proof *out)
{
	struct log_reader r = {k, l};

	*out = (struct proof){.line = l->line[index].p, .line_n = l->line[index].n, .index = index};
	if (tree_inclusion(k->sha, log_read_node, &r, index, size, &out->inclusion) != 0)
		abort();
}

/* Files -------------------------------------------------------------------- */

static inline void log_write_file(const char *folder, const char *name, const char *text, size_t n)
{
	char path[LOG_PATH];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	if (f == NULL || fwrite(text, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static inline void log_write_key(const struct log_key *k, const char *folder)
{
	char text[NOTE_KEY_TEXT_MAX];

	note_key_text(&k->note, text);
	log_write_file(folder, "key", text, strlen(text));
}

/* Writes audit.log and audit.log.tiles, whose newest checkpoint is the log's last line. */
static inline void log_write(const struct log_key *k, const struct log *l, const char *folder)
{
	char path[LOG_PATH], note[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2];
	struct checkpoint c;
	struct tiles *t;
	FILE *f;

	snprintf(path, sizeof path, "%s/audit.log", folder);
	f = fopen(path, "w");
	if (f == NULL)
		abort();
	for (unsigned i = 0; i < l->n; i++)
		fprintf(f, "%.*s\n", (int)l->line[i].n, l->line[i].p);
	if (fclose(f) != 0)
		abort();
	strcat(path, ".tiles");
	if (tiles_open(path, 0, k->sha, &t) != 0)
		abort();
	for (unsigned i = 0; i + 1 < l->n; i++)
		if (tiles_add(t, l->line[i].p, l->line[i].n) != 0)
			abort();
	if (tiles_save(t) != 0)
		abort();
	tiles_free(t);
	log_head(k, l, l->n - 1, &c);
	log_write_file(path, "checkpoint", note, log_note(k, &c, note));
}

#endif
