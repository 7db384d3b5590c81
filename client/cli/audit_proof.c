/* audit_proof.c: see audit_proof.h. All that it prints of a record was checked before: a record is
 * printed only when its proof is good. Runs in the timeglas command. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/audit_clock.h"
#include "cli/audit_proof.h"
#include "cli/audit_words.h"
#include "cli/output.h"
#include "core/hex.h"
#include "core/time.h"
#include "lib/untrusted.h"

#define TIME_LAST_S INT64_C(253402300799) /* the year 9999 */

/* Reading ------------------------------------------------------------------ */

/* Returns the number of bytes, at most cap; -1: it cannot be read (errno). */
static long read_file(const char *path, char *out, size_t cap)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n;
	long result;

	if (f == NULL)
		return -1;
	errno = 0;
	n = fread(out, 1, cap, f);
	result = ferror(f) ? -1 : (long)n;
	if (f != stdin)
		fclose(f);
	return result;
}

/* A receipt as the server's answer has it proves nothing by itself. */
static bool is_json(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t'))
		i++;
	return i < n && (text[i] == '{' || text[i] == '[');
}

/* Returns where a proof begins: in a certificate, behind the text for people; n: there is none. */
static size_t find_proof(const char *text, size_t n)
{
	static const char begin[] = "\n" PROOF_FIRST_LINE "\n";
	const char *at;

	if (receipt_is(text, n))
		return 0;
	at = memmem(text, n, begin, sizeof begin - 1);
	return at != NULL ? (size_t)(at + 1 - text) : n;
}

/* What a text in JSON is, and what to do with it. */
static int not_a_proof(const char *path, const char *text, size_t n)
{
	static const char problem[] = "\"/problems/", line[] = "{\"n\":";

	if (n >= sizeof line - 1 && memcmp(text, line, sizeof line - 1) == 0)
		return output_usage(
			"%s is a log of evidence: check it with timeglas audit verify", path);
	if (memmem(text, n, problem, sizeof problem - 1) != NULL)
		return output_usage("%s is a refusal by the server, whose reason stands in it: a "
				    "proof is what comes with the status 200",
			path);
	return output_usage(
		"%s is a receipt without a proof: compare it with the log (timeglas audit "
		"verify --receipt), or fetch the proof of its event",
		path);
}

bool audit_proof_is(const char *path)
{
	static const char signature[] = "\n\n\xe2\x80\x94 "; /* a note's, of a checkpoint */
	char *text = malloc(PROOF_MAX);
	long n = text != NULL && strcmp(path, "-") != 0 ? read_file(path, text, PROOF_MAX) : -1;
	bool found = n >= 0 &&
		(find_proof(text, (size_t)n) < (size_t)n ||
			memmem(text, (size_t)n, signature, sizeof signature - 1) != NULL);

	free(text);
	return found;
}

static void check(
	struct sha256 *h, struct audit_proof *p, const struct receipt_key *keys, size_t n_keys)
{
	if (!receipt_is(p->text, p->n)) {
		p->fault = receipt_head_check(h, p->text, p->n, keys, n_keys, &p->receipt.head);
		p->is_head = p->fault != RECEIPT_NOTE;
		if (p->is_head)
			return;
	}
	p->fault = receipt_check(h, p->text, p->n, keys, n_keys, &p->receipt);
}

