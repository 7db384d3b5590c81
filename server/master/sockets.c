/* sockets.c: see sockets.h. It accepts nothing. Runs in the master, and where a child closes what
 * it does not need. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "master/sockets.h"
#include "net/listener.h"

static int open_one(
	const char *host, uint16_t port, uint16_t *bound, bool first, char *err, size_t cap)
{
	if (first && listener_is_taken(host, port)) {
		snprintf(err, cap,
			"%s port %u is in use; stop what listens there or choose another port",
			host, (unsigned)port);
		return -1;
	}
	return listener_bind(host, port, bound, err, cap);
}

static int open_pairs(struct sockets *s, char *err, size_t cap)
{
	for (unsigned i = 0; i < s->n; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
			snprintf(err, cap, "cannot make a pair of sockets: %s", strerror(errno));
			return TG_EIO;
		}
		s->ask[i] = pair[0];
		s->answer[i] = pair[1];
	}
	return 0;
}

int sockets_open(struct sockets *s, const struct conf *c, char *err, size_t cap)
{
	s->admin = open_one(c->admin_host, c->admin_port, &s->admin_port, true, err, cap);
	if (s->admin < 0)
		return TG_EIO;
	s->port = c->listen_port;
	for (s->n = 0; s->n < c->workers && s->n < CONF_WORKERS_MAX; s->n++) {
		s->worker[s->n] = open_one(c->listen_host, s->port, &s->port, s->n == 0, err, cap);
		if (s->worker[s->n] < 0) {
			sockets_close_but(s, -1);
			return TG_EIO;
		}
	}
	return open_pairs(s, err, cap);
}

void sockets_close_proofs_but(struct sockets *s, int worker, bool recorder)
{
	for (unsigned i = 0; i < s->n; i++) {
		if ((int)i != worker)
			close(s->ask[i]);
		if (!recorder)
			close(s->answer[i]);
	}
}

void sockets_close_but(struct sockets *s, int keep)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (s->worker[i] != keep)
			close(s->worker[i]);
	if (s->admin != keep)
		close(s->admin);
}

void sockets_close_admin(struct sockets *s)
{
	close(s->admin);
}
