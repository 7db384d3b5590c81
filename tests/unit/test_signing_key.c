/*
 * Goal: the key that signs the evidence is made once, with its public half; a key that is lost or
 * exchanged is noticed, never replaced.
 */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "recorder/signing_key.h"

static char dir[64], path[96], public_path[96], aside[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/timeglas-signing_key-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/evidence.key", dir);
	snprintf(public_path, sizeof public_path, "%s/evidence.key.pub", dir);
	snprintf(aside, sizeof aside, "%s/aside", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(public_path);
	unlink(aside);
	return rmdir(dir);
}

static void made(char public_text[SIGNING_KEY_PUBLIC_TEXT + 1])
{
	struct signing_key k;

	assert_int_equal(signing_key_open(&k, path), 0);
	strcpy(public_text, k.public_text);
	signing_key_close(&k);
}

static void signing_key_is_made_once_with_its_public_half(void **state)
{
	char first[SIGNING_KEY_PUBLIC_TEXT + 1], again[sizeof first], line[sizeof first + 1] = "";
	struct stat st;
	FILE *f;

	(void)state;
	made(first);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_non_null(f = fopen(public_path, "r"));
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, first);
	made(again);
	assert_string_equal(again, first);
}

static void signing_key_public_half_that_is_missing_is_written_again(void **state)
{
	char first[SIGNING_KEY_PUBLIC_TEXT + 1], again[sizeof first];

	(void)state;
	made(first);
	assert_int_equal(unlink(public_path), 0);
	made(again);
	assert_string_equal(again, first);
	assert_int_equal(access(public_path, R_OK), 0);
}

static void signing_key_lost_is_not_replaced(void **state)
{
	char first[SIGNING_KEY_PUBLIC_TEXT + 1], next[sizeof first];
	struct signing_key k;

	(void)state;
	made(first);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(signing_key_open(&k, path), TG_ESIGNATURE);
	assert_int_equal(access(path, F_OK), -1);
	/* the operator's word that it is gone for good */
	assert_int_equal(rename(public_path, aside), 0);
	made(next);
	assert_string_not_equal(next, first);
}

static void signing_key_exchanged_is_noticed(void **state)
{
	char first[SIGNING_KEY_PUBLIC_TEXT + 1];
	struct signing_key k;

	(void)state;
	made(first);
	assert_int_equal(rename(public_path, aside), 0);
	assert_int_equal(unlink(path), 0);
	made(first);
	assert_int_equal(rename(aside, public_path), 0); /* of the key before */
	assert_int_equal(signing_key_open(&k, path), TG_ESIGNATURE);
}

static void signing_key_is_held_by_one(void **state)
{
	struct signing_key k, other;

	(void)state;
	assert_int_equal(signing_key_open(&k, path), 0);
	assert_int_equal(signing_key_open(&other, path), TG_ECLAIMED);
	signing_key_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			signing_key_is_made_once_with_its_public_half, setup, teardown),
		cmocka_unit_test_setup_teardown(
			signing_key_public_half_that_is_missing_is_written_again, setup, teardown),
		cmocka_unit_test_setup_teardown(signing_key_lost_is_not_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(signing_key_exchanged_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(signing_key_is_held_by_one, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
