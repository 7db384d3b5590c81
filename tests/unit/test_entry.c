/*
 * Goal: whatever fields an event has, its record says all of them and nothing else: each in its
 * place when it has the form of that place, otherwise as it is.
 */
#include "check.h"
#include <hiredis/hiredis.h>
#include <sodium.h>
#include "recorder/entry.h"

#define PARTS_MAX 40

static redisReply part[PARTS_MAX], *parts[PARTS_MAX], list;
static struct entry x;

static void put(size_t i, const char *p, size_t n)
{
	assert_true(i < PARTS_MAX);
	part[i] = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)p, .len = n};
	parts[i] = &part[i];
}

/* An event of shard 5 with these names and values, up to a NULL. */
static struct outbox_event event(const char *const text[])
{
	size_t n = 0;

	for (; text[n] != NULL; n++)
		put(n, text[n], strlen(text[n]));
	list = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = n, .element = parts};
	return (struct outbox_event){
		.shard = 5, .pos = {1700000000123, 4}, .n = n / 2, .fields = &list};
}

#define FILL(...) \
	do { \
		const struct outbox_event e_ = event((const char *const[]){__VA_ARGS__, NULL}); \
		entry_fill(&x, &e_); \
	} while (0)

static bool is(struct chain_text t, const char *text)
{
	return text == NULL ? t.p == NULL :
			      t.p != NULL && t.n == strlen(text) && memcmp(t.p, text, t.n) == 0;
}

/* "more" and nothing else tells of it. */
static void assert_more(const char *more)
{
	if (!is(x.record.more, more))
		fail_msg("%.*s", (int)x.record.more.n, x.record.more.p);
}

static void fill_all_members_find_their_place(void **state)
{
	const struct chain_record *r = &x.record;

	(void)state;
	FILL("e", "gone", "d", "00112233 passport 1", "c", "lease-expired", "o", "ok", "u", "app",
		"w", "v", "to", " v w ", "s", "0123", "z", "300", "dl", "1700000000100", "ld",
		"1700000000050", "late", "23000", "at", "1700000000124");
	assert_true(is(r->id, "05-1700000000123-4") && is(r->event, "gone") &&
		is(r->tag, "00112233") && is(r->kind, "passport"));
	assert_true(is(r->cause, "lease-expired") && is(r->outcome, "ok") &&
		is(r->uploader, "app") && is(r->by, "v") && is(r->to, "v w"));
	assert_true(is(r->session, "0123"));
	assert_int_equal(r->dk, 1);
	assert_int_equal(r->size_bytes, 300);
	assert_int_equal(r->deadline_ms, 1700000000100);
	assert_int_equal(r->lease_ms, 1700000000050);
	assert_int_equal(r->late_us, 23000);
	assert_int_equal(r->time_ms, 1700000000124);
	assert_more(NULL);
}

static void fill_refused_reads_find_their_place(void **state)
{
	const struct chain_record *r = &x.record;

	(void)state;
	FILL("e", "refused", "t", "00112233445566778899aabbccddeeff", "w", "verifier2", "r",
		"second-fetch", "fi", "1700000000001", "la", "1700000000099", "k", "20", "at",
		"1700000000124");
	assert_true(is(r->event, "refused") && is(r->tag, "00112233445566778899aabbccddeeff") &&
		is(r->by, "verifier2") && is(r->reason, "second-fetch"));
	assert_int_equal(r->first_ms, 1700000000001);
	assert_int_equal(r->last_ms, 1700000000099);
	assert_int_equal(r->count, 20);
	assert_more(NULL);
	FILL("e", "refused", "t", "", "r", "unknown", "k", "07", "fi", "x");
	assert_true(r->tag.p == NULL && r->first_ms < 0 && r->last_ms < 0 && r->count < 0);
	assert_more("\"k\":\"07\",\"fi\":\"x\"");
}

static void fill_absent_and_empty_fields_leave_no_trace(void **state)
{
	const struct chain_record *r = &x.record;

	(void)state;
	FILL("e", "stored", "s", "", "o", "", "late", "");
	assert_true(r->tag.p == NULL && r->kind.p == NULL && r->session.p == NULL &&
		r->outcome.p == NULL && r->to.p == NULL);
	assert_true(r->dk < 0 && r->size_bytes < 0 && r->deadline_ms < 0 && r->lease_ms < 0 &&
		r->late_us < 0);
	assert_int_equal(r->time_ms, 1700000000123); /* no "at": when the store took it in */
	assert_more(NULL);
	FILL("d", "- liveness 0");
	assert_true(is(r->event, "?") && r->tag.p == NULL && is(r->kind, "liveness"));
	assert_int_equal(r->dk, 0);
	FILL("e", "gone", "d", "00112233 face3d 0 0123456789abcdef0123456789abcdef");
	assert_true(is(r->tag, "00112233") && is(r->kind, "face3d") &&
		is(r->subject, "0123456789abcdef0123456789abcdef"));
	FILL("e", "session-open", "sj", "0123", "sj", "");
	assert_true(is(r->subject, "0123"));
	FILL("e", "subject-erased", "sj", "0123", "u", "up", "w", "op", "count", "4", "method",
		"overwrite");
	assert_true(is(r->subject, "0123") && is(r->uploader, "up") && is(r->by, "op") &&
		is(r->more, "\"count\":\"4\",\"method\":\"overwrite\""));
	FILL("e", "subject-frozen", "sj", "0123", "dl", "1000");
	assert_true(r->deadline_ms == 1000 && r->more.p == NULL);
}

