/*
 * policy.h: whom to believe about a log (C2SP tlog-policy): keys of logs, keys of witnesses, and
 * how many of them must have cosigned a checkpoint. The same file serves the server, which asks
 * these witnesses, and whoever verifies evidence or a proof. No I/O, no clock.
 */
#ifndef TG_CORE_POLICY_H
#define TG_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/checkpoint.h"
#include "core/note.h"

#define POLICY_FILE_MAX 65536u /* bytes of the file */
#define POLICY_LOGS_MAX 32u
#define POLICY_WITNESSES_MAX 32u
#define POLICY_GROUPS_MAX 32u
#define POLICY_NAME_MAX 63u
#define POLICY_URL_MAX 255u
#define POLICY_NODES (POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX)
#define POLICY_NONE POLICY_NODES /* as a quorum: no cosignature is asked for */

struct policy_witness {
	char name[POLICY_NAME_MAX + 1]; /* within this file; the key has a name of its own */
	struct note_key key;
	char url[POLICY_URL_MAX + 1]; /* "": none */
};

struct policy {
	unsigned n_logs, n_witnesses, n_groups;
	struct note_key log[POLICY_LOGS_MAX];
	struct policy_witness witness[POLICY_WITNESSES_MAX];
	struct {
		char name[POLICY_NAME_MAX + 1];
		unsigned k, n; /* members that must have cosigned, of so many */
	} group[POLICY_GROUPS_MAX];
	/* A node is a witness (its index) or a group (POLICY_WITNESSES_MAX + its index). Of each:
	 * the group that it is a member of; POLICY_NODES: of none. */
	unsigned member_of[POLICY_NODES];
	unsigned quorum; /* a node, or POLICY_NONE */
};

/**
 * Reads a policy.
 *
 * @text  n bytes
 * @line  out, on failure: the number of the line that is wrong; 0: the file as a whole
 * @why   out, on failure: a static clause, "what is wrong; what to do"
 *
 * Returns 0 or TG_EINVAL.
 */
int policy_scan(struct sha256 *h, const char *text, size_t n, struct policy *out, unsigned *line,
	const char **why);

/** Returns whether these witnesses are enough. @cosigned: bit i stands for witness i. */
bool policy_is_met(const struct policy *p, uint64_t cosigned);

/* What a policy says of a checkpoint. */
struct policy_finding {
	uint64_t cosigned;          /* bit i: witness i has cosigned it */
	unsigned n;                 /* bits that are set */
	uint64_t first_s, last_s;   /* when, by the witnesses' own clocks: Unix seconds; 0: never */
	const struct note_key *log; /* the listed key that signed it; NULL: none was asked for */
	const struct policy_witness *wrong; /* of TG_ESIGNATURE, where a witness's is wrong */
};

/**
 * Checks a signed checkpoint: that a log of the policy signed it, if the policy lists any, as the
 * checkpoint of the log of that name; and that witnesses cosigned it as the quorum asks. Where the
 * policy lists no log the caller has checked the log's signature.
 *
 * @out  filled in also on failure, as far as it was found
 *
 * Returns 0; TG_EINVAL: no checkpoint; TG_ENOENT: no log of the policy has signed it;
 * TG_ESIGNATURE: a signature of a known key is wrong; TG_EPOLICY: too few cosignatures; TG_ENOMEM.
 */
int policy_check(const struct policy *p, const struct note *note, struct policy_finding *out);

#endif
