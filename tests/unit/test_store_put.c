/*
 * Goal: an upload becomes visible whole or leaves nothing, and what Redis refuses in the middle of
 * it is heard once. The store's calls against a
 * real Redis.
 */
#include "store_fixture.h"

/* Whatever it says, with little room to spare, or none: in a transaction, under a chosen name, in a
 * session. What its reader gets is the content, and its uploader can still learn of it. */
static void record_of_any_length_leaves_its_chunk_whole(void **state)
{
	static const char digest[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world *w = *state;
	char sid[TOKEN_LEN + 1];

	open_session(w);
	strcpy(sid, w->session.id);
	for (size_t len = 1; len<610; len += len> 60 && len < 230 ? 1 : 23)
		for (int way = 0; way < 3; way++) {
			struct store_put_opts o =
				put_opts(way == 2 ? sid : "", way == 2 && len < 30);

			memset(o.desc.to + strlen(o.desc.to), 'x', len);
			strcat(o.desc.to, " ");
			strcpy(o.desc.sha256, digest);
			memset(o.desc.subject, 'a', way == 2 ? 0 : STORE_SUBJECT_LEN);
			if (way == 1)
				random_name(o.desc.name);
			assert_int_equal(upload(w, &o, 777), 0);
			if (way == 1)
				assert_int_equal(upload(w, &o, 777), 0); /* it is known now */
			assert_int_equal(w->blob.repeated, way == 1);
			char id[TOKEN_LEN + 1];
			strcpy(id, w->blob.id);
			assert_int_equal(take(w, id, "verifier"), 0);
			assert_int_equal(evbuffer_get_length(w->out), 777);
			fill(w, 777);
			assert_memory_equal(
				evbuffer_pullup(w->in, -1), evbuffer_pullup(w->out, -1), 777);
		}
}

static void put_eager_says_whether_the_session_is_open(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	int err;

	open_session(w);
	o = put_opts(w->session.id, true);
	o.eager = true;
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	loop_until_stop(w->loop);
	assert_int_equal(w->checked, 1);
	store_put_abort(w->put);

	strcpy(o.desc.uploader, "somebody");
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	loop_until_stop(w->loop);
	assert_int_equal(w->refused, 1);
	assert_int_equal(w->err, TG_ESESSION);

	o = put_opts("", false); /* nothing to ask */
	o.eager = true;
	w->put = store_put_new(w->store, &o, &put_calls, w, &err);
	assert_int_equal(w->checked, 1); /* never before return */
	loop_until_stop(w->loop);
	assert_int_equal(w->checked, 2);
}

static void put_commit_without_open_session_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;

	open_session(w);
	o = put_opts(w->session.id, true);
	strcpy(o.desc.uploader, "somebody");
	assert_int_equal(upload(w, &o, 100), TG_ESESSION);
	assert_int_equal(upload(w, &o, 150000), TG_ESESSION);
	while (redis_server_chunks(&w->redis, "*") > 0) /* the abort is on its way */
		turn(w);

	/* Closed while the chunks come: the staged ones go with it, before the close is answered.
	 */
	o = put_opts(w->session.id, true);
	assert_int_equal(begin(w, &o, 2 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") < 2)
		turn(w);
	assert_int_equal(
		store_session_close(w->store, w->session.id, "uploader", false, on_show, w), 0);
	w->calls = 0;
	while (w->calls == 0)
		loop_until_stop(w->loop);
	assert_int_equal(w->n_blobs, 0); /* it never was a blob */
	assert_int_equal(redis_server_chunks(&w->redis, "*"), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	w->calls = 0;
	while (w->calls == 0)
		loop_until_stop(w->loop);
	assert_int_equal(w->err, TG_ESESSION);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

static void put_commit_after_its_time_is_refused(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	o.ttl_s = 1;
	o.age_us = 1000001;
	assert_int_equal(upload(w, &o, 100), TG_ETTL);
	store_put_abort(w->put);
	assert_int_equal(upload(w, &o, 100000), TG_ETTL);
	store_put_abort(w->put);
	w->put = NULL;
	assert_nothing_but_tombstones(w);
}

static void put_commit_over_the_bound_quota_is_refused(void **state)
{
	struct world *w = *state;
	struct store_put_opts o;
	char id[TOKEN_LEN + 1], key[64];

	open_session(w);
	o = put_opts(w->session.id, true);
	for (unsigned i = 0; i < TG_SESSION_BOUND_BLOBS; i++)
		assert_int_equal(upload(w, &o, 50), 0);
	strcpy(id, w->blob.id);
	assert_int_equal(upload(w, &o, 50), TG_EQUOTA);
	assert_int_equal(redis_server_chunks(&w->redis, "*"), TG_SESSION_BOUND_BLOBS);
	assert_int_equal(take(w, id, "verifier"), 0);
	assert_int_equal(upload(w, &o, 50), 0);
	/* and the bytes */
	snprintf(key, sizeof key, "tg:{%.2s}:s:%s", w->session.id, w->session.id);
	redis_server_run_cmd(&w->redis, "HINCRBY %s z %u", key, TG_SESSION_BOUND_BYTES);
	assert_int_equal(take(w, w->blob.id, "verifier"), 0);
	assert_int_equal(upload(w, &o, 50), TG_EQUOTA);
}

static void put_abort_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	assert_int_equal(begin(w, &o, 3 * STORE_CHUNK_BYTES), 0);
	while (redis_server_chunks(&w->redis, "*") == 0)
		turn(w);
	assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 1);
	store_put_abort(w->put);
	w->put = NULL;
	while (redis_server_keys(&w->redis, "tg:*:b:*") > 0)
		turn(w);
	assert_nothing_but_tombstones(w);
	assert_int_equal(redis_server_int(&w->redis, "DBSIZE"), 1); /* the event */

	/* Its commit on the way: nobody will learn that it lives, so it does not. */
	assert_int_equal(begin(w, &o, 1000), 0);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	store_put_abort(w->put);
	w->put = NULL;
	fence(w);
	assert_nothing_but_tombstones(w);
}

static void commit_of_unknown_fate_is_ended_after_reconnecting(void **state)
{
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);
	redisReply *key, *cause;

	assert_int_equal(begin(w, &o, 1000), 0);
	kill(w->redis.pid, SIGSTOP);
	assert_int_equal(store_put_commit(w->put, &o), 0);
	turn(w); /* written */
	cut(w);
	while (w->downs == 0)
		turn(w);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->err, TG_ESTORE);
	kill(w->redis.pid, SIGCONT);
	while (w->ups < 2)
		turn(w);
	fence(w);
	key = redis_server_do(&w->redis, "KEYS tg:*:b:*");
	assert_int_equal(key->elements, 1);
	cause = redis_server_do(&w->redis, "GET %s", key->element[0]->str);
	assert_memory_equal(cause->str, "gone\t", 5);
	assert_non_null(strstr(cause->str, "\taborted\t"));
	freeReplyObject(cause);
	freeReplyObject(key);
	assert_nothing_but_tombstones(w);
}

