/*
 * Goal: the functions of claims and of requests' keys alone: who may, what each leaves in Redis and
 * in the outbox, what is said again, and what a server that died in between leaves to the next.
 */
#include "functions_fixture.h"

/* In how many of the newest events that word stands. */
static int events_that_say(const char *word)
{
	redisReply *r = redis_server_do(&redis, "XREVRANGE tg:{05}:out + - COUNT 5000");
	int n = 0;

	for (size_t i = 0; i < r->elements; i++)
		n += strstr(r->element[i]->element[1]->element[1]->str, word) != NULL;
	freeReplyObject(r);
	return n;
}

static int claim(const char *id, const char *peer, long lease_ms, const char *key)
{
	return fcall("claim", "%s %s %ld HASH SALT %s 0", id, peer, lease_ms, key);
}

static void claim_live_leaves_chunks_and_moves_every_deadline(void **state)
{
	long long ld;

	(void)state;
	blob("B", "", 0, 3, 100000);
	assert_int_equal(claim("B", "v", 5000, ""), 0);
	assert_string_equal(field(1, 1), "claimed");
	ld = atoll(last->element[2]->str);
	assert_true(ld > now_ms() + 3000 && ld <= now_ms() + 5000);
	assert_int_equal(last->element[4]->integer, 0);
	assert_int_equal(score("b:B"), ld);
	assert_int_equal(number_at("PEXPIRETIME %s", "tg:{05}:c:B:2"), ld + NET_MS);
	assert_int_equal(redis_server_chunks(&redis, "B"), 3);
	assert_string_equal(newest("e"), "claimed");
	assert_string_equal(newest("w"), "v");
	assert_int_equal(atoll(newest("ld")), ld);
	assert_int_equal(claim("B", "w", 5000, ""), TG_ECLAIMED);
	assert_int_equal(claim("B", "v", 5000, ""), TG_ECLAIMED);
	assert_int_equal(fcall("take", "B v T"), TG_ECLAIMED);
	assert_int_equal(claim("B", "stranger", 5000, ""), TG_ENOENT);
}

static void claim_of_a_taking_blob_is_refused(void **state)
{
	(void)state;
	blob("B", "", 0, 2, 100000);
	assert_int_equal(fcall("take", "B v T"), 0);
	assert_int_equal(claim("B", "w", 5000, ""), TG_ECLAIMED);
	assert_int_equal(fcall("take_end", "B T"), 0);
	assert_int_equal(claim("B", "w", 5000, ""), TG_EGONE);
}

/* The second line of the answer: why there is nothing for this peer. */
static void assert_why(const char *why)
{
	assert_string_equal(last->element[1]->str, why);
}

static void claim_read_and_ack_want_peer_and_secret(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	/* not claimed: no hash is no secret */
	assert_int_equal(fcall("claim_read", "B v %s", ""), TG_ENOENT);
	assert_int_equal(fcall("ack", "B v %s ok %s", "", ""), TG_ENOENT);
	assert_int_equal(claim("B", "v", 5000, ""), 0);
	assert_int_equal(fcall("claim_read", "B w HASH"), TG_ENOENT);
	assert_why("claimed-by-other");
	assert_int_equal(fcall("claim_read", "B v OTHER"), TG_ENOENT);
	assert_why("wrong-claim");
	assert_int_equal(fcall("ack", "B w HASH ok %s", ""), TG_ENOENT);
	assert_int_equal(fcall("ack", "B v OTHER ok %s", ""), TG_ENOENT);
	assert_why("wrong-claim");
	assert_int_equal(fcall("claim_read", "Z v HASH"), TG_ENOENT);
	assert_int_equal(last->elements, 1);
	assert_int_equal(fcall("claim_read", "B v HASH"), 0);
	assert_int_equal(redis_server_chunks(&redis, "*"), 1);
	assert_int_equal(fcall("ack", "B v HASH rejected %s", ""), 0);
	assert_string_equal(field(1, 12), "consumed");
	assert_string_equal(newest("o"), "rejected");
	assert_string_equal(newest("w"), "v");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	assert_int_equal(score("b:B"), -1);
	assert_int_equal(fcall("claim_read", "B v HASH"), TG_EGONE);
	assert_int_equal(fcall("claim_read", "B w HASH"), TG_ENOENT);
	assert_int_equal(fcall("ack", "B v HASH ok %s", ""), TG_EGONE);
	assert_int_equal(claim("B", "w", 5000, ""), TG_EGONE);
}

