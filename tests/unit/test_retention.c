/* Goal: the table holds the published limits; configuration can shorten and extend it, never loosen
 * it; every issuer is told Danish or not. */
#include <timeglas/retention.h>
#include "check.h"

static const struct tg_rule *rule(const struct tg_policy *p, const char *kind, const char *issuer)
{
	const struct tg_rule *r = NULL;
	assert_int_equal(tg_policy_rule(p, kind, issuer, &r), 0);
	return r;
}

static void policy_built_in_holds_the_published_limits(void **state)
{
	static const struct {
		const char *kind, *issuer;
		uint32_t ceiling_s;
		int bound;
	} want[] = {
		{"passport", "DNK", 3600, 1},
		{"passport", "FRO", 3600, 1},
		{"passport", "GRL", 3600, 1},
		{"passport", "SWE", 86400, 0},
		{"passport", "D", 86400, 0},
		{"passport", "UTO", 86400, 0},
		{"liveness", NULL, 86400, 0},
		{"face3d", NULL, 86400, 0},
	};
	struct tg_policy p;

	(void)state;
	tg_policy_init(&p);
	for (size_t i = 0; i < LEN(want); i++) {
		const struct tg_rule *r = rule(&p, want[i].kind, want[i].issuer);
		assert_int_equal(r->ceiling_s, want[i].ceiling_s);
		assert_int_equal(r->session_bound, want[i].bound);
	}
}

static void rule_kind_and_issuer_must_fit(void **state)
{
	const struct tg_rule *r;
	struct tg_policy p;

	(void)state;
	tg_policy_init(&p);
	assert_int_equal(tg_policy_rule(&p, "passport", NULL, &r), TG_EISSUER);
	assert_int_equal(tg_policy_rule(&p, "liveness", "DNK", &r), TG_EISSUER);
	assert_int_equal(tg_policy_rule(&p, "voice", NULL, &r), TG_EKIND);
	assert_int_equal(tg_policy_rule(&p, "Passport", "DNK", &r), TG_EKIND);
	assert_int_equal(tg_policy_rule(&p, "", NULL, &r), TG_EKIND);
	assert_int_equal(tg_policy_rule(&p, NULL, NULL, &r), TG_EKIND);
}

static void limit_shortens_one_class_or_all(void **state)
{
	struct tg_policy p;

	(void)state;
	tg_policy_init(&p);
	assert_int_equal(tg_policy_limit(&p, "passport", TG_ISSUER_OTHER, 7200), 0);
	assert_int_equal(rule(&p, "passport", "SWE")->ceiling_s, 7200);
	assert_int_equal(rule(&p, "passport", "DNK")->ceiling_s, 3600);
	assert_int_equal(tg_policy_limit(&p, "passport", -1, 60), 0);
	assert_int_equal(rule(&p, "passport", "SWE")->ceiling_s, 60);
	assert_int_equal(rule(&p, "passport", "DNK")->ceiling_s, 60);
	assert_true(rule(&p, "passport", "DNK")->session_bound);
	assert_int_equal(rule(&p, "liveness", NULL)->ceiling_s, 86400);
}

static void limit_never_lengthens_and_leaves_no_half_change(void **state)
{
	struct tg_policy p;

	(void)state;
	tg_policy_init(&p);
	assert_int_equal(tg_policy_limit(&p, "passport", TG_ISSUER_DANISH, 3601), TG_ETTL);
	assert_int_equal(tg_policy_limit(&p, "passport", -1, 7200), TG_ETTL);
	assert_int_equal(rule(&p, "passport", "SWE")->ceiling_s, 86400);
	assert_int_equal(tg_policy_limit(&p, "liveness", -1, 86401), TG_ETTL);
	assert_int_equal(tg_policy_limit(&p, "liveness", -1, 0), TG_ETTL);
	assert_int_equal(tg_policy_limit(&p, "voice", -1, 86401), TG_ETTL);
	assert_int_equal(p.n, 4);
}

