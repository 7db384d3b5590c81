/*
 * rules.h: what an upload's header fields mean under the policy in force. Pure: no I/O, no clock,
 * no store. What only the store can know (is the session open?) is asked there.
 *
 * Where a function has *detail, it is set on every error to a static sentence for the client, which
 * says what to do.
 */
#ifndef API_RULES_H
#define API_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include "conf/conf.h"
#include "http/h1.h"
#include "store/types.h"

struct rules_upload {
	struct store_desc desc; /* all but tag, size_bytes and chunk_bytes; sha256 as declared */
	uint32_t ttl_s;
	bool has_digest;
	uint8_t digest[32]; /* the declared SHA-256 */
};

/**
 * Judges Timeglas-Kind, -Issuer, -Session, -Subject, -Ttl, -To, -Name and Content-Digest.
 *
 * @uploader  the peer that sends it
 * @head      the request's
 * @out       filled in. On a refusal other than TG_EINVAL its desc is, too, as far as a repeated
 *            upload is compared by it: a name is looked up before the policy counts
 *
 * Returns 0; TG_EINVAL: a field is malformed, empty or repeated; TG_EKIND, TG_EISSUER, TG_ETTL,
 * TG_ESESSION, TG_ESUBJECT, TG_ERECIPIENT or TG_EPROCESSOR.
 */
int rules_upload(const struct conf *conf, const struct conf_peer *uploader,
	const struct h1_head *head, struct rules_upload *out, const char **detail);
/**
 * Reads a Content-Digest (RFC 9530): a dictionary of byte sequences, of which sha-256 counts.
 *
 * @value  n bytes
 * @out    set when it has a sha-256
 * @found  set to whether it has
 *
 * Returns 0 or TG_EINVAL.
 */
int rules_content_digest(const char *value, size_t n, uint8_t out[32], bool *found);
#define RULES_KEY_MAX 255
/** Reads the Idempotency-Key: 1 to RULES_KEY_MAX printable ASCII characters, as they stand. Sets
 * out to "" when there is none. Returns 0 or TG_EINVAL. */
int rules_key(const struct h1_head *head, char out[RULES_KEY_MAX + 1], const char **detail);
/** Returns whether a store_desc's `to` names the peer. */
bool rules_addressed(const char *to, const char *peer);

#endif
