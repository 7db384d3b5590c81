/*
 * expiry_wipe.c: how long a blob's bytes can be found in memory after its deadline. Here blobs are
 * sealed and uploaded over mutual TLS (plain Redis: SET), as any blob is. Two pieces of each are
 * searched for: its age share and its last bytes, which are both as good as random.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/timeglas.h>
#include "bench.h"
#include "expiry_wipe.h"
#include "https.h"
#include "memscan.h"
#include "redis_sync.h"

#define CONTENT_BYTES 96
#define ENVELOPE_MAX 1024
#define PIECES 2u
#define PIDS_MAX 32
#define SETTLED_US 200000 /* a pause after a forced removal */

struct buffer {
	unsigned char *p;
	size_t n, cap;
};

struct wipe {
	const struct server *server;
	unsigned n;
	unsigned char (*marker)[MARKER_BYTES]; /* PIECES for each blob */
	bool *in_redis, *in_server;            /* for each marker, in the last search */
	int64_t *deadline_us;
	char (*key)[64];
};

static int append(void *ctx, const void *p, size_t n)
{
	struct buffer *b = ctx;

	if (n > b->cap - b->n)
		return TG_ETOOBIG;
	memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

size_t expiry_wipe_envelope(unsigned char *out, size_t cap)
{
	static const unsigned char content[CONTENT_BYTES];
	struct buffer b = {out, 0, cap};
	tg_recipient *to = NULL;
	tg_seal_opts o = {.struct_size = sizeof o, .n_recipients = 1, .write = append, .ctx = &b};
	tg_identity *nobody = NULL;
	tg_sealer *s = NULL;

	if (tg_identity_generate(&nobody) != 0)
		bench_die("cannot make a key");
	if (tg_identity_recipient(nobody, &to) != 0)
		bench_die("no memory for a key");
	tg_identity_free(nobody);
	o.recipient = (const tg_recipient *const *)&to;
	if (tg_seal_new(&o, &s) != 0 || tg_seal_push(s, content, sizeof content) != 0 ||
		tg_seal_finish(s) != 0)
		bench_die("cannot seal");
	tg_seal_free(s);
	tg_recipient_free(to);
	return b.n;
}

/* Storing ------------------------------------------------------------------ */

static void store_plain(
	struct wipe *w, unsigned i, const unsigned char *blob, size_t n, int64_t ttl_ms)
{
	int64_t deadline_ms = bench_wall_us() / 1000 + ttl_ms;

	snprintf(w->key[i], sizeof w->key[i], "bench:wipe:%u", i);
	freeReplyObject(redis_sync_do(w->server->redis, "SET %s %b PXAT %lld", w->key[i], blob, n,
		(long long)deadline_ms));
	w->deadline_us[i] = deadline_ms * 1000;
}

static void store_timeglas(struct wipe *w, struct https *h, unsigned i, const unsigned char *blob,
	size_t n, int64_t ttl_ms)
{
	char fields[96], key[16], member[32];
	const char *id;
	redisReply *r, *found;

	snprintf(fields, sizeof fields, "Timeglas-Kind: liveness\r\nTimeglas-Ttl: %lld\r\n",
		(long long)(ttl_ms / 1000));
	if (https_call(h, "POST", "/v1/blobs", fields, blob, n) != 201 ||
		(id = strstr(https_body(h), "\"blob\":\"")) == NULL)
		bench_die("put: %s", https_body(h));
	id += 8;
	snprintf(key, sizeof key, "tg:{%.2s}:dl", id);
	snprintf(member, sizeof member, "b:%.24s*", id);
	r = redis_sync_do(w->server->redis, "ZSCAN %s 0 MATCH %s COUNT 1000000", key, member);
	found = r->type == REDIS_REPLY_ARRAY && r->elements == 2 ? r->element[1] : NULL;
	if (found == NULL || found->elements != 2)
		bench_die("a blob that was just stored has no deadline");
	w->deadline_us[i] = strtoll(found->element[1]->str, NULL, 10) * 1000;
	freeReplyObject(r);
}

static void store_all(struct wipe *w, struct https *h, int64_t ttl_ms)
{
	unsigned char blob[ENVELOPE_MAX], *share;

	for (unsigned i = 0; i < w->n; i++) {
		size_t n = expiry_wipe_envelope(blob, sizeof blob);

		share = memmem(blob, n, "-> X25519 ", 10);
		if (share == NULL)
			bench_die("an envelope without a share");
		memcpy(w->marker[i * PIECES], share + 10, MARKER_BYTES);
		memcpy(w->marker[i * PIECES + 1], blob + n - MARKER_BYTES, MARKER_BYTES);
		if (h == NULL)
			store_plain(w, i, blob, n, ttl_ms);
		else
			store_timeglas(w, h, i, blob, n, ttl_ms);
	}
	explicit_bzero(blob, sizeof blob);
}

/* Looking ------------------------------------------------------------------ */

/* The processes of timeglas but for its Redis: timeglasd and its children. Returns their number. */
static unsigned server_pids(const struct server *s, pid_t out[PIDS_MAX])
{
	pid_t child[PIDS_MAX - 1];
	unsigned n = 0, children = bench_children(s->pid, child, PIDS_MAX - 1);

	if (s->plain)
		return 0;
	out[n++] = s->pid;
	for (unsigned i = 0; i < children; i++)
		if (child[i] != s->redis_pid)
			out[n++] = child[i];
	return n;
}

/* Searches all memory of the server once. Returns false if it may not be read. */
static bool look(struct wipe *w)
{
	const unsigned char(*marker)[MARKER_BYTES] =
		(const unsigned char(*)[MARKER_BYTES])w->marker;
	pid_t pid[PIDS_MAX];
	unsigned n = server_pids(w->server, pid);

	memset(w->in_redis, 0, w->n * PIECES * sizeof *w->in_redis);
	memset(w->in_server, 0, w->n * PIECES * sizeof *w->in_server);
	if (memscan(w->server->redis_pid, marker, w->n * PIECES, w->in_redis) != 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (memscan(pid[i], marker, w->n * PIECES, w->in_server) != 0)
			return false;
	return true;
}

static bool has(const bool *found, unsigned blob)
{
	return found[blob * PIECES] || found[blob * PIECES + 1];
}

static unsigned count(const struct wipe *w, const bool *found)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += has(found, i);
	return n;
}

/* Searches again and again until nothing is found, or the window is over. A blob counts as wiped
 * once a whole search has not found it. */
static void watch_memory(struct wipe *w, const struct expiry_plan *p, struct expiry_cell *c)
{
	int64_t last = w->deadline_us[w->n - 1], until = last + p->wipe_window_ms * 1000, began,
		ended;
	bool *gone = bench_alloc(w->n, sizeof *gone);

	bench_sleep_until_us(last);
	do {
		began = bench_wall_us();
		c->readable = c->readable && look(w);
		ended = bench_wall_us();
		c->scan_ms = (double)(ended - began) / 1000;
		for (unsigned i = 0; i < w->n && c->readable; i++) {
			if (gone[i] || has(w->in_redis, i) || has(w->in_server, i))
				continue;
			gone[i] = true;
			lateness_add(&c->wiped, ended - w->deadline_us[i]);
		}
	} while (c->readable && c->wiped.n < w->n && ended < until);
	c->in_redis = count(w, w->in_redis);
	c->in_server = count(w, w->in_server);
	free(gone);
}

/* Reads the due blobs, which makes a plain Redis remove them, and searches once more. */
static void force_removal(struct wipe *w, struct expiry_cell *c)
{
	for (unsigned i = 0; i < w->n; i++)
		freeReplyObject(redis_sync_do(w->server->redis, "GET %s", w->key[i]));
	usleep(SETTLED_US);
	c->after_read = look(w) ? (int)count(w, w->in_redis) : -1;
}

void expiry_wipe_measure(const struct server *s, const struct expiry_plan *p, struct expiry_cell *c)
{
	struct wipe w = {.server = s, .n = p->wiped};
	struct https *h = s->plain ? NULL : https_open(s, s->uploader_cert, s->uploader_key);

	w.marker = bench_alloc(w.n * PIECES, MARKER_BYTES);
	w.in_redis = bench_alloc(w.n * PIECES, sizeof *w.in_redis);
	w.in_server = bench_alloc(w.n * PIECES, sizeof *w.in_server);
	w.deadline_us = bench_alloc(w.n, sizeof *w.deadline_us);
	w.key = bench_alloc(w.n, sizeof *w.key);
	lateness_init(&c->wiped, w.n);
	c->after_read = -1;
	store_all(&w, h, p->wipe_lead_ms);
	c->readable = look(&w);
	c->found_live = count(&w, w.in_redis);
	watch_memory(&w, p, c);
	lateness_sort(&c->wiped);
	if (s->plain && c->readable)
		force_removal(&w, c);
	if (h != NULL)
		/* Close only now: blobs must end also while their uploader stays connected. */
		https_close(h);
	free(w.marker);
	free(w.in_redis);
	free(w.in_server);
	free(w.deadline_us);
	free(w.key);
}
