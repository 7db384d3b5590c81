/*
 * chain_sign.c: the cryptography of the evidence: hashes of lines, signatures of checkpoints. The
 * key signs heads and opens nothing. Runs in the recorder (signing) and in the timeglas command
 * (verifying). docs/evidence.md.
 */
#include <string.h>
#include <sodium.h>
#include <timeglas/errors.h>
#include "core/chain.h"
#include "core/chain_int.h"

/* Every signed message begins with this, so that no signature can be taken for one over anything
 * else. */
static const char domain[] = "timeglas-checkpoint-v1\n";
#define DOMAIN (sizeof domain - 1)

static size_t message(const char *p, size_t n, unsigned char out[DOMAIN + CHAIN_LINE_MAX])
{
	memcpy(out, domain, DOMAIN);
	memcpy(out + DOMAIN, p, n);
	return DOMAIN + n;
}

void chain_hash(const char *line, size_t n, uint8_t out[CHAIN_HASH])
{
	crypto_generichash(out, CHAIN_HASH, (const unsigned char *)line, n, NULL, 0);
}

void chain_sign(const char *p, size_t n, const uint8_t secret[CHAIN_SECRET], uint8_t sig[CHAIN_SIG])
{
	unsigned char m[DOMAIN + CHAIN_LINE_MAX];

	memset(sig, 0, CHAIN_SIG);
	if (n <= CHAIN_LINE_MAX)
		crypto_sign_detached(sig, NULL, m, message(p, n, m), secret);
}

int chain_check_verify(const char *line, const struct chain_check *c)
{
	unsigned char m[DOMAIN + CHAIN_LINE_MAX];

	if (c->signed_len > CHAIN_LINE_MAX)
		return TG_ESIGNATURE;
	return crypto_sign_verify_detached(c->sig, m, message(line, c->signed_len, m), c->key) ==
			0 ?
		0 :
		TG_ESIGNATURE;
}
