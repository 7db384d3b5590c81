/* audit_policy.c: see audit_policy.h. Runs in the timeglas command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_keys.h"
#include "cli/audit_policy.h"
#include "cli/output.h"

static int scan(struct sha256 *h, const char *path, const char *text, size_t n, struct policy *out)
{
	const char *why;
	unsigned line;

	if (n > POLICY_FILE_MAX)
		return output_usage(
			"%s: too large for a policy; at most %u bytes", path, POLICY_FILE_MAX);
	if (policy_scan(h, text, n, out, &line, &why) == 0)
		return 0;
	if (line == 0)
		return output_usage("%s: %s", path, why);
	return output_usage("%s:%u: %s", path, line, why);
}

int audit_policy_load(struct sha256 *h, const char *path, struct policy **out)
{
	struct policy *p = malloc(sizeof *p);
	char *text = malloc(POLICY_FILE_MAX + 1);
	FILE *f = fopen(path, "re");
	int status;

	if (p == NULL || text == NULL)
		status = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	else if (f == NULL)
		status = output_fail(TG_EIO, "cannot read %s: %s", path, strerror(errno));
	else
		status = scan(h, path, text, fread(text, 1, POLICY_FILE_MAX + 1, f), p);
	if (f != NULL)
		fclose(f);
	free(text);
	if (status != 0) {
		free(p);
		p = NULL;
	}
	*out = p;
	return status;
}

void audit_policy_keys(const struct policy *p, struct receipt_key *key, size_t *n)
{
	for (unsigned i = 0; i < p->n_logs && *n < AUDIT_KEYS_MAX; i++, ++*n) {
		snprintf(key[*n].origin, sizeof key[*n].origin, "%s", p->log[i].name);
		memcpy(key[*n].public, p->log[i].public, NOTE_PUBLIC);
	}
}

static void apply(const struct policy *policy, struct audit_proof *p, bool one)
{
	if (p->fault != RECEIPT_GOOD)
		return;
	p->has_policy = true;
	p->n_witnesses = policy->n_witnesses;
	switch (policy_check(policy, &p->receipt.head.note, &p->cosigned)) {
	case 0:
		break;
	case TG_EPOLICY:
		if (!one || p->cosigned.n == 0)
			p->fault = RECEIPT_POLICY;
		break;
	case TG_ENOENT:
		p->fault = RECEIPT_KEY;
		break;
	default:
		p->fault = RECEIPT_COSIGNATURE;
		break;
	}
}

void audit_policy_apply(const struct policy *policy, struct audit_proof *p)
{
	apply(policy, p, false);
}

void audit_policy_apply_one(const struct policy *policy, struct audit_proof *p)
{
	apply(policy, p, true);
}
