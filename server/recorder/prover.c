/*
 * prover.c: see prover.h. A request that is not answered yet waits in its socket, which holds so
 * many; a worker whose socket is full is told that at once. Files alone are read, so that a proof
 * can be made of all that is signed, whoever records now.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/proof_link.h"
#include "conf/conf.h"
#include "core/proof.h"
#include "core/tile.h"
#include "recorder/prover.h"
#include "recorder/record_find.h"

#define PER_TURN 4u         /* requests of one socket that are answered before other events */
#define PER_REFILL 50u      /* requests that are answered in REFILL_MS, of all workers */
#define US_PER_REFILL 20000 /* and the time that they may take: a fifth of it */
#define REFILL_MS 100u
#define SURE_MS 2000    /* clocks of store and server may differ by that */
#define NOTE_BYTES 8192 /* of a note with the cosignatures that fit into a proof */

struct signed_tree { /* a note out of the folder */
	char text[NOTE_BYTES];
	size_t n; /* 0: there is none */
	struct note note;
	struct checkpoint is;
};

struct prover {
	struct prover_opts opts;
	char *folder;
	struct sha256 *sha;
	struct event *ready[CONF_WORKERS_MAX];
	struct event *refill;
	unsigned left;   /* requests that may be answered before the next refill */
	int64_t left_us; /* and the time; negative: more was taken than there was */
	struct signed_tree own, cosigned;
	struct tile_reader tiles;
	char line[CHAIN_LINE_MAX]; /* the record's */
	size_t line_n;
	struct proof_link_answer answer;
};

_Static_assert(PROOF_LINK_EVENT_MAX == CHAIN_ID_MAX, "proof_link.h has the same bound");

/* The folder ---------------------------------------------------------------- */

static void read_note(int dir, const char *name, struct signed_tree *s)
{
	const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const ssize_t n = fd >= 0 ? read(fd, s->text, sizeof s->text) : -1;

	if (fd >= 0)
		close(fd);
	s->n = n > 0 && (size_t)n < sizeof s->text ? (size_t)n : 0;
	if (s->n > 0 &&
		(note_scan(s->text, s->n, &s->note) != 0 ||
			checkpoint_scan(s->note.text.p, s->note.text.n, &s->is) != 0))
		s->n = 0;
}

/* Whether the note with the witnesses' lines is of our tree: others write it. */
static bool may_use_cosigned(struct prover *p, uint64_t index, const uint8_t *public_key)
{
	const struct signed_tree *c = &p->cosigned;
	struct note_key key;

	return c->n > 0 && c->is.size > index && c->is.size <= p->own.is.size &&
		strcmp(c->is.origin, p->own.is.origin) == 0 && public_key != NULL &&
		note_key_make(p->sha, c->is.origin, NOTE_ED25519, public_key, &key) == 0 &&
		note_verify(&c->note, &key, NULL) == 0;
}

/* Makes the proof with a note. Returns its length, 0: it cannot be made, or is too long. */
static size_t make_text(struct prover *p, int dir, uint64_t index, const struct signed_tree *s)
{
	struct proof proof = {.line = p->line,
		.line_n = p->line_n,
		.index = index,
		.checkpoint = s->text,
		.checkpoint_n = s->n};
	char text[PROOF_LINK_TEXT_MAX + 1];
	size_t n;

	tile_reader_init(&p->tiles, dir, s->is.size, p->sha);
	if (tree_inclusion(
		    p->sha, tile_read_node, &p->tiles, index, s->is.size, &proof.inclusion) != 0)
		return 0;
	n = proof_text(&proof, text, sizeof text);
	memcpy(p->answer.text, text, n);
	return n;
}

static enum proof_link_status prove(
	struct prover *p, uint64_t index, const struct prover_view *view)
{
	struct proof_link_answer *a = &p->answer;
	const int dir = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum proof_link_status status = PROOF_LINK_AWAY;

	if (dir < 0)
		return PROOF_LINK_AWAY;
	read_note(dir, "checkpoint", &p->own);
	read_note(dir, "cosigned", &p->cosigned);
	if (p->own.n == 0 || p->own.is.size <= index) {
		status = view->recording ? PROOF_LINK_PENDING : PROOF_LINK_AWAY;
	} else {
		if (may_use_cosigned(p, index, view->public_key))
			a->text_n = (uint32_t)make_text(p, dir, index, &p->cosigned);
		if (a->text_n == 0)
			a->text_n = (uint32_t)make_text(p, dir, index, &p->own);
		if (a->text_n > 0)
			status = PROOF_LINK_READY;
	}
	close(dir);
	return status;
}

/* Who may have it ------------------------------------------------------------ */

