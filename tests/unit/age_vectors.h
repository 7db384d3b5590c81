/*
 * age_vectors.h: finds and reads the age test vectors of C2SP/CCTV: "key: value" lines, an empty
 * line, the file. Test helper. Looked for in $TIMEGLAS_AGE_VECTORS, ../shared/vectors/age,
 * tests/vectors/age.
 */
#ifndef TESTS_AGE_VECTORS_H
#define TESTS_AGE_VECTORS_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define VECTOR_FILE_MAX (32u << 20)
#define VECTORS_MAX 256

struct age_vector {
	char name[256];
	char expect[32];  /* "success", "header failure", … */
	char payload[65]; /* hex SHA-256 of what may be released; "" when none is */
	char identity[4][256];
	size_t n_identities;
	int passphrase;
	int armored;
	uint8_t *file;
	size_t file_len;
};

struct age_vectors {
	struct age_vector v[VECTORS_MAX];
	size_t n;
};

static inline const char *age_vectors_dir(void)
{
	static const char *const places[] = {"../shared/vectors/age", "tests/vectors/age"};
	const char *named = getenv("TIMEGLAS_AGE_VECTORS");
	char probe[512];

	if (named && *named)
		/* named but missing is a failure, not a skip: the caller finds no file */
		return named;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		snprintf(probe, sizeof probe, "%s/x25519_grease", places[i]);
		if (access(probe, R_OK) == 0)
			return places[i];
	}
	return NULL;
}

/* A copy of exactly its size, so that a sanitizer sees any look beyond its end. */
static inline uint8_t *age_vector_copy(const uint8_t *p, size_t n)
{
	uint8_t *out = malloc(n > 0 ? n : 1);

	return out ? memcpy(out, p, n) : NULL;
}

static inline void age_vector_field(
	struct age_vector *v, const char *key, const char *value, int *compressed)
{
	if (strcmp(key, "expect") == 0)
		snprintf(v->expect, sizeof v->expect, "%s", value);
	else if (strcmp(key, "payload") == 0)
		snprintf(v->payload, sizeof v->payload, "%s", value);
	else if (strcmp(key, "identity") == 0 && v->n_identities < 4)
		snprintf(v->identity[v->n_identities++], sizeof v->identity[0], "%s", value);
	else if (strcmp(key, "passphrase") == 0)
		v->passphrase = 1;
	else if (strcmp(key, "armored") == 0)
		v->armored = 1;
	else if (strcmp(key, "compressed") == 0)
		*compressed = 1;
}

/* Returns 0; -1 when it is not a vector. v->file is the caller's to free. */
static inline int age_vector_load(const char *dir, const char *name, struct age_vector *v)
{
	static uint8_t raw[VECTOR_FILE_MAX], inflated[VECTOR_FILE_MAX];
	char path[1024], line[4096];
	uLongf inflated_len = sizeof inflated;
	int compressed = 0;
	size_t n;
	FILE *f;

	memset(v, 0, sizeof *v);
	snprintf(v->name, sizeof v->name, "%s", name);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f) && line[0] != '\n') {
		char *colon = strstr(line, ": ");
		line[strcspn(line, "\n")] = '\0';
		if (!colon)
			continue;
		*colon = '\0';
		age_vector_field(v, line, colon + 2, &compressed);
	}
	n = fread(raw, 1, sizeof raw, f);
	fclose(f);
	if (!v->expect[0] ||
		(compressed && uncompress(inflated, &inflated_len, raw, (uLong)n) != Z_OK))
		return -1;
	v->file_len = compressed ? inflated_len : n;
	v->file = age_vector_copy(compressed ? inflated : raw, v->file_len);
	return v->file ? 0 : -1;
}

static inline int age_vector_is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Every vector in dir, by name; they are read once, since some are large and a test goes over them
 * many times. */
static inline void age_vectors_load(struct age_vectors *all, const char *dir)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, age_vector_is_file, alphasort);

	all->n = 0;
	for (int i = 0; i < n; i++) {
		if (all->n < VECTORS_MAX &&
			age_vector_load(dir, names[i]->d_name, &all->v[all->n]) == 0)
			all->n++;
		free(names[i]);
	}
	free(names);
}

static inline void age_vectors_free(struct age_vectors *all)
{
	while (all->n > 0)
		free(all->v[--all->n].file);
}

#endif
