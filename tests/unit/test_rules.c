/* Goal: every combination of upload fields gets the retention rule, or the refusal, that the policy
 * gives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <timeglas/errors.h>

#include "api/rules.h"
#include "core/subject.h"
#include "core/hex.h"

#define SID "00AAAAAAAAAAAAAAAAAAAAAA"
#define EMPTY_SHA "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static struct conf *conf;

#define SUBJECT "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"

static int setup(void **state)
{
	static const struct {
		const char *name;
		unsigned roles;
	} peers[] = {
		{"up", ROLE_UPLOADER},
		{"bare", ROLE_UPLOADER},
		{"ver", ROLE_VERIFIER},
		{"ver2", ROLE_VERIFIER},
		{"proc", ROLE_PROCESSOR},
		{"ops", ROLE_OPERATOR},
	};
	(void)state;
	if ((conf = conf_new()) == NULL)
		return -1;
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
		struct conf_peer *p = &conf->peer[conf->n_peers++];
		snprintf(p->name, sizeof p->name, "%s", peers[i].name);
		p->roles = peers[i].roles;
		p->spki[0] = (uint8_t)(i + 1);
	}
	snprintf(conf->peer[0].to[conf->peer[0].n_to++], sizeof conf->peer[0].to[0], "ver");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

/* fields: "Name: value\n…", without Timeglas- */
static int judge_as(unsigned peer, const char *fields, struct rules_upload *out)
{
	static char head[2048];
	struct h1_head h;
	const char *why = NULL, *detail = NULL;
	int n = snprintf(head, sizeof head, "POST /v1/blobs HTTP/1.1\r\nHost: x\r\n");
	for (const char *p = fields; *p != '\0';) {
		const char *end = strchr(p, '\n');
		n += snprintf(head + n, sizeof head - (size_t)n, "%s%.*s\r\n",
			*p == '!' ? "" : "Timeglas-", (int)(end - p - (*p == '!')),
			p + (*p == '!'));
		p = end + 1;
	}
	n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
	assert_int_equal(h1_head_parse(head, (size_t)n, &h, &why), 0);
	int err = rules_upload(conf, &conf->peer[peer], &h, out, &detail);
	if (err != 0)
		assert_non_null(detail);
	return err;
}

static int judge(const char *fields)
{
	struct rules_upload out;
	return judge_as(0, fields, &out);
}

