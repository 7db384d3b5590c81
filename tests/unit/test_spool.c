/*
 * Goal: a file appears whole or not at all, with and without a file system that makes nameless
 * files; whenever a signal ends the process, nothing else is left in the folder.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "lib/spool.h"

#define BODY_BYTES (1u << 20)

static char dir[64], target[96];
static unsigned char body[BODY_BYTES];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/tgspoolXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(target, sizeof target, "%s/out", dir);
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (unsigned char)(i * 2654435761u >> 13);
	return 0;
}

static int setup_without(void **state)
{
	tg_spool_without_tmpfile(true);
	return setup(state);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	tg_spool_without_tmpfile(false);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* Names in the folder; other: one that is not to be there, or NULL. */
static int names(const char *allowed, char *other)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	if (other != NULL)
		other[0] = '\0';
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' || strncmp(e->d_name, ".timeglas", 9) == 0) {
			n++;
			if (other != NULL && strcmp(e->d_name, allowed) != 0)
				snprintf(other, 64, "%.63s", e->d_name);
		}
	closedir(d);
	return n;
}

static void assert_holds(const char *path, const void *want, size_t n)
{
	unsigned char *got = malloc(n + 1);
	FILE *f = fopen(path, "rb");
	struct stat st;

	assert_non_null(f);
	assert_non_null(got);
	assert_int_equal(fread(got, 1, n + 1, f), n);
	assert_memory_equal(got, want, n);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fclose(f);
	free(got);
}

static void no_list(void *ctx, const struct stat *st, const char *name)
{
	(void)ctx, (void)st, (void)name;
}

static void spool_appears_whole(void **state)
{
	struct tg_spool *s;

	(void)state;
	assert_int_equal(tg_spool_new(target, &s), 0);
	assert_int_equal(tg_spool_write(s, body, sizeof body), 0);
	assert_int_equal(names("", NULL), 0);
	assert_int_equal(tg_spool_commit(s), 0);
	tg_spool_free(s);
	assert_holds(target, body, sizeof body);
	assert_int_equal(tg_spool_new(target, &s), 0); /* and replaces */
	assert_int_equal(tg_spool_write(s, "new", 3), 0);
	assert_holds(target, body, sizeof body);
	assert_int_equal(tg_spool_commit(s), 0);
	tg_spool_free(s);
	assert_holds(target, "new", 3);
	assert_int_equal(names("out", NULL), 1);
}

static void spool_not_committed_is_gone(void **state)
{
	struct tg_spool *s;

	(void)state;
	assert_int_equal(tg_spool_new(target, &s), 0);
	assert_int_equal(tg_spool_write(s, body, sizeof body), 0);
	tg_spool_free(s);
	assert_int_equal(names("", NULL), 0);
}

static void spool_kept_overwrites_nothing(void **state)
{
	char name[128], want[128];
	struct tg_spool *s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tg_spool_new(target, &s), 0);
		assert_int_equal(tg_spool_write(s, &"abc"[i], 1), 0);
		assert_int_equal(tg_spool_keep(s, name, sizeof name, no_list, NULL), 0);
		tg_spool_free(s);
		snprintf(want, sizeof want, i == 0 ? "%s" : "%s.%d", target, i);
		assert_string_equal(name, want);
		assert_holds(name, &"abc"[i], 1);
	}
	assert_int_equal(names("", NULL), 3);
}

static void spool_failed_commit_leaves_nothing(void **state)
{
	struct tg_spool *s;

	(void)state;
	assert_int_equal(tg_spool_new(target, &s), 0);
	assert_int_equal(tg_spool_write(s, body, sizeof body), 0);
	assert_int_equal(mkdir(target, 0700), 0); /* meanwhile */
	assert_int_equal(tg_spool_commit(s), TG_EIO);
	tg_spool_free(s);
	assert_int_equal(names("out", NULL), 1);
	assert_int_equal(tg_spool_new(target, &s), TG_EIO);
	assert_int_equal(errno, EISDIR);
}

static void spool_for_no_file_can_be_read_again(void **state)
{
	struct tg_spool *s;
	char got[4] = "";

	(void)state;
	setenv("TMPDIR", dir, 1);
	assert_int_equal(tg_spool_new(NULL, &s), 0);
	assert_int_equal(tg_spool_write(s, "abc", 3), 0);
	assert_int_equal(names("", NULL), 0);
	assert_int_equal(tg_spool_rewind(s), 0);
	assert_int_equal(read(tg_spool_fd(s), got, 3), 3);
	assert_string_equal(got, "abc");
	assert_int_equal(tg_spool_commit(s), TG_EIO);
	tg_spool_free(s);
	unsetenv("TMPDIR");
}

/* SIGALRM's default action ends the child at some moment between the first write and after the
 * last. */
static void child(unsigned after_us)
{
	const struct itimerval t = {.it_value = {.tv_usec = (suseconds_t)after_us + 1}};
	struct tg_spool *s;

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &t, NULL);
	for (;;) {
		unlink(target);
		if (tg_spool_new(target, &s) != 0 || tg_spool_write(s, body, sizeof body) != 0 ||
			tg_spool_commit(s) != 0)
			_exit(1);
		tg_spool_free(s);
	}
}

static void spool_signal_leaves_nothing(void **state)
{
	int whole = 0, none = 0, status, rounds = under_memcheck() ? 10 : 150;

	(void)state;
	for (int i = 0; i < rounds; i++) {
		char other[64];
		pid_t pid = fork();
		int n;

		if (pid == 0)
			child((unsigned)i * 61 % 9000);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
		n = names("out", other);
		assert_string_equal(other, "");
		if (n == 1)
			assert_holds(target, body, sizeof body);
		*(n == 1 ? &whole : &none) += 1;
		unlink(target);
	}
	print_message("%d whole, %d none\n", whole, none);
	assert_true(none > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spool_appears_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(spool_appears_whole, setup_without, teardown),
		cmocka_unit_test_setup_teardown(spool_not_committed_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spool_not_committed_is_gone, setup_without, teardown),
		cmocka_unit_test_setup_teardown(spool_kept_overwrites_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spool_kept_overwrites_nothing, setup_without, teardown),
		cmocka_unit_test_setup_teardown(
			spool_failed_commit_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spool_failed_commit_leaves_nothing, setup_without, teardown),
		cmocka_unit_test_setup_teardown(
			spool_for_no_file_can_be_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spool_for_no_file_can_be_read_again, setup_without, teardown),
		cmocka_unit_test_setup_teardown(spool_signal_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			spool_signal_leaves_nothing, setup_without, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
