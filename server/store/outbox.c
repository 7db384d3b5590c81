/*
 * outbox.c: reads (XREAD) and trims (XTRIM) the events of all shards, and asks for the recorder's
 * lease (tg2_recorder in functions/server.lua). It does not know what an event means. Runs in the
 * recorder.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/hex.h"
#include "store/outbox.h"
#include "store/cmd.h"
#include "store/error.h"
#include "store/key.h"
#include "store/lines.h"
#include "store/reply.h"
#include "store/state.h"

#define POS_CHARS 44                                   /* two numbers of 64 bits, "-", NUL */
#define ALL_POS_CHARS (TOKEN_SHARDS * (POS_CHARS + 4)) /* "NN:<id> " each */
#define HEADING 6                                      /* XREAD COUNT c BLOCK ms STREAMS */

struct outbox {
	struct store *store;
	struct outbox_calls calls;
	void *ctx;
	unsigned count; /* of each shard, that the read under way asked for */
	unsigned look[TOKEN_SHARDS], n_look, looked; /* the shards in the order of their answers */
	unsigned trims;                              /* under way */
	bool trim_failed;
};

struct outbox_batch {
	const redisReply *r;       /* XREAD's answer; NULL: nothing came, or it is a look's */
	const redisReply *entries; /* of a look: those of one shard; NULL: it is a read's */
	unsigned shard, count;
	size_t stream, entry;
	int stream_shard; /* of the stream that is being read; -1: it is no outbox */
};

struct outbox *outbox_new(struct store *s, const struct outbox_calls *calls, void *ctx)
{
	struct outbox *o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	o->store = s;
	o->calls = *calls;
	o->ctx = ctx;
	return o;
}

void outbox_cancel(struct outbox *o)
{
	rconn_forget(o->store->conn, o);
	o->n_look = o->looked = 0;
	o->trims = 0;
	o->trim_failed = false;
}

void outbox_free(struct outbox *o)
{
	if (o == NULL)
		return;
	outbox_cancel(o);
	free(o);
}

/* Reading ------------------------------------------------------------------ */

static void on_read(void *ctx, const redisReply *r)
{
	struct outbox *o = ctx;
	struct outbox_batch b = {.count = o->count};

	if (r != NULL && r->type == REDIS_REPLY_ARRAY)
		b.r = r;
	if (r != NULL && (b.r != NULL || r->type == REDIS_REPLY_NIL))
		o->calls.on_events(o->ctx, 0, &b);
	else
		o->calls.on_events(o->ctx, r != NULL ? error_of(o->store, r) : TG_ESTORE, NULL);
}

static int pos_text(const struct chain_pos *p, char out[POS_CHARS])
{
	return snprintf(out, POS_CHARS, "%" PRIu64 "-%" PRIu64, p->ms, p->seq);
}

static bool pos_any(const struct chain_pos *p)
{
	return p->ms != 0 || p->seq != 0;
}

int outbox_read(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS], unsigned count,
	unsigned block_ms)
{
	char key[TOKEN_SHARDS][KEY_BYTES], id[TOKEN_SHARDS][POS_CHARS], counts[12], blocks[12];
	const char *argv[HEADING + 2 * TOKEN_SHARDS];
	size_t len[HEADING + 2 * TOKEN_SHARDS];
	int n = 0;

	snprintf(counts, sizeof counts, "%u", count);
	snprintf(blocks, sizeof blocks, "%u", block_ms);
	argv[n++] = "XREAD";
	argv[n++] = "COUNT";
	argv[n++] = counts;
	if (block_ms > 0) {
		argv[n++] = "BLOCK";
		argv[n++] = blocks;
	}
	argv[n++] = "STREAMS";
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		key_of(key[i], i, "out", "");
		pos_text(&pos[i], id[i]);
		argv[n + (int)i] = key[i];
		argv[n + (int)TOKEN_SHARDS + (int)i] = id[i];
	}
	n += 2 * (int)TOKEN_SHARDS;
	for (int i = 0; i < n; i++)
		len[i] = strlen(argv[i]);
	o->count = count;
	return rconn_cmd(o->store->conn, on_read, o, n, argv, len);
}

static int shard_of(const redisReply *stream)
{
	uint8_t shard;
	const char *key = reply_text(stream, 0);

	if (strlen(key) < 6 || tg_hex_decode(key + 4, 2, &shard, 1) != 0 || shard >= TOKEN_SHARDS)
		return -1;
	return shard;
}

static struct chain_text text_of(const redisReply *r)
{
	struct chain_text t = {"", 0};

	if (r != NULL && r->type == REDIS_REPLY_STRING)
		t = (struct chain_text){r->str, (size_t)r->len};
	return t;
}

/* The functions write an event as one field "p": names and values in turn, with a TAB between all
 * of them. Returns false for an entry that somebody else added. */
