/* judge.c: see judge.h. The order of the checks is that of the specification. */
#include <string.h>
#include <timeglas/errors.h>
#include "core/submission.h"
#include "witness/judge.h"

static struct judge_log *log_of(struct judge_log *log, size_t n, const char *origin)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(log[i].key.name, origin) == 0)
			return &log[i];
	return NULL;
}

static void answer(struct verdict *v, int status, const char *why)
{
	v->status = status;
	v->why = why;
}

/* Is the checkpoint a later state of the log that was followed so far? */
static void compare(struct sha256 *h, const struct submission *s, struct verdict *v)
{
	const struct checkpoint *const latest = &v->log->latest;
	struct tree_edge none = {0};
	uint8_t empty[TREE_HASH];

	tree_root(h, &none, empty);
	if (s->old > v->c.size)
		answer(v, 400, "the old size is larger than the checkpoint's");
	else if (s->old != latest->size)
		answer(v, 409, "another size was cosigned last");
	else if (s->old > 0 && s->old == v->c.size &&
		memcmp(v->c.root, latest->root, TREE_HASH) != 0)
		answer(v, 409, "another root of this size was cosigned");
	else if (s->old == 0 ? s->proof.n > 0 ||
				(v->c.size == 0 && memcmp(v->c.root, empty, TREE_HASH) != 0) :
			       tree_consistency_check(h, &s->proof, s->old, v->c.size, latest->root,
				       v->c.root) != 0)
		answer(v, 422, "the proof does not show that the log only grew");
	else
		answer(v, 200, NULL);
}

void judge(struct sha256 *h, struct judge_log *log, size_t n_logs, const char *p, size_t n,
	struct verdict *out)
{
	struct submission s;
	int err;

	*out = (struct verdict){0};
	if (submission_scan(p, n, &s) != 0 || note_scan(s.note, s.note_n, &out->note) != 0 ||
		checkpoint_scan(out->note.text.p, out->note.text.n, &out->c) != 0) {
		answer(out, 400, "not a submission of a checkpoint");
		return;
	}
	out->log = log_of(log, n_logs, out->c.origin);
	if (out->log == NULL) {
		answer(out, 404, "a log of this origin is not witnessed here");
		return;
	}
	err = note_verify(&out->note, &out->log->key, NULL);
	if (err == TG_ENOMEM)
		answer(out, 500, "out of memory");
	else if (err != 0)
		answer(out, 403, "not signed by the key of this log that is known here");
	else
		compare(h, &s, out);
}
