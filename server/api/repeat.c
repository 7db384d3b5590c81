/* repeat.c: see repeat.h. It answers nothing. Runs in workers. */
#include <string.h>
#include <timeglas/errors.h>

#include "api/repeat.h"
#include "core/hex.h"
#include "store/types.h"

/* Are the stored content's length and digest known? A tombstone does not have them. */
static bool content_known(const struct repeat *r)
{
	return r->blob->state != STORE_GONE;
}

/* A name stands for one upload, and so does a key. */
static int other_content(const struct repeat *r)
{
	return r->desc->name[0] != '\0' ? TG_ETAKEN : TG_EREUSED;
}

int repeat_begin(struct repeat *r, struct guard **guard)
{
	const char *declared = r->desc->sha256, *stored = r->blob->desc.sha256;
	uint8_t digest[32];

	if (!content_known(r))
		return 0;
	if ((!r->head->chunked && r->head->content_length != r->blob->desc.size_bytes) ||
		(declared[0] != '\0' && stored[0] != '\0' && strcmp(declared, stored) != 0))
		return other_content(r);
	r->digested = declared[0] != '\0' || stored[0] != '\0';
	if (declared[0] != '\0' || stored[0] == '\0')
		return 0;
	if (tg_hex_decode(stored, strlen(stored), digest, sizeof digest) != 0)
		return TG_EINTERNAL;
	guard_free(*guard);
	*guard = guard_new(digest);
	return *guard != NULL ? 0 : TG_ENOMEM;
}

bool repeat_same_by_head(const struct repeat *r)
{
	return !content_known(r) ||
		(!r->head->chunked &&
			(r->desc->sha256[0] != '\0' || r->blob->desc.sha256[0] == '\0'));
}

int repeat_feed(struct repeat *r, struct guard *g, struct evbuffer *data)
{
	size_t n = evbuffer_get_length(data);
	int err = r->digested ? guard_feed(g, data, n) : 0;

	evbuffer_drain(data, n);
	r->size_bytes += n;
	if (err != 0 || (content_known(r) && r->size_bytes > r->blob->desc.size_bytes))
		return other_content(r);
	return 0;
}

int repeat_end(const struct repeat *r, struct guard *g)
{
	int err = r->digested ? guard_finish(g) : 0;

	if (err == TG_EDIGEST && r->desc->sha256[0] != '\0')
		return err;
	if (err != 0 || (content_known(r) && r->size_bytes != r->blob->desc.size_bytes))
		return other_content(r);
	return 0;
}

bool repeat_asks_length(const struct repeat *r)
{
	return !content_known(r) && r->desc->name[0] != '\0' && r->head->chunked;
}
