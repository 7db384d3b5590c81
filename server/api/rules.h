/*
 * rules.h: what an upload's header fields mean under the policy in force. Pure: no I/O, no clock,
 * no store. What only the store can know (is the session open?) is asked there, at commit.
 */
#ifndef API_RULES_H
#define API_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include "conf/conf.h"
#include "http/h1.h"
#include "store/types.h"

struct rules_upload {
	struct store_desc desc; /* all but tag and size_bytes; sha256 as declared */
	uint32_t ttl_s;
	bool has_digest;
	uint8_t digest[32]; /* the declared SHA-256 */
};

/**
 * rules_upload(conf, uploader, head, out, detail): judge the fields Timeglas-Kind, -Issuer,
 * -Session, -Subject, -Ttl, -To and Content-Digest. Returns 0, TG_EINVAL (malformed or repeated
 * field), TG_EKIND, TG_EISSUER, TG_ETTL, TG_ESESSION, TG_ESUBJECT, TG_ERECIPIENT; *detail: a static
 * sentence that says what to do.
 */
int rules_upload(const struct conf *conf, const struct conf_peer *uploader,
	const struct h1_head *head, struct rules_upload *out, const char **detail);
/* On a refusal but TG_EINVAL out->desc is filled in all the same, as far as a repeated upload is
 * compared by it: a name is looked up before the policy. */

/**
 * rules_content_digest(value, n, out, found): RFC 9530 Content-Digest, a dictionary of byte
 * sequences. Other algorithms than sha-256 are passed over. Returns 0 (*found: was there a
 * sha-256?) or TG_EINVAL.
 */
int rules_content_digest(const char *value, size_t n, uint8_t out[32], bool *found);

/**
 * rules_subject(uploader, text, n, hash): a subject as it may be kept: the first 16 bytes, in hex,
 * of SHA-256("timeglas subject 1" LF uploader LF and the 64 digits). The digits themselves go no
 * further. Returns 0, or TG_ESUBJECT: it is not 64 lower-case hexadecimal digits.
 */
int rules_subject(
	const char *uploader, const char *text, size_t n, char hash[STORE_SUBJECT_LEN + 1]);

#define RULES_KEY_MAX 255
/** rules_key(head, out, detail): the Idempotency-Key: 1..RULES_KEY_MAX printable ASCII characters,
 * as they stand; "" when there is none. 0 or TG_EINVAL. */
int rules_key(const struct h1_head *head, char out[RULES_KEY_MAX + 1], const char **detail);

/** rules_addressed(to, peer): does a store_desc's `to` name that peer? */
bool rules_addressed(const char *to, const char *peer);

#endif
