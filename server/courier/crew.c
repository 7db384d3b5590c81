/* crew.c: see crew.h. Runs in the courier. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ssl.h>
#include <timeglas/errors.h>
#include "base/file.h"
#include "conf/pem.h"
#include "courier/crew.h"

static int load_policy(struct crew *c, const char *path, struct sha256 *h, char why[CREW_WHY])
{
	const char *what = "";
	struct file_bytes f = {0};
	unsigned line = 0;
	int err = file_read(path, POLICY_FILE_MAX, &f, why, CREW_WHY);

	if (err == 0) {
		err = policy_scan(h, (const char *)f.b, f.n, &c->policy, &line, &what);
		if (err != 0)
			snprintf(why, CREW_WHY, "%s:%u: %s", path, line, what);
	}
	file_free(&f);
	return err;
}

/* For witnesses with https: only witness_ca's certificates are believed. */
static int make_tls(struct crew *c, const char *ca, char why[CREW_WHY])
{
	STACK_OF(X509) *all = NULL;
	int err;

	if (ca == NULL)
		return 0;
	err = pem_chain(ca, &all, why, CREW_WHY);
	c->tls = err == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;
	if (c->tls != NULL) {
		SSL_CTX_set_min_proto_version(c->tls, TLS1_2_VERSION);
		SSL_CTX_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
		SSL_CTX_clear_mode(c->tls, SSL_MODE_AUTO_RETRY);
		SSL_CTX_set_mode(c->tls,
			SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_options(c->tls,
			SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
		for (int i = 0; i < sk_X509_num(all); i++)
			X509_STORE_add_cert(SSL_CTX_get_cert_store(c->tls), sk_X509_value(all, i));
	} else if (err == 0) {
		snprintf(why, CREW_WHY, "out of memory; free some");
		err = TG_ENOMEM;
	}
	sk_X509_pop_free(all, X509_free);
	return err;
}

static int make_carriers(struct crew *c, const struct carrier_opts *given, char why[CREW_WHY])
{
	struct carrier_opts o = *given;

	o.tls = c->tls;
	for (unsigned i = 0; i < c->policy.n_witnesses; i++) {
		const struct policy_witness *w = &c->policy.witness[i];

		if (strncmp(w->url, "https://", 8) == 0 && c->tls == NULL) {
			snprintf(why, CREW_WHY,
				"%s has https; name its authority with witness_ca =", w->name);
			return TG_EINVAL;
		}
		c->carrier[i] = carrier_new(&o, w, i);
		if (c->carrier[i] == NULL) {
			snprintf(why, CREW_WHY,
				"witness %s: '%s' is no URL; write http://HOST:PORT or "
				"https://HOST",
				w->name, w->url);
			return TG_EINVAL;
		}
	}
	return 0;
}

struct crew *crew_new(const char *path, const char *ca, struct sha256 *h,
	const struct carrier_opts *o, char why[CREW_WHY])
{
	struct crew *c = calloc(1, sizeof *c);

	snprintf(why, CREW_WHY, "out of memory; free some");
	if (c != NULL && load_policy(c, path, h, why) == 0 && make_tls(c, ca, why) == 0 &&
		make_carriers(c, o, why) == 0)
		return c;
	crew_free(c);
	return NULL;
}

void crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < POLICY_WITNESSES_MAX; i++)
		carrier_free(c->carrier[i]);
	SSL_CTX_free(c->tls);
	free(c);
}
