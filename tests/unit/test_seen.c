/*
 * Goal: the memory of received references knows each for exactly as long as its head would be
 * accepted, whoever asks first, through a stop in the middle of a write, and across the change of
 * the file's form; a damaged one is refused, not forgotten.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "lib/seen.h"

#define DAY_MS INT64_C(86400000)
#define NOW INT64_C(1800000000000)
#define UNTIL (NOW + DAY_MS + 300000)
#define MAGIC_BYTES 16
#define RECORD_BYTES 40

static char dir[64], file[96], old[96];

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	strcpy(dir, "/tmp/tgseenXXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1);
	snprintf(file, sizeof file, "%s/timeglas/received", dir);
	snprintf(old, sizeof old, "%s/timeglas/seen", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static void ref_of(unsigned n, uint8_t ref[TG_SEEN_REF])
{
	memset(ref, 0, TG_SEEN_REF);
	memcpy(ref, &n, sizeof n);
}

/* Opens, adds the n-th reference, closes: as one get does. */
static int add(unsigned n, int64_t until_ms, int64_t now_ms)
{
	char why[TG_SEEN_WHY];
	uint8_t ref[TG_SEEN_REF];
	struct tg_seen *s;
	int err = tg_seen_open(&s, why);

	if (err == 0) {
		ref_of(n, ref);
		err = tg_seen_add(s, ref, until_ms, now_ms, why);
		tg_seen_free(s);
	}
	assert_true(err == 0 || err == TG_EREPLAY || why[0] != '\0');
	return err;
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void seen_second_is_a_replay(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(add(1, UNTIL, NOW), 0);
	assert_int_equal(add(1, UNTIL, NOW), TG_EREPLAY);
	assert_int_equal(add(2, UNTIL, NOW), 0);
	assert_int_equal(add(1, UNTIL, NOW + 1), TG_EREPLAY);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, MAGIC_BYTES + 2 * RECORD_BYTES);
}

static void seen_to_the_last_millisecond(void **state)
{
	(void)state;
	assert_int_equal(add(1, UNTIL, NOW), 0);
	assert_int_equal(add(2, UNTIL + 10 * DAY_MS, UNTIL), 0);
	assert_int_equal(add(1, UNTIL, UNTIL - 1), TG_EREPLAY);
	assert_int_equal(add(1, UNTIL, UNTIL), TG_EREPLAY);
	/* no longer needed, and still known */
	assert_int_equal(add(1, UNTIL, UNTIL + 1), TG_EREPLAY);
	/* A clock that was a day ahead forgets nothing: what is pruned is a day past its time. */
	assert_int_equal(add(3, UNTIL + 10 * DAY_MS, UNTIL + DAY_MS), 0);
	assert_int_equal(add(1, UNTIL, NOW), TG_EREPLAY);
	assert_int_equal(size_of(file), MAGIC_BYTES + 3 * RECORD_BYTES);
}

static void seen_forgets_what_may_be_forgotten(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 100; n++)
		assert_int_equal(add(n, n < 50 ? UNTIL : UNTIL + 5 * DAY_MS, NOW), 0);
	assert_int_equal(add(200, UNTIL + 5 * DAY_MS, UNTIL + DAY_MS), 0);
	/* its last moment: all are there */
	assert_int_equal(size_of(file), MAGIC_BYTES + 101 * RECORD_BYTES);
	assert_int_equal(add(201, UNTIL + 5 * DAY_MS, UNTIL + DAY_MS + 1), 0);
	/* fewer than half may go */
	assert_int_equal(size_of(file), MAGIC_BYTES + 102 * RECORD_BYTES);
	assert_int_equal(add(202, UNTIL + 20 * DAY_MS, UNTIL + 6 * DAY_MS + 1), 0);
	assert_int_equal(size_of(file), MAGIC_BYTES + RECORD_BYTES);
	assert_int_equal(add(202, UNTIL, NOW), TG_EREPLAY);
}

/* Half and half, so that pruning keeps what it must. */
static void seen_pruning_keeps_the_living(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 40; n++)
		assert_int_equal(add(n, n % 2 ? UNTIL + 9 * DAY_MS : UNTIL, NOW), 0);
	assert_int_equal(add(99, UNTIL + 9 * DAY_MS, UNTIL + DAY_MS + 1), 0);
	assert_int_equal(size_of(file), MAGIC_BYTES + 21 * RECORD_BYTES);
	for (unsigned n = 1; n < 40; n += 2)
		assert_int_equal(add(n, UNTIL, UNTIL + DAY_MS + 2), TG_EREPLAY);
}

