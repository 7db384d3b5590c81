/* Goal: a head has exactly one text: what is written reads back, and no other spelling, order or
 * length is read. */
#include <timeglas/timeglas.h>
#include "check.h"
#include "lib/head.h"

#define SUBJECT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct tg_head_fields head;
static char why[TG_HEAD_WHY];

static void make(void)
{
	tg_sender *sender;
	tg_recipient *r;
	tg_signer *s;
	tg_identity *id;

	memset(&head, 0, sizeof head);
	strcpy(head.kind, "passport");
	strcpy(head.issuer, "DNK");
	strcpy(head.session, "00AAAAAAAAAAAAAAAAAAAA_-");
	strcpy(head.subject, SUBJECT);
	strcpy(head.content_type, "application/vnd.icao; v=1");
	head.time_ms = 1795348800123;
	memset(head.ref, 0xab, sizeof head.ref);
	assert_int_equal(tg_signer_generate(&s), 0);
	assert_int_equal(tg_signer_sender(s, &sender), 0);
	head.sender = *sender;
	tg_sender_free(sender);
	tg_signer_free(s);
	for (head.n_recipients = 0; head.n_recipients < 2; head.n_recipients++) {
		assert_int_equal(tg_identity_generate(&id), 0);
		assert_int_equal(tg_identity_recipient(id, &r), 0);
		head.recipient[head.n_recipients] = *r;
		tg_recipient_free(r);
		tg_identity_free(id);
	}
}

static int parse(const char *text)
{
	size_t len = 0, n = strlen(text);
	uint8_t *exact = malloc(n ? n : 1);
	struct tg_head_fields h;
	int err;

	memcpy(exact, text, n);
	err = tg_head_parse(exact, n, &h, &len, why);
	if (!err)
		assert_int_equal(len, n);
	free(exact);
	return err;
}

static void format_reads_back(void **state)
{
	char text[TG_HEAD_TEXT_MAX + 8];
	size_t n, len;
	struct tg_head_fields h;

	(void)state;
	make();
	assert_int_equal(tg_head_check(&head), 0);
	n = tg_head_format(&head, text);
	memcpy(text + n, "content", 7);
	assert_int_equal(tg_head_parse((uint8_t *)text, n + 7, &h, &len, why), 0);
	assert_int_equal(len, n);
	assert_memory_equal(&h, &head, sizeof h);
}

static void format_longest_fits(void **state)
{
	char text[TG_HEAD_TEXT_MAX];
	size_t n, len;
	struct tg_head_fields h;

	(void)state;
	make();
	memset(head.kind, 'k', TG_KIND_MAX);
	memset(head.session, 's', TG_SESSION_MAX);
	memset(head.content_type, 'c', TG_CONTENT_TYPE_MAX);
	for (; head.n_recipients < TG_RECIPIENTS_MAX; head.n_recipients++)
		head.recipient[head.n_recipients] = head.recipient[0];
	assert_int_equal(tg_head_check(&head), 0);
	n = tg_head_format(&head, text);
	assert_in_range(n, 1800, TG_HEAD_TEXT_MAX);
	assert_int_equal(tg_head_parse((uint8_t *)text, n, &h, &len, why), 0);
	assert_memory_equal(&h, &head, sizeof h);
}

static void format_without_optional_fields_reads_back(void **state)
{
	char text[TG_HEAD_TEXT_MAX + 1];

	(void)state;
	make();
	head.issuer[0] = head.session[0] = head.subject[0] = head.content_type[0] = '\0';
	text[tg_head_format(&head, text)] = '\0';
	assert_null(strstr(text, "issuer"));
	assert_null(strstr(text, "session"));
	assert_null(strstr(text, "subject"));
	assert_null(strstr(text, "content-type"));
	assert_int_equal(parse(text), 0);
}

