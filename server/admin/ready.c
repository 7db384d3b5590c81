/* ready.c: see ready.h. Runs in the admin process. */
#include <stdio.h>

#include "admin/ready.h"
#include "base/child.h"
#include "base/scoreboard.h"
#include "store/attestation.h"

struct facts {
	unsigned workers, up; /* workers that should run; that run and can use the store */
	bool reaper, draining, late;
	enum attest attest;
	enum wipe_state wipes;
	bool wipe_missing; /* it is required, and not known */
	char evidence[256];
};

static struct facts look(const struct metrics *m, unsigned workers, const struct conf *conf)
{
	struct facts f = {
		.workers = workers,
		.reaper = metrics_gauge_slot(m, CHILD_SLOT_REAPER(workers), G_STORE_UP) > 0,
		.draining = metrics_gauge(m, G_DRAINING) > 0,
		.late = scoreboard_evidence_late(conf->audit_max_lag_s),
		.attest = attestation(),
		.wipes = attestation_wipes(),
	};

	f.wipe_missing = conf->store_wipe == CONF_WIPE_REQUIRED && f.wipes != WIPE_ALL;
	for (unsigned i = 0; i < workers; i++)
		f.up += metrics_gauge_slot(m, CHILD_SLOT_WORKER(i), G_STORE_UP) > 0;
	scoreboard_evidence_text(f.evidence, sizeof f.evidence);
	return f;
}

static bool is_ready(const struct facts *f)
{
	return f->up == f->workers && f->reaper && attestation_ok(f->attest) && !f->wipe_missing &&
		!f->draining && !f->late && scoreboard_compared() && !scoreboard_replaced() &&
		attestation_writes() == WRITES_TAKEN;
}

static void write_reasons(const struct facts *f, struct jsonw *out)
{
	char text[sizeof f->evidence + 128];

	if (f->draining)
		jsonw_str(out, NULL, "the server is shutting down");
	if (f->up < f->workers) {
		snprintf(text, sizeof text,
			"%u of %u workers are not running or cannot use the store",
			f->workers - f->up, f->workers);
		jsonw_str(out, NULL, text);
	}
	if (!f->reaper)
		jsonw_str(out, NULL, "the reaper is not running or cannot use the store");
	if (!attestation_ok(f->attest)) {
		snprintf(text, sizeof text, "uploads are refused: %s", attestation_text(f->attest));
		jsonw_str(out, NULL, text);
	}
	if (f->wipe_missing && attestation_ok(f->attest)) {
		snprintf(text, sizeof text, "uploads are refused: %s",
			attestation_wipes_text(f->wipes));
		jsonw_str(out, NULL, text);
	}
	if (attestation_writes() != WRITES_TAKEN)
		jsonw_str(out, NULL, attestation_writes_text(attestation_writes()));
	if (f->late) {
		snprintf(text, sizeof text, "evidence is late, so nothing new is stored: %s",
			f->evidence);
		jsonw_str(out, NULL, text);
	}
	if (scoreboard_replaced())
		jsonw_str(out, NULL,
			"the store was flushed, or its epoch was written, while its Redis went on: "
			"find out who did that, then restart timeglasd");
	if (f->up == f->workers && !scoreboard_compared()) {
		snprintf(text, sizeof text,
			"reads are refused until the store has been compared with the evidence: %s",
			f->evidence);
		jsonw_str(out, NULL, text);
	}
}

static void write_store(enum attest found, const char *vouched_by, struct jsonw *out)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s%s%s",
		attestation_ok(found) ? "" : "not attested: ", attestation_text(found),
		found == ATTEST_VOUCHED ? ": " : "",
		found == ATTEST_VOUCHED && vouched_by != NULL ? vouched_by : "");
	jsonw_str(out, "store", text);
}

/* All processes of the server are one program with one environment, so this one tells for all. */
static void write_wiped(enum wipe_state store, struct jsonw *out)
{
	jsonw_open(out, "wiped", '{');
	jsonw_str(out, "server", attestation_wipes_word(wipe_self()));
	jsonw_str(out, "store", attestation_wipes_word(store));
	jsonw_str(out, "store_memory", wipe_state_text(store));
	jsonw_close(out, '}');
}

bool ready_text(
	const struct metrics *m, unsigned workers, const struct conf *conf, struct jsonw *out)
{
	const struct facts f = look(m, workers, conf);
	const bool ready = is_ready(&f);

	jsonw_open(out, NULL, '{');
	jsonw_bool(out, "ready", ready);
	jsonw_open(out, "reasons", '[');
	write_reasons(&f, out);
	jsonw_close(out, ']');
	write_store(f.attest, conf->store_attested_by, out);
	write_wiped(f.wipes, out);
	jsonw_str(out, "evidence", f.evidence);
	jsonw_close(out, '}');
	return ready;
}
