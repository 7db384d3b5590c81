/* scoreboard.c: see scoreboard.h. It asks nothing of the store, and decides nothing by what is
 * told. Runs in every process. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/scoreboard.h"
#include "base/clock.h"

#define FOUND_BITS 8 /* of the word `found`; the others hold the time, in microseconds */
#define READ_TRIES 8 /* of a reader of the head; the recorder writes it once a second */
#define SILENT_S 3u  /* a recorder with nothing to do says so five times a second */

struct head {
	_Atomic uint64_t n;
	_Atomic uint8_t hash[SCOREBOARD_HASH];
};

struct scoreboard {
	_Atomic uint64_t found; /* 0: nothing yet */
	_Atomic char denied[SCOREBOARD_DENIED];
	_Atomic int64_t clock; /* 0: nothing remembered; INT64_MIN: 0 was */
	_Atomic uint64_t stop_live;
	_Atomic bool stop_unknown;
	_Atomic unsigned evidence;
	_Atomic int error;
	_Atomic uint64_t caught_up_us;
	_Atomic bool compared;
	_Atomic bool replaced;
	_Atomic unsigned writes;
	_Atomic unsigned wipes;
	_Atomic uint64_t full_us; /* 0: never */
	/* The two heads are written by turns, and the turn is counted after the bytes. A reader of
	 * a head that was written anew meanwhile sees that the turn has moved. */
	_Atomic uint64_t turn; /* head[turn & 1] is the latest; 0: none yet */
	struct head head[2];
};

static struct scoreboard *mine;

