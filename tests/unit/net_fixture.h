/* net_fixture.h: what the tests of net and http share: a throwaway CA with certificates, loopback
 * sockets, a loop with an end, descriptors counted. */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/file.h"
#include "conf/pem.h"
#include "net/loop.h"
#include "net/tls.h"

#define BRIEF_S 3

struct pki {
	char dir[64];
	char ca[96], server[96], server_key[96], client[96], client_key[96], stranger[96],
		stranger_key[96];
	char brief[96], brief_key[96]; /* as client, for BRIEF_S seconds */
	/* vouched for by ca, and says nothing of what it may be used for */
	char unfit[96], unfit_key[96];
};

static inline void pki_die(const char *what)
{
	fprintf(stderr, "pki: %s failed\n", what);
	abort();
}

static inline void pki_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	if (!f || (cert && PEM_write_X509(f, cert) != 1) ||
		(key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1))
		pki_die(path);
	fclose(f);
}

/* issuer NULL: self-signed, a CA. */
static inline X509 *pki_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	X509 *c = X509_new();
	X509_NAME *n = X509_get_subject_name(c);
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c), -60);
	X509_gmtime_adj(X509_getm_notAfter(c), strcmp(name, "brief") == 0 ? BRIEF_S : 3600);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : n);
	X509_set_pubkey(c, key);
	X509V3_set_ctx(&ctx, issuer ? issuer : c, c, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(
		NULL, &ctx, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (!e || X509_add_ext(c, e, -1) != 1)
		pki_die("extension");
	X509_EXTENSION_free(e);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage,
		strcmp(name, "localhost") == 0 ? "serverAuth" : "clientAuth");
	if (!e || (issuer && strcmp(name, "unfit") != 0 && X509_add_ext(c, e, -1) != 1) ||
		X509_sign(c, issuer_key, EVP_sha256()) == 0)
		pki_die("certificate");
	X509_EXTENSION_free(e);
	return c;
}

/* tls_server_ctx() of files; NULL: err says why. */
static inline SSL_CTX *pki_server_ctx(
	const char *cert, const char *key, const char *ca, char *err, size_t cap)
{
	const char *const path[] = {cert, key, ca};
	struct file_bytes file[3] = {0};
	struct tls_pem pem[3];
	SSL_CTX *ctx = NULL;
	int rc = 0;

	for (size_t i = 0; i < 3 && rc == 0; i++) {
		rc = file_read(path[i], 512u << 10, &file[i], err, cap);
		pem[i] = (struct tls_pem){path[i], file[i].b, file[i].n};
	}
	if (rc == 0)
		ctx = tls_server_ctx(&pem[0], &pem[1], &pem[2], err, cap);
	for (size_t i = 0; i < 3; i++)
		file_free(&file[i]);
	return ctx;
}

static inline void pki_make(struct pki *p)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
	X509 *ca = pki_cert("ca", ca_key, NULL, ca_key),
	     *other = pki_cert("other ca", other_key, NULL, other_key);
	struct {
		const char *name;
		char *cert, *key;
		X509 *ca;
		EVP_PKEY *ca_key;
	} want[] = {
		{"localhost", p->server, p->server_key, ca, ca_key},
		{"client", p->client, p->client_key, ca, ca_key},
		{"stranger", p->stranger, p->stranger_key, other, other_key},
		{"brief", p->brief, p->brief_key, ca, ca_key},
		{"unfit", p->unfit, p->unfit_key, ca, ca_key},
	};

	strcpy(p->dir, "/tmp/tg-unit-XXXXXX");
	if (!mkdtemp(p->dir))
		pki_die("mkdtemp");
	snprintf(p->ca, sizeof p->ca, "%s/ca.pem", p->dir);
	pki_write(p->ca, ca, NULL);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		EVP_PKEY *k = EVP_EC_gen("P-256");
		X509 *c = pki_cert(want[i].name, k, want[i].ca, want[i].ca_key);

		snprintf(want[i].cert, 96, "%s/%s.pem", p->dir, want[i].name);
		snprintf(want[i].key, 96, "%s/%s.key", p->dir, want[i].name);
		pki_write(want[i].cert, c, NULL);
		pki_write(want[i].key, NULL, k);
		X509_free(c);
		EVP_PKEY_free(k);
	}
	X509_free(ca);
	X509_free(other);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
}

static inline void pki_remove(struct pki *p)
{
	const char *file[] = {p->ca, p->server, p->server_key, p->client, p->client_key,
		p->stranger, p->stranger_key, p->unfit, p->unfit_key, p->brief, p->brief_key};

	for (size_t i = 0; i < sizeof file / sizeof *file; i++)
		unlink(file[i]);
	rmdir(p->dir);
}

/* A client's context; cert NULL: without a certificate of its own. */
static inline SSL_CTX *pki_client_ctx(const struct pki *p, const char *cert, const char *key)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	SSL_CTX_load_verify_file(c, p->ca);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	if (cert &&
		(SSL_CTX_use_certificate_chain_file(c, cert) != 1 ||
			SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1))
		pki_die(cert);
	return c;
}

/* A pair of non-blocking TCP sockets over loopback. */
static inline int tcp_pair(int fd[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = -1;

	if (bind(l, (struct sockaddr *)&at, sizeof at) == 0 && listen(l, 1) == 0 &&
		getsockname(l, (struct sockaddr *)&at, &len) == 0) {
		fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		rc = connect(fd[0], (struct sockaddr *)&at, sizeof at);
		fd[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		evutil_make_socket_nonblocking(fd[0]);
	}
	close(l);
	return rc;
}

static inline unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static inline void loop_time_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	loop_stop(arg);
}

/* Runs until loop_stop() or for ms. Returns false when the time was up. */
static inline bool loop_run_for(struct loop *l, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	struct event *e = evtimer_new(loop_base(l), loop_time_up, l);
	bool stopped;

	evtimer_add(e, &tv);
	loop_run(l);
	stopped = evtimer_pending(e, NULL) != 0;
	event_free(e);
	return stopped;
}

/* Runs until the condition holds; gives up after 20 s, so that the assertion behind it fails. */
#define LOOP_UNTIL(l, condition) \
	do { \
		for (int slice_ = 0; slice_ < 4000 && !(condition); slice_++) \
			loop_run_for(l, 5); \
	} while (0)

#endif
