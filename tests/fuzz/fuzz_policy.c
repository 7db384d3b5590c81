/*
 * fuzz_policy.c: policy files. Invariants: a file that is bad has a reason and one of its lines; in
 * one that is good all names are different, groups ask for no more members than they have and stand
 * in no circle; more cosignatures are never less than enough; all are enough, and none only where
 * no quorum is asked for. `make fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "core/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static const char *name_of(const struct policy *p, unsigned node)
{
	if (node < POLICY_WITNESSES_MAX)
		return node < p->n_witnesses ? p->witness[node].name : NULL;
	node -= POLICY_WITNESSES_MAX;
	return node < p->n_groups ? p->group[node].name : NULL;
}

static void check_names(const struct policy *p)
{
	for (unsigned i = 0; i < POLICY_NODES; i++) {
		const char *const a = name_of(p, i);

		if (a == NULL)
			continue;
		MUST(a[0] != '\0' && strlen(a) <= POLICY_NAME_MAX && strcmp(a, "none") != 0);
		for (unsigned k = 0; k < i; k++)
			MUST(name_of(p, k) == NULL || strcmp(a, name_of(p, k)) != 0);
	}
	for (unsigned i = 0; i < p->n_witnesses; i++)
		MUST(strlen(p->witness[i].url) <= POLICY_URL_MAX);
}

static void check_groups(const struct policy *p)
{
	unsigned members[POLICY_GROUPS_MAX] = {0};

	for (unsigned i = 0; i < POLICY_NODES; i++) {
		unsigned at = i, steps = 0;

		if (name_of(p, i) == NULL)
			continue;
		if (p->member_of[i] != POLICY_NODES)
			members[p->member_of[i] - POLICY_WITNESSES_MAX]++;
		while ((at = p->member_of[at]) != POLICY_NODES)
			MUST(at >= POLICY_WITNESSES_MAX && name_of(p, at) != NULL &&
				++steps <= POLICY_GROUPS_MAX);
	}
	for (unsigned i = 0; i < p->n_groups; i++)
		MUST(p->group[i].k >= 1 && p->group[i].k <= p->group[i].n &&
			p->group[i].n == members[i]);
	MUST(p->quorum == POLICY_NONE || name_of(p, p->quorum) != NULL);
}

static void check_met(const struct policy *p, uint64_t bits)
{
	const uint64_t all =
		p->n_witnesses == 64 ? UINT64_MAX : (UINT64_C(1) << p->n_witnesses) - 1;

	MUST(policy_is_met(p, all));
	MUST(policy_is_met(p, 0) == (p->quorum == POLICY_NONE));
	bits &= all;
	if (policy_is_met(p, bits))
		for (unsigned i = 0; i < p->n_witnesses; i++)
			MUST(policy_is_met(p, bits | UINT64_C(1) << i));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sha256 *sha;
	static struct policy policy;
	const char *why = NULL;
	unsigned line = UINT32_MAX;
	size_t lines = 1;
	uint64_t bits = 0;
	char *text;

	if (sha == NULL)
		MUST((sha = sha256_new()) != NULL);
	text = malloc(n > 0 ? n : 1); /* an exact copy, so that a read past its end is seen */
	MUST(text != NULL);
	memcpy(text, p, n);
	for (size_t i = 0; i < n; i++) {
		lines += text[i] == '\n';
		bits = bits * 31 + p[i];
	}
	if (policy_scan(sha, text, n, &policy, &line, &why) == 0) {
		check_names(&policy);
		check_groups(&policy);
		check_met(&policy, bits);
	} else {
		MUST(why != NULL && why[0] != '\0' && line <= lines);
	}
	free(text);
	return 0;
}
