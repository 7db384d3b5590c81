/*
 * retention.c: the table of retention.h as a policy in force, which can be shortened and extended
 * and never loosened. No clock and no configuration file. Runs in the workers, the master's
 * configuration check, the library and the command line.
 */
#include <string.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>

static const struct tg_rule BUILT_IN[] = {
#define RULE(kind, issuer, ceiling_s, bound) {kind, issuer, ceiling_s, bound},
	TG_RETENTION(RULE)
#undef RULE
};
#define N_BUILT_IN (sizeof BUILT_IN / sizeof BUILT_IN[0])

void tg_policy_init(struct tg_policy *p)
{
	memset(p, 0, sizeof *p);
	memcpy(p->rule, BUILT_IN, sizeof BUILT_IN);
	p->n = N_BUILT_IN;
}

static int kind_well_formed(const char *kind)
{
	size_t n = strnlen(kind, TG_KIND_MAX + 1);

	if (n == 0 || n > TG_KIND_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!((kind[i] >= 'a' && kind[i] <= 'z') || (kind[i] >= '0' && kind[i] <= '9') ||
			    kind[i] == '-'))
			return 0;
	return 1;
}

/* The longest time that rule i may have. Rules stay in the order in which they were entered, the
 * built-in ones first. */
static uint32_t longest_s(size_t i)
{
	return i < N_BUILT_IN ? BUILT_IN[i].ceiling_s : TG_TTL_MAX_S;
}

static int add_kind(struct tg_policy *p, const char *kind, int issuer_class, uint32_t ceiling_s)
{
	struct tg_rule *r;

	if (issuer_class > TG_ISSUER_NONE)
		return TG_EISSUER;
	if (p->n == TG_RULES_MAX)
		return TG_ENOMEM;
	r = &p->rule[p->n++];
	memset(r, 0, sizeof *r);
	memcpy(r->kind, kind, strlen(kind));
	r->issuer = TG_ISSUER_NONE;
	r->ceiling_s = ceiling_s;
	return 0;
}

int tg_policy_limit(struct tg_policy *p, const char *kind, int issuer_class, uint32_t ceiling_s)
{
	size_t of_kind = 0, fits = 0;

	if (!kind_well_formed(kind))
		return TG_EKIND;
	if (ceiling_s == 0 || ceiling_s > TG_TTL_MAX_S)
		return TG_ETTL;
	/* Judged whole before anything changes: a refused line of configuration leaves the policy
	 * as it was. */
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->rule[i].kind, kind) != 0)
			continue;
		of_kind++;
		if (issuer_class >= 0 && (int)p->rule[i].issuer != issuer_class)
			continue;
		fits++;
		if (ceiling_s > longest_s(i))
			return TG_ETTL;
	}
	if (of_kind == 0)
		return add_kind(p, kind, issuer_class, ceiling_s);
	if (fits == 0)
		return TG_EISSUER;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->rule[i].kind, kind) == 0 &&
			(issuer_class < 0 || (int)p->rule[i].issuer == issuer_class))
			p->rule[i].ceiling_s = ceiling_s;
	return 0;
}

int tg_policy_rule(
	const struct tg_policy *p, const char *kind, const char *issuer, const struct tg_rule **out)
{
	enum tg_issuer_class class = issuer ? tg_issuer_class(issuer) : TG_ISSUER_NONE;
	int known = 0;

	for (size_t i = 0; kind && i < p->n; i++) {
		if (strcmp(p->rule[i].kind, kind) != 0)
			continue;
		known = 1;
		if (p->rule[i].issuer == class) {
			*out = &p->rule[i];
			return 0;
		}
	}
	return known ? TG_EISSUER : TG_EKIND;
}
