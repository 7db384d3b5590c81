/*
 * certificate.c: see certificate.h. It says of each fact whose word it is: this certificate is as
 * good as the event in the evidence that it names, and no better. Runs in the timeglas command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/certificate.h"

static const char *method_text(const char *method)
{
	if (strcmp(method, "overwrite") == 0)
		return "Clear, by overwriting: the store overwrites memory that it frees or moves";
	if (strcmp(method, "delete") == 0)
		return "deletion: memory was freed; whether the store overwrites it is not known";
	return method;
}

/* NIST SP 800-88r2: what, when, by which method and tool, verified how, and by whom. */
static void put_fields(FILE *f, const tg_subject *s)
{
	fprintf(f,
		"CERTIFICATE OF SANITIZATION\n"
		"with the fields of NIST SP 800-88r2\n"
		"\n"
		"What            all that the buffer held of one person: %llu blobs, each sealed "
		"to "
		"its\n"
		"                reader's key, which the buffer does not have\n"
		"  subject       %s (hashed)\n"
		"  uploader      %s\n"
		"  media         volatile memory (RAM) of the buffer's Redis, without persistence\n"
		"When            %s\n"
		"Method          %s\n"
		"Tool            %s\n"
		"Who             %s asked for it; the buffer carried it out\n",
		(unsigned long long)s->count, s->subject, s->uploader, s->erased_at,
		method_text(s->method), s->tool[0] != '\0' ? s->tool : "not said",
		s->by[0] != '\0' ? s->by : "not said");
}

/* Whose word it is, and how to do without it. */
static void put_verification(FILE *f, const tg_subject *s)
{
	fprintf(f,
		"Verification    the buffer's answer was about this subject, with a receipt for "
		"each blob.\n"
		"                Its word is the event %s (subject-erased) in its\n"
		"                evidence, which is signed and in a log that cannot be changed "
		"unseen:\n"
		"                  timeglas audit verify --key KEY FILE...\n"
		"  proof         not in this file; GET /v1/receipts/%s gives it, and\n"
		"                  timeglas audit receipt FILE\n"
		"                checks it without the log\n",
		s->event, s->event);
}

static void put_receipts(FILE *f, const tg_client *c)
{
	tg_receipt r = {.struct_size = sizeof r};

	fprintf(f,
		"\nBlobs           as the evidence calls them, why and when each ended, and by "
		"which event\n");
	for (size_t i = 0; tg_client_receipt(c, i, &r) == 0; i++)
		fprintf(f, "  %s  %s  %s  %s\n", r.tag, r.cause, r.erased_at, r.event);
}

char *certificate_text(const tg_client *c, const tg_subject *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return NULL;
	put_fields(f, s);
	put_verification(f, s);
	put_receipts(f, c);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
