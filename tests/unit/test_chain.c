/*
 * Goal: a line of evidence reads back as it was written, whatever bytes the store held; nothing but
 * what the writer produces is accepted; signatures cover what they must. With TIMEGLAS_CHAIN_OUT
 * and TIMEGLAS_CHAIN_EVENTS set, it writes a log of that many events instead, for measurements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/chain.h"
#include "core/chain_note.h"
#include "core/hex.h"

#define T(s) ((struct chain_text){s, strlen(s)})

static uint8_t public_key[CHAIN_KEY], secret[CHAIN_SECRET];

static struct chain_record a_record(void)
{
	struct chain_record r = {.n = 7,
		.time_ms = 1700000000123,
		.id = T("3f-1700000000123-4"),
		.event = T("gone"),
		.tag = T("00112233445566778899aabbccddeeff"),
		.kind = T("passport"),
		.dk = 1,
		.subject = T("00112233445566778899aabbccddeeff"),
		.size_bytes = 0,
		.deadline_ms = 1700003600123,
		.lease_ms = 1700000900000,
		.late_us = 0,
		.cause = T("consumed"),
		.outcome = T("ok"),
		.uploader = T("up"),
		.to = T("v w"),
		.by = T("v"),
		.session = T("0123456789abcdef"),
		.reason = T("second-fetch"),
		.first_ms = 1700000000001,
		.last_ms = 1700000000099,
		.count = 20};

	memset(r.prev, 0xa5, sizeof r.prev);
	return r;
}

/* Writes it, reads it, returns the line's length. */
static size_t round_trip(
	const struct chain_record *r, char line[CHAIN_LINE_MAX + 1], struct chain_line *out)
{
	struct chain_buf b = {.p = line, .cap = CHAIN_LINE_MAX + 1};

	chain_put_record(&b, r);
	assert_false(b.full);
	assert_int_equal(line[b.n - 1], '\n');
	assert_int_equal(chain_scan(line, b.n - 1, out), 0);
	return b.n - 1;
}

static void assert_text(struct chain_text t, const char *text)
{
	assert_non_null(t.p);
	assert_int_equal(t.n, strlen(text));
	assert_memory_equal(t.p, text, t.n);
}

static void put_record_all_members_read_back(void **state)
{
	static char line[CHAIN_LINE_MAX + 1], more[256];
	struct chain_buf b = {.p = more, .cap = sizeof more};
	struct chain_record r = a_record();
	struct chain_line l;

	(void)state;
	chain_put_member(&b, T("x"), T(""));
	chain_put_member(&b, T("y\n"), T("\"\\\xff"));
	r.more = (struct chain_text){more, b.n};
	round_trip(&r, line, &l);
	assert_false(l.is_check);
	assert_int_equal(l.record.n, 7);
	assert_int_equal(l.record.time_ms, r.time_ms);
	assert_text(l.record.id, "3f-1700000000123-4");
	assert_int_equal(l.record.dk, 1);
	assert_int_equal(l.record.size_bytes, 0);
	assert_int_equal(l.record.deadline_ms, r.deadline_ms);
	assert_int_equal(l.record.lease_ms, r.lease_ms);
	assert_int_equal(l.record.late_us, 0);
	assert_text(l.record.cause, "consumed");
	assert_text(l.record.outcome, "ok");
	assert_text(l.record.to, "v w");
	assert_text(l.record.session, "0123456789abcdef");
	assert_text(l.record.reason, "second-fetch");
	assert_int_equal(l.record.first_ms, r.first_ms);
	assert_int_equal(l.record.last_ms, r.last_ms);
	assert_int_equal(l.record.count, 20);
	assert_text(l.record.more, "\"x\":\"\",\"y\\u000a\":\"\\\"\\\\\\u00ff\"");
	assert_memory_equal(l.record.prev, r.prev, CHAIN_HASH);
}

