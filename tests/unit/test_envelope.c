/* Goal: the guard accepts what age writes and refuses everything else, each fault by its own
 * reason, however the bytes are cut. */
#include "check.h"
#include "core/b64.h"
#include "core/envelope.h"

#define V "age-encryption.org/v1\n"
#define SHARE "TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc"
#define BODY "hjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE"
#define X "-> X25519 " SHARE "\n" BODY "\n"
#define MAC "--- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg\n"
#define SALT "OP2/oQJVmEPkWzHF2RzIfQ"
#define S(factor) "-> scrypt " SALT " " factor "\n" BODY "\n"
#define LINE64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

static struct tg_envelope e;
static struct tg_envelope_text text;

/* Feeds a header in pieces, then payload bytes without their content. */
static int judge(const char *header, size_t n, uint64_t payload, size_t cut)
{
	for (size_t at = 0; at < n; at += cut) {
		size_t take = n - at < cut ? n - at : cut;
		uint8_t *exact = malloc(take); /* so that a sanitizer sees a read past the piece */
		memcpy(exact, header + at, take);
		(void)tg_envelope_feed(&e, exact, take);
		free(exact);
	}
	while (payload > 0 && tg_envelope_in_payload(&e)) {
		size_t take = payload < 100000 ? (size_t)payload : 100000;
		(void)tg_envelope_feed(&e, NULL, take);
		payload -= take;
	}
	return tg_envelope_finish(&e);
}

static int verdict(const char *header, uint64_t payload)
{
	static const size_t cuts[] = {100000, 1, 2, 3, 7, 64};
	const char *why = NULL;
	int err = 1;

	for (size_t i = 0; i < LEN(cuts); i++) {
		int got;
		tg_envelope_init(&e, &text);
		got = judge(header, strlen(header), payload, cuts[i]);
		if (i > 0) {
			assert_int_equal(got, err);
			assert_ptr_equal(e.why, why);
		}
		err = got;
		why = e.why;
	}
	return err;
}

static void feed_what_age_writes_is_accepted(void **state)
{
	static const char *const good[] = {
		V X MAC,
		V X X X MAC,
		V "-> grease\n\n" X MAC,
		V "-> x !\"#~ -> ---\n" LINE64 "\n" X MAC,
		V "-> unknown arg\nAAA\n" MAC,
		V "-> SCRYPT a b c d\n\n" X MAC,
		V "-> MLKEM768X25519 " SHARE SHARE SHARE "\n\n" MAC,
	};

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_int_equal(verdict(good[i], 32), 0);
		assert_int_equal(e.header_len, strlen(good[i]));
		assert_int_equal(e.payload_len, 32);
	}
}

static void feed_faults_of_the_header_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"PK\x03\x04",
		"age-encryption.org/v2\n" X MAC,
		"age-encryption.org/v1\r\n" X MAC,
		" " V X MAC,
		V "\n" X MAC,
		"age-encryption.org/v1 \n" X MAC,
		"-----BEGIN AGE ENCRYPTED FILE-----\n",
		"{\"passport\": true}",
		V MAC, /* nobody can read it */
		V "->\n\n" MAC,
		V "-> \n\n" MAC,
		V "->x\n\n" MAC,
		V "-> x  y\n\n" MAC,
		V "-> x \n\n" MAC,
		V "->  x\n\n" MAC,
		V "> x\n\n" MAC,
		V "-> x\r\n\n" MAC,
		V "-> x\ty\n\n" MAC,
		V "-> x\x7f\n\n" MAC,
		V "-> \xc3\xa6\n\n" MAC,
		V "-> x\n" MAC,        /* no body */
		V "-> x\n" LINE64 MAC, /* no short line at its end */
		V "-> x\nAAAA\nAAAA\n" MAC,
		V "-> x\nA" LINE64 "\n" MAC,
		V "-> x\nAA==\n" MAC,
		V "-> x\nAB\n" MAC,
		V "-> x\nA\n" MAC,
		V "-> x\nAAAA \n" MAC,
		V "-> X25519\n" BODY "\n" MAC,
		V "-> X25519 " SHARE " x\n" BODY "\n" MAC,
		V "-> X25519 " SHARE "A\n" BODY "\n" MAC,
		V "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCd\n" BODY "\n" MAC,
		V "-> X25519 AAAA\n" BODY "\n" MAC,
		V "-> X25519 " SHARE "\n\n" MAC,
		V "-> X25519 " SHARE "\nAAAA\n" MAC,
		V "-> X25519 " SHARE "\n" LINE64 "\n" MAC,
		V S("18") MAC,
		V X "---\n",
		V X "--- \n",
		V X "---" SHARE "\n",
		V X "--- " SHARE " \n",
		V X "--- " SHARE "A\n",
		V X "---  " SHARE "\n",
		V X "--- AAAA\n",
		V X "--- TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCd\n",
		V X "--- " SHARE "\r\n",
		V X "-- " SHARE "\n",
		V X "garbage\n" MAC,
		V X,
		V X "--- " SHARE,
		V "-> x",
		"age-encryption",
	};

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_int_equal(verdict(bad[i], 32), TG_EENVELOPE);
		assert_non_null(e.why);
		assert_false(tg_envelope_in_payload(&e));
	}
}

