/*
 * Goal: what docs/vectors/ says of heads, trailers, names, ids, subjects and sealed files is what
 * our own client and server make of them: the same outcome, the same line, a reason that has the
 * same words in it. Whoever writes a client in another language can rely on them.
 */
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <timeglas/timeglas.h>
#include <unistd.h>
#include "check.h"
#include "core/subject.h"
#include "base/token.h"
#include "core/time.h"
#include "lib/head.h"
#include "lib/keys.h"

#define FOLDER "docs/vectors/"
#define KEYS_MAX 24
#define FILE_MAX 200000

static size_t wrong;

static json_t *load(const char *name)
{
	char path[128];
	json_error_t err;
	json_t *o;

	snprintf(path, sizeof path, FOLDER "%s", name);
	o = json_load_file(path, JSON_ALLOW_NUL, &err);
	if (!o)
		fail_msg("%s: %s (tests run in the project's folder)", path, err.text);
	return o;
}

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void differs(const char *what, const json_t *vector, const char *got)
{
	print_error("%s %s (%s): got %s\n", what, text(vector, "name"), text(vector, "why"), got);
	wrong++;
}

/* Heads are bytes, each written as the character with its number: UTF-8 back to ISO 8859-1. */
static size_t bytes_of(const json_t *string, uint8_t *out, size_t cap)
{
	const uint8_t *s = (const uint8_t *)json_string_value(string);
	size_t n = json_string_length(string), len = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(len < cap);
		if (s[i] < 0x80) {
			out[len++] = s[i];
		} else {
			out[len++] = (uint8_t)(s[i] << 6 | (s[i + 1] & 0x3f));
			i++;
		}
	}
	return len;
}

