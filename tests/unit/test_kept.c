/*
 * Goal: kept sealed copies go when their time is over, and nothing else does: not before, not what
 * was moved, changed, or came in their place.
 */
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "lib/kept.h"

#define NOW INT64_C(1800000000000)

static char dir[64], list[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/tgkeptXXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1);
	snprintf(list, sizeof list, "%s/timeglas/kept", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static const char *make(const char *name)
{
	static char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("sealed", f);
	fclose(f);
	return path;
}

static bool there(const char *name)
{
	char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void kept_goes_at_its_time(void **state)
{
	(void)state;
	assert_int_equal(tg_kept_sweep_at(NOW), 0); /* no folder yet, and none made */
	assert_false(there("timeglas"));
	assert_int_equal(tg_kept_add(make("a"), NOW), 0);
	assert_int_equal(tg_kept_add(make("b %\n\xc3\xb8"), NOW + 1), 0);
	assert_int_equal(tg_kept_sweep_at(NOW - 1), 0);
	assert_true(there("a"));
	assert_int_equal(tg_kept_sweep_at(NOW), 1);
	assert_false(there("a"));
	assert_true(there("b %\n\xc3\xb8"));
	assert_int_equal(tg_kept_sweep_at(NOW + 1), 1);
	assert_false(there("b %\n\xc3\xb8"));
	assert_int_equal(access(list, F_OK), -1); /* an empty list is none */
}

static void kept_spares_what_is_another_file_now(void **state)
{
	char to[160];

	(void)state;
	assert_int_equal(tg_kept_add(make("moved"), NOW), 0);
	snprintf(to, sizeof to, "%s/mine", dir);
	assert_int_equal(rename(make("moved"), to), 0);
	assert_int_equal(tg_kept_add(make("replaced"), NOW), 0);
	make("other");
	snprintf(to, sizeof to, "%s/replaced", dir);
	assert_int_equal(rename(make("other"), to), 0);
	assert_int_equal(tg_kept_add(make("written"), NOW), 0);
	usleep(20000); /* the file system's clock ticks */
	make("written");
	assert_int_equal(tg_kept_add(make("linked"), NOW), 0);
	snprintf(to, sizeof to, "%s/linked", dir);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(symlink("mine", to), 0);
	assert_int_equal(tg_kept_sweep_at(NOW + 1), 0);
	assert_true(there("mine") && there("replaced") && there("written") && there("linked"));
	assert_int_equal(access(list, F_OK), -1);
}

static void kept_list_survives_nonsense(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(tg_kept_add(make("a"), NOW), 0);
	f = fopen(list, "a");
	assert_non_null(f);
	fputs("\n1 2\nx y z w /etc/passwd\n1 2 3 4 relative\n", f);
	fclose(f);
	assert_int_equal(tg_kept_add(make("b"), NOW + 1), 0);
	assert_int_equal(tg_kept_sweep_at(NOW), 1);
	assert_true(!there("a") && there("b"));
	assert_int_equal(tg_kept_sweep_at(NOW + 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_goes_at_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			kept_spares_what_is_another_file_now, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_list_survives_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
