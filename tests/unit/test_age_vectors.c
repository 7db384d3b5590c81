/*
 * Goal: every age test vector that X25519 identities can open, or that the guard can judge, ends as
 * the vector says, however it is cut; and what was released hashes to what the vector allows, also
 * when the file turns out bad. (runner: slow: megabytes, byte by byte)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/timeglas.h>
#include "age_vectors.h"
#include "core/envelope.h"
#include "core/hex.h"

static struct age_vectors vectors;

struct tally {
	size_t run, skipped, wrong;
	size_t cut; /* bytes a push; 0: all at once */
};

static const struct {
	const char *expect;
	int err;
} OUTCOME[] = {
	{"success", 0},
	{"header failure", TG_EHEADER},
	{"HMAC failure", TG_EHMAC},
	{"no match", TG_ENOMATCH},
	{"payload failure", TG_EPAYLOAD},
};

static int expected_error(const char *expect)
{
	for (size_t i = 0; i < sizeof OUTCOME / sizeof OUTCOME[0]; i++)
		if (strcmp(expect, OUTCOME[i].expect) == 0)
			return OUTCOME[i].err;
	return TG_EINTERNAL;
}

static int hash_content(void *ctx, const void *p, size_t n)
{
	crypto_hash_sha256_update(ctx, p, n);
	return 0;
}

static void wrong(struct tally *t, const struct age_vector *v, const char *what, int got)
{
	print_error("%s (pieces of %zu): %s: got \"%s\", expected \"%s\"\n", v->name, t->cut, what,
		tg_strerror(got), v->expect);
	t->wrong++;
}

static int open_vector(const struct age_vector *v, size_t cut, char hash_hex[65])
{
	crypto_hash_sha256_state hash;
	uint8_t digest[32];
	tg_identity *id[4];
	tg_expect e = {
		.struct_size = sizeof e, .identity = id, .n_identities = v->n_identities, .raw = 1};
	tg_open_opts o = {
		.struct_size = sizeof o, .expect = &e, .write = hash_content, .ctx = &hash};
	tg_opener *op;
	int err = 0;

	crypto_hash_sha256_init(&hash);
	for (size_t i = 0; i < v->n_identities; i++)
		assert_int_equal(
			tg_identity_parse(v->identity[i], strlen(v->identity[i]), &id[i]), 0);
	assert_int_equal(tg_open_new(&o, &op), 0);
	for (size_t at = 0; at < v->file_len && !err; at += cut ? cut : v->file_len) {
		size_t n = cut && v->file_len - at > cut ? cut : v->file_len - at;
		err = tg_open_push(op, v->file + at, n);
	}
	err = tg_open_finish(op);
	crypto_hash_sha256_final(&hash, digest);
	tg_hex_encode(digest, sizeof digest, hash_hex);
	tg_open_free(op);
	for (size_t i = 0; i < v->n_identities; i++)
		tg_identity_free(id[i]);
	return err;
}

static int only_x25519_identities(const struct age_vector *v)
{
	for (size_t i = 0; i < v->n_identities; i++)
		if (strncmp(v->identity[i], "AGE-SECRET-KEY-1", 16) != 0)
			return 0;
	return v->n_identities > 0 && !v->passphrase;
}

static void check_opening(const struct age_vector *v, struct tally *t)
{
	char hash[65];
	int err;

	if (v->armored || !only_x25519_identities(v)) {
		t->skipped++;
		return;
	}
	t->run++;
	err = open_vector(v, t->cut, hash);
	if (err != expected_error(v->expect))
		wrong(t, v, "opening", err);
	if (v->payload[0] && strcmp(hash, v->payload) != 0)
		wrong(t, v, "what was released has another hash", err);
}

static void need_vectors(void)
{
	if (!age_vectors_dir()) {
		print_message("SKIP: no age vectors: set TIMEGLAS_AGE_VECTORS to a folder of "
			      "C2SP/CCTV age vectors\n");
		skip();
	}
	assert_true(vectors.n >= 100);
}

