/*
 * api_words.c: translates names of the HTTP API in a refusal's sentence into options and commands.
 * Every other word stays as it is. Runs in the timeglas command.
 */
#include <string.h>
#include "cli/api_words.h"

static const struct word {
	const char *http, *option;
} words[] = {
	{"Timeglas-Kind", "--kind"},
	{"Timeglas-Issuer", "--issuer"},
	{"Timeglas-Session", "--session"},
	{"Timeglas-To", "--to"},
	{"Timeglas-Ttl", "--ttl"},
	{"Idempotency-Key", "--idempotency-key"},
	{"idle_s", "--idle"},
	{"Timeglas-Subject", "--subject"},
	{"Timeglas-Name", "--name"},
	{"lease_s", "--lease"},
	{"?uploader=NAME", "--uploader NAME"},
	{"?uploader=", "--uploader"},
	{"GET /v1/policy", "timeglas policy"},
	{"POST /v1/sessions", "timeglas session open"},
};

static const struct word *word_at(const char *text)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strncmp(text, words[i].http, strlen(words[i].http)) == 0)
			return &words[i];
	return NULL;
}

void api_words_translate(const char *text, char *out, size_t cap)
{
	size_t n = 0;

	while (*text != '\0' && n + 1 < cap) {
		const struct word *w = word_at(text);
		const char *from = w != NULL ? w->option : text;
		size_t len = w != NULL ? strlen(w->option) : 1;

		len = len < cap - 1 - n ? len : cap - 1 - n;
		memcpy(out + n, from, len);
		n += len;
		text += w != NULL ? strlen(w->http) : 1;
	}
	out[n] = '\0';
}
