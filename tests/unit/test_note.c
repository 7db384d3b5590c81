/*
 * Goal: a signed note is read and checked as C2SP signed-note, tlog-checkpoint, tlog-cosignature
 * and tlog-proof say: a published note and a published key hold; nothing that was altered does; a
 * signature of a key that is not known changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/checkpoint.h"
#include "core/note.h"
#include "core/proof.h"

#define DASH "\xe2\x80\x94 "

/* The example of Go's package golang.org/x/mod/sumdb/note. */
static const char published_key[] =
	"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char published[] =
	"If you think cryptography is the answer to your problem,\n"
	"then you don't know what your problem is.\n"
	"\n" DASH "PeterNeumann "
	"x08go/ZJkuBS9UG/"
	"SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
	"\n";

static struct sha256 *sha;
static struct note_key log_key, witness_key;
static uint8_t log_secret[NOTE_SECRET], witness_secret[NOTE_SECRET];

static int setup(void **state)
{
	uint8_t public[NOTE_PUBLIC];

	(void)state;
	sha = sha256_new();
	if (sha == NULL || sodium_init() < 0)
		return 1;
	crypto_sign_keypair(public, log_secret);
	if (note_key_make(sha, "log.example/evidence", NOTE_ED25519, public, &log_key) != 0)
		return 1;
	crypto_sign_keypair(public, witness_secret);
	return note_key_make(sha, "witness.example", NOTE_COSIGNATURE, public, &witness_key);
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return 0;
}

static void a_published_note_holds(void **state)
{
	struct note_key k;
	struct note note;
	char text[NOTE_KEY_TEXT_MAX], altered[sizeof published];

	(void)state;
	assert_int_equal(note_key_parse(sha, published_key, strlen(published_key), &k), 0);
	assert_string_equal(note_key_text(&k, text), published_key);
	assert_int_equal(note_scan(published, strlen(published), &note), 0);
	assert_int_equal(note.n, 1);
	assert_int_equal(note_verify(&note, &k, NULL), 0);
	assert_int_equal(note_verify(&note, &log_key, NULL), TG_ENOENT);
	for (size_t i = 0; i < sizeof published - 1; i++) { /* every byte counts */
		memcpy(altered, published, sizeof altered);
		altered[i] ^= 1;
		assert_true(note_scan(altered, sizeof altered - 1, &note) != 0 ||
			note_verify(&note, &k, NULL) != 0);
	}
}

static void a_key_is_read_as_it_is_written_and_not_otherwise(void **state)
{
	static const char *const wrong[] = {"", "+", "++", "name", "name+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+Axpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"};
	static const char *const names[] = {
		"", "a b", "a+b", "a\nb", "\xc2\xa0", "\xff", "\xe2\x80\x83"};
	struct note_key k;
	char text[NOTE_KEY_TEXT_MAX], name[NOTE_NAME_MAX + 2];

	(void)state;
	note_key_text(&witness_key, text);
	assert_int_equal(note_key_parse(sha, text, strlen(text), &k), 0);
	assert_memory_equal(&k, &witness_key, sizeof k);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(note_key_parse(sha, wrong[i], strlen(wrong[i]), &k), TG_EINVAL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(
			note_key_make(sha, names[i], NOTE_ED25519, log_key.public, &k), TG_EINVAL);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(note_key_make(sha, name, NOTE_ED25519, log_key.public, &k), TG_EINVAL);
	assert_int_equal(note_key_make(sha, name + 1, NOTE_ED25519, log_key.public, &k), 0);
	note_key_text(&k, text);
	assert_int_equal(note_key_parse(sha, text, strlen(text), &k), 0);
}

static void what_is_no_note_is_refused(void **state)
{
	static const char *const wrong[] = {"", "\n", "text\n", "text\n\n", "text\n\nsigned\n",
		"text\n\n" DASH "name\n", "text\n\n" DASH "name AAAA\n",
		"text\n\n" DASH " AAAAAAAA\n", "text\n\n" DASH "na+me AAAAAAAA\n",
		"text\n\n" DASH "name AAAAAAAA", "text\n" DASH "name AAAAAAAA\n",
		"te\txt\n\n" DASH "name AAAAAAAA\n", "te\xffxt\n\n" DASH "name AAAAAAAA\n",
		"text\n\n" DASH "name AAAAAAAA\nmore\n"};
	char many[8192] = "text\n\n";
	struct note note;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(note_scan(wrong[i], strlen(wrong[i]), &note), TG_EINVAL);
	for (unsigned i = 0; i < NOTE_SIGNATURES_MAX; i++)
		strcat(many, DASH "name AAAAAAAA\n");
	assert_int_equal(note_scan(many, strlen(many), &note), 0);
	assert_int_equal(note.n, NOTE_SIGNATURES_MAX);
	strcat(many, DASH "name AAAAAAAA\n");
	assert_int_equal(note_scan(many, strlen(many), &note), TG_EINVAL);
	/* an empty line within the text belongs to it */
	assert_int_equal(note_scan("a\n\nb\n\n" DASH "n AAAAAAAA\n", 21, &note), 0);
	assert_int_equal(note.text.n, 5);
}

/* A checkpoint that log and witness have signed. */
static size_t a_signed(const struct checkpoint *c, char out[4096])
{
	char text[CHECKPOINT_TEXT_MAX], line[NOTE_LINE_MAX], second[NOTE_LINE_MAX];
	size_t n = checkpoint_text(c, text);

	assert_non_null(note_sign(&log_key, log_secret, text, n, 0, line));
	assert_non_null(note_sign(&witness_key, witness_secret, text, n, 1700000000, second));
	return (size_t)snprintf(
		out, 4096, "%s\n%s" DASH "stranger.example AAAAAAAAAAAA\n%s", text, line, second);
}

static void cosignatures_are_checked_beside_the_logs(void **state)
{
	struct checkpoint c = {.origin = "log.example/evidence", .size = 20852163}, read;
	char signed_text[4096];
	size_t n;
	struct note note;
	uint64_t time_s = 1;
	struct note_key other = witness_key;

	(void)state;
	memset(c.root, 0x5a, sizeof c.root);
	n = a_signed(&c, signed_text);
	assert_int_equal(note_scan(signed_text, n, &note), 0);
	assert_int_equal(note.n, 3);
	assert_int_equal(note_verify(&note, &log_key, &time_s), 0);
	assert_int_equal(time_s, 0);
	assert_int_equal(note_verify(&note, &witness_key, &time_s), 0);
	assert_int_equal(time_s, 1700000000);
	assert_int_equal(checkpoint_scan(note.text.p, note.text.n, &read), 0);
	assert_memory_equal(&read, &c, sizeof c);
	/* another key whose name and id are the same */
	other.public[0] ^= 1;
	assert_int_equal(note_verify(&note, &other, NULL), TG_ESIGNATURE);
	other.id ^= 1;
	assert_int_equal(note_verify(&note, &other, NULL), TG_ENOENT);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
	static const char root[] = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
	static const char *const wrong[] = {"", "origin\n", "origin\n1\n", "\n1\n%s\n",
		"origin\n\n%s\n", "origin\n01\n%s\n", "origin\n-1\n%s\n", "origin\n1\n%s",
		"origin\n1\n%s=\n", "origin\n1 \n%s\n", "origin\n9223372036854775808\n%s\n",
		"origin\n1\n%s\n\n", "origin\n1\n%s\nmore"};
	struct checkpoint c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof text, wrong[i], root);
#pragma GCC diagnostic pop
		assert_int_equal(checkpoint_scan(text, strlen(text), &c), TG_EINVAL);
	}
	snprintf(text, sizeof text, "origin\n0\n%s\nan extension\n", root);
	assert_int_equal(checkpoint_scan(text, strlen(text), &c), 0);
	assert_int_equal(c.size, 0);
}

