/*
 * attestor.c: see attestor.h. store/attest.c judges the store; the API decides whether an upload is
 * then refused. When no look succeeds, the answer on the scoreboard grows old, and after three
 * seconds uploads are refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scoreboard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "reaper/attestor.h"
#include "store/attest.h"
#include "store/attestation.h"
#include "store/store_attest.h"

/* A snapshot that was written cannot be taken back. For so long uploads are refused, so that
 * whoever had it written notices. */
#define SNAPSHOT_HOLD_US 10000000u
/* The allocator is asked on each connection, and again after that: what it does is settled when
 * Redis starts, and the answer costs Redis a millisecond. */
#define WIPE_EVERY_US 60000000u

/* What was last reported to the evidence: a value of enum attest, or of enum wipe_state. */
struct report {
	int told; /* NOT_TOLD: nothing on this connection */
	bool under_way;
};
#define NOT_TOLD (-1)

struct attestor {
	struct store *store;
	const char *vouched_by; /* NULL: nobody */
	bool embedded;
	enum conf_wipe wipe;   /* store_wipe of the configuration */
	enum wipe_state wipes; /* as found last; with wipe_us 0: not found yet */
	uint64_t wipe_us; /* when the allocator was asked last on this connection; 0: not yet */
	bool wipe_asked;  /* by the look under way */
	enum { NOT_LOOKING, LOOKING } look;
	uint64_t last_save_s; /* the store's last snapshot; 0: not seen yet on this connection */
	uint64_t saved_us;    /* when a snapshot was seen that is not the one before; 0: never */
	enum attest last;     /* as found last */
	struct report volatility, wiping;
	enum writes writes; /* as found last */
	char denied[ATTEST_DENIED];
};

/* Of server and store the worse counts. */
static void set_wiped(enum wipe_state store)
{
	const enum wipe_state here = wipe_self();
	const bool no = here == WIPE_NONE || here == WIPE_FREED || store == WIPE_NONE ||
		store == WIPE_FREED;

	attestation_set_wipes(store);
	metrics_gauge_set(G_WIPING, no ? 0 : here == WIPE_ALL && store == WIPE_ALL ? 1 : -1);
}

struct attestor *attestor_new(const struct conf *conf, bool embedded)
{
	struct attestor *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->vouched_by = conf->store_attested_by;
	a->embedded = embedded;
	a->wipe = (enum conf_wipe)conf->store_wipe;
	a->last = ATTEST_NOT_YET;
	a->volatility.told = a->wiping.told = NOT_TOLD;
	set_wiped(WIPE_UNKNOWN);
	return a;
}

void attestor_free(struct attestor *a)
{
	free(a);
}

void attestor_down(struct attestor *a)
{
	a->wipe_us = 0;
	set_wiped(WIPE_UNKNOWN);
	a->look = NOT_LOOKING;
	a->last_save_s = 0;
	a->saved_us = 0;
	a->last = ATTEST_NOT_YET;
	a->volatility.told = a->wiping.told = NOT_TOLD;
	attestation_set(ATTEST_NOT_YET);
	attestation_set_writes(
		WRITES_TAKEN); /* that there is no connection is announced elsewhere */
	metrics_gauge_set(G_ATTESTED, 0);
}

/* Returns who vouches for what was found; "": nobody has to. */
static const char *vouching(const struct attestor *a, enum attest found)
{
	return found == ATTEST_VOUCHED ? a->vouched_by : "";
}

static void log_found(const struct attestor *a, enum attest found)
{
	if (found == ATTEST_VOUCHED)
		log_warn("store-vouched", "%s: '%s' (store_attested_by)", attestation_text(found),
			a->vouched_by);
	else if (attestation_ok(found))
		log_info("store-attested", "%s", attestation_text(found));
	else
		log_error("store-not-attested", "uploads are refused: %s", attestation_text(found));
}

