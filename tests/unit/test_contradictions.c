/*
 * Goal: whoever has the recorder's key can write any history anew and sign it; whoever kept a proof
 * finds it, when it lies before the proof's checkpoint. The histories here are told twice with one
 * key. With TIMEGLAS_CONTRADICTIONS_OUT set to a folder, it writes TIMEGLAS_CONTRADICTIONS of them
 * there, for the command line: a proof that was kept of the first history, and the second one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <timeglas/errors.h>
#include "lib/receipt.h"
#include "log_fixture.h"

#define BLOBS 60u
#define EVENTS_MAX (2 * BLOBS + 2)

static struct log_key key;
static struct log_event first[EVENTS_MAX], second[EVENTS_MAX];
static struct log before, after; /* the two histories */

/* The first history: blobs are stored, two at a time, and read. */
static unsigned tell_first(struct log_event *e)
{
	for (unsigned i = 0; i < BLOBS / 2; i++)
		for (unsigned k = 0; k < 4; k++)
			*e++ = (struct log_event){2 * i + k % 2, k > 1, "verifier", 0};
	return 2 * BLOBS;
}

/* The second one: each changes it from the event `at` on, and returns how many events it has. At
 * `at` a blob was read; the one behind it, too. */

static unsigned other_reader(struct log_event *e, unsigned n, unsigned at)
{
	e[at].by = "verifier2";
	return n;
}

static unsigned other_time(struct log_event *e, unsigned n, unsigned at)
{
	e[at].shift_ms = -3;
	return n;
}

static unsigned removed(struct log_event *e, unsigned n, unsigned at)
{
	const unsigned from = at - 2; /* with its blob's beginning, which stands two before */

	memmove(e + at, e + at + 1, (n - at - 1) * sizeof *e);
	memmove(e + from, e + from + 1, (n - from - 2) * sizeof *e);
	return n - 2;
}

static unsigned added(struct log_event *e, unsigned n, unsigned at)
{
	memmove(e + at + 2, e + at, (n - at) * sizeof *e);
	e[at] = (struct log_event){BLOBS + 1, false, NULL, 0};
	e[at + 1] = (struct log_event){BLOBS + 1, true, "verifier", 0};
	return n + 2;
}

static unsigned swapped(struct log_event *e, unsigned n, unsigned at)
{
	struct log_event x = e[at];

	e[at] = e[at + 1];
	e[at + 1] = x;
	return n;
}

static unsigned anew(struct log_event *e, unsigned n, unsigned at)
{
	for (unsigned i = 0; i < n; i++)
		e[i].blob += at;
	return n;
}

/* Cut: its last event is `at`; a checkpoint that never was stands behind it. */
static unsigned cut(struct log_event *e, unsigned n, unsigned at)
{
	(void)e;
	(void)n;
	return at + 2;
}

/* Two histories, of which each goes on: two readers were shown different ones. */
static unsigned split(struct log_event *e, unsigned n, unsigned at)
{
	for (unsigned i = at + 2; i < n; i++) {
		e[i].blob += 100;
		if (e[i].gone)
			e[i].by = "verifier2";
	}
	return n;
}

