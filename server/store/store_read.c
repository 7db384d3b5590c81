/*
 * store_read.c: a blob's bytes, chunk by chunk as the caller has room for them. Two ways share it:
 *
 * A take is the at-most-once read. One pipeline reads the string that holds the record, and calls
 * the function that ends the blob for everybody else. An only chunk stands behind its record in
 * that string, and the function has erased both; of a longer blob each chunk is then read and
 * deleted, one by one. The bytes arrive before the answer that says that they are ours, and are not
 * passed on before it.
 *
 * Between the two commands another connection's may be carried out, also one that makes the blob
 * live. Then the string was read too early. So the call tells the last stamp that this connection
 * had been told of before it read (functions/record.lua): the function refuses to end a blob that
 * has a later one, and both commands are sent again.
 *
 * A claimant's read asks one function whether the claim still stands, and leaves every chunk where
 * it is; claim and ack are in store_claim.c.
 *
 * It keeps no copy and never puts anything back. Runs in workers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/bug.h"
#include "store/cmd.h"
#include "store/error.h"
#include "store/lines.h"
#include "store/refusal.h"
#include "store/state.h"
#include "store/store_claim.h"
#include "store/store_read.h"
#include "store/store_refused.h"

/* How often a take reads again. Once is enough, unless more than LIVE_NOTED blobs go live within
 * the time that an answer takes. */
#define AGAIN_MAX 4u

struct store_read {
	struct store *store;
	struct store_read_calls calls;
	void *ctx;
	char id[TOKEN_LEN + 1];
	char token[TOKEN_LEN + 1];
	char peer[CONF_NAME_MAX + 1]; /* a take's */
	unsigned again;               /* how often a take has read again */
	unsigned shard;
	unsigned n, next; /* the chunk to stop before; the one that is read now, or next */
	size_t chunk;     /* bytes of each chunk but the last */
	size_t head;      /* bytes of the record in front of the only chunk; 0: none */
	/* of a claimant's read: bytes to leave out at the front of its first chunk; where to stop
	 * in its last one */
	size_t skip, stop;
	bool keep;      /* a claimant's read: nothing is deleted */
	bool skip_head; /* of a claimant's read: the record's bytes are in front of what comes */
	/* of a take: how many bytes of the string with the record are in data; negative: REPLIES_…
	 */
	long first;
	bool begun;            /* on_begin has told the owner that it may read */
	bool reading;          /* a chunk was asked for */
	bool calling, dropped; /* a callback of the owner's is called; it aborted the read there */
	struct evbuffer *data; /* what has come, and is not handed over */
	struct event *heartbeat; /* of a take of several chunks */
	struct loop_task broken;
	struct refusal *refusal; /* of a take that is refused as if there were no such blob */
	enum refused refused;    /* why it is */
	uint64_t asked_us;
};

static void take_free(struct store_read *t)
{
	rconn_forget(t->store->conn, t);
	loop_cancel(t->store->loop, &t->broken);
	if (t->heartbeat != NULL)
		event_free(t->heartbeat);
	refusal_free(t->refusal);
	evbuffer_free(t->data);
	free(t);
}

static int take_tell(struct store_read *t, const char *fn)
{
	struct cmd m;

	cmd_fcall(&m, fn, t->shard);
	cmd_text(&m, t->id);
	cmd_text(&m, t->token);
	/* whatever becomes of it: the reaper ends a take of which nothing more is heard */
	return cmd_send(t->store, &m, error_heard, t->store);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *ctx)
{
	struct store_read *t = ctx;

	(void)fd;
	(void)what;
	/* that the blob has ended, or the store is gone, shows when the next chunk is read */
	(void)take_tell(t, "tg2_take_more");
}

/* Hands over what has come. Frees t when this was the end, or the owner aborted in the callback.
 * Returns whether t still lives. */
static bool take_data(struct store_read *t, bool done, int err)
{
	t->calling = true;
	t->calls.on_data(t, t->data, done, err, t->ctx);
	t->calling = false;
	if (done || err != 0 || t->dropped) {
		take_free(t);
		return false;
	}
	return true;
}