/* Judges what was seen. A new snapshot alone is a reason to refuse for SNAPSHOT_HOLD_US. */
static enum attest judge(struct attestor *a, const struct attest_facts *f)
{
	const struct attest_opts o = {.vouched = a->vouched_by != NULL, .embedded = a->embedded};
	enum attest found = attest_judge(f, &o, a->last_save_s);
	uint64_t now = clock_mono_us();

	if (a->last_save_s != 0 && f->last_save_s != a->last_save_s)
		a->saved_us = now;
	a->last_save_s = f->last_save_s;
	if (attestation_ok(found) && a->saved_us != 0 && now - a->saved_us < SNAPSHOT_HOLD_US)
		found = ATTEST_SNAPSHOT;
	return found;
}

static void announce_writes(struct attestor *a, enum writes now)
{
	attestation_set_writes(now);
	if (now == a->writes)
		return;
	a->writes = now;
	if (now == WRITES_TAKEN)
		log_info("store-writes", "%s again", attestation_writes_text(now));
	else
		log_warn("store-writes", "%s", attestation_writes_text(now));
}

static void announce_wiping(struct attestor *a, enum wipe_state now)
{
	const bool first = a->wipe_us == 0;

	a->wipe_us = clock_mono_us();
	set_wiped(now);
	if (!first && now == a->wipes)
		return;
	a->wipes = now;
	if (now == WIPE_ALL)
		log_info("wipe", "%s", attestation_wipes_text(now));
	else if (a->wipe == CONF_WIPE_REQUIRED)
		log_error("wipe", "uploads are refused: %s", attestation_wipes_text(now));
	else
		log_warn("wipe", "%s", attestation_wipes_text(now));
}

static void on_reported(void *ctx, int err)
{
	struct report *r = ctx;

	r->under_way = false;
	if (err != 0)
		r->told = NOT_TOLD;
}

/* Sends a change to the outbox, for the evidence. If the store does not take it, the next look
 * sends it again. */
static void report(
	struct attestor *a, struct report *r, int found, const char *slug, const char *who)
{
	if (r->under_way || r->told == found)
		return;
	r->under_way = store_attest_tell(a->store, slug, who, on_reported, r) == 0;
	r->told = r->under_way ? found : NOT_TOLD;
}

static void report_changes(struct attestor *a)
{
	report(a, &a->volatility, (int)a->last, attestation_slug(a->last), vouching(a, a->last));
	if (a->wipe_us != 0)
		report(a, &a->wiping, (int)a->wipes, attestation_wipes_slug(a->wipes), "");
}

static void on_facts(void *ctx, int err, const struct attest_facts *f)
{
	struct attestor *a = ctx;
	enum attest found;

	a->look = NOT_LOOKING;
	if (err != 0)
		return; /* the answer on the scoreboard grows old */
	found = judge(a, f);
	announce_writes(a, f->writes);
	if (a->wipe_asked)
		announce_wiping(a, f->wipes);
	attestation_set_denied(f->denied);
	attestation_set(found);
	metrics_gauge_set(G_ATTESTED, attestation_ok(found));
	if (found != a->last || strcmp(f->denied, a->denied) != 0) {
		a->last = found;
		strcpy(a->denied, f->denied);
		log_found(a, found);
	}
	report_changes(a);
}

void attestor_refused(struct attestor *a, const char *why)
{
	attestation_set_denied(why);
	attestation_set(ATTEST_RIGHTS);
	metrics_gauge_set(G_ATTESTED, 0);
	if (a->last != ATTEST_RIGHTS)
		log_found(a, ATTEST_RIGHTS);
	a->last = ATTEST_RIGHTS;
}

void attestor_ask(struct attestor *a, struct store *s)
{
	a->store = s;
	if (a->look == LOOKING)
		return;
	a->wipe_asked = a->wipe != CONF_WIPE_OFF &&
		(a->wipe_us == 0 || clock_mono_us() - a->wipe_us >= WIPE_EVERY_US);
	if (store_attest_ask(s, a->wipe_asked, on_facts, a) == 0)
		a->look = LOOKING;
}
