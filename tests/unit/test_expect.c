/*
 * Goal: what a caller demands of a sealed file is compared with what its sender signed, and nothing
 * is released when it differs: the id that was asked for, the labels, the age at both edges, the
 * set of senders, the recipients; a demand that nothing can meet is refused before.
 */
#include <sodium.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "check.h"
#include "core/b64.h"
#include "lib/crypto.h"
#include "lib/keys.h"
#include "lib/secmem.h"
#include "lib/stream.h"

#define NOW INT64_C(1795348800123) /* 2026-11-22T12:00:00.123Z */
#define SUBJECT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_SUBJECT "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct bytes {
	uint8_t p[200000];
	size_t n;
};

static tg_identity *alice, *bob;
static tg_recipient *to[2]; /* alice, bob */
static tg_signer *app, *app2;
static tg_senders *apps;
static struct bytes sealed, opened;
static char why[512], name[TG_NAME_CHARS + 1], id[TG_ID_CHARS + 1],
	sender_name[TG_SENDER_NAME_MAX + 1];
static uint8_t ref[TG_REF_BYTES];
static int64_t sealed_at;

static int keep(void *ctx, const void *p, size_t n)
{
	struct bytes *b = ctx;

	assert_true(n <= sizeof b->p - b->n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

static tg_seal_opts seal_opts(void)
{
	return (tg_seal_opts){.struct_size = sizeof(tg_seal_opts),
		.recipient = (const tg_recipient *const *)to,
		.n_recipients = 1,
		.signer = app,
		.kind = "passport",
		.issuer = "D<<",
		.session = "00AAAAAAAAAAAAAAAAAAAAAA",
		.subject = SUBJECT,
		.time_ms = NOW,
		.write = keep,
		.ctx = &sealed};
}

/* The sealed file, its name and id. */
static void seal_with(const tg_seal_opts *o)
{
	tg_sealer *s;

	sealed.n = 0;
	assert_int_equal(tg_seal_new(o, &s), 0);
	assert_int_equal(tg_seal_push(s, "evidence", 8), 0);
	assert_int_equal(tg_seal_finish(s), 0);
	if (tg_seal_head(s)) {
		strcpy(name, tg_seal_head(s)->name);
		memcpy(ref, tg_seal_head(s)->ref, sizeof ref);
		sealed_at = tg_seal_head(s)->time_ms;
	}
	snprintf(id, sizeof id, "2a%s", name);
	tg_seal_free(s);
}

static tg_expect expect(void)
{
	return (tg_expect){.struct_size = sizeof(tg_expect),
		.identity = &alice,
		.n_identities = 1,
		.senders = apps,
		.now_ms = NOW};
}

static int open_with(const tg_expect *e)
{
	const tg_open_opts o = {
		.struct_size = sizeof o, .expect = e, .write = keep, .ctx = &opened};
	tg_opener *op;
	int err = tg_open_new(&o, &op);

	opened.n = 0;
	why[0] = sender_name[0] = '\0';
	if (err)
		return err;
	(void)tg_open_push(op, sealed.p, sealed.n);
	err = tg_open_finish(op);
	snprintf(why, sizeof why, "%s", tg_open_why(op));
	if (tg_open_head(op))
		strcpy(sender_name, tg_open_head(op)->sender_name);
	if (err && !tg_open_head(op)) /* a stream's signature comes behind its content */
		assert_int_equal(opened.n, 0);
	if (!err)
		assert_memory_equal(opened.p, "evidence", 8);
	tg_open_free(op);
	return err;
}

static void refused(const tg_expect *e, int err, const char *word)
{
	int got = open_with(e);

	if (got != err || !strstr(why, word))
		fail_msg("%s: %s; expected %s with \"%s\"", tg_strerror(got), why, tg_strerror(err),
			word);
}

static const char *text_of(const tg_signer *s)
{
	static char text[TG_KEY_TEXT_MAX];
	tg_sender *sender;

	assert_int_equal(tg_signer_sender(s, &sender), 0);
	tg_sender_text(sender, text, sizeof text);
	tg_sender_free(sender);
	return text;
}

/* The id ------------------------------------------------------------------- */

static void name_follows_from_sender_and_reference(void **state)
{
	/* SHA-256("timeglas blob id 1\n", 32 bytes 0x00..0x1f, 16 bytes 0x20..0x2f), computed by
	 * Python's hashlib */
	static const char known[] = "d3Q29G8tNu9JZ__G-MdKxA";
	uint8_t bytes[16];
	tg_sender s;
	char out[TG_NAME_CHARS + 1];

	(void)state;
	for (size_t i = 0; i < 32; i++)
		s.pk[i] = (uint8_t)i;
	for (size_t i = 0; i < 16; i++)
		bytes[i] = (uint8_t)(32 + i);
	tg_name_of(&s, bytes, out);
	assert_string_equal(out, known);
	assert_non_null(strchr("AQgw", out[TG_NAME_CHARS - 1]));
	s.pk[0] ^= 1;
	tg_name_of(&s, bytes, out);
	assert_string_not_equal(out, known);
}

static void ids_other_than_canonical_ones_are_refused(void **state)
{
	static const char *const bad[] = {"", "2a", "2aAAAAAAAAAAAAAAAAAAAAA",
		"2aAAAAAAAAAAAAAAAAAAAAAAA", "40AAAAAAAAAAAAAAAAAAAAAA", "ffAAAAAAAAAAAAAAAAAAAAAA",
		"2AAAAAAAAAAAAAAAAAAAAAAA", "2aAAAAAAAAAAAAAAAAAAAAAB", "2aAAAAAAAAAAAAAAAAAAAA+A",
		"2aAAAAAAAAAAAAAAAAAAAA=A", "g0AAAAAAAAAAAAAAAAAAAAAA"};
	char out[TG_NAME_CHARS + 1];

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		if (tg_id_name(bad[i], out) != TG_EINVAL)
			fail_msg("%s passed", bad[i]);
	assert_int_equal(tg_id_name("3f____-_______________Aw", out), 0);
	assert_string_equal(out, "____-_______________Aw");
	assert_int_equal(tg_id_name("00AAAAAAAAAAAAAAAAAAAAAQ", NULL), 0);
}

static void open_blob_that_was_asked_for_comes(void **state)
{
	tg_expect e = expect();
	tg_seal_opts o = seal_opts();

	(void)state;
	seal_with(&o);
	e.blob = id;
	assert_int_equal(open_with(&e), 0);
	id[1] = '0'; /* another shard: the name is what is bound */
	assert_int_equal(open_with(&e), 0);
}

/* What anybody who controls server or store can do: exchange two blobs of one sender to one
 * verifier. */
static void open_exchanged_blob_is_refused(void **state)
{
	tg_expect e = expect();
	tg_seal_opts o = seal_opts();
	char asked[sizeof id];

	(void)state;
	seal_with(&o);
	strcpy(asked, id);
	seal_with(&o); /* alike in all but the reference */
	e.blob = asked;
	refused(&e, TG_EMISLABELLED, asked);
	assert_non_null(strstr(why, name));
	e.blob = id;
	assert_int_equal(open_with(&e), 0);
}

/* The same reference under another sender's key is another name. */
static void open_same_reference_of_another_sender_is_refused(void **state)
{
	tg_expect e = expect();
	tg_seal_opts o = seal_opts();
	char asked[sizeof id];
	tg_senders *both;

	(void)state;
	assert_int_equal(tg_senders_new(&both), 0);
	assert_int_equal(tg_senders_add(both, "one", text_of(app)), 0);
	assert_int_equal(tg_senders_add(both, "two", text_of(app2)), 0);
	e.senders = both;
	seal_with(&o);
	strcpy(asked, id);
	o.ref = ref;
	o.signer = app2;
	seal_with(&o);
	e.blob = asked;
	refused(&e, TG_EMISLABELLED, asked);
	tg_senders_free(both);
}

static void seal_again_with_reference_and_time_keeps_the_name(void **state)
{
	tg_seal_opts o = seal_opts();
	char first[sizeof name];

	(void)state;
	o.time_ms = 0;
	seal_with(&o);
	strcpy(first, name);
	o.ref = ref;
	o.time_ms = sealed_at;
	seal_with(&o);
	assert_string_equal(name, first);
	o.ref = NULL;
	seal_with(&o);
	assert_string_not_equal(name, first);
}

/* Labels ------------------------------------------------------------------- */

static void open_labels_that_are_demanded_must_be_the_sealed_ones(void **state)
{
	static const tg_expect good[] = {
		{.kind = "passport"},
		{.issuer = "D"},
		{.issuer = "D<<"},
		{.session = "00AAAAAAAAAAAAAAAAAAAAAA"},
		{.subject = SUBJECT},
		{.kind = "passport",
			.issuer = "D",
			.session = "00AAAAAAAAAAAAAAAAAAAAAA",
			.subject = SUBJECT},
	};
	static const struct {
		tg_expect e;
		const char *word;
	} bad[] = {
		{{.kind = "liveness"}, "kind"},
		{{.issuer = "DNK"}, "issuer"},
		{{.session = "00AAAAAAAAAAAAAAAAAAAAAB"}, "session"},
		{{.subject = OTHER_SUBJECT}, "subject"},
		{{.kind = "passport",
			 .issuer = "D",
			 .session = "00AAAAAAAAAAAAAAAAAAAAAA",
			 .subject = OTHER_SUBJECT},
			"subject"},
	};
	tg_seal_opts o = seal_opts();

	(void)state;
	for (int bare = 0; bare < 2; bare++) {
		seal_with(&o);
		for (size_t i = 0; i < LEN(good) && !bare; i++) {
			tg_expect e = expect();
			e.kind = good[i].kind;
			e.issuer = good[i].issuer;
			e.session = good[i].session;
			e.subject = good[i].subject;
			assert_int_equal(open_with(&e), 0);
		}
		for (size_t i = 0; i < LEN(bad); i++) {
			tg_expect e = expect();
			e.kind = bad[i].e.kind;
			e.issuer = bad[i].e.issuer;
			e.session = bad[i].e.session;
			e.subject = bad[i].e.subject;
			refused(&e, TG_EMISLABELLED, bare ? "" : bad[i].word);
		}
		o.kind = "face3d"; /* and a head that names none of the others */
		o.issuer = o.session = o.subject = NULL;
	}
	{
		tg_expect e = expect();
		e.session = "00AAAAAAAAAAAAAAAAAAAAAA";
		refused(&e, TG_EMISLABELLED, "no session");
	}
}

static void open_demands_that_nothing_meets_are_refused_at_once(void **state)
{
	tg_seal_opts o = seal_opts();
	tg_expect e;

	(void)state;
	seal_with(&o);
#define BAD(member, value, err) \
	e = expect(); \
	e.member = value; \
	assert_int_equal(open_with(&e), err)
	BAD(kind, "", TG_EKIND); /* a variable that nobody filled in */
	BAD(kind, "Passport", TG_EKIND);
	BAD(issuer, "", TG_EISSUER);
	BAD(issuer, "QQQ", TG_EISSUER);
	BAD(session, "", TG_ESESSION);
	BAD(session, "a b", TG_ESESSION);
	BAD(subject, "", TG_ESUBJECT);
	BAD(subject, "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
		TG_ESUBJECT);
	BAD(subject, "0011", TG_ESUBJECT);
	BAD(blob, "", TG_EINVAL);
	BAD(blob, "2a", TG_EINVAL);
	BAD(blob, "2aAAAAAAAAAAAAAAAAAAAAAB", TG_EINVAL);
	BAD(max_age_ms, -2, TG_EINVAL);
	BAD(now_ms, -1, TG_EINVAL);
	BAD(senders, NULL, TG_EINVAL);
	BAD(n_identities, 0, TG_EINVAL);
	BAD(struct_size, 0, TG_EINVAL);
	e = expect();
	e.raw = 1;
	e.blob = id; /* a raw file cannot show that */
	assert_int_equal(open_with(&e), TG_EINVAL);
}

/* Age ---------------------------------------------------------------------- */

static void open_age_is_accepted_to_its_last_millisecond(void **state)
{
	static const struct {
		int64_t max, age;
		int ok;
	} cases[] = {
		{0, 0, 1},
		{0, 86400000, 1},
		{0, TG_MAX_AGE_MS, 1},
		{0, TG_MAX_AGE_MS + 1, 0},
		{0, 25 * 3600000, 0},
		{0, -TG_MAX_AHEAD_MS, 1},
		{0, -TG_MAX_AHEAD_MS - 1, 0},
		{0, -86400000, 0},
		{60000, 60000, 1},
		{60000, 60001, 0},
		{1, 1, 1},
		{1, 2, 0},
		{1, -TG_MAX_AHEAD_MS, 1},
		{INT64_MAX, INT64_C(63072000000), 1},
		{-1, INT64_C(630720000000), 1},
		{-1, -TG_MAX_AHEAD_MS, 1},
		{-1, -TG_MAX_AHEAD_MS - 1, 0},
	};
	tg_seal_opts o = seal_opts();

	(void)state;
	seal_with(&o);
	for (size_t i = 0; i < LEN(cases); i++) {
		tg_expect e = expect();

		e.max_age_ms = cases[i].max;
		e.now_ms = NOW + cases[i].age;
		if (open_with(&e) != (cases[i].ok ? 0 : TG_EAGE))
			fail_msg("case %zu: %s", i, why);
		if (!cases[i].ok)
			assert_non_null(strstr(why, "2026-11-22T12:00:00.123Z"));
	}
}

static void open_by_the_clock_when_no_time_is_given(void **state)
{
	tg_seal_opts o = seal_opts();
	tg_expect e = expect();

	(void)state;
	e.now_ms = 0;
	o.time_ms = 0;
	seal_with(&o);
	assert_int_equal(open_with(&e), 0);
	o.time_ms = sealed_at - 25 * 3600000;
	seal_with(&o);
	refused(&e, TG_EAGE, "ago");
	o.time_ms = sealed_at + 26 * 3600000; /* of tomorrow */
	seal_with(&o);
	refused(&e, TG_EAGE, "from now");
}

/* Senders ------------------------------------------------------------------ */

static void open_says_which_of_the_senders_signed(void **state)
{
	tg_seal_opts o = seal_opts();
	tg_senders *both;
	tg_expect e = expect();

	(void)state;
	assert_int_equal(tg_senders_new(&both), 0);
	assert_int_equal(tg_senders_add(both, "app-2025", text_of(app)), 0);
	assert_int_equal(tg_senders_add(both, NULL, text_of(app2)), 0);
	assert_int_equal(tg_senders_count(both), 2);
	e.senders = both;
	seal_with(&o);
	assert_int_equal(open_with(&e), 0);
	assert_string_equal(sender_name, "app-2025");
	o.signer = app2;
	seal_with(&o);
	assert_int_equal(open_with(&e), 0);
	assert_string_equal(sender_name, text_of(app2));
	e.senders = apps; /* the first alone */
	refused(&e, TG_ESIGNATURE, "another sender");
	tg_senders_free(both);
}

/* A head that names one sender of the set, signed by another of it. */
static void open_signature_must_be_of_the_sender_that_the_head_names(void **state)
{
	tg_seal_opts o = seal_opts();
	tg_senders *both;
	tg_expect e = expect(),
		  raw = {.struct_size = sizeof raw,
			  .identity = &alice,
			  .n_identities = 1,
			  .raw = 1};
	tg_open_opts oo = {.struct_size = sizeof oo, .expect = &raw, .write = keep};
	static struct bytes plain;
	crypto_sign_state st;
	tg_opener *op;
	tg_sealer *s;

	(void)state;
	assert_int_equal(tg_senders_new(&both), 0);
	assert_int_equal(tg_senders_add(both, "one", text_of(app)), 0);
	assert_int_equal(tg_senders_add(both, "two", text_of(app2)), 0);
	e.senders = both;
	seal_with(&o);
	plain.n = 0;
	oo.ctx = &plain;
	assert_int_equal(tg_open_new(&oo, &op), 0);
	assert_int_equal(tg_open_push(op, sealed.p, sealed.n), 0);
	assert_int_equal(tg_open_finish(op), 0);
	tg_open_free(op);
	crypto_sign_init(&st);
	crypto_sign_update(&st, plain.p, plain.n - 64);
	crypto_sign_final_create(&st, plain.p + plain.n - 64, NULL, app2->sk);
	o.signer = NULL;
	sealed.n = 0;
	assert_int_equal(tg_seal_new(&o, &s), 0);
	assert_int_equal(tg_seal_push(s, plain.p, plain.n), 0);
	assert_int_equal(tg_seal_finish(s), 0);
	tg_seal_free(s);
	refused(&e, TG_ESIGNATURE, "signature");
	tg_senders_free(both);
}

static int load(tg_senders *s, const char *text)
{
	char path[] = "/tmp/timeglas-senders-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = tg_senders_load(s, path, why, sizeof why);
	unlink(path);
	return err;
}

static void senders_load_reads_names_keys_and_comments(void **state)
{
	char one[128], two[128], file[1024];
	tg_senders *s;

	(void)state;
	strcpy(one, text_of(app));
	strcpy(two, text_of(app2));
	assert_int_equal(tg_senders_new(&s), 0);
	snprintf(file, sizeof file, "# our apps\n\n  app \t %s \r\n%s\n app %s", one, two, one);
	assert_int_equal(load(s, file), 0);
	assert_int_equal(tg_senders_count(s), 2);
	tg_senders_free(s);
	static const struct {
		const char *before, *after, *word;
	} bad[] = {
		{"", "", "no key"},
		{"# nothing\n", "", "no key"},
		{"app timeglas-sender1qqq\n", "", "line 1"},
		{"\n# x\nnonsense\n", "", "line 3"},
		{"TIMEGLAS-SIGNING-KEY-1QQQ\n", "", "secret"},
		{"\xff\xfe"
		 "a",
			"", "line 1"},
		{"other ", "\n", "one name"},
	};
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_int_equal(tg_senders_new(&s), 0);
		if (i == LEN(bad) - 1) /* the same key under two names */
			assert_int_equal(tg_senders_add(s, "app", one), 0);
		snprintf(file, sizeof file, "%s%s%s", bad[i].before, i == LEN(bad) - 1 ? one : "",
			bad[i].after);
		assert_int_equal(load(s, file), TG_EKEY);
		if (!strstr(why, bad[i].word))
			fail_msg("%zu: %s", i, why);
		assert_int_equal(tg_senders_count(s), i == LEN(bad) - 1);
		tg_senders_free(s);
	}
	assert_int_equal(tg_senders_new(&s), 0);
	assert_int_equal(tg_senders_load(s, "/dev/zero", why, sizeof why), TG_EKEY);
	assert_non_null(strstr(why, "line 1"));
	assert_int_equal(tg_senders_load(s, "/", why, sizeof why), TG_EIO);
	assert_int_equal(tg_senders_load(s, "/nowhere/at/all", NULL, 0), TG_EIO);
	assert_int_equal(tg_senders_add(s, "two words", one), TG_EINVAL);
	assert_int_equal(tg_senders_add(s, "", one), TG_EINVAL);
	assert_int_equal(tg_senders_add(s, "app", "age1nonsense"), TG_EKEY);
	assert_int_equal(tg_senders_count(s), 0);
	tg_senders_free(s);
	tg_senders_free(NULL);
}

static void senders_no_memory_leaves_the_set_as_it_was(void **state)
{
	char one[128], two[128], file[512];
	tg_senders *s = NULL;
	tg_recipient *r = NULL;
	tg_sender *sender = NULL;

	(void)state;
	strcpy(one, text_of(app));
	strcpy(two, text_of(app2));
	snprintf(file, sizeof file, "a %s\nb %s\n", one, two);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_senders_new(&s), TG_ENOMEM);
	assert_null(s);
	assert_int_equal(tg_senders_new(&s), 0);
	tg_alloc_fail_at(1);
	assert_int_equal(load(s, file), TG_ENOMEM);
	assert_int_equal(tg_senders_count(s), 0);
	assert_int_equal(load(s, file), 0);
	assert_int_equal(tg_senders_count(s), 2);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_identity_recipient(alice, &r), TG_ENOMEM);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_signer_sender(app, &sender), TG_ENOMEM);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_sender_parse(one, strlen(one), &sender), TG_ENOMEM);
	assert_null(r);
	assert_null(sender);
	tg_senders_free(s);
}