int audit_proof_load(struct sha256 *h, const char *path, const struct receipt_key *keys,
	size_t n_keys, struct audit_proof **out)
{
	struct audit_proof *p = calloc(1, sizeof *p);
	long n = p != NULL ? read_file(path, p->text, sizeof p->text) : 0;
	size_t begin;
	int status = 0;

	*out = NULL;
	if (p == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	p->path = path;
	if (n < 0)
		status = output_fail(TG_EIO, "cannot read %s: %s", path, strerror(errno));
	else if (is_json(p->text, (size_t)n))
		status = not_a_proof(path, p->text, (size_t)n);
	if (status != 0) {
		free(p);
		return status;
	}
	p->n = (size_t)n;
	begin = find_proof(p->text, p->n);
	if (begin > 0 && begin < p->n) {
		p->in_certificate = true;
		p->n -= begin;
		memmove(p->text, p->text + begin, p->n);
	}
	check(h, p, keys, n_keys);
	*out = p;
	return 0;
}

struct audit_proof *audit_proof_head(struct sha256 *h, const char *name, const char *text, size_t n,
	const struct receipt_key *keys, size_t n_keys)
{
	struct audit_proof *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->path = name;
	p->is_head = true;
	p->fault = RECEIPT_NOTE;
	if (n > PROOF_MAX)
		return p;
	memcpy(p->text, text, n);
	p->n = n;
	p->fault = receipt_head_check(h, p->text, p->n, keys, n_keys, &p->receipt.head);
	return p;
}

/* For people --------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void row(const char *name, const char *format, ...)
{
	char value[1024], line[1100];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	snprintf(line, sizeof line, "  %-12s %s", name, value);
	output_text(line);
}

static void text_row(const char *name, struct chain_text t)
{
	if (t.p != NULL)
		row(name, "%.*s", (int)t.n, t.p);
}

static void word_row(const char *name, struct chain_text t, const char *(*meaning)(const char *))
{
	char word[64];

	if (t.p == NULL)
		return;
	snprintf(word, sizeof word, "%.*s", (int)t.n, t.p);
	if (meaning(word)[0] != '\0')
		row(name, "%s (%s)", word, meaning(word));
	else
		row(name, "%s", word);
}

static void time_row(const char *name, int64_t ms)
{
	char text[TG_TIME_LEN + 1];

	if (ms >= 0)
		row(name, "%s", tg_time_format(ms, text));
}

static bool is_end(const struct chain_record *r)
{
	return chain_is(r->event, "gone");
}

static void print_record(const struct chain_record *r)
{
	struct chain_text rest = r->more, name, value;
	char late[AUDIT_WORDS_DURATION], other[64];

	text_row("event", r->event);
	text_row("its id", r->id);
	text_row("blob (tag)", r->tag);
	text_row("kind", r->kind);
	if (r->dk >= 0 && chain_is(r->kind, "passport"))
		row("issuer", "%s", audit_words_issuer(r->dk));
	text_row("subject", r->subject);
	if (r->size_bytes >= 0)
		row("size", "%" PRId64 " bytes", r->size_bytes);
	time_row(is_end(r) ? "erased at" : "at", r->time_ms);
	word_row("cause", r->cause, audit_words_cause);
	word_row("outcome", r->outcome, audit_words_outcome);
	if (r->late_us >= 0)
		row("late", "%s", audit_words_duration(r->late_us, late));
	time_row("deadline", r->deadline_ms);
	time_row("lease until", r->lease_ms);
	text_row("uploader", r->uploader);
	text_row("for", r->to);
	text_row("by", r->by);
	text_row("session", r->session);
	while (chain_next_member(&rest, &name, &value)) {
		snprintf(other, sizeof other, "%.*s", (int)(name.n < 60 ? name.n : 60), name.p);
		text_row(other, value);
	}
}

int64_t audit_proof_ahead_s(const struct audit_proof *p)
{
	const uint64_t now_s = (uint64_t)time(NULL), last_s = p->cosigned.last_s;

	if (!p->has_policy || last_s <= now_s || last_s - now_s <= AUDIT_CLOCK_BACK_MS / 1000)
		return 0;
	return last_s - now_s < INT64_MAX ? (int64_t)(last_s - now_s) : INT64_MAX;
}

void audit_proof_ahead_text(const struct audit_proof *p)
{
	const int64_t ahead_s = audit_proof_ahead_s(p);
	char line[160];

	if (ahead_s == 0)
		return;
	snprintf(line, sizeof line,
		"The clock of a witness, or of this machine, is wrong: the latest cosignature is "
		"dated %" PRId64 " s in the future.",
		ahead_s);
	output_text(line);
}

static void print_witnesses(const struct audit_proof *p)
{
	char first[TG_TIME_LEN + 1], last[TG_TIME_LEN + 1], line[256];
	const int64_t from = (int64_t)p->cosigned.first_s, to = (int64_t)p->cosigned.last_s;

	if (!p->has_policy)
		return;
	snprintf(line, sizeof line, "%u of the policy's %u witnesses have cosigned that",
		p->cosigned.n, p->n_witnesses);
	if (p->cosigned.n > 0 && to <= TIME_LAST_S)
		snprintf(line + strlen(line), sizeof line - strlen(line),
			", by their clocks from %s to %s", tg_time_format(from * 1000, first),
			tg_time_format(to * 1000, last));
	output_text(strcat(line, "."));
	audit_proof_ahead_text(p);
}

void audit_proof_text(const struct audit_proof *p)
{
	const struct checkpoint *c = &p->receipt.head.checkpoint;
	char line[512];

	if (p->fault != RECEIPT_GOOD) {
		snprintf(line, sizeof line, "  %s", receipt_sentence(p->fault));
		output_text(line);
		print_witnesses(p);
		return;
	}
	if (!p->is_head)
		print_record(&p->receipt.line.record);
	snprintf(line, sizeof line,
		p->is_head ? "A checkpoint of the log %s, which then had %" PRIu64 " lines." :
			     "It stands in the log %s, which had %" PRIu64
			     " lines when this was signed",
		c->origin, c->size);
	if (!p->is_head)
		snprintf(line + strlen(line), sizeof line - strlen(line),
			", as line number %" PRIu64 ".", p->receipt.line.record.n);
	output_text(line);
	print_witnesses(p);
	if (p->in_certificate)
		output_text("Only this is proved: the text before the proof is whoever's who wrote "
			    "it.");
}

/* For programs ------------------------------------------------------------- */

static json_t *text_json(struct chain_text t)
{
	return t.p != NULL ? json_stringn(t.p, t.n) : json_null();
}

static void record_json(json_t *o, const struct receipt *r)
{
	const struct chain_record *e = &r->line.record;

	json_object_set_new(o, "event", text_json(e->event));
	json_object_set_new(o, "id", text_json(e->id));
	json_object_set_new(o, "tag", text_json(e->tag));
	json_object_set_new(o, "cause", text_json(e->cause));
	json_object_set_new(o, "outcome", text_json(e->outcome));
	json_object_set_new(o, "at", output_time(e->time_ms));
	json_object_set_new(o, "erased_at", output_time(is_end(e) ? e->time_ms : -1));
	json_object_set_new(o, "by", text_json(e->by));
	json_object_set_new(o, "n", json_integer((json_int_t)e->n));
	json_object_set_new(o, "record", untrusted_json_parse(r->proof.line, r->proof.line_n));
}

json_t *audit_proof_json(const struct audit_proof *p)
{
	const struct checkpoint *c = &p->receipt.head.checkpoint;
	char root[2 * TREE_HASH + 1];
	json_t *o = json_pack("{s:o, s:b, s:s, s:s}", "file", output_foreign(p->path), "good",
		p->fault == RECEIPT_GOOD, "fault", receipt_word(p->fault), "detail",
		receipt_sentence(p->fault));

	if (o != NULL && p->in_certificate)
		json_object_set_new(o, "in_certificate", json_true());
	if (o != NULL && p->has_policy)
		json_object_set_new(o, "witnesses",
			json_pack("{s:i, s:i, s:I, s:I, s:I}", "cosigned", (int)p->cosigned.n,
				"named", (int)p->n_witnesses, "first_s",
				(json_int_t)p->cosigned.first_s, "last_s",
				(json_int_t)p->cosigned.last_s, "ahead_s",
				(json_int_t)audit_proof_ahead_s(p)));
	if (o == NULL || p->fault != RECEIPT_GOOD)
		return o;
	if (!p->is_head)
		record_json(o, &p->receipt);
	json_object_set_new(o, "checkpoint",
		json_pack("{s:s, s:I, s:s}", "origin", c->origin, "size", (json_int_t)c->size,
			"root", tg_hex_encode(c->root, TREE_HASH, root)));
	return o;
}
