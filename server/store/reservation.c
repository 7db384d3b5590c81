/*
 * reservation.c: sends tg2_idempotency_begin. Runs in workers.
 */
#include "base/token.h"
#include "core/hex.h"
#include "store/reservation.h"

unsigned reservation_shard(const char *key)
{
	uint8_t first = 0;

	(void)tg_hex_decode(key, 2, &first, 1);
	return first % TOKEN_SHARDS;
}

int reservation_send(struct query *c, const struct reservation *r)
{
	struct cmd m;

	cmd_fcall(&m, "tg2_idempotency_begin", reservation_shard(r->key));
	cmd_text(&m, r->key);
	cmd_text(&m, r->what);
	cmd_text(&m, r->id);
	cmd_text(&m, r->old);
	cmd_num(&m, r->keep_ms);
	return query_send(c, &m);
}