/* Recipients --------------------------------------------------------------- */

/* What a recipient can do: seal the signed inside again, under a header of its own making. */
static void reseal(const tg_recipient *const *r, size_t n, const char *more_stanzas)
{
	tg_expect raw = {
		.struct_size = sizeof raw, .identity = &alice, .n_identities = 1, .raw = 1};
	static struct bytes plain, file;
	tg_open_opts oo = {.struct_size = sizeof oo, .expect = &raw, .write = keep, .ctx = &plain};
	uint8_t file_key[16], nonce[16], share[32], body[32], mac[32];
	struct tg_stream st;
	char text[4096] = "age-encryption.org/v1\n", b[2][64];
	tg_opener *op;

	plain.n = 0;
	assert_int_equal(tg_open_new(&oo, &op), 0);
	assert_int_equal(tg_open_push(op, sealed.p, sealed.n), 0);
	assert_int_equal(tg_open_finish(op), 0);
	tg_open_free(op);
	randombytes_buf(file_key, sizeof file_key);
	randombytes_buf(nonce, sizeof nonce);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tg_x25519_wrap(r[i], file_key, share, body), 0);
		tg_b64_encode(TG_B64_NOPAD, share, 32, b[0]);
		tg_b64_encode(TG_B64_NOPAD, body, 32, b[1]);
		snprintf(text + strlen(text), sizeof text - strlen(text), "-> X25519 %s\n%s\n",
			b[0], b[1]);
	}
	snprintf(text + strlen(text), sizeof text - strlen(text), "%s---", more_stanzas);
	assert_int_equal(tg_header_mac(file_key, (uint8_t *)text, strlen(text), mac), 0);
	tg_b64_encode(TG_B64_NOPAD, mac, 32, b[0]);
	snprintf(text + strlen(text), sizeof text - strlen(text), " %s\n", b[0]);
	file.n = 0;
	keep(&file, text, strlen(text));
	keep(&file, nonce, sizeof nonce);
	assert_int_equal(tg_stream_init(&st, file_key, nonce, 1), 0);
	assert_int_equal(tg_stream_seal(&st, plain.p, plain.n, 1, file.p + file.n), 0);
	file.n += plain.n + 16;
	tg_stream_wipe(&st);
	sealed = file;
}

