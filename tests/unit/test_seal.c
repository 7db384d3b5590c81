/*
 * Goal: what is sealed opens for its recipients and for nobody else; every change, cut, relabelling
 * and passing-on is seen; nothing that could be the trailer is released as content; errors of the
 * caller's callbacks come back and stay.
 */
#include <sodium.h>
#include <timeglas/timeglas.h>
#include "check.h"
#include "lib/keys.h"
#include "lib/secmem.h"

struct buf {
	uint8_t *p;
	size_t n, cap;
	size_t fail_after; /* bytes; 0: never */
};

static tg_identity *alice, *bob;
static tg_recipient *to_alice, *to_bob;
static tg_signer *signer;
static tg_sender *sender;
static tg_senders *senders;

static int keep(void *ctx, const void *p, size_t n)
{
	struct buf *b = ctx;

	if (b->fail_after && b->n + n > b->fail_after)
		return TG_EIO;
	if (b->n + n > b->cap) {
		b->cap = (b->n + n) * 2;
		b->p = realloc(b->p, b->cap);
		assert_non_null(b->p);
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

static tg_seal_opts seal_opts(tg_recipient *const *r, size_t n, int is_signed, struct buf *out)
{
	tg_seal_opts o = {.struct_size = sizeof o,
		.recipient = (const tg_recipient *const *)r,
		.n_recipients = n,
		.write = keep,
		.ctx = out};

	if (is_signed) {
		o.signer = signer;
		o.kind = "passport";
		o.issuer = "D<<";
		o.content_type = "image/jp2";
	}
	return o;
}

static int seal(tg_recipient *const *r, size_t n_to, int is_signed, const uint8_t *p, size_t n,
	size_t cut, struct buf *out)
{
	tg_seal_opts o = seal_opts(r, n_to, is_signed, out);
	tg_sealer *s;
	int err = tg_seal_new(&o, &s);

	if (err)
		return err;
	for (size_t at = 0; at < n; at += cut)
		(void)tg_seal_push(s, p + at, n - at < cut ? n - at : cut);
	err = tg_seal_finish(s);
	if (!err)
		assert_true(tg_seal_size(&o, n) == out->n);
	tg_seal_free(s);
	return err;
}

static int open_as(const tg_open_opts *o, const uint8_t *p, size_t n, size_t cut, tg_head *head)
{
	tg_opener *op;
	int err = tg_open_new(o, &op);

	if (err)
		return err;
	for (size_t at = 0; at < n; at += cut)
		(void)tg_open_push(op, p + at, n - at < cut ? n - at : cut);
	err = tg_open_finish(op);
	if (err)
		assert_true(strlen(tg_open_why(op)) > 0);
	if (head && tg_open_head(op))
		*head = *tg_open_head(op);
	tg_open_free(op);
	return err;
}

static int open_with(tg_identity *id, int raw, const struct buf *in, size_t cut, struct buf *out)
{
	tg_expect e = {.struct_size = sizeof e,
		.identity = &id,
		.n_identities = 1,
		.raw = raw,
		.senders = raw ? NULL : senders};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = out};

	out->n = 0;
	return open_as(&o, in->p, in->n, cut, NULL);
}

static uint8_t *noise(size_t n)
{
	uint8_t *p = malloc(n + 1);
	assert_non_null(p);
	randombytes_buf(p, n);
	return p;
}

static const size_t SIZES[] = {0, 1, 63, 64, 65, 65535, 65536, 65537, 131072, 131073, 400001};
static const size_t CUTS[] = {1u << 20, 1000, 65536, 65553};

static void round_trip(int is_signed)
{
	for (size_t i = 0; i < LEN(SIZES); i++) {
		uint8_t *p = noise(SIZES[i]);
		for (size_t c = 0; c < LEN(CUTS); c++) {
			struct buf sealed = {0}, opened = {0};
			assert_int_equal(
				seal(&to_alice, 1, is_signed, p, SIZES[i], CUTS[c], &sealed), 0);
			assert_int_equal(open_with(alice, !is_signed, &sealed,
						 CUTS[LEN(CUTS) - 1 - c], &opened),
				0);
			assert_int_equal(opened.n, SIZES[i]);
			if (opened.n)
				assert_memory_equal(opened.p, p, opened.n);
			free(sealed.p);
			free(opened.p);
		}
		free(p);
	}
}

static void round_trip_raw_every_size_comes_back(void **state)
{
	(void)state;
	round_trip(0);
}

static void round_trip_signed_every_size_comes_back(void **state)
{
	(void)state;
	round_trip(1);
}

/* The head may end anywhere in the last chunk: sizes around the chunk's edge move the trailer
 * across it. */
static void round_trip_trailer_across_the_edge_comes_back(void **state)
{
	uint8_t *p = noise(65536);

	(void)state;
	for (size_t n = 65536 - 480; n < 65536; n++) {
		struct buf sealed = {0}, opened = {0};
		assert_int_equal(seal(&to_alice, 1, 1, p, n, 65536, &sealed), 0);
		assert_int_equal(open_with(alice, 0, &sealed, 70000, &opened), 0);
		assert_int_equal(opened.n, n);
		assert_memory_equal(opened.p, p, n);
		free(sealed.p);
		free(opened.p);
	}
	free(p);
}

static void open_head_says_what_was_sealed(void **state)
{
	tg_recipient *both[2];
	struct buf sealed = {0}, opened = {0};
	tg_expect e = {
		.struct_size = sizeof e, .identity = &bob, .n_identities = 1, .senders = senders};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = &opened};
	tg_seal_opts so;
	tg_sealer *s;
	tg_head got;

	(void)state;
	both[0] = to_alice;
	both[1] = to_bob;
	so = seal_opts(both, 2, 1, &sealed);
	assert_int_equal(tg_seal_new(&so, &s), 0);
	assert_int_equal(tg_seal_finish(s), 0);
	assert_int_equal(open_as(&o, sealed.p, sealed.n, 100, &got), 0);
	assert_string_equal(got.sender_name, "app");
	assert_string_equal(tg_seal_head(s)->sender_name, ""); /* which the sealer does not know */
	assert_string_equal(got.name, tg_seal_head(s)->name);
	assert_string_equal(got.sender, tg_seal_head(s)->sender);
	assert_memory_equal(got.ref, tg_seal_head(s)->ref, sizeof got.ref);
	assert_int_equal(got.time_ms, tg_seal_head(s)->time_ms);
	assert_string_equal(got.kind, "passport");
	assert_string_equal(got.issuer, "D");
	assert_string_equal(got.session, "");
	assert_string_equal(got.content_type, "image/jp2");
	assert_int_equal(got.n_recipients, 2);
	assert_true(got.time_ms > 1700000000000);
	tg_seal_free(s);
	free(sealed.p);
	free(opened.p);
}