static size_t unhex(const json_t *o, const char *name, uint8_t *out, size_t cap)
{
	const char *hex = text(o, name);
	size_t n = 0;

	assert_int_equal(sodium_hex2bin(out, cap, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

/* Keys, heads, trailers, names --------------------------------------------- */

/* Of each key the text, written from the secret half, and its public half's. */
static void keys_are_read_and_refused_as_written(void **state)
{
	json_t *all = load("keys.json"), *v;
	char again[TG_KEY_TEXT_MAX];
	const char *name, *key;
	size_t i;

	(void)state;
	json_object_foreach(json_object_get(all, "identities"), name, v)
	{
		tg_recipient *r;
		tg_identity *id;
		key = text(v, "identity");
		assert_int_equal(tg_identity_parse(key, strlen(key), &id), 0);
		assert_int_equal(tg_identity_recipient(id, &r), 0);
		tg_recipient_text(r, again, sizeof again);
		assert_string_equal(again, text(v, "recipient"));
		tg_recipient_free(r);
		tg_identity_free(id);
	}
	json_object_foreach(json_object_get(all, "signers"), name, v)
	{
		tg_sender *sender;
		tg_signer *s;
		key = text(v, "signing_key");
		assert_int_equal(tg_signer_parse(key, strlen(key), &s), 0);
		assert_int_equal(tg_signer_sender(s, &sender), 0);
		tg_sender_text(sender, again, sizeof again);
		assert_string_equal(again, text(v, "sender"));
		tg_sender_free(sender);
		tg_signer_free(s);
	}
	json_array_foreach(json_object_get(all, "refused"), i, v)
	{
		tg_recipient r;
		tg_sender s;
		key = text(v, "text");
		if (strcmp(text(v, "kind"), "sender") == 0)
			assert_int_equal(tg_sender_read(key, strlen(key), &s), TG_EKEY);
		else
			assert_int_equal(tg_recipient_read(key, strlen(key), &r), TG_EKEY);
	}
	json_decref(all);
}

static void check_good_head(const json_t *v, const uint8_t *p, size_t n)
{
	char why[TG_HEAD_WHY] = "", again[TG_HEAD_TEXT_MAX];
	struct tg_head_fields h;
	size_t len = 0;

	if (tg_head_parse(p, n, &h, &len, why) != 0)
		differs("head", v, why);
	else if (len != n || h.time_ms != json_integer_value(json_object_get(v, "time_ms")))
		differs("head", v, "another length or time");
	else if (tg_head_format(&h, again) != n || memcmp(again, p, n) != 0)
		differs("head", v, "another text when it is written again");
}

static void check_bad_head(const json_t *v, const uint8_t *p, size_t n)
{
	char why[TG_HEAD_WHY] = "", line[32];
	struct tg_head_fields h;
	size_t len = 0;

	snprintf(line, sizeof line,
		"line %d: ", (int)json_integer_value(json_object_get(v, "line")));
	if (tg_head_parse(p, n, &h, &len, why) == 0)
		differs("head", v, "accepted");
	else if (strncmp(why, line, strlen(line)) != 0 || !strstr(why, text(v, "says")))
		differs("head", v, why);
}

static void heads_are_read_and_refused_as_written(void **state)
{
	json_t *all = load("heads.json"), *v;
	static uint8_t buf[8192];
	size_t i;

	(void)state;
	wrong = 0;
	json_array_foreach(json_object_get(all, "cases"), i, v)
	{
		size_t n = bytes_of(json_object_get(v, "head"), buf, sizeof buf);
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, buf, n);
		(json_is_true(json_object_get(v, "ok")) ? check_good_head : check_bad_head)(
			v, exact, n);
		free(exact);
	}
	assert_true(i > 90);
	json_decref(all);
	assert_int_equal(wrong, 0);
}

static void trailers_verify_as_written(void **state)
{
	json_t *all = load("trailers.json"), *v;
	static uint8_t content[FILE_MAX];
	size_t i;

	(void)state;
	wrong = 0;
	json_array_foreach(json_object_get(all, "cases"), i, v)
	{
		const char *sender = text(v, "sender"), *head = text(v, "head");
		size_t n = unhex(v, "content_hex", content, sizeof content);
		crypto_sign_state sign;
		uint8_t trailer[64];
		tg_sender key;
		int ok;

		assert_int_equal(tg_sender_read(sender, strlen(sender), &key), 0);
		assert_int_equal(unhex(v, "trailer_hex", trailer, sizeof trailer), TG_TRAILER);
		crypto_sign_init(&sign);
		crypto_sign_update(&sign, (const uint8_t *)head, strlen(head));
		crypto_sign_update(&sign, content, n);
		ok = crypto_sign_final_verify(&sign, trailer, key.pk) == 0;
		if (ok != json_is_true(json_object_get(v, "ok")))
			differs("trailer", v, ok ? "accepted" : "refused");
	}
	assert_true(i > 8);
	json_decref(all);
	assert_int_equal(wrong, 0);
}

static void names_and_ids_are_as_written(void **state)
{
	json_t *all = load("names.json"), *v;
	char name[TG_NAME_CHARS + 1];
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(all, "names"), i, v)
	{
		uint8_t ref[TG_REF_BYTES];
		tg_sender sender;
		assert_int_equal(
			unhex(v, "sender_hex", sender.pk, sizeof sender.pk), sizeof sender.pk);
		assert_int_equal(unhex(v, "ref_hex", ref, sizeof ref), sizeof ref);
		tg_name_of(&sender, ref, name);
		assert_string_equal(name, text(v, "name"));
	}
	json_array_foreach(json_object_get(all, "ids"), i, v)
	{
		const char *id = text(v, "id");
		int ok = json_is_true(json_object_get(v, "ok"));
		/* Client and server agree on what an id is. */
		assert_int_equal(tg_id_name(id, name) == 0, ok);
		assert_int_equal(token_shard(id, strlen(id)) >= 0, ok);
		if (ok)
			assert_string_equal(name, text(v, "name"));
	}
	json_decref(all);
}

static void subjects_are_hashed_as_written(void **state)
{
	json_t *all = load("names.json"), *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(all, "subjects"), i, v)
	{
		const char *subject = text(v, "subject");
		char hash[SUBJECT_HASH_CHARS + 1];
		assert_int_equal(
			subject_hash(text(v, "uploader"), subject, strlen(subject), hash), 0);
		assert_string_equal(hash, text(v, "hash"));
	}
	json_decref(all);
}

/* Sealed files ------------------------------------------------------------- */

struct released {
	uint8_t p[FILE_MAX];
	size_t n;
};

static struct released out;
static uint8_t file[FILE_MAX];
static json_t *keys;

static int keep(void *ctx, const void *p, size_t n)
{
	struct released *r = ctx;

	assert_true(n <= sizeof r->p - r->n);
	memcpy(r->p + r->n, p, n);
	r->n += n;
	return 0;
}

static size_t read_file(const char *name)
{
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, FOLDER "%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(file, 1, sizeof file, f);
	fclose(f);
	assert_true(n < sizeof file);
	return n;
}

static int code_of(const char *name)
{
	static const struct {
		const char *name;
		int code;
	} codes[] = {{"ok", 0},
#define ROW(name, number, status, slug, retryable, text) {"TG_" #name, TG_##name},
		TG_ERRORS(ROW)
#undef ROW
	};

	for (size_t i = 0; i < LEN(codes); i++)
		if (strcmp(codes[i].name, name) == 0)
			return codes[i].code;
	fail_msg("no such code: %s", name);
	return TG_EINTERNAL;
}

