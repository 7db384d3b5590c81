/* Goal: keys read back from their text, agree with age's own, and nothing malformed becomes a key;
 * a failed allocation is an error, not a crash. */
#include <errno.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "check.h"
#include "lib/bech32.h"
#include "lib/keys.h"
#include "lib/secmem.h"

/* Of the age test vectors. */
#define IDENTITY "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"

static char folder[] = "/tmp/timeglas-keys-XXXXXX";

static void identity_text_reads_back(void **state)
{
	char text[TG_KEY_TEXT_MAX], again[TG_KEY_TEXT_MAX];
	tg_identity *a, *b;
	tg_recipient *ra, *rb, *rc;

	(void)state;
	assert_int_equal(tg_identity_generate(&a), 0);
	assert_int_equal(tg_identity_text(a, text, sizeof text), 74);
	assert_int_equal(strncmp(text, "AGE-SECRET-KEY-1", 16), 0);
	assert_int_equal(tg_identity_parse(text, strlen(text), &b), 0);
	assert_int_equal(tg_identity_recipient(a, &ra), 0);
	assert_int_equal(tg_identity_recipient(b, &rb), 0);
	assert_int_equal(tg_recipient_text(ra, text, sizeof text), 62);
	tg_recipient_text(rb, again, sizeof again);
	assert_string_equal(text, again);
	assert_int_equal(strncmp(text, "age1", 4), 0);
	assert_int_equal(tg_recipient_parse(text, strlen(text), &rc), 0);
	tg_recipient_text(rc, again, sizeof again);
	assert_string_equal(text, again);
	tg_identity_free(a);
	tg_identity_free(b);
	tg_recipient_free(ra);
	tg_recipient_free(rb);
	tg_recipient_free(rc);
}

static void signer_text_reads_back(void **state)
{
	char text[TG_KEY_TEXT_MAX], again[TG_KEY_TEXT_MAX];
	tg_signer *a, *b;
	tg_sender *sa, *sb, *sc;

	(void)state;
	assert_int_equal(tg_signer_generate(&a), 0);
	tg_signer_text(a, text, sizeof text);
	assert_int_equal(strncmp(text, "TIMEGLAS-SIGNING-KEY-1", 22), 0);
	assert_int_equal(tg_signer_parse(text, strlen(text), &b), 0);
	assert_int_equal(tg_signer_sender(a, &sa), 0);
	assert_int_equal(tg_signer_sender(b, &sb), 0);
	tg_sender_text(sa, text, sizeof text);
	tg_sender_text(sb, again, sizeof again);
	assert_string_equal(text, again);
	assert_int_equal(strncmp(text, "timeglas-sender1", 16), 0);
	assert_int_equal(tg_sender_parse(text, strlen(text), &sc), 0);
	tg_sender_text(sc, again, sizeof again);
	assert_string_equal(text, again);
	tg_signer_free(a);
	tg_signer_free(b);
	tg_sender_free(sa);
	tg_sender_free(sb);
	tg_sender_free(sc);
}

/* As snprintf: the length tells that it was cut, and nothing is written behind cap. */
static void text_that_does_not_fit_is_cut(void **state)
{
	char whole[TG_KEY_TEXT_MAX], cut[16];
	tg_identity *id;

	(void)state;
	assert_int_equal(tg_identity_parse(IDENTITY, strlen(IDENTITY), &id), 0);
	assert_int_equal(tg_identity_text(id, whole, 75), 74);
	assert_string_equal(whole, IDENTITY);
	memset(cut, 'x', sizeof cut);
	assert_int_equal(tg_identity_text(id, cut, 8), 74);
	assert_memory_equal(cut, "AGE-SEC\0xxxxxxxx", sizeof cut);
	assert_int_equal(tg_identity_text(id, NULL, 0), 74);
	tg_identity_free(id);
}

static void generate_twice_gives_two_keys(void **state)
{
	char text[2][TG_KEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		tg_identity *id;
		assert_int_equal(tg_identity_generate(&id), 0);
		tg_identity_text(id, text[i], sizeof text[i]);
		tg_identity_free(id);
	}
	assert_string_not_equal(text[0], text[1]);
}

