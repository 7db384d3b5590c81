/* Goal: the guard reads an envelope that arrives in any pieces, does not move its bytes, and says
 * what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include <timeglas/errors.h>

#include "api/guard.h"

#define HEADER \
	"age-encryption.org/v1\n-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\n" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- " \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

static size_t envelope(uint8_t *out, size_t payload)
{
	memcpy(out, HEADER, sizeof HEADER - 1);
	memset(out + sizeof HEADER - 1, 0x5a, payload);
	return sizeof HEADER - 1 + payload;
}

/* Feeds in pieces of `piece`, each a chain of its own in one evbuffer. */
static int run(const uint8_t *p, size_t n, size_t piece, const uint8_t *digest)
{
	struct guard *g = guard_new(digest);
	struct evbuffer *b = evbuffer_new();
	assert_non_null(g);
	for (size_t at = 0; at < n; at += piece)
		evbuffer_add_reference(b, p + at, n - at < piece ? n - at : piece, NULL, NULL);
	int err = guard_feed(g, b, n);
	assert_int_equal(evbuffer_get_length(b), n);
	if (err == 0)
		err = guard_finish(g);
	if (err != 0)
		assert_true(strlen(guard_why(g)) > 10);
	evbuffer_free(b);
	guard_free(g);
	return err;
}

static void guard_feed_pieces_do_not_change_the_verdict(void **state)
{
	uint8_t *p = malloc(70000);
	(void)state;
	assert_non_null(p);
	for (size_t piece = 1; piece < 300; piece += 7) {
		assert_int_equal(run(p, envelope(p, 16 + 16 + 5), piece, NULL), 0);
		assert_int_equal(run(p, envelope(p, 16 + 16), piece, NULL), 0);
		assert_int_equal(run(p, envelope(p, 16 + 7), piece, NULL), TG_EENVELOPE);
		assert_int_equal(run(p, envelope(p, 16 + 65552 + 3), 4096, NULL), TG_EENVELOPE);
		assert_int_equal(run((const uint8_t *)"%PDF-1.7 plaintext, and no envelope at all",
					 42, piece, NULL),
			TG_EENVELOPE);
	}
	free(p);
}

static void guard_finish_declared_digest_is_checked(void **state)
{
	uint8_t p[1024], sha[32];
	size_t n = envelope(p, 100);
	unsigned len = 0;
	(void)state;
	assert_int_equal(EVP_Digest(p, n, sha, &len, EVP_sha256(), NULL), 1);
	assert_int_equal(run(p, n, 13, sha), 0);
	sha[31] ^= 1;
	assert_int_equal(run(p, n, 13, sha), TG_EDIGEST);
}

static void guard_finish_header_cut_anywhere_is_refused(void **state)
{
	uint8_t p[1024];
	size_t n = envelope(p, 32);
	(void)state;
	for (size_t k = 0; k < n; k++)
		assert_int_equal(run(p, k, 64, NULL), TG_EENVELOPE);
	assert_int_equal(run(p, n, 64, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard_feed_pieces_do_not_change_the_verdict),
		cmocka_unit_test(guard_finish_declared_digest_is_checked),
		cmocka_unit_test(guard_finish_header_cut_anywhere_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
