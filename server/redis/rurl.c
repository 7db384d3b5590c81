/*
 * rurl.c: reads a Redis's address from a URL. A host name is looked up here, before the loop runs,
 * because that blocks. Runs in every process that has a store.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <timeglas/errors.h>
#include "redis/rurl.h"

/* Reads "[user]:password", which stands from where up to at. */
static int url_user(struct rurl *u, const char *where, const char *at, char *err, size_t cap)
{
	const char *colon = memchr(where, ':', (size_t)(at - where));

	if (colon == NULL) {
		snprintf(err, cap, "store: a password goes with a colon before it: user:password@");
		return TG_EINVAL;
	}
	if (colon > where && (u->user = strndup(where, (size_t)(colon - where))) == NULL)
		return TG_ENOMEM;
	u->password = strndup(colon + 1, (size_t)(at - colon - 1));
	return u->password != NULL ? 0 : TG_ENOMEM;
}

/* Reads "[[user]:password@]/path". An @ behind the first slash belongs to the path. */
static int url_unix(struct rurl *u, const char *where, char *err, size_t cap)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&u->addr;
	const char *at = memchr(where, '@', strcspn(where, "/")),
		   *path = at != NULL ? at + 1 : where;
	int rc = at != NULL ? url_user(u, where, at, err, cap) : 0;

	if (rc != 0)
		return rc;
	if (path[0] != '/' || strlen(path) >= sizeof un->sun_path) {
		snprintf(err, cap,
			"store: a unix socket needs an absolute path of at most %zu bytes",
			sizeof un->sun_path - 1);
		return TG_EINVAL;
	}
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	snprintf(u->name, sizeof u->name, "unix:%s", path);
	u->addr_len = sizeof *un;
	return 0;
}

/* Reads "[[user]:password@]host:port", and changes it. Brackets around the host, as an IPv6 address
 * has them, are taken off. */
static int url_tcp(struct rurl *u, char *where, char *err, size_t cap)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV},
			*found = NULL;
	char *at = strrchr(where, '@');
	char *host = at != NULL ? at + 1 : where, *port;
	int rc = at != NULL ? url_user(u, where, at, err, cap) : 0;

	if (rc != 0)
		return rc;
	host[strcspn(host, "/")] = '\0';
	port = strrchr(host, ':');
	if (port == NULL || port == host || port[1] == '\0') {
		snprintf(err, cap, "store: write redis://host:port");
		return TG_EINVAL;
	}
	*port++ = '\0';
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	snprintf(u->name, sizeof u->name, "%s port %s", host, port);
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0) {
		snprintf(err, cap, "store: %s: %s", host, gai_strerror(rc));
		return TG_EINVAL;
	}
	memcpy(&u->addr, found->ai_addr, found->ai_addrlen);
	u->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int rurl_parse(struct rurl *u, const char *url, char *err, size_t cap)
{
	char *copy;
	int rc;

	memset(u, 0, sizeof *u);
	if (strncmp(url, "unix://", 7) == 0)
		return url_unix(u, url + 7, err, cap);
	if (strncmp(url, "redis://", 8) != 0) {
		snprintf(
			err, cap, "store: write unix:///path or redis://[user:password@]host:port");
		return TG_EINVAL;
	}
	copy = strdup(url + 8);
	if (copy == NULL) {
		snprintf(err, cap, "out of memory");
		return TG_ENOMEM;
	}
	rc = url_tcp(u, copy, err, cap);
	explicit_bzero(copy, strlen(copy));
	free(copy);
	return rc;
}

void rurl_clear(struct rurl *u)
{
	if (u->password != NULL)
		explicit_bzero(u->password, strlen(u->password));
	free(u->password);
	free(u->user);
	memset(u, 0, sizeof *u);
}