/* What the vector demands; identities and senders are the caller's to free. */
static tg_expect demands(const json_t *v, tg_identity **id, tg_senders *senders)
{
	tg_expect e = {.struct_size = sizeof e,
		.identity = id,
		.raw = json_is_true(json_object_get(v, "raw")),
		.blob = text(v, "id"),
		.kind = text(v, "kind"),
		.issuer = text(v, "issuer"),
		.session = text(v, "session"),
		.subject = text(v, "subject"),
		.max_age_ms = json_integer_value(json_object_get(v, "max_age_ms"))};
	const char *now = text(v, "now");
	json_t *name;
	size_t i;

	assert_int_equal(tg_time_parse(now, strlen(now), &e.now_ms), 0);
	json_array_foreach(json_object_get(v, "identities"), i, name)
	{
		const char *key = text(json_object_get(json_object_get(keys, "identities"),
					       json_string_value(name)),
			"identity");
		assert_true(i < KEYS_MAX);
		assert_int_equal(tg_identity_parse(key, strlen(key), &id[e.n_identities++]), 0);
	}
	json_array_foreach(json_object_get(v, "senders"), i, name)
	{
		const char *key = text(
			json_object_get(json_object_get(keys, "signers"), json_string_value(name)),
			"sender");
		assert_int_equal(tg_senders_add(senders, json_string_value(name), key), 0);
	}
	e.senders = senders;
	return e;
}

static void check_opened(const json_t *v, const tg_opener *o)
{
	uint8_t hash[32];
	char hex[65];
	const tg_head *head = tg_open_head(o);
	const char *name = text(v, "blob_name");

	crypto_hash_sha256(hash, out.p, out.n);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	if (out.n != (size_t)json_integer_value(json_object_get(v, "content_length")) ||
		strcmp(hex, text(v, "content_sha256")) != 0)
		differs("sealed", v, "other content");
	if (!head != !name || (head && strcmp(head->name, name) != 0))
		differs("sealed", v, "another name, or a head where none is expected");
}

static void check_refused(const json_t *v, int err, const char *why)
{
	const char *says = text(v, "says");
	json_int_t number = json_integer_value(json_object_get(v, "line"));
	char line[32] = "";

	if (number)
		snprintf(line, sizeof line, "line %d: ", (int)number);
	if (err != code_of(text(v, "outcome")))
		differs("sealed", v, err ? tg_strerror(err) : "accepted");
	else if ((says && !strstr(why, says)) || !strstr(why, line))
		differs("sealed", v, why);
}

/* Pushed in pieces of `step` bytes. */
static void open_in_pieces(const json_t *v, const tg_expect *e, size_t n, size_t step)
{
	tg_open_opts opts = {.struct_size = sizeof opts, .expect = e, .write = keep, .ctx = &out};
	tg_opener *o = NULL;
	int err = tg_open_new(&opts, &o);

	out.n = 0;
	for (size_t at = 0; at < n && !err; at += step)
		err = tg_open_push(o, file + at, n - at < step ? n - at : step);
	if (!err)
		err = tg_open_finish(o);
	if (!err && strcmp(text(v, "outcome"), "ok") == 0)
		check_opened(v, o);
	else
		check_refused(v, err, o ? tg_open_why(o) : "");
	tg_open_free(o);
}

/* Checked whole before it is released: nothing comes out of what is refused, and all of it of what
 * opens. */
static void open_by_descriptor(const json_t *v, const tg_expect *e)
{
	tg_open_opts opts = {.struct_size = sizeof opts, .expect = e, .write = keep, .ctx = &out};
	char path[256], why[512] = "";
	int fd, err;

	snprintf(path, sizeof path, FOLDER "%s", text(v, "file"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	out.n = 0;
	err = tg_open_fd(&opts, fd, NULL, why, sizeof why);
	close(fd);
	if (strcmp(text(v, "outcome"), "ok") != 0) {
		check_refused(v, err, why);
		if (out.n != 0)
			differs("sealed", v, "something of it");
	} else if (err ||
		out.n != (size_t)json_integer_value(json_object_get(v, "content_length"))) {
		differs("sealed", v, why);
	}
}

static void sealed_files_open_and_are_refused_as_written(void **state)
{
	static const size_t steps[] = {FILE_MAX, 1000};
	json_t *all = load("sealed.json"), *v;
	tg_identity *id[KEYS_MAX];
	tg_senders *senders;
	size_t i;

	(void)state;
	wrong = 0;
	keys = load("keys.json");
	json_array_foreach(json_object_get(all, "cases"), i, v)
	{
		tg_expect e;
		assert_int_equal(tg_senders_new(&senders), 0);
		e = demands(v, id, senders);
		for (size_t k = 0; k < LEN(steps); k++)
			open_in_pieces(v, &e, read_file(text(v, "file")), steps[k]);
		open_by_descriptor(v, &e);
		for (size_t k = 0; k < e.n_identities; k++)
			tg_identity_free(id[k]);
		tg_senders_free(senders);
	}
	assert_true(i > 90);
	json_decref(keys);
	json_decref(all);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read_and_refused_as_written),
		cmocka_unit_test(heads_are_read_and_refused_as_written),
		cmocka_unit_test(trailers_verify_as_written),
		cmocka_unit_test(names_and_ids_are_as_written),
		cmocka_unit_test(subjects_are_hashed_as_written),
		cmocka_unit_test(sealed_files_open_and_are_refused_as_written),
	};

	return tg_init() != 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
