/* https.c: see https.h. It checks the server's certificate, and of an answer no more than it needs.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "bench.h"
#include "https.h"

#define HEAD_MAX 2048
#define PATIENCE_S 20

struct https {
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
	const struct server *server;
	size_t body; /* where the content begins in in[] */
	char in[HEAD_MAX + HTTPS_BODY_MAX + 1];
};

static int dial(const struct server *s)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct addrinfo *a = NULL;
	int fd = -1, one = 1;

	if (getaddrinfo(s->host, s->port, &hints, &a) == 0)
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		bench_die("cannot connect to %s:%s: %s", s->host, s->port, strerror(errno));
	freeaddrinfo(a);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

struct https *https_open(const struct server *s, const char *cert, const char *key)
{
	struct https *h = bench_alloc(1, sizeof *h);

	h->server = s;
	h->fd = dial(s);
	h->tls = SSL_CTX_new(TLS_client_method());
	if (h->tls == NULL || SSL_CTX_set_min_proto_version(h->tls, TLS1_3_VERSION) != 1 ||
		SSL_CTX_load_verify_locations(h->tls, s->ca, NULL) != 1 ||
		SSL_CTX_use_certificate_chain_file(h->tls, cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(h->tls, key, SSL_FILETYPE_PEM) != 1)
		bench_die("cannot use %s", cert);
	SSL_CTX_set_verify(h->tls, SSL_VERIFY_PEER, NULL);
	h->ssl = SSL_new(h->tls);
	if (h->ssl == NULL || SSL_set_fd(h->ssl, h->fd) != 1 || SSL_connect(h->ssl) != 1)
		bench_die("TLS with %s:%s failed: %s", s->host, s->port,
			ERR_reason_error_string(ERR_get_error()));
	return h;
}

void https_close(struct https *h)
{
	SSL_free(h->ssl);
	SSL_CTX_free(h->tls);
	close(h->fd);
	free(h);
}

const char *https_body(const struct https *h)
{
	return h->in + h->body;
}

/* The value of Content-Length in a complete head. Every answer that the benchmarks ask for has it.
 */
static size_t content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\nContent-Length:");
	unsigned long n = at != NULL ? strtoul(at + 17, NULL, 10) : HTTPS_BODY_MAX + 1;

	if (n > HTTPS_BODY_MAX)
		bench_die("unexpected answer: %.*s", (int)strcspn(head, "\r\n"), head);
	return n;
}

static int receive(struct https *h)
{
	size_t have = 0, want = 0;
	const char *end = NULL;
	int n;

	h->body = 0;
	while (end == NULL || have < want) {
		n = SSL_read(h->ssl, h->in + have, (int)(sizeof h->in - 1 - have));
		if (n <= 0)
			bench_die(
				"the server broke off, or did not answer within %d s", PATIENCE_S);
		have += (size_t)n;
		h->in[have] = '\0';
		if (end == NULL && (end = strstr(h->in, "\r\n\r\n")) != NULL) {
			h->body = (size_t)(end + 4 - h->in);
			want = h->body + content_length(h->in);
		}
	}
	return strncmp(h->in, "HTTP/1.1 ", 9) == 0 ? (int)strtol(h->in + 9, NULL, 10) : 0;
}

int https_call(struct https *h, const char *method, const char *path, const char *fields,
	const void *body, size_t n)
{
	char out[HEAD_MAX + HTTPS_BODY_MAX];
	int len = snprintf(out, HEAD_MAX,
		"%s %s HTTP/1.1\r\nHost: %s:%s\r\n%sContent-Length: %zu\r\n\r\n", method, path,
		h->server->host, h->server->port, fields, n);

	if (len >= HEAD_MAX || n > HTTPS_BODY_MAX)
		bench_die("a request is too long");
	if (n > 0)
		memcpy(out + len, body, n);
	if (SSL_write(h->ssl, out, len + (int)n) != len + (int)n)
		bench_die("cannot send to the server");
	return receive(h);
}
