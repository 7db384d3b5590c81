/*
 * Goal: a policy file is read as C2SP tlog-policy says, and refused with its line otherwise; k of n
 * witnesses are counted at the edge, through groups of groups; and a checkpoint passes only with
 * the signature of a listed log under its own name and enough right cosignatures.
 */
#include "check.h"
#include <sodium.h>
#include "core/policy.h"

#define DASH "\xe2\x80\x94 "
#define KEYS 6

static struct sha256 *sha;
static struct note_key key[KEYS], log_key[2];
static uint8_t secret[KEYS][NOTE_SECRET], log_secret[NOTE_SECRET];
static char vkey[KEYS][NOTE_KEY_TEXT_MAX], log_vkey[2][NOTE_KEY_TEXT_MAX];
static const char origin[] = "log.example/evidence";

static int setup(void **state)
{
	uint8_t public[NOTE_PUBLIC];

	(void)state;
	sha = sha256_new();
	if (sha == NULL || sodium_init() < 0)
		return 1;
	for (int i = 0; i < KEYS; i++) {
		char name[32];

		crypto_sign_keypair(public, secret[i]);
		snprintf(name, sizeof name, "w%d.example", i);
		if (note_key_make(sha, name, NOTE_COSIGNATURE, public, &key[i]) != 0)
			return 1;
		note_key_text(&key[i], vkey[i]);
	}
	crypto_sign_keypair(public, log_secret);
	if (note_key_make(sha, origin, NOTE_ED25519, public, &log_key[0]) != 0)
		return 1;
	note_key_text(&log_key[0], log_vkey[0]);
	public[0] ^= 1;
	if (note_key_make(sha, origin, NOTE_ED25519, public, &log_key[1]) != 0)
		return 1;
	note_key_text(&log_key[1], log_vkey[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return 0;
}

/* Lines in which %0 to %5 stand for keys of witnesses, %l and %m for those of logs. */
static size_t expand(const char *lines, char out[8192])
{
	size_t n = 0;

	for (const char *p = lines; *p != '\0'; p++) {
		const char *s = NULL;

		if (p[0] == '%' && p[1] >= '0' && p[1] <= '5')
			s = vkey[p[1] - '0'];
		else if (p[0] == '%' && (p[1] == 'l' || p[1] == 'm'))
			s = log_vkey[p[1] - 'l'];
		if (s == NULL) {
			out[n++] = *p;
			continue;
		}
		n += (size_t)sprintf(out + n, "%s", s);
		p++;
	}
	out[n] = '\0';
	return n;
}

static int scan(const char *lines, struct policy *p, unsigned *line)
{
	static char text[8192];
	const char *why = NULL;
	size_t n = expand(lines, text);
	int err = policy_scan(sha, text, n, p, line, &why);

	assert_true((err != 0) == (why != NULL));
	return err;
}

static void the_example_of_the_specification_is_read(void **state)
{
	static struct policy p;
	unsigned line;

	(void)state;
	assert_int_equal(scan("log %l\n\nwitness X1 %0\nwitness X2 %1 https://w.example/x2\n"
			      "witness X3 %2\n\tgroup  X-witnesses 2 X1 X2 X3 \n\n"
			      "witness Y1 %3\nwitness Y2 %4\nwitness Y3 %5\n"
			      "group Y-witnesses any Y1 Y2 Y3\n # a comment\n"
			      "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
				 &p, &line),
		0);
	assert_int_equal(p.n_logs, 1);
	assert_int_equal(p.n_witnesses, 6);
	assert_string_equal(p.witness[1].url, "https://w.example/x2");
	assert_string_equal(p.witness[0].url, "");
	for (uint64_t set = 0; set < 64; set++) {
		const int x = __builtin_popcountll(set & 7), y = __builtin_popcountll(set >> 3);

		assert_int_equal(policy_is_met(&p, set), x >= 2 && y >= 1);
	}
	/* what stands for no witness counts nothing */
	assert_false(policy_is_met(&p, ~UINT64_C(63)));
}

static void a_quorum_may_be_one_witness_or_none(void **state)
{
	static struct policy p;
	unsigned line;

	(void)state;
	assert_int_equal(scan("witness a %0\nwitness b %1\nquorum b\n", &p, &line), 0);
	assert_false(policy_is_met(&p, 1));
	assert_true(policy_is_met(&p, 2));
	assert_int_equal(scan("quorum none\n", &p, &line), 0);
	assert_true(policy_is_met(&p, 0));
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *lines;
		unsigned line;
	} wrong[] = {{"", 0}, {"witness a %0\n", 0}, {"witness a %0\nquorum b\n", 2},
		{"quorum none\nquorum none\n", 2}, {"quorum none", 1}, {"quorum\n", 1},
		{"quorum none x\n", 1}, {"witness a %0\nwitness b %0\nquorum a\n", 2},
		{"witness a %0\nwitness a %1\nquorum a\n", 2},
		{"witness none %0\nquorum none\n", 1}, {"witness a %l\nquorum a\n", 1},
		{"log %0\nquorum none\n", 1}, {"log %l\nlog %l\nquorum none\n", 2},
		{"log\nquorum none\n", 1}, {"log %l u v\nquorum none\n", 1},
		{"witness a\nquorum none\n", 1}, {"witness a %0x\nquorum a\n", 1},
		{"witness a %0\ngroup g 0 a\nquorum g\n", 2},
		{"witness a %0\ngroup g 2 a\nquorum g\n", 2},
		{"witness a %0\ngroup g 01 a\nquorum g\n", 2},
		{"witness a %0\ngroup g any\nquorum g\n", 2},
		{"witness a %0\ngroup g some a\nquorum g\n", 2}, {"group g any g\nquorum g\n", 1},
		{"group g any a\nwitness a %0\nquorum g\n", 1},
		{"witness a %0\ngroup g any a a\nquorum g\n", 2},
		{"witness a %0\ngroup g any a\ngroup h any a\nquorum h\n", 3},
		{"witness a %0\ngroup a any a\nquorum a\n", 2}, {"quorum none\r\n", 1},
		{"quorum none\n\x7f\n", 2}, {"trust everybody\nquorum none\n", 1}};
	static struct policy p;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < LEN(wrong); i++) {
		if (scan(wrong[i].lines, &p, &line) != TG_EINVAL || line != wrong[i].line)
			fail_msg("line %u of %s", line, wrong[i].lines);
	}
}

