/*
 * Goal: kept sealed copies go when their time is over, and nothing else does: not before, not what
 * was moved, changed, or came in their place.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "lib/kept.h"
#include "lib/spool.h"
#include "lib/state.h"

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

static int add(const char *path, int64_t until_ms)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return tg_kept_add(path, &st, until_ms);
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
	assert_int_equal(add(make("a"), NOW), 0);
	assert_int_equal(add(make("b %\n\xc3\xb8"), NOW + 1), 0);
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
	assert_int_equal(add(make("moved"), NOW), 0);
	snprintf(to, sizeof to, "%s/mine", dir);
	assert_int_equal(rename(make("moved"), to), 0);
	assert_int_equal(add(make("replaced"), NOW), 0);
	make("other");
	snprintf(to, sizeof to, "%s/replaced", dir);
	assert_int_equal(rename(make("other"), to), 0);
	assert_int_equal(add(make("written"), NOW), 0);
	usleep(20000); /* the file system's clock ticks */
	make("written");
	assert_int_equal(add(make("linked"), NOW), 0);
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
	assert_int_equal(add(make("a"), NOW), 0);
	f = fopen(list, "a");
	assert_non_null(f);
	fputs("\n1 2\nx y z w /etc/passwd\n1 2 3 4 relative\n", f);
	fclose(f);
	assert_int_equal(add(make("b"), NOW + 1), 0);
	assert_int_equal(tg_kept_sweep_at(NOW), 1);
	assert_true(!there("a") && there("b"));
	assert_int_equal(tg_kept_sweep_at(NOW + 1), 1);
}

static void list_unnamed(void *ctx, const struct stat *st, const char *name)
{
	(void)ctx;
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(tg_kept_add(name, st, NOW), 0);
}

/* So a process that is killed between the two leaves no copy that nothing removes. */
static void kept_copy_is_listed_before_it_has_its_name(void **state)
{
	char target[160], name[160];
	struct tg_spool *s;

	(void)state;
	for (int without = 0; without < 2; without++) {
		tg_spool_without_tmpfile(without);
		snprintf(target, sizeof target, "%s/copy", dir);
		make("copy"); /* an older one */
		assert_int_equal(tg_spool_new(target, &s), 0);
		assert_int_equal(tg_spool_write(s, "sealed", 6), 0);
		assert_int_equal(tg_spool_keep(s, name, sizeof name, list_unnamed, NULL), 0);
		tg_spool_free(s);
		assert_true(there("copy.1"));
		assert_int_equal(tg_kept_sweep_at(NOW), 1);
		assert_true(there("copy"));
		assert_false(there("copy.1"));
	}
	tg_spool_without_tmpfile(false);
}

static void state_folder_of_others_is_refused(void **state)
{
	char folder[96], why[256];
	int fd;

	(void)state;
	assert_int_equal(add(make("a"), NOW), 0);
	snprintf(folder, sizeof folder, "%s/timeglas", dir);
	for (mode_t mode = 0720; mode <= 0722; mode += 0002) {
		assert_int_equal(chmod(folder, mode), 0);
		assert_int_equal(tg_state_open(&fd, why, sizeof why), TG_EIO);
		assert_int_equal(fd, -1);
		assert_non_null(strstr(why, "chmod 700"));
		assert_int_equal(add(make("b"), NOW), TG_EIO);
		assert_int_equal(tg_kept_sweep_at(NOW), 0);
		assert_true(there("a"));
	}
	assert_int_equal(chmod(folder, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 65534, (gid_t)-1), 0);
		assert_int_equal(tg_state_open(&fd, why, sizeof why), TG_EIO);
		assert_non_null(strstr(why, "another user"));
		assert_int_equal(chown(folder, 0, (gid_t)-1), 0);
	}
	assert_int_equal(tg_state_open(&fd, why, sizeof why), 0);
	close(fd);
	assert_int_equal(tg_kept_sweep_at(NOW), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_goes_at_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			kept_spares_what_is_another_file_now, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_list_survives_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(
			kept_copy_is_listed_before_it_has_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(state_folder_of_others_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
