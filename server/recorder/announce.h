/*
 * announce.h: tells the other processes, by the scoreboard, whether evidence is recorded or why it
 * is not, up to when, and the last signed head. A change also goes to the log.
 */
#ifndef RECORDER_ANNOUNCE_H
#define RECORDER_ANNOUNCE_H

#include <stdint.h>

#include "base/scoreboard.h"
#include "conf/conf.h"
#include "recorder/ledger.h"
#include "store/outbox.h"

struct announce {
	const struct conf *conf; /* borrowed; names the files in the log */
	uint64_t began_us;       /* when the process began, by clock_mono_us() */
	enum evidence last;      /* what was announced last */
};

/** Begins with EVIDENCE_STARTING, which the scoreboard says by itself. */
void announce_init(struct announce *a, const struct conf *conf);
/** Announces e. error: the errno behind it; 0: none. */
void announce_evidence(struct announce *a, enum evidence e, int error);
/** Announces that the file cannot be written, or is damaged. err: of the ledger's call, which left
 * errno. */
void announce_file_failed(struct announce *a, int err);
/** Announces that the signing key cannot be used. err: of signing_key_open(), which left errno. */
void announce_key_failed(struct announce *a, int err);
/** Announces that there is no connection to the store. Does nothing in the process's first three
 * seconds, nor when the last announcement was about the file. */
void announce_disconnected(struct announce *a);
/**
 * Announces how far another server's recorder, which has the lease, says that it is.
 *
 * @answer     to the lease's call
 * @asked_us   when that call was sent, by clock_mono_us()
 * @waited_us  for how long the other one has had the lease
 */
void announce_elsewhere(struct announce *a, const struct outbox_lease *answer, uint64_t asked_us,
	uint64_t waited_us);
/** Announces the ledger's last signed head, if it has one. */
void announce_head(const struct ledger *l);

/** Writes into the log under which name and key the ledger's checkpoints are signed, as a witness
 * wants it; and warns when another name is configured. secret: of the signing key. */
void announce_log(
	const struct announce *a, const struct ledger *l, const uint8_t secret[CHAIN_SECRET]);

#endif