static void claim_repeated_under_its_key_is_told_the_same(void **state)
{
	long long ld;

	(void)state;
	blob("B", "", 0, 1, 100000);
	assert_int_equal(claim("B", "v", 5000, "KEY"), 0);
	ld = atoll(last->element[2]->str);
	assert_int_equal(fcall("claim", "B v 900000 HASH2 SALT2 KEY 0"), 0);
	assert_int_equal(atoll(last->element[2]->str), ld);
	assert_string_equal(last->element[3]->str, "SALT");
	assert_int_equal(last->element[4]->integer, 1);
	assert_int_equal(claim("B", "v", 5000, "OTHER"), TG_ECLAIMED);
	assert_int_equal(atoll(last->element[2]->str), ld); /* it is its own */
	assert_int_equal(fcall("claim_read", "B v HASH2"), TG_ENOENT);
	assert_int_equal(fcall("ack", "B v HASH ok ACK"), 0);
	assert_int_equal(last->element[2]->integer, 0);
	assert_int_equal(fcall("ack", "B v HASH ok ACK"), 0);
	assert_int_equal(last->element[2]->integer, 1);
	assert_int_equal(fcall("ack", "B v HASH ok OTHER"), TG_EGONE);
	/* a tombstone knows neither size nor digest */
	assert_int_equal(claim("B", "v", 5000, "KEY"), TG_EGONE);
	/* st u to d p c ga ev, and of the claim: w th ak */
	assert_int_equal(said("tg:{05}:b:B", "XXXXXXXXXXXXXXXXXXXXXX"), 11);
}

static void claim_lease_end_is_met_by_reaper_or_reader_first(void **state)
{
	(void)state;
	blob("B", "", 0, 2, 100000);
	blob("C", "", 0, 2, 100000);
	assert_int_equal(claim("B", "v", 100, ""), 0);
	assert_int_equal(claim("C", "v", 100, ""), 0);
	sleep_until(score("b:C"));
	assert_int_equal(fcall("claim_read", "B v HASH"), TG_EGONE);
	assert_string_equal(field(1, 12), "lease-expired");
	assert_int_equal(reap(10), 1);
	assert_string_equal(field(7, 0), "lease-expired");
	assert_true(atoll(field(7, 1)) >= 0);
	assert_string_equal(newest("c"), "lease-expired");
	assert_string_equal(newest("w"), "v");
	assert_string_equal(newest("o"), "");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
	assert_int_equal(fcall("ack", "C v HASH ok %s", ""), TG_EGONE);
}

static void claim_never_passes_the_deadline_and_ends_with_its_session(void **state)
{
	long long idl;

	(void)state;
	blob("B", "", 0, 1, 2000);
	assert_int_equal(claim("B", "v", 900000, ""), 0);
	assert_string_equal(last->element[2]->str, field(1, 9));
	session("S", 60000, 3600000);
	blob("C", "S", 1, 1, 100000);
	idl = score("s:S");
	sleep_until(now_ms() + 5);
	assert_int_equal(claim("C", "v", 900000, ""), 0);
	assert_true(score("s:S") > idl);
	idl = score("s:S");
	sleep_until(now_ms() + 5);
	assert_int_equal(fcall("claim_read", "C v HASH"), 0);
	assert_true(score("s:S") > idl);
	assert_int_equal(fcall("session_close", "S up 0 10"), 0);
	assert_int_equal(last->elements, 4);
	assert_int_equal(fcall("ack", "C v HASH ok %s", ""), TG_EGONE);
	assert_string_equal(field(1, 12), "session-closed");
	assert_int_equal(redis_server_chunks(&redis, "C"), 0);
}

