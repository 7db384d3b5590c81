/* audit_plots.h: the drawings of the page of an audit, as inline SVG without scripts, fonts or
 * anything from elsewhere. */
#ifndef CLI_AUDIT_PLOTS_H
#define CLI_AUDIT_PLOTS_H

#include <stdio.h>
#include "cli/audit_days.h"
#include "cli/audit_rows.h"

/** Draws how many erasures were how late. */
void audit_plots_lateness(FILE *f, const struct audit_lateness *l);

/** Draws, for each kind, the median and the longest time that one was held, next to its limit. */
void audit_plots_held(FILE *f, const struct audit_rows *rows);

/** Draws how many blobs ended on each day. */
void audit_plots_days(FILE *f, const struct audit_days *days);

#endif
