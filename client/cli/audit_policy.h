/* audit_policy.h: a file that says which witnesses must have cosigned (core/policy.h). */
#ifndef CLI_AUDIT_POLICY_H
#define CLI_AUDIT_POLICY_H

#include "cli/audit_proof.h"
#include "core/policy.h"

/** Reads a policy. Returns 0, and *out is the caller's to free; or an exit status after having said
 * what is wrong. */
int audit_policy_load(struct sha256 *h, const char *path, struct policy **out);

/** Adds the keys of its logs to those that may have signed, up to AUDIT_KEYS_MAX. */
void audit_policy_keys(const struct policy *p, struct receipt_key *key, size_t *n);

/** Asks more of a proof that was found good: that the policy's witnesses have cosigned it. */
void audit_policy_apply(const struct policy *policy, struct audit_proof *p);

/** Likewise, that one of the policy's witnesses has cosigned it: what one witness gave itself. */
void audit_policy_apply_one(const struct policy *policy, struct audit_proof *p);

#endif
