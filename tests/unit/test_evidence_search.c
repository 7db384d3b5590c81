/*
 * Goal: an event that stands in the evidence is found there, however far back and in whichever file
 * it can be; one that is only similar, or another store's, is not.
 */
#include "check.h"
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#include <sodium.h>
#include "recorder/ledger.h"
#include "recorder/evidence_search.h"
#include "recorder/tail.h"
#include "test_dir.h"

#define E1 "11111111111111111111111111111111"
#define E2 "22222222222222222222222222222222"
#define MANY 600

static char dir[32], path[64];
static uint8_t secret[CHAIN_SECRET], public_key[CHAIN_KEY];
static struct ledger *ledger;
static struct entry scratch;

static redisReply part[MANY][4], *parts[MANY][4], list[MANY];
static char value[MANY][24];
static size_t n_events;

static int setup(void **state)
{
	const struct ledger_opts o = {
		.path = path, .secret = secret, .rotate_bytes = 3000, .rotate_s = 86400};

	(void)state;
	strcpy(dir, "/tmp/tgu-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/audit.log", dir);
	ledger = ledger_new(&o);
	assert_int_equal(ledger_open(ledger), 0);
	ledger_set_epoch(ledger, E1);
	assert_int_equal(ledger_checkpoint(ledger, "epoch"), 0);
	n_events = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ledger_free(ledger);
	return remove_folder(dir);
}

/* An event as the store gives it; its one value tells it from others. */
static struct outbox_event event(unsigned shard, uint64_t ms, unsigned v)
{
	size_t i = n_events++;
	const char *const text[4] = {"e", "stored", "new", value[i]};

	assert_true(i < MANY);
	snprintf(value[i], sizeof value[i], "value %u", v);
	for (size_t k = 0; k < 4; k++) {
		part[i][k] = (redisReply){.type = REDIS_REPLY_STRING,
			.str = (char *)(uintptr_t)text[k],
			.len = strlen(text[k])};
		parts[i][k] = &part[i][k];
	}
	list[i] = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = 4, .element = parts[i]};
	return (struct outbox_event){.shard = shard, .pos = {ms, 0}, .n = 2, .fields = &list[i]};
}

static void write_event(unsigned shard, uint64_t ms, unsigned v)
{
	const struct outbox_event e = event(shard, ms, v);

	entry_fill(&scratch, &e);
	assert_int_equal(ledger_add(ledger, &scratch.record), 0);
	assert_int_equal(ledger_commit(ledger), 0);
}

static void write_own(const char *name, const char *more)
{
	struct chain_record r = {
		.event = {name, strlen(name)}, .more = {more, strlen(more)}, CHAIN_NO_NUMBERS};

	assert_int_equal(ledger_add(ledger, &r), 0);
	assert_int_equal(ledger_commit(ledger), 0);
}

/* Is that event in the file? */
static bool known(const char *epoch, unsigned shard, uint64_t ms, unsigned v)
{
	struct evidence_search_event x = {event(shard, ms, v), true};

	assert_int_equal(
		evidence_search_events(path, ledger_mark(ledger)->epoch, epoch, &x, 1, &scratch),
		0);
	return x.known;
}

static void find_what_was_recorded_byte_by_byte(void **state)
{
	(void)state;
	write_event(5, 10, 1);
	write_event(5, 11, 2);
	write_event(6, 12, 3);
	assert_true(known(E1, 5, 10, 1) && known(E1, 5, 11, 2) && known(E1, 6, 12, 3));
	assert_false(known(E1, 5, 10, 2)); /* the same id, another event */
	assert_false(known(E1, 6, 10, 1)); /* another shard */
	assert_false(known(E1, 5, 9, 1));
	assert_false(known(E1, 5, 12, 3));
	assert_false(known(E2, 5, 10, 1)); /* another store */
}

static void find_through_checkpoints_and_rotated_files(void **state)
{
	struct evidence_search_event x[40];
	char old[96];
	uint64_t n;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		write_event(5, 100 + i, i);
		if (i % 3 == 2)
			assert_int_equal(ledger_checkpoint(ledger, "time"), 0);
	}
	assert_true(tail_newest(path, old, sizeof old));
	assert_true(tail_older(path, 100, old, sizeof old, &n) && n > 1 && n < 100);
	for (unsigned i = 0; i < 40; i++)
		x[i].event = event(5, i < 20 ? 100 + i * 10 : 1000 + i, i * 10);
	assert_int_equal(evidence_search_events(path, E1, E1, x, 40, &scratch), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(x[i].known, i < 20);
	assert_int_equal(evidence_search_events(path, E1, E1, x, 0, &scratch), 0);
}

/* The search ends at a checkpoint before which it cannot be: a file that cannot be read any more,
 * further back, does not matter. */
