/*
 * attest.h: judges whether a Redis is volatile, and never evicts, by what CONFIG GET and INFO say
 * of it (docs/store.md, "Attestation"). Pure: store_attest.h asks.
 */
#ifndef STORE_ATTEST_H
#define STORE_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/attestation.h"

/* Room for a setting's value. A longer one is cut, and is then none of those that are accepted. */
#define ATTEST_VALUE 24
#define ATTEST_DENIED 96 /* room for a list of commands; a longer one is cut */

struct attest_facts {
	char denied[ATTEST_DENIED]; /* commands that the store's user may not run, or "" */
	bool info_barred, config_barred;
	/* does it take what an upload writes? attest_judge() does not look at it */
	enum writes writes;
	/* so much it overwrites, if it was asked; attest_judge() does not look at it either */
	enum wipe_state wipes;
	/* of INFO */
	bool aof, bgsave, syncing, replica; /* syncing: a replica is being sent everything now */
	uint64_t last_save_s;
	char info_policy[ATTEST_VALUE];
	/* of CONFIG GET */
	bool no_save, no_append;
	bool leaks; /* the slow log or the crash log may hold arguments */
	char policy[ATTEST_VALUE], sync[ATTEST_VALUE], load[ATTEST_VALUE];
};

struct attest_opts {
	bool vouched;  /* the operator vouches for it, should CONFIG be barred */
	bool embedded; /* the embedded Redis: its slow log and crash log must be off, too */
};

/** attest_config_names: the settings that CONFIG GET is asked for; NULL at the end. */
extern const char *const attest_config_names[];
/** attest_read_config(f, name, value): notes one setting of CONFIG GET's answer in f. */
void attest_read_config(struct attest_facts *f, const char *name, const char *value);
/** attest_read_info(f, text): notes INFO's answer, of the sections persistence, memory and
 * replication, in f. */
void attest_read_info(struct attest_facts *f, const char *text);
/** attest_judge(f, o, saved): the worst that is true. saved: last_save_s of an earlier look; 0:
 * this is the first. */
enum attest attest_judge(const struct attest_facts *f, const struct attest_opts *o, uint64_t saved);

#endif
