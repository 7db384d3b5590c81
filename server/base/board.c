/* board.c: the memory that the reaper shares. Nobody waits for anybody here, and nothing is asked of the store. Runs in every process. */
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/board.h"
#include "base/clock.h"

#define STALE_US 3000000u
#define ATTEST_BITS 8 /* of a word whose other bits say when, in microseconds */

struct board {
	_Atomic uint64_t attest; /* 0: not yet */
	_Atomic int64_t clock;   /* INT64_MIN stands for a remembered 0, and 0 for nothing */
};

static struct board *mine;

struct board *board_new(void)
{
	void *p = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void board_free(struct board *b)
{
	if (b == NULL)
		return;
	if (mine == b)
		mine = NULL;
	munmap(b, sizeof *b);
}

void board_attach(struct board *b)
{
	mine = b;
}

void board_set_attest(enum attest a)
{
	if (mine != NULL)
		atomic_store(&mine->attest, clock_mono_us() << ATTEST_BITS | (uint64_t)a);
}

enum attest board_attest(void)
{
	uint64_t word;

	if (mine == NULL)
		return ATTEST_UNWATCHED;
	word = atomic_load(&mine->attest);
	if (word == 0)
		return ATTEST_NOT_YET;
	/* Set by another process: its reading of the clock may be a moment later than ours. */
	if (clock_mono_us() > (word >> ATTEST_BITS) + STALE_US)
		return ATTEST_STALE;
	return (enum attest)(word & ((1u << ATTEST_BITS) - 1));
}

bool board_attest_ok(enum attest a)
{
	return a <= ATTEST_UNWATCHED;
}

const char *board_attest_slug(enum attest a)
{
#define X_(name, slug, text) slug,
	static const char *const slugs[] = { BOARD_ATTEST(X_) };
#undef X_

	return (size_t)a < sizeof slugs / sizeof *slugs ? slugs[a] : "unknown";
}

const char *board_attest_text(enum attest a)
{
#define X_(name, slug, text) text,
	static const char *const texts[] = { BOARD_ATTEST(X_) };
#undef X_

	return (size_t)a < sizeof texts / sizeof *texts ? texts[a] : "unknown";
}

void board_set_clock(int64_t ms)
{
	if (mine != NULL)
		atomic_store(&mine->clock, ms != 0 ? ms : INT64_MIN);
}

bool board_clock(int64_t *ms)
{
	int64_t v = mine != NULL ? atomic_load(&mine->clock) : 0;

	*ms = v != INT64_MIN ? v : 0;
	return v != 0;
}