/* The good text with the first `from` replaced by `to`. */
static int parse_changed(const char *from, const char *to)
{
	char good[TG_HEAD_TEXT_MAX + 1], changed[TG_HEAD_TEXT_MAX * 2], *at;

	good[tg_head_format(&head, good)] = '\0';
	at = strstr(good, from);
	assert_non_null(at);
	snprintf(
		changed, sizeof changed, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return parse(changed);
}

/* Whoever writes heads in another language is told which line is wrong, and how. The lines: 1
 * timeglas-head, 2 kind, 3 issuer, 4 session, 5 subject, 6 time, 7 content-type, 8 sender, 9 and 10
 * recipient, 11 ref, 12 the empty one. */
static void parse_other_spellings_are_refused_by_line_and_reason(void **state)
{
	static const struct {
		const char *from, *to, *why;
	} bad[] = {
		{"timeglas-head: 1", "timeglas-head: 2", "line 1: this version"},
		{"timeglas-head: 1", "timeglas-head: 01", "line 1: this version"},
		{"timeglas-head: 1\n", "", "line 1: the field \"timeglas-head\" is missing"},
		{"timeglas-head", "Timeglas-Head",
			"line 1: the name of the field \"timeglas-head\" is written in lower case"},
		{"kind: passport", "kind: Passport", "line 2: a kind is"},
		{"kind: passport", "kind:passport", "line 2: one blank"},
		{"kind: passport", "kind:  passport", "line 2: one blank"},
		{"kind: passport", "kind:\tpassport", "line 2: one blank"},
		{"kind: passport", "kind : passport", "line 2: there is no field of this name"},
		{"kind: passport", "kind: ", "line 2: a kind is"},
		{"kind: passport", "kind:", "line 2: one blank"},
		{"kind: passport", "kind", "line 2: neither a field"},
		{"kind: passport", "kind: passport ", "line 2: a kind is"},
		{"kind: passport\n", "kind: passport\r\n", "line 2: a carriage return"},
		{"kind: passport\n", "", "line 2: the field \"kind\" is missing"},
		{"kind: passport\n", "kind: passport\nkind: passport\n",
			"line 3: the field \"kind\" stands here a second time"},
		{"kind: passport", "kind: ppppppppppppppppppppppppppppppppp", "line 2: a kind is"},
		{"kind: passport", "Kind: passport",
			"line 2: the name of the field \"kind\" is written in lower case"},
		{"issuer: DNK", "issuer: D<<", "line 3: the issuer is written without fillers"},
		{"issuer: DNK", "issuer: QQQ", "line 3: the issuer is not an ICAO 9303 code"},
		{"issuer: DNK", "issuer: ", "line 3: the issuer"},
		{"issuer: DNK\n", "issuer: DNK\nissuer: DNK\n",
			"line 4: the field \"issuer\" stands here a second time"},
		{"session: 00", "session: 0 ", "line 4: a session is"},
		{"session: 00",
			"session: "
			"00AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			"A",
			"line 4: a session is"},
		{"subject: 00", "subject: 0", "line 5: a subject is"},
		{"subject: 00", "subject: 0000", "line 5: a subject is"},
		{"aabbcc", "AABBCC", "line 5: a subject is"},
		{"subject: 00", "subject: ", "line 5: a subject is"},
		{"issuer: DNK\n", "time: 2026-11-22T12:00:00.123Z\nissuer: DNK\n",
			"line 4: the field \"issuer\" stands too late: before \"time\""},
		{"12:00:00.123Z", "12:00:00Z", "line 6: milliseconds are missing"},
		{"12:00:00.123Z", "12:00:00.123456Z", "line 6: the time has exactly three digits"},
		{"12:00:00.123Z", "12:00:00.1Z", "line 6: the time has exactly three digits"},
		{"12:00:00.123Z", "12:00:00.123+00:00", "line 6: the time is in UTC"},
		{"12:00:00.123Z", "12:00:00.123z", "line 6: the time is in UTC"},
		{"12:00:00.123Z", "12:00:60.123Z", "line 6: the time is not one of the form"},
		{"2026-11-22T", "2026-02-30T", "line 6: the time is not one of the form"},
		{"2026-11-22T", "2026-11-22 ", "line 6: the time is not one of the form"},
		{"content-type: a", "content-type:  a", "line 7: one blank"},
		{"content-type: a", "content-type: \t", "line 7: a content type is"},
		{"content-type: a", "content-type: \xc3\xa6", "line 7: a content type is"},
		{"sender: timeglas-sender1", "sender: timeglas-sender2",
			"line 8: the sender is not"},
		{"sender: ", "from: ", "line 8: there is no field of this name"},
		{"sender: timeglas-sender1", "sender: TIMEGLAS-SENDER1",
			"line 8: the sender is not"},
		{"recipient: age1", "recipient: AGE1", "line 9: the recipient is not"},
		{"recipient: age1", "recipient: age1pq1", "line 9: the recipient is not"},
		{"ref: ab", "ref: AB", "line 11: a ref is"},
		{"ref: ab", "ref: ", "line 11: a ref is"},
		{"ref: ab", "ref: abab", "line 11: a ref is"},
		{"\n\n", "\n", "line 12: the content ends within the head"},
		{"\n\n", "\n \n", "line 12: neither a field"},
		{"\n\n", "\n\r\n", "line 12: a carriage return"},
		{"ref: ", "x: y\nref: ", "line 11: there is no field of this name"},
		{"\n\n", "\nx: y\n\n", "line 12: there is no field of this name"},
		{"timeglas-head: 1\n", "\n", "line 1: the field \"timeglas-head\" is missing"},
		{"kind: passport\n", "\n", "line 2: the field \"kind\" is missing"},
	};

	(void)state;
	make();
	assert_int_equal(parse_changed("kind: passport", "kind: passport"), 0);
	assert_int_equal(parse_changed("DNK", "D"), 0);
	for (size_t i = 0; i < LEN(bad); i++) {
		int err = parse_changed(bad[i].from, bad[i].to);
		if (err != TG_EINVAL || strncmp(why, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("\"%s\" for \"%s\": %d, %s", bad[i].to, bad[i].from, err, why);
	}
}

/* Nothing of what is refused is repeated in the reason: it may be anything. */
static void parse_reasons_are_plain_text(void **state)
{
	static const char *const hostile[] = {
		"\x1b[2J: x", "\xe2\x80\xaeref: x", ": x", "kind: \x1b[2J", "KIND\x7f: x"};

	(void)state;
	make();
	for (size_t i = 0; i < LEN(hostile); i++) {
		assert_int_equal(parse_changed("kind: passport", hostile[i]), TG_EINVAL);
		for (const char *c = why; *c; c++)
			assert_in_range(*c, 0x20, 0x7e);
	}
}

static void parse_endless_head_is_refused(void **state)
{
	size_t n = 3 * TG_HEAD_TEXT_MAX, len;
	struct tg_head_fields h;
	uint8_t *p = malloc(n);

	(void)state;
	memset(p, 'a', n);
	memcpy(p, "timeglas-head: 1\n", 17);
	assert_int_equal(tg_head_parse(p, n, &h, &len, why), TG_EINVAL);
	assert_non_null(strstr(why, "line 2: the head is longer"));
	free(p);
}

static void parse_every_cut_is_refused(void **state)
{
	char good[TG_HEAD_TEXT_MAX + 1];
	size_t n;

	(void)state;
	make();
	n = tg_head_format(&head, good);
	for (size_t cut = 0; cut < n; cut++) {
		good[cut] = '\0';
		assert_int_equal(parse(good), TG_EINVAL);
		(void)tg_head_format(&head, good);
	}
}

static void parse_too_many_recipients_are_refused(void **state)
{
	char good[TG_HEAD_TEXT_MAX + 1], more[TG_HEAD_TEXT_MAX * 2], *at;
	const char *end;

	(void)state;
	make();
	for (; head.n_recipients < TG_RECIPIENTS_MAX; head.n_recipients++)
		head.recipient[head.n_recipients] = head.recipient[0];
	good[tg_head_format(&head, good)] = '\0';
	assert_int_equal(parse(good), 0);
	at = strstr(good, "recipient: ");
	end = strchr(at, '\n') + 1;
	snprintf(more, sizeof more, "%.*s%.*s%s", (int)(at - good), good, (int)(end - at), at, at);
	assert_int_equal(parse(more), TG_EINVAL);
}

static void check_bad_fields_are_named(void **state)
{
	(void)state;
	make();
	head.kind[0] = '\0';
	assert_int_equal(tg_head_check(&head), TG_EKIND);
	strcpy(head.kind, "a\nb");
	assert_int_equal(tg_head_check(&head), TG_EKIND);
	memset(head.kind, 'k', sizeof head.kind); /* not terminated */
	assert_int_equal(tg_head_check(&head), TG_EKIND);
	make();
	strcpy(head.issuer, "QQQ");
	assert_int_equal(tg_head_check(&head), TG_EISSUER);
	make();
	strcpy(head.session, "a b");
	assert_int_equal(tg_head_check(&head), TG_ESESSION);
	make();
	strcpy(head.subject, "00");
	assert_int_equal(tg_head_check(&head), TG_ESUBJECT);
	make();
	head.time_ms = INT64_C(253402300800000); /* the year 10000 has no text */
	assert_int_equal(tg_head_check(&head), TG_EINVAL);
	make();
	strcpy(head.content_type, "text/plain\nref: 00");
	assert_int_equal(tg_head_check(&head), TG_EMEDIA);
	make();
	head.n_recipients = 0;
	assert_int_equal(tg_head_check(&head), TG_ERECIPIENT);
	head.n_recipients = TG_RECIPIENTS_MAX + 1;
	assert_int_equal(tg_head_check(&head), TG_ERECIPIENT);
}

static int set_up(void **state)
{
	(void)state;
	return tg_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_reads_back),
		cmocka_unit_test(format_longest_fits),
		cmocka_unit_test(format_without_optional_fields_reads_back),
		cmocka_unit_test(parse_other_spellings_are_refused_by_line_and_reason),
		cmocka_unit_test(parse_reasons_are_plain_text),
		cmocka_unit_test(parse_endless_head_is_refused),
		cmocka_unit_test(parse_every_cut_is_refused),
		cmocka_unit_test(parse_too_many_recipients_are_refused),
		cmocka_unit_test(check_bad_fields_are_named),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