static void parse_kinds_of_key_are_not_mixed(void **state)
{
	char text[TG_KEY_TEXT_MAX];
	tg_recipient *r;
	tg_sender *s;
	tg_identity *id;
	tg_signer *signer;

	(void)state;
	assert_int_equal(tg_signer_parse(IDENTITY, strlen(IDENTITY), &signer), TG_EKEY);
	assert_int_equal(tg_recipient_parse(IDENTITY, strlen(IDENTITY), &r), TG_EKEY);
	assert_int_equal(tg_signer_generate(&signer), 0);
	tg_signer_text(signer, text, sizeof text);
	assert_int_equal(tg_identity_parse(text, strlen(text), &id), TG_EKEY);
	assert_int_equal(tg_signer_sender(signer, &s), 0);
	tg_sender_text(s, text, sizeof text);
	assert_int_equal(tg_recipient_parse(text, strlen(text), &r), TG_EKEY);
	tg_signer_free(signer);
	tg_sender_free(s);
}

static void what_makes_no_object_leaves_out_alone(void **state)
{
	tg_identity *const was_id = (tg_identity *)0x1;
	tg_signer *const was_signer = (tg_signer *)0x1;
	tg_identity *id = was_id;
	tg_signer *signer = was_signer;
	tg_sealer *sealer = (tg_sealer *)0x1;
	tg_opener *opener = (tg_opener *)0x1;

	(void)state;
	assert_int_equal(tg_identity_parse("x", 1, &id), TG_EKEY);
	assert_int_equal(tg_signer_parse("x", 1, &signer), TG_EKEY);
	assert_int_equal(tg_signer_load("/nowhere/at/all", &signer), TG_EIO);
	assert_int_equal(tg_seal_new(&(tg_seal_opts){0}, &sealer), TG_EINVAL);
	assert_int_equal(tg_open_new(&(tg_open_opts){0}, &opener), TG_EINVAL);
	assert_ptr_equal(id, was_id);
	assert_ptr_equal(signer, was_signer);
	assert_ptr_equal(sealer, (tg_sealer *)0x1);
	assert_ptr_equal(opener, (tg_opener *)0x1);
}

/* What is sealed to such a key anybody can open. */
static void recipient_parse_point_of_small_order_is_refused(void **state)
{
	const uint8_t one[32] = {1};
	char text[TG_KEY_TEXT_MAX];
	tg_recipient *r;

	(void)state;
	assert_int_equal(tg_bech32_encode("age", one, sizeof one, text, sizeof text), 0);
	assert_int_equal(tg_recipient_parse(text, strlen(text), &r), TG_EKEY);
}

static void sender_parse_point_of_small_order_is_refused(void **state)
{
	/* The neutral element: under it, one signature verifies for many messages. */
	const tg_sender bad = {{1}};
	char text[TG_KEY_TEXT_MAX];
	tg_sender *out;

	(void)state;
	tg_sender_text(&bad, text, sizeof text);
	assert_int_equal(tg_sender_parse(text, strlen(text), &out), TG_EKEY);
}

static const char *write_file(const char *content, size_t n)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof path, "%s/key", folder);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, n, f), n);
	fclose(f);
	return path;
}

static int load(const char *content, size_t cap, size_t *n)
{
	tg_identity *id[4];
	int err = tg_identity_load(write_file(content, strlen(content)), id, cap, n);

	for (size_t i = 0; !err && i < *n; i++)
		tg_identity_free(id[i]);
	return err;
}

static void identity_load_reads_age_key_files(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(
		load("# created: 2026-11-22T12:00:00+01:00\n# public key: age1…\n" IDENTITY "\n", 4,
			&n),
		0);
	assert_int_equal(n, 1);
	assert_int_equal(load("\n" IDENTITY "\r\n\r\n#\n" IDENTITY, 2, &n), 0);
	assert_int_equal(n, 2);
}

