/*
 * proof_match.c: see proof_match.h. The server chooses the proof, so everything that the caller
 * knows beforehand is compared: the log's key, the event, the blob's id, and what the answer to the
 * erasure has said. Runs in the library. docs/evidence.md.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/time.h"
#include "lib/abi.h"
#include "lib/proof_match.h"

#define FAIL(m, code, ...) (snprintf((m)->why, sizeof(m)->why, __VA_ARGS__), (code))

/* What is asked for -------------------------------------------------------- */

static int read_keys(struct proof_match *m, const tg_proof_opts *o)
{
	if (o->n_log_keys > PROOF_MATCH_KEYS)
		return FAIL(m, TG_EINVAL, "too many keys of the log");
	for (size_t i = 0; i < o->n_log_keys; i++)
		if (receipt_key_parse(m->sha, o->log_key[i], strlen(o->log_key[i]),
			    &m->key[m->n_keys++]) != 0)
			return FAIL(m, TG_EKEY,
				"not a log's public key (" CHAIN_PUBLIC "..., or name+id+base64)");
	return 0;
}

/* The logs that a policy lists are pinned, too. */
static int read_policy(struct proof_match *m, const char *text)
{
	const char *why;
	unsigned line;

	if (text == NULL)
		return 0;
	m->policy = malloc(sizeof *m->policy);
	if (m->policy == NULL)
		return TG_ENOMEM;
	if (policy_scan(m->sha, text, strlen(text), m->policy, &line, &why) != 0)
		return FAIL(m, TG_EINVAL, "the policy, line %u: %s", line, why);
	for (unsigned i = 0; i < m->policy->n_logs; i++) {
		struct receipt_key *k = &m->key[m->n_keys++];

		snprintf(k->origin, sizeof k->origin, "%s", m->policy->log[i].name);
		memcpy(k->public, m->policy->log[i].public, NOTE_PUBLIC);
	}
	return 0;
}

static int copy_event(struct proof_match *m, const char *id, int err)
{
	struct chain_pos pos;
	unsigned shard;

	if (id == NULL || strlen(id) >= sizeof m->event ||
		chain_id_parse(id, strlen(id), &shard, &pos) != 0)
		return FAIL(
			m, err, "not the id of an event: it has the form NN-milliseconds-number");
	strcpy(m->event, id);
	return 0;
}

static int read_receipt(struct proof_match *m, const tg_proof_opts *o)
{
	if (TG_ABI_IN(m->receipt_copy, o->receipt) != 0)
		return FAIL(m, TG_EINVAL, "the receipt has no struct_size");
	m->receipt = &m->receipt_copy;
	if (o->event != NULL && strcmp(o->event, m->receipt->event) != 0)
		return FAIL(m, TG_EINVAL, "the receipt is of another event");
	if (o->blob != NULL && strcmp(o->blob, m->receipt->blob) != 0)
		return FAIL(m, TG_EINVAL, "the receipt is of another blob");
	return copy_event(m, m->receipt->event, TG_EPROOF);
}

static int read_erased(struct proof_match *m, const tg_proof_opts *o)
{
	if (TG_ABI_IN(m->erased_copy, o->erased) != 0)
		return FAIL(m, TG_EINVAL, "the subject has no struct_size");
	if (o->receipt != NULL || o->blob != NULL || o->subject != NULL)
		return FAIL(
			m, TG_EINVAL, "an erased subject is one event, which is of no single blob");
	m->erased = &m->erased_copy;
	m->what = "subject-erased";
	memcpy(m->subject, m->erased->subject, sizeof m->subject);
	if (m->subject[0] == '\0')
		return FAIL(m, TG_EINVAL, "the erased subject has no hash");
	return copy_event(m, m->erased->event, TG_EPROOF);
}

/* The names that the record must have follow from ids that the caller knows. */
static int read_names(struct proof_match *m, const tg_proof_opts *o)
{
	const char *blob = m->receipt != NULL ? m->receipt->blob : o->blob;

	if (blob != NULL) {
		if (tg_id_name(blob, NULL) != 0)
			return FAIL(m, TG_EINVAL, "not a blob's id");
		m->what = "gone";
		evidence_tag(blob, m->tag);
	}
	if (o->subject != NULL && strlen(o->subject) != TG_SUBJECT_HASH_CHARS)
		return FAIL(m, TG_EINVAL, "not the hash of a subject");
	if (o->subject != NULL)
		strcpy(m->subject, o->subject);
	return 0;
}

static int read_demands(struct proof_match *m, const tg_proof_opts *o)
{
	int err = o->receipt != NULL ? read_receipt(m, o) :
		o->erased != NULL    ? read_erased(m, o) :
				       copy_event(m, o->event, TG_EINVAL);

	return err == 0 ? read_names(m, o) : err;
}

