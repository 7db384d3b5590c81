/* audit_forged.h: records that neither the recorder nor a function of the store makes. */
#ifndef CLI_AUDIT_FORGED_H
#define CLI_AUDIT_FORGED_H

#include "core/chain.h"

/** Returns what is wrong with the record, or NULL: it may be what it says. What the recorder says
 * itself has no id, and what it found in the store has one. */
const char *audit_forged(const struct chain_record *r);

#endif