static void seal_most_recipients_each_opens(void **state)
{
	tg_identity *id[TG_RECIPIENTS_MAX];
	tg_recipient *r[TG_RECIPIENTS_MAX];
	struct buf sealed = {0}, opened = {0};

	(void)state;
	for (size_t i = 0; i < TG_RECIPIENTS_MAX; i++) {
		assert_int_equal(tg_identity_generate(&id[i]), 0);
		assert_int_equal(tg_identity_recipient(id[i], &r[i]), 0);
	}
	assert_int_equal(seal(r, TG_RECIPIENTS_MAX, 1, (const uint8_t *)"x", 1, 1, &sealed), 0);
	for (size_t i = 0; i < TG_RECIPIENTS_MAX; i++) {
		assert_int_equal(open_with(id[i], 0, &sealed, 77, &opened), 0);
		assert_int_equal(opened.n, 1);
		tg_identity_free(id[i]);
		tg_recipient_free(r[i]);
	}
	assert_int_equal(open_with(alice, 0, &sealed, 77, &opened), TG_ENOMATCH);
	free(sealed.p);
	free(opened.p);
}

static void open_every_flipped_byte_is_seen(void **state)
{
	static const char content[] = "some evidence";
	struct buf sealed = {0}, opened = {0};

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 1, (const uint8_t *)content, 13, 13, &sealed), 0);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_true(open_with(alice, 0, &sealed, 4096, &opened) < 0);
		assert_int_equal(opened.n, 0); /* all of it is one chunk: nothing may come out */
		sealed.p[i] ^= 1;
	}
	assert_int_equal(open_with(alice, 0, &sealed, 4096, &opened), 0);
	free(sealed.p);
	free(opened.p);
}