static void seen_one_of_many_processes_is_first(void **state)
{
	enum { PROCESSES = 8, REFS = 25 };
	int first = 0, status;

	(void)state;
	for (int p = 0; p < PROCESSES; p++)
		if (fork() == 0) {
			int n = 0;

			for (unsigned r = 0; r < REFS; r++)
				n += add(r, UNTIL, NOW) == 0;
			_exit(n);
		}
	for (int p = 0; p < PROCESSES; p++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		first += WEXITSTATUS(status);
	}
	assert_int_equal(first, REFS);
	assert_int_equal(size_of(file), MAGIC_BYTES + REFS * RECORD_BYTES);
}

/* Whatever part of the last record reached the disk: the others are known, and so is what comes
 * next. */
static void seen_survives_a_stop_in_the_middle(void **state)
{
	(void)state;
	for (int left = 0; left <= RECORD_BYTES; left++) {
		assert_int_equal(add(1, UNTIL, NOW), 0);
		assert_int_equal(add(2, UNTIL, NOW), 0);
		if (left < RECORD_BYTES) {
			assert_int_equal(truncate(file, MAGIC_BYTES + RECORD_BYTES + left), 0);
		} else { /* the length was there before the data */
			assert_int_equal(truncate(file, MAGIC_BYTES + RECORD_BYTES), 0);
			assert_int_equal(truncate(file, MAGIC_BYTES + 2 * RECORD_BYTES), 0);
		}
		assert_int_equal(add(1, UNTIL, NOW), TG_EREPLAY);
		assert_int_equal(add(2, UNTIL, NOW), 0);
		assert_int_equal(add(2, UNTIL, NOW), TG_EREPLAY);
		assert_int_equal(size_of(file), MAGIC_BYTES + 2 * RECORD_BYTES);
		assert_int_equal(unlink(file), 0);
	}
}

static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+b");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_true(fputc(c ^ 1, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void seen_damage_is_refused_and_told(void **state)
{
	char why[TG_SEEN_WHY];
	struct tg_seen *s;

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(add(n, UNTIL, NOW), 0);
	for (long at = 0; at < MAGIC_BYTES + 3 * RECORD_BYTES; at++) {
		flip(file, at);
		assert_int_equal(tg_seen_open(&s, why), TG_EIO);
		assert_null(s);
		assert_non_null(strstr(why, "damaged"));
		assert_non_null(strstr(why, "received"));
		flip(file, at);
	}
	assert_int_equal(truncate(file, 7), 0);
	assert_int_equal(add(9, UNTIL, NOW), TG_EIO);
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(add(9, UNTIL, NOW), TG_EIO);
}

static void seen_takes_the_old_memory_over(void **state)
{
	struct {
		int64_t at_s;
		uint8_t hash[32];
	} record[3];
	uint8_t ref[TG_SEEN_REF];
	char path[96];
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/timeglas", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (unsigned n = 0; n < 3; n++) {
		ref_of(n, ref);
		record[n].at_s = NOW / 1000 - (n == 2 ? 86400 : 0);
		crypto_generichash(record[n].hash, 32, ref, sizeof ref, NULL, 0);
	}
	f = fopen(old, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(record, sizeof record[0], 3, f), 3);
	fclose(f);
	assert_int_equal(add(0, UNTIL, NOW), TG_EREPLAY);
	assert_int_equal(size_of(old), -1);
	/* a head 5 minutes ahead is young for a day and 10 minutes */
	assert_int_equal(add(1, UNTIL, NOW + DAY_MS + 600000), TG_EREPLAY);
	assert_int_equal(add(2, UNTIL, NOW), TG_EREPLAY);
	assert_int_equal(add(3, UNTIL, NOW), 0);
	assert_int_equal(size_of(file), MAGIC_BYTES + 4 * RECORD_BYTES);
}

static void seen_no_folder_is_told(void **state)
{
	char why[TG_SEEN_WHY], blocked[96],
		*home = getenv("HOME") != NULL ? strdup(getenv("HOME")) : NULL;
	struct tg_seen *s;
	FILE *f;

	(void)state;
	setenv("XDG_STATE_HOME", "relative", 1);
	unsetenv("HOME");
	assert_int_equal(tg_seen_open(&s, why), TG_EIO);
	assert_non_null(strstr(why, "XDG_STATE_HOME"));
	snprintf(blocked, sizeof blocked, "%s/f", dir);
	f = fopen(blocked, "w");
	assert_non_null(f);
	fclose(f);
	setenv("XDG_STATE_HOME", blocked, 1);
	assert_int_equal(tg_seen_open(&s, why), TG_EIO);
	assert_non_null(strstr(why, "Not a directory"));
	if (home != NULL)
		setenv("HOME", home, 1);
	free(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seen_second_is_a_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_to_the_last_millisecond, setup, teardown),
		cmocka_unit_test_setup_teardown(
			seen_forgets_what_may_be_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_pruning_keeps_the_living, setup, teardown),
		cmocka_unit_test_setup_teardown(
			seen_one_of_many_processes_is_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
			seen_survives_a_stop_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_damage_is_refused_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_takes_the_old_memory_over, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_no_folder_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
