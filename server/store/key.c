/*
 * key.c: spells the names of keys. Pure.
 */
#include "base/text.h"
#include "core/bug.h"
#include "core/hex.h"
#include "store/key.h"

static struct text key_in(char out[KEY_BYTES], unsigned shard, const char *kind, const char *id)
{
	char prefix[] = {'t', 'g', ':', '{', '0', '0', '}', ':'};
	struct text t = text_in(out, KEY_BYTES);

	tg_hex_byte((uint8_t)shard, prefix + 4);
	text_add_n(&t, prefix, sizeof prefix);
	text_join(&t, kind, id);
	return t;
}

static size_t key_done(const struct text *t)
{
	if (t->at == t->end)
		tg_bug("key", "a key is longer than KEY_BYTES");
	return text_len(t);
}

size_t key_of(char out[KEY_BYTES], unsigned shard, const char *kind, const char *id)
{
	struct text t = key_in(out, shard, kind, id);

	return key_done(&t);
}

size_t key_of_chunk(char out[KEY_BYTES], unsigned shard, const char *id, unsigned n)
{
	struct text t = key_in(out, shard, "c:", id);

	text_add(&t, ":");
	text_num(&t, n);
	return key_done(&t);
}
