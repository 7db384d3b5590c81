/*
 * attestor.c: looks at the store and says what it found. Whether uploads are then refused is the
 * API's affair; what is good or bad is attest.c's. The reaper process, which has its own connection
 * and is restarted at once: while nobody looks, nothing is stored (scoreboard.h: three seconds).
 */
#include <stdlib.h>
#include <string.h>

#include "base/scoreboard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "reaper/attestor.h"
#include "store/attest.h"

/* A snapshot that was written cannot be taken back; that long nothing is stored, so that whoever
 * did it notices. */
#define SNAPSHOT_HOLD_US 10000000u

struct attestor {
	struct store *store;
	const char *vouched_by; /* NULL: nobody */
	bool embedded, asked;
	uint64_t last_save_s; /* 0: not seen yet on this connection */
	uint64_t saved_us;    /* when another snapshot was noticed */
	enum attest last;
	enum attest told; /* what the evidence was told last, or is being told */
	bool telling;
	enum writes writes; /* as found last */
	char denied[ATTEST_DENIED];
};

struct attestor *attestor_new(const struct conf *conf, bool embedded)
{
	struct attestor *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->vouched_by = conf->store_attested_by;
	a->embedded = embedded;
	a->last = a->told = ATTEST_NOT_YET;
	return a;
}

void attestor_free(struct attestor *a)
{
	free(a);
}

void attestor_down(struct attestor *a)
{
	a->asked = false;
	a->last_save_s = 0;
	a->saved_us = 0;
	a->last = a->told = ATTEST_NOT_YET;
	scoreboard_set_attest(ATTEST_NOT_YET);
	scoreboard_set_writes(WRITES_TAKEN); /* that it cannot be reached is said otherwise */
	metrics_gauge_set(G_ATTESTED, 0);
}

static const char *who(const struct attestor *a, enum attest found)
{
	return found == ATTEST_VOUCHED ? a->vouched_by : "";
}

static void say(const struct attestor *a, enum attest found)
{
	if (found == ATTEST_VOUCHED)
		log_warn("store-vouched", "%s: '%s' (store_attested_by)",
			scoreboard_attest_text(found), a->vouched_by);
	else if (scoreboard_attest_ok(found))
		log_info("store-attested", "%s", scoreboard_attest_text(found));
	else
		log_error("store-not-attested", "uploads are refused: %s",
			scoreboard_attest_text(found));
}

static enum attest judge(struct attestor *a, const struct attest_facts *f)
{
	const struct attest_opts o = {.vouched = a->vouched_by != NULL, .embedded = a->embedded};
	enum attest found = attest_judge(f, &o, a->last_save_s);
	uint64_t now = clock_mono_us();

	if (a->last_save_s != 0 && f->last_save_s != a->last_save_s)
		a->saved_us = now;
	a->last_save_s = f->last_save_s;
	if (scoreboard_attest_ok(found) && a->saved_us != 0 && now - a->saved_us < SNAPSHOT_HOLD_US)
		found = ATTEST_SNAPSHOT;
	return found;
}

static void tell_writes(struct attestor *a, enum writes now)
{
	scoreboard_set_writes(now);
	if (now == a->writes)
		return;
	a->writes = now;
	if (now == WRITES_TAKEN)
		log_info("store-writes", "%s again", scoreboard_writes_text(now));
	else
		log_warn("store-writes", "%s", scoreboard_writes_text(now));
}

static void on_told(void *ctx, int err)
{
	struct attestor *a = ctx;

	a->telling = false;
	if (err != 0)
		a->told = ATTEST_NOT_YET;
}

/* Once a second until the store has taken it: the evidence is to have each change. */
static void tell(struct attestor *a)
{
	if (a->telling || a->told == a->last)
		return;
	a->told = a->last;
	a->telling = store_attested(a->store, scoreboard_attest_slug(a->last), who(a, a->last),
			     on_told, a) == 0;
	if (!a->telling)
		a->told = ATTEST_NOT_YET;
}

static void on_facts(void *ctx, int err, const struct attest_facts *f)
{
	struct attestor *a = ctx;
	enum attest found;

	a->asked = false;
	if (err != 0)
		return; /* what is on the scoreboard grows stale by itself */
	found = judge(a, f);
	tell_writes(a, f->writes);
	scoreboard_set_denied(f->denied);
	scoreboard_set_attest(found);
	metrics_gauge_set(G_ATTESTED, scoreboard_attest_ok(found));
	if (found != a->last || strcmp(f->denied, a->denied) != 0) {
		a->last = found;
		strcpy(a->denied, f->denied);
		say(a, found);
	}
	tell(a);
}

void attestor_refused(struct attestor *a, const char *why)
{
	scoreboard_set_denied(why);
	scoreboard_set_attest(ATTEST_RIGHTS);
	metrics_gauge_set(G_ATTESTED, 0);
	if (a->last != ATTEST_RIGHTS)
		say(a, ATTEST_RIGHTS);
	a->last = ATTEST_RIGHTS;
}

void attestor_ask(struct attestor *a, struct store *s)
{
	a->store = s;
	if (!a->asked)
		a->asked = store_attest(s, on_facts, a) == 0;
}