static void open_every_cut_is_seen(void **state)
{
	struct buf sealed = {0}, opened = {0}, cut;

	(void)state;
	assert_int_equal(
		seal(&to_alice, 1, 1, (const uint8_t *)"some evidence", 13, 13, &sealed), 0);
	for (size_t n = 0; n < sealed.n; n++) {
		cut = sealed;
		cut.n = n;
		assert_true(open_with(alice, 0, &cut, 4096, &opened) < 0);
		assert_int_equal(opened.n, 0);
	}
	assert_int_equal(keep(&sealed, "x", 1), 0);
	assert_true(open_with(alice, 0, &sealed, 4096, &opened) < 0);
	free(sealed.p);
	free(opened.p);
}

static void open_whole_chunk_cut_off_is_seen(void **state)
{
	uint8_t *p = noise(200000);
	struct buf sealed = {0}, opened = {0};
	size_t header;

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 0, p, 200000, 5000, &sealed), 0);
	header = sealed.n - 200000 - 4 * 16;
	sealed.n = header + 2 * 65552;
	assert_int_equal(open_with(alice, 1, &sealed, 5000, &opened), TG_EPAYLOAD);
	assert_int_equal(opened.n, 2 * 65536);
	assert_memory_equal(opened.p, p, opened.n);
	free(p);
	free(sealed.p);
	free(opened.p);
}

/* What a recipient can do: read the inside, and seal it again with changes. */
static void inside(const struct buf *sealed, struct buf *plain)
{
	assert_int_equal(open_with(alice, 1, sealed, 10000, plain), 0);
}

static void open_content_changed_by_a_recipient_is_seen(void **state)
{
	uint8_t *p = noise(100000);
	struct buf sealed = {0}, plain = {0}, forged = {0}, opened = {0};
	size_t at[5], len;

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 1, p, 100000, 100000, &sealed), 0);
	inside(&sealed, &plain);
	len = plain.n;
	at[0] = len - 64 - 100000; /* first byte of the content */
	at[1] = len - 65;          /* its last */
	at[2] = len - 64;          /* the signature */
	at[3] = len - 1;
	at[4] = 22; /* the head's kind: "passport" */
	for (size_t i = 0; i < LEN(at); i++) {
		forged.n = 0;
		plain.p[at[i]] ^= 1;
		assert_int_equal(seal(&to_alice, 1, 0, plain.p, len, len, &forged), 0);
		assert_int_equal(open_with(alice, 0, &forged, 9999, &opened), TG_ESIGNATURE);
		plain.p[at[i]] ^= 1;
	}
	for (size_t cut = 1; cut < 100; cut++) { /* an end that is not the signature */
		forged.n = 0;
		assert_int_equal(seal(&to_alice, 1, 0, plain.p, len - cut, len, &forged), 0);
		assert_int_equal(open_with(alice, 0, &forged, 9999, &opened), TG_ESIGNATURE);
	}
	free(p);
	free(sealed.p);
	free(plain.p);
	free(forged.p);
	free(opened.p);
}

static void open_passed_on_by_a_recipient_is_seen(void **state)
{
	tg_recipient *both[2];
	struct buf sealed = {0}, plain = {0}, again = {0}, opened = {0};

	(void)state;
	both[0] = to_alice;
	both[1] = to_bob;
	assert_int_equal(seal(&to_alice, 1, 1, (const uint8_t *)"x", 1, 1, &sealed), 0);
	inside(&sealed, &plain);
	assert_int_equal(seal(&to_bob, 1, 0, plain.p, plain.n, 9, &again), 0);
	assert_int_equal(open_with(bob, 0, &again, 50, &opened), TG_EMISLABELLED);
	again.n = 0;
	assert_int_equal(seal(both, 2, 0, plain.p, plain.n, 9, &again), 0);
	assert_int_equal(open_with(alice, 0, &again, 50, &opened), TG_EMISLABELLED);
	assert_int_equal(opened.n, 0);
	free(sealed.p);
	free(plain.p);
	free(again.p);
	free(opened.p);
}