/* A stanza "-> type argument… LF body LF" of arguments and a body with so many bytes; -1: no
 * argument. share: what the last one ends with. */
static char *native(
	const char *type, int first, int second, const uint8_t *share, size_t share_n, size_t body)
{
	const int arg[] = {first, second};
	uint8_t raw[2048];
	char b64[4096], *s = calloc(1, 16384);

	strcpy(s, V "-> ");
	strcat(s, type);
	for (size_t i = 0; i < LEN(arg) && arg[i] >= 0; i++) {
		size_t n = (size_t)arg[i];

		memset(raw, 0x5a, sizeof raw);
		if (n >= share_n && (i == 1 || arg[1] < 0))
			memcpy(raw + n - share_n, share, share_n);
		tg_b64_encode(TG_B64_NOPAD, raw, n, b64);
		strcat(s, " ");
		strcat(s, b64);
	}
	memset(raw, 0xa5, sizeof raw);
	tg_b64_encode(TG_B64_NOPAD, raw, body, b64);
	strcat(s, "\n");
	strcat(s, b64);
	strcat(s, "\n" MAC);
	return s;
}

static int native_verdict(
	const char *type, int first, int second, const uint8_t *share, size_t share_n, size_t body)
{
	char *s = native(type, first, second, share, share_n, body);
	int err = verdict(s, 32);

	free(s);
	return err;
}

static const uint8_t some_x25519[32] = {9}, zero[32], some_p256[65] = {4},
		     compressed_p256[65] = {2};

/* age.md, "Native recipient types": each type's arguments and body have one length; every other can
 * be opened by nobody. */
static void feed_native_stanzas_have_the_lengths_of_their_type(void **state)
{
	static const struct {
		const char *type;
		int arg[2];
		const uint8_t *share;
		size_t share_n;
	} t[] = {
		{"X25519", {32, -1}, some_x25519, 32},
		{"mlkem768x25519", {1120, -1}, some_x25519, 32},
		{"p256tag", {4, 65}, some_p256, 65},
		{"mlkem768p256tag", {4, 1153}, some_p256, 65},
	};

	(void)state;
	for (size_t i = 0; i < LEN(t); i++) {
		int last = t[i].arg[1] < 0 ? t[i].arg[0] : t[i].arg[1];

		assert_int_equal(native_verdict(t[i].type, t[i].arg[0], t[i].arg[1], t[i].share,
					 t[i].share_n, 32),
			0);
		for (int by = -1; by <= 1; by++) {
			if (by == 0)
				continue;
			assert_int_equal(native_verdict(t[i].type, t[i].arg[1] < 0 ? last + by : 4,
						 t[i].arg[1] < 0 ? -1 : last + by, t[i].share,
						 t[i].share_n, 32),
				TG_EENVELOPE);
			assert_int_equal(native_verdict(t[i].type, t[i].arg[0], t[i].arg[1],
						 t[i].share, t[i].share_n, (size_t)(32 + by)),
				TG_EENVELOPE);
		}
		assert_int_equal(native_verdict(t[i].type, -1, -1, t[i].share, t[i].share_n, 32),
			TG_EENVELOPE);
		assert_int_equal(native_verdict(t[i].type, last, -1, t[i].share, t[i].share_n, 32),
			t[i].arg[1] < 0 ? 0 : TG_EENVELOPE);
		assert_int_equal(native_verdict(t[i].type, 4, last, t[i].share, t[i].share_n, 32),
			t[i].arg[1] < 0 ? TG_EENVELOPE : 0);
		assert_int_equal(native_verdict(t[i].type, 5, last, t[i].share, t[i].share_n, 32),
			TG_EENVELOPE);
		assert_int_equal(native_verdict(t[i].type, t[i].arg[0], t[i].arg[1], t[i].share,
					 t[i].share_n, 0),
			TG_EENVELOPE);
	}
}