static void claim_by_a_processor_is_of_foreign_passports_alone(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000); /* a Danish one */
	assert_int_equal(fcall("claim", "B v 1000 HASH %s %s 1", "", ""), TG_EPROCESSOR);
	assert_int_equal(fcall("claim", "B x 1000 HASH %s %s 1", "", ""), TG_ENOENT);
	only_chunk("C", "bytes");
	assert_int_equal(fcall("commit", "C up %s %s 0 1 5 60000 0 %s %s 0", " v ", "",
				 "tag liveness 0", "- -"),
		0);
	assert_int_equal(fcall("claim", "C v 1000 HASH %s %s 1", "", ""), TG_EPROCESSOR);
	only_chunk("D", "bytes");
	assert_int_equal(fcall("commit", "D up %s %s 0 1 5 60000 0 %s %s 0", " v ", "",
				 "tag passport 0", "SWE -"),
		0);
	assert_int_equal(fcall("claim", "D v 1000 HASH %s %s 1", "", ""), 0);
	assert_int_equal(fcall("ack", "D v HASH ok %s", ""), 0);
	assert_int_equal(fcall("claim", "D v 1000 HASH %s %s 1", "", ""), TG_EGONE);
}

static void claim_of_a_blob_whose_bytes_are_lost_says_gone(void **state)
{
	(void)state;
	blob("B", "", 0, 3, 100000);
	redis_server_run_cmd(&redis, "DEL tg:{05}:c:B:1");
	assert_int_equal(claim("B", "v", 5000, ""), TG_EGONE);
	assert_string_equal(field(1, 12), "store-lost");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

/* A function looks at the clock once; Redis looks again when it is given an expiry, and by then the
 * deadline may be over. */
static void claim_and_take_in_the_last_millisecond_lose_nothing(void **state)
{
	int met = 0, lost = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		const int n = i % 2 == 0 ? 48 : 1;
		char id[8];

		snprintf(id, sizeof id, "B%d", i);
		blob(id, "", 0, n, 8);
		/* the call's way there takes some of it */
		spin_until_us(atoll(field(1, 9)) * 1000 - 3 * i);
		const int err = i % 4 < 2 ? claim(id, "v", 5000, "") : fcall("take", "%s v T", id);
		met += err == 0;
		assert_true(err == 0 || err == TG_EGONE);
		lost += err == TG_EGONE && strcmp(field(1, 12), "expired") != 0;
		sleep_until(now_ms() + 1);
		reap(16);
	}
	print_message("of 400 %d were met alive, and %d said to be lost\n", met, lost);
	assert_true(met > 20);
	assert_int_equal(lost, 0);
	assert_int_equal(events_that_say("store-lost"), 0);
}

/* The same of an upload that is complete in its last millisecond: it lives, or its time is over. */
static void commit_in_the_last_millisecond_is_stored_or_too_late(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		char id[8];
		int err;

		snprintf(id, sizeof id, "B%d", i);
		for (int k = 0; k < 16; k++)
			redis_server_run_cmd(
				&redis, "SET tg:{05}:c:%s:%d bytes PX %d", id, k, 1 + NET_MS);
		assert_int_equal(
			fcall("stage", "%s up %s 0 1 16 60000 %s", id, "", "- passport 1"), 0);
		err = commit(id, "", 0, 16, 80, 5000, 4999);
		assert_true(err == 0 || err == TG_ETTL);
		sleep_until(now_ms() + 2);
		reap(16);
	}
	assert_int_equal(events_that_say("store-lost"), 0);
}