static void open_head_without_trailer_is_refused(void **state)
{
	struct buf sealed = {0}, plain = {0}, again = {0}, opened = {0};

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 1, NULL, 0, 1, &sealed), 0);
	inside(&sealed, &plain);
	for (size_t trailer = 0; trailer < 64; trailer += 21) {
		again.n = 0;
		assert_int_equal(
			seal(&to_alice, 1, 0, plain.p, plain.n - 64 + trailer, 9999, &again), 0);
		assert_int_equal(open_with(alice, 0, &again, 9999, &opened), TG_ESIGNATURE);
		assert_int_equal(opened.n, 0);
	}
	free(sealed.p);
	free(plain.p);
	free(again.p);
	free(opened.p);
}

static void open_other_sender_or_raw_file_is_refused(void **state)
{
	struct buf sealed = {0}, raw = {0}, opened = {0};
	tg_expect e = {.struct_size = sizeof e, .identity = &alice, .n_identities = 1};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = &opened};
	char text[TG_KEY_TEXT_MAX];
	tg_senders *others;
	tg_signer *other;
	tg_sender *pinned;

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 1, (const uint8_t *)"x", 1, 1, &sealed), 0);
	assert_int_equal(tg_signer_generate(&other), 0);
	assert_int_equal(tg_signer_sender(other, &pinned), 0);
	tg_sender_text(pinned, text, sizeof text);
	assert_int_equal(tg_senders_new(&others), 0);
	assert_int_equal(tg_senders_add(others, NULL, text), 0);
	e.senders = others;
	assert_int_equal(open_as(&o, sealed.p, sealed.n, 99, NULL), TG_ESIGNATURE);
	assert_int_equal(seal(&to_alice, 1, 0, (const uint8_t *)"x", 1, 1, &raw), 0);
	assert_int_equal(open_with(alice, 0, &raw, 99, &opened), TG_ESIGNATURE);
	assert_int_equal(opened.n, 0);
	tg_signer_free(other);
	tg_sender_free(pinned);
	tg_senders_free(others);
	free(sealed.p);
	free(raw.p);
	free(opened.p);
}

static void open_several_identities_any_may_match(void **state)
{
	tg_identity *ids[2];
	struct buf sealed = {0}, opened = {0};
	tg_expect e = {
		.struct_size = sizeof e, .identity = ids, .n_identities = 2, .senders = senders};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = &opened};

	(void)state;
	ids[0] = alice;
	ids[1] = bob;
	assert_int_equal(seal(&to_bob, 1, 1, (const uint8_t *)"x", 1, 1, &sealed), 0);
	assert_int_equal(open_as(&o, sealed.p, sealed.n, 99, NULL), 0);
	free(sealed.p);
	free(opened.p);
}

static int open_text(const char *text, size_t cut)
{
	struct buf opened = {0}, in = {.p = (uint8_t *)(uintptr_t)text, .n = strlen(text)};
	int err = open_with(alice, 1, &in, cut, &opened);

	assert_int_equal(opened.n, 0);
	free(opened.p);
	return err;
}

static void open_what_is_no_binary_age_file_is_named(void **state)
{
	static const char scrypt[] =
		"age-encryption.org/v1\n-> scrypt OP2/oQJVmEPkWzHF2RzIfQ "
		"18\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n"
		"--- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg\n0123456789abcdef0123456789abcdef";

	(void)state;
	for (size_t cut = 1; cut < 50; cut += 4) {
		assert_int_equal(
			open_text("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", cut), TG_EARMOR);
		assert_int_equal(open_text("-----BEGIN AGE ENCRYPTED FILE-----", cut), TG_EARMOR);
		assert_int_equal(open_text("-----BEGIN AGE", cut), TG_EHEADER);
		assert_int_equal(open_text("-----BEGIN PGP MESSAGE-----\n", cut), TG_EHEADER);
		assert_int_equal(open_text("-age-encryption.org/v1\n", cut), TG_EHEADER);
		assert_int_equal(open_text("plain text", cut), TG_EHEADER);
		assert_int_equal(open_text(scrypt, cut), TG_ENOMATCH);
	}
	assert_int_equal(open_text("", 1), TG_EHEADER);
}

static int refuse_head(void *ctx, const tg_head *h)
{
	(void)ctx;
	return strcmp(h->kind, "passport") == 0 ? TG_EREPLAY : 0;
}

