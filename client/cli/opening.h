/* opening.h: what open, take and get share: what the options demand of a sealed file, and telling
 * about its head. */
#ifndef CLI_OPENING_H
#define CLI_OPENING_H

#include <jansson.h>
#include <timeglas/timeglas.h>
#include "cli/cmdline.h"
#include "cli/material.h"
#include "cli/values.h"

struct opening {
	struct material keys;
	struct labels labels;
	tg_expect expect; /* borrows from the two */
};

/**
 * opening_prepare(o, max_age_s, u): load and check what opening needs. max_age_s: the most that
 * --max-age may say. Returns 0 or an exit status, having said what is wrong. Free with
 * opening_free() in either case.
 */
int opening_prepare(const struct cmdline *o, uint64_t max_age_s, struct opening *u);
void opening_free(struct opening *u);

/** opening_head_json(h): the head as a JSON object. */
json_t *opening_head_json(const tg_head *h);
/** opening_head_note(h): a line for people about what was opened, and who signed it. NULL: it was
 * raw, and what that means. */
void opening_head_note(const tg_head *h);

#endif