struct scoreboard *scoreboard_new(void)
{
	void *p = mmap(NULL, sizeof(struct scoreboard), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void scoreboard_free(struct scoreboard *b)
{
	if (b == NULL)
		return;
	if (mine == b)
		mine = NULL;
	munmap(b, sizeof *b);
}

void scoreboard_attach(struct scoreboard *b)
{
	mine = b;
}

bool scoreboard_attached(void)
{
	return mine != NULL;
}

/* What the reaper found of the store --------------------------------------- */

/* 0 also when another process has read its clock a moment later than this one. */
static uint64_t since_us(uint64_t then)
{
	uint64_t now = clock_mono_us();

	return now > then ? now - then : 0;
}

void scoreboard_set_found(unsigned found)
{
	if (mine != NULL)
		atomic_store(&mine->found, clock_mono_us() << FOUND_BITS | (uint64_t)found);
}

bool scoreboard_found(unsigned *found, uint64_t *age_us)
{
	uint64_t word = mine != NULL ? atomic_load(&mine->found) : 0;

	*found = (unsigned)(word & ((1u << FOUND_BITS) - 1));
	*age_us = since_us(word >> FOUND_BITS);
	return word != 0;
}

void scoreboard_set_denied(const char *what)
{
	size_t n = strnlen(what, SCOREBOARD_DENIED - 1);

	for (size_t i = 0; mine != NULL && i <= n; i++)
		atomic_store(&mine->denied[i], i < n ? what[i] : '\0');
}

void scoreboard_denied(char out[SCOREBOARD_DENIED])
{
	for (size_t i = 0; i < SCOREBOARD_DENIED - 1; i++)
		out[i] = mine != NULL ? atomic_load(&mine->denied[i]) : '\0';
	out[SCOREBOARD_DENIED - 1] = '\0';
}

void scoreboard_set_writes(unsigned writes)
{
	if (mine != NULL)
		atomic_store(&mine->writes, writes);
}

unsigned scoreboard_writes(void)
{
	return mine != NULL ? atomic_load(&mine->writes) : 0;
}

void scoreboard_set_wipes(unsigned wipes)
{
	if (mine != NULL)
		atomic_store(&mine->wipes, wipes);
}

unsigned scoreboard_wipes(void)
{
	return mine != NULL ? atomic_load(&mine->wipes) : 0;
}

void scoreboard_set_full(void)
{
	if (mine != NULL)
		atomic_store(&mine->full_us, clock_mono_us());
}

uint64_t scoreboard_full_age_us(void)
{
	uint64_t then = mine != NULL ? atomic_load(&mine->full_us) : 0;

	return then != 0 ? since_us(then) : UINT64_MAX;
}

/* The store's clock -------------------------------------------------------- */

void scoreboard_set_clock(int64_t ms)
{
	if (mine != NULL)
		atomic_store(&mine->clock, ms != 0 ? ms : INT64_MIN);
}

bool scoreboard_clock(int64_t *ms)
{
	int64_t v = mine != NULL ? atomic_load(&mine->clock) : 0;

	*ms = v != INT64_MIN ? v : 0;
	return v != 0;
}

/* The stop ----------------------------------------------------------------- */

void scoreboard_set_stopped(uint64_t live, bool all)
{
	if (mine == NULL)
		return;
	atomic_store(&mine->stop_live, live);
	atomic_store(&mine->stop_unknown, !all);
}

bool scoreboard_stopped(uint64_t *live, bool *all)
{
	*live = mine != NULL ? atomic_load(&mine->stop_live) : 0;
	*all = mine == NULL || !atomic_load(&mine->stop_unknown);
	return *live > 0 || !*all;
}

/* Evidence ----------------------------------------------------------------- */

void scoreboard_set_evidence(enum evidence e, int error)
{
	if (mine == NULL)
		return;
	atomic_store(&mine->error, error);
	atomic_store(&mine->evidence, (unsigned)e);
}

enum evidence scoreboard_evidence(void)
{
	return mine != NULL ? (enum evidence)atomic_load(&mine->evidence) : EVIDENCE_STARTING;
}

/* Returns how long ago the recorder last had everything recorded. Long: it is stopped, or more
 * comes than it can write. */
static uint64_t behind_us(void)
{
	return since_us(atomic_load(&mine->caught_up_us));
}

char *scoreboard_evidence_text(char *out, size_t cap)
{
	static const char *const text[] = {
		[EVIDENCE_STARTING] = "the recorder has not begun yet",
		[EVIDENCE_RECORDING] = "recording",
		[EVIDENCE_ELSEWHERE] =
			"another server's recorder writes the evidence of this store; ours waits",
		[EVIDENCE_NO_STORE] = "the recorder cannot use the store",
		[EVIDENCE_NO_FILE] = "audit_log cannot be written",
		[EVIDENCE_NO_KEY] = "audit_key cannot be used",
		[EVIDENCE_LOST_KEY] = "audit_key is missing, or is not the one of its .pub: bring "
				      "it back, or move the .pub away to go on with a new key",
		[EVIDENCE_DAMAGED] = "audit_log is not as its recorder left it; keep it, and move "
				     "it away to begin a new one",
		[EVIDENCE_NO_TREE] =
			"the tiles beside audit_log are not those of the log, and its first lines "
			"are gone: bring the tiles back, or move the log with its rotated files "
			"away to begin a new one",
		[EVIDENCE_IN_USE] = "another process uses audit_log or audit_key",
	};
	unsigned e = scoreboard_evidence();
	int error = mine != NULL ? atomic_load(&mine->error) : 0;

	if (e == EVIDENCE_RECORDING && scoreboard_evidence_late(SILENT_S))
		snprintf(out, cap,
			"the recorder has not caught up for %u s; it hangs, or the disk is too "
			"slow for it",
			(unsigned)(behind_us() / 1000000));
	else
		snprintf(out, cap, "%s%s%s", e < sizeof text / sizeof *text ? text[e] : "unknown",
			error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
	return out;
}

void scoreboard_set_caught_up(uint64_t mono_us)
{
	if (mine != NULL)
		atomic_store(&mine->caught_up_us, mono_us);
}

bool scoreboard_evidence_late(unsigned max_lag_s)
{
	return mine != NULL && behind_us() > max_lag_s * UINT64_C(1000000);
}

void scoreboard_set_compared(bool yes)
{
	if (mine != NULL)
		atomic_store(&mine->compared, yes);
}

bool scoreboard_compared(void)
{
	return mine == NULL || atomic_load(&mine->compared);
}

void scoreboard_set_replaced(void)
{
	if (mine != NULL)
		atomic_store(&mine->replaced, true);
}

bool scoreboard_replaced(void)
{
	return mine != NULL && atomic_load(&mine->replaced);
}

void scoreboard_set_head(uint64_t n, const uint8_t hash[SCOREBOARD_HASH])
{
	struct head *h;
	uint64_t turn;
	size_t i;

	if (mine == NULL)
		return;
	turn = atomic_load(&mine->turn) + 1;
	h = &mine->head[turn & 1];
	atomic_store(&h->n, n);
	for (i = 0; i < SCOREBOARD_HASH; i++)
		atomic_store(&h->hash[i], hash[i]);
	atomic_store(&mine->turn, turn);
}

bool scoreboard_head(uint64_t *n, uint8_t hash[SCOREBOARD_HASH])
{
	unsigned tries;
	size_t i;

	for (tries = 0; mine != NULL && tries < READ_TRIES; tries++) {
		uint64_t turn = atomic_load(&mine->turn);
		struct head *h = &mine->head[turn & 1];

		if (turn == 0)
			return false;
		*n = atomic_load(&h->n);
		for (i = 0; i < SCOREBOARD_HASH; i++)
			hash[i] = atomic_load(&h->hash[i]);
		if (atomic_load(&mine->turn) == turn)
			return true;
	}
	return false;
}
