/* Goal: the places of blobs are found by their tags as in a plain list, whatever was added, removed
 * and added again, and however many there are. */
#include <stdlib.h>
#include "check.h"
#include "cli/audit_tags.h"

#define TAGS 6000u /* more than the first table holds */
#define STEPS 100000u

static void tag_of(unsigned i, uint8_t tag[AUDIT_TAGS_BYTES])
{
	memset(tag, 0, AUDIT_TAGS_BYTES);
	memcpy(tag, &i, sizeof i);
}

static void check_all(const struct audit_tags *t, const size_t *place)
{
	uint8_t tag[AUDIT_TAGS_BYTES];
	size_t n = 0;

	for (unsigned i = 0; i < TAGS; i++) {
		tag_of(i, tag);
		assert_int_equal(audit_tags_find(t, tag), place[i]);
		n += place[i] != AUDIT_TAGS_NONE;
	}
	assert_int_equal(t->n, n);
}

static void finds_what_a_plain_list_finds(void **state)
{
	static size_t place[TAGS];
	struct audit_tags t = {0};
	uint8_t tag[AUDIT_TAGS_BYTES];

	(void)state;
	srandom(1);
	memset(place, 0xff, sizeof place);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)random() % TAGS;

		tag_of(i, tag);
		/* It fills up at first, and later empties. */
		if ((unsigned)random() % STEPS > step) {
			place[i] = step;
			assert_true(audit_tags_put(&t, tag, step));
		} else {
			place[i] = AUDIT_TAGS_NONE;
			audit_tags_remove(&t, tag);
		}
		assert_int_equal(audit_tags_find(&t, tag), place[i]);
		if (step % (STEPS / 20) == 0)
			check_all(&t, place);
	}
	check_all(&t, place);
	audit_tags_clear(&t);
	memset(place, 0xff, sizeof place);
	check_all(&t, place);
	audit_tags_free(&t);
}

static void an_empty_table_finds_nothing(void **state)
{
	struct audit_tags t = {0};
	uint8_t tag[AUDIT_TAGS_BYTES];

	(void)state;
	tag_of(1, tag);
	assert_int_equal(audit_tags_find(&t, tag), AUDIT_TAGS_NONE);
	audit_tags_remove(&t, tag);
	audit_tags_clear(&t);
	audit_tags_free(&t);
}

static void a_text_that_is_no_tag_has_bytes_of_its_own(void **state)
{
	static const char *const text[] = {"000102030405060708090a0b0c0d0e0f",
		"000102030405060708090a0b0c0d0e0g", "000102030405060708090a0b0c0d0e", "", "0"};
	uint8_t bytes[sizeof text / sizeof text[0]][AUDIT_TAGS_BYTES];
	const struct chain_text none = {NULL, 0};
	uint8_t of_none[AUDIT_TAGS_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		const struct chain_text t = {text[i], strlen(text[i])};

		audit_tags_read(t, bytes[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(bytes[i], bytes[k], AUDIT_TAGS_BYTES);
	}
	for (uint8_t i = 0; i < AUDIT_TAGS_BYTES; i++)
		assert_int_equal(bytes[0][i], i);
	audit_tags_read(none, of_none);
	assert_memory_equal(of_none, bytes[3], AUDIT_TAGS_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_plain_list_finds),
		cmocka_unit_test(an_empty_table_finds_nothing),
		cmocka_unit_test(a_text_that_is_no_tag_has_bytes_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
