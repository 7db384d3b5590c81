/* preauth.c: see preauth.h. Connections stand in a list by age, and in one for each address, which
 * a hash table finds. Runs in workers. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <timeglas/errors.h>

#include "base/random.h"
#include "http/preauth.h"

#define BUCKETS 256u
#define KEY_BYTES 9u /* the family, and 8 bytes of the address */

TAILQ_HEAD(entry_list, preauth_entry);

struct preauth_origin {
	unsigned char key[KEY_BYTES];
	size_t n;
	struct entry_list all;
	LIST_ENTRY(preauth_origin) link;
};

LIST_HEAD(origin_list, preauth_origin);

struct preauth {
	size_t max, n;
	uint64_t seed;
	struct entry_list all; /* oldest first */
	struct origin_list bucket[BUCKETS];
};

struct preauth *preauth_new(size_t max)
{
	struct preauth *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->max = max;
	random_fill(&s->seed, sizeof s->seed);
	TAILQ_INIT(&s->all);
	return s;
}

void preauth_free(struct preauth *s)
{
	free(s);
}

/* On a socket of both families IPv4 clients have IPv6 addresses (::ffff:a.b.c.d), which would all
 * be in one /64. Of those the IPv4 address counts. */
static void key_of(const struct sockaddr *from, unsigned char key[KEY_BYTES])
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;

	memset(key, 0, KEY_BYTES);
	key[0] = (unsigned char)from->sa_family;
	if (from->sa_family == AF_INET) {
		memcpy(key + 1, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	} else if (from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
		key[0] = AF_INET;
		memcpy(key + 1, v6->s6_addr + 12, 4);
	} else if (from->sa_family == AF_INET6) {
		memcpy(key + 1, v6->s6_addr, 8);
	}
}

/* The seed is random, so that nobody can choose addresses that share a bucket; FNV is enough, as a
 * bucket never has more entries than the budget. */
static struct origin_list *bucket_of(struct preauth *s, const unsigned char key[KEY_BYTES])
{
	uint64_t h = s->seed;

	for (size_t i = 0; i < KEY_BYTES; i++)
		h = (h ^ key[i]) * UINT64_C(0x100000001b3);
	return &s->bucket[(h >> 32) % BUCKETS];
}

static struct preauth_origin *origin_of(struct preauth *s, const struct sockaddr *from)
{
	unsigned char key[KEY_BYTES];
	struct preauth_origin *o;

	key_of(from, key);
	struct origin_list *bucket = bucket_of(s, key);
	LIST_FOREACH (o, bucket, link)
		if (memcmp(o->key, key, KEY_BYTES) == 0)
			return o;
	if ((o = calloc(1, sizeof *o)) == NULL)
		return NULL;
	memcpy(o->key, key, KEY_BYTES);
	TAILQ_INIT(&o->all);
	LIST_INSERT_HEAD(bucket, o, link);
	return o;
}

int preauth_add(struct preauth *s, struct preauth_entry *n, const struct sockaddr *from,
	struct preauth_entry **victim)
{
	struct preauth_origin *o = origin_of(s, from);
	const size_t share = s->max / 4 > 0 ? s->max / 4 : 1;

	*victim = NULL;
	if (o == NULL)
		return TG_ENOMEM;
	if (o->n >= share || (s->n >= s->max && o->n > 0))
		*victim = TAILQ_FIRST(&o->all);
	else if (s->n >= s->max)
		*victim = TAILQ_FIRST(&s->all);
	n->origin = o;
	o->n++;
	s->n++;
	TAILQ_INSERT_TAIL(&o->all, n, kin);
	TAILQ_INSERT_TAIL(&s->all, n, link);
	if (*victim != NULL)
		preauth_remove(s, *victim);
	return 0;
}

void preauth_remove(struct preauth *s, struct preauth_entry *n)
{
	struct preauth_origin *o = n->origin;

	if (o == NULL)
		return;
	n->origin = NULL;
	TAILQ_REMOVE(&o->all, n, kin);
	TAILQ_REMOVE(&s->all, n, link);
	s->n--;
	if (--o->n > 0)
		return;
	LIST_REMOVE(o, link);
	free(o);
}

struct preauth_entry *preauth_oldest(const struct preauth *s)
{
	return TAILQ_FIRST(&s->all);
}

size_t preauth_count(const struct preauth *s)
{
	return s->n;
}
