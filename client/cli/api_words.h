/* api_words.h: turns the server's words, header fields and calls of its HTTP API, into the user's,
 * options and commands. */
#ifndef CLI_API_WORDS_H
#define CLI_API_WORDS_H

#include <stddef.h>

/** Copies a refusal's sentence with "--ttl" for "Timeglas-Ttl", and so on. out: cut to cap bytes.
 */
void api_words_translate(const char *text, char *out, size_t cap);

#endif