static void put_record_absent_members_stay_absent(void **state)
{
	static char line[CHAIN_LINE_MAX + 1];
	const struct chain_record r = {.n = 1, .event = T("x"), CHAIN_NO_NUMBERS};
	struct chain_line l;

	(void)state;
	round_trip(&r, line, &l);
	assert_null(l.record.id.p);
	assert_null(l.record.cause.p);
	assert_int_equal(l.record.dk, -1);
	assert_int_equal(l.record.size_bytes, -1);
	assert_int_equal(l.record.late_us, -1);
	assert_null(l.record.reason.p);
	assert_int_equal(l.record.first_ms, -1);
	assert_int_equal(l.record.last_ms, -1);
	assert_int_equal(l.record.count, -1);
	assert_null(l.record.more.p);
}

/* Lines of an older program call the tag a ref. */
static void scan_record_with_the_older_name_of_the_tag(void **state)
{
	static char line[CHAIN_LINE_MAX + 1];
	struct chain_record r = a_record();
	struct chain_line l;
	size_t n = round_trip(&r, line, &l);
	char *at = strstr(line, ",\"tag\":");

	(void)state;
	assert_non_null(at);
	memcpy(at + 2, "ref", 3);
	assert_int_equal(chain_scan(line, n, &l), 0);
	assert_int_equal(l.record.tag.n, r.tag.n);
	assert_memory_equal(l.record.tag.p, r.tag.p, r.tag.n);
}

static void put_record_too_long_is_told(void **state)
{
	static char line[CHAIN_LINE_MAX + 1], big[CHAIN_LINE_MAX];
	struct chain_buf b = {.p = line, .cap = sizeof line};
	struct chain_record r = a_record();

	(void)state;
	memset(big, '\n', sizeof big);
	r.cause = (struct chain_text){big, sizeof big};
	chain_put_record(&b, &r);
	assert_true(b.full);
}

/* Every byte of a line, changed to every other value: it does not read, or it reads as another
 * line: never as the same. */
static void scan_any_byte_changed_is_refused_or_different(void **state)
{
	static char line[CHAIN_LINE_MAX + 1], again[CHAIN_LINE_MAX + 1];
	const struct chain_record r = a_record();
	struct chain_line l;
	size_t n = round_trip(&r, line, &l), read = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char was = line[i];

		for (int v = 0; v < 256; v++) {
			struct chain_buf b = {.p = again, .cap = sizeof again};

			line[i] = (char)v;
			if ((char)v == was || chain_scan(line, n, &l) != 0)
				continue;
			read++;
			/* One form only: escapes aside, what was read writes the same bytes again.
			 */
			chain_put_record(&b, &l.record);
			assert_int_equal(b.n, n + 1);
			assert_memory_equal(again, line, n);
		}
		line[i] = was;
	}
	assert_true(read > 100);
	assert_int_equal(chain_scan(line, n, &l), 0);
	assert_int_equal(chain_scan(line, n - 1, &l), TG_EINVAL);
}

static void scan_other_forms_are_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "{\"n\":1}",
		"{ \"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"prev\":\"\"}",
		"{\"n\":01,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":0,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"x\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"\\u0041\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"prev\":\""
		"00000000000000000000000000000000000000000000000000000000000000AA\"}",
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"size\":1,\"dk\":"
		"true,\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"more\":{},"
		"\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"n\":1,\"time\":\"2026-02-30T00:00:00.000Z\",\"event\":\"x\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}"};
	static const char good[] =
		"{\"n\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"event\":\"x\",\"prev\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}";
	struct chain_line l;

	(void)state;
	assert_int_equal(chain_scan(good, strlen(good), &l), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(chain_scan(bad[i], strlen(bad[i]), &l), TG_EINVAL);
}