/* With such a share the shared secret is zero whoever computes it: a file key for everybody, the
 * machine's owner too. */
static void feed_share_that_opens_the_file_to_anybody_is_refused(void **state)
{
	static const char *const opens[] = {"X25519", "mlkem768x25519"};
	static const int bytes[] = {32, 1120};

	(void)state;
	for (size_t i = 0; i < LEN(opens); i++) {
		assert_int_equal(
			native_verdict(opens[i], bytes[i], -1, zero, 32, 32), TG_EENVELOPE);
		assert_non_null(strstr(e.why, "small order"));
	}
	assert_int_equal(native_verdict("p256tag", 4, 65, compressed_p256, 65, 32), TG_EENVELOPE);
	assert_int_equal(
		native_verdict("mlkem768p256tag", 4, 1153, compressed_p256, 65, 32), TG_EENVELOPE);
}

static void feed_first_wrong_byte_ends_it(void **state)
{
	(void)state;
	tg_envelope_init(&e, &text);
	assert_int_equal(tg_envelope_feed(&e, (const uint8_t *)"age-x", 5), TG_EENVELOPE);
	/* Sticky: what comes after cannot mend it. */
	assert_int_equal(
		tg_envelope_feed(&e, (const uint8_t *)V X MAC, strlen(V X MAC)), TG_EENVELOPE);
	assert_int_equal(tg_envelope_finish(&e), TG_EENVELOPE);
}

static void finish_only_lengths_of_stream_pass(void **state)
{
	static const struct {
		uint64_t payload;
		int ok;
	} len[] = {
		{0, 0},
		{15, 0},
		{16, 0},
		{17, 0},
		{31, 0},
		{32, 1},
		{33, 1},
		{16 + 65551, 1},
		{16 + 65552, 1},
		{16 + 65553, 0},
		{16 + 65568, 0},
		{16 + 65569, 1},
		{16 + 2 * 65552, 1},
		{16 + 2 * 65552 + 1, 0},
		{16 + 2 * 65552 + 16, 0},
		{16 + 2 * 65552 + 17, 1},
	};

	(void)state;
	for (size_t i = 0; i < LEN(len); i++)
		assert_int_equal(verdict(V X MAC, len[i].payload), len[i].ok ? 0 : TG_EENVELOPE);
}

static int scrypt_verdict(const char *header)
{
	tg_envelope_init(&e, &text);
	e.allow_scrypt = 1;
	return judge(header, strlen(header), 32, 5);
}

static void feed_scrypt_is_read_only_when_allowed(void **state)
{
	static const char *const bad[] = {V S("") MAC, V S("0") MAC, V S("08") MAC, V S("+8") MAC,
		V S("0x8") MAC, V S("8x") MAC, V S("188") MAC, V S("18") X MAC, V X S("18") MAC,
		V S("18") S("18") MAC, V "-> scrypt " SALT "\n" BODY "\n" MAC,
		V "-> scrypt AAAA 18\n" BODY "\n" MAC, V "-> scrypt " SALT " 18 x\n" BODY "\n" MAC,
		V "-> scrypt " SALT " 18\nAAAA\n" MAC};

	(void)state;
	assert_int_equal(scrypt_verdict(V S("18") MAC), 0);
	assert_int_equal(e.n_scrypt, 1);
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(scrypt_verdict(bad[i]), TG_EENVELOPE);
}

