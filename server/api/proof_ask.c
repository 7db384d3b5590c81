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

#define DUE_MAX 128u        /* requests of a worker that the recorder has not answered */
#define WAIT_US 1500000u    /* then it is taken to be away */
#define CHECK_MS 250u       /* how often that is looked for */
#define ANSWERS_PER_TURN 16 /* before other events */

struct due {
	uint64_t tag, sent_us;
	proof_ask_cb *cb;
	void *ctx;
	TAILQ_ENTRY(due) link;
};
TAILQ_HEAD(due_list, due);

struct proof_ask {
	int fd;
	struct event *ready, *check;
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
	const size_t head = offsetof(struct proof_link_answer, bytes);

	return n >= head && r->line_n <= PROOF_LINK_LINE_MAX && r->text_n <= PROOF_LINK_TEXT_MAX &&
		n == head + r->line_n + r->text_n;
}

static struct due *with_tag(const struct proof_ask *a, uint64_t tag)
{
	struct due *d;

	TAILQ_FOREACH (d, &a->due, link)
		if (d->tag == tag)
			return d;
	return NULL;
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
		if (d != NULL)
			end(a, d, &a->answer);
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
	if (a->ready == NULL || a->check == NULL || event_add(a->ready, NULL) != 0 ||
		event_add(a->check, &every) != 0) {
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
	free(a);
}

int proof_ask_send(struct proof_ask *a, const char *event, proof_ask_cb *cb, void *ctx)
{
	struct proof_link_request r = {.tag = ++a->tag};
	struct due *d;

	if (a->n >= DUE_MAX)
		return TG_EEVIDENCE;
	d = malloc(sizeof *d);
	if (d == NULL)
		return TG_ENOMEM;
	text_copy(r.event, sizeof r.event, event);
	if (send(a->fd, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof r) {
		free(d);
		return TG_EEVIDENCE;
	}
	*d = (struct due){.tag = r.tag, .sent_us = clock_mono_us(), .cb = cb, .ctx = ctx};
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