static void callbacks_errors_come_back_and_stay(void **state)
{
	uint8_t *p = noise(300000);
	struct buf sealed = {0}, opened = {.fail_after = 70000}, full = {.fail_after = 100000};
	tg_expect e = {
		.struct_size = sizeof e, .identity = &alice, .n_identities = 1, .senders = senders};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = &opened};
	tg_opener *op;

	(void)state;
	assert_int_equal(seal(&to_alice, 1, 1, p, 300000, 1000, &full), TG_EIO);
	full.fail_after = 10;
	full.n = 0;
	assert_int_equal(seal(&to_alice, 1, 1, p, 300000, 1000, &full), TG_EIO);
	assert_int_equal(seal(&to_alice, 1, 1, p, 300000, 1000, &sealed), 0);
	assert_int_equal(tg_open_new(&o, &op), 0);
	assert_int_equal(tg_open_push(op, sealed.p, sealed.n), TG_EIO);
	opened.fail_after = 0;
	assert_int_equal(tg_open_push(op, sealed.p, sealed.n), TG_EIO);
	assert_int_equal(tg_open_finish(op), TG_EIO);
	tg_open_free(op);
	opened.n = 0;
	o.on_head = refuse_head;
	assert_int_equal(open_as(&o, sealed.p, sealed.n, 5000, NULL), TG_EREPLAY);
	assert_int_equal(opened.n, 0);
	free(p);
	free(full.p);
	free(sealed.p);
	free(opened.p);
}

static void finish_twice_is_a_callers_fault(void **state)
{
	struct buf sealed = {0}, opened = {0};
	tg_seal_opts so = seal_opts(&to_alice, 1, 1, &sealed);
	tg_expect e = {
		.struct_size = sizeof e, .identity = &alice, .n_identities = 1, .senders = senders};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep, .ctx = &opened};
	tg_sealer *s;
	tg_opener *op;

	(void)state;
	assert_int_equal(tg_seal_new(&so, &s), 0);
	assert_int_equal(tg_seal_finish(s), 0);
	assert_int_equal(tg_open_new(&o, &op), 0);
	assert_int_equal(tg_open_push(op, sealed.p, sealed.n), 0);
	assert_int_equal(tg_open_finish(op), 0);
	assert_int_equal(tg_open_push(op, "x", 1), TG_EINVAL);
	assert_int_equal(tg_open_finish(op), TG_EINVAL);
	assert_int_equal(tg_seal_push(s, "x", 1), TG_EINVAL);
	assert_int_equal(tg_seal_finish(s), TG_EINVAL);
	tg_open_free(op);
	tg_seal_free(s);
	free(sealed.p);
	free(opened.p);
}

static void seal_bad_options_are_refused(void **state)
{
	tg_recipient small_order = {{0}}, *to_small = &small_order, *many[TG_RECIPIENTS_MAX + 1];
	struct buf out = {0};
	tg_seal_opts o = seal_opts(many, 0, 1, &out);
	tg_sealer *s;

	(void)state;
	for (size_t i = 0; i < LEN(many); i++)
		many[i] = to_alice;
	assert_int_equal(tg_seal_new(&o, &s), TG_ERECIPIENT);
	assert_true(tg_seal_size(&o, 1) == 0);
	o.n_recipients = TG_RECIPIENTS_MAX + 1;
	assert_int_equal(tg_seal_new(&o, &s), TG_ERECIPIENT);
	assert_true(tg_seal_size(&o, 1) == 0);
	o = seal_opts(&to_small, 1, 0, &out);
	assert_int_equal(tg_seal_new(&o, &s), TG_EKEY);
	o = seal_opts(&to_alice, 1, 1, &out);
	o.kind = NULL;
	assert_int_equal(tg_seal_new(&o, &s), TG_EKIND);
	o.kind = "passport";
	o.issuer = "QQQ";
	assert_int_equal(tg_seal_new(&o, &s), TG_EISSUER);
	o.issuer = NULL;
	o.kind = "";
	assert_int_equal(tg_seal_new(&o, &s), TG_EKIND);
	assert_true(tg_seal_size(&o, 1) == 0);
	assert_int_equal(out.n, 0);
	free(out.p);
}

