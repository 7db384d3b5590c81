/* api_words.h: the server speaks of header fields and calls of its HTTP API, the user of options
 * and commands. */
#ifndef CLI_API_WORDS_H
#define CLI_API_WORDS_H

#include <stddef.h>

/** api_words_translate(text, out, cap): a refusal's sentence, with "--ttl" for "Timeglas-Ttl" and
 * so on; cut to cap. */
void api_words_translate(const char *text, char *out, size_t cap);

#endif
