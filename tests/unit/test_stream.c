/* Goal: every byte arrives once and in order, with TLS and without, whatever stops and resumes
 * reading; ends are told once; freeing anywhere is safe. */
#include <errno.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>
#include <cmocka.h>
#include "tls_setup.h"
#include "net/stream.h"
#include "net/tls.h"

struct side {
	struct loop *l;
	struct stream *s;
	uint64_t want, got; /* stop the loop when got == want */
	uint64_t to_send;   /* what on_drain still writes */
	unsigned char next; /* the pattern's next byte expected */
	unsigned char next_out;
	unsigned ready, drains, ends, eofs, reads;
	enum stream_end why;
	size_t max_in;
	bool keep, stop_on_ready, stop_on_end, free_on_read, free_on_ready, free_on_end,
		free_on_drain;
};

static void fill(struct side *x, size_t n)
{
	unsigned char block[4096];

	while (n > 0) {
		size_t k = n < sizeof block ? n : sizeof block;

		for (size_t i = 0; i < k; i++)
			block[i] = x->next_out++;
		evbuffer_add(stream_out(x->s), block, k);
		n -= k;
	}
	stream_flush_later(x->s);
}

static void more(struct side *x)
{
	size_t n = x->to_send < 300000 ? (size_t)x->to_send : 300000;

	x->to_send -= n;
	if (n > 0)
		fill(x, n);
}

static void drop(struct side *x)
{
	stream_free(x->s);
	x->s = NULL;
	loop_stop(x->l);
}

static void on_ready(struct stream *s, void *ctx)
{
	struct side *x = ctx;

	(void)s;
	x->ready++;
	if (x->stop_on_ready)
		loop_stop(x->l);
	if (x->free_on_ready)
		drop(x);
}

static void on_read(struct stream *s, struct evbuffer *in, void *ctx)
{
	struct side *x = ctx;
	unsigned char block[4096];
	size_t n = evbuffer_get_length(in);

	(void)s;
	x->reads++;
	if (n > x->max_in)
		x->max_in = n;
	if (x->keep)
		return;
	for (int k; (k = evbuffer_remove(in, block, sizeof block)) > 0; x->got += (uint64_t)k)
		for (int i = 0; i < k; i++)
			if (block[i] != x->next++)
				fail_msg("byte %llu is another",
					(unsigned long long)x->got + (unsigned)i);
	if (x->free_on_read)
		drop(x);
	else if (x->got == x->want)
		loop_stop(x->l);
}

static void on_drain(struct stream *s, void *ctx)
{
	struct side *x = ctx;

	(void)s;
	x->drains++;
	if (x->free_on_drain)
		drop(x);
	else
		more(x);
}

static void on_end(struct stream *s, enum stream_end why, void *ctx)
{
	struct side *x = ctx;

	(void)s;
	x->ends++;
	x->eofs += why == STREAM_EOF;
	x->why = why;
	if (x->stop_on_end)
		loop_stop(x->l);
	if (x->free_on_end)
		drop(x);
}

static const struct stream_cb calls = {on_ready, on_read, on_drain, on_end};

struct pair {
	struct loop *l;
	struct side a, b;
	int fd[2]; /* of b, of a */
	unsigned fds;
};

static void pair_open(
	struct pair *p, bool tls, const struct stream_opts *oa, const struct stream_opts *ob)
{
	*p = (struct pair){.fds = open_fds()};
	p->l = p->a.l = p->b.l = loop_new();
	assert_int_equal(tcp_pair(p->fd), 0);
	p->a.s = stream_accept(p->l, p->fd[1], tls ? SSL_new(server_ctx) : NULL, oa, &calls, &p->a);
	if (tls) { /* the client's side of a handshake on a connected socket */
		SSL *ssl = SSL_new(client_ctx);

		p->b.s = stream_accept(p->l, p->fd[0], ssl, ob, &calls, &p->b);
		SSL_set_connect_state(ssl);
	} else {
		p->b.s = stream_accept(p->l, p->fd[0], NULL, ob, &calls, &p->b);
	}
	assert_non_null(p->a.s);
	assert_non_null(p->b.s);
}

static void pair_close(struct pair *p)
{
	stream_free(p->a.s);
	stream_free(p->b.s);
	loop_free(p->l);
	assert_int_equal(open_fds(), p->fds);
}

