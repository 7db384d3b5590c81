/* audit_names.c: texts by number. The last few are remembered, because neighbouring lines have the
 * same ones. Runs in the timeglas command. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_names.h"

static bool is_text(const char *mine, struct chain_text t)
{
	return strncmp(mine, t.p, t.n) == 0 && mine[t.n] == '\0';
}

static uint32_t add(struct audit_names *a, const uint8_t tag[AUDIT_TAGS_BYTES], struct chain_text t)
{
	if (a->n == a->cap) {
		size_t cap = a->cap > 0 ? a->cap * 2 : 64;
		char **grown = realloc(a->text, cap * sizeof *grown);

		if (grown == NULL)
			return 0;
		a->text = grown;
		a->cap = cap;
	}
	a->text[a->n] = strndup(t.p, t.n);
	if (a->text[a->n] == NULL)
		return 0;
	if (!audit_tags_put(&a->tags, tag, a->n)) {
		free(a->text[a->n]);
		return 0;
	}
	return (uint32_t)++a->n;
}

uint32_t audit_names_of(struct audit_names *a, struct chain_text t)
{
	uint8_t tag[AUDIT_TAGS_BYTES];
	uint32_t number;
	size_t place;

	if (t.p == NULL)
		return 0;
	for (unsigned i = 0; i < AUDIT_NAMES_RECENT; i++)
		if (a->recent[i] != 0 && is_text(a->text[a->recent[i] - 1], t))
			return a->recent[i];
	crypto_generichash(tag, sizeof tag, (const unsigned char *)t.p, t.n, NULL, 0);
	place = audit_tags_find(&a->tags, tag);
	number = place != AUDIT_TAGS_NONE ? (uint32_t)place + 1 : add(a, tag, t);
	a->recent[a->next_recent++ % AUDIT_NAMES_RECENT] = number;
	return number;
}

const char *audit_names_text(const struct audit_names *a, uint32_t number)
{
	return number > 0 ? a->text[number - 1] : "";
}

bool audit_names_has(const char *list, struct chain_text name)
{
	for (const char *at = list, *end; *at != '\0'; at = *end != '\0' ? end + 1 : end) {
		end = strchrnul(at, ' ');
		if ((size_t)(end - at) == name.n && memcmp(at, name.p, name.n) == 0)
			return true;
	}
	return false;
}

void audit_names_free(struct audit_names *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->text[i]);
	free(a->text);
	audit_tags_free(&a->tags);
	*a = (struct audit_names){0};
}