static void identity_load_faults_leave_nothing(void **state)
{
	static const char *const bad[] = {"", "# nothing\n", "AGE-SECRET-KEY-1\n",
		IDENTITY "\nAGE-PLUGIN-X-1ABC\n", " " IDENTITY "\n",
		IDENTITY "\n" IDENTITY "\n" IDENTITY "\n"};
	tg_identity *id[2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_int_equal(load(bad[i], 2, &n), TG_EKEY);
		assert_int_equal(n, 0);
	}
	assert_int_equal(tg_identity_load("/nonexistent/key", id, 2, &n), TG_EIO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(tg_identity_load("/", id, 2, &n), TG_EIO);
}

static void load_oversized_file_is_refused(void **state)
{
	char *big = malloc(1 << 17);
	tg_identity *id[1];
	size_t n;

	(void)state;
	memset(big, '#', 1 << 17);
	assert_int_equal(tg_identity_load(write_file(big, 1 << 17), id, 1, &n), TG_EKEY);
	free(big);
}

static void signer_load_takes_exactly_one_key(void **state)
{
	char text[TG_KEY_TEXT_MAX], file[2 * TG_KEY_TEXT_MAX + 32];
	tg_signer *s;

	(void)state;
	assert_int_equal(tg_signer_generate(&s), 0);
	tg_signer_text(s, text, sizeof text);
	tg_signer_free(s);
	snprintf(file, sizeof file, "# signing\n%s\n", text);
	assert_int_equal(tg_signer_load(write_file(file, strlen(file)), &s), 0);
	tg_signer_free(s);
	snprintf(file, sizeof file, "%s\n%s\n", text, text);
	assert_int_equal(tg_signer_load(write_file(file, strlen(file)), &s), TG_EKEY);
	assert_int_equal(tg_signer_load(write_file("#\n", 2), &s), TG_EKEY);
}

static void allocation_failure_is_reported(void **state)
{
	tg_identity *id[2];
	tg_signer *s;
	size_t n;

	(void)state;
	tg_alloc_fail_at(1);
	assert_int_equal(tg_identity_generate(&id[0]), TG_ENOMEM);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_identity_parse(IDENTITY, strlen(IDENTITY), &id[0]), TG_ENOMEM);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_signer_generate(&s), TG_ENOMEM);
	for (unsigned at = 1; at <= 3; at++) {
		/* the file's buffer, the first identity, the second */
		write_file(IDENTITY "\n" IDENTITY "\n", 2 * strlen(IDENTITY) + 2);
		tg_alloc_fail_at(at);
		assert_int_equal(load(IDENTITY "\n" IDENTITY "\n", 2, &n), TG_ENOMEM);
		assert_int_equal(n, 0);
	}
	tg_alloc_fail_at(0);
	tg_identity_free(NULL);
	tg_signer_free(NULL);
}

static void secret_alloc_is_zeroed_and_aligned(void **state)
{
	(void)state;
	for (size_t n = 1; n < 200; n += 13) {
		uint8_t *p = tg_secret_alloc(n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		tg_secret_free(p);
	}
	assert_null(tg_secret_alloc(SIZE_MAX));
}

/* What was secret is gone before anybody else gets the block; more than are kept are unmapped. */
static void secret_take_gives_a_kept_block_wiped(void **state)
{
	static struct tg_spares spares;
	uint8_t *first = tg_secret_take(&spares, 5000), *p[TG_SPARES + 2];

	(void)state;
	assert_non_null(first);
	assert_int_equal((uintptr_t)first % 64, 0);
	memset(first, 0xa5, 5000);
	tg_secret_give(&spares, first, 5000);
	for (size_t i = 0; i < LEN(p); i++) {
		p[i] = tg_secret_take(&spares, 5000);
		assert_non_null(p[i]);
		for (size_t at = 0; at < 5000; at++)
			assert_int_equal(p[i][at], 0);
		for (size_t other = 0; other < i; other++)
			assert_ptr_not_equal(p[i], p[other]);
	}
	assert_ptr_equal(p[0], first);
	for (size_t i = 0; i < LEN(p); i++)
		tg_secret_give(&spares, p[i], 5000);
	for (size_t i = 0; i < TG_SPARES; i++)
		assert_ptr_equal(tg_secret_take(&spares, 5000), p[i]);
	tg_secret_give(&spares, NULL, 5000);
	tg_alloc_fail_at(1);
	assert_null(tg_secret_take(&spares, 5000));
}

static int set_up(void **state)
{
	(void)state;
	return tg_init() != 0 || !mkdtemp(folder);
}

static int tear_down(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/key", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_text_reads_back),
		cmocka_unit_test(signer_text_reads_back),
		cmocka_unit_test(text_that_does_not_fit_is_cut),
		cmocka_unit_test(generate_twice_gives_two_keys),
		cmocka_unit_test(parse_kinds_of_key_are_not_mixed),
		cmocka_unit_test(what_makes_no_object_leaves_out_alone),
		cmocka_unit_test(recipient_parse_point_of_small_order_is_refused),
		cmocka_unit_test(sender_parse_point_of_small_order_is_refused),
		cmocka_unit_test(identity_load_reads_age_key_files),
		cmocka_unit_test(identity_load_faults_leave_nothing),
		cmocka_unit_test(load_oversized_file_is_refused),
		cmocka_unit_test(signer_load_takes_exactly_one_key),
		cmocka_unit_test(allocation_failure_is_reported),
		cmocka_unit_test(secret_alloc_is_zeroed_and_aligned),
		cmocka_unit_test(secret_take_gives_a_kept_block_wiped),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