static const struct kind {
	const char *name;
	unsigned (*change)(struct log_event *e, unsigned n, unsigned at);
} kinds[] = {
	{"reader", other_reader}, {"time", other_time}, {"removed", removed}, {"added", added},
	{"swapped", swapped}, {"anew", anew}, {"cut", cut}, {"split", split},
	{"rollback", NULL}, /* an older copy of the log, as it really was */
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* What was kept ------------------------------------------------------------ */

struct kept {
	uint64_t size; /* of its checkpoint */
	struct proof proof;
	char note[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2];
	char text[PROOF_MAX + 1];
	size_t n;
};
static struct kept kept;
static struct receipt receipt;

/* Of the record in the line `index`, with the checkpoint that is the first one behind `size`
 * lines. */
static void keep(uint64_t index, uint64_t size)
{
	struct checkpoint c;

	while (!before.line[size].is_check)
		size++;
	log_head(&key, &before, size, &c);
	kept.size = size;
	log_prove(&key, &before, index, size, &kept.proof);
	kept.proof.checkpoint = kept.note;
	kept.proof.checkpoint_n = log_note(&key, &c, kept.note);
	kept.n = proof_text(&kept.proof, kept.text, sizeof kept.text);
}

/* The line in which the event stands. */
static unsigned line_of(unsigned event)
{
	unsigned line = 0;

	for (unsigned events = 0; events <= event; line++)
		events += !before.line[line].is_check;
	return line - 1;
}

/* Tells the i-th pair of histories, and keeps a proof of the first. behind: the second one changes
 * nothing before the proof's checkpoint. */
static const struct kind *contradict(unsigned i, bool behind)
{
	const struct kind *kind = &kinds[i % (behind ? KINDS - 1 : KINDS)];
	/* the third event of four: a blob is read */
	const unsigned n = tell_first(first), at = 4 * (4 + i * 7 % (BLOBS / 2 - 10)) + 2;
	unsigned record;

	if (behind && kind->change == anew)
		kind = &kinds[0];
	memcpy(second, first, sizeof second);
	log_tell(&key, &before, first, n);
	if (kind->change != NULL)
		log_tell(&key, &after, second, kind->change(second, n, at));
	else
		log_tell(&key, &after, first, at + 2);
	if (behind) { /* at the last checkpoint before the change */
		uint64_t size = line_of(at - 2);

		while (!before.line[size].is_check)
			size--;
		keep(1 + i % 9, size); /* no checkpoint stands there */
		return kind;
	}
	/* of any record of the log, the changed one included */
	record = line_of(at + (i / KINDS) % (n - at));
	if (i % 3 == 0)
		record = line_of(i % at);
	keep(record, line_of(at) + 3 > record ? line_of(at) + 3 : record + 1);
	return kind;
}

static void forget(void)
{
	log_free(&before);
	log_free(&after);
}

/* Cases -------------------------------------------------------------------- */

/* Does the second history begin with what the proof's checkpoint signed? */
static bool agrees(void)
{
	struct log_reader r = {&key, &after};
	struct checkpoint old, new;
	struct tree_proof p;

	log_head(&key, &before, kept.size, &old);
	log_head(&key, &after, after.n - 1, &new);
	return old.size <= new.size &&tree_consistency(
				   key.sha, log_read_node, &r, old.size, new.size, &p) ==
		0 &&
		tree_consistency_check(key.sha, &p, old.size, new.size, old.root, new.root) == 0;
}

static void a_history_that_was_told_anew_does_not_agree_with_what_was_kept(void **state)
{
	struct receipt_key pinned = {0};

	(void)state;
	memcpy(pinned.public, key.note.public, sizeof pinned.public);
	for (unsigned i = 0; i < 300; i++) {
		const struct kind *kind = contradict(i, false);

		assert_int_equal(receipt_check(key.sha, kept.text, kept.n, &pinned, 1, &receipt),
			RECEIPT_GOOD);
		if (agrees())
			fail_msg("%u, %s: not found", i, kind->name);
		forget();
	}
}

static void behind_what_was_kept_nobody_can_tell(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		const struct kind *kind = contradict(i, true);

		if (!agrees())
			fail_msg("%u, %s: does not agree", i, kind->name);
		forget();
	}
}

/* For the command line ----------------------------------------------------- */

static void write_note_of_same_size(const char *folder)
{
	char note[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2];
	struct checkpoint c;

	if (kept.size >= after.n)
		return;
	log_head(&key, &after, kept.size, &c);
	log_write_file(folder, "note", note, log_note(&key, &c, note));
}

/* What a witness had cosigned of the first history when the second one was told: behind the change,
 * or, of every fourth eight pairs, before it. */
static void write_witnessed(const char *folder, unsigned i)
{
	char note[CHECKPOINT_TEXT_MAX + NOTE_LINE_MAX + 2];
	const bool early = i / (KINDS - 1) % 4 == 3;
	uint64_t size = early ? kept.size : before.n - 1;
	struct checkpoint c;

	while (!before.line[size].is_check)
		size--;
	log_head(&key, &before, size, &c);
	log_write_file(
		folder, early ? "witnessed-before" : "witnessed", note, log_note(&key, &c, note));
}

static int write_contradictions(const char *folder, unsigned count)
{
	char path[LOG_PATH];

	log_write_key(&key, folder);
	for (unsigned i = 0; i < 2 * count; i++) {
		const bool behind = i >= count;
		const struct kind *kind = contradict(i, behind);

		snprintf(path, sizeof path, "%s/%s%s-%u", folder, behind ? "behind-" : "",
			kind->name, i);
		if (mkdir(path, 0700) != 0)
			return 1;
		log_write(&key, &after, path);
		log_write_file(path, "proof", kept.text, kept.n);
		if (behind)
			write_witnessed(path, i);
		else
			write_note_of_same_size(path);
		forget();
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_history_that_was_told_anew_does_not_agree_with_what_was_kept),
		cmocka_unit_test(behind_what_was_kept_nobody_can_tell),
	};
	const char *folder = getenv("TIMEGLAS_CONTRADICTIONS_OUT"),
		   *count = getenv("TIMEGLAS_CONTRADICTIONS");
	int result;

	log_key_draw(&key);
	if (folder != NULL && count != NULL)
		result = write_contradictions(folder, (unsigned)strtoul(count, NULL, 10));
	else
		result = cmocka_run_group_tests(tests, NULL, NULL);
	sha256_free(key.sha);
	return result;
}