int proof_match_new(const tg_proof_opts *opts, struct proof_match **out)
{
	struct proof_match *m = calloc(1, sizeof *m);
	tg_proof_opts o;
	int err;

	*out = m;
	if (m == NULL || (m->sha = sha256_new()) == NULL)
		return TG_ENOMEM;
	if (TG_ABI_IN(o, opts) != 0)
		return FAIL(m, TG_EINVAL,
			"struct_size of the options is not set, or they hold something that this "
			"library does not know");
	err = read_keys(m, &o);
	if (err == 0)
		err = read_policy(m, o.policy);
	if (err == 0 && m->n_keys == 0)
		err = FAIL(m, TG_EKEY,
			"no key of the log is given: anybody could have signed the proof");
	return err == 0 ? read_demands(m, &o) : err;
}

void proof_match_free(struct proof_match *m)
{
	if (m == NULL)
		return;
	sha256_free(m->sha);
	free(m->policy);
	free(m);
}

/* Judging ------------------------------------------------------------------ */

/* What was not said is not compared. */
static bool differs(struct chain_text t, const char *want)
{
	return want[0] != '\0' && !chain_is(t, want);
}

/* The record of a blob's end says what its receipt said. */
static int match_receipt(struct proof_match *m, const struct chain_record *r)
{
	const tg_receipt *want = m->receipt;
	char time[TG_TIME_LEN + 1];

	if (want == NULL)
		return 0;
	if (differs(r->cause, want->cause))
		return FAIL(m, TG_EPROOF,
			"the log recorded another cause (%.*s) than the receipt tells (%s)",
			(int)r->cause.n, r->cause.n > 0 ? r->cause.p : "", want->cause);
	if (differs(r->outcome, want->outcome))
		return FAIL(m, TG_EPROOF,
			"the log recorded another outcome (%.*s) than the receipt tells (%s)",
			(int)r->outcome.n, r->outcome.n > 0 ? r->outcome.p : "", want->outcome);
	if (strcmp(tg_time_format(r->time_ms, time), want->erased_at) != 0)
		return FAIL(m, TG_EPROOF,
			"the log recorded another time of erasure (%s) than the receipt tells (%s)",
			time, want->erased_at);
	return 0;
}

static bool has_member(const struct chain_record *r, const char *name, const char *value)
{
	struct chain_text rest = r->more, n, v;

	while (chain_next_member(&rest, &n, &v))
		if (chain_is(n, name))
			return chain_is(v, value);
	return false;
}

static int match_erased(struct proof_match *m, const struct chain_record *r)
{
	const tg_subject *want = m->erased;
	char time[TG_TIME_LEN + 1], count[24];

	if (want == NULL)
		return 0;
	snprintf(count, sizeof count, "%" PRIu64, want->count);
	if (differs(r->uploader, want->uploader) || differs(r->by, want->by) ||
		!has_member(r, "count", count) || !has_member(r, "method", want->method) ||
		strcmp(tg_time_format(r->time_ms, time), want->erased_at) != 0)
		return FAIL(m, TG_EPROOF,
			"the log recorded the erasure otherwise than it was answered: another "
			"time, "
			"count, method or peer");
	return 0;
}

static int match(struct proof_match *m, const struct chain_record *r)
{
	if (!chain_is(r->id, m->event))
		return FAIL(m, TG_EPROOF,
			"the proof is of another event (%.*s) than was asked for (%s)",
			(int)r->id.n, r->id.n > 0 ? r->id.p : "", m->event);
	if (m->what != NULL && !chain_is(r->event, m->what))
		return FAIL(m, TG_EPROOF, "the proof is of no end: it proves an event \"%.*s\"",
			(int)(r->event.n < 32 ? r->event.n : 32), r->event.p);
	if (m->tag[0] != '\0' && !chain_is(r->tag, m->tag))
		return FAIL(m, TG_EPROOF, "the proof is of another blob than was asked for");
	if (m->subject[0] != '\0' && !chain_is(r->subject, m->subject))
		return FAIL(m, TG_EPROOF, "the proof is of another person's evidence");
	return m->receipt != NULL ? match_receipt(m, r) : match_erased(m, r);
}

static int ask_witnesses(struct proof_match *m)
{
	struct policy_finding found;
	int err;

	m->n_witnesses = 0;
	if (m->policy == NULL)
		return 0;
	err = policy_check(m->policy, &m->found.head.note, &found);
	m->n_witnesses = found.n;
	if (err == TG_EPOLICY)
		return FAIL(m, TG_EPOLICY, "%s", receipt_sentence(RECEIPT_POLICY));
	return err == 0 ?
		0 :
		FAIL(m, TG_EPROOF, "%s",
			receipt_sentence(err == TG_ENOENT ? RECEIPT_KEY : RECEIPT_COSIGNATURE));
}

int proof_match_judge(struct proof_match *m, const char *text, size_t n)
{
	enum receipt_fault fault = receipt_check(m->sha, text, n, m->key, m->n_keys, &m->found);
	int err;

	if (fault != RECEIPT_GOOD)
		return FAIL(m, TG_EPROOF, "%s", receipt_sentence(fault));
	err = match(m, &m->found.line.record);
	return err == 0 ? ask_witnesses(m) : err;
}
