/* audit_question.c: the hashes of docs/evidence.md and docs/store.md, made again from what is
 * asked. Runs in the timeglas command. */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "cli/audit_question.h"
#include "cli/output.h"
#include "cli/values.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/evidence_tag.h"

#define SUBJECT "timeglas subject 1\n"
#define ID_CHARS 24
#define HASH_CHARS ((size_t)2 * AUDIT_TAGS_BYTES)
#define NAMES_CHARS 700 /* of the peers that a message lists */

/* Reading the options ------------------------------------------------------ */

static int time_option(const struct cmdline *o, enum opt_id id, int64_t otherwise, int64_t *out)
{
	const char *text = cmdline_text(o, id);

	*out = otherwise;
	if (text == NULL || tg_time_parse(text, strlen(text), out) == 0)
		return 0;
	return output_usage(
		"--%s: not a time like 2026-11-22T12:00:00Z: %s", cmdline_row(id)->name, text);
}

/* The first 16 bytes of SHA-256(prefix, name LF text), in hex. */
static void hash_of(const char *prefix, const char *name, const char *text, char *out)
{
	crypto_hash_sha256_state s;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)prefix, strlen(prefix));
	crypto_hash_sha256_update(&s, (const unsigned char *)name, strlen(name));
	crypto_hash_sha256_update(&s, (const unsigned char *)"\n", 1);
	crypto_hash_sha256_update(&s, (const unsigned char *)text, strlen(text));
	crypto_hash_sha256_final(&s, hash);
	tg_hex_encode(hash, AUDIT_TAGS_BYTES, out);
}

static bool is_hash(const char *text)
{
	return strlen(text) == HASH_CHARS && tg_hex_is_lower(text, HASH_CHARS);
}

static int read_blob(struct audit_question *q)
{
	if (is_hash(q->text)) {
		strcpy(q->hash, q->text);
		return 0;
	}
	if (strlen(q->text) != ID_CHARS)
		return output_usage("--blob takes a blob's id of 24 characters, or its tag of 32 "
				    "hexadecimal digits");
	evidence_tag(q->text, q->hash);
	return 0;
}

/* 16 digits of the SHA-1 of its id: docs/store.md. */
static int read_session(struct audit_question *q)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (strlen(q->text) != ID_CHARS)
		return output_usage("--session takes a session's id of 24 characters");
	if (EVP_Digest(q->text, strlen(q->text), hash, &n, EVP_sha1(), NULL) != 1 || n < 8)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	tg_hex_encode(hash, 8, q->hash);
	return 0;
}

static int read_kind(const struct cmdline *o, struct audit_question *q)
{
	static const struct {
		enum opt_id id;
		enum audit_question_kind kind;
	} asked[] = {{OPT_AT, AUDIT_ASK_AT}, {OPT_PEER, AUDIT_ASK_PEER}, {OPT_BLOB, AUDIT_ASK_BLOB},
		{OPT_SESSION, AUDIT_ASK_SESSION}, {OPT_SUBJECT, AUDIT_ASK_SUBJECT},
		{OPT_ATTEMPTS, AUDIT_ASK_ATTEMPTS}};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (cmdline_flag(o, asked[i].id)) {
			n++;
			q->kind = asked[i].kind;
			q->text = cmdline_text(o, asked[i].id);
		}
	if (n == 1)
		return 0;
	return output_usage("ask one thing: --at TIME (what was held then), --peer NAME (what it "
			    "stored, read and tried), --blob ID, --session SID, --subject HEX (a "
			    "person), or --attempts (what was refused)");
}

int audit_question_read(const struct cmdline *o, struct audit_question *q)
{
	int status = read_kind(o, q);

	if (status != 0)
		return status;
	if (q->kind == AUDIT_ASK_AT && (cmdline_flag(o, OPT_FROM) || cmdline_flag(o, OPT_TO)))
		return output_usage("--at is one moment: it takes neither --from nor --to");
	status = time_option(o, OPT_AT, 0, &q->at_ms);
	if (status == 0)
		status = time_option(o, OPT_FROM, 0, &q->from_ms);
	if (status == 0)
		status = time_option(o, OPT_TO, INT64_MAX, &q->to_ms);
	if (status == 0 && q->from_ms > q->to_ms)
		return output_usage("--from is later than --to: exchange them");
	if (status == 0 && q->kind == AUDIT_ASK_BLOB)
		status = read_blob(q);
	if (status == 0 && q->kind == AUDIT_ASK_SESSION)
		status = read_session(q);
	if (status == 0 && q->kind == AUDIT_ASK_SUBJECT)
		status = values_subject(q->text);
	return status;
}

/* Matching ----------------------------------------------------------------- */

/* Learns the names in a record; to: several, with a blank between two. */
static void learn_peers(struct audit_question *q, const struct chain_record *r)
{
	struct chain_text to = r->to;

	(void)audit_names_of(&q->peers, r->uploader);
	(void)audit_names_of(&q->peers, r->by);
	while (to.p != NULL && to.n > 0) {
		const char *end = memchr(to.p, ' ', to.n);
		struct chain_text one = {to.p, end != NULL ? (size_t)(end - to.p) : to.n};

		(void)audit_names_of(&q->peers, one);
		to.n -= one.n + (end != NULL);
		to.p += one.n + (end != NULL);
	}
}

