/* seal_plan.h: what the seal benchmark does, and what each of its cells took. docs/benchmarks.md
 * tells the method. */
#ifndef BENCH_SEAL_PLAN_H
#define BENCH_SEAL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <timeglas/timeglas.h>
#include "seal_library.h"
#include "server.h"
#include "timed.h"

#define ROUNDS_MAX 99u
#define WORDS_MAX 16

#define PROGRAMS_MAX 3u

enum seal_place { SEAL_TO_FILE, SEAL_TO_NULL, SEAL_PLACES };

/* A program that takes turns. word_value() replaces the words in capitals. */
struct seal_program {
	const char *name;
	const char *opens;              /* the name of the file that it opens */
	const char *line[2][WORDS_MAX]; /* sealing, opening */
};

struct seal_cell {
	bool opening;
	enum seal_place place;
	struct timed t[PROGRAMS_MAX][ROUNDS_MAX];
};

#define SEAL_CELLS (2 * SEAL_PLACES)

struct seal_plan {
	unsigned mib, rounds, inside_n;
	size_t inside_bytes;
	/* before: another build's timeglas, which takes the place of age; or NULL */
	const char *age, *before, *where;
	/* filled in by run() */
	const struct seal_program *program; /* the first is what the others are compared with */
	unsigned n_programs;
	char timeglas[PATH_CHARS], dir[PATH_CHARS], version[64];
	char recipient[TG_KEY_TEXT_MAX], sender[TG_KEY_TEXT_MAX], identity[PATH_CHARS],
		signing[PATH_CHARS];
	char env_path[4096], env_home[PATH_CHARS + 8], env_tmp[PATH_CHARS + 8], *env[4];
	struct seal_cell cell[SEAL_CELLS];
	struct seal_library_way inside[SEAL_LIBRARY_WAYS];
};

#endif