static void put_check_signature_covers_every_byte_before_it(void **state)
{
	static char line[CHAIN_LINE_MAX + 1];
	struct chain_check c = {.n = 9,
		.time_ms = 1700000000999,
		.reason = T("time"),
		.epoch = "0123456789abcdef0123456789abcdef"};
	struct chain_buf b = {.p = line, .cap = sizeof line};
	struct chain_line l;
	size_t good = 0;

	(void)state;
	c.pos[0] = (struct chain_pos){UINT64_MAX, UINT64_MAX};
	c.pos[63] = (struct chain_pos){1700000000123, 0};
	chain_put_check(&b, &c, secret);
	assert_int_equal(chain_scan(line, b.n - 1, &l), 0);
	assert_true(l.is_check);
	assert_int_equal(chain_pos_cmp(&l.check.pos[0], &c.pos[0]), 0);
	assert_int_equal(chain_pos_cmp(&l.check.pos[63], &c.pos[63]), 0);
	assert_int_equal(l.check.pos[1].ms, 0);
	assert_memory_equal(l.check.key, public_key, CHAIN_KEY);
	assert_int_equal(chain_check_verify(line, &l.check), 0);
	for (size_t i = 0; i + 1 < b.n; i++) {
		line[i] ^= 1;
		good += chain_scan(line, b.n - 1, &l) == 0 &&
			chain_check_verify(line, &l.check) == 0;
		line[i] ^= 1;
	}
	assert_int_equal(good, 0);
}

static void scan_epoch_is_hex_or_nothing(void **state)
{
	static const char *const epoch[] = {"0123456789abcdef0123456789abcdef", "",
		"0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeF",
		"0123456789abcdef0123456789ab\xff", "0123456789abcdef0123456789abc\"e"};
	static char line[CHAIN_LINE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof epoch / sizeof *epoch; i++) {
		struct chain_check c = {.n = 1, .reason = T("time")};
		struct chain_buf b = {.p = line, .cap = sizeof line};
		struct chain_line l;

		strcpy(c.epoch, epoch[i]);
		chain_put_check(&b, &c, secret);
		assert_int_equal(chain_scan(line, b.n - 1, &l), i < 2 ? 0 : TG_EINVAL);
	}
}

