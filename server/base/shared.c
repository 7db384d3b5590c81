/* shared.c: the memory that the recorder shares with workers and admin. Runs in all of them; no process waits for another here. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/shared.h"

#define READ_TRIES 8

struct head {
	_Atomic uint64_t n;
	_Atomic uint8_t hash[SHARED_HASH];
};

/* Heads are written in turn, and the turn is counted last: whoever reads one that is then overwritten sees that the turn moved. */
struct shared {
	_Atomic uint64_t caught_up_us;
	_Atomic unsigned state;
	_Atomic int error;
	_Atomic uint64_t turn; /* 0: no head yet */
	struct head head[2];
};

static struct shared *mine;

struct shared *shared_new(void)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void shared_free(struct shared *s)
{
	if (s == NULL)
		return;
	if (mine == s)
		mine = NULL;
	munmap(s, sizeof *s);
}

void shared_attach(struct shared *s)
{
	mine = s;
}

void shared_set_evidence(enum evidence e, int error)
{
	if (mine == NULL)
		return;
	atomic_store(&mine->error, error);
	atomic_store(&mine->state, (unsigned)e);
}

void shared_set_caught_up(uint64_t mono_us)
{
	if (mine != NULL)
		atomic_store(&mine->caught_up_us, mono_us);
}

void shared_set_head(uint64_t n, const uint8_t hash[SHARED_HASH])
{
	struct head *h;
	uint64_t turn;
	size_t i;

	if (mine == NULL)
		return;
	turn = atomic_load(&mine->turn) + 1;
	h = &mine->head[turn & 1];
	atomic_store(&h->n, n);
	for (i = 0; i < SHARED_HASH; i++)
		atomic_store(&h->hash[i], hash[i]);
	atomic_store(&mine->turn, turn);
}

bool shared_head(uint64_t *n, uint8_t hash[SHARED_HASH])
{
	unsigned tries;
	size_t i;

	for (tries = 0; mine != NULL && tries < READ_TRIES; tries++) {
		uint64_t turn = atomic_load(&mine->turn);
		struct head *h = &mine->head[turn & 1];

		if (turn == 0)
			return false;
		*n = atomic_load(&h->n);
		for (i = 0; i < SHARED_HASH; i++)
			hash[i] = atomic_load(&h->hash[i]);
		if (atomic_load(&mine->turn) == turn)
			return true;
	}
	return false;
}

enum evidence shared_evidence(void)
{
	return mine != NULL ? (enum evidence)atomic_load(&mine->state) : EVIDENCE_STARTING;
}

bool shared_evidence_late(unsigned max_lag_s)
{
	uint64_t now = clock_mono_us();

	return mine != NULL && now - atomic_load(&mine->caught_up_us) > max_lag_s * UINT64_C(1000000);
}

char *shared_evidence_text(char *out, size_t cap)
{
	static const char *const text[] = {
		[EVIDENCE_STARTING] = "the recorder has not begun yet",
		[EVIDENCE_RECORDING] = "recording",
		[EVIDENCE_ELSEWHERE] = "another server's recorder writes the evidence of this store; ours waits",
		[EVIDENCE_NO_STORE] = "the recorder cannot use the store",
		[EVIDENCE_NO_FILE] = "audit_log cannot be written",
		[EVIDENCE_NO_KEY] = "audit_key cannot be used",
		[EVIDENCE_DAMAGED] = "audit_log is not as its recorder left it; keep it, and move it away to begin a new one",
		[EVIDENCE_IN_USE] = "another process uses audit_key",
	};
	unsigned state = shared_evidence();
	int error = mine != NULL ? atomic_load(&mine->error) : 0;

	snprintf(out, cap, "%s%s%s", state < sizeof text / sizeof *text ? text[state] : "unknown", error != 0 ? ": " : "",
	    error != 0 ? strerror(error) : "");
	return out;
}
