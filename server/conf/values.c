/* values.c: see values.h. Runs where a configuration is read. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "conf/suggest.h"
#include "conf/values.h"
#include "core/chain.h"
#include "core/num.h"

#define SOCKET_PATH_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path) /* the NUL included */
/* of the folder, without a NUL: "/" and the socket's name, with the NUL, follow */
#define RUN_DIR_MAX (SOCKET_PATH_BYTES - sizeof("/" CONF_SOCKET_NAME))

int values_number(const char *text, bool is_size, uint64_t min, uint64_t max, uint64_t *out,
	char *why, size_t cap)
{
	uint64_t v = 0;
	int bad = is_size ? tg_num_size(text, strlen(text), UINT64_MAX, &v) :
			    tg_num_u64(text, strlen(text), UINT64_MAX, &v);

	if (bad != 0) {
		snprintf(why, cap, "'%s' is not a %s; write digits%s", text,
			is_size ? "size" : "number",
			is_size ? ", perhaps with KiB, MiB or GiB" : " only");
		return TG_EINVAL;
	}
	if (v < min || v > max) {
		snprintf(why, cap, "%s is out of bounds; give %llu to %llu", text,
			(unsigned long long)min, (unsigned long long)max);
		return TG_EINVAL;
	}
	*out = v;
	return 0;
}

static bool is_loopback(int family, const unsigned char addr[16])
{
	static const unsigned char six[16] = {[15] = 1};

	return family == AF_INET ? addr[0] == 127 : memcmp(addr, six, sizeof six) == 0;
}

/* Splits the text at its last colon. Returns the family, or -1. */
static int split_address(const char *text, char host[CONF_HOST_CHARS], uint64_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	if (colon == NULL || n >= CONF_HOST_CHARS ||
		tg_num_u64(colon + 1, strlen(colon + 1), UINT16_MAX, port) != 0)
		return -1;
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		snprintf(host, CONF_HOST_CHARS, "%.*s", (int)n - 2, text + 1);
		return AF_INET6;
	}
	snprintf(host, CONF_HOST_CHARS, "%.*s", (int)n, text);
	if (strcmp(host, "localhost") == 0)
		snprintf(host, CONF_HOST_CHARS, "127.0.0.1");
	return AF_INET;
}

int values_address(const char *text, bool loopback, char host[CONF_HOST_CHARS], uint16_t *port,
	char *why, size_t cap)
{
	unsigned char addr[16];
	char read[CONF_HOST_CHARS];
	uint64_t number;
	int family = split_address(text, read, &number);

	if (family < 0 || inet_pton(family, read, addr) != 1) {
		snprintf(why, cap, "'%s' is not an address; write 127.0.0.1:8443 or [::1]:8443",
			text);
		return TG_EINVAL;
	}
	if (loopback && !is_loopback(family, addr)) {
		snprintf(why, cap,
			"%s is not this machine's own; the admin plane has no access control: use "
			"127.0.0.1 or [::1]",
			text);
		return TG_EINVAL;
	}
	memcpy(host, read, sizeof read);
	*port = (uint16_t)number;
	return 0;
}

static int choose(const char *what, const char *text, const char *const *words, size_t n, int *out,
	char *why, size_t cap)
{
	const int i = suggest_choose(what, text, words, n, why, cap);

	if (i < 0)
		return TG_EINVAL;
	*out = i;
	return 0;
}

int values_level(const char *text, int *out, char *why, size_t cap)
{
#define X_(id, name) [id] = (name),
	static const char *const levels[] = {LOG_LEVELS(X_)};
#undef X_

	return choose("log level", text, levels, sizeof levels / sizeof *levels, out, why, cap);
}

int values_wipe(const char *text, int *out, char *why, size_t cap)
{
#define X_(id, word) [CONF_WIPE_##id] = (word),
	static const char *const words[] = {CONF_WIPES(X_)};
#undef X_

	return choose("store_wipe", text, words, sizeof words / sizeof *words, out, why, cap);
}

/* "unix:///path" or "unix://user:password@/path". Returns the path, or NULL. */
static const char *socket_of(const char *url)
{
	const char *path = strncmp(url, "unix://", 7) == 0 ? strchr(url + 7, '/') : NULL;

	return path != NULL && path[1] != '\0' && (path == url + 7 || path[-1] == '@') ? path :
											 NULL;
}

/* "redis://host:port" or "redis://user:password@host:port" */
static bool is_tcp(const char *url)
{
	const char *host, *colon;
	uint64_t port;

	if (strncmp(url, "redis://", 8) != 0)
		return false;
	host = strrchr(url, '@');
	host = host != NULL ? host + 1 : url + 8;
	colon = strrchr(host, ':');
	return colon != NULL && colon > host && strchr(host, '/') == NULL &&
		tg_num_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port) == 0 && port > 0;
}

int values_check_url(const char *text, char *why, size_t cap)
{
	const char *path = socket_of(text);

	if (path != NULL && strlen(path) >= SOCKET_PATH_BYTES) {
		snprintf(why, cap, "the socket's path is too long; at most %zu bytes",
			SOCKET_PATH_BYTES - 1);
		return TG_EINVAL;
	}
	if (path != NULL || is_tcp(text))
		return 0;
	snprintf(why, cap,
		"not a store's URL; write unix:///path or redis://[user:password@]host:port, or "
		"leave it out for the embedded one");
	return TG_EINVAL;
}

int values_check_origin(const char *text, char *why, size_t cap)
{
	if (chain_is_origin((struct chain_text){text, strlen(text)}))
		return 0;
	snprintf(why, cap,
		"'%s' cannot be the name of a log; write 1 to 127 visible ASCII characters "
		"without a quote, backslash or plus, such as timeglas.example.org/2026",
		text);
	return TG_EINVAL;
}

int values_check_run_dir(const char *path, char *why, size_t cap)
{
	if (path[0] == '/' && strlen(path) <= RUN_DIR_MAX)
		return 0;
	snprintf(why, cap,
		"'%s' is relative or too long for a socket; give an absolute path of at most %zu "
		"bytes",
		path, RUN_DIR_MAX);
	return TG_EINVAL;
}
