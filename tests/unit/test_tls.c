/* Goal: the server's context admits TLS 1.3 with a certificate of the right CA and nothing else,
 * resumes nothing, and names peers by their public key. */
#include <openssl/err.h>
#include <openssl/sha.h>
#include "check.h"
#include "net_fixture.h"
#include "net/tls.h"

static struct pki pki;
static SSL_CTX *server_ctx;

struct meeting {
	SSL *server, *client;
	bool server_ok, client_ok;
};

/* Lets both sides talk in memory until neither gets further. */
static struct meeting meet(SSL_CTX *client_ctx)
{
	struct meeting m = {SSL_new(server_ctx), SSL_new(client_ctx), false, false};
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(m.server, a, a);
	SSL_set_bio(m.client, b, b);
	SSL_set_accept_state(m.server);
	SSL_set_connect_state(m.client);
	for (int i = 0; i < 10; i++) {
		m.client_ok = SSL_do_handshake(m.client) == 1;
		m.server_ok = SSL_do_handshake(m.server) == 1;
	}
	ERR_clear_error();
	return m;
}

static void part(struct meeting *m)
{
	SSL_free(m->server);
	SSL_free(m->client);
}

static void tls_server_ctx_known_client_is_admitted_and_named(void **state)
{
	SSL_CTX *c = pki_client_ctx(&pki, pki.client, pki.client_key);
	struct meeting m = meet(c);
	uint8_t live[32], file[32], server[32];
	char err[256];

	(void)state;
	assert_true(m.server_ok && m.client_ok);
	assert_int_equal(SSL_version(m.server), TLS1_3_VERSION);
	assert_int_equal(tls_peer_spki(m.server, live), 0);
	assert_int_equal(pem_spki(pki.client, file, err, sizeof err), 0);
	assert_memory_equal(live, file, 32);
	assert_int_equal(pem_spki(pki.server, server, err, sizeof err), 0);
	assert_memory_not_equal(server, file, 32);
	part(&m);
	SSL_CTX_free(c);
}

static void pem_spki_is_what_openssl_computes(void **state)
{
	char command[400], hex[65] = "", err[256];
	uint8_t spki[32];
	FILE *f;

	(void)state;
	snprintf(command, sizeof command,
		"openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | openssl "
		"dgst -sha256 -r",
		pki.client);
	f = popen(command, "r");
	assert_int_equal(fread(hex, 1, 64, f), 64);
	while (fgetc(f) != EOF)
		;
	pclose(f);
	assert_int_equal(pem_spki(pki.client, spki, err, sizeof err), 0);
	for (int i = 0; i < 32; i++) {
		char two[3];

		snprintf(two, sizeof two, "%02x", spki[i]);
		assert_memory_equal(two, hex + 2 * i, 2);
	}
}

static void tls_server_ctx_other_clients_are_refused(void **state)
{
	SSL_CTX *none = pki_client_ctx(&pki, NULL, NULL),
		*other = pki_client_ctx(&pki, pki.stranger, pki.stranger_key);
	SSL_CTX *old = pki_client_ctx(&pki, pki.client, pki.client_key);
	SSL_CTX *all[] = {none, other, old};
	uint8_t spki[32];

	(void)state;
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	for (size_t i = 0; i < 3; i++) {
		struct meeting m = meet(all[i]);

		assert_false(m.server_ok);
		assert_int_equal(tls_peer_spki(m.server, spki), TG_EPEER);
		part(&m);
		SSL_CTX_free(all[i]);
	}
}

static int tickets;

static int on_session(SSL *s, SSL_SESSION *x)
{
	(void)s, (void)x;
	tickets++;
	return 0;
}

static void tls_server_ctx_gives_no_tickets_and_resumes_nothing(void **state)
{
	SSL_CTX *c = pki_client_ctx(&pki, pki.client, pki.client_key);
	struct meeting m;
	char byte;

	(void)state;
	tickets = 0;
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(c, on_session);
	m = meet(c);
	assert_int_equal(SSL_write(m.server, "x", 1), 1);
	assert_int_equal(SSL_read(m.client, &byte, 1), 1); /* tickets would come before this */
	assert_int_equal(tickets, 0);
	assert_int_equal(SSL_CTX_get_session_cache_mode(server_ctx), SSL_SESS_CACHE_OFF);
	assert_int_equal(SSL_session_reused(m.server), 0);
	part(&m);
	SSL_CTX_free(c);
}

