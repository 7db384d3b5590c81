/* proof_ask.c: see proof_ask.h. The socket outlives both processes, so an answer may be one to a
 * worker before this one: its tag is not known here, and it is dropped. Runs in workers. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <timeglas/errors.h>

#include "api/proof_ask.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

#define DUE_MAX 128u        /* requests of a worker that are not answered */
#define DUE_MAX_OF_PEER 32u /* of one peer: so it keeps nobody else from asking */
#define WAIT_US 1500000u    /* then it is taken to be away */
#define CHECK_MS 250u       /* how often that is looked for */
#define ANSWERS_PER_TURN 16 /* before other events */
/* What is no proof is answered so long after the question. The recorder takes more or less time for
 * an event that it has, and whoever may not know of one is to learn nothing from that. */
#define NO_PROOF_US 50000u

struct due {
	uint64_t tag, sent_us;
	char peer[PROOF_LINK_PEER_MAX + 1];
	bool is_answered; /* by no proof, which is held back */
	uint32_t status;
	proof_ask_cb *cb;
	void *ctx;
	TAILQ_ENTRY(due) link;
};
TAILQ_HEAD(due_list, due);

struct proof_ask {
	int fd;
	struct event *ready, *check, *no_proof;
	bool holds_back;     /* no_proof is set */
	struct due_list due; /* the oldest first */
	unsigned n;
	uint64_t tag; /* of the last request */
	struct proof_link_answer answer;
};

static void end(struct proof_ask *a, struct due *d, const struct proof_link_answer *answer)
{
	proof_ask_cb *const cb = d->cb;
	void *const ctx = d->ctx;

	TAILQ_REMOVE(&a->due, d, link);
	a->n--;
	free(d);
	cb(ctx, answer);
}

/* Whether n bytes are an answer. */
static bool is_whole(const struct proof_link_answer *r, size_t n)
{
	const size_t head = offsetof(struct proof_link_answer, text);

	return n >= head && r->text_n <= PROOF_LINK_TEXT_MAX && n == head + r->text_n;
}

static struct due *with_tag(const struct proof_ask *a, uint64_t tag)
{
	struct due *d;

	TAILQ_FOREACH (d, &a->due, link)
		if (d->tag == tag)
			return d;
	return NULL;
}

static struct due *first_answered(const struct proof_ask *a)
{
	struct due *d;

	TAILQ_FOREACH (d, &a->due, link)
		if (d->is_answered)
			return d;
	return NULL;
}

/* Answers what was held back for long enough, and waits for the next. */
static void on_no_proof(evutil_socket_t fd, short what, void *ctx)
{
	struct proof_ask *a = ctx;
	struct due *d;

	(void)fd, (void)what;
	a->holds_back = false;
	while ((d = first_answered(a)) != NULL) {
		const uint64_t held_us = clock_mono_us() - d->sent_us;
		const struct timeval rest = {
			0, held_us < NO_PROOF_US ? (suseconds_t)(NO_PROOF_US - held_us) : 0};

		if (rest.tv_usec > 0) {
			a->holds_back = true;
			event_add(a->no_proof, &rest);
			return;
		}
		a->answer = (struct proof_link_answer){.status = d->status};
		end(a, d, &a->answer);
	}
}

static void hold_back(struct proof_ask *a, struct due *d, uint32_t status)
{
	d->is_answered = true;
	d->status = status;
	if (!a->holds_back)
		on_no_proof(-1, 0, a);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct proof_ask *a = ctx;
	struct due *d;

	(void)what;
	for (int i = 0; i < ANSWERS_PER_TURN; i++) {
		const ssize_t n = recv(fd, &a->answer, sizeof a->answer, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (!is_whole(&a->answer, (size_t)n))
			continue;
		d = with_tag(a, a->answer.tag);
		if (d != NULL && a->answer.status == PROOF_LINK_READY)
			end(a, d, &a->answer);
		else if (d != NULL)
			hold_back(a, d, a->answer.status);
	}
}

static void on_check(evutil_socket_t fd, short what, void *ctx)
{
	struct proof_ask *a = ctx;
	const uint64_t now = clock_mono_us();
	struct due *d;

	(void)fd, (void)what;
	while ((d = TAILQ_FIRST(&a->due)) != NULL && now - d->sent_us >= WAIT_US)
		end(a, d, NULL);
}

struct proof_ask *proof_ask_new(struct loop *l, int fd)
{
	static const struct timeval every = {0, CHECK_MS * 1000};
	struct proof_ask *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->fd = fd;
	TAILQ_INIT(&a->due);
	random_fill(&a->tag, sizeof a->tag);
	a->ready = event_new(loop_base(l), fd, EV_READ | EV_PERSIST, on_ready, a);
	a->check = event_new(loop_base(l), -1, EV_PERSIST, on_check, a);
	a->no_proof = evtimer_new(loop_base(l), on_no_proof, a);
	if (a->ready == NULL || a->check == NULL || a->no_proof == NULL ||
		event_add(a->ready, NULL) != 0 || event_add(a->check, &every) != 0) {
		proof_ask_free(a);
		return NULL;
	}
	return a;
}

void proof_ask_free(struct proof_ask *a)
{
	if (a == NULL)
		return;
	if (a->ready != NULL)
		event_free(a->ready);
	if (a->check != NULL)
		event_free(a->check);
	if (a->no_proof != NULL)
		event_free(a->no_proof);
	free(a);
}

static bool has_room_for(const struct proof_ask *a, const char *peer)
{
	const struct due *d;
	unsigned n = 0;

	TAILQ_FOREACH (d, &a->due, link)
		n += strcmp(d->peer, peer) == 0;
	return a->n < DUE_MAX && n < DUE_MAX_OF_PEER;
}

int proof_ask_send(
	struct proof_ask *a, const struct proof_link_request *asked, proof_ask_cb *cb, void *ctx)
{
	struct proof_link_request r = *asked;
	struct due *d;

	if (!has_room_for(a, r.peer))
		return TG_EEVIDENCE;
	d = malloc(sizeof *d);
	if (d == NULL)
		return TG_ENOMEM;
	r.tag = ++a->tag;
	if (send(a->fd, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof r) {
		free(d);
		return TG_EEVIDENCE;
	}
	*d = (struct due){.tag = r.tag, .sent_us = clock_mono_us(), .cb = cb, .ctx = ctx};
	text_copy(d->peer, sizeof d->peer, r.peer);
	TAILQ_INSERT_TAIL(&a->due, d, link);
	a->n++;
	return 0;
}

void proof_ask_forget(struct proof_ask *a, const void *ctx)
{
	struct due *d;

	TAILQ_FOREACH (d, &a->due, link)
		if (d->ctx == ctx) {
			TAILQ_REMOVE(&a->due, d, link);
			a->n--;
			free(d);
			return;
		}
}
