/*
 * attest.c: judges a Redis by its settings and its INFO. It asks nothing (store_attest.c does), and
 * cannot see what a provider does below Redis. Pure; used by the reaper.
 */
#include <stdlib.h>
#include <string.h>

#include "store/attest.h"

const char *const attest_config_names[] = {"save", "appendonly", "maxmemory-policy",
	"repl-diskless-sync", "repl-diskless-load", "slowlog-log-slower-than", "crash-log-enabled",
	NULL};

/* The value of "name:value" in an INFO text; "" when it is not there. */
static void info_text(const char *info, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name), len;
	const char *at = info;

	out[0] = '\0';
	while (at != NULL) {
		if (strncmp(at, name, n) == 0 && at[n] == ':') {
			len = strcspn(at + n + 1, "\r\n");
			if (len >= cap)
				len = cap - 1;
			memcpy(out, at + n + 1, len);
			out[len] = '\0';
			return;
		}
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
}

static void set(char out[ATTEST_VALUE], const char *value)
{
	out[0] = '\0';
	strncat(out, value, ATTEST_VALUE - 1);
}

void attest_read_config(struct attest_facts *f, const char *name, const char *value)
{
	if (strcmp(name, "save") == 0)
		f->no_save = value[0] == '\0';
	else if (strcmp(name, "appendonly") == 0)
		f->no_append = strcmp(value, "no") == 0;
	else if (strcmp(name, "maxmemory-policy") == 0)
		set(f->policy, value);
	else if (strcmp(name, "repl-diskless-sync") == 0)
		set(f->sync, value);
	else if (strcmp(name, "repl-diskless-load") == 0)
		set(f->load, value);
	else if (strcmp(name, "slowlog-log-slower-than") == 0)
		f->leaks = f->leaks || value[0] != '-';
	else if (strcmp(name, "crash-log-enabled") == 0)
		f->leaks = f->leaks || strcmp(value, "no") != 0;
}

void attest_read_info(struct attest_facts *f, const char *text)
{
	char value[ATTEST_VALUE];

	info_text(text, "aof_enabled", value, sizeof value);
	f->aof = strcmp(value, "0") != 0;
	info_text(text, "rdb_bgsave_in_progress", value, sizeof value);
	f->bgsave = strcmp(value, "0") != 0;
	info_text(text, "rdb_last_save_time", value, sizeof value);
	f->last_save_s = strtoull(value, NULL, 10);
	info_text(text, "maxmemory_policy", f->info_policy, sizeof f->info_policy);
	info_text(text, "role", value, sizeof value);
	f->replica = strcmp(value, "slave") == 0;
	f->syncing = strstr(text, "state=wait_bgsave") != NULL ||
		strstr(text, "state=send_bulk") != NULL;
}

/* What INFO alone shows. A child that sends everything to a replica counts as a bgsave, too, so one
 * is accepted while a replica is being synced; whether it writes a file is judged by CONFIG. */
static enum attest judge_info(const struct attest_facts *f, uint64_t saved)
{
	if (f->aof)
		return ATTEST_AOF;
	if (strcmp(f->info_policy, "noeviction") != 0)
		return ATTEST_EVICTS;
	if ((f->bgsave && !f->syncing) || (saved != 0 && f->last_save_s != saved))
		return ATTEST_SNAPSHOT;
	return ATTEST_SEEN;
}

static enum attest judge_config(const struct attest_facts *f, const struct attest_opts *o)
{
	if (!f->no_append)
		return ATTEST_AOF;
	if (!f->no_save)
		return ATTEST_RDB;
	if (strcmp(f->policy, "noeviction") != 0)
		return ATTEST_EVICTS;
	if (strcmp(f->sync, "yes") != 0)
		return ATTEST_SYNC_SEND;
	if (f->replica && strcmp(f->load, "swapdb") != 0)
		return ATTEST_SYNC_LOAD;
	return o->embedded && f->leaks ? ATTEST_LEAKS : ATTEST_SEEN;
}

enum attest attest_judge(const struct attest_facts *f, const struct attest_opts *o, uint64_t saved)
{
	if (f->denied[0] != '\0')
		return ATTEST_RIGHTS;
	enum attest a = f->info_barred ? ATTEST_BLIND : judge_info(f, saved);

	if (a != ATTEST_SEEN)
		return a;
	if (!f->config_barred)
		return judge_config(f, o);
	return o->vouched ? ATTEST_VOUCHED : ATTEST_BARRED;
}