static void find_goes_no_further_back_than_it_must(void **state)
{
	char old[96], away[128];

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		write_event(5, 100 + i, i);
		assert_int_equal(ledger_checkpoint(ledger, "time"), 0);
	}
	assert_true(tail_newest(path, old, sizeof old));
	snprintf(away, sizeof away, "%s/away", dir);
	assert_int_equal(rename(old, away), 0);
	assert_int_equal(mkdir(old, 0700), 0); /* what cannot be mapped is an error */
	assert_true(known(E1, 5, 159, 59));
	assert_false(known(E1, 5, 159, 58) && known(E1, 5, 160, 60));
	assert_int_equal(rmdir(old), 0);
	assert_int_equal(rename(away, old), 0);
	assert_true(known(E1, 5, 100, 0));
}

static void find_beyond_a_revert_and_another_store(void **state)
{
	(void)state;
	write_event(5, 10, 1);
	write_own(CHAIN_STORE_REVERTED, "\"05\":\"3-0\"");
	ledger_set_pos(ledger, 5, &(struct chain_pos){3, 0});
	write_event(5, 4, 2);
	assert_true(known(E1, 5, 10, 1) && known(E1, 5, 4, 2));
	assert_int_equal(ledger_checkpoint(ledger, "exit"), 0);
	assert_true(known(E1, 5, 4, 2));
	write_own(CHAIN_STORE_LOST, "\"epoch\":\"" E2 "\",\"was\":\"" E1 "\"");
	ledger_set_epoch(ledger, E2);
	assert_int_equal(ledger_checkpoint(ledger, "epoch"), 0);
	write_event(5, 20, 7);
	assert_true(known(E1, 5, 4, 2)); /* the first store again */
	assert_false(known(E2, 5, 10, 1) || known(E2, 5, 4, 2) || known(E1, 5, 20, 7));
	assert_true(known(E2, 5, 20, 7));
}

struct behind {
	unsigned n;
	uint64_t last_ms;
};

static void on_behind(void *ctx, const struct chain_record *r, unsigned shard)
{
	struct behind *b = ctx;
	struct chain_pos pos;
	unsigned of;

	assert_int_equal(chain_id_parse(r->id.p, r->id.n, &of, &pos), 0);
	assert_int_equal(of, shard);
	assert_true(b->last_ms == 0 || pos.ms < b->last_ms); /* newest first; here of one shard */
	b->last_ms = pos.ms;
	b->n++;
}

static unsigned behind(const char *epoch, unsigned shard, uint64_t ms, int64_t since_ms)
{
	struct chain_pos from[CHAIN_SHARDS];
	struct behind b = {0};

	memset(from, 0xff, sizeof from);
	from[shard] = (struct chain_pos){ms, 0};
	assert_int_equal(evidence_search_behind(path, ledger_mark(ledger)->epoch, epoch, from,
				 since_ms, on_behind, &b),
		0);
	return b.n;
}

/* What a store that went back has forgotten: all that stands behind a position, also in rotated
 * files, and nothing of another shard or store. */
static void behind_a_position_everything_is_told_newest_first(void **state)
{
	char old[96];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		write_event(5, 100 + i, i);
		write_event(6, 100 + i, i);
		if (i % 3 == 2)
			assert_int_equal(ledger_checkpoint(ledger, "time"), 0);
	}
	assert_true(tail_newest(path, old, sizeof old));
	assert_int_equal(behind(E1, 5, 299, 0), 0);
	assert_int_equal(behind(E1, 5, 298, 0), 1);
	assert_int_equal(behind(E1, 5, 150, 0), 149);
	assert_int_equal(behind(E1, 5, 0, 0), 200);
	assert_int_equal(behind(E2, 5, 0, 0), 0);
	/* and not what is older than anything that could live */
	assert_in_range(behind(E1, 5, 0, 250), 50, 52);
}

/* The time that rules is the store's: a machine's clock that is days behind it hides nothing.
 * Another store's evidence is old by both. */
static void behind_a_position_the_stores_time_counts(void **state)
{
	const int64_t day_ms = 86400000, now_ms = (int64_t)time(NULL) * 1000;

	(void)state;
	write_event(5, 100, 1);
	assert_int_equal(ledger_checkpoint(ledger, "time"), 0);
	write_event(5, (uint64_t)(now_ms + 2 * day_ms), 2);
	assert_int_equal(ledger_checkpoint(ledger, "time"), 0);
	assert_int_equal(behind(E1, 5, 0, now_ms + day_ms), 1);
	write_own(CHAIN_STORE_LOST, "\"epoch\":\"" E2 "\",\"was\":\"" E1 "\"");
	ledger_set_epoch(ledger, E2);
	assert_int_equal(ledger_checkpoint(ledger, "epoch"), 0);
	assert_int_equal(behind(E1, 5, 0, now_ms - day_ms), 1);
	assert_int_equal(behind(E1, 5, 0, now_ms + 3 * day_ms), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(find_what_was_recorded_byte_by_byte),
		CASE(find_through_checkpoints_and_rotated_files),
		CASE(find_goes_no_further_back_than_it_must),
		CASE(find_beyond_a_revert_and_another_store),
		CASE(behind_a_position_everything_is_told_newest_first),
		CASE(behind_a_position_the_stores_time_counts),
	};

	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
