/*
 * sockets.c: binds what the children listen on. It accepts nothing. Runs in the master, which keeps
 * the sockets: a worker that dies loses its connections, but not those still waiting to be
 * accepted, which another worker takes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "master/sockets.h"
#include "net/listener.h"

/* SO_REUSEPORT lets a second timeglasd join the first one's port without a word, so ask without it
 * first. */
static bool is_taken(const char *host, uint16_t port)
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

static int open_one(
	const char *host, uint16_t port, uint16_t *bound, bool first, char *err, size_t cap)
{
	if (first && is_taken(host, port)) {
		snprintf(err, cap,
			"%s port %u is in use; stop what listens there or choose another port",
			host, (unsigned)port);
		return -1;
	}
	return listener_bind(host, port, bound, err, cap);
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
	return 0;
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