/* Both directions at once, more than the sockets hold. */
static void both_ways(bool tls, const struct stream_opts *o)
{
	struct pair p;

	pair_open(&p, tls, o, o);
	p.a.want = p.b.want = 5000001;
	p.a.to_send = p.b.to_send = 5000001;
	more(&p.a);
	more(&p.b);
	assert_true(loop_run_for(p.l, 20000));
	if (p.a.got < p.a.want || p.b.got < p.b.want)
		assert_true(loop_run_for(p.l, 20000));
	assert_int_equal(p.a.got, p.a.want);
	assert_int_equal(p.b.got, p.b.want);
	assert_true(p.a.drains > 0 && p.a.ready == 1 && p.a.ends == 0);
	assert_int_equal(evbuffer_get_length(stream_out(p.a.s)), 0);
	pair_close(&p);
}

static void stream_plain_both_ways_all_bytes_in_order(void **state)
{
	(void)state;
	both_ways(false, NULL);
}

static void stream_tls_both_ways_all_bytes_in_order(void **state)
{
	(void)state;
	both_ways(true, NULL);
}

static void stream_tls_small_reads_all_bytes_in_order(void **state)
{
	const struct stream_opts o = {.in_max = 3000, .read_size = 700, .out_low = 1000};

	(void)state;
	both_ways(true, &o);
}

static void stream_plain_large_reads_all_bytes_in_order(void **state)
{
	const struct stream_opts o = {.in_max = 1 << 20, .read_size = 262144};

	(void)state;
	both_ways(false, &o);
}

static void stream_in_full_stops_and_resumes_by_itself(void **state)
{
	const struct stream_opts o = {.in_max = 10000, .read_size = 4096};
	struct pair p;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		pair_open(&p, tls, &o, NULL);
		p.a.keep = true;
		p.a.want = p.b.to_send = 6000000;
		more(&p.b);
		LOOP_UNTIL(p.l, p.a.max_in >= 10000);
		loop_run_for(p.l, 100);
		assert_in_range(p.a.max_in, 10000, 10000 + 4096);
		assert_true(evbuffer_get_length(stream_out(p.b.s)) > 0); /* so the peer feels it */
		p.a.keep = false;
		/* outside of any callback: taking is enough */
		on_read(p.a.s, stream_in(p.a.s), &p.a);
		assert_true(loop_run_for(p.l, 20000));
		assert_int_equal(p.a.got, 6000000);
		pair_close(&p);
	}
}

static void stream_pause_stops_and_unpause_delivers(void **state)
{
	struct pair p;
	unsigned reads;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		pair_open(&p, tls, NULL, NULL);
		p.a.stop_on_ready = true;
		assert_true(loop_run_for(p.l, 5000));
		p.a.keep = true;
		fill(&p.b, 1000);
		LOOP_UNTIL(p.l, evbuffer_get_length(stream_in(p.a.s)) == 1000);
		assert_int_equal(evbuffer_get_length(stream_in(p.a.s)), 1000);
		stream_pause(p.a.s, true);
		reads = p.a.reads;
		fill(&p.b, 5000);
		loop_run_for(p.l, 50);
		assert_int_equal(p.a.reads, reads);
		assert_int_equal(evbuffer_get_length(stream_in(p.a.s)), 1000);
		p.a.keep = false;
		p.a.want = 6000;
		stream_pause(p.a.s, false);
		assert_int_equal(p.a.reads, reads); /* never from inside */
		assert_true(loop_run_for(p.l, 5000));
		pair_close(&p);
	}
}

static void stream_finish_tells_eof_and_still_reads(void **state)
{
	struct pair p;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		pair_open(&p, tls, NULL, NULL);
		p.b.stop_on_end = true;
		p.b.want = 700000;
		fill(&p.a, 700000);
		stream_finish(p.a.s);
		while (p.b.ends == 0)
			assert_true(loop_run_for(p.l, 5000));
		assert_int_equal(p.b.got, 700000);
		assert_int_equal(p.b.why, STREAM_EOF);
		p.a.want = 3000;
		fill(&p.b, 3000);
		assert_true(loop_run_for(p.l, 5000));
		assert_int_equal(p.a.got, 3000);
		p.a.stop_on_end = true;
		stream_finish(p.b.s);
		assert_true(loop_run_for(p.l, 5000));
		assert_int_equal(p.a.why, STREAM_EOF);
		assert_int_equal(p.b.ends, 1);
		pair_close(&p);
	}
}

