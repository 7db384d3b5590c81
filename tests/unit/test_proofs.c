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

#define T(s) ((struct chain_text){s, strlen(s)})
#define LINES 1500u
#define ORIGIN "timeglas/00112233445566778899aabbccddeeff"

static struct sha256 *sha;
static struct note_key log_key;
static uint8_t secret[NOTE_SECRET];
static struct receipt_key pinned;
static char *line[LINES];
static size_t line_n[LINES];
static uint8_t leaf[LINES][TREE_HASH];

/* The log ------------------------------------------------------------------ */

static struct chain_pos position[CHAIN_SHARDS];

static bool is_check(unsigned i)
{
	return i % 101 == 0 || i == LINES - 1;
}

static void put_check(struct chain_buf *b, unsigned i)
{
	struct chain_check c = {.n = i + 1,
		.time_ms = 1700000000000 + i,
		.reason = i == 0       ? T("begin") :
			i == LINES - 1 ? T("exit") :
					 T("time"),
		.epoch = "0123456789abcdef0123456789abcdef"};

	memcpy(c.pos, position, sizeof c.pos);
	if (i > 0)
		chain_hash(line[i - 1], line_n[i - 1], c.prev);
	chain_put_check(b, &c, secret);
}

/* Blobs are stored, and read a moment later. */
static void put_record(struct chain_buf *b, unsigned i)
{
	const unsigned event = i - 1 - i / 101, blob = event / 2, shard = blob % CHAIN_SHARDS;
	const bool stored = event % 2 == 0;
	char id[CHAIN_ID_MAX + 1], tag[33];
	struct chain_record r = {.n = i + 1,
		.time_ms = 1700000000000 + i,
		.event = stored ? T("stored") : T("gone"),
		.kind = T("liveness"),
		.dk = -1,
		.size_bytes = 4000,
		.deadline_ms = 1700000000000 + i + 60000,
		.lease_ms = -1,
		.late_us = -1,
		.uploader = T("uploader")};

	position[shard] = (struct chain_pos){1700000000000ull + i, 0};
	snprintf(id, sizeof id, "%02x-%llu-0", shard, 1700000000000ull + i);
	snprintf(tag, sizeof tag, "%032x", blob);
	r.id = T(id);
	r.tag = T(tag);
	if (stored) {
		r.to = T("verifier");
	} else {
		r.cause = T("consumed");
		r.by = T("verifier");
	}
	chain_hash(line[i - 1], line_n[i - 1], r.prev);
	chain_put_record(b, &r);
}

static void add_line(unsigned i)
{
	static char text[CHAIN_LINE_MAX + 1];
	struct chain_buf b = {.p = text, .cap = sizeof text};

	if (is_check(i))
		put_check(&b, i);
	else
		put_record(&b, i);
	line_n[i] = b.n - 1;
	line[i] = malloc(b.n);
	if (line[i] == NULL)
		abort();
	memcpy(line[i], text, b.n);
	tree_leaf(sha, line[i], line_n[i], leaf[i]);
}

static int read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	uint8_t right[TREE_HASH];

	if (level == 0) {
		memcpy(out, leaf[index], TREE_HASH);
		return 0;
	}
	read_node(ctx, level - 1, 2 * index, out);
	read_node(ctx, level - 1, 2 * index + 1, right);
	tree_node(sha, out, right, out);
	return 0;
}

static void begin(void)
{
	uint8_t public[NOTE_PUBLIC];

	sha = sha256_new();
	if (sha == NULL || sodium_init() < 0)
		abort();
	crypto_sign_keypair(public, secret);
	if (note_key_make(sha, ORIGIN, NOTE_ED25519, public, &log_key) != 0)
		abort();
	memcpy(pinned.public, public, sizeof public);
	for (unsigned i = 0; i < LINES; i++)
		add_line(i);
}

static void end(void)
{
	for (unsigned i = 0; i < LINES; i++)
		free(line[i]);
	sha256_free(sha);
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

static void root_of(uint64_t size, uint8_t out[TREE_HASH])
{
	struct tree_edge e;

	if (tree_edge_read(read_node, NULL, size, &e) != 0)
		abort();
	tree_root(sha, &e, out);
}

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

	if (note_sign(&log_key, secret, text, n, 0, p->signature) == NULL)
		abort();
}