static void on_chunk(void *ctx, long got, const redisReply *r)
{
	struct store_read *t = ctx;

	t->reading = false;
	if (got < 0) {
		int err = got == REPLIES_NIL  ? TG_EGONE :
			got == REPLIES_BROKEN ? TG_ESTORE :
						error_of(t->store, r);
		if (!t->keep)
			(void)take_tell(t, "tg2_take_end"); /* what is left can never be read */
		(void)take_data(t, false, err != 0 ? err : TG_EINTERNAL);
		return;
	}
	if (t->keep && got == 0) { /* GETRANGE of a key that is not there */
		(void)take_data(t, false, TG_EGONE);
		return;
	}
	if (t->keep && t->skip_head) {
		evbuffer_drain(t->data, t->head);
		t->skip_head = false;
	}
	t->next++;
	t->skip = 0;
	if (t->next == t->n && !t->keep)
		metrics_count(M_TAKEN, 1);
	(void)take_data(t, t->next == t->n, 0);
}

static void on_first(void *ctx, long got, const redisReply *r)
{
	struct store_read *t = ctx;

	(void)r; /* where Redis denies GET, it denies the function, too, which tells why */
	t->first = got;
}

/*
 * Returns whether the string that was read is the one that the function found: then the record in
 * front of it has the line that the answer has behind the id, and the chunk is as long as that
 * says. Removes the record from data. size: of the chunk.
 */
static bool split_record(struct store_read *t, const redisReply *r, uint64_t size)
{
	const char *line = memchr(r->str, '\n', r->len), *end = r->str + r->len, *stop;
	char head[STORE_HEAD_MAX_BYTES];
	size_t n;

	if (line == NULL || t->head > sizeof head || t->first != (long)(t->head + size) ||
		evbuffer_remove(t->data, head, t->head) != (int)t->head)
		return false;
	line += 1 + TOKEN_LEN + 1;
	if (line >= end)
		return false;
	stop = memchr(line, '\n', (size_t)(end - line));
	n = (size_t)((stop != NULL ? stop : end) - line);
	return n < t->head && memcmp(head, line, n) == 0 && head[n] == '\n';
}

/* Returns whether the blob's size agrees with the number of its chunks; and of a take of one string
 * whether what was read is what the function found. */
static bool consistent(struct store_read *t, const struct store_blob *b, const redisReply *r)
{
	uint64_t size = b->desc.size_bytes, chunk = b->desc.chunk_bytes;

	if (size == 0) /* no upload makes such a record; of no bytes there is no range */
		return false;
	if ((size + chunk - 1) / chunk != t->n || (t->head > 0 && t->n != 1))
		return false;
	return t->keep || t->head == 0 || split_record(t, r, size);
}

/* The peer may read, but the bytes are not as the record says. What is left of a take is erased. */
static int take_broken(struct store_read *t)
{
	log_error("store-error", "a blob's bytes are not in the store as its record says");
	if (t->keep)
		return TG_EINTERNAL;
	metrics_count(M_TAKEN, 1);
	if (t->head == 0)
		(void)take_tell(t, "tg2_take_end");
	return TG_EINTERNAL;
}

static void take_began(struct store_read *t, int err, const struct store_blob *blob)
{
	t->calling = true;
	t->calls.on_begin(t, err, blob, t->ctx);
	t->calling = false;
	if (err != 0 || t->dropped)
		take_free(t);
	else if (!t->keep && t->head > 0)
		on_chunk(t, t->first, NULL);
	else if (!t->keep)
		store_read_next(t);
}

static void on_refusal(void *ctx)
{
	struct store_read *t = ctx;
	const struct store_blob none = {.refused = t->refused};

	take_began(t, TG_ENOENT, &none);
}

static void on_take(void *ctx, const redisReply *r);

/*
 * The string with the record, and right behind it the function that ends the blob for everybody
 * else. Who may not read may not take: the function reads the record before it changes anything.
 * (Not as a transaction: a full store refuses to queue one.)
 */