static void limit_new_kind_joins_without_issuer(void **state)
{
	struct tg_policy p;

	(void)state;
	tg_policy_init(&p);
	assert_int_equal(tg_policy_limit(&p, "voice-2", -1, 600), 0);
	assert_int_equal(rule(&p, "voice-2", NULL)->ceiling_s, 600);
	assert_false(rule(&p, "voice-2", NULL)->session_bound);
	assert_int_equal(tg_policy_limit(&p, "voice-2", TG_ISSUER_NONE, 900), 0);
	assert_int_equal(rule(&p, "voice-2", NULL)->ceiling_s, 900);
	assert_int_equal(tg_policy_limit(&p, "scent", TG_ISSUER_OTHER, 600), TG_EISSUER);
	/* A passport without an issuer would be a way round the Danish limit. */
	assert_int_equal(tg_policy_limit(&p, "passport", TG_ISSUER_NONE, 600), TG_EISSUER);
	assert_int_equal(p.n, 5);
}

static void limit_malformed_names_and_full_table_are_refused(void **state)
{
	static const char *const bad[] = {"", "Voice", "voice 2", "voice_2", "v\xc3\xb8ice",
		"abcdefghijklmnopqrstuvwxyz012345"};
	struct tg_policy p;
	char name[16];

	(void)state;
	tg_policy_init(&p);
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(tg_policy_limit(&p, bad[i], -1, 600), TG_EKIND);
	assert_int_equal(tg_policy_limit(&p, "abcdefghijklmnopqrstuvwxyz01234", -1, 600), 0);
	for (int i = 0; p.n < TG_RULES_MAX; i++) {
		snprintf(name, sizeof name, "k%d", i);
		assert_int_equal(tg_policy_limit(&p, name, -1, 600), 0);
	}
	assert_int_equal(tg_policy_limit(&p, "one-more", -1, 600), TG_ENOMEM);
}

static void issuer_codes_of_the_zone_are_read(void **state)
{
	static const char *const good[] = {"DNK", "FRO", "GRL", "ABW", "ZWE", "DEU", "EUE", "GBD",
		"GBN", "GBO", "GBP", "GBS", "RKS", "UNO", "UNA", "UNK", "XXA", "XXB", "XXC", "XXX",
		"XBA", "XIM", "XCC", "XCO", "XEC", "XPO", "XOM", "XMP", "XDC", "XCE", "UTO", "YUG",
		"SUN", "ANT", "ROM", "SSD", "TWN", "PSE", "VAT"};
	char out[4];

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_int_equal(tg_issuer_parse(good[i], 3, out), 0);
		assert_string_equal(out, good[i]);
	}
	assert_int_equal(tg_issuer_parse("D", 1, out), 0);
	assert_string_equal(out, "D");
	assert_int_equal(tg_issuer_parse("D<<", 3, out), 0);
	assert_string_equal(out, "D");
}

static void issuer_other_text_is_refused(void **state)
{
	static const char *const bad[] = {"", "<", "<<<", "D<", "DE", "DK", "dnk", "DNK<", "DN<",
		"<<D", "<D<", "QQQ", "ZZZ", "XKX", "DNKK", "D<<<", " D ", "DN\n", "AAA", "B<<"};
	char out[4];

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(tg_issuer_parse(bad[i], strlen(bad[i]), out), TG_EISSUER);
}

/* The tables are searched by halving: a code out of order would be unfindable. Counting what is
 * found shows that none is. */
static void issuer_count_over_all_triples_is_the_tables(void **state)
{
	size_t found = 0, danish = 0;
	char s[4] = "", out[4];

	(void)state;
	for (s[0] = 'A'; s[0] <= 'Z'; s[0]++)
		for (s[1] = 'A'; s[1] <= 'Z'; s[1]++)
			for (s[2] = 'A'; s[2] <= 'Z'; s[2]++)
				if (tg_issuer_parse(s, 3, out) == 0) {
					found++;
					danish += tg_issuer_class(out) == TG_ISSUER_DANISH;
				}
	assert_int_equal(found, 249 + 27 + 14);
	assert_int_equal(danish, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_built_in_holds_the_published_limits),
		cmocka_unit_test(rule_kind_and_issuer_must_fit),
		cmocka_unit_test(limit_shortens_one_class_or_all),
		cmocka_unit_test(limit_never_lengthens_and_leaves_no_half_change),
		cmocka_unit_test(limit_new_kind_joins_without_issuer),
		cmocka_unit_test(limit_malformed_names_and_full_table_are_refused),
		cmocka_unit_test(issuer_codes_of_the_zone_are_read),
		cmocka_unit_test(issuer_other_text_is_refused),
		cmocka_unit_test(issuer_count_over_all_triples_is_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