static bool unpack(struct outbox_event *e, const redisReply *fields)
{
	struct chain_text name = text_of(reply_at(fields, 0)), all = text_of(reply_at(fields, 1));
	const char *at = all.p, *end = all.p + all.n, *stop;
	size_t n = 0;

	if (e->n != 1 || name.n != 1 || name.p[0] != 'p')
		return false;
	do {
		if (n == 2 * OUTBOX_PACKED_MAX)
			return false;
		stop = memchr(at, '\t', (size_t)(end - at));
		e->part[n++] = (struct chain_text){at, (size_t)((stop != NULL ? stop : end) - at)};
		at = stop != NULL ? stop + 1 : end;
	} while (stop != NULL);
	if (n % 2 != 0)
		return false;
	e->n = n / 2;
	return true;
}

/* An entry of a stream: its id and its fields. */
static bool entry_of(const redisReply *entry, unsigned shard, struct outbox_event *e)
{
	const redisReply *fields = reply_at(entry, 1);
	const char *id = reply_text(entry, 0);

	if (chain_pos_parse(id, strlen(id), &e->pos) != 0)
		return false; /* Redis never answers so */
	e->shard = shard;
	e->n = fields != NULL && fields->type == REDIS_REPLY_ARRAY ? fields->elements / 2 : 0;
	e->fields = fields;
	e->packed = unpack(e, fields);
	return true;
}

bool outbox_next(struct outbox_batch *b, struct outbox_event *e)
{
	const redisReply *stream, *entry;

	while ((entry = reply_at(b->entries, b->entry)) != NULL) {
		b->entry++;
		if (entry_of(entry, b->shard, e))
			return true;
	}
	while ((stream = reply_at(b->r, b->stream)) != NULL) {
		entry = reply_at(reply_at(stream, 1), b->entry);
		if (entry == NULL) {
			b->stream++;
			b->entry = 0;
			continue;
		}
		if (b->entry++ == 0)
			b->stream_shard = shard_of(stream);
		if (b->stream_shard >= 0 && entry_of(entry, (unsigned)b->stream_shard, e))
			return true;
	}
	return false;
}

void outbox_field(
	const struct outbox_event *e, size_t i, struct chain_text *name, struct chain_text *value)
{
	*name = e->packed ? e->part[2 * i] : text_of(reply_at(e->fields, 2 * i));
	*value = e->packed ? e->part[2 * i + 1] : text_of(reply_at(e->fields, 2 * i + 1));
}

static size_t n_streams(const struct outbox_batch *b)
{
	return b->entries != NULL ? 1 : b->r != NULL ? b->r->elements : 0;
}

static size_t n_entries(const struct outbox_batch *b, size_t stream)
{
	const redisReply *entries =
		b->entries != NULL ? b->entries : reply_at(reply_at(b->r, stream), 1);

	return entries != NULL ? entries->elements : 0;
}

int outbox_count(const struct outbox_batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < n_streams(b); i++)
		n += n_entries(b, i);
	return (int)n;
}

bool outbox_full(const struct outbox_batch *b)
{
	for (size_t i = 0; i < n_streams(b); i++)
		if (n_entries(b, i) >= b->count)
			return true;
	return false;
}

/* Looking ------------------------------------------------------------------ */

static void on_look(void *ctx, const redisReply *r)
{
	struct outbox *o = ctx;
	const char *last = reply_text(r, 1);
	struct outbox_batch b = {.entries = reply_at(r, 2), .count = OUTBOX_LOOK};
	struct outbox_look k = {.b = &b};
	int err;

	if (o->looked == o->n_look)
		return; /* an earlier answer was an error, and on_look came for the last time */
	err = error_of(o->store, r);
	k.shard = b.shard = o->look[o->looked++];
	k.left = o->n_look - o->looked;
	if (err == 0 && (b.entries == NULL || chain_pos_parse(last, strlen(last), &k.last) != 0))
		err = TG_EINTERNAL;
	if (err != 0)
		o->looked = o->n_look;
	o->calls.on_look(o->ctx, err, err == 0 ? &k : NULL);
}

int outbox_look(struct outbox *o, const struct chain_pos pos[TOKEN_SHARDS])
{
	char id[POS_CHARS];
	struct cmd m;

	o->n_look = o->looked = 0;
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!pos_any(&pos[i]))
			continue;
		pos_text(&pos[i], id);
		cmd_fcall(&m, "tg2_outbox", i);
		cmd_text(&m, id);
		cmd_num(&m, OUTBOX_LOOK);
		if (cmd_send(o->store, &m, on_look, o) != 0) {
			o->n_look = 0; /* on_look does not come for those that were sent */
			return TG_ESTORE;
		}
		o->look[o->n_look++] = i;
	}
	return (int)o->n_look;
}

/* Trimming ----------------------------------------------------------------- */

