/*
 * fetch_keep.c: the sealed copy that is left when a fetched blob was not released, and until when
 * it may be kept. Runs in the library. timeglas(1), FILES.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "core/time.h"
#include "lib/fetch_int.h"
#include "lib/kept.h"

#define DAY_MS INT64_C(86400000)

/* A kept copy must not outlast the time for which the buffer may hold the blob. That is the blob's
 * own deadline if the server says one, and the limit of its kind in any case. */
static int64_t keep_until(struct fetch *f)
{
	const tg_blob *b = &f->parts->blob;
	tg_blob now = {.struct_size = sizeof now};
	int64_t at, until_ms = f->now_ms + DAY_MS;
	const struct tg_rule *rule;
	struct tg_policy policy;

	tg_policy_init(&policy);
	if (tg_policy_rule(&policy, b->kind, b->issuer[0] != '\0' ? b->issuer : NULL, &rule) == 0 &&
		rule != NULL) {
		int64_t limit_ms = (int64_t)rule->ceiling_s * 1000;

		if (f->now_ms + limit_ms < until_ms)
			until_ms = f->now_ms + limit_ms;
		if (tg_time_parse(b->stored_at, strlen(b->stored_at), &at) == 0 &&
			at + limit_ms < until_ms)
			until_ms = at + limit_ms;
	}
	if (!f->o.take && tg_client_stat(f->c, f->id, &now) == 0 &&
		tg_time_parse(now.deadline, strlen(now.deadline), &at) == 0 && at < until_ms)
		until_ms = at;
	/* the server may have said a time that is long over, or before 1970 */
	return until_ms > f->now_ms ? until_ms : f->now_ms;
}

struct listing {
	int64_t until_ms;
	int err;
};

/* The copy is listed before it gets its name. A process that is killed in between leaves a line too
 * many, and never a copy that nothing removes. */
static void list_copy(void *ctx, const struct stat *st, const char *name)
{
	struct listing *l = ctx;

	l->err = tg_kept_add(name, st, l->until_ms);
}

void fetch_keep(struct fetch *f, char *said, size_t cap)
{
	struct client_fetched *p = f->parts;
	struct listing listing = {.err = 0};
	char time_text[TG_TIME_LEN + 1];

	if (f->o.keep == NULL) {
		snprintf(said, cap, " and nothing is kept");
		return;
	}
	listing.until_ms = keep_until(f);
	if (tg_spool_keep(f->sealed, p->kept, sizeof p->kept, list_copy, &listing) != 0) {
		p->kept[0] = '\0';
		snprintf(said, cap, ", and the sealed content could not be kept: %s",
			strerror(errno));
		return;
	}
	p->kept_until_ms = listing.until_ms;
	snprintf(said, cap, ", and the sealed content is kept in %.300s until %s%s", p->kept,
		tg_time_format(p->kept_until_ms, time_text),
		listing.err == 0 ? "" : " (remove it then: it could not be listed)");
}