/* What Redis says, with a T for each time: a field of 13 digits. */
static void masked(struct world *w, char out[512], const char *fmt, const char *id, bool stream)
{
	redisReply *r = redis_server_do(&w->redis, fmt, id);
	const char *p = stream ? r->element[0]->element[1]->element[1]->str : r->str;
	size_t n = 0;

	if (stream)
		assert_string_equal(r->element[0]->element[1]->element[0]->str, "p");
	while (*p != '\0' && n < 511) {
		size_t digits = n > 0 && p[-1] == '\t' ? strspn(p, "0123456789") : 0;
		out[n++] = digits == 13 ? 'T' : *p;
		p += digits == 13 ? 13 : 1;
	}
	out[n] = '\0';
	freeReplyObject(r);
}

/* Two ways to one state: with a deadline so near that a reaper must be told, the function writes
 * it. */
static void transaction_writes_what_the_function_would(void **state)
{
	struct world *w = *state;
	char record[2][512], event[2][512], tag[2][TOKEN_TAG_LEN + 1], key[TOKEN_LEN + 16];
	char entry[128];
	const uint32_t ttl_s[2] = {600, 4};

	for (int i = 0; i < 2; i++) {
		struct store_put_opts o = put_opts("", false);
		redisReply *r;

		o.ttl_s = ttl_s[i];
		redis_server_run_cmd(&w->redis, "CONFIG RESETSTAT");
		assert_int_equal(upload(w, &o, 1234), 0);
		r = redis_server_do(&w->redis, "INFO commandstats");
		/* the two were really used */
		assert_int_equal(strstr(r->str, "cmdstat_exec") != NULL, i == 0);
		freeReplyObject(r);
		assert_int_equal(w->blob.state, STORE_LIVE);
		assert_int_equal(w->blob.deadline_ms - w->blob.stored_at_ms <= ttl_s[i] * 1000 &&
				w->blob.deadline_ms - w->blob.stored_at_ms > ttl_s[i] * 1000 - 500,
			1);
		token_tag(w->blob.id, tag[i]);
		snprintf(key, sizeof key, "{%.2s}:b:%s", w->blob.id, w->blob.id);
		masked(w, record[i], "GET tg:%s", key, false);
		r = redis_server_do(&w->redis, "PTTL tg:%s", key);
		assert_true(r->integer > ttl_s[i] * 1000LL - 500 &&
			r->integer <= ttl_s[i] * 1000LL + 50);
		freeReplyObject(r);
		snprintf(key, sizeof key, "{%.2s}:out", w->blob.id);
		masked(w, event[i], "XREVRANGE tg:%s + - COUNT 1", key, true);
		snprintf(key, sizeof key, "tg:{%.2s}:dl", w->blob.id);
		r = redis_server_do(&w->redis, "ZRANGE %s 0 -1 WITHSCORES", key);
		assert_memory_equal(r->element[0]->str + 2, w->blob.id, TOKEN_LEN);
		snprintf(entry, sizeof entry,
			"\tuploader\t verifier verifier2 \t1234\t%s liveness 0", tag[i]);
		assert_string_equal(r->element[0]->str + 2 + TOKEN_LEN, entry);
		assert_int_equal(atoll(r->element[1]->str), w->blob.deadline_ms);
		freeReplyObject(r);
	}
	for (int i = 0; i < 2; i++) { /* the tags follow from the ids, which differ */
		const char *d = strstr(record[i], tag[i]), *e = strstr(event[i], tag[i]);

		assert_true(d != NULL && e != NULL);
		memset(record[i] + (d - record[i]), 'x', TOKEN_TAG_LEN);
		memset(event[i] + (e - event[i]), 'x', TOKEN_TAG_LEN);
	}
	assert_string_equal(record[0], record[1]);
	assert_string_equal(event[0], event[1]);
	end_all(w);
	assert_nothing_but_tombstones(w);
}