/* A header of n unknown stanzas, each of `lines` full body lines. */
static char *many(size_t n, size_t lines, size_t args)
{
	size_t each = args + 8 + lines * 65, len = strlen(V);
	char *s = malloc(len + n * each + strlen(MAC) + 1);

	memcpy(s, V, len);
	for (size_t i = 0; i < n; i++) {
		memcpy(s + len, "-> ", 3);
		memset(s + len + 3, 'a', args);
		s[len + 3 + args] = '\n';
		len += 4 + args;
		for (size_t k = 0; k < lines; k++, len += 65)
			memcpy(s + len, LINE64, 65);
		s[len++] = '\n';
	}
	strcpy(s + len, MAC);
	return s;
}

static int many_verdict(size_t n, size_t lines, size_t args)
{
	char *s = many(n, lines, args);
	int err = verdict(s, 32);
	free(s);
	return err;
}

static void feed_limits_hold_exactly(void **state)
{
	(void)state;
	assert_int_equal(many_verdict(TG_ENVELOPE_STANZAS_MAX, 0, 1), 0);
	assert_int_equal(many_verdict(TG_ENVELOPE_STANZAS_MAX + 1, 0, 1), TG_EENVELOPE);
	assert_int_equal(many_verdict(1, 0, TG_ENVELOPE_LINE_MAX - 4), 0);
	assert_int_equal(many_verdict(1, 0, TG_ENVELOPE_LINE_MAX - 2), TG_EENVELOPE);
	assert_int_equal(many_verdict(1, TG_ENVELOPE_LINE_MAX / 48, 1), 0);
	assert_int_equal(many_verdict(1, TG_ENVELOPE_LINE_MAX / 48 + 1, 1), TG_EENVELOPE);
	assert_int_equal(many_verdict(10, 99, 1), 0);
	/* each part is allowed, the whole header is too long */
	assert_int_equal(many_verdict(11, 99, 1), TG_EENVELOPE);
	assert_true(e.header_len <= TG_ENVELOPE_HEADER_MAX);
}

struct seen {
	size_t n;
	char args[4][80];
	size_t body_len[4];
	int answer;
};

static int on_stanza(
	void *ctx, const char *args, size_t args_len, const uint8_t *body, size_t body_len)
{
	struct seen *s = ctx;

	assert_true(s->n < 4 && args_len < sizeof s->args[0]);
	memcpy(s->args[s->n], args, args_len);
	if (body_len > 0)
		assert_int_equal(body[0], s->n == 0 ? 0 : 0x86);
	s->body_len[s->n++] = body_len;
	return s->answer;
}

static void feed_stanzas_are_reported_in_order(void **state)
{
	static const char header[] = V "-> one 1\n" LINE64 "AAAA\n" X "-> three\n\n" MAC;
	struct seen s = {.n = 0};

	(void)state;
	tg_envelope_init(&e, &text);
	e.on_stanza = on_stanza;
	e.ctx = &s;
	assert_int_equal(judge(header, strlen(header), 32, 9), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.args[0], "one 1");
	assert_int_equal(s.body_len[0], 51);
	assert_string_equal(s.args[1], "X25519 " SHARE);
	assert_int_equal(s.body_len[1], 32);
	assert_string_equal(s.args[2], "three");
	assert_int_equal(s.body_len[2], 0);
	assert_int_equal(e.n_x25519, 1);
	assert_int_equal(e.n_stanzas, 3);
}

static void feed_callback_error_ends_it(void **state)
{
	struct seen s = {.answer = TG_EHEADER};

	(void)state;
	tg_envelope_init(&e, &text);
	e.on_stanza = on_stanza;
	e.ctx = &s;
	assert_int_equal(judge(V "-> x\nAAAA\n" X MAC, strlen(V "-> x\nAAAA\n" X MAC), 32, 1000),
		TG_EHEADER);
	assert_int_equal(s.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feed_what_age_writes_is_accepted),
		cmocka_unit_test(feed_faults_of_the_header_are_refused),
		cmocka_unit_test(feed_native_stanzas_have_the_lengths_of_their_type),
		cmocka_unit_test(feed_share_that_opens_the_file_to_anybody_is_refused),
		cmocka_unit_test(feed_first_wrong_byte_ends_it),
		cmocka_unit_test(finish_only_lengths_of_stream_pass),
		cmocka_unit_test(feed_scrypt_is_read_only_when_allowed),
		cmocka_unit_test(feed_limits_hold_exactly),
		cmocka_unit_test(feed_stanzas_are_reported_in_order),
		cmocka_unit_test(feed_callback_error_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
