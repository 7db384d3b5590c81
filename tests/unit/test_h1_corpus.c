/*
 * Goal: every request of the corpus gets its verdict, in one piece, byte by byte, and cut at random
 * places. The corpus is optional data: $TIMEGLAS_HTTP_CORPUS or ../shared/corpora/http1; without it
 * these cases are skipped.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "http/h1.h"
#include "http/h1_body.h"

#define CASE_MAX (1u << 20)
#define RANDOM_CUTS 20

static char corpus[512], dir[64];

struct verdict {
	unsigned requests;
	bool refused, left_over;
};

/* What a connection that answers every request would make of these bytes when it sees some more of
 * them at each step. */
struct reader {
	struct h1_head head;
	struct h1_body body;
	size_t at, scanned; /* consumed; scanned of the head there */
	bool in_body;
	struct verdict v;
};

/* p, n: what is there and has not been consumed. */
static void read_more(struct reader *r, const char *p, size_t n)
{
	const size_t before = r->at;
	const char *why;

	while (!r->v.refused) {
		const size_t used = r->at - before;

		if (!r->in_body) {
			long end = used < n ? h1_head_end(p + used, n - used, &r->scanned) : 0;

			if (end == 0)
				return;
			if (end < 0 || h1_head_parse(p + used, (size_t)end, &r->head, &why) != 0) {
				r->v.refused = true;
				return;
			}
			r->at += (size_t)end;
			r->scanned = 0;
			h1_body_init(&r->body, &r->head);
			r->in_body = true;
			continue;
		}
		size_t skip = 0, data = 0;
		enum h1_step s = h1_body_step(&r->body, p + used, n - used, &skip, &data);

		r->at += skip + data;
		if (s == H1_DATA) {
			h1_body_consumed(&r->body, data);
		} else if (s == H1_DONE) {
			r->in_body = false;
			r->v.requests++;
		} else if (s == H1_BAD) {
			r->v.refused = true;
		} else {
			return;
		}
	}
}

static struct verdict finish(struct reader *r, size_t n)
{
	r->v.left_over = !r->v.refused && (r->in_body || r->at < n);
	return r->v;
}

static bool same(struct verdict a, struct verdict b)
{
	return a.requests == b.requests && a.refused == b.refused && a.left_over == b.left_over;
}

/* Judges the bytes in one piece, and fails unless every other way of cutting them says the same. */
static struct verdict judge(const char *name, const char *p, size_t n)
{
	struct reader one = {0};
	struct verdict v, other;

	read_more(&one, p, n);
	v = finish(&one, n);
	for (int round = 0; round < RANDOM_CUTS + 1; round++) {
		struct reader r = {0};

		for (size_t k = 0; k < n && !r.v.refused;) {
			/* a refusal stands, whatever follows */
			k += round == 0 ? 1 : 1 + (size_t)rand() % 200;
			if (k > n)
				k = n;
			/* A copy of just what is left of those bytes, so that a sanitizer sees any
			 * look beyond them. */
			char *shown = malloc(k - r.at);

			memcpy(shown, p + r.at, k - r.at);
			read_more(&r, shown, k - r.at);
			free(shown);
		}
		other = finish(&r, n);
		if (!same(v, other))
			fail_msg("%s, round %d: %u %d %d and then %u %d %d", name, round,
				v.requests, v.refused, v.left_over, other.requests, other.refused,
				other.left_over);
	}
	return v;
}

static size_t load(const char *name, char *buf)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is not in the archives", name);
	n = fread(buf, 1, CASE_MAX, f);
	fclose(f);
	return n;
}

static void check_group(const char *group, unsigned at_least)
{
	char path[600], line[1024], *buf = malloc(CASE_MAX);
	unsigned checked = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/expect.tsv", corpus);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	while (fgets(line, sizeof line, f)) {
		char *save = NULL, *name = strtok_r(line, "\t", &save),
		     *expect = strtok_r(NULL, "\t", &save);
		char *count = strtok_r(NULL, "\t", &save), *of = strtok_r(NULL, "\t", &save);
		struct verdict v;

		assert_non_null(of);
		if (strcmp(of, group) != 0)
			continue;
		v = judge(name, buf, load(name, buf));
		checked++;
		if (strcmp(expect, "accept") == 0 &&
			(v.refused || v.left_over || v.requests != (unsigned)atoi(count)))
			fail_msg("%s should be accepted: %u requests, refused %d, left over %d",
				name, v.requests, v.refused, v.left_over);
		if (strcmp(expect, "reject") == 0 &&
			(v.requests != 0 || !(v.refused || v.left_over)))
			fail_msg("%s should be refused: %u requests, refused %d", name, v.requests,
				v.refused);
		if (strcmp(expect, "any") == 0 && strcmp(group, "h2o") != 0 && v.refused)
			fail_msg("%s is well-formed, its method is the application's business",
				name);
	}
	fclose(f);
	free(buf);
	assert_true(checked >= at_least);
}

static void skip_without_corpus(void)
{
	if (corpus[0] == '\0') {
		printf("SKIP: no corpus: set TIMEGLAS_HTTP_CORPUS\n");
		skip();
	}
}

static void h1_corpus_smuggle_verdicts_hold(void **state)
{
	(void)state;
	skip_without_corpus();
	check_group("smuggle", 200);
}

static void h1_corpus_llhttp_verdicts_hold(void **state)
{
	(void)state;
	skip_without_corpus();
	check_group("llhttp", 90);
}

static void h1_corpus_h2o_seeds_are_harmless(void **state)
{
	(void)state;
	skip_without_corpus();
	check_group("h2o", 1000);
}

static int setup(void **state)
{
	const char *given = getenv("TIMEGLAS_HTTP_CORPUS");
	char command[1400];

	(void)state;
	snprintf(corpus, sizeof corpus, "%s", given ? given : "../shared/corpora/http1");
	snprintf(command, sizeof command, "%s/expect.tsv", corpus);
	if (access(command, R_OK) != 0) {
		fprintf(stderr,
			"test_h1_corpus: no corpus in %s (TIMEGLAS_HTTP_CORPUS names another "
			"folder): skipped\n",
			corpus);
		corpus[0] = '\0';
		return 0;
	}
	srand(7);
	strcpy(dir, "/tmp/tg-corpus-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof command,
		"tar xzf '%s/cases.tar.gz' -C %s && tar xzf '%s/seeds.tar.gz' -C %s", corpus, dir,
		corpus, dir);
	return system(command);
}

static int teardown(void **state)
{
	struct dirent *e;
	DIR *d;

	(void)state;
	if (corpus[0] == '\0' || !(d = opendir(dir)))
		return 0;
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h1_corpus_smuggle_verdicts_hold),
		cmocka_unit_test(h1_corpus_llhttp_verdicts_hold),
		cmocka_unit_test(h1_corpus_h2o_seeds_are_harmless),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