static void as_many_as_are_promised_and_no_more(void **state)
{
	static struct policy p;
	static char text[32768];
	uint8_t public[NOTE_PUBLIC], one_secret[NOTE_SECRET];
	char words[NOTE_KEY_TEXT_MAX];
	const char *why;
	struct note_key k;
	unsigned line;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i <= POLICY_WITNESSES_MAX; i++) {
		size_t whole = n + (size_t)sprintf(text + n, "quorum none\n");

		assert_int_equal(policy_scan(sha, text, whole, &p, &line, &why), 0);
		assert_int_equal(p.n_witnesses, i);
		crypto_sign_keypair(public, one_secret);
		assert_int_equal(note_key_make(sha, "n", NOTE_COSIGNATURE, public, &k), 0);
		n += (size_t)sprintf(text + n, "witness w%u %s\n", i, note_key_text(&k, words));
	}
	assert_int_equal(policy_scan(sha, text, n, &p, &line, &why), TG_EINVAL);
	assert_int_equal(line, POLICY_WITNESSES_MAX + 1);
}

/* A checkpoint that the log and the witnesses of the set have signed. */
static size_t a_checkpoint(unsigned set, const char *of, char out[4096])
{
	struct checkpoint c = {.size = 7};
	char text[CHECKPOINT_TEXT_MAX], line[NOTE_LINE_MAX];
	size_t n, at;

	snprintf(c.origin, sizeof c.origin, "%s", of);
	n = checkpoint_text(&c, text);
	note_sign(&log_key[0], log_secret, text, n, 0, line);
	at = (size_t)sprintf(out, "%s\n%s", text, line);
	for (unsigned i = 0; i < KEYS; i++)
		if ((set >> i & 1) != 0)
			at += (size_t)sprintf(out + at, "%s",
				note_sign(&key[i], secret[i], text, n, 1700000000 + i, line));
	return at;
}