static int take_first(struct store_read *t)
{
	char key[KEY_BYTES];
	const char *argv[] = {"GET", key};
	size_t len[] = {3, key_of(key, t->shard, "b:", t->id)};
	struct cmd m;
	int err = rconn_fetch(t->store->conn, on_first, t, 2, argv, len, t->data);

	if (err != 0)
		return err;
	cmd_fcall(&m, "tg2_take", t->shard);
	cmd_text(&m, t->id);
	cmd_text(&m, t->peer);
	cmd_text(&m, t->token);
	cmd_num(&m, t->store->stamp);
	return cmd_send(t->store, &m, on_take, t);
}

/* The blob may have gone live behind the GET. What that has read is of no use. */
static void take_again(struct store_read *t)
{
	int err = TG_ESTORE;

	evbuffer_drain(t->data, evbuffer_get_length(t->data));
	if (t->again++ < AGAIN_MAX)
		err = take_first(t);
	if (err != 0)
		take_began(t, err, NULL);
}

static void on_take(void *ctx, const redisReply *r)
{
	struct store_read *t = ctx;
	struct lines l = lines_of(r);
	struct store_blob blob;
	int err = error_of(t->store, r);

	if (err == TG_EINFLIGHT && !t->keep) {
		t->store->stamp = lines_num(&l);
		take_again(t);
		return;
	}
	struct lines why = l;
	const bool have = lines_blob(&l, &blob, &t->n) == 0;
	if (err == TG_ECLAIMED)
		blob.own_lease_ms = lines_num(&l);
	blob.refused = t->refused = store_refused_why(err, &blob, &why, t->keep);
	if (err == TG_ENOENT && !t->keep) {
		evbuffer_drain(t->data, evbuffer_get_length(t->data));
		t->refusal = refusal_new(t->store->loop, t->asked_us, on_refusal, t);
		if (t->refusal != NULL)
			return;
	}
	if (err == 0 && !t->keep && lines_more(&l))
		t->store->stamp = lines_num(&l);
	t->chunk = t->stop = have ? blob.desc.chunk_bytes : STORE_CHUNK_BYTES;
	t->head = have ? blob.head_bytes : 0;
	if (err == 0 && !(have && consistent(t, &blob, r)))
		err = take_broken(t);
	if (err == 0 && !t->keep && t->head == 0)
		evbuffer_drain(t->data, evbuffer_get_length(t->data)); /* the record, and no more */
	t->begun = err == 0;
	if (err == 0 && t->n > 1 && !t->keep) {
		t->heartbeat =
			event_new(loop_base(t->store->loop), -1, EV_PERSIST, on_heartbeat, t);
		if (t->heartbeat != NULL) /* without memory for it the take ends after 60 s */
			event_add(t->heartbeat, loop_timeout(t->store->loop, STORE_HEARTBEAT_S));
	}
	take_began(t, err, have || blob.refused != REFUSED_NONE ? &blob : NULL);
}

/* Reads the next chunk, or the part of it that is wanted. Where all of it is, by GET, and a record
 * that stands in front of the chunk is dropped when it has come. */
static int keep_fetch(struct store_read *t)
{
	char key[KEY_BYTES], from[24], to[24];
	const char *argv[] = {"GETRANGE", key, from, to};
	size_t len[] = {8, key_of_chunk(key, t->shard, t->id, t->next), 0, 0};
	size_t stop = t->next + 1 == t->n ? t->stop : t->chunk;

	t->reading = true;
	if (t->skip == 0 && stop == t->chunk) {
		t->skip_head = t->head > 0;
		argv[0] = "GET";
		len[0] = 3;
		return rconn_fetch(t->store->conn, on_chunk, t, 2, argv, len, t->data);
	}
	len[2] = (size_t)snprintf(from, sizeof from, "%zu", t->head + t->skip);
	len[3] = (size_t)snprintf(to, sizeof to, "%zu", t->head + stop - 1);
	return rconn_fetch(t->store->conn, on_chunk, t, 4, argv, len, t->data);
}

