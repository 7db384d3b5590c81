/* audit_open.c: blobs by their tags. Runs in the timeglas command. */
#include <stdlib.h>
#include "cli/audit_open.h"

#define FIRST_OPEN 1024u

struct audit_open_blob *audit_open_find(struct audit_open *l, struct chain_text tag)
{
	uint8_t bytes[AUDIT_TAGS_BYTES];
	size_t i;

	audit_tags_read(tag, bytes);
	i = audit_tags_find(&l->tags, bytes);
	return i != AUDIT_TAGS_NONE ? &l->list[i] : NULL;
}

bool audit_open_add(struct audit_open *l, const struct audit_open_blob *o)
{
	if (l->n == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : FIRST_OPEN;
		struct audit_open_blob *grown = realloc(l->list, cap * sizeof *grown);

		if (grown == NULL)
			return false;
		l->list = grown;
		l->cap = cap;
	}
	if (!audit_tags_put(&l->tags, o->tag, l->n))
		return false;
	l->list[l->n++] = *o;
	return true;
}

/* The last one takes its place. */
void audit_open_remove(struct audit_open *l, struct audit_open_blob *o)
{
	const struct audit_open_blob *last = &l->list[--l->n];

	audit_tags_remove(&l->tags, o->tag);
	if (o == last)
		return;
	*o = *last;
	/* A slot was freed just now, so no memory is needed. */
	(void)audit_tags_put(&l->tags, o->tag, (size_t)(o - l->list));
}

void audit_open_free(struct audit_open *l)
{
	free(l->list);
	audit_tags_free(&l->tags);
	*l = (struct audit_open){0};
}
