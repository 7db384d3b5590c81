/* submission.c: see submission.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/num.h"
#include "core/submission.h"

#define OLD "old "
#define OLD_LEN (sizeof OLD - 1)

static int scan_old(const char *p, size_t n, uint64_t *out)
{
	if (n <= OLD_LEN || memcmp(p, OLD, OLD_LEN) != 0 || (n > OLD_LEN + 1 && p[OLD_LEN] == '0'))
		return TG_EINVAL;
	return tg_num_u64(p + OLD_LEN, n - OLD_LEN, INT64_MAX, out);
}

int submission_scan(const char *p, size_t n, struct submission *out)
{
	const char *const end = p + n, *lf = memchr(p, '\n', n);

	*out = (struct submission){0};
	if (n > SUBMISSION_MAX || lf == NULL || scan_old(p, (size_t)(lf - p), &out->old) != 0)
		return TG_EINVAL;
	for (p = lf + 1;; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			return TG_EINVAL;
		if (lf == p)
			break;
		if (out->proof.n == SUBMISSION_PROOF_MAX ||
			tg_b64_decode(TG_B64_STD, p, (size_t)(lf - p),
				out->proof.hash[out->proof.n], TREE_HASH) != (long)TREE_HASH)
			return TG_EINVAL;
		out->proof.n++;
	}
	out->note = lf + 1;
	out->note_n = (size_t)(end - out->note);
	return out->note_n > 0 && out->note_n <= SUBMISSION_NOTE_MAX ? 0 : TG_EINVAL;
}

size_t submission_text(const struct submission *s, char *out, size_t cap)
{
	char hash[TG_B64_LEN(TREE_HASH) + 1];
	size_t at;

	if (s->proof.n > SUBMISSION_PROOF_MAX || s->note_n > SUBMISSION_NOTE_MAX ||
		cap < SUBMISSION_MAX + 1)
		return 0;
	at = (size_t)snprintf(out, cap, OLD "%" PRIu64 "\n", s->old);
	for (unsigned i = 0; i < s->proof.n; i++) {
		tg_b64_encode(TG_B64_STD, s->proof.hash[i], TREE_HASH, hash);
		at += (size_t)snprintf(out + at, cap - at, "%s\n", hash);
	}
	out[at++] = '\n';
	memcpy(out + at, s->note, s->note_n);
	out[at + s->note_n] = '\0';
	return at + s->note_n;
}