/* Whichever of its commands Redis refuses: it is heard, and nothing of it stays. */
static void transaction_refused_in_part_leaves_nothing(void **state)
{
	static const char *const command[] = {"multi", "set", "zadd", "xadd", "exec"};
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
		redis_server_run_cmd(&w->redis, "ACL SETUSER default -%s", command[i]);
		assert_int_equal(upload(w, &o, 1234), TG_ESTORE);
		redis_server_run_cmd(&w->redis, "ACL SETUSER default +%s", command[i]);
		assert_nothing_but_tombstones(w);
	}
	assert_int_equal(upload(w, &o, 1234), 0);
	end_all(w);
}

/* A blob of one chunk that does not go in a transaction: ZADD, SET, commit. */
static void one_chunk_upload_refused_in_part_leaves_nothing(void **state)
{
	static const char *const command[] = {"set", "fcall"};
	struct world *w = *state;
	struct store_put_opts o = put_opts("", false);

	o.ttl_s = 4;
	for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
		redis_server_run_cmd(&w->redis, "ACL SETUSER default -%s", command[i]);
		assert_int_equal(upload(w, &o, 1234), TG_ESTORE);
		redis_server_run_cmd(&w->redis, "ACL SETUSER default +%s", command[i]);
		for (int64_t end = (int64_t)clock_mono_us() + 5000000;
			redis_server_chunks(&w->redis, "*") > 0;) {
			/* an abort is sent again until it was done */
			assert_true((int64_t)clock_mono_us() < end);
			turn(w);
		}
		assert_int_equal(redis_server_keys(&w->redis, "tg:*:b:*"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			record_of_any_length_leaves_its_chunk_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_eager_says_whether_the_session_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_without_open_session_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_after_its_time_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			put_commit_over_the_bound_quota_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(put_abort_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			commit_of_unknown_fate_is_ended_after_reconnecting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transaction_writes_what_the_function_would, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transaction_refused_in_part_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_chunk_upload_refused_in_part_leaves_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
