/*
 * Goal: a receipt that proves itself is accepted as it was written, and refused with the right word
 * when any part of it was altered. With TIMEGLAS_PROOFS_OUT set to a folder, it writes proofs there
 * instead, true ones and altered ones (TIMEGLAS_PROOFS of each), and their log and its key, for
 * other programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/hex.h"
#include "lib/receipt.h"
#include "log_fixture.h"
#include "tree_node.h"

#define EVENTS 1360u

static struct log_key key;
static struct receipt_key pinned;
static struct log history;

static void begin(void)
{
	static struct log_event story[EVENTS];

	log_key_draw(&key);
	memcpy(pinned.public, key.note.public, sizeof pinned.public);
	for (unsigned i = 0; i < EVENTS; i++)
		story[i] = (struct log_event){i / 2, i % 2, "verifier", 0};
	log_tell(&key, &history, story, EVENTS);
}

static void end(void)
{
	log_free(&history);
	sha256_free(key.sha);
}

/* Proofs ------------------------------------------------------------------- */

struct parts { /* a proof, before it is written */
	struct proof proof;
	struct checkpoint checkpoint;
	char line[CHAIN_LINE_MAX];
	char signature[NOTE_LINE_MAX];
	char text[PROOF_MAX + 1];
	size_t n;
};

static void write_down(struct parts *p)
{
	char note[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2];
	size_t n = checkpoint_text(&p->checkpoint, note);

	n += (size_t)snprintf(note + n, sizeof note - n, "\n%s", p->signature);
	p->proof.line = p->line;
	p->proof.checkpoint = note;
	p->proof.checkpoint_n = n;
	p->n = proof_text(&p->proof, p->text, sizeof p->text);
	p->proof.checkpoint = NULL;
}

static void sign(struct parts *p)
{
	char text[CHECKPOINT_TEXT_MAX];
	size_t n = checkpoint_text(&p->checkpoint, text);

	if (note_sign(&key.note, key.secret, text, n, 0, p->signature) == NULL)
		abort();
}

static void prove(uint64_t index, uint64_t size, struct parts *p)
{
	*p = (struct parts){0};
	log_prove(&key, &history, index, size, &p->proof);
	memcpy(p->line, p->proof.line, p->proof.line_n);
	log_head(&key, &history, size, &p->checkpoint);
	sign(p);
	write_down(p);
}

/* Alterations: each makes a text that is not the log's any more. @r chooses what and how. */

static void alter_line(struct parts *p, unsigned r)
{
	p->line[r % p->proof.line_n] ^= (char)(1 << r % 7);
	write_down(p);
}

static void alter_index(struct parts *p, unsigned r)
{
	p->proof.index =
		r % 2 || p->proof.index == 0 ? p->proof.index + 1 + r % 40 : p->proof.index - 1;
	write_down(p);
}

static void alter_hash(struct parts *p, unsigned r)
{
	p->proof.inclusion.hash[r % p->proof.inclusion.n][r % TREE_HASH] ^= (uint8_t)(1 << r % 8);
	write_down(p);
}

static void alter_number_of_hashes(struct parts *p, unsigned r)
{
	if (r % 2)
		p->proof.inclusion.n--;
	else
		p->proof.inclusion.n++;
	write_down(p);
}

static void alter_size(struct parts *p, unsigned r)
{
	p->checkpoint.size += 1 + r % 9;
	write_down(p);
}

static void alter_root(struct parts *p, unsigned r)
{
	p->checkpoint.root[r % TREE_HASH] ^= (uint8_t)(1 << r % 8);
	write_down(p);
}

static void alter_origin(struct parts *p, unsigned r)
{
	p->checkpoint.origin[strlen("timeglas/") + r % 32] = 'x';
	if (r % 2)
		sign(p); /* by the right key, under the log's right name, for another log */
	write_down(p);
}

static void alter_name_of_signature(struct parts *p, unsigned r)
{
	p->signature[4 + strlen("timeglas/") + r % 32] = 'x';
	write_down(p);
}