static void open_bad_options_are_refused(void **state)
{
	tg_expect e = {.struct_size = sizeof e, .identity = &alice, .n_identities = 1};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep};
	tg_opener *op;

	(void)state;
	assert_int_equal(tg_open_new(&o, &op), TG_EINVAL); /* neither raw nor a sender */
	e.raw = 1;
	e.n_identities = 0;
	assert_int_equal(tg_open_new(&o, &op), TG_EINVAL);
	e.n_identities = 1;
	o.write = NULL;
	assert_int_equal(tg_open_new(&o, &op), TG_EINVAL);
	o.write = keep;
	o.expect = NULL;
	assert_int_equal(tg_open_new(&o, &op), TG_EINVAL);
}

static void allocation_failure_is_reported(void **state)
{
	struct buf out = {0};
	tg_seal_opts so = seal_opts(&to_alice, 1, 1, &out);
	tg_expect e = {.struct_size = sizeof e, .identity = &alice, .n_identities = 1, .raw = 1};
	tg_open_opts o = {.struct_size = sizeof o, .expect = &e, .write = keep};
	tg_sealer *s;
	tg_opener *op;

	(void)state;
	tg_alloc_fail_at(1);
	assert_int_equal(tg_seal_new(&so, &s), TG_ENOMEM);
	tg_alloc_fail_at(1);
	assert_int_equal(tg_open_new(&o, &op), TG_ENOMEM);
	assert_int_equal(out.n, 0);
	tg_seal_free(NULL);
	tg_open_free(NULL);
}

static void seal_twice_gives_two_files_and_references(void **state)
{
	struct buf a = {0}, b = {0};
	tg_seal_opts oa = seal_opts(&to_alice, 1, 1, &a), ob = seal_opts(&to_alice, 1, 1, &b);
	tg_sealer *sa, *sb;

	(void)state;
	assert_int_equal(tg_seal_new(&oa, &sa), 0);
	assert_int_equal(tg_seal_new(&ob, &sb), 0);
	assert_memory_not_equal(tg_seal_head(sa)->ref, tg_seal_head(sb)->ref, TG_REF_BYTES);
	assert_int_equal(a.n, b.n);
	assert_memory_not_equal(a.p, b.p, a.n);
	tg_seal_free(sa);
	tg_seal_free(sb);
	free(a.p);
	free(b.p);
}

static int set_up(void **state)
{
	char text[TG_KEY_TEXT_MAX];

	(void)state;
	if (tg_init() != 0 || tg_identity_generate(&alice) != 0 ||
		tg_identity_generate(&bob) != 0 || tg_signer_generate(&signer) != 0)
		return -1;
	if (tg_identity_recipient(alice, &to_alice) != 0 ||
		tg_identity_recipient(bob, &to_bob) != 0 || tg_signer_sender(signer, &sender) != 0)
		return -1;
	tg_sender_text(sender, text, sizeof text);
	return tg_senders_new(&senders) != 0 || tg_senders_add(senders, "app", text) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	tg_identity_free(alice);
	tg_identity_free(bob);
	tg_signer_free(signer);
	tg_recipient_free(to_alice);
	tg_recipient_free(to_bob);
	tg_sender_free(sender);
	tg_senders_free(senders);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_raw_every_size_comes_back),
		cmocka_unit_test(round_trip_signed_every_size_comes_back),
		cmocka_unit_test(round_trip_trailer_across_the_edge_comes_back),
		cmocka_unit_test(open_head_says_what_was_sealed),
		cmocka_unit_test(seal_most_recipients_each_opens),
		cmocka_unit_test(open_every_flipped_byte_is_seen),
		cmocka_unit_test(open_every_cut_is_seen),
		cmocka_unit_test(open_whole_chunk_cut_off_is_seen),
		cmocka_unit_test(open_content_changed_by_a_recipient_is_seen),
		cmocka_unit_test(open_passed_on_by_a_recipient_is_seen),
		cmocka_unit_test(open_head_without_trailer_is_refused),
		cmocka_unit_test(open_other_sender_or_raw_file_is_refused),
		cmocka_unit_test(open_several_identities_any_may_match),
		cmocka_unit_test(open_what_is_no_binary_age_file_is_named),
		cmocka_unit_test(callbacks_errors_come_back_and_stay),
		cmocka_unit_test(finish_twice_is_a_callers_fault),
		cmocka_unit_test(seal_bad_options_are_refused),
		cmocka_unit_test(open_bad_options_are_refused),
		cmocka_unit_test(allocation_failure_is_reported),
		cmocka_unit_test(seal_twice_gives_two_files_and_references),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
