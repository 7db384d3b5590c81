/* Goal: workers take exactly what the master last put; what does not fit is refused and changes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "base/handover.h"
#include "base/heartbeat.h"

static int put(
	struct handover *h, const char *conf, const char *cert, const char *key, const char *ca)
{
	const struct handover_bytes part[HANDOVER_PARTS] = {
		{conf, strlen(conf)}, {cert, strlen(cert)}, {key, strlen(key)}, {ca, strlen(ca)}};

	return handover_put(h, part);
}

static void assert_taken(const struct handover *h, const char *const want[HANDOVER_PARTS])
{
	struct handover_bytes part[HANDOVER_PARTS];
	void *copy;

	assert_int_equal(handover_take(h, &copy, part), 0);
	for (size_t i = 0; i < HANDOVER_PARTS; i++) {
		assert_int_equal(part[i].n, strlen(want[i]));
		assert_memory_equal(part[i].b, want[i], part[i].n);
	}
	sodium_free(copy);
}

static void handover_take_gives_the_latest_whole(void **state)
{
	static const char *const first[] = {"conf 1", "certificate 1", "a longer key", ""};
	static const char *const second[] = {"conf 2", "c", "k", "authorities"};
	struct handover *h = handover_new();
	struct handover_bytes part[HANDOVER_PARTS];
	void *copy;

	(void)state;
	assert_non_null(h);
	assert_int_equal(handover_take(h, &copy, part), TG_ENOENT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put(h, first[0], first[1], first[2], first[3]), 0);
		assert_taken(h, first);
		assert_int_equal(put(h, second[0], second[1], second[2], second[3]), 0);
		assert_taken(h, second);
	}
	handover_free(h);
}

static void handover_put_at_the_limit_and_above_it(void **state)
{
	struct handover *h = handover_new();
	char *large = calloc(1, HANDOVER_BYTES);
	struct handover_bytes part[HANDOVER_PARTS] = {{"c", 1}, {large, HANDOVER_BYTES - 1},
		{"", 0}, {"", 0}},
			      got[HANDOVER_PARTS];
	void *copy;

	(void)state;
	assert_non_null(large);
	assert_int_equal(handover_put(h, part), 0);
	assert_int_equal(handover_take(h, &copy, got), 0);
	assert_int_equal(got[HANDOVER_CERTIFICATE].n, HANDOVER_BYTES - 1);
	sodium_free(copy);
	part[HANDOVER_CLIENT_CA].b = "x";
	part[HANDOVER_CLIENT_CA].n = 1;
	assert_int_equal(handover_put(h, part), TG_ETOOBIG);
	assert_int_equal(handover_take(h, &copy, got), 0);
	assert_int_equal(got[HANDOVER_CLIENT_CA].n, 0);
	sodium_free(copy);
	free(large);
	handover_free(h);
}

static void heartbeat_counts_for_its_slot_alone(void **state)
{
	struct heartbeat *h = heartbeat_new(2);

	(void)state;
	heartbeat_send(); /* attached to nothing: no harm */
	heartbeat_set_serving(true);
	heartbeat_attach(h, 1);
	heartbeat_send();
	heartbeat_send();
	heartbeat_set_serving(true);
	assert_int_equal(heartbeat_count(h, 0), 0);
	assert_int_equal(heartbeat_count(h, 1), 2);
	assert_true(heartbeat_is_serving(h, 1) && !heartbeat_is_serving(h, 0));
	heartbeat_slot_clear(h, 1);
	assert_false(heartbeat_is_serving(h, 1));
	assert_int_equal(heartbeat_count(h, 7), 0);
	heartbeat_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handover_take_gives_the_latest_whole),
		cmocka_unit_test(handover_put_at_the_limit_and_above_it),
		cmocka_unit_test(heartbeat_counts_for_its_slot_alone),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
