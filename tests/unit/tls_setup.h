/*
 * tls_setup.h: the TLS contexts of both sides for a test program: a throwaway authority, a server
 * and a client that trust each other. For tests of streams and of the HTTP server.
 */
#ifndef TESTS_TLS_SETUP_H
#define TESTS_TLS_SETUP_H

#include "net_fixture.h"
#include "net/tls.h"

static struct pki pki;
static SSL_CTX *server_ctx, *client_ctx;

static inline int tls_setup(void **state)
{
	char err[256];

	(void)state;
	pki_make(&pki);
	server_ctx = pki_server_ctx(pki.server, pki.server_key, pki.ca, err, sizeof err);
	client_ctx = pki_client_ctx(&pki, pki.client, pki.client_key);
	return server_ctx ? 0 : -1;
}

static inline int tls_teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	pki_remove(&pki);
	return 0;
}

#endif
