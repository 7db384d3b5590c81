/* rurl.h: where a Redis is and who we are to it: "unix:///path" perhaps with "[user]:password@"
 * before the path, or "redis://[[user]:password@]host:port". */
#ifndef REDIS_RURL_H
#define REDIS_RURL_H

#include <stddef.h>
#include <sys/socket.h>

struct rurl {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char *user, *password; /* NULL: none */
	char name[128];        /* where it is, for messages: nothing of who we are */
};

/** rurl_parse(u, url, err, cap): 0, TG_EINVAL or TG_ENOMEM, and err says what is wrong.
 * rurl_clear() in either case. May look a host name up. */
int rurl_parse(struct rurl *u, const char *url, char *err, size_t cap);
void rurl_clear(struct rurl *u);

#endif