/* Reads and deletes the next chunk. */
static int take_fetch(struct store_read *t)
{
	char key[KEY_BYTES];
	const char *argv[] = {"GETDEL", key};
	size_t len[] = {6, key_of_chunk(key, t->shard, t->id, t->next)};

	t->reading = true;
	return rconn_fetch(t->store->conn, on_chunk, t, 2, argv, len, t->data);
}

static struct store_read *read_new(
	struct store *s, unsigned shard, const struct store_read_calls *calls, void *ctx)
{
	struct store_read *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->data = evbuffer_new();
	if (t->data == NULL) {
		free(t);
		return NULL;
	}
	t->store = s;
	t->asked_us = clock_mono_us();
	t->calls = *calls;
	t->ctx = ctx;
	t->shard = shard;
	return t;
}

struct store_read *store_read_take(struct store *s, const char *id, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err)
{
	int shard = token_shard(id, strlen(id));
	struct store_read *t = shard < 0 ? NULL : read_new(s, (unsigned)shard, calls, ctx);

	*err = shard < 0 ? TG_ENOENT : TG_ENOMEM;
	if (t == NULL)
		return NULL;
	strcpy(t->id, id);
	token_make(t->shard, t->token);
	snprintf(t->peer, sizeof t->peer, "%s", peer);
	*err = take_first(t);
	if (*err != 0) {
		take_free(t);
		return NULL;
	}
	return t;
}

struct store_read *store_read_claimed(struct store *s, const char *claim, const char *peer,
	const struct store_read_calls *calls, void *ctx, int *err)
{
	char hash[STORE_CLAIM_HASH_LEN + 1];
	int shard = store_claim_shard(claim, strlen(claim));
	struct store_read *t = shard < 0 ? NULL : read_new(s, (unsigned)shard, calls, ctx);
	struct cmd m;

	*err = shard < 0 ? TG_ENOENT : TG_ENOMEM;
	if (t == NULL)
		return NULL;
	t->keep = true;
	memcpy(t->id, claim, TOKEN_LEN);
	cmd_fcall(&m, "tg2_claim_read", t->shard);
	cmd_text(&m, t->id);
	cmd_text(&m, peer);
	cmd_text(&m, store_claim_hash(claim, hash));
	*err = cmd_send(s, &m, on_take, t);
	if (*err != 0) {
		take_free(t);
		return NULL;
	}
	return t;
}

void store_read_range(struct store_read *t, uint64_t from, uint64_t len)
{
	uint64_t last = from + len - 1;

	if (!t->keep || len == 0 || last / t->chunk >= t->n)
		tg_bug("store_read", "a range beyond the blob");
	t->next = (unsigned)(from / t->chunk);
	t->n = (unsigned)(last / t->chunk) + 1;
	t->skip = (size_t)(from % t->chunk);
	t->stop = (size_t)(last % t->chunk) + 1;
}

static void run_broken(struct loop_task *task, void *ctx)
{
	(void)task;
	(void)take_data(ctx, false, TG_ESTORE);
}

void store_read_next(struct store_read *t)
{
	int rc;

	if (!t->begun || t->reading || t->dropped)
		return;
	rc = t->keep ? keep_fetch(t) : take_fetch(t);
	if (rc == 0 && !t->keep && t->next + 1 == t->n)
		rc = take_tell(t, "tg2_take_end");
	if (rc != 0) { /* from the loop: no callback comes before return */
		t->broken.run = run_broken;
		t->broken.ctx = t;
		loop_defer(t->store->loop, &t->broken);
	}
}

void store_read_abort(struct store_read *t)
{
	if (t == NULL || t->dropped)
		return;
	/* Ends a take of several chunks. Where the take was refused, or was of one string and has
	 * ended the blob, the function changes nothing. */
	if (!t->keep && !(t->begun && t->head > 0))
		(void)take_tell(t, "tg2_take_end");
	if (!t->keep && t->begun && t->next < t->n)
		metrics_count(M_TAKEN, 1);
	if (t->calling)
		t->dropped = true; /* our caller frees it */
	else
		take_free(t);
}
