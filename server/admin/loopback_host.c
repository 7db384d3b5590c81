/* loopback_host.c: see loopback_host.h. Pure; runs in the admin process. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "admin/loopback_host.h"

static bool host_is(struct h1_str host, const char *name)
{
	return host.n == strlen(name) && strncasecmp(host.p, name, host.n) == 0;
}

static bool below_localhost(struct h1_str host)
{
	static const char tail[] = ".localhost";
	const size_t n = sizeof tail - 1;

	return host.n > n && strncasecmp(host.p + host.n - n, tail, n) == 0;
}

static bool is_loopback_address(struct h1_str host)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (host.n > 2 && text[0] == '[' && text[host.n - 1] == ']') {
		text[host.n - 1] = '\0';
		return inet_pton(AF_INET6, text + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	}
	return inet_pton(AF_INET, text, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static struct h1_str without_port(struct h1_str host)
{
	size_t n = host.n;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n > 0 && host.p[n - 1] == ':')
		host.n = n - 1;
	return host;
}

bool loopback_host(struct h1_str host)
{
	host = without_port(host);
	return host_is(host, "localhost") || below_localhost(host) || is_loopback_address(host);
}
