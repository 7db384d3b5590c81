/* target.c: see target.h. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/num.h"
#include "courier/target.h"

/* What may stand in an authority and a path that goes into a request as it is. */
static bool is_plain(const char *s)
{
	return s[strspn(s,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		       "-._~/:[]%")] == '\0';
}

int target_parse(const char *url, struct target *out)
{
	const char *at = strstr(url, "://"), *path, *port;
	char *host = out->host;
	uint64_t number;
	size_t n;

	*out = (struct target){.tls = strncmp(url, "https://", 8) == 0};
	if (at == NULL || (!out->tls && strncmp(url, "http://", 7) != 0) ||
		strlen(url) > POLICY_URL_MAX || !is_plain(at + 3))
		return TG_EINVAL;
	at += 3;
	path = at + strcspn(at, "/");
	snprintf(out->authority, sizeof out->authority, "%.*s", (int)(path - at), at);
	snprintf(out->prefix, sizeof out->prefix, "%s", path);
	for (n = strlen(out->prefix); n > 0 && out->prefix[n - 1] == '/'; n--)
		out->prefix[n - 1] = '\0';
	snprintf(out->port, sizeof out->port, "%s", out->tls ? "443" : "80");
	n = strcspn(out->authority, ":");
	if (out->authority[0] == '[') {
		n = strcspn(out->authority, "]");
		snprintf(host, sizeof out->host, "%.*s", (int)(n > 0 ? n - 1 : 0),
			out->authority + 1);
		n += out->authority[n] == ']';
	} else {
		snprintf(host, sizeof out->host, "%.*s", (int)n, out->authority);
	}
	port = out->authority + n;
	if (*port == ':' && strlen(port) > 1 && strlen(port) < 7 &&
		tg_num_u64(port + 1, strlen(port + 1), UINT16_MAX, &number) == 0 && number > 0)
		snprintf(out->port, sizeof out->port, "%u", (unsigned)(uint16_t)number);
	else if (*port != '\0')
		return TG_EINVAL;
	return host[0] != '\0' ? 0 : TG_EINVAL;
}

void target_add(struct target_addresses *x, const struct sockaddr *addr, socklen_t len)
{
	if (x->n == TARGET_ADDRESSES_MAX || len > sizeof x->at->sa)
		return;
	memcpy(&x->at[x->n].sa, addr, len);
	x->at[x->n++].len = len;
}

bool target_is_numeric(const struct target *t, struct target_addresses *out)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found = NULL;

	out->n = 0;
	if (getaddrinfo(t->host, t->port, &hints, &found) != 0)
		return false;
	target_add(out, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return out->n > 0;
}
