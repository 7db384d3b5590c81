/*
 * test_pki.c: the certificates of a development server verify as strictly as real ones.
 */
#include "check.h"
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "test_dir.h"
#include "master/pki.h"
#include "conf/pem.h"
#include "base/log.h"

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static int verifies(const char *cert, const char *ca, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *root = read_cert(ca), *leaf = read_cert(cert);
	int ok;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_set_purpose(
		ctx, host != NULL ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
	ok = X509_verify_cert(ctx) == 1 &&
		(host == NULL || X509_check_host(leaf, host, 0, 0, NULL) == 1 ||
			X509_check_ip_asc(leaf, host, 0) == 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(leaf);
	return ok;
}

static void pki_issue_certificates_verify_strictly(void **state)
{
	static const char *const made[] = {"ca.pem", "ca.key", "s.pem", "s.key", "c.pem", "c.key"};
	char err[256];
	uint8_t one[32], two[32];
	struct stat st;
	struct pki *p;
	size_t i;

	(void)state;
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err);
	assert_non_null(p);
	assert_int_equal(pki_issue(p, "server", PKI_SERVER, in_dir("s.pem"), in_dir("s.key"), err,
				 sizeof err),
		0);
	assert_int_equal(pki_issue(p, "verifier", PKI_CLIENT, in_dir("c.pem"), in_dir("c.key"), err,
				 sizeof err),
		0);
	pki_free(p);
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "127.0.0.1"));
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "::1"));
	assert_true(verifies(in_dir("s.pem"), in_dir("ca.pem"), "localhost"));
	assert_false(verifies(in_dir("s.pem"), in_dir("ca.pem"), "example.org"));
	assert_true(verifies(in_dir("c.pem"), in_dir("ca.pem"), NULL));
	/* a server's is no client's */
	assert_false(verifies(in_dir("s.pem"), in_dir("ca.pem"), NULL));
	assert_int_equal(pem_check_key(in_dir("c.key"), in_dir("c.pem"), err, sizeof err), 0);
	assert_int_equal(stat(in_dir("c.key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(pem_spki(in_dir("ca.pem"), one, err, sizeof err), 0);
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err); /* kept */
	pki_free(p);
	assert_int_equal(pem_spki(in_dir("ca.pem"), two, err, sizeof err), 0);
	assert_memory_equal(one, two, sizeof one);
	assert_int_equal(unlink(in_dir("ca.key")), 0);
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), err, sizeof err); /* no key: made anew */
	pki_free(p);
	assert_int_equal(pem_spki(in_dir("ca.pem"), two, err, sizeof err), 0);
	assert_memory_not_equal(one, two, sizeof one);
	for (i = 0; i < sizeof made / sizeof *made; i++)
		unlink(in_dir(made[i]));
	assert_null(pki_open(in_dir("no/ca.pem"), in_dir("no/ca.key"), err, sizeof err));
	assert_non_null(strstr(err, "cannot write"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pki_issue_certificates_verify_strictly),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