static void prove(uint64_t index, uint64_t size, struct parts *p)
{
	*p = (struct parts){.proof = {.index = index, .line_n = line_n[index]}};
	memcpy(p->line, line[index], line_n[index]);
	snprintf(p->checkpoint.origin, sizeof p->checkpoint.origin, ORIGIN);
	p->checkpoint.size = size;
	root_of(size, p->checkpoint.root);
	if (tree_inclusion(sha, read_node, NULL, index, size, &p->proof.inclusion) != 0)
		abort();
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
	char *base64 = p->signature + 4 + strlen(ORIGIN) + 1;

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
	if (note_key_make(sha, ORIGIN, NOTE_ED25519, public, &k) != 0 ||
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
	const uint64_t size = 2 + i * 389 % (LINES - 2);
	unsigned index = (unsigned)(i * 7919ull % size);

	if (is_check(index))
		index = index > 1 ? index - 1 : 1;
	prove(index, size, p);
}

/* Cases -------------------------------------------------------------------- */

static struct parts parts;
static struct receipt receipt;

static enum receipt_fault checked(const char *text, size_t n)
{
	return receipt_check(sha, text, n, &pinned, 1, &receipt);
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
	tree_leaf(sha, text, strlen(text), parts.checkpoint.root);
	tree_node(sha, leaf[0], parts.checkpoint.root, parts.checkpoint.root);
	sign(&parts);
	write_down(&parts);
	assert_int_equal(checked(parts.text, parts.n), RECEIPT_RECORD);
	memcpy(parts.line, line[4], line_n[4]);
	parts.proof.line_n = line_n[4];
	tree_node(sha, leaf[0], leaf[4], parts.checkpoint.root);
	sign(&parts);
	write_down(&parts);
	assert_int_equal(checked(parts.text, parts.n), RECEIPT_PLACE);
}

static void keys_are_read_in_both_forms(void **state)
{
	char text[NOTE_KEY_TEXT_MAX], hex[96] = CHAIN_PUBLIC;
	struct receipt_key both[2], one;

	(void)state;
	note_key_text(&log_key, text);
	tg_hex_encode(log_key.public, NOTE_PUBLIC, hex + strlen(hex));
	assert_int_equal(receipt_key_parse(sha, text, strlen(text), &both[1]), 0);
	assert_string_equal(both[1].origin, ORIGIN);
	assert_int_equal(receipt_key_parse(sha, hex, strlen(hex), &one), 0);
	assert_string_equal(one.origin, "");
	assert_memory_equal(one.public, both[1].public, NOTE_PUBLIC);
	assert_int_equal(receipt_key_parse(sha, hex, strlen(hex) - 1, &one), TG_EINVAL);
	hex[20] = 'F';
	assert_int_equal(receipt_key_parse(sha, hex, strlen(hex), &one), TG_EINVAL);
	text[0] = 'T';
	assert_int_equal(receipt_key_parse(sha, text, strlen(text), &one), TG_EINVAL);

	prove(7, 99, &parts);
	both[0] = pinned;
	both[0].public[0] ^= 1; /* an older key: any of several may have signed */
	assert_int_equal(receipt_check(sha, parts.text, parts.n, both, 2, &receipt), RECEIPT_GOOD);
	assert_int_equal(receipt_check(sha, parts.text, parts.n, both, 1, &receipt), RECEIPT_KEY);
	strcpy(both[1].origin, "another.example/log");
	assert_int_equal(
		receipt_check(sha, parts.text, parts.n, both + 1, 1, &receipt), RECEIPT_ORIGIN);
	/* nobody's key: the rest is checked all the same */
	assert_int_equal(receipt_check(sha, parts.text, parts.n, NULL, 0, &receipt), RECEIPT_GOOD);
	alter_hash(&parts, 3);
	assert_int_equal(
		receipt_check(sha, parts.text, parts.n, NULL, 0, &receipt), RECEIPT_INCLUSION);
}

/* For other programs ------------------------------------------------------- */

static int write_file(const char *folder, const char *name, const char *text, size_t n)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	if (f == NULL || fwrite(text, 1, n, f) != n)
		return 1;
	return fclose(f);
}

static int write_log(const char *folder)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/audit.log", folder);
	f = fopen(path, "w");
	for (unsigned i = 0; f != NULL && i < LINES; i++)
		fprintf(f, "%.*s\n", (int)line_n[i], line[i]);
	return f == NULL || fclose(f) != 0;
}

static int write_proofs(const char *folder, unsigned count)
{
	char key[NOTE_KEY_TEXT_MAX], name[64];
	int bad = write_log(folder);

	note_key_text(&log_key, key);
	bad |= write_file(folder, "key", key, strlen(key));
	for (unsigned i = 0; i < count && !bad; i++) {
		const unsigned k = i % ALTERATIONS;

		prove_some(i, &parts);
		snprintf(name, sizeof name, "true-%u", i);
		bad |= write_file(folder, name, parts.text, parts.n);
		alterations[k].alter(&parts, i / (unsigned)ALTERATIONS);
		snprintf(name, sizeof name, "altered-%s-%u", alterations[k].name, i);
		bad |= write_file(folder, name, parts.text, parts.n);
	}
	return bad;
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
