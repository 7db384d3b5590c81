/* audit_tally.h: how often each of a few words occurs. */
#ifndef CLI_AUDIT_TALLY_H
#define CLI_AUDIT_TALLY_H

#include "core/chain.h"

#define AUDIT_TALLY_WORDS 32 /* further words are "(others)" */
#define AUDIT_TALLY_CHARS 48 /* a longer word is cut; the NUL included */

struct audit_tally { /* zeroed before first use */
	struct audit_tally_word {
		char word[AUDIT_TALLY_CHARS];
		uint64_t n;
	} list[AUDIT_TALLY_WORDS];
	size_t n;
};

/** Counts the word n times. No text is "". */
void audit_tally_add(struct audit_tally *t, struct chain_text word, uint64_t n);

#endif