static void claim_and_ack_work_in_a_full_store(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	redis_server_run_cmd(&redis, "CONFIG SET maxmemory 1");
	assert_int_equal(fcall("idempotency_begin", "H what B %s 1000", ""), 0);
	assert_int_equal(claim("B", "v", 5000, "KEY"), 0);
	assert_int_equal(fcall("claim_read", "B v HASH"), 0);
	assert_int_equal(fcall("ack", "B v HASH ok %s", ""), 0);
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

static void idempotency_begin_gives_the_key_to_one(void **state)
{
	(void)state;
	assert_int_equal(fcall("idempotency_begin", "H what A %s 1000", ""), 0);
	assert_string_equal(last->element[1]->str, "A");
	assert_int_equal(fcall("idempotency_begin", "H what B %s 1000", ""), 0);
	assert_string_equal(last->element[1]->str, "A");
	assert_string_equal(last->element[3]->str, "0");
	assert_int_equal(fcall("idempotency_begin", "H other C %s 1000", ""), TG_EREUSED);
	assert_int_equal(fcall("idempotency_settle", "H B"), TG_EINFLIGHT);
	assert_int_equal(fcall("idempotency_settle", "H A"), 0);
	assert_int_equal(fcall("idempotency_begin", "H what B %s 1000", ""), 0);
	assert_string_equal(last->element[3]->str, "1");
	assert_int_equal(fcall("idempotency_drop", "H A"), 0); /* what was told stays told */
	assert_int_equal(fcall("idempotency_begin", "H what B X 1000"), 0);
	assert_string_equal(last->element[1]->str, "A");
	assert_int_equal(fcall("idempotency_begin", "H what B A 1000"), 0); /* A came to nothing */
	assert_string_equal(last->element[1]->str, "B");
	assert_int_equal(fcall("idempotency_settle", "H A"), TG_EINFLIGHT);
	assert_true(number_at("PTTL %s", "tg:{05}:i:H") > 86400000);
	assert_int_equal(fcall("idempotency_drop", "H A"), 0);
	assert_int_equal(redis_server_keys(&redis, "tg:{05}:i:H"), 1);
	assert_int_equal(fcall("idempotency_drop", "H B"), 0);
	assert_int_equal(redis_server_int(&redis, "DBSIZE"), 0);
	assert_int_equal(fcall("idempotency_settle", "H B"), TG_EINFLIGHT);
}

static void idempotency_look_ends_what_its_session_has_ended(void **state)
{
	(void)state;
	session("S", 40, 3600000);
	blob("B", "S", 1, 1, 100000);
	sleep_until(now_ms() + 41);
	assert_int_equal(fcall("idempotency_look", "B"), 0);
	assert_string_equal(field(1, 1), "gone");
	assert_string_equal(field(1, 12), "session-idle");
	assert_int_equal(redis_server_chunks(&redis, "*"), 0);
}

static void idempotency_look_keeps_a_blob_that_its_uploader_knows(void **state)
{
	(void)state;
	assert_int_equal(fcall("idempotency_look", "B"), TG_ENOENT);
	assert_int_equal(fcall("stage", "B up %s 0 1 2 60000 d", ""), 0);
	assert_int_equal(fcall("idempotency_look", "B"), TG_EINFLIGHT);
	chunk("B", 0, "bytes");
	chunk("B", 1, "bytes");
	assert_int_equal(commit("B", "", 0, 2, 10, 60000, 0), 0);
	assert_int_equal(fcall("idempotency_look", "B"), 0);
	/* another server, whose commit's answer was lost, comes too late */
	assert_int_equal(fcall("abort", "B 2 0 1"), 0);
	assert_int_equal(fcall("stat", "B"), 0);
	assert_string_equal(field(1, 1), "live");
	blob("C", "", 0, 1, 60000);
	assert_int_equal(fcall("abort", "C 1 0 1"), 0);
	assert_int_equal(fcall("idempotency_look", "C"), 0);
	assert_string_equal(field(1, 12), "aborted");
}

/* The net stays at the blob's deadline; but who has a claim is told of it. */
static void claim_is_given_without_the_net(void **state)
{
	(void)state;
	blob("B", "", 0, 1, 100000);
	redis_server_run_cmd(&redis, "ACL SETUSER default -pexpireat");
	assert_int_equal(fcall("claim", "B v 30000 TH salt %s 0", "CK"), 0);
	redis_server_run_cmd(&redis, "ACL SETUSER default +pexpireat");
	assert_int_equal(fcall("claim_read", "B v TH"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(claim_live_leaves_chunks_and_moves_every_deadline),
		T(claim_of_a_taking_blob_is_refused),
		T(claim_read_and_ack_want_peer_and_secret),
		T(claim_repeated_under_its_key_is_told_the_same),
		T(claim_lease_end_is_met_by_reaper_or_reader_first),
		T(claim_never_passes_the_deadline_and_ends_with_its_session),
		T(claim_by_a_processor_is_of_foreign_passports_alone),
		T(claim_of_a_blob_whose_bytes_are_lost_says_gone),
		T(claim_and_take_in_the_last_millisecond_lose_nothing),
		T(commit_in_the_last_millisecond_is_stored_or_too_late),
		T(claim_and_ack_work_in_a_full_store),
		T(idempotency_begin_gives_the_key_to_one),
		T(idempotency_look_ends_what_its_session_has_ended),
		T(idempotency_look_keeps_a_blob_that_its_uploader_knows),
		T(claim_is_given_without_the_net),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
