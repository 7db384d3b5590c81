/*
 * Goal: what one process leaves on the scoreboard, the others read as it was left, grown old or
 * not; without a scoreboard nothing is missed.
 */
#include "check.h"
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/scoreboard.h"
#include "store/attestation.h"
#include "base/clock.h"

static void scoreboard_attest_is_seen_by_another_process_and_grows_stale(void **state)
{
	struct scoreboard *b = scoreboard_new();
	int status = -1;
	pid_t pid;

	(void)state;
	assert_non_null(b);
	assert_int_equal(attestation(), ATTEST_UNWATCHED);
	scoreboard_attach(b);
	assert_int_equal(attestation(), ATTEST_NOT_YET);
	assert_false(attestation_ok(attestation()));
	pid = fork();
	if (pid == 0) {
		attestation_set(ATTEST_VOUCHED);
		scoreboard_set_clock(-5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(attestation(), ATTEST_VOUCHED);
	assert_true(attestation_ok(ATTEST_VOUCHED));
	sleep(3);
	usleep(100000);
	assert_int_equal(attestation(), ATTEST_STALE);
	assert_false(attestation_ok(ATTEST_STALE));
	scoreboard_free(b);
	assert_int_equal(attestation(), ATTEST_UNWATCHED);
}

static void scoreboard_clock_remembers_any_number(void **state)
{
	static const int64_t v[] = {0, 1, -1, INT64_C(1795400000000)};
	struct scoreboard *b = scoreboard_new();
	int64_t got;

	(void)state;
	scoreboard_attach(b);
	assert_false(scoreboard_clock(&got));
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		scoreboard_set_clock(v[i]);
		assert_true(scoreboard_clock(&got));
		assert_true(got == v[i]);
	}
	scoreboard_free(b);
}

static void scoreboard_attest_text_and_slug_are_there_for_all(void **state)
{
	(void)state;
	for (enum attest a = ATTEST_SEEN; a <= ATTEST_BLIND; a++) {
		assert_string_not_equal(attestation_text(a), "unknown");
		assert_string_not_equal(attestation_slug(a), "unknown");
	}
	assert_string_equal(attestation_text((enum attest)99), "unknown");
}

static void scoreboard_without_one_nothing_is_missed(void **state)
{
	uint8_t hash[SCOREBOARD_HASH];
	uint64_t n;
	int64_t ms;

	(void)state;
	scoreboard_attach(NULL);
	attestation_set(ATTEST_AOF);
	scoreboard_set_clock(1);
	scoreboard_set_evidence(EVIDENCE_DAMAGED, 5);
	scoreboard_set_caught_up(1);
	scoreboard_set_head(1, (const uint8_t[SCOREBOARD_HASH]){1});
	assert_true(attestation_ok(attestation()));
	assert_false(scoreboard_clock(&ms));
	assert_int_equal(scoreboard_evidence(), EVIDENCE_STARTING);
	assert_false(scoreboard_evidence_late(1));
	assert_false(scoreboard_head(&n, hash));
}

static void scoreboard_evidence_is_late_once_the_bound_is_over(void **state)
{
	struct scoreboard *b = scoreboard_new();
	uint64_t now = clock_mono_us();
	char text[256];

	(void)state;
	scoreboard_attach(b);
	assert_true(scoreboard_evidence_late(5)); /* nothing was ever recorded */
	scoreboard_set_caught_up(now - 4000000);
	assert_false(scoreboard_evidence_late(60));
	assert_true(scoreboard_evidence_late(3));
	scoreboard_set_caught_up(now + 10000000); /* by a clock that was read later */
	assert_false(scoreboard_evidence_late(0));
	for (unsigned e = EVIDENCE_STARTING; e <= EVIDENCE_IN_USE; e++) {
		scoreboard_set_evidence((enum evidence)e, 0);
		assert_int_equal(scoreboard_evidence(), e);
		assert_string_not_equal(scoreboard_evidence_text(text, sizeof text), "unknown");
	}
	scoreboard_set_evidence(EVIDENCE_RECORDING, 0);
	assert_string_equal(scoreboard_evidence_text(text, sizeof text), "recording");
	scoreboard_set_caught_up(
		clock_mono_us() - 5500000); /* it says so, but has been silent since */
	assert_string_equal(scoreboard_evidence_text(text, sizeof text),
		"the recorder has not caught up for 5 s; it hangs, or the disk is too slow for it");
	scoreboard_set_evidence(EVIDENCE_NO_FILE, 28);
	assert_string_equal(scoreboard_evidence_text(text, sizeof text),
		"audit_log cannot be written: No space left on device");
	scoreboard_free(b);
}

/* One process writes heads as fast as it can, each of one byte all over: no mixture is ever read.
 */
static void scoreboard_head_is_read_whole(void **state)
{
	struct scoreboard *b = scoreboard_new();
	uint8_t hash[SCOREBOARD_HASH];
	unsigned read = 0, moved = 0;
	uint64_t n, last = 0;
	pid_t pid;

	(void)state;
	scoreboard_attach(b);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (n = 1;; n++) {
			memset(hash, (int)(n & 255), sizeof hash);
			scoreboard_set_head(n, hash);
		}
	}
	for (uint64_t until = clock_mono_us() + 10000000;
		(read < 20000 || moved < 100) && clock_mono_us() < until;) {
		if (!scoreboard_head(&n, hash))
			continue;
		read++;
		moved += n != last;
		last = n;
		for (size_t i = 0; i < sizeof hash; i++)
			assert_int_equal(hash[i], n & 255);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(moved >= 100);
	scoreboard_free(b);
}

static void scoreboard_stop_tells_what_ends(void **state)
{
	struct scoreboard *b = scoreboard_new();
	uint64_t live = 1;
	bool all;

	(void)state;
	scoreboard_attach(b);
	assert_false(scoreboard_stopped(&live, &all));
	assert_true(all && live == 0);
	scoreboard_set_stopped(0, true);
	assert_false(scoreboard_stopped(&live, &all));
	scoreboard_set_stopped(7, true);
	assert_true(scoreboard_stopped(&live, &all));
	assert_true(all && live == 7);
	scoreboard_set_stopped(0, false); /* the store did not answer */
	assert_true(scoreboard_stopped(&live, &all));
	assert_false(all);
	scoreboard_free(b);
	assert_false(scoreboard_stopped(&live, &all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scoreboard_stop_tells_what_ends),
		cmocka_unit_test(scoreboard_attest_is_seen_by_another_process_and_grows_stale),
		cmocka_unit_test(scoreboard_clock_remembers_any_number),
		cmocka_unit_test(scoreboard_attest_text_and_slug_are_there_for_all),
		cmocka_unit_test(scoreboard_without_one_nothing_is_missed),
		cmocka_unit_test(scoreboard_evidence_is_late_once_the_bound_is_over),
		cmocka_unit_test(scoreboard_head_is_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
