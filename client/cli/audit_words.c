/* audit_words.c: tables of words. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_words.h"
#include "core/hex.h"
#include "core/time.h"

struct word {
	const char *name, *meaning;
};

static const struct word causes[] = {
	{"consumed", "its one reader has read it"},
	{"expired", "its time was over before anybody read it"},
	{"lease-expired", "a reader had claimed it and did not finish in time"},
	{"session-closed", "the session that it belonged to was closed"},
	{"session-expired", "that session's time was over"},
	{"session-idle", "nothing happened in that session for too long"},
	{"erased", "its uploader or an operator asked for it"},
	{"replaced", "its uploader sent a newer one in its place"},
	{"aborted", "its upload came to nothing; nobody could read it"},
	{"store-lost", "the memory that held it was lost; it was not erased by rule"},
	{"store-reverted", "the store forgot it in a failover; it was not erased by rule"},
	{"(not given)", "its end stands in files that were not given"},
};

static const struct word outcomes[] = {
	{"ok", "the reader could use it"},
	{"decrypt-failed", "the reader could not open it"},
	{"bad-signature", "the sender's signature was wrong"},
	{"mislabelled", "it was not what it was declared to be"},
	{"rejected", "the reader refused it"},
};

static const char *meaning(const struct word *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].meaning;
	return "";
}

const char *audit_words_cause(const char *cause)
{
	return meaning(causes, sizeof causes / sizeof causes[0], cause);
}

const char *audit_words_outcome(const char *outcome)
{
	return meaning(outcomes, sizeof outcomes / sizeof outcomes[0], outcome);
}

const char *audit_words_advice(void)
{
	return "What to do: keep these files as they are, with every receipt. Copy the evidence "
	       "anew, and from another machine or a backup, and check that; ask the operator about "
	       "each line above (docs/evidence.md, Checking).";
}

const char *audit_words_issuer(int dk)
{
	return dk < 0 ? "-" : dk ? "Danish" : "other";
}

char *audit_words_key(const uint8_t key[CHAIN_KEY], char out[AUDIT_WORDS_KEY])
{
	strcpy(out, CHAIN_PUBLIC);
	tg_hex_encode(key, CHAIN_KEY, out + strlen(out));
	return out;
}

char *audit_words_log_key(
	const char *origin, const uint8_t key[CHAIN_KEY], char out[AUDIT_WORDS_LOG_KEY])
{
	struct sha256 *h = origin[0] != '\0' ? sha256_new() : NULL;
	struct note_key k;

	out[0] = '\0';
	if (h != NULL && note_key_make(h, origin, NOTE_ED25519, key, &k) == 0)
		note_key_text(&k, out);
	sha256_free(h);
	return out;
}

static char *two_units(int64_t s, int64_t unit_s, const char *unit, int64_t part_s,
	const char *part, char out[AUDIT_WORDS_DURATION])
{
	int64_t parts = s % unit_s / part_s;

	if (parts > 0)
		snprintf(out, AUDIT_WORDS_DURATION, "%" PRId64 " %s %" PRId64 " %s", s / unit_s,
			unit, parts, part);
	else
		snprintf(out, AUDIT_WORDS_DURATION, "%" PRId64 " %s", s / unit_s, unit);
	return out;
}

char *audit_words_duration(int64_t us, char out[AUDIT_WORDS_DURATION])
{
	int64_t s = us / 1000000;

	if (s >= 86400)
		return two_units(s, 86400, "d", 3600, "h", out);
	if (s >= 3600)
		return two_units(s, 3600, "h", 60, "min", out);
	if (s >= 60)
		return two_units(s, 60, "min", 1, "s", out);
	if (us >= 1000000)
		snprintf(out, AUDIT_WORDS_DURATION, "%.1f s", (double)us / 1e6);
	else if (us >= 100000)
		snprintf(out, AUDIT_WORDS_DURATION, "%" PRId64 " ms", us / 1000);
	else
		snprintf(out, AUDIT_WORDS_DURATION, "%.1f ms", (double)us / 1e3);
	return out;
}

char *audit_words_held(int64_t us, int64_t limit_us, char out[AUDIT_WORDS_HELD])
{
	char held[AUDIT_WORDS_DURATION], over[AUDIT_WORDS_DURATION];

	if (us > limit_us)
		snprintf(out, AUDIT_WORDS_HELD, "%s + %s", audit_words_duration(limit_us, held),
			audit_words_duration(us - limit_us, over));
	else
		snprintf(out, AUDIT_WORDS_HELD, "%s", audit_words_duration(us, held));
	return out;
}

char *audit_words_minute(int64_t unix_ms, char out[AUDIT_WORDS_DURATION])
{
	char text[TG_TIME_LEN + 1];

	tg_time_format(unix_ms, text);
	snprintf(out, AUDIT_WORDS_DURATION, "%.10s %.5s", text, text + 11);
	return out;
}
