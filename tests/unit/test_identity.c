/*
 * Goal: another epoch is an incident when the same process shows it, and otherwise another store.
 */
#include "check.h"
#include <unistd.h>
#include "base/log.h"
#include "base/scoreboard.h"
#include "recorder/identity.h"

static const char first[] = "0123456789abcdef0123456789abcdef",
		  second[] = "fedcba9876543210fedcba9876543210";

/* What follows when a store showed the first epoch, and then the second one: on the same
 * connection, or on another with these run ids. */
static bool replaced(bool same_connection, const char *run_before, const char *run)
{
	struct identity id = {0};

	strcpy(id.run, run_before);
	identity_saw(&id, first);
	identity_saw(&id, first);
	assert_false(identity_replaced(&id));
	if (!same_connection) { /* as identity_connected(), and the answer */
		id.same_connection = false;
		strcpy(id.run, run);
	}
	identity_saw(&id, second);
	return identity_replaced(&id);
}

static void identity_saw_another_epoch(void **state)
{
	(void)state;
	assert_true(replaced(true, "a", "a"));
	assert_true(replaced(true, "", "")); /* one connection leads to one process */
	assert_true(replaced(false, "a", "a"));
	assert_false(replaced(false, "a", "b"));
	assert_false(replaced(false, "", "")); /* unknown twice is not the same */
	assert_false(replaced(false, "a", ""));
}

static void identity_recorded_ends_it_but_not_the_announcement(void **state)
{
	struct scoreboard *b = scoreboard_new();
	struct identity id = {0};

	(void)state;
	scoreboard_attach(b);
	identity_saw(&id, first);
	assert_false(scoreboard_replaced());
	identity_saw(&id, second);
	assert_true(scoreboard_replaced());
	identity_recorded(&id);
	assert_false(identity_replaced(&id));
	assert_true(scoreboard_replaced());
	identity_saw(&id, second);
	assert_false(identity_replaced(&id));
	scoreboard_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_saw_another_epoch),
		cmocka_unit_test(identity_recorded_ends_it_but_not_the_announcement),
	};

	log_init(STDERR_FILENO, LOG_L_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
