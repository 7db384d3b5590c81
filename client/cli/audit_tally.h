/* audit_tally.h: how often each of a few words occurs. */
#ifndef CLI_AUDIT_TALLY_H
#define CLI_AUDIT_TALLY_H

#include "core/chain.h"

#define AUDIT_TALLY_WORDS 32               /* further words are "(others)" */
#define AUDIT_TALLY_MOST (UINT64_MAX >> 1) /* JSON's numbers have a sign here */
#define AUDIT_TALLY_CHARS 48               /* a longer word is cut; the NUL included */

struct audit_tally { /* zeroed before first use */
	struct audit_tally_word {
		char word[AUDIT_TALLY_CHARS];
		uint64_t n;
	} list[AUDIT_TALLY_WORDS];
	size_t n;
};

/** Returns the sum, of numbers up to AUDIT_TALLY_MOST; at most that. The numbers are a stranger's.
 */
uint64_t audit_tally_sum(uint64_t a, uint64_t b);

/** Counts the word n times. No text is "". */
void audit_tally_add(struct audit_tally *t, struct chain_text word, uint64_t n);

#endif