/* A proof that the third of five lines stands in a log. */
#define LINES 5u
static const char *const lines[LINES] = {"one", "two", "three", "four", "five"};

static int read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	struct tree_edge e = {0};

	(void)ctx;
	for (uint64_t i = index << level; i < (index + 1) << level; i++) {
		tree_leaf(sha, lines[i], strlen(lines[i]), out);
		tree_add(sha, &e, out);
	}
	tree_root(sha, &e, out);
	return 0;
}

static size_t a_proof(char out[8192])
{
	struct checkpoint c = {.origin = "log.example/evidence", .size = LINES};
	struct tree_edge e;
	struct proof p = {.line = lines[2], .line_n = strlen(lines[2]), .index = 2};
	char signed_text[4096];

	assert_int_equal(tree_edge_read(read_node, NULL, LINES, &e), 0);
	tree_root(sha, &e, c.root);
	assert_int_equal(tree_inclusion(sha, read_node, NULL, 2, LINES, &p.inclusion), 0);
	p.checkpoint_n = a_signed(&c, signed_text);
	p.checkpoint = signed_text;
	assert_int_equal(proof_text(&p, out, 200), 0);
	return proof_text(&p, out, 8192);
}

/* What a reader of a proof does. */
static int check(
	const struct proof *p, const struct note_key *log, struct note *note, struct checkpoint *c)
{
	if (note_scan(p->checkpoint, p->checkpoint_n, note) != 0 ||
		note_verify(note, log, NULL) != 0 ||
		checkpoint_scan(note->text.p, note->text.n, c) != 0 ||
		strcmp(c->origin, log->name) != 0)
		return TG_EINVAL;
	return proof_included(sha, p, c);
}

static int holds(const char *s, size_t n)
{
	char line[PROOF_LINE_MAX];
	struct checkpoint c;
	struct proof p;
	struct note note;

	return proof_scan(s, n, line, sizeof line, &p) == 0 && check(&p, &log_key, &note, &c) == 0;
}

static void a_proof_holds_until_a_byte_is_altered(void **state)
{
	static char text[8192], line[PROOF_LINE_MAX];
	size_t n = a_proof(text), held = 0;
	const char *strangers = strstr(text, DASH "stranger");
	struct checkpoint c;
	struct proof p;
	struct note note;

	(void)state;
	assert_true(n > 0 && strlen(text) == n);
	assert_int_equal(proof_scan(text, n, line, sizeof line, &p), 0);
	assert_int_equal(p.index, 2);
	assert_int_equal(p.line_n, 5);
	assert_memory_equal(p.line, "three", 5);
	assert_int_equal(check(&p, &log_key, &note, &c), 0);
	assert_int_equal(note_verify(&note, &witness_key, NULL), 0);
	assert_int_equal(c.size, LINES);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		/* behind the log's signature stand those of others, which it does not need */
		if (text + i < strangers)
			assert_false(holds(text, n));
		else
			held += (size_t)holds(text, n);
		text[i] ^= 1;
	}
	assert_true(held > 0);
	for (size_t i = 0; text + i < strangers; i++)
		assert_false(holds(text, i));
	/* another log's key */
	assert_int_equal(check(&p, &witness_key, &note, &c), TG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_note_holds),
		cmocka_unit_test(a_key_is_read_as_it_is_written_and_not_otherwise),
		cmocka_unit_test(what_is_no_note_is_refused),
		cmocka_unit_test(cosignatures_are_checked_beside_the_logs),
		cmocka_unit_test(what_is_no_checkpoint_is_refused),
		cmocka_unit_test(a_proof_holds_until_a_byte_is_altered),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
