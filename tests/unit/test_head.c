/* Goal: a head has exactly one text: what is written reads back, and no other spelling, order or length is read. */
#include <timeglas/timeglas.h>
#include "check.h"
#include "lib/head.h"

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
	head.issuer[0] = head.session[0] = head.content_type[0] = '\0';
	text[tg_head_format(&head, text)] = '\0';
	assert_null(strstr(text, "issuer"));
	assert_null(strstr(text, "session"));
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
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return parse(changed);
}

static void parse_other_spellings_are_refused(void **state)
{
	static const struct { const char *from, *to; } bad[] = {
		{"timeglas-head: 1", "timeglas-head: 2"}, {"timeglas-head: 1", "timeglas-head: 01"}, {"timeglas-head: 1\n", ""}, {"timeglas-head", "Timeglas-Head"},
		{"kind: passport", "kind: Passport"}, {"kind: passport", "kind:passport"}, {"kind: passport", "kind:  passport"}, {"kind: passport", "kind: "},
		{"kind: passport", "kind: passport "}, {"kind: passport\n", "kind: passport\r\n"}, {"kind: passport\n", ""},
		{"kind: passport\n", "kind: passport\nkind: passport\n"}, {"kind: passport", "kind: ppppppppppppppppppppppppppppppppp"},
		{"issuer: DNK", "issuer: D<<"}, {"issuer: DNK", "issuer: QQQ"}, {"issuer: DNK", "issuer: "}, {"issuer: DNK\n", "issuer: DNK\nissuer: DNK\n"},
		{"session: 00", "session: 0 "}, {"session: 00", "session: 00AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"2026-11-22T12:00:00.123Z", "2026-11-22T12:00:00Z"}, {"2026-11-22", "2026-02-30"}, {"content-type: a", "content-type:  a"},
		{"content-type: a", "content-type: \t"}, {"sender: timeglas-sender1", "sender: timeglas-sender2"}, {"sender: ", "from: "},
		{"recipient: age1", "recipient: AGE1"}, {"ref: ab", "ref: AB"}, {"ref: ab", "ref: "}, {"ref: ab", "ref: abab"}, {"\n\n", "\n"}, {"\n\n", "\n \n"},
		{"ref: ", "x: y\nref: "}, {"\n\n", "\nx: y\n\n"},
	};

	(void)state;
	make();
	assert_int_equal(parse_changed("kind: passport", "kind: passport"), 0);
	assert_int_equal(parse_changed("DNK", "D"), 0);
	for (size_t i = 0; i < LEN(bad); i++)
		if (parse_changed(bad[i].from, bad[i].to) != TG_EINVAL)
			fail_msg("\"%s\" passed for \"%s\"", bad[i].to, bad[i].from);
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
		cmocka_unit_test(parse_other_spellings_are_refused),
		cmocka_unit_test(parse_every_cut_is_refused),
		cmocka_unit_test(parse_too_many_recipients_are_refused),
		cmocka_unit_test(check_bad_fields_are_named),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
