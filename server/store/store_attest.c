/*
 * store_attest.c: asks a Redis what attest.c judges. It decides nothing. It does not ask the
 * replicas: the server that uses one asks it. Runs in the reaper.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include "store/attest.h"
#include "store/query.h"
#include "store/lines.h"
#include "store/reply.h"
#include "store/state.h"
#include "store/store_attest.h"

static void on_config(void *ctx, const redisReply *r)
{
	struct query *c = ctx;
	struct attest_facts *f = c->state;

	if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
		f->config_barred = true; /* denied, renamed, or the connection broke */
		return;
	}
	for (size_t i = 0; i + 1 < r->elements; i += 2)
		attest_read_config(f, reply_text(r, i), reply_text(r, i + 1));
}

static void on_info(void *ctx, const redisReply *r)
{
	struct query *c = ctx;
	struct attest_facts *f = c->state;

	if (r != NULL && r->type == REDIS_REPLY_STRING)
		attest_read_info(f, r->str);
	else
		f->info_barred = true;
}

static void on_may_store(void *ctx, const redisReply *r)
{
	static const struct {
		const char *says;
		enum writes means;
	} known[] = {{"OOM", WRITES_FULL}, {"READONLY", WRITES_READONLY},
		{"NOREPLICAS", WRITES_NO_REPLICAS}, {"MISCONF", WRITES_DISK}};
	struct query *c = ctx;
	struct attest_facts *f = c->state;

	f->writes = r != NULL && r->type == REDIS_REPLY_ERROR ? WRITES_REFUSED : WRITES_TAKEN;
	for (size_t i = 0; f->writes == WRITES_REFUSED && i < sizeof known / sizeof *known; i++)
		if (strncmp(r->str, known[i].says, strlen(known[i].says)) == 0)
			f->writes = known[i].means;
}

static void on_malloc_stats(void *ctx, const redisReply *r)
{
	struct query *c = ctx;
	struct attest_facts *f = c->state;

	f->wipes = r != NULL && r->type == REDIS_REPLY_STRING ? wipe_store(r->str, r->len) :
								WIPE_UNKNOWN;
}

static void attest_done(struct query *c, int err, const redisReply *r)
{
	struct attest_facts *f = c->state;
	struct lines l = lines_of(r);

	if (err == 0)
		lines_text(&l, f->denied, sizeof f->denied);
	QUERY_CB(c, store_attest_cb)(c->user, err, err == 0 ? c->state : NULL);
}

static int ask(struct query *c, bool wiping)
{
	struct cmd config = {.argc = 0}, info = {.argc = 0}, memory = {.argc = 0}, may_store;
	int rc;

	cmd_text(&config, "CONFIG");
	cmd_text(&config, "GET");
	for (const char *const *name = attest_config_names; *name != NULL; name++)
		cmd_text(&config, *name);
	cmd_text(&info, "INFO");
	cmd_text(&info, "persistence");
	cmd_text(&info, "memory");
	cmd_text(&info, "replication");
	rc = cmd_send(c->store, &config, on_config, c);
	if (rc != 0)
		return rc;
	rc = cmd_send(c->store, &info, on_info, c);
	cmd_text(&memory, "MEMORY");
	cmd_text(&memory, "MALLOC-STATS");
	if (rc == 0 && wiping)
		rc = cmd_send(c->store, &memory, on_malloc_stats, c);
	cmd_fcall(&may_store, "tg2_may_store", 0);
	if (rc == 0)
		rc = cmd_send(c->store, &may_store, on_may_store, c);
	if (rc != 0)
		rconn_forget(c->store->conn, c);
	return rc;
}

/* All commands are sent together. The answer to the last one, what this user is denied, ends the
 * query. */
int store_attest_ask(struct store *s, bool wiping, store_attest_cb *cb, void *ctx)
{
	struct query *c = query_new(s, attest_done, cb, ctx);
	const void *asked = c;
	struct cmd m;
	int rc;

	if (c == NULL)
		return TG_ENOMEM;
	c->state_free = free;
	c->state = calloc(1, sizeof(struct attest_facts));
	rc = c->state != NULL ? ask(c, wiping) : TG_ENOMEM;
	if (rc != 0) {
		query_drop(c);
		return rc;
	}
	cmd_fcall(&m, "tg2_rights", 0);
	rc = query_send(c, &m);
	if (rc != 0)
		rconn_forget(s->conn, asked);
	return rc;
}

static void attested_done(struct query *c, int err, const redisReply *r)
{
	(void)r;
	QUERY_CB(c, store_attest_told_cb)(c->user, err);
}

int store_attest_tell(
	struct store *s, const char *slug, const char *who, store_attest_told_cb *cb, void *ctx)
{
	struct query *c = query_new(s, attested_done, cb, ctx);
	struct cmd m;

	if (c == NULL)
		return TG_ENOMEM;
	cmd_fcall(&m, "tg2_attested", 0);
	cmd_text(&m, slug);
	cmd_text(&m, who);
	return query_send(c, &m);
}