static void on_trim(void *ctx, const redisReply *r)
{
	struct outbox *o = ctx;
	const bool heard = o->trim_failed; /* of several failures, one is reported */
	const int err = heard ? 0 : error_of(o->store, r);
	const bool last = --o->trims == 0;

	o->trim_failed = !last && (heard || err != 0);
	if (!heard && (err != 0 || last))
		o->calls.on_trimmed(o->ctx, err);
}

int outbox_trim(struct outbox *o, unsigned shard, const struct chain_pos *last)
{
	char key[KEY_BYTES], id[POS_CHARS];
	const char *argv[] = {"XTRIM", key, "MINID", id};
	struct chain_pos first = {last->ms, last->seq + 1};
	size_t len[4];

	/* MINID keeps the entry that it names, so it names the one behind `last`. Behind the
	 * largest sequence number comes the next millisecond. */
	if (last->seq == UINT64_MAX)
		first = (struct chain_pos){last->ms + 1, 0};
	key_of(key, shard, "out", "");
	pos_text(&first, id);
	for (size_t i = 0; i < 4; i++)
		len[i] = strlen(argv[i]);
	if (rconn_cmd(o->store->conn, on_trim, o, 4, argv, len) != 0)
		return TG_ESTORE;
	o->trims++;
	return 0;
}

/* The lease ---------------------------------------------------------------- */

/* "NN:<id> …"; what is not of that form is left out. */
static void read_positions(const char *text, struct chain_pos pos[TOKEN_SHARDS])
{
	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		struct chain_pos p;
		uint8_t shard;

		if (n > 3 && text[2] == ':' && tg_hex_decode(text, 2, &shard, 1) == 0 &&
			shard < TOKEN_SHARDS && chain_pos_parse(text + 3, n - 3, &p) == 0)
			pos[shard] = p;
		text += n + (text[n] == ' ');
	}
}

static void write_positions(const struct chain_pos pos[TOKEN_SHARDS], char out[ALL_POS_CHARS])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < TOKEN_SHARDS; i++) {
		if (!pos_any(&pos[i]))
			continue;
		n += (size_t)sprintf(out + n, "%s%02x:", n > 0 ? " " : "", i);
		n += (size_t)pos_text(&pos[i], out + n);
	}
}

static bool is_epoch(const char *text)
{
	return strlen(text) == CHAIN_EPOCH && tg_hex_is_lower(text, CHAIN_EPOCH) == 1;
}

static void on_lease(void *ctx, const redisReply *r)
{
	struct outbox *o = ctx;
	struct lines a = lines_of(r);
	struct outbox_lease l = {.now_ms = lines_num(&a)};
	/* with room for one character too many, so that a text which is too long is seen to be so
	 */
	char epoch[CHAIN_EPOCH + 2], pos[ALL_POS_CHARS], head[2 * CHAIN_HASH + 2];
	uint64_t head_n;
	int err = error_of(o->store, r);

	lines_text(&a, epoch, sizeof epoch);
	l.mine = lines_num(&a) == 1;
	l.caught_up_ms = lines_num(&a);
	lines_text(&a, l.by, sizeof l.by);
	read_positions(lines_text(&a, pos, sizeof pos), l.pos);
	head_n = (uint64_t)lines_num(&a);
	lines_text(&a, head, sizeof head);
	lines_text(&a, l.life, sizeof l.life);
	l.compared = lines_num(&a) == 1;
	if (err == 0 && (!is_epoch(epoch) || l.life[0] == '\0'))
		err = TG_EINTERNAL;
	if (err != 0) {
		o->calls.on_lease(o->ctx, err, NULL);
		return;
	}
	memcpy(l.epoch, epoch, CHAIN_EPOCH + 1);
	if (tg_hex_decode(head, strlen(head), l.head, sizeof l.head) == 0)
		l.head_n = head_n;
	o->calls.on_lease(o->ctx, 0, &l);
}

int outbox_ask_lease(struct outbox *o, const struct outbox_ask *a)
{
	uint8_t fresh[CHAIN_EPOCH / 2];
	char epoch[CHAIN_EPOCH + 1], head[2 * CHAIN_HASH + 1] = "", pos[ALL_POS_CHARS] = "";
	struct cmd m;

	randombytes_buf(fresh, sizeof fresh);
	tg_hex_encode(fresh, sizeof fresh, epoch);
	if (a->head_n > 0)
		tg_hex_encode(a->head, sizeof a->head, head);
	if (a->pos != NULL)
		write_positions(a->pos, pos);
	cmd_fcall(&m, "tg2_recorder", 0);
	cmd_text(&m, a->token);
	cmd_num(&m, a->lease_ms);
	cmd_text(&m, epoch);
	cmd_num(&m, a->caught_up_ms);
	cmd_num(&m, a->pos == NULL ? 0 : a->begins ? 2 : 1);
	cmd_text(&m, pos);
	cmd_num(&m, (int64_t)a->head_n);
	cmd_text(&m, head);
	return cmd_send(o->store, &m, on_lease, o);
}
