/* unseal.h: what open, take and get share: what the options demand of a sealed file, and telling
 * about its head. */
#ifndef CLI_UNSEAL_H
#define CLI_UNSEAL_H

#include <jansson.h>
#include <timeglas/timeglas.h>
#include "cli/material.h"
#include "cli/options.h"

struct unseal {
	struct material keys;
	struct labels labels;
	tg_expect expect; /* borrows from the two */
};

/**
 * unseal_prepare(o, max_age_s, u): load and check what opening needs. max_age_s: the most that
 * --max-age may say. Returns 0 or an exit status, having said what is wrong. Free with
 * unseal_free() in either case.
 */
int unseal_prepare(const struct options *o, uint64_t max_age_s, struct unseal *u);
void unseal_free(struct unseal *u);

/** head_json(h): the head as a JSON object. */
json_t *head_json(const tg_head *h);
/** head_note(h): a line for people about what was opened, and who signed it. NULL: it was raw, and
 * what that means. */
void head_note(const tg_head *h);

#endif
