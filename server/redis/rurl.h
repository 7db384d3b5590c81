/*
 * rurl.h: reads the address of a Redis, and the user and password for it, from a URL:
 * "unix:///path", perhaps with "[user]:password@" before the path, or
 * "redis://[[user]:password@]host:port".
 */
#ifndef REDIS_RURL_H
#define REDIS_RURL_H

#include <stddef.h>
#include <sys/socket.h>

struct rurl {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char *user, *password; /* NULL: none */
	char name[128];        /* the address, for messages: without user and password */
};

/**
 * Reads a URL. Looks a host name up, which blocks.
 *
 * @u    filled in; to be cleared by rurl_clear(), also after a failure
 * @err  of cap bytes: what is wrong with the URL
 *
 * Returns 0, TG_EINVAL or TG_ENOMEM.
 */
int rurl_parse(struct rurl *u, const char *url, char *err, size_t cap);
/** Frees user and password; the password is overwritten first. */
void rurl_clear(struct rurl *u);

#endif
