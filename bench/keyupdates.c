/*
 * keyupdates.c: timeglas-bench keyupdates: a hostile client with a certificate. It sends TLS 1.3
 * key updates (RFC 8446, section 4.6.3) and nothing else over several connections, and connects
 * again when the server closes one. It tells how many it sent. bench/floods.py uses it.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "args.h"
#include "bench.h"
#include "commands.h"
#include "gconn.h"

#define CONNECTIONS_MAX 64u
#define STEP_US 2000
#define BATCH 64u /* updates in one write */

struct flood {
	const char *host, *ca, *cert, *key;
	unsigned port, connections;
	uint64_t rate; /* key updates a second, of each connection */
	double seconds;
	SSL_CTX *tls;
};

struct flooder {
	SSL *ssl; /* NULL: not connected */
	int fd;
	BIO *out; /* records that TLS has made; they are sent in batches */
	uint64_t due;
};

static uint64_t sent, cut, opened;

static void hang_up(struct flooder *f)
{
	if (f->ssl != NULL) {
		SSL_free(f->ssl);
		close(f->fd);
		cut++;
	}
	f->ssl = NULL;
}

static bool call(struct flooder *f, const struct flood *o)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)o->port),
		.sin_addr.s_addr = inet_addr(o->host)};
	const struct timeval patience = {.tv_sec = 2};
	const int one = 1;

	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return false;
	setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(f->fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
		(f->ssl = SSL_new(o->tls)) != NULL) {
		SSL_set_fd(f->ssl, f->fd);
		if (SSL_connect(f->ssl) == 1 && (f->out = BIO_new(BIO_s_mem())) != NULL) {
			SSL_set0_wbio(f->ssl, f->out);
			opened++;
			return true;
		}
		SSL_free(f->ssl);
		f->ssl = NULL;
	}
	close(f->fd);
	return false;
}

static bool send_batch(struct flooder *f, uint64_t n)
{
	char *p;
	long len;

	for (uint64_t i = 0; i < n; i++)
		if (SSL_key_update(f->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
			SSL_do_handshake(f->ssl) != 1)
			return false;
	len = BIO_get_mem_data(f->out, &p);
	for (long at = 0; at < len;) {
		ssize_t w = send(f->fd, p + at, (size_t)(len - at), MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		at += w;
	}
	(void)BIO_reset(f->out);
	sent += n;
	return true;
}

static void run(const struct flood *o)
{
	struct flooder f[CONNECTIONS_MAX] = {{0}};
	int64_t begun = bench_wall_us(), now;

	while ((now = bench_wall_us() - begun) < (int64_t)(o->seconds * 1e6)) {
		for (unsigned i = 0; i < o->connections; i++) {
			uint64_t due = (uint64_t)now * o->rate / 1000000;

			/* Updates missed by more than a tenth of a second are not made up for. */
			if (due - f[i].due > o->rate / 10)
				f[i].due = due - o->rate / 10;
			if (f[i].ssl == NULL && !call(&f[i], o))
				continue;
			while (f[i].ssl != NULL && f[i].due < due) {
				uint64_t n = due - f[i].due < BATCH ? due - f[i].due : BATCH;

				if (!send_batch(&f[i], n))
					hang_up(&f[i]);
				f[i].due += n;
			}
		}
		bench_sleep_until_us(begun + now + STEP_US);
	}
	for (unsigned i = 0; i < o->connections; i++) {
		if (f[i].ssl == NULL)
			continue;
		SSL_free(f[i].ssl);
		close(f[i].fd);
	}
	printf("%llu key updates in %g s over %u connections; %llu handshakes, cut %llu times\n",
		(unsigned long long)sent, o->seconds, o->connections, (unsigned long long)opened,
		(unsigned long long)cut);
}

static int usage(FILE *out)
{
	fputs("usage: timeglas-bench keyupdates --port N --ca FILE --cert FILE --key FILE "
	      "[OPTION…]\n\n"
	      "  --host ADDRESS    127.0.0.1\n"
	      "  --connections N   so many at once (8)\n"
	      "  --rate N          key updates a second, of each (30000)\n"
	      "  --seconds S       (3)\n\n"
	      "A flood of TLS key updates, for bench/floods.py. Only to servers of your own.\n",
		out);
	return out == stdout ? 0 : 2;
}

int keyupdates_main(int argc, char **argv, const char *dir)
{
	static const struct option options[] = {
		{"host", 1, NULL, 'h'},
		{"port", 1, NULL, 'p'},
		{"ca", 1, NULL, 'a'},
		{"cert", 1, NULL, 'c'},
		{"key", 1, NULL, 'k'},
		{"connections", 1, NULL, 'n'},
		{"rate", 1, NULL, 'r'},
		{"seconds", 1, NULL, 's'},
		{"help", 0, NULL, '?' + 1},
		{0},
	};
	struct flood o = {.host = "127.0.0.1", .connections = 8, .rate = 30000, .seconds = 3};
	int opt;

	(void)dir;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			o.host = optarg;
			break;
		case 'p':
			o.port = (unsigned)args_number(optarg, strlen(optarg), 65535);
			break;
		case 'a':
			o.ca = optarg;
			break;
		case 'c':
			o.cert = optarg;
			break;
		case 'k':
			o.key = optarg;
			break;
		case 'n':
			o.connections =
				(unsigned)args_number(optarg, strlen(optarg), CONNECTIONS_MAX);
			break;
		case 'r':
			o.rate = args_number(optarg, strlen(optarg), 1000000);
			break;
		case 's':
			o.seconds = args_seconds(optarg);
			break;
		case '?' + 1:
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc || o.port == 0 || o.ca == NULL || o.cert == NULL || o.key == NULL)
		return usage(stderr);
	o.tls = gconn_tls(o.ca, o.cert, o.key);
	run(&o);
	SSL_CTX_free(o.tls);
	return 0;
}