static void tls_server_ctx_wrong_files_are_named(void **state)
{
	const struct {
		const char *cert, *key, *ca, *named;
	} c[] = {
		{"/nonexistent.pem", pki.server_key, pki.ca, "/nonexistent.pem"},
		{pki.server, pki.client_key, pki.ca, pki.client_key},
		{pki.server, "/nonexistent.key", pki.ca, "/nonexistent.key"},
		{pki.server, pki.server_key, "/nonexistent-ca.pem", "/nonexistent-ca.pem"},
		{pki.server_key, pki.server_key, pki.ca, pki.server_key},
	};
	uint8_t spki[32];

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		char err[256] = "";

		assert_null(pki_server_ctx(c[i].cert, c[i].key, c[i].ca, err, sizeof err));
		assert_non_null(strstr(err, c[i].named));
	}
	char err[256] = "";

	assert_int_equal(pem_spki("/nonexistent.pem", spki, err, sizeof err), TG_EIO);
	assert_non_null(strstr(err, "/nonexistent.pem"));
	assert_int_equal(pem_spki(pki.server_key, spki, err, sizeof err), TG_EINVAL);
	assert_non_null(strstr(err, pki.server_key));
}

static bool admitted(const char *groups, const char *cert, const char *key)
{
	SSL_CTX *c = pki_client_ctx(&pki, cert, key);
	struct meeting m;
	bool ok;

	assert_int_equal(SSL_CTX_set1_groups_list(c, groups), 1);
	m = meet(c);
	ok = m.server_ok && m.client_ok;
	part(&m);
	SSL_CTX_free(c);
	return ok;
}

static void tls_server_ctx_takes_cheap_groups_and_no_others(void **state)
{
	static const char *const good[] = {
		"X25519", "P-256", "P-384", "ffdhe8192:X25519", "P-521:P-256"};
	static const char *const bad[] = {
		"ffdhe8192", "ffdhe2048", "P-521", "X448", "ffdhe8192:P-521:X448"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!admitted(good[i], pki.client, pki.client_key))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (admitted(bad[i], pki.client, pki.client_key))
			fail_msg("%s is taken", bad[i]);
}

static void tls_server_ctx_hybrid_group_where_the_library_has_it(void **state)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	bool has = SSL_CTX_set1_groups_list(c, "X25519MLKEM768") == 1;

	(void)state;
	SSL_CTX_free(c);
	ERR_clear_error();
	if (has) /* not before OpenSSL 3.5 */
		assert_true(admitted("X25519MLKEM768", pki.client, pki.client_key));
}

static void tls_server_ctx_dear_group_has_a_rate_and_the_others_have_none(void **state)
{
	unsigned taken = 0;

	skip_under_memcheck();
	(void)state;
	for (int i = 0; i < 100; i++)
		taken += admitted("P-384:X25519", pki.client, pki.client_key);
	assert_in_range(taken, 1, 99); /* 16 of them a second, which is more time than these take */
	for (int i = 0; i < 20; i++)
		assert_true(admitted("X25519:P-384", pki.client, pki.client_key));
}

static void tls_server_ctx_certificate_must_be_meant_for_clients(void **state)
{
	(void)state;
	assert_true(admitted("X25519", pki.client, pki.client_key));
	assert_false(admitted("X25519", pki.unfit, pki.unfit_key));
	assert_false(admitted("X25519", pki.server, pki.server_key));
}

static int setup(void **state)
{
	char err[256];

	(void)state;
	pki_make(&pki);
	server_ctx = pki_server_ctx(pki.server, pki.server_key, pki.ca, err, sizeof err);
	return server_ctx ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server_ctx);
	pki_remove(&pki);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_server_ctx_known_client_is_admitted_and_named),
		cmocka_unit_test(pem_spki_is_what_openssl_computes),
		cmocka_unit_test(tls_server_ctx_other_clients_are_refused),
		cmocka_unit_test(tls_server_ctx_gives_no_tickets_and_resumes_nothing),
		cmocka_unit_test(tls_server_ctx_wrong_files_are_named),
		cmocka_unit_test(tls_server_ctx_takes_cheap_groups_and_no_others),
		cmocka_unit_test(tls_server_ctx_hybrid_group_where_the_library_has_it),
		cmocka_unit_test(tls_server_ctx_dear_group_has_a_rate_and_the_others_have_none),
		cmocka_unit_test(tls_server_ctx_certificate_must_be_meant_for_clients),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
