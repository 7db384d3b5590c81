/*
 * Goal: a witness's verdict on a submission is that of C2SP tlog-witness for every pair of old and
 * new size, on either history; and a submission is read only as it is written.
 */
#include "check.h"
#include <sodium.h>
#include "core/submission.h"
#include "witness/judge.h"

#define LINES 9u

static struct sha256 *sha;
static struct note_key key, other_key;
static uint8_t secret[NOTE_SECRET], other_secret[NOTE_SECRET];

static int setup(void **state)
{
	uint8_t public[NOTE_PUBLIC];

	(void)state;
	sha = sha256_new();
	if (sha == NULL || sodium_init() < 0)
		return 1;
	crypto_sign_keypair(public, secret);
	if (note_key_make(sha, "log.example", NOTE_ED25519, public, &key) != 0)
		return 1;
	crypto_sign_keypair(public, other_secret);
	return note_key_make(sha, "log.example", NOTE_ED25519, public, &other_key);
}

static int teardown(void **state)
{
	(void)state;
	sha256_free(sha);
	return 0;
}

/* The nodes of a history: *forked is the first line that differs from the true one. */
static int read_node(void *ctx, unsigned level, uint64_t index, uint8_t out[TREE_HASH])
{
	const uint64_t *forked = ctx;
	struct tree_edge e = {0};
	char line[32];

	for (uint64_t i = index << level; i < (index + 1) << level; i++) {
		int n = snprintf(
			line, sizeof line, "%s %d", i < *forked ? "line" : "forged", (int)i);

		tree_leaf(sha, line, (size_t)n, out);
		tree_add(sha, &e, out);
	}
	tree_root(sha, &e, out);
	return 0;
}

static struct checkpoint head(uint64_t forked, uint64_t size)
{
	struct checkpoint c = {.origin = "log.example", .size = size};
	struct tree_edge e;

	assert_int_equal(tree_edge_read(read_node, &forked, size, &e), 0);
	tree_root(sha, &e, c.root);
	return c;
}

static size_t submission(uint64_t forked, uint64_t old, uint64_t size, const struct note_key *k,
	const uint8_t *with, char *out)
{
	struct checkpoint c = head(forked, size);
	char text[CHECKPOINT_TEXT_MAX], line[NOTE_LINE_MAX], note[2048];
	struct submission s = {.old = old, .note = note};

	note_sign(k, with, text, checkpoint_text(&c, text), 0, line);
	s.note_n = (size_t)snprintf(note, sizeof note, "%s\n%s", text, line);
	if (old <= size)
		assert_int_equal(tree_consistency(sha, read_node, &forked, old, size, &s.proof), 0);
	return submission_text(&s, out, SUBMISSION_MAX + 1);
}

static int verdict(const struct checkpoint *latest, const char *text, size_t n)
{
	struct judge_log log = {.key = key, .latest = *latest};
	struct verdict v;

	judge(sha, &log, 1, text, n, &v);
	assert_true((v.status == 200) == (v.why == NULL));
	return v.status;
}

static int expected(uint64_t latest, uint64_t forked, uint64_t old, uint64_t size)
{
	if (old > size)
		return 400;
	if (old != latest)
		return 409;
	if (old == size)
		return forked >= size ? 200 : 409;
	return forked >= latest ? 200 : 422;
}

static void every_pair_of_sizes_gets_its_verdict(void **state)
{
	static char text[SUBMISSION_MAX + 1];

	(void)state;
	for (uint64_t latest = 0; latest < LINES; latest++)
		for (uint64_t forked = 0; forked <= LINES; forked++)
			for (uint64_t old = 0; old < LINES; old++)
				for (uint64_t size = 0; size < LINES; size++) {
					const struct checkpoint c = head(LINES, latest);
					size_t n =
						submission(forked, old, size, &key, secret, text);
					int got = verdict(&c, text, n);

					if (got != expected(latest, forked, old, size))
						fail_msg(
							"%d: latest %d, forked %d, old %d, size %d",
							got, (int)latest, (int)forked, (int)old,
							(int)size);
				}
}

static void only_the_logs_own_key_counts(void **state)
{
	static char text[SUBMISSION_MAX + 1];
	const struct checkpoint none = {0};
	struct judge_log log = {.key = key};
	struct verdict v;
	size_t n = submission(LINES, 0, 3, &other_key, other_secret, text);

	(void)state;
	assert_int_equal(verdict(&none, text, n), 403);
	snprintf(log.key.name, sizeof log.key.name, "another.example");
	n = submission(LINES, 0, 3, &key, secret, text);
	judge(sha, &log, 1, text, n, &v);
	assert_int_equal(v.status, 404);
	assert_int_equal(verdict(&none, text, n), 200);
}

static void a_submission_is_read_as_it_is_written(void **state)
{
	static char text[SUBMISSION_MAX + 1], again[SUBMISSION_MAX + 1];
	struct submission s;
	const struct checkpoint latest = head(LINES, 5);
	size_t n = submission(LINES, 5, 8, &key, secret, text);

	(void)state;
	assert_int_equal(submission_scan(text, n, &s), 0);
	assert_int_equal(s.old, 5);
	assert_true(s.proof.n > 0);
	assert_int_equal(submission_text(&s, again, sizeof again), n);
	assert_memory_equal(again, text, n);
	assert_int_equal(submission_text(&s, again, sizeof again - 1), 0);
	for (size_t i = 0; i < n; i++) /* a part of it, or an altered one, is not cosigned */
		assert_int_not_equal(verdict(&latest, text, i), 200);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		assert_int_not_equal(verdict(&latest, text, n), 200);
		text[i] ^= 1;
	}
	assert_int_equal(verdict(&latest, text, n), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_sizes_gets_its_verdict),
		cmocka_unit_test(only_the_logs_own_key_counts),
		cmocka_unit_test(a_submission_is_read_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