/* Returns whether a list of names with blanks between them has that one. */
static bool has_name(struct chain_text list, const char *name)
{
	const size_t len = strlen(name);

	for (size_t at = 0; at < list.n;) {
		const char *blank = memchr(list.p + at, ' ', list.n - at);
		const size_t n = blank != NULL ? (size_t)(blank - list.p) - at : list.n - at;

		if (n == len && memcmp(list.p + at, name, n) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

/* Uploader, readers and operators may have the proof. A peer that was refused is no reader. */
static bool may_have(const struct prover *p, const struct proof_link_request *q)
{
	struct chain_line l;
	const struct chain_record *r = &l.record;

	if (q->is_operator)
		return true;
	if (chain_scan(p->line, p->line_n, &l) != 0 || l.is_check)
		return false;
	if (q->is_uploader && has_name(r->uploader, q->peer))
		return true;
	return !chain_is(r->event, "refused") &&
		(has_name(r->to, q->peer) || has_name(r->by, q->peer));
}

/* Requests ------------------------------------------------------------------ */

/* For an event that is in no file, or that is not for who asks: whether it may still come. */
static enum proof_link_status missing(const struct chain_pos *pos, const struct prover_view *view)
{
	const int64_t now_ms = clock_wall_ms(), at_ms = (int64_t)pos->ms;

	if (!view->recording)
		return PROOF_LINK_AWAY;
	if (pos->ms > (uint64_t)now_ms + SURE_MS)
		return PROOF_LINK_UNKNOWN;
	if (view->caught_up_us == 0)
		return PROOF_LINK_PENDING;
	return now_ms - (int64_t)(clock_mono_us() - view->caught_up_us) / 1000 > at_ms + SURE_MS ?
		PROOF_LINK_UNKNOWN :
		PROOF_LINK_PENDING;
}

static void answer(struct prover *p, const struct proof_link_request *r)
{
	struct proof_link_answer *a = &p->answer;
	struct prover_view view = {0};
	struct chain_pos pos;
	unsigned shard;
	uint64_t number = 0;
	int err;

	a->tag = r->tag;
	a->text_n = 0;
	a->status = PROOF_LINK_UNKNOWN;
	if (chain_id_parse(r->event, strlen(r->event), &shard, &pos) != 0)
		return;
	p->opts.view(p->opts.ctx, &view);
	err = record_find(p->opts.log_path, shard, &pos, p->line, &p->line_n, &number);
	if (err == TG_ENOENT || (err == 0 && !may_have(p, r)))
		a->status = missing(&pos, &view);
	else if (err != 0)
		a->status = PROOF_LINK_AWAY;
	else
		a->status = prove(p, number - 1, &view);
}

static void answer_one(struct prover *p, int fd, struct proof_link_request *r)
{
	const struct proof_link_answer *a = &p->answer;

	const uint64_t began_us = clock_mono_us();

	r->event[sizeof r->event - 1] = '\0';
	r->peer[sizeof r->peer - 1] = '\0';
	answer(p, r);
	p->left--;
	p->left_us -= (int64_t)(clock_mono_us() - began_us);
	/* A worker that does not read its answers gets none. */
	(void)send(fd, a, offsetof(struct proof_link_answer, text) + a->text_n,
		MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool may_answer(const struct prover *p)
{
	return p->left > 0 && p->left_us > 0;
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct prover *p = ctx;
	struct proof_link_request r;

	(void)what;
	for (unsigned i = 0; i < PER_TURN && may_answer(p); i++) {
		const ssize_t n = recv(fd, &r, sizeof r, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n != sizeof r)
			continue;
		answer_one(p, fd, &r);
	}
	for (unsigned i = 0; !may_answer(p) && i < p->opts.n; i++)
		event_del(p->ready[i]);
}

static void on_refill(evutil_socket_t fd, short what, void *ctx)
{
	struct prover *p = ctx;
	const bool could = may_answer(p);

	(void)fd, (void)what;
	p->left = PER_REFILL;
	p->left_us = p->left_us < 0 ? p->left_us + US_PER_REFILL : US_PER_REFILL;
	for (unsigned i = 0; !could && may_answer(p) && i < p->opts.n; i++)
		event_add(p->ready[i], NULL);
}

/* Making it ----------------------------------------------------------------- */

static bool add_events(struct prover *p)
{
	static const struct timeval every = {0, REFILL_MS * 1000};
	struct event_base *base = loop_base(p->opts.loop);

	p->refill = event_new(base, -1, EV_PERSIST, on_refill, p);
	if (p->refill == NULL || event_add(p->refill, &every) != 0)
		return false;
	for (unsigned i = 0; i < p->opts.n; i++) {
		p->ready[i] = event_new(base, p->opts.fds[i], EV_READ | EV_PERSIST, on_ready, p);
		if (p->ready[i] == NULL || event_add(p->ready[i], NULL) != 0)
			return false;
	}
	return true;
}

struct prover *prover_new(const struct prover_opts *o)
{
	struct prover *p = calloc(1, sizeof *p);
	const size_t cap = strlen(o->log_path) + sizeof ".tiles";

	if (p == NULL)
		return NULL;
	p->opts = *o;
	p->left = PER_REFILL;
	p->left_us = US_PER_REFILL;
	p->sha = sha256_new();
	p->folder = malloc(cap);
	if (p->sha == NULL || p->folder == NULL || !add_events(p)) {
		prover_free(p);
		return NULL;
	}
	snprintf(p->folder, cap, "%s.tiles", o->log_path);
	return p;
}

void prover_free(struct prover *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->opts.n; i++)
		if (p->ready[i] != NULL)
			event_free(p->ready[i]);
	if (p->refill != NULL)
		event_free(p->refill);
	sha256_free(p->sha);
	free(p->folder);
	free(p);
}