static void fill_takes_no_name_that_only_the_recorder_may_use(void **state)
{
	static const char *const names[] = {CHAIN_STORE_LOST, CHAIN_STORE_REPLACED,
		CHAIN_FALSE_GONE, CHAIN_STORE_REVERTED, CHAIN_TAKEN_OVER};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		FILL("e", names[i], "epoch", "ffff");
		assert_true(x.forged && is(x.record.event, "?"));
		FILL("e", "stored", "e", names[i]);
		assert_true(x.forged && is(x.record.event, "stored"));
	}
	FILL("e", "stored");
	assert_false(x.forged);
}

static void fill_other_forms_are_carried_as_they_are(void **state)
{
	static const char *const bad[][2] = {
		{"z", "007"},
		{"z", "-1"},
		{"z", "1 "},
		{"z", "9223372036854775808"},
		{"dl", "253402300800000"},
		{"ld", "x"},
		{"late", "1.5"},
		{"at", "01"},
		{"to", "v"},
		{"to", "  "},
		{"to", " v"},
		{"to", "v "},
		{"d", "tag passport"},
		{"d", "tag passport 2"},
		{"d", "tag passport 10"},
		{"d", "tag passport 1 "},
		{"d", " passport 1"},
		{"d", "tag  1"},
		{"d", "refpassport1"},
		{"new", ""},
		{"new", "value"},
		{"", ""},
		{"E", "gone"},
	};
	char more[64];

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		FILL("e", "gone", bad[i][0], bad[i][1]);
		snprintf(more, sizeof more, "\"%s\":\"%s\"", bad[i][0], bad[i][1]);
		assert_more(more);
		assert_true(is(x.record.event, "gone") && x.record.tag.p == NULL &&
			x.record.to.p == NULL && x.record.size_bytes < 0 &&
			x.record.deadline_ms < 0);
		assert_int_equal(x.record.time_ms, 1700000000123);
	}
}

static void fill_second_of_a_kind_does_not_replace_the_first(void **state)
{
	(void)state;
	FILL("e", "gone", "e", "stored", "z", "1", "z", "2", "d", "a k 1", "d", "b l 0", "u", "app",
		"u", "other", "at", "5", "at", "6");
	assert_true(is(x.record.event, "gone") && is(x.record.tag, "a") &&
		is(x.record.uploader, "app"));
	assert_int_equal(x.record.size_bytes, 1);
	assert_int_equal(x.record.time_ms, 5);
	assert_more("\"e\":\"stored\",\"z\":\"2\",\"d\":\"b l 0\",\"u\":\"other\",\"at\":\"6\"");
}

static void fill_any_byte_is_kept(void **state)
{
	struct outbox_event e = event((const char *const[]){"e", "x", "bin", "", NULL});

	(void)state;
	put(3, "\0\"\\\xff~", 5);
	entry_fill(&x, &e);
	assert_more("\"bin\":\"\\u0000\\\"\\\\\\u00ff~\"");
}

static void fill_times_beyond_the_calendar_do_not_break_a_line(void **state)
{
	struct outbox_event e = event((const char *const[]){"e", "x", NULL});

	(void)state;
	e.pos = (struct chain_pos){UINT64_MAX, UINT64_MAX};
	entry_fill(&x, &e);
	assert_true(is(x.record.id, "05-18446744073709551615-18446744073709551615"));
	assert_int_equal(x.record.time_ms, 0);
}

/* What is too large leaves its length and hash: computed here once more, from the bytes as they
 * were sent. */
static void fill_too_large_event_is_unreadable_but_bound(void **state)
{
	static char big[CHAIN_LINE_MAX + 1], sent[2 * sizeof big];
	uint8_t hash[32];
	char hex[65], more[160];
	size_t n = 0;

	(void)state;
	memset(big, 'y', sizeof big - 1);
	FILL("e", "big", "x", big);
	for (size_t i = 0; i < 4; i++, n++) {
		memcpy(sent + n, part[i].str, part[i].len);
		n += part[i].len;
		sent[n] = '\0';
	}
	crypto_generichash(hash, sizeof hash, (unsigned char *)sent, n, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	snprintf(more, sizeof more, "\"bytes\":\"%zu\",\"blake2b\":\"%s\"", n - 4, hex);
	assert_more(more);
	assert_true(is(x.record.event, "unreadable") && is(x.record.id, "05-1700000000123-4") &&
		x.record.dk < 0 && x.record.tag.p == NULL);
	assert_int_equal(x.record.time_ms, 1700000000123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fill_all_members_find_their_place),
		cmocka_unit_test(fill_refused_reads_find_their_place),
		cmocka_unit_test(fill_absent_and_empty_fields_leave_no_trace),
		cmocka_unit_test(fill_takes_no_name_that_only_the_recorder_may_use),
		cmocka_unit_test(fill_other_forms_are_carried_as_they_are),
		cmocka_unit_test(fill_second_of_a_kind_does_not_replace_the_first),
		cmocka_unit_test(fill_any_byte_is_kept),
		cmocka_unit_test(fill_times_beyond_the_calendar_do_not_break_a_line),
		cmocka_unit_test(fill_too_large_event_is_unreadable_but_bound),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
