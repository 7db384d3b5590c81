/* claim.h: what get has beyond take: the claim, the read under it, the declared digest, and the ack with its receipt. */
#ifndef CLI_CLAIM_H
#define CLI_CLAIM_H

#include <jansson.h>
#include <timeglas/timeglas.h>
#include "cli/options.h"
#include "cli/spool.h"

struct claiming {
	uint64_t lease_s;         /* 0: not said */
	uint64_t max_size;        /* 0: TG_MAX_SIZE */
	const char *receipt_path; /* NULL: nobody wants it */
	struct spool *receipt;
	tg_claim claim;
	json_t *said;             /* the receipt; NULL: not acked */
};

/** claiming_prepare(o, k): before anything is claimed. Returns 0 or an exit status, having said what is wrong. */
int claiming_prepare(const struct options *o, struct claiming *k);
/** claiming_fetch(k, c, id, sealed, blob): claim and read. Returns 0 or an exit status, having said what is wrong. */
int claiming_fetch(struct claiming *k, tg_client *c, const char *id, struct spool *sealed, tg_blob *blob);
/** claiming_digest(k, sealed, why): is it what its uploader declared? 0, TG_EDIGEST, or what kept it from being read, with a sentence. */
int claiming_digest(const struct claiming *k, struct spool *sealed, char why[256]);
/**
 * claiming_ack(k, c, err): tell the buffer what came of it: err of the checks, 0 for all well. What failed on this machine alone is not acked: the
 * lease runs out. Returns 0 or a TG_E… of the client's; k->said is the receipt.
 */
int claiming_ack(struct claiming *k, tg_client *c, int err);
/** claiming_receipt(k): write it where it is wanted. Returns 0 or an exit status, having said what is wrong. */
int claiming_receipt(struct claiming *k);
void claiming_free(struct claiming *k);

#endif