static int check(const char *lines, const char *text, size_t n, struct policy_finding *f)
{
	static struct policy p;
	struct note note;
	unsigned line;

	assert_int_equal(scan(lines, &p, &line), 0);
	assert_int_equal(note_scan(text, n, &note), 0);
	return policy_check(&p, &note, f);
}

static void a_checkpoint_needs_its_log_and_its_quorum(void **state)
{
	static const char two_of_three[] =
		"log %l\nwitness a %0\nwitness b %1\nwitness c %2\ngroup g 2 a b c\nquorum g\n";
	static const char strangers[] = "log %m\nwitness a %0\nquorum a\n";
	struct policy_finding f;
	char text[4096];
	size_t n;

	(void)state;
	n = a_checkpoint(5, origin, text);
	assert_int_equal(check(two_of_three, text, n, &f), 0);
	assert_int_equal(f.cosigned, 5);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.first_s, 1700000000);
	assert_int_equal(f.last_s, 1700000002);
	assert_non_null(f.log);
	n = a_checkpoint(4, origin, text);
	assert_int_equal(check(two_of_three, text, n, &f), TG_EPOLICY);
	assert_int_equal(f.n, 1);
	/* witnesses that nobody named do not count */
	n = a_checkpoint(4 | 8 | 16 | 32, origin, text);
	assert_int_equal(check(two_of_three, text, n, &f), TG_EPOLICY);
	/* nor does one that signed twice */
	n = a_checkpoint(4, origin, text);
	n += (size_t)sprintf(text + n, "%s", strrchr(text, '\xe2'));
	assert_int_equal(check(two_of_three, text, n, &f), TG_EPOLICY);
	n = a_checkpoint(7, origin, text);
	assert_int_equal(check(strangers, text, n, &f), TG_ENOENT);
	/* the log's key under the name of another log */
	n = a_checkpoint(7, "other.example", text);
	assert_int_equal(check(two_of_three, text, n, &f), TG_ENOENT);
	/* without a log in the policy, its signature is the caller's to check */
	assert_int_equal(check("witness a %0\nquorum a\n", text, n, &f), 0);
	assert_null(f.log);
}

static void every_byte_of_a_cosigned_checkpoint_counts(void **state)
{
	static const char both[] =
		"log %l\nwitness a %0\nwitness b %1\ngroup g all a b\nquorum g\n";
	static struct policy p;
	struct policy_finding f;
	struct note note;
	char text[4096];
	size_t n = a_checkpoint(3, origin, text);
	unsigned line;

	(void)state;
	assert_int_equal(check(both, text, n, &f), 0);
	assert_int_equal(scan(both, &p, &line), 0);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		assert_true(note_scan(text, n, &note) != 0 || policy_check(&p, &note, &f) != 0);
		text[i] ^= 1;
	}
	/* a wrong signature is no missing one, whoever else has signed */
	*strstr(text, "w1.example") = 'v';
	assert_int_equal(check("log %l\nwitness a %0\nquorum a\n", text, n, &f), 0);
	n = a_checkpoint(3, origin, text);
	text[n - 10] = (char)(text[n - 10] == 'A' ? 'B' : 'A');
	assert_int_equal(check("log %l\nwitness a %0\nwitness b %1\nquorum a\n", text, n, &f),
		TG_ESIGNATURE);
	assert_non_null(f.wrong);
	assert_string_equal(f.wrong->name, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_specification_is_read),
		cmocka_unit_test(a_quorum_may_be_one_witness_or_none),
		cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
		cmocka_unit_test(as_many_as_are_promised_and_no_more),
		cmocka_unit_test(a_checkpoint_needs_its_log_and_its_quorum),
		cmocka_unit_test(every_byte_of_a_cosigned_checkpoint_counts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
