/* words.h: the server speaks of header fields and calls of its HTTP API, the user of options and
 * commands. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stddef.h>

/** words_of_options(text, out, cap): a refusal's sentence, with "--ttl" for "Timeglas-Ttl" and so
 * on; cut to cap. */
void words_of_options(const char *text, char *out, size_t cap);

#endif