static void alter_signature(struct parts *p, unsigned r)
{
	uint8_t raw[68];
	char *base64 = p->signature + 4 + strlen(LOG_ORIGIN) + 1;

	if (tg_b64_decode(TG_B64_STD, base64, strlen(base64) - 1, raw, sizeof raw) != sizeof raw)
		abort();
	raw[r % sizeof raw] ^= (uint8_t)(1 << r % 8);
	tg_b64_encode(TG_B64_STD, raw, sizeof raw, base64);
	strcat(base64, "\n");
	write_down(p);
}

static void alter_length(struct parts *p, unsigned r)
{
	p->n -= 1 + r * 7919 % (p->n - 1);
	p->text[p->n] = '\0';
}

/* A whole proof of another line, which the key never signed: everything is right but the key. */
static void alter_key(struct parts *p, unsigned r)
{
	uint8_t public[NOTE_PUBLIC], other[NOTE_SECRET];
	char text[CHECKPOINT_TEXT_MAX];
	struct note_key k;
	size_t n = checkpoint_text(&p->checkpoint, text);

	(void)r;
	crypto_sign_keypair(public, other);
	if (note_key_make(key.sha, LOG_ORIGIN, NOTE_ED25519, public, &k) != 0 ||
		note_sign(&k, other, text, n, 0, p->signature) == NULL)
		abort();
	write_down(p);
}

static const struct {
	const char *name;
	void (*alter)(struct parts *p, unsigned r);
} alterations[] = {
	{"line", alter_line},
	{"index", alter_index},
	{"hash", alter_hash},
	{"hashes", alter_number_of_hashes},
	{"size", alter_size},
	{"root", alter_root},
	{"origin", alter_origin},
	{"name", alter_name_of_signature},
	{"signature", alter_signature},
	{"length", alter_length},
	{"key", alter_key},
};
#define ALTERATIONS (sizeof alterations / sizeof *alterations)

/* The i-th of many: another line and another size each time. */
static void prove_some(unsigned i, struct parts *p)
{
	const uint64_t size = 2 + i * 389 % (history.n - 2);
	unsigned index = (unsigned)(i * 7919ull % size);

	if (history.line[index].is_check)
		index = index > 1 ? index - 1 : 1;
	prove(index, size, p);
}

/* Cases -------------------------------------------------------------------- */

static struct parts parts;
static struct receipt receipt;

static enum receipt_fault checked(const char *text, size_t n)
{
	return receipt_check(key.sha, text, n, &pinned, 1, &receipt);
}

static void a_true_proof_is_accepted_and_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		prove_some(i, &parts);
		assert_true(parts.n > 0 && parts.n <= 4096);
		assert_true(receipt_is(parts.text, parts.n));
		assert_int_equal(checked(parts.text, parts.n), RECEIPT_GOOD);
		assert_int_equal(receipt.line.record.n, parts.proof.index + 1);
		assert_int_equal(receipt.head.checkpoint.size, parts.checkpoint.size);
	}
}

static void an_altered_proof_is_refused(void **state)
{
	unsigned seen[RECEIPT_PLACE + 1] = {0};

	(void)state;
	for (unsigned i = 0; i < 100 * ALTERATIONS; i++) {
		enum receipt_fault fault;

		prove_some(i, &parts);
		alterations[i % ALTERATIONS].alter(&parts, i / ALTERATIONS);
		fault = checked(parts.text, parts.n);
		if (fault == RECEIPT_GOOD)
			fail_msg("%s, %u: accepted", alterations[i % ALTERATIONS].name, i);
		seen[fault]++;
	}
	assert_true(seen[RECEIPT_FORM] && seen[RECEIPT_NOTE] && seen[RECEIPT_KEY] &&
		seen[RECEIPT_SIGNATURE] && seen[RECEIPT_INCLUSION]);
}