/* The person's hash differs by uploader: it is made for each that occurs. */
void audit_question_uploader(struct audit_question *q, struct chain_text name)
{
	(void)audit_names_of(&q->peers, name);
	if (q->kind != AUDIT_ASK_SUBJECT)
		return;
	for (; q->n_uploaders < q->peers.n; q->n_uploaders++) {
		char hash[HASH_CHARS + 1];

		hash_of(SUBJECT, q->peers.text[q->n_uploaders], q->text, hash);
		(void)audit_names_of(&q->subjects, (struct chain_text){hash, HASH_CHARS});
	}
}

static bool is_subject(struct audit_question *q, const struct chain_record *r)
{
	audit_question_uploader(q, r->uploader);
	if (r->subject.p == NULL)
		return false;
	for (size_t i = 0; i < q->subjects.n; i++)
		if (chain_is(r->subject, q->subjects.text[i]))
			return true;
	return false;
}

bool audit_question_names(struct audit_question *q, const struct chain_record *r)
{
	return q->kind == AUDIT_ASK_SUBJECT ?
		is_subject(q, r) :
		q->kind == AUDIT_ASK_SESSION && chain_is(r->session, q->hash);
}

const char *audit_question_hash(const struct audit_question *q, size_t i)
{
	if (q->kind == AUDIT_ASK_SUBJECT)
		return i < q->subjects.n ? q->subjects.text[i] : NULL;
	return i == 0 && audit_question_indexed(q) ? q->hash : NULL;
}

bool audit_question_indexed(const struct audit_question *q)
{
	return q->kind == AUDIT_ASK_BLOB || q->kind == AUDIT_ASK_SESSION ||
		q->kind == AUDIT_ASK_SUBJECT;
}

/* The end of a session names the session only, and its opening the person, too. */
static bool session_belongs(struct audit_question *q, const struct chain_record *r, bool itself)
{
	uint8_t key[AUDIT_TAGS_BYTES];

	if (r->session.p == NULL || (!itself && q->sessions.n == 0))
		return itself;
	audit_tags_read(r->session, key);
	if (!itself)
		return audit_tags_find(&q->sessions, key) != AUDIT_TAGS_NONE;
	q->no_memory |= !audit_tags_put(&q->sessions, key, 0);
	return true;
}

/* A record with one of its hashes names a blob; later ones of that blob belong to it, too, until
 * another blob is stored under the same id. */
static bool belongs(struct audit_question *q, const struct chain_record *r, bool itself)
{
	uint8_t tag[AUDIT_TAGS_BYTES];

	if (r->tag.p == NULL || r->tag.n != HASH_CHARS)
		return session_belongs(q, r, itself);
	if (!itself && q->blobs.n == 0)
		return false;
	audit_tags_read(r->tag, tag);
	if (!itself && chain_is(r->event, "stored"))
		audit_tags_remove(&q->blobs, tag);
	if (!itself)
		return audit_tags_find(&q->blobs, tag) != AUDIT_TAGS_NONE;
	q->no_memory |= !audit_tags_put(&q->blobs, tag, 0);
	return true;
}

static bool matches(struct audit_question *q, const struct chain_record *r)
{
	switch (q->kind) {
	case AUDIT_ASK_PEER:
		return chain_is(r->by, q->text) ||
			(chain_is(r->uploader, q->text) && !chain_is(r->event, "gone"));
	case AUDIT_ASK_BLOB:
		return chain_is(r->tag, q->hash);
	case AUDIT_ASK_SESSION:
	case AUDIT_ASK_SUBJECT:
		return belongs(q, r, audit_question_names(q, r));
	case AUDIT_ASK_ATTEMPTS:
		return chain_is(r->event, CHAIN_REFUSED);
	case AUDIT_ASK_AT:
		break;
	}
	return false;
}

bool audit_question_match(struct audit_question *q, const struct chain_record *r)
{
	bool yes;

	if (q->kind == AUDIT_ASK_PEER)
		learn_peers(q, r);
	yes = matches(q, r);
	return yes && r->time_ms >= q->from_ms && r->time_ms <= q->to_ms;
}

/* What it does not know ---------------------------------------------------- */

static bool occurs(const struct audit_question *q)
{
	for (size_t i = 0; i < q->peers.n; i++)
		if (strcmp(q->peers.text[i], q->text) == 0)
			return true;
	return false;
}

static int unknown_peer(const struct audit_question *q)
{
	char names[NAMES_CHARS] = "none";
	size_t n = 0, shown = 0;

	while (shown < q->peers.n && n + strlen(q->peers.text[shown]) + 3 < sizeof names) {
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", shown > 0 ? ", " : "",
			q->peers.text[shown]);
		shown++;
	}
	return output_usage("no peer is called %.64s in this evidence; those that occur: %s%s",
		q->text, names, shown < q->peers.n ? ", and more" : "");
}

int audit_question_check(const struct audit_question *q, int64_t first_ms, int64_t last_ms)
{
	char first[TG_TIME_LEN + 1], last[TG_TIME_LEN + 1];
	bool outside = q->kind == AUDIT_ASK_AT ? q->at_ms < first_ms || q->at_ms > last_ms :
						 q->to_ms < first_ms || q->from_ms > last_ms;

	if (outside)
		return output_usage("this evidence tells of the time from %s to %s, and of no "
				    "other: give the files of the time that you ask about",
			tg_time_format(first_ms, first), tg_time_format(last_ms, last));
	return q->kind == AUDIT_ASK_PEER && !occurs(q) ? unknown_peer(q) : 0;
}

void audit_question_free(struct audit_question *q)
{
	audit_names_free(&q->peers);
	audit_names_free(&q->subjects);
	audit_tags_free(&q->blobs);
	audit_tags_free(&q->sessions);
}