static void id_parse_other_forms_are_refused(void **state)
{
	static const char *const bad[] = {"", "00-", "40-1-1", "0-1-1", "0A-1-1", "00-1", "00-1-",
		"00-01-1", "00-1-1 ", "00-18446744073709551616-0", "00--1"};
	struct chain_pos p;
	unsigned shard;

	(void)state;
	assert_int_equal(chain_id_parse("3f-18446744073709551615-0", 25, &shard, &p), 0);
	assert_int_equal(shard, 63);
	assert_true(p.ms == UINT64_MAX && p.seq == 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(chain_id_parse(bad[i], strlen(bad[i]), &shard, &p), TG_EINVAL);
}

/* A log as a busy recorder would write it: a blob is stored and gone ten blobs later; a checkpoint
 * each 5,000 events. ---- */

static struct chain_buf out;
static uint8_t prev[CHAIN_HASH];
#define BEGIN_MS INT64_C(1700000000000)

static uint64_t number, people;
static FILE *file;

static struct sha256 *sha;
static struct tree_edge tree;

static void wrote(size_t from)
{
	uint8_t leaf[TREE_HASH];

	chain_hash(out.p + from, out.n - from - 1, prev);
	tree_leaf(sha, out.p + from, out.n - from - 1, leaf);
	tree_add(sha, &tree, leaf);
	assert_int_equal(fwrite(out.p, 1, out.n, file), out.n);
	out.n = 0;
}

static void sign(struct chain_check *c, const char *reason, int64_t ms)
{
	c->n = ++number;
	c->time_ms = ms;
	c->reason = T(reason);
	memcpy(c->prev, prev, sizeof prev);
	c->origin = T("log.example/evidence");
	tree_root(sha, &tree, c->root);
	chain_note_sign(c, secret);
	chain_put_check(&out, c, secret);
	wrote(0);
}

/* A person with 30 blobs, spread over the log: what timeglas makes of the pseudonym that is the
 * person's number as 64 digits. */
static void subject_of(uint64_t person, char hash_hex[33])
{
	char text[128];
	uint8_t hash[crypto_hash_sha256_BYTES];
	int n = snprintf(text, sizeof text, "timeglas subject 1\nuploader\n%064llx",
		(unsigned long long)person);

	crypto_hash_sha256(hash, (const unsigned char *)text, (unsigned long long)n);
	tg_hex_encode(hash, 16, hash_hex);
}

static void event(
	struct chain_check *c, const char *what, uint64_t blob, int64_t ms, int64_t late_us)
{
	char id[64], tag[33], subject[33];
	unsigned shard = (unsigned)(blob % 64);
	struct chain_record r = {.n = ++number,
		.time_ms = ms,
		.event = T(what),
		.kind = T("liveness"),
		.dk = 0,
		.size_bytes = 40000,
		.deadline_ms = BEGIN_MS + (int64_t)(blob / 5) + 2, /* a millisecond from storing */
		.lease_ms = -1,
		.late_us = late_us,
		.uploader = T("uploader"),
		.first_ms = -1,
		.last_ms = -1,
		.count = -1};

	c->pos[shard].ms = (uint64_t)ms;
	c->pos[shard].seq++;
	snprintf(id, sizeof id, "%02x-%llu-%llu", shard, (unsigned long long)ms,
		(unsigned long long)c->pos[shard].seq);
	snprintf(tag, sizeof tag, "%016llx%016llx",
		(unsigned long long)(blob * 0x9e3779b97f4a7c15u), (unsigned long long)blob);
	r.id = T(id);
	r.tag = T(tag);
	subject_of(blob % people, subject);
	r.subject = T(subject);
	if (late_us >= 0) {
		r.cause = T("expired");
	} else {
		r.to = T("verifier verifier2");
	}
	memcpy(r.prev, prev, sizeof prev);
	chain_put_record(&out, &r);
	wrote(0);
}

static int write_log(const char *path, uint64_t events)
{
	static char line[CHAIN_LINE_MAX + 1];
	struct chain_check c = {.epoch = "0123456789abcdef0123456789abcdef"};
	char key[2 * CHAIN_KEY + 1];
	int64_t ms = BEGIN_MS;

	file = fopen(path, "w");
	sha = sha256_new();
	if (file == NULL || sha == NULL)
		return 1;
	out = (struct chain_buf){.p = line, .cap = sizeof line};
	people = events / 60 + 1;
	sign(&c, "begin", ms);
	for (uint64_t i = 0; i < events / 2; i++) {
		ms += i % 5 == 0;
		event(&c, "stored", i, ms, -1);
		if (i >= 10)
			event(&c, "gone", i - 10, ms, 1000 + (int64_t)(i % 997));
		if (i % 2500 == 2499)
			sign(&c, "time", ms);
	}
	sign(&c, "exit", ms);
	sha256_free(sha);
	printf("%s%s\n", CHAIN_PUBLIC, tg_hex_encode(public_key, CHAIN_KEY, key));
	return fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_record_all_members_read_back),
		cmocka_unit_test(put_record_absent_members_stay_absent),
		cmocka_unit_test(scan_record_with_the_older_name_of_the_tag),
		cmocka_unit_test(put_record_too_long_is_told),
		cmocka_unit_test(scan_any_byte_changed_is_refused_or_different),
		cmocka_unit_test(scan_other_forms_are_refused),
		cmocka_unit_test(put_check_signature_covers_every_byte_before_it),
		cmocka_unit_test(scan_epoch_is_hex_or_nothing),
		cmocka_unit_test(id_parse_other_forms_are_refused),
	};
	const char *path = getenv("TIMEGLAS_CHAIN_OUT"), *events = getenv("TIMEGLAS_CHAIN_EVENTS");

	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret) != 0)
		return 1;
	if (path != NULL && events != NULL)
		return write_log(path, strtoull(events, NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
