/*
 * certificate.c: see certificate.h. It says of each fact whose word it is: this certificate is as
 * good as the event in the evidence that it names, and its proof; and no better. Runs in the
 * timeglas command. docs/evidence.md.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/certificate.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/clock.h"

static const char *technique(const char *method)
{
	return strcmp(method, "overwrite") == 0 ? "Clear" : "none of Clear, Purge, Destroy";
}

static const char *method_text(const char *method)
{
	if (strcmp(method, "overwrite") == 0)
		return "overwrite: the store overwrites memory that it frees or moves";
	if (strcmp(method, "delete") == 0)
		return "deletion: memory was freed; whether it is overwritten is not known";
	return method;
}

static const char *or_unsaid(const char *text)
{
	return text[0] != '\0' ? text : "not said";
}

/* What NIST SP 800-88r2 asks for of the media: it is no drive here that leaves the house. */
static void put_media(FILE *f, const tg_subject *s)
{
	fprintf(f,
		"CERTIFICATE OF SANITIZATION\n"
		"with the fields of NIST SP 800-88r2\n"
		"\n"
		"What            all that the buffer held of one person: %llu blob%s, each sealed "
		"to\n"
		"                its reader's key, which the buffer does not have\n"
		"  subject       %s (hashed)\n"
		"  uploader      %s\n"
		"Media type      volatile memory (RAM) of the buffer's Redis, without persistence\n"
		"Media source    the timeglas buffer that records the event %s\n"
		"Manufacturer, model, serial and property number\n"
		"                not applicable: memory of a running program\n"
		"Confidentiality before: sealed identity evidence. After: nothing is left\n"
		"Destination     the memory stays in use by the buffer\n",
		(unsigned long long)s->count, s->count == 1 ? "" : "s", s->subject, s->uploader,
		s->event);
}

static void put_sanitization(FILE *f, const tg_subject *s)
{
	fprintf(f,
		"\n"
		"When            %s\n"
		"Technique       %s\n"
		"Method          %s\n"
		"Tool            %s\n"
		"Who             %s asked for it; the buffer carried it out\n"
		"Signature       that of the evidence's log, see Verification\n",
		s->erased_at, technique(s->method), method_text(s->method), or_unsaid(s->tool),
		or_unsaid(s->by));
}

static char *digest(const tg_proof *p, char hex[2 * crypto_hash_sha256_BYTES + 1])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)p->text, p->n);
	return tg_hex_encode(hash, sizeof hash, hex);
}

static void put_witnesses(FILE *f, const tg_proof *p)
{
	if (p->n_witnesses == 0)
		fputs("  its witnesses none were asked for: a policy (--policy) names them\n", f);
	else
		fprintf(f, "  its witnesses %llu of the policy's have cosigned it\n",
			(unsigned long long)p->n_witnesses);
}

/* Whose word it is, and how to check it. */
static void put_verification(FILE *f, const struct certificate *c)
{
	const tg_subject *s = c->erased;
	const tg_proof *p = c->proof;
	char now[TG_TIME_LEN + 1], hex[2 * crypto_hash_sha256_BYTES + 1];

	fprintf(f,
		"\n"
		"Verification    the buffer's answer was about this subject, with a receipt for "
		"each\n"
		"                blob. Its word is the event %s (subject-erased)\n"
		"                in its evidence, a signed log that cannot be changed unseen. The\n"
		"                memory itself was not read again.\n"
		"  verified by   timeglas " TG_VERSION "\n"
		"  on            %s\n",
		s->event, tg_time_format(clock_unix_ms(), now));
	if (p != NULL) {
		fprintf(f,
			"  proof         checked with the pinned key of the log: it is line %llu "
			"of\n"
			"                %s, which had %llu lines when it was signed\n"
			"  its SHA-256   %s\n",
			(unsigned long long)p->n_line, p->origin, (unsigned long long)p->n_lines,
			digest(p, hex));
		put_witnesses(f, p);
		fprintf(f,
			"  again         timeglas audit receipt --key KEY THIS-FILE\n"
			"                It stands at the end of this file, %zu bytes.\n",
			p->n);
	} else {
		fprintf(f,
			"  proof         not in this file: without the log's key (--log-key) none "
			"was\n"
			"                checked, or it was not to be had. Later, by its event:\n"
			"                  timeglas proof --log-key KEY %s\n"
			"                or with the log: timeglas audit verify --key KEY "
			"FILE...\n",
			s->event);
	}
}

static void put_receipts(FILE *f, const struct certificate *c)
{
	fprintf(f,
		"\nBlobs           as the evidence calls them, why and when each ended, and by "
		"which event\n");
	for (size_t i = 0; i < c->n; i++)
		fprintf(f, "  %s  %s  %s  %s\n", c->receipt[i].tag, c->receipt[i].cause,
			c->receipt[i].erased_at, c->receipt[i].event);
}

char *certificate_text(const struct certificate *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return NULL;
	put_media(f, c->erased);
	put_sanitization(f, c->erased);
	put_verification(f, c);
	put_receipts(f, c);
	if (c->proof != NULL) {
		fprintf(f, "\n");
		fwrite(c->proof->text, 1, c->proof->n, f);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
