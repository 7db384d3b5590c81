/* announce.c: see announce.h. It decides nothing about the recording. */
#include <errno.h>
#include <string.h>
#include <timeglas/errors.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/note.h"
#include "recorder/announce.h"

/* A distant store takes a while to connect to. Before that time it is not announced as missing. */
#define CONNECT_US 3000000u
/* Another recorder that has only just begun will soon say how far it is. It is not announced
 * without that before this time. */
#define BEGIN_US 2000000u

void announce_init(struct announce *a, const struct conf *conf)
{
	*a = (struct announce){
		.conf = conf, .began_us = clock_mono_us(), .last = EVIDENCE_STARTING};
}

void announce_evidence(struct announce *a, enum evidence e, int error)
{
	const struct conf *c = a->conf;
	char text[256];

	scoreboard_set_evidence(e, error);
	if (a->last == e)
		return;
	a->last = e;
	scoreboard_evidence_text(text, sizeof text);
	if (e == EVIDENCE_RECORDING || e == EVIDENCE_ELSEWHERE)
		log_info("evidence", "%s", text);
	else
		log_error("evidence", "%s (audit_log %s, audit_key %s)", text, c->audit_log,
			c->audit_key != NULL ? c->audit_key : "beside it");
}

void announce_file_failed(struct announce *a, int err)
{
	int error = err == TG_EIO ? errno : err == TG_ENOMEM ? ENOMEM : 0;

	const enum evidence e = err == TG_EINVAL ? EVIDENCE_DAMAGED :
		err == TG_ENOENT                 ? EVIDENCE_NO_TREE :
		err == TG_ECLAIMED               ? EVIDENCE_IN_USE :
						   EVIDENCE_NO_FILE;

	announce_evidence(a, e, error);
}

void announce_key_failed(struct announce *a, int err)
{
	enum evidence e = err == TG_ECLAIMED ? EVIDENCE_IN_USE :
		err == TG_ESIGNATURE         ? EVIDENCE_LOST_KEY :
					       EVIDENCE_NO_KEY;

	announce_evidence(a, e, err == TG_EIO ? errno : 0);
}

void announce_disconnected(struct announce *a)
{
	if (a->last == EVIDENCE_NO_FILE || a->last == EVIDENCE_DAMAGED ||
		a->last == EVIDENCE_NO_TREE)
		return;
	if (a->last == EVIDENCE_STARTING && clock_mono_us() - a->began_us <= CONNECT_US)
		return;
	announce_evidence(a, EVIDENCE_NO_STORE, 0);
}

void announce_elsewhere(struct announce *a, const struct outbox_lease *answer, uint64_t asked_us,
	uint64_t waited_us)
{
	const int64_t age_ms = answer->now_ms - answer->caught_up_ms;

	if (answer->caught_up_ms > 0 || waited_us > BEGIN_US)
		announce_evidence(a, EVIDENCE_ELSEWHERE, 0);
	if (answer->head_n > 0)
		scoreboard_set_head(answer->head_n, answer->head);
	if (age_ms >= 0 && answer->caught_up_ms > 0 && (uint64_t)age_ms * 1000 < asked_us)
		scoreboard_set_caught_up(asked_us - (uint64_t)age_ms * 1000);
}

void announce_head(const struct ledger *l)
{
	uint8_t hash[CHAIN_HASH];
	uint64_t n = ledger_head(l, hash);

	if (n > 0)
		scoreboard_set_head(n, hash);
}

void announce_log(
	const struct announce *a, const struct ledger *l, const uint8_t secret[CHAIN_SECRET])
{
	const char *asked = a->conf->audit_origin, *origin = ledger_origin(l);
	const uint8_t *public = secret + CHAIN_SECRET - CHAIN_KEY; /* Ed25519: its second half */
	struct sha256 *h = sha256_new();
	char text[NOTE_KEY_TEXT_MAX];
	struct note_key k;

	if (h != NULL && note_key_make(h, origin, NOTE_ED25519, public, &k) == 0)
		log_info("audit-key", "for witnesses and policies: %s", note_key_text(&k, text));
	sha256_free(h);
	if (asked != NULL && strcmp(asked, origin) != 0)
		log_warn("config",
			"audit_origin = %s is not in force: the log keeps the name %s that it "
			"began with; set that, or move the log and its tiles away to begin another",
			asked, origin);
}
