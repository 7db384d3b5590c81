/*
 * suggest.c: finds the nearest name by Levenshtein's distance. A name is near when at most half of
 * it is another. It knows no names itself. Runs where a configuration is read.
 */
#include <stdio.h>
#include <string.h>

#include "conf/suggest.h"

#define WORD_MAX 63

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Keeps one row of the matrix. Words of more than WORD_MAX characters are far from all others. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], na = strlen(a), nb = strlen(b), i, j, diagonal, above;

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= nb; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

const char *suggest(const char *word, const char *const known[], size_t n, char *out, size_t cap)
{
	size_t best = WORD_MAX, d, i, at = 0;
	const char *name = NULL;
	int w;

	for (i = 0; i < n; i++) {
		d = distance(word, known[i]);
		if (d < best) {
			best = d;
			name = known[i];
		}
	}
	if (name != NULL && best <= strlen(name) / 2) {
		snprintf(out, cap, "did you mean '%s'?", name);
		return out;
	}
	for (i = 0; i < n && at < cap; i++) {
		w = snprintf(out + at, cap - at, "%s%s", i == 0 ? "known here: " : ", ", known[i]);
		at += w > 0 ? (size_t)w : 0;
	}
	return out;
}

int suggest_choose(const char *what, const char *word, const char *const known[], size_t n,
	char *why, size_t cap)
{
	char hint[128];

	for (size_t i = 0; i < n; i++)
		if (strcmp(word, known[i]) == 0)
			return (int)i;
	snprintf(
		why, cap, "no %s '%s'; %s", what, word, suggest(word, known, n, hint, sizeof hint));
	return -1;
}