static void stream_reset_while_paused_ends_with_error(void **state)
{
	const struct linger hard = {.l_onoff = 1, .l_linger = 0};
	struct pair p;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		pair_open(&p, tls, NULL, NULL);
		p.a.stop_on_ready = true;
		assert_true(loop_run_for(p.l, 5000));
		loop_run_for(p.l, 20);
		stream_pause(p.a.s, true);
		setsockopt(p.fd[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		stream_free(p.b.s);
		p.b.s = NULL;
		p.a.stop_on_end = true;
		assert_true(loop_run_for(p.l, 5000));
		assert_int_equal(p.a.why, STREAM_ERROR);
		assert_int_equal(p.a.ends, 1);
		pair_close(&p);
	}
}

static void stream_peer_gone_while_writing_ends_once_after_eof(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	p.a.stop_on_ready = true;
	assert_true(loop_run_for(p.l, 5000));
	p.a.stop_on_ready = false;
	p.a.to_send = 100000000;
	more(&p.a);
	loop_run_for(p.l, 20);
	stream_free(p.b.s);
	p.b.s = NULL;
	p.a.stop_on_end = true;
	while (p.a.ends == p.a.eofs)
		assert_true(loop_run_for(p.l, 5000));
	assert_int_equal(p.a.ends - p.a.eofs, 1);
	pair_close(&p);
}

static void stream_ready_timeout_ends_with_timeout(void **state)
{
	const struct stream_opts o = {.ready_timeout_s = 1};
	struct loop *l = loop_new();
	struct side a = {.l = l, .stop_on_end = true};
	int fd[2] = {-1, -1};

	(void)state;
	assert_int_equal(tcp_pair(fd), 0);
	a.s = stream_accept(l, fd[1], SSL_new(server_ctx), &o, &calls, &a);
	assert_true(loop_run_for(l, 5000));
	assert_int_equal(a.why, STREAM_TIMEOUT);
	assert_int_equal(a.ready, 0);
	stream_free(a.s);
	close(fd[0]);
	loop_free(l);
}

static void stream_garbage_handshake_ends_with_tls(void **state)
{
	struct loop *l = loop_new();
	struct side a = {.l = l, .stop_on_end = true};
	int fd[2] = {-1, -1};

	(void)state;
	assert_int_equal(tcp_pair(fd), 0);
	a.s = stream_accept(l, fd[1], SSL_new(server_ctx), NULL, &calls, &a);
	assert_int_equal(write(fd[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	assert_true(loop_run_for(l, 5000));
	assert_int_equal(a.why, STREAM_TLS);
	stream_free(a.s);
	close(fd[0]);
	loop_free(l);
}

static void stream_connect_refused_ends_with_error(void **state)
{
	struct loop *l = loop_new();
	struct side a = {.l = l, .stop_on_end = true};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	socklen_t len = sizeof at;
	/* bound but not listening: nobody else gets the port */
	int s = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
	a.s = stream_connect(l, (struct sockaddr *)&at, sizeof at, NULL, NULL, &calls, &a);
	if (a.s) {
		assert_true(loop_run_for(l, 5000));
		assert_int_equal(a.why, STREAM_ERROR);
		assert_int_equal(a.ready, 0);
	}
	stream_free(a.s);
	assert_null(stream_connect(l, (struct sockaddr *)&un, sizeof un, NULL, NULL, &calls, &a));
	assert_int_equal(errno, ENOENT);
	close(s);
	loop_free(l);
}

static void stream_connect_listening_becomes_ready(void **state)
{
	struct loop *l = loop_new();
	struct side a = {.l = l, .stop_on_ready = true};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int s = socket(AF_INET, SOCK_STREAM, 0), peer;
	char text[8];

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
	a.s = stream_connect(l, (struct sockaddr *)&at, sizeof at, NULL, NULL, &calls, &a);
	assert_non_null(a.s);
	fill(&a, 5); /* before it is ready: goes out by itself */
	peer = accept(s, NULL, NULL);
	assert_true(loop_run_for(l, 5000));
	LOOP_UNTIL(l, evbuffer_get_length(stream_out(a.s)) == 0);
	assert_int_equal(recv(peer, text, sizeof text, MSG_DONTWAIT), 5);
	stream_free(a.s);
	close(peer);
	close(s);
	loop_free(l);
}

static void stream_free_in_each_callback_is_safe(void **state)
{
	struct pair p;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		for (int which = 0; which < 4; which++) {
			pair_open(&p, tls, NULL, NULL);
			p.a.free_on_ready = which == 0;
			p.a.free_on_read = which == 1;
			p.a.free_on_drain = which == 2;
			p.a.free_on_end = which == 3;
			fill(&p.b, 500000);
			fill(&p.a, 500000);
			stream_finish(p.b.s);
			while (p.a.s)
				assert_true(loop_run_for(p.l, 5000));
			loop_run_for(p.l, 20);
			pair_close(&p);
		}
	}
}

static void stream_progress_counts_content_bytes(void **state)
{
	uint64_t in, out;
	struct pair p;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	p.b.want = 12345;
	fill(&p.a, 12345);
	assert_true(loop_run_for(p.l, 5000));
	stream_progress(p.a.s, &in, &out);
	assert_int_equal(in, 0);
	assert_int_equal(out, 12345);
	stream_progress(p.b.s, &in, &out);
	assert_int_equal(in, 12345);
	pair_close(&p);
}

/* Records that the socket had no room for wait behind an empty `out`: they count as unsent, are no
 * progress, and leave by themselves. */
static void stream_tls_kept_records_are_unsent_until_the_socket_takes_them(void **state)
{
	const struct stream_opts o = {.out_low = 1};
	uint64_t in, out, sent = 0;
	unsigned kept = 0;
	struct pair p;

	(void)state;
	pair_open(&p, true, &o, NULL);
	p.a.stop_on_ready = true;
	assert_true(loop_run_for(p.l, 5000));
	loop_run_for(p.l, 20);
	stream_pause(p.b.s, true);
	for (unsigned turn = 0; turn < 2000 && kept < 3; turn++) {
		size_t n = 20000 + 1000 * (turn % 37);
		unsigned drains = p.a.drains;

		fill(&p.a, n);
		sent += n;
		loop_run_for(p.l, 2);
		stream_progress(p.a.s, &in, &out);
		if (stream_unsent(p.a.s) > 0 && evbuffer_get_length(stream_out(p.a.s)) == 0) {
			kept++;
			assert_true(out < sent);
			assert_int_equal(p.a.drains, drains);
		}
		if (stream_unsent(p.a.s) > 0) { /* the reader makes room for some of it */
			stream_pause(p.b.s, false);
			LOOP_UNTIL(p.l, stream_unsent(p.a.s) == 0);
			assert_true(p.a.drains > drains);
			stream_pause(p.b.s, true);
		}
	}
	assert_int_equal(kept, 3);
	stream_pause(p.b.s, false);
	LOOP_UNTIL(p.l, p.b.got == sent);
	stream_progress(p.a.s, &in, &out);
	assert_int_equal(out, sent);
	pair_close(&p);
}

/* What is asked for as a unit can be moved on without a copy, whatever came with it. */
static void stream_unit_stands_in_a_chain_of_its_own(void **state)
{
	struct evbuffer_iovec v[4];
	struct pair p;

	(void)state;
	pair_open(&p, false, NULL, NULL);
	p.a.stop_on_ready = true;
	assert_true(loop_run_for(p.l, 5000));
	p.a.keep = true;
	stream_set_unit(p.a.s, 40000);
	fill(&p.b, 40000 + 1000);
	LOOP_UNTIL(p.l, evbuffer_get_length(stream_in(p.a.s)) == 41000);
	assert_int_equal(evbuffer_peek(stream_in(p.a.s), -1, NULL, v, 4), 2);
	assert_int_equal(v[0].iov_len, 40000);
	p.a.keep = false;
	p.a.want = 43000;
	fill(&p.b, 2000);
	assert_true(loop_run_for(p.l, 5000));
	pair_close(&p);
}

/* A byte at a time: what is held is in proportion to the bytes. */
static void stream_slow_bytes_hold_little_memory(void **state)
{
	struct pair p;
	size_t before, n = 0;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	p.a.stop_on_ready = true;
	assert_true(loop_run_for(p.l, 5000));
	loop_run_for(p.l, 20);
	p.a.keep = true;
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (; n < 300; n++) {
		fill(&p.b, 1);
		LOOP_UNTIL(p.l, evbuffer_get_length(stream_in(p.a.s)) == n + 1);
	}
	assert_in_range(mallinfo2().uordblks + mallinfo2().hblkhd - before, 0, 200000);
	p.a.keep = false;
	pair_close(&p);
}

static void become_ready(struct pair *p)
{
	LOOP_UNTIL(p->l, p->a.ready && p->b.ready);
}

static void send_updates(struct side *x, unsigned n)
{
	SSL *ssl = stream_ssl(x->s);

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(ssl), 1);
	}
}

static void stream_tls_a_few_key_updates_are_followed(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	become_ready(&p);
	send_updates(&p.b, 32);
	p.a.want = 1000;
	fill(&p.b, 1000);
	assert_true(loop_run_for(p.l, 20000));
	assert_int_equal(p.a.got, 1000);
	assert_int_equal(p.a.ends, 0);
	pair_close(&p);
}

/* What such a read costs does not depend on how many came: those behind the bound are not even
 * taken from the socket. */
static void stream_tls_many_key_updates_end_it_before_the_rest_is_read(void **state)
{
	struct pair p;
	int unread = 0, unsent = 0;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	become_ready(&p);
	send_updates(&p.b, 2000);
	p.a.stop_on_end = true;
	p.a.want = 1; /* none comes */
	assert_true(loop_run_for(p.l, 20000));
	assert_int_equal(p.a.why, STREAM_TLS);
	assert_int_equal(ioctl(p.fd[1], FIONREAD, &unread), 0);
	assert_int_equal(ioctl(p.fd[0], SIOCOUTQ, &unsent), 0);
	assert_true(unread + unsent > 2000 * 27 - 17000);
	pair_close(&p);
}

static void stream_tls_tiny_records_are_read_64_at_a_time(void **state)
{
	enum { RECORDS = 4000 };
	struct pair p;

	(void)state;
	pair_open(&p, true, NULL, NULL);
	become_ready(&p);
	for (unsigned i = 0; i < RECORDS; i++) {
		unsigned char byte = (unsigned char)i;

		assert_int_equal(SSL_write(stream_ssl(p.b.s), &byte, 1), 1);
	}
	p.a.want = RECORDS;
	assert_true(loop_run_for(p.l, 20000));
	assert_int_equal(p.a.got, RECORDS);
	assert_in_range(p.a.max_in, 1, 64);
	pair_close(&p);
}

static void stream_tls_endless_handshake_ends(void **state)
{
	static unsigned char junk[4 * 16389];
	struct pair p;
	struct stream_opts o = {.ready_timeout_s = 5};
	int fd[2];
	ssize_t sent;

	(void)state;
	p = (struct pair){.fds = open_fds()};
	p.l = p.a.l = loop_new();
	assert_int_equal(tcp_pair(fd), 0);
	p.a.s = stream_accept(p.l, fd[1], SSL_new(server_ctx), &o, &calls, &p.a);
	p.a.stop_on_end = true;
	/* The beginning of a hello of 131,000 bytes, for whose end the library would wait. */
	for (size_t at = 0; at < sizeof junk; at += 16389) {
		memcpy(junk + at, "\x16\x03\x01\x40\x00", 5);
		if (at == 0)
			memcpy(junk + 5, "\x01\x01\xff\x00", 4);
	}
	sent = send(fd[0], junk, sizeof junk, 0);
	assert_int_equal(sent, sizeof junk);
	assert_true(loop_run_for(p.l, 20000));
	assert_true(p.a.why == STREAM_ERROR || p.a.why == STREAM_TLS);
	stream_free(p.a.s);
	close(fd[0]);
	loop_free(p.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_plain_both_ways_all_bytes_in_order),
		cmocka_unit_test(stream_tls_both_ways_all_bytes_in_order),
		cmocka_unit_test(stream_tls_small_reads_all_bytes_in_order),
		cmocka_unit_test(stream_plain_large_reads_all_bytes_in_order),
		cmocka_unit_test(stream_in_full_stops_and_resumes_by_itself),
		cmocka_unit_test(stream_pause_stops_and_unpause_delivers),
		cmocka_unit_test(stream_finish_tells_eof_and_still_reads),
		cmocka_unit_test(stream_reset_while_paused_ends_with_error),
		cmocka_unit_test(stream_peer_gone_while_writing_ends_once_after_eof),
		cmocka_unit_test(stream_ready_timeout_ends_with_timeout),
		cmocka_unit_test(stream_garbage_handshake_ends_with_tls),
		cmocka_unit_test(stream_connect_refused_ends_with_error),
		cmocka_unit_test(stream_connect_listening_becomes_ready),
		cmocka_unit_test(stream_free_in_each_callback_is_safe),
		cmocka_unit_test(stream_progress_counts_content_bytes),
		cmocka_unit_test(stream_tls_kept_records_are_unsent_until_the_socket_takes_them),
		cmocka_unit_test(stream_unit_stands_in_a_chain_of_its_own),
		cmocka_unit_test(stream_slow_bytes_hold_little_memory),
		cmocka_unit_test(stream_tls_a_few_key_updates_are_followed),
		cmocka_unit_test(stream_tls_many_key_updates_end_it_before_the_rest_is_read),
		cmocka_unit_test(stream_tls_tiny_records_are_read_64_at_a_time),
		cmocka_unit_test(stream_tls_endless_handshake_ends),
	};
	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
