/*
 * store_take.c: the at-most-once read. One function call makes the blob unreachable to everyone else and moves its first chunk to a key that
 * only this take knows; the chunk is read and deleted right behind it in the same pipeline. Further chunks are read and deleted one by one.
 * It keeps no copy and never puts anything back. Runs in workers.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "base/metrics.h"
#include "store/store_int.h"

struct store_take {
	struct store *store;
	struct store_take_calls calls;
	void *ctx;
	char id[TOKEN_LEN + 1];
	char token[TOKEN_LEN + 1];
	unsigned shard;
	unsigned n, next;        /* chunks; the one that is read, or would be */
	bool begun, reading;
	bool calling, dropped;   /* inside a callback of the caller's; it aborted there */
	struct evbuffer *data;
	struct event *pulse;
	struct loop_task broken;
};

static void take_free(struct store_take *t)
{
	rconn_forget(t->store->conn, t);
	loop_cancel(t->store->loop, &t->broken);
	if (t->pulse != NULL)
		event_free(t->pulse);
	evbuffer_free(t->data);
	free(t);
}

static int take_tell(struct store_take *t, const char *fn)
{
	struct cmd m;

	cmd_fcall(&m, fn, t->shard);
	cmd_text(&m, t->id);
	cmd_text(&m, t->token);
	return cmd_send(t->store, &m, NULL, NULL);
}

static void on_pulse(evutil_socket_t fd, short what, void *ctx)
{
	struct store_take *t = ctx;

	(void)fd;
	(void)what;
	(void)take_tell(t, "tg1_take_more"); /* gone meanwhile, or no store: the next chunk shows it */
}

/* Tells the caller, then frees t when this was the end or the caller aborted in its callback. Returns whether t still lives. */
static bool take_data(struct store_take *t, bool done, int err)
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
	struct store_take *t = ctx;

	t->reading = false;
	if (got < 0) {
		int err = got == -1 ? TG_EGONE : got == -3 ? TG_ESTORE : store_err(t->store, r);
		(void)take_data(t, false, err != 0 ? err : TG_EINTERNAL);
		return;
	}
	t->next++;
	if (t->next == t->n)
		metrics_count(M_TAKEN, 1);
	(void)take_data(t, t->next == t->n, 0);
}

static void on_take(void *ctx, const redisReply *r)
{
	struct store_take *t = ctx;
	struct store_blob blob;
	int err = store_err(t->store, r);
	bool have = reply_blob(reply_at(r, 1), &blob, &t->n) == 0;

	if (err == 0 && !have)
		err = TG_EINTERNAL;
	t->begun = err == 0;
	if (err == 0 && t->n > 1) {
		t->pulse = event_new(loop_base(t->store->loop), -1, EV_PERSIST, on_pulse, t);
		if (t->pulse != NULL) /* without it a take has 60 s: enough for most */
			event_add(t->pulse, loop_timeout(t->store->loop, STORE_PULSE_S));
	}
	t->calling = true;
	t->calls.on_begin(t, err, have ? &blob : NULL, t->ctx);
	t->calling = false;
	if (err != 0 || t->dropped)
		take_free(t);
}

/* GETDEL of the chunk that comes next. */
static int take_fetch(struct store_take *t)
{
	char key[STORE_KEY_MAX];
	const char *argv[] = {"GETDEL", key};
	size_t len[] = {6, 0};

	if (t->next == 0)
		len[1] = store_key(key, t->shard, "c:%s:%s:0", t->token, t->id);
	else
		len[1] = store_key(key, t->shard, "c:%s:%u", t->id, t->next);
	t->reading = true;
	return rconn_fetch(t->store->conn, on_chunk, t, 2, argv, len, t->data);
}

/* The first chunk is on its way: its leftover entry may go. A no-op for blobs of several chunks. */
static int take_unmark(struct store_take *t)
{
	char key[STORE_KEY_MAX], member[STORE_KEY_MAX];
	struct cmd m = {.argc = 0};

	store_key(key, t->shard, "dl");
	strcpy(member, "x:");
	strcat(member, t->id);
	strcat(member, ":");
	strcat(member, t->token);
	cmd_text(&m, "ZREM");
	cmd_text(&m, key);
	cmd_text(&m, member);
	return cmd_send(t->store, &m, NULL, NULL);
}

struct store_take *store_take(struct store *s, const char *id, const char *peer, const struct store_take_calls *calls, void *ctx, int *err)
{
	int shard = token_shard(id, strlen(id));
	struct store_take *t;
	struct cmd m;

	*err = TG_ENOENT;
	if (shard < 0)
		return NULL;
	*err = TG_ENOMEM;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->data = evbuffer_new();
	if (t->data == NULL) {
		free(t);
		return NULL;
	}
	t->store = s;
	t->calls = *calls;
	t->ctx = ctx;
	t->shard = (unsigned)shard;
	strcpy(t->id, id);
	token_make(t->shard, t->token);
	cmd_fcall(&m, "tg1_take", t->shard);
	cmd_text(&m, id);
	cmd_text(&m, peer);
	cmd_text(&m, t->token);
	*err = cmd_send(s, &m, on_take, t);
	if (*err == 0)
		*err = take_fetch(t);
	if (*err == 0)
		*err = take_unmark(t);
	if (*err != 0) {
		take_free(t);
		return NULL;
	}
	return t;
}

static void run_broken(struct loop_task *task, void *ctx)
{
	(void)task;
	(void)take_data(ctx, false, TG_ESTORE);
}

void store_take_next(struct store_take *t)
{
	int rc;

	if (!t->begun || t->reading || t->dropped)
		return;
	rc = take_fetch(t);
	if (rc == 0 && t->next + 1 == t->n)
		rc = take_tell(t, "tg1_take_end");
	if (rc != 0) { /* not from here: no callback comes before return */
		t->broken.run = run_broken;
		t->broken.ctx = t;
		loop_defer(t->store->loop, &t->broken);
	}
}

void store_take_abort(struct store_take *t)
{
	if (t == NULL || t->dropped)
		return;
	/* Refused or of one chunk: a no-op there. No store: the reaper ends it. */
	if (t->n != 1)
		(void)take_tell(t, "tg1_take_end");
	if (t->begun && t->next < t->n)
		metrics_count(M_TAKEN, 1);
	if (t->calling)
		t->dropped = true; /* our caller frees it */
	else
		take_free(t);
}
