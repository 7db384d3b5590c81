/* attestation.c: see attestation.h. It asks the store nothing (store_attest.c does) and judges
 * nothing (attest.c). Runs in every process. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/scoreboard.h"
#include "store/attestation.h"

#define STALE_US 3000000u

void attestation_set(enum attest a)
{
	scoreboard_set_found((unsigned)a);
}

enum attest attestation(void)
{
	uint64_t age_us;
	unsigned found;

	if (!scoreboard_attached())
		return ATTEST_UNWATCHED;
	if (!scoreboard_found(&found, &age_us))
		return ATTEST_NOT_YET;
	return age_us > STALE_US ? ATTEST_STALE : (enum attest)found;
}

void attestation_set_denied(const char *what)
{
	scoreboard_set_denied(what);
}

bool attestation_ok(enum attest a)
{
	return a <= ATTEST_UNWATCHED;
}

const char *attestation_slug(enum attest a)
{
#define X_(name, slug, text) slug,
	static const char *const slugs[] = {ATTESTATIONS(X_)};
#undef X_

	return (size_t)a < sizeof slugs / sizeof *slugs ? slugs[a] : "unknown";
}

static const char *rights_text(const char *text)
{
	static char out[256];
	char denied[SCOREBOARD_DENIED];

	scoreboard_denied(denied);
	snprintf(out, sizeof out, "%s: %s; allow it to this user, as docs/operations.md has it",
		text, denied);
	return out;
}

const char *attestation_text(enum attest a)
{
#define X_(name, slug, text) text,
	static const char *const texts[] = {ATTESTATIONS(X_)};
#undef X_

	if (a == ATTEST_RIGHTS)
		return rights_text(texts[a]);
	return (size_t)a < sizeof texts / sizeof *texts ? texts[a] : "unknown";
}

void attestation_set_writes(enum writes w)
{
	scoreboard_set_writes((unsigned)w);
}

void attestation_saw_full(void)
{
	scoreboard_set_full();
}

enum writes attestation_writes(void)
{
	enum writes found = (enum writes)scoreboard_writes();

	return found == WRITES_TAKEN && scoreboard_full_age_us() < STALE_US ? WRITES_FULL : found;
}

const char *attestation_writes_text(enum writes w)
{
#define X_(name, text) text,
	static const char *const texts[] = {ATTESTATION_WRITES(X_)};
#undef X_

	return (size_t)w < sizeof texts / sizeof *texts ? texts[w] : "unknown";
}

void attestation_set_wipes(enum wipe_state s)
{
	scoreboard_set_wipes((unsigned)s);
}

enum wipe_state attestation_wipes(void)
{
	return (enum wipe_state)scoreboard_wipes();
}

const char *attestation_wipes_word(enum wipe_state s)
{
	return s == WIPE_ALL ? "yes" : s == WIPE_UNKNOWN ? "unknown" : "no";
}

const char *attestation_wipes_slug(enum wipe_state s)
{
	static const char *const slug[] = {[WIPE_UNKNOWN] = "wiping-unknown",
		[WIPE_NONE] = "wiping-no",
		[WIPE_FREED] = "wiping-when-freed",
		[WIPE_ALL] = "wiping-yes"};

	return slug[s <= WIPE_ALL ? s : WIPE_UNKNOWN];
}

const char *attestation_wipes_text(enum wipe_state s)
{
	static const char *const text[] = {
		[WIPE_UNKNOWN] =
			"it cannot be told whether the store overwrites the memory that it frees: "
			"allow MEMORY MALLOC-STATS to this user, and run redis-server with the "
			"system's jemalloc and " WIPE_LIBRARY,
		[WIPE_NONE] = "the store does not overwrite the memory that it frees: "
			      "preload " WIPE_LIBRARY " into redis-server",
		[WIPE_FREED] = "the store overwrites memory when it is freed only, and neither "
			       "what moves nor what its buffers keep: preload " WIPE_LIBRARY
			       " into redis-server",
		[WIPE_ALL] = "the store says that it overwrites what it frees, moves and leaves "
			     "in buffers",
	};

	return text[s <= WIPE_ALL ? s : WIPE_UNKNOWN];
}
