/* evidence_search.c: see evidence_search.h. Both functions use one search, which reads lines
 * backwards until it is DONE. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/heartbeat.h"
#include "recorder/evidence_search.h"
#include "recorder/tail.h"

#define HEARTBEAT_LINES 4096u

struct search {
	const char *epoch;          /* of the store whose events are looked for */
	char here[CHAIN_EPOCH + 1]; /* of the store to which the line belongs that is being read */
	enum { SEARCHING, DONE } progress;
	/* of evidence_search_events() */
	struct evidence_search_event *list;
	size_t n, left; /* left: not found yet */
	struct entry *scratch;
	char line[CHAIN_LINE_MAX + 1];
	/* of evidence_search_behind(); otherwise cb is NULL */
	evidence_search_cb *cb;
	void *ctx;
	const struct chain_pos *from;
	int64_t since_ms;
};

/* Returns whether the event, if it were recorded now, would make this very line. */
static bool is_same(struct search *s, const struct outbox_event *e, const char *line, size_t n,
	const struct chain_record *there)
{
	struct chain_buf b = {.p = s->line, .cap = sizeof s->line};
	int unreadable;

	for (unreadable = 0; unreadable < 2; unreadable++) {
		if (unreadable)
			entry_unreadable(s->scratch, e);
		else
			entry_fill(s->scratch, e);
		s->scratch->record.n = there->n;
		memcpy(s->scratch->record.prev, there->prev, CHAIN_HASH);
		b.n = 0;
		b.full = 0;
		chain_put_record(&b, &s->scratch->record);
		if (!b.full)
			return b.n == n + 1 && memcmp(s->line, line, n) == 0;
	}
	return false;
}

/* Returns the event of the list that has this position; NULL: none has. */
static struct evidence_search_event *at_position(
	struct search *s, unsigned shard, const struct chain_pos *pos)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t i = from + (to - from) / 2;
		int c = chain_pos_cmp(&s->list[i].event.pos, pos);

		if (c == 0)
			return s->list[i].event.shard == shard ? &s->list[i] : NULL;
		if (c < 0)
			from = i + 1;
		else
			to = i;
	}
	return NULL;
}

static void look_at_record(
	struct search *s, const char *line, size_t n, const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	struct chain_pos pos;
	struct evidence_search_event *x;
	unsigned shard;

	if (chain_is_own(r, CHAIN_STORE_LOST))
		while (chain_next_member(&rest, &name, &value))
			if (chain_is(name, "was"))
				snprintf(s->here, sizeof s->here, "%.*s", (int)value.n, value.p);
	if (strcmp(s->here, s->epoch) != 0 || r->id.p == NULL ||
		chain_id_parse(r->id.p, r->id.n, &shard, &pos) != 0)
		return;
	if (s->cb != NULL) {
		if (chain_pos_cmp(&pos, &s->from[shard]) > 0)
			s->cb(s->ctx, r, shard);
		s->progress = r->time_ms < s->since_ms ? DONE : SEARCHING;
		return;
	}
	x = at_position(s, shard, &pos);
	if (x == NULL || x->known || !is_same(s, &x->event, line, n, r))
		return;
	x->known = true;
	if (--s->left == 0)
		s->progress = DONE;
}

/*
 * Returns whether all that stands before this checkpoint is older than since_ms. Its positions say
 * that by the store's clock; our own clock may be wrong by any amount. While the lines belong to
 * another store, whose positions say nothing about the one that is searched for, both clocks have
 * to say so. The search has to end early, as clients' reads wait for it.
 */
static bool is_old(const struct search *s, const struct chain_check *c)
{
	uint64_t last_ms = 0;

	for (size_t i = 0; i < CHAIN_SHARDS; i++)
		if (c->pos[i].ms > last_ms)
			last_ms = c->pos[i].ms;
	return (int64_t)last_ms < s->since_ms &&
		(strcmp(s->here, s->epoch) == 0 || c->time_ms < s->since_ms);
}

/* Every event that is recorded before a checkpoint has a position at the checkpoint's or before it.
 * So a checkpoint says whether anything is left to find. */
static void look_at_check(struct search *s, const struct chain_check *c)
{
	size_t i;

	memcpy(s->here, c->epoch, sizeof s->here);
	if (s->cb != NULL && is_old(s, c)) {
		s->progress = DONE;
		return;
	}
	if (strcmp(s->here, s->epoch) != 0)
		return;
	for (i = 0; s->cb != NULL && i < CHAIN_SHARDS; i++)
		if (chain_pos_cmp(&c->pos[i], &s->from[i]) > 0)
			return;
	for (i = 0; i < s->n; i++)
		if (!s->list[i].known &&
			chain_pos_cmp(&s->list[i].event.pos, &c->pos[s->list[i].event.shard]) <= 0)
			return;
	s->progress = DONE;
}

static void search_lines(struct search *s, const char *p, size_t end)
{
	struct chain_line l;
	unsigned lines = 0;

	while (end > 0 && s->progress == SEARCHING) {
		const char *lf = end > 1 ? memrchr(p, '\n', end - 1) : NULL;
		size_t from = lf != NULL ? (size_t)(lf - p) + 1 : 0;

		if (chain_scan(p + from, end - 1 - from, &l) == 0) {
			if (l.is_check)
				look_at_check(s, &l.check);
			else
				look_at_record(s, p + from, end - 1 - from, &l.record);
		}
		if (++lines % HEARTBEAT_LINES == 0)
			heartbeat_send();
		end = from;
	}
}

static int search_file(struct search *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		rc = TG_EIO;
	if (rc == 0 && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED) {
			search_lines(s, p, (size_t)st.st_size);
			munmap(p, (size_t)st.st_size);
		} else {
			rc = TG_EIO;
		}
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static int search_files(struct search *s, const char *path, const char *here)
{
	char old[PATH_MAX];
	uint64_t before = UINT64_MAX;
	int rc;

	snprintf(s->here, sizeof s->here, "%s", here);
	rc = s->progress == DONE ? 0 : search_file(s, path);
	while (rc == 0 && s->progress == SEARCHING &&
		tail_older(path, before, old, sizeof old, &before)) {
		rc = search_file(s, old);
		if (rc != 0 && errno == ENOENT)
			rc = 0; /* tail_expire() has just removed it */
	}
	return rc;
}

int evidence_search_events(const char *path, const char *here, const char *epoch,
	struct evidence_search_event *list, size_t n, struct entry *scratch)
{
	static struct search s; /* large */

	s = (struct search){.epoch = epoch,
		.list = list,
		.n = n,
		.left = n,
		.scratch = scratch,
		.progress = n == 0 ? DONE : SEARCHING};
	for (size_t i = 0; i < n; i++)
		list[i].known = false;
	return search_files(&s, path, here);
}

int evidence_search_behind(const char *path, const char *here, const char *epoch,
	const struct chain_pos from[CHAIN_SHARDS], int64_t since_ms, evidence_search_cb *cb,
	void *ctx)
{
	static struct search s;

	s = (struct search){
		.epoch = epoch, .cb = cb, .ctx = ctx, .from = from, .since_ms = since_ms};
	return search_files(&s, path, here);
}