/* Whoever has the key can sign any line; the record must still be one, in its own place. */
static void what_the_key_signed_must_be_a_record_in_its_place(void **state)
{
	static const char text[] = "not a line of evidence";

	(void)state;
	prove(1, 2, &parts);
	memcpy(parts.line, text, strlen(text));
	parts.proof.line_n = strlen(text);
	tree_leaf(key.sha, text, strlen(text), parts.checkpoint.root);
	tree_node(key.sha, history.line[0].leaf, parts.checkpoint.root, parts.checkpoint.root);
	sign(&parts);
	write_down(&parts);
	assert_int_equal(checked(parts.text, parts.n), RECEIPT_RECORD);
	memcpy(parts.line, history.line[4].p, history.line[4].n);
	parts.proof.line_n = history.line[4].n;
	tree_node(key.sha, history.line[0].leaf, history.line[4].leaf, parts.checkpoint.root);
	sign(&parts);
	write_down(&parts);
	assert_int_equal(checked(parts.text, parts.n), RECEIPT_PLACE);
}

static void keys_are_read_in_both_forms(void **state)
{
	char text[NOTE_KEY_TEXT_MAX], hex[96] = CHAIN_PUBLIC;
	struct receipt_key both[2], one;

	(void)state;
	note_key_text(&key.note, text);
	tg_hex_encode(key.note.public, NOTE_PUBLIC, hex + strlen(hex));
	assert_int_equal(receipt_key_parse(key.sha, text, strlen(text), &both[1]), 0);
	assert_string_equal(both[1].origin, LOG_ORIGIN);
	assert_int_equal(receipt_key_parse(key.sha, hex, strlen(hex), &one), 0);
	assert_string_equal(one.origin, "");
	assert_memory_equal(one.public, both[1].public, NOTE_PUBLIC);
	assert_int_equal(receipt_key_parse(key.sha, hex, strlen(hex) - 1, &one), TG_EINVAL);
	hex[20] = 'F';
	assert_int_equal(receipt_key_parse(key.sha, hex, strlen(hex), &one), TG_EINVAL);
	text[0] = 'T';
	assert_int_equal(receipt_key_parse(key.sha, text, strlen(text), &one), TG_EINVAL);

	prove(7, 99, &parts);
	both[0] = pinned;
	both[0].public[0] ^= 1; /* an older key: any of several may have signed */
	assert_int_equal(
		receipt_check(key.sha, parts.text, parts.n, both, 2, &receipt), RECEIPT_GOOD);
	assert_int_equal(
		receipt_check(key.sha, parts.text, parts.n, both, 1, &receipt), RECEIPT_KEY);
	strcpy(both[1].origin, "another.example/log");
	assert_int_equal(
		receipt_check(key.sha, parts.text, parts.n, both + 1, 1, &receipt), RECEIPT_ORIGIN);
	/* nobody's key: the rest is checked all the same */
	assert_int_equal(
		receipt_check(key.sha, parts.text, parts.n, NULL, 0, &receipt), RECEIPT_GOOD);
	alter_hash(&parts, 3);
	assert_int_equal(
		receipt_check(key.sha, parts.text, parts.n, NULL, 0, &receipt), RECEIPT_INCLUSION);
}

/* For other programs ------------------------------------------------------- */

static int write_proofs(const char *folder, unsigned count)
{
	char name[64];

	log_write(&key, &history, folder);
	log_write_key(&key, folder);
	for (unsigned i = 0; i < count; i++) {
		const unsigned k = i % ALTERATIONS;

		prove_some(i, &parts);
		snprintf(name, sizeof name, "true-%u", i);
		log_write_file(folder, name, parts.text, parts.n);
		alterations[k].alter(&parts, i / (unsigned)ALTERATIONS);
		snprintf(name, sizeof name, "altered-%s-%u", alterations[k].name, i);
		log_write_file(folder, name, parts.text, parts.n);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_true_proof_is_accepted_and_read),
		cmocka_unit_test(an_altered_proof_is_refused),
		cmocka_unit_test(what_the_key_signed_must_be_a_record_in_its_place),
		cmocka_unit_test(keys_are_read_in_both_forms),
	};
	const char *folder = getenv("TIMEGLAS_PROOFS_OUT"), *count = getenv("TIMEGLAS_PROOFS");
	int result;

	begin();
	if (folder != NULL && count != NULL)
		result = write_proofs(folder, (unsigned)strtoul(count, NULL, 10));
	else
		result = cmocka_run_group_tests(tests, NULL, NULL);
	end();
	return result;
}