static void each_vector(void (*check)(const struct age_vector *v, struct tally *t), struct tally *t)
{
	for (size_t i = 0; i < vectors.n; i++)
		check(&vectors.v[i], t);
}

static void open_every_x25519_vector_ends_as_expected(void **state)
{
	static const size_t cuts[] = {0, 1, 7, 4096, 65536, 65552};

	(void)state;
	need_vectors();
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		struct tally t = {.cut = cuts[i]};
		each_vector(check_opening, &t);
		assert_true(t.run >= 50);
		assert_int_equal(t.wrong, 0);
		if (i == 0)
			print_message("%zu vectors opened; SKIP: %zu that are armored, or need a "
				      "passphrase or a post-quantum identity\n",
				t.run, t.skipped);
	}
}

/* Faults in a header's text that the grammar cannot see: they are in what the keys give. */
static int needs_keys(const struct age_vector *v)
{
	static const char *const names[] = {"x25519_identity", "x25519_long_file_key",
		"scrypt_long_file_key", "scrypt_work_factor_23"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(v->name, names[i]) == 0)
			return 1;
	/* A post-quantum stanza is an unknown type to the guard: it passes by the general rules,
	 * its own are the reader's. */
	return strncmp(v->name, "hybrid", 6) == 0;
}

/* Payload faults that show in the length alone. */
static int length_tells(const struct age_vector *v)
{
	static const char *const names[] = {"stream_last_chunk_empty", "stream_missing_tag",
		"stream_no_chunks", "stream_short_second_chunk", "stream_trailing_garbage_short"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(v->name, names[i]) == 0)
			return 1;
	return 0;
}

static void check_guard(const struct age_vector *v, struct tally *t)
{
	static struct tg_envelope e;
	static struct tg_envelope_text text;
	int err = 0, scrypt = v->passphrase;

	if (v->armored && strcmp(v->expect, "armor failure") == 0) {
		t->skipped++;
		return;
	}
	tg_envelope_init(&e, &text);
	e.allow_scrypt = scrypt;
	for (size_t at = 0; at < v->file_len && !err; at += t->cut ? t->cut : v->file_len) {
		size_t n = t->cut && v->file_len - at > t->cut ? t->cut : v->file_len - at;
		err = tg_envelope_feed(&e, v->file + at, n);
	}
	err = tg_envelope_finish(&e);
	t->run++;
	if (v->armored || (strcmp(v->expect, "header failure") == 0 && !needs_keys(v))) {
		if (err != TG_EENVELOPE)
			wrong(t, v, "the guard let it pass", err);
	} else if (strcmp(v->expect, "payload failure") == 0) {
		if (err != (length_tells(v) ? TG_EENVELOPE : 0))
			wrong(t, v, "the guard judges length and nothing else of a payload", err);
	} else if (strcmp(v->expect, "header failure") != 0 && err != 0) {
		wrong(t, v, e.why, err);
	}
}

static void guard_every_vector_is_judged_by_its_form(void **state)
{
	static const size_t cuts[] = {0, 1, 13, 65536};

	(void)state;
	need_vectors();
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		struct tally t = {.cut = cuts[i]};
		each_vector(check_guard, &t);
		assert_int_equal(t.wrong, 0);
		if (i == 0)
			print_message(
				"%zu vectors judged by the guard; SKIP: %zu of malformed armor\n",
				t.run, t.skipped);
	}
}

static int set_up(void **state)
{
	const char *dir = age_vectors_dir();

	(void)state;
	if (dir)
		age_vectors_load(&vectors, dir);
	return tg_init();
}

static int tear_down(void **state)
{
	(void)state;
	age_vectors_free(&vectors);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_every_x25519_vector_ends_as_expected),
		cmocka_unit_test(guard_every_vector_is_judged_by_its_form),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
