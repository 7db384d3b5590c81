/*
 * claim.c: the buffer's side of get. It opens and judges nothing: what came of the checks is the caller's to say. Runs in the timeglas command.
 * docs/openapi.yaml, timeglas(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/claim.h"
#include "cli/digest.h"
#include "cli/material.h"
#include "cli/output.h"
#include "core/num.h"

int claiming_prepare(const struct options *o, struct claiming *k)
{
	int err = option_duration(o, OPT_LEASE, TG_LEASE_MAX_S, &k->lease_s);

	if (err != 0)
		return err;
	if (options_given(o, OPT_LEASE) && k->lease_s == 0)
		return cli_usage("--lease is at least 1 second");
	k->receipt_path = options_text(o, OPT_RECEIPT);
	if (k->receipt_path == NULL)
		return 0;
	if (strcmp(k->receipt_path, "-") == 0)
		return cli_usage("--receipt takes a file; with --json the receipt stands in the object, too");
	if (spool_new(k->receipt_path, &k->receipt) != 0)
		return cli_fail(TG_EIO, "nothing was fetched: cannot write %s: %s", k->receipt_path, strerror(errno));
	return 0;
}

int claiming_fetch(struct claiming *k, tg_client *c, const char *id, struct spool *sealed, tg_blob *blob)
{
	int err;

	k->claim.struct_size = sizeof k->claim;
	err = tg_client_claim(c, id, (uint32_t)k->lease_s, &k->claim);
	if (err != 0)
		return cli_fail_client(c, err);
	if (k->claim.size > (k->max_size != 0 ? k->max_size : TG_MAX_SIZE))
		return cli_fail(TG_ETOOBIG, "the blob has %" PRIu64 " bytes, more than --max-size allows: nothing of it was read; the buffer erases it when the lease ends",
				k->claim.size);
	errno = 0;
	err = tg_client_read(c, &k->claim, spool_write, sealed, blob);
	if (err == TG_EIO)
		return cli_fail(err, "cannot write it: %s; the buffer erases it when the lease ends, at %s", strerror(errno), k->claim.lease_deadline);
	if (err != 0)
		return cli_fail_client(c, err);
	memcpy(blob->blob, id, strlen(id) + 1);
	return 0;
}

static long read_spool(void *spool, void *p, size_t cap)
{
	ssize_t n;

	do
		n = read(spool_fd(spool), p, cap);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : TG_EIO;
}

int claiming_digest(const struct claiming *k, struct spool *sealed, char why[256])
{
	uint8_t is[DIGEST_BYTES], said[DIGEST_BYTES];
	int err;

	if (k->claim.sha256[0] == '\0')
		return 0;
	err = spool_rewind(sealed);
	if (err == 0)
		err = digest(read_spool, sealed, is);
	if (err != 0)
		snprintf(why, 256, "cannot read it again: %s", err == TG_EIO ? strerror(errno) : tg_strerror(err));
	else if (tg_hex_decode(k->claim.sha256, strlen(k->claim.sha256), said, sizeof said) != 0 || sodium_memcmp(is, said, sizeof is) != 0) {
		snprintf(why, 256, "it is not what its uploader declared: its SHA-256 differs");
		err = TG_EDIGEST;
	}
	return err;
}

int claiming_receipt(struct claiming *k)
{
	char *text = k->receipt != NULL && k->said != NULL ? json_dumps(k->said, JSON_COMPACT) : NULL;
	int err = TG_ENOMEM;

	if (k->receipt == NULL || k->said == NULL)
		return 0;
	if (text != NULL)
		err = spool_write(k->receipt, text, strlen(text));
	if (err == 0)
		err = spool_write(k->receipt, "\n", 1);
	if (err == 0)
		err = spool_commit(k->receipt);
	free(text);
	if (err == 0)
		return 0;
	return cli_fail(TG_EIO, "the blob is fetched and erased, but its receipt could not be written to %s: %s", k->receipt_path, strerror(errno));
}

int claiming_ack(struct claiming *k, tg_client *c, int err)
{
	const char *outcome = cli_outcome(err);

	if (outcome == NULL)
		return 0;
	err = tg_client_ack(c, &k->claim, outcome, NULL);
	if (err == 0)
		k->said = json_loads(tg_client_json(c), 0, NULL);
	return err;
}

void claiming_free(struct claiming *k)
{
	spool_free(k->receipt);
	json_decref(k->said);
	sodium_memzero(&k->claim, sizeof k->claim);
}
