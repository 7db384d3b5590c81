/* findings.h: what is wrong with evidence, and on which line. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDINGS_MAX 1000 /* listed one by one; all are counted */

struct finding_place { /* of a line */
	const char *file;
	uint64_t line;      /* 1, 2, … */
	bool whole;         /* the line ends with a LF */
	uint64_t end_bytes; /* of the file, up to the end of this line with its LF */
};

/* what: changed, missing, order, duplicate, signature, key, root, begin, cut, unsigned, twice,
 * head, receipt, no-end, no-begin, limit, second-reader, ended-again, late, early, time, mismatch,
 * reader, count, store-replaced */
struct finding {
	char what[16];
	char file[256];
	uint64_t line; /* 0: about no line in particular */
	char detail[256];
};

struct findings { /* zeroed before first use */
	struct finding *list;
	size_t n; /* in the list */
	uint64_t total;
};

/**
 * Adds a finding. What in its texts could steer a terminal, a file's name or a word of a record,
 * becomes a '?'.
 *
 * @what  one of the words above
 * @at    the line; NULL: none in particular
 * @fmt   a sentence for people, as for printf
 *
 * Returns the new entry of the list, or NULL when the finding was only counted.
 */
struct finding *findings_add(struct findings *f, const char *what, const struct finding_place *at,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** Frees the list. */
void findings_free(struct findings *f);

#endif
