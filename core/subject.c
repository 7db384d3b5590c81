/* subject.c: see subject.h. */
#include <string.h>

#include <openssl/sha.h>
#include <sodium.h>
#include <timeglas/errors.h>

#include "core/hex.h"
#include "core/subject.h"

#define PREFIX "timeglas subject 1\n"
#define NAME_MAX_CHARS 63
#define DIGITS 64

int subject_hash(
	const char *uploader, const char *text, size_t n, char hash[SUBJECT_HASH_CHARS + 1])
{
	char said[sizeof PREFIX + NAME_MAX_CHARS + 1 + DIGITS] = PREFIX;
	size_t at = sizeof PREFIX - 1, name = strlen(uploader);
	unsigned char sum[SHA256_DIGEST_LENGTH];

	if (n != DIGITS || !tg_hex_is_lower(text, n))
		return TG_ESUBJECT;
	if (name > NAME_MAX_CHARS)
		return TG_EINVAL;
	memcpy(said + at, uploader, name);
	at += name;
	said[at++] = '\n';
	memcpy(said + at, text, n);
	SHA256((const unsigned char *)said, at + n, sum);
	sodium_memzero(said, sizeof said);
	tg_hex_encode(sum, SUBJECT_HASH_CHARS / 2, hash);
	return 0;
}
