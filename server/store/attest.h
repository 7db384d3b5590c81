/*
 * attest.h: is a Redis volatile, and does it never evict? Judged from what CONFIG GET and INFO say
 * of it. Pure: store_attest() asks.
 */
#ifndef STORE_ATTEST_H
#define STORE_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/attestation.h"

#define ATTEST_VALUE 24 /* of a setting; a longer one is cut, and is none that is asked for */

#define ATTEST_DENIED 96 /* of a list of commands; a longer one is cut */

struct attest_facts {
	char denied[ATTEST_DENIED]; /* commands that the store's user may not run, or "" */
	bool info_barred, config_barred;
	/* does it take what an upload writes? Not for attest_judge() */
	enum writes writes;
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
	bool vouched;  /* the operator vouches where CONFIG is barred */
	bool embedded; /* ours: logs are closed too */
};

/** attest_config_names: what CONFIG GET is asked for, NULL at the end. */
extern const char *const attest_config_names[];
/** attest_read_config(f, name, value): one pair of CONFIG GET's answer. */
void attest_read_config(struct attest_facts *f, const char *name, const char *value);
/** attest_read_info(f, text): INFO's answer: sections persistence, memory and replication. */
void attest_read_info(struct attest_facts *f, const char *text);
/** attest_judge(f, o, saved): saved: last_save_s of an earlier look, 0 at the first. The worst that
 * is true. */
enum attest attest_judge(const struct attest_facts *f, const struct attest_opts *o, uint64_t saved);
/** info_text(info, name, out, cap): the value of "name:value\r\n" in an INFO text; "" when it is
 * not there. */
void info_text(const char *info, const char *name, char *out, size_t cap);

#endif
