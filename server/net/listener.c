/*
 * listener.c: binding (in the master) and accepting (in workers and the admin process). It knows
 * nothing of what is spoken on the connections.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/tally.h"
#include "net/listener.h"

#define BACKLOG 4096        /* the kernel takes no more than net.core.somaxconn */
#define ACCEPTS_PER_TURN 64 /* then the connections that are already here get their turn */
#define BACKOFF_MS 100

static struct tally shortage = {.event = "descriptors-short"};

enum listener_state {
	LISTENER_ON,
	LISTENER_BACKING_OFF, /* no descriptor was to be had; the timer ends it */
	LISTENER_OFF,         /* by listener_enable() */
	LISTENER_FREED        /* the memory goes when the accept loop has returned */
};

struct listener {
	int fd;
	enum listener_state state;
	unsigned depth; /* > 0 while inside the accept loop: freeing waits */
	listener_cb *cb;
	listener_relief_cb *relief;
	void *ctx;
	struct event ev, timer;
};

static int bind_one(const struct addrinfo *ai, uint16_t *out_port)
{
	const int one = 1;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} at = {0};
	socklen_t len = sizeof at;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
		bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, &at.sa, &len) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	if (out_port)
		*out_port = ntohs(at.sa.sa_family == AF_INET6 ? at.in6.sin6_port : at.in.sin_port);
	return fd;
}

bool listener_is_taken(const char *host, uint16_t port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_six = inet_pton(AF_INET6, host, &six.sin6_addr) == 1, taken;
	const int one = 1;
	int fd;

	if (port == 0 || (!is_six && inet_pton(AF_INET, host, &four.sin_addr) != 1))
		return false;
	fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	taken = (is_six ? bind(fd, (const struct sockaddr *)&six, sizeof six) :
			  bind(fd, (const struct sockaddr *)&four, sizeof four)) != 0 &&
		errno == EADDRINUSE;
	close(fd);
	return taken;
}

int listener_bind(const char *host, uint16_t port, uint16_t *out_port, char *err, size_t cap)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char service[8];
	int fd = -1, rc;

	snprintf(service, sizeof service, "%u", (unsigned)port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		snprintf(err, cap, "%s: %s", host, gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = bind_one(ai, out_port);
	if (fd < 0)
		snprintf(err, cap, "%s port %u: %s", host, (unsigned)port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

/* Level-triggered: a connection that waits would wake us again and again while no descriptor is to
 * be had, so the event is there in LISTENER_ON alone. */
static void enter(struct listener *x, enum listener_state to)
{
	static const struct timeval backoff = {.tv_usec = BACKOFF_MS * 1000};

	if (x->state == to)
		return;
	event_del(&x->ev);
	event_del(&x->timer);
	x->state = to;
	if (to == LISTENER_ON)
		event_add(&x->ev, NULL);
	else if (to == LISTENER_BACKING_OFF)
		event_add(&x->timer, &backoff);
}

static void on_backoff_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	enter(arg, LISTENER_ON);
}

static void on_acceptable(evutil_socket_t lfd, short what, void *arg)
{
	struct listener *x = arg;

	(void)what;
	x->depth++;
	for (int i = 0; i < ACCEPTS_PER_TURN && x->state == LISTENER_ON; i++) {
		int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			x->cb(fd, x->ctx);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM) {
			tally_note(&shortage, "a connection waits, and none can be taken: %s",
				strerror(errno));
			if ((x->relief == NULL || !x->relief(x->ctx)) && x->state == LISTENER_ON)
				enter(x, LISTENER_BACKING_OFF);
			break;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL ||
			errno == EBADF) {
			break;
		} /* any other error (ECONNABORTED, EINTR, …) concerns that connection alone */
	}
	if (--x->depth == 0 && x->state == LISTENER_FREED)
		free(x);
}

struct listener *listener_new(struct loop *l, int fd, listener_cb *cb, void *ctx)
{
	struct listener *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->fd = fd;
	x->cb = cb;
	x->ctx = ctx;
	x->state = LISTENER_ON;
	event_assign(&x->ev, loop_base(l), fd, EV_READ | EV_PERSIST, on_acceptable, x);
	event_assign(&x->timer, loop_base(l), -1, 0, on_backoff_over, x);
	if (event_add(&x->ev, NULL) < 0) {
		free(x);
		return NULL;
	}
	return x;
}

void listener_set_relief(struct listener *x, listener_relief_cb *cb)
{
	x->relief = cb;
}

void listener_enable(struct listener *x, bool on)
{
	if (!on)
		enter(x, LISTENER_OFF);
	else if (x->state == LISTENER_OFF)
		enter(x, LISTENER_ON);
}

void listener_free(struct listener *x)
{
	if (!x)
		return;
	enter(x, LISTENER_FREED);
	if (x->depth == 0)
		free(x);
}