static void rules_upload_each_kind_gets_its_rule(void **state)
{
	static const struct {
		const char *fields;
		uint32_t ttl_s;
		bool danish, bound;
	} good[] = {
		{"Kind: passport\nIssuer: DNK\nSession: " SID "\n", 3600, true, true},
		{"Kind: passport\nIssuer: FRO\nSession: " SID "\n", 3600, true, true},
		{"Kind: passport\nIssuer: GRL\nSession: " SID "\nTtl: 1\n", 1, true, true},
		{"Kind: passport\nIssuer: D<<\n", 86400, false, false},
		{"Kind: passport\nIssuer: D\nTtl: 86400\n", 86400, false, false},
		{"Kind: passport\nIssuer: UTO\nSession: " SID "\n", 86400, false, false},
		{"Kind: liveness\n", 86400, false, false},
		{"Kind: face3d\nTtl: 2\n", 2, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct rules_upload out;
		assert_int_equal(judge_as(0, good[i].fields, &out), 0);
		assert_int_equal(out.ttl_s, good[i].ttl_s);
		assert_int_equal(out.desc.danish, good[i].danish);
		assert_int_equal(out.desc.bound, good[i].bound);
		assert_string_equal(out.desc.to, " ver ");
		assert_string_equal(out.desc.uploader, "up");
		assert_false(out.has_digest);
	}
}

static void subject_is_hashed_with_its_uploader(void **state)
{
	char hash[STORE_SUBJECT_LEN + 1];
	(void)state;
	assert_int_equal(subject_hash("up", SUBJECT, 64, hash), 0);
	assert_string_equal(hash, "5f05d23600d97ba8a2b8026f3ce0d926");
	for (size_t i = 0; i < 64; i++) {
		char text[] = SUBJECT;
		text[i] = "gA/:`\n"[i % 6];
		assert_int_equal(subject_hash("up", text, 64, hash), TG_ESUBJECT);
	}
	assert_int_equal(subject_hash("up", SUBJECT, 63, hash), TG_ESUBJECT);
}

static void rules_upload_each_fault_gets_its_error(void **state)
{
	static const struct {
		const char *fields;
		int err;
	} bad[] = {
		{"", TG_EKIND},
		{"Kind: \n", TG_EINVAL},
		{"Kind: liveness\nTtl: \n", TG_EINVAL},
		{"Kind: liveness\nTo:  \n", TG_EINVAL},
		{"Kind: liveness\nSession:\n", TG_EINVAL},
		{"Kind: liveness\n!Content-Digest: \n", TG_EINVAL},
		{"Kind: selfie\n", TG_EKIND},
		{"Kind: PASSPORT\nIssuer: UTO\n", TG_EKIND},
		{"Kind: a-kind-whose-name-is-longer-than-any\n", TG_EKIND},
		{"Kind: passport\n", TG_EISSUER},
		{"Kind: passport\nIssuer: QQQ\n", TG_EISSUER},
		{"Kind: passport\nIssuer: dnk\nSession: " SID "\n", TG_EISSUER},
		{"Kind: passport\nIssuer: DN\n", TG_EISSUER},
		{"Kind: passport\nIssuer: DNKX\n", TG_EISSUER},
		{"Kind: liveness\nIssuer: DNK\n", TG_EISSUER},
		{"Kind: passport\nIssuer: DNK\n", TG_ESESSION},
		{"Kind: passport\nIssuer: DNK\nSession: nonsense\n", TG_ESESSION},
		{"Kind: liveness\nSession: 99AAAAAAAAAAAAAAAAAAAAAA\n", TG_ESESSION},
		{"Kind: liveness\nSubject: 12\n", TG_ESUBJECT},
		{"Kind: liveness\nSubject: " SUBJECT "0\n", TG_ESUBJECT},
		{"Kind: liveness\nSubject: " SUBJECT "\nSubject: " SUBJECT "\n", TG_EINVAL},
		{"Kind: liveness\nTtl: 0\n", TG_ETTL},
		{"Kind: liveness\nTtl: 86401\n", TG_ETTL},
		{"Kind: passport\nIssuer: DNK\nSession: " SID "\nTtl: 3601\n", TG_ETTL},
		{"Kind: liveness\nTtl: 4294967297\n", TG_ETTL},
		{"Kind: liveness\nTtl: -1\n", TG_EINVAL},
		{"Kind: liveness\nTtl: 1h\n", TG_EINVAL},
		{"Kind: liveness\nTtl: 1.5\n", TG_EINVAL},
		{"Kind: liveness\nTtl: 99999999999999999999\n", TG_EINVAL},
		{"Kind: liveness\nTtl: 5\nTtl: 6\n", TG_EINVAL},
		{"Kind: liveness\nKind: face3d\n", TG_EINVAL},
		{"Kind: liveness\nTo: nobody\n", TG_ERECIPIENT},
		{"Kind: liveness\nTo: up\n", TG_ERECIPIENT},
		{"Kind: liveness\nTo: ops\n", TG_ERECIPIENT},
		{"Kind: liveness\nTo: ver,\n", TG_ERECIPIENT},
		{"Kind: liveness\n!Content-Digest: sha-256=abc\n", TG_EINVAL},
		{"Kind: liveness\n!Content-Digest: sha-256=:AAAA:\n", TG_EINVAL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (judge(bad[i].fields) != bad[i].err)
			fail_msg("%s: %d, not %d", bad[i].fields, judge(bad[i].fields), bad[i].err);
}

static void rules_upload_without_default_addressee_needs_one(void **state)
{
	struct rules_upload out;
	(void)state;
	assert_int_equal(judge_as(1, "Kind: liveness\n", &out), TG_ERECIPIENT);
	assert_int_equal(judge_as(1, "Kind: liveness\nTo: ver2 , proc,ver2\n", &out), 0);
	assert_string_equal(out.desc.to, " ver2 proc ");
	assert_true(rules_addressed(out.desc.to, "ver2"));
	assert_true(rules_addressed(out.desc.to, "proc"));
	assert_false(rules_addressed(out.desc.to, "ver"));
	assert_false(rules_addressed(out.desc.to, ""));
}

/* What only processors are to have must be what a processor may have. */
static void rules_upload_for_processors_alone_is_a_foreign_passport(void **state)
{
	struct rules_upload out;
	(void)state;
	assert_int_equal(judge("Kind: passport\nIssuer: SWE\nTo: proc\n"), 0);
	assert_int_equal(
		judge("Kind: passport\nIssuer: DNK\nSession: " SID "\nTo: proc\n"), TG_EPROCESSOR);
	assert_int_equal(judge("Kind: liveness\nTo: proc\n"), TG_EPROCESSOR);
	assert_int_equal(judge_as(0, "Kind: liveness\nTo: proc, ver2\n", &out), 0);
	assert_string_equal(out.desc.to, " proc ver2 ");
	assert_int_equal(judge("Kind: passport\nIssuer: DNK\nSession: " SID "\nTo: proc,ver\n"), 0);
}

static void rules_upload_shortened_policy_is_in_force(void **state)
{
	struct rules_upload out;
	(void)state;
	assert_int_equal(tg_policy_limit(&conf->policy, "face3d", -1, 60), 0);
	assert_int_equal(judge("Kind: face3d\nTtl: 61\n"), TG_ETTL);
	assert_int_equal(judge_as(0, "Kind: face3d\n", &out), 0);
	assert_int_equal(out.ttl_s, 60);
}

static void rules_content_digest_rfc9530_forms(void **state)
{
	static const struct {
		const char *text;
		int err;
		bool found;
	} cases[] = {
		{"sha-256=:" EMPTY_SHA ":", 0, true},
		{"sha-512=:AAAA:, sha-256=:" EMPTY_SHA ":", 0, true},
		{"sha-256=:" EMPTY_SHA ":,\tmd5=:AAAA:", 0, true},
		{"md5=:AAAA:", 0, false},
		{"sha-256=:" EMPTY_SHA ":, sha-256=:" EMPTY_SHA ":", TG_EINVAL, true},
		{"sha-256=" EMPTY_SHA, TG_EINVAL, false},
		{"sha-256=:" EMPTY_SHA, TG_EINVAL, false},
		{"SHA-256=:" EMPTY_SHA ":", TG_EINVAL, false},
		{"sha-256=:!!!!:", TG_EINVAL, false},
		{"sha-256=::", TG_EINVAL, false},
		{"sha-256=:", TG_EINVAL, false},
		{"=:AAAA:", TG_EINVAL, false},
		{"", TG_EINVAL, false},
		{",", TG_EINVAL, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t sha[32];
		bool found = false;
		char hex[65];
		int err = rules_content_digest(cases[i].text, strlen(cases[i].text), sha, &found);
		if (err != cases[i].err)
			fail_msg("%s: %d, not %d", cases[i].text, err, cases[i].err);
		assert_int_equal(found, cases[i].found);
		if (err == 0 && found)
			assert_string_equal(tg_hex_encode(sha, 32, hex),
				"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	}
}

static int key_of(const char *fields, char out[RULES_KEY_MAX + 1])
{
	char text[1024];
	struct h1_head h;
	const char *why, *detail = NULL;
	int n = snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields), err;

	assert_int_equal(h1_head_parse(text, (size_t)n, &h, &why), 0);
	err = rules_key(&h, out, &detail);
	assert_true(err == 0 || detail != NULL);
	return err;
}

static void rules_key_is_printable_and_stands_once(void **state)
{
	char key[RULES_KEY_MAX + 1], field[RULES_KEY_MAX + 64], longest[RULES_KEY_MAX + 2];
	(void)state;
	assert_int_equal(key_of("", key), 0);
	assert_string_equal(key, "");
	assert_int_equal(key_of("Idempotency-Key: \"8e03978e 40d5\"\r\n", key), 0);
	assert_string_equal(key, "\"8e03978e 40d5\"");
	assert_int_equal(key_of("Idempotency-Key:\r\n", key), TG_EINVAL);
	assert_int_equal(key_of("Idempotency-Key: a\tb\r\n", key), TG_EINVAL);
	assert_int_equal(key_of("Idempotency-Key: \xc3\xa6\r\n", key), TG_EINVAL);
	assert_int_equal(key_of("Idempotency-Key: a\r\nidempotency-key: a\r\n", key), TG_EINVAL);
	memset(longest, 'k', sizeof longest);
	longest[RULES_KEY_MAX] = '\0';
	snprintf(field, sizeof field, "Idempotency-Key: %s\r\n", longest);
	assert_int_equal(key_of(field, key), 0);
	assert_string_equal(key, longest);
	snprintf(field, sizeof field, "Idempotency-Key: %sk\r\n", longest);
	assert_int_equal(key_of(field, key), TG_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_upload_each_kind_gets_its_rule),
		cmocka_unit_test(subject_is_hashed_with_its_uploader),
		cmocka_unit_test(rules_upload_each_fault_gets_its_error),
		cmocka_unit_test(rules_upload_without_default_addressee_needs_one),
		cmocka_unit_test(rules_upload_for_processors_alone_is_a_foreign_passport),
		cmocka_unit_test(rules_upload_shortened_policy_is_in_force),
		cmocka_unit_test(rules_content_digest_rfc9530_forms),
		cmocka_unit_test(rules_key_is_printable_and_stands_once),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