static void open_recipients_are_compared_by_type_and_number(void **state)
{
#define A "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY\n"
	static const struct {
		unsigned sealed_to, again_to[4];
		const char *more;
		int ok;
	} cases[] = {
		/* 1: alice, 2: bob */
		{1, {1}, "", 1},
		/* what the rage library adds to each file */
		{1, {1}, "-> x-grease words of it\n" A, 1},
		{1, {1}, "-> -grease\n\n-> z4-grease\n\n", 1},
		/* a recipient of a type that no head names */
		{1, {1}, "-> piv-p256 tag share\n" A, 0},
		{1, {1}, "-> grease\n" A, 0},
		{1, {1}, "-> x-grease-not\n" A, 0},
		{1, {1, 2}, "", 0},
		{1, {1, 1}, "", 0},
		{1, {2}, "", 0},
		{3, {1, 2}, "", 1},
		{3, {2, 1}, "", 1}, /* the order says nothing */
		{3, {1}, "", 0},
		/* the number is right, but both are ours */
		{3, {1, 1}, "", 0},
		{3, {1}, "-> piv-p256 tag share\n" A, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		const tg_recipient *again[4];
		tg_seal_opts o = seal_opts();
		tg_expect e = expect();
		size_t n = 0;

		o.n_recipients = cases[i].sealed_to == 3 ? 2 : 1;
		seal_with(&o);
		for (; n < 4 && cases[i].again_to[n]; n++)
			again[n] = to[cases[i].again_to[n] - 1];
		reseal(again, n, cases[i].more);
		if (cases[i].again_to[0] == 2 && n == 1)
			e.identity = &bob;
		if (open_with(&e) != (cases[i].ok ? 0 : TG_EMISLABELLED))
			fail_msg("case %zu: %s", i, why);
	}
}

/* With both identities at hand both stanzas are known: one of them exchanged for a stranger's is
 * seen. */
static void open_every_identity_that_is_named_must_have_its_stanza(void **state)
{
	tg_identity *both[2], *eve;
	const tg_recipient *again[2];
	tg_seal_opts o = seal_opts();
	tg_expect e = expect();
	tg_recipient *to_eve;

	(void)state;
	both[0] = alice;
	both[1] = bob;
	assert_int_equal(tg_identity_generate(&eve), 0);
	assert_int_equal(tg_identity_recipient(eve, &to_eve), 0);
	o.n_recipients = 2;
	seal_with(&o);
	again[0] = to[0];
	again[1] = to_eve;
	reseal(again, 2, "");
	assert_int_equal(open_with(&e), 0); /* alice alone cannot know */
	e.identity = both;
	e.n_identities = 2;
	refused(&e, TG_EMISLABELLED, "other recipients");
	seal_with(&o);
	assert_int_equal(open_with(&e), 0);
	tg_identity_free(eve);
	tg_recipient_free(to_eve);
}

static int set_up(void **state)
{
	(void)state;
	if (tg_init() != 0 || tg_identity_generate(&alice) != 0 ||
		tg_identity_generate(&bob) != 0 || tg_signer_generate(&app) != 0 ||
		tg_signer_generate(&app2) != 0)
		return -1;
	if (tg_identity_recipient(alice, &to[0]) != 0 || tg_identity_recipient(bob, &to[1]) != 0 ||
		tg_senders_new(&apps) != 0)
		return -1;
	return tg_senders_add(apps, "app", text_of(app));
}

static int tear_down(void **state)
{
	(void)state;
	tg_identity_free(alice);
	tg_identity_free(bob);
	tg_recipient_free(to[0]);
	tg_recipient_free(to[1]);
	tg_signer_free(app);
	tg_signer_free(app2);
	tg_senders_free(apps);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_follows_from_sender_and_reference),
		cmocka_unit_test(ids_other_than_canonical_ones_are_refused),
		cmocka_unit_test(open_blob_that_was_asked_for_comes),
		cmocka_unit_test(open_exchanged_blob_is_refused),
		cmocka_unit_test(open_same_reference_of_another_sender_is_refused),
		cmocka_unit_test(seal_again_with_reference_and_time_keeps_the_name),
		cmocka_unit_test(open_labels_that_are_demanded_must_be_the_sealed_ones),
		cmocka_unit_test(open_demands_that_nothing_meets_are_refused_at_once),
		cmocka_unit_test(open_age_is_accepted_to_its_last_millisecond),
		cmocka_unit_test(open_by_the_clock_when_no_time_is_given),
		cmocka_unit_test(open_says_which_of_the_senders_signed),
		cmocka_unit_test(open_signature_must_be_of_the_sender_that_the_head_names),
		cmocka_unit_test(senders_load_reads_names_keys_and_comments),
		cmocka_unit_test(senders_no_memory_leaves_the_set_as_it_was),
		cmocka_unit_test(open_recipients_are_compared_by_type_and_number),
		cmocka_unit_test(open_every_identity_that_is_named_must_have_its_stanza),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
