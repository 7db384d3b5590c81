/* opening.h: shared by open, take and get: what the options demand of a sealed file, and how its
 * head is shown. */
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
 * Loads the keys and reads the demands.
 *
 * @max_age_s  the most that --max-age may say
 * @u          opening_free() frees it, also on failure
 *
 * Returns 0, or an exit status after having said what is wrong.
 */
int opening_prepare(const struct cmdline *o, uint64_t max_age_s, struct opening *u);

/** Frees and wipes what u holds, but not u. */
void opening_free(struct opening *u);

/** Returns the head as a JSON object, a new reference; NULL without memory. */
json_t *opening_head_json(const tg_head *h);

/** Tells people what was opened and who signed it. NULL: it was raw, so nobody did. */
void opening_head_note(const tg_head *h);

#endif
