/* Goal: a bound port accepts, can be shared, switched off and on, survives running out of
 * descriptors, and may be freed by each of its callbacks. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include "check.h"
#include "net_fixture.h"
#include "net/listener.h"

struct world {
	struct loop *l;
	struct listener *x;
	unsigned accepted, want;
	bool free_it;
	unsigned asked;
	struct rlimit was;
};

static void on_accept(int fd, void *ctx)
{
	struct world *w = ctx;

	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	if (++w->accepted == w->want)
		loop_stop(w->l);
	if (w->free_it) {
		listener_free(w->x);
		w->x = NULL;
	}
}

static int knock(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int bind_any(uint16_t *port)
{
	char err[128] = "";
	int fd = listener_bind("127.0.0.1", 0, port, err, sizeof err);

	assert_true(fd >= 0);
	assert_int_not_equal(*port, 0);
	return fd;
}

static void listener_bind_same_port_is_shared(void **state)
{
	char err[128];
	uint16_t port, again;
	int a = bind_any(&port), b = listener_bind("127.0.0.1", port, &again, err, sizeof err);

	(void)state;
	assert_true(b >= 0);
	assert_int_equal(port, again);
	close(a);
	close(b);
}

static void listener_taken_port_is_told(void **state)
{
	uint16_t port;
	int a = bind_any(&port);

	(void)state;
	assert_true(listener_is_taken("127.0.0.1", port));
	close(a);
	assert_false(listener_is_taken("127.0.0.1", port));
	assert_false(listener_is_taken("127.0.0.1", 0));
	assert_false(listener_is_taken("no address", port));
}

static void listener_bind_impossible_says_why(void **state)
{
	char err[128] = "";

	(void)state;
	/* TEST-NET-1: not ours */
	assert_int_equal(listener_bind("192.0.2.1", 0, NULL, err, sizeof err), -1);
	assert_non_null(strstr(err, "192.0.2.1"));
	err[0] = '\0';
	assert_int_equal(listener_bind("no such host.invalid", 0, NULL, err, sizeof err), -1);
	assert_non_null(strstr(err, "no such host.invalid"));
}

static void listener_enable_off_waits_on_accepts(void **state)
{
	struct world w = {.l = loop_new(), .want = 1};
	uint16_t port;
	int fd = bind_any(&port), c;

	(void)state;
	w.x = listener_new(w.l, fd, on_accept, &w);
	listener_enable(w.x, false);
	c = knock(port); /* waits in the backlog */
	assert_false(loop_run_for(w.l, 50));
	assert_int_equal(w.accepted, 0);
	listener_enable(w.x, true);
	assert_true(loop_run_for(w.l, 5000));
	assert_int_equal(w.accepted, 1);
	close(c);
	listener_free(w.x);
	assert_true(fcntl(fd, F_GETFD) >= 0); /* still the master's */
	close(fd);
	loop_free(w.l);
}

static void listener_many_at_once_all_accepted(void **state)
{
	struct world w = {.l = loop_new(), .want = 200};
	uint16_t port;
	int fd = bind_any(&port), c[200];

	(void)state;
	w.x = listener_new(w.l, fd, on_accept, &w);
	for (int i = 0; i < 200; i++)
		c[i] = knock(port);
	assert_true(loop_run_for(w.l, 5000));
	assert_int_equal(w.accepted, 200);
	for (int i = 0; i < 200; i++)
		close(c[i]);
	listener_free(w.x);
	close(fd);
	loop_free(w.l);
}

static void listener_out_of_descriptors_accepts_later(void **state)
{
	struct world w = {.l = loop_new(), .want = 1};
	struct rlimit was, none;
	uint16_t port;
	int fd = bind_any(&port), c, d;

	(void)state;
	w.x = listener_new(w.l, fd, on_accept, &w);
	c = knock(port);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)c; /* nothing above the last one */
	for (int i = 0; i < c; i++) {
		if (fcntl(i, F_GETFD) < 0) /* a gap below would let it in */
			none.rlim_cur = (rlim_t)i;
		if (none.rlim_cur == (rlim_t)i)
			break;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(loop_run_for(w.l, 250));
	assert_int_equal(w.accepted, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	d = knock(port); /* should an emulated limit have dropped the first one */
	assert_true(loop_run_for(w.l, 5000));
	assert_true(w.accepted >= 1);
	close(c);
	close(d);
	listener_free(w.x);
	close(fd);
	loop_free(w.l);
}

/* The limit is the one descriptor that the owner has to spare. */
static bool make_room(void *ctx)
{
	struct world *w = ctx;

	if (++w->asked == 1)
		return true; /* nothing is free before the next turn */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &w->was), 0);
	return true;
}

static void listener_out_of_descriptors_asks_for_room_and_does_not_back_off(void **state)
{
	struct world w = {.want = 1};
	struct rlimit none;
	uint16_t port;
	int fd, c;

	(void)state;
	skip_under_memcheck();
	w.l = loop_new();
	fd = bind_any(&port);
	w.x = listener_new(w.l, fd, on_accept, &w);
	listener_set_relief(w.x, make_room);
	c = knock(port);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &w.was), 0);
	none = w.was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(loop_run_for(w.l, 90)); /* less than it would back off for */
	assert_int_equal(w.accepted, 1);
	assert_int_equal(w.asked, 2);
	close(c);
	listener_free(w.x);
	close(fd);
	loop_free(w.l);
}

/* No room can be made. */
static bool switch_off(void *ctx)
{
	struct world *w = ctx;

	w->asked++;
	listener_enable(w->x, false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &w->was), 0);
	return false;
}

static bool free_listener(void *ctx)
{
	struct world *w = ctx;

	w->asked++;
	listener_free(w->x);
	w->x = NULL;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &w->was), 0);
	return false;
}

/* A client knocks at a listener that has no descriptor for it, and asks for relief once. */
static void run_out_of_descriptors(
	struct world *w, listener_relief_cb *relief, int *fd, int *client)
{
	struct rlimit none;
	uint16_t port;

	w->l = loop_new();
	*fd = bind_any(&port);
	w->x = listener_new(w->l, *fd, on_accept, w);
	listener_set_relief(w->x, relief);
	*client = knock(port);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &w->was), 0);
	none = w->was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(loop_run_for(w->l, 50));
	assert_int_equal(w->asked, 1);
	assert_int_equal(w->accepted, 0);
}

static void listener_that_relief_switches_off_begins_at_once_when_switched_on(void **state)
{
	struct world w = {.want = 1};
	int fd, client;

	(void)state;
	skip_under_memcheck();
	run_out_of_descriptors(&w, switch_off, &fd, &client);
	assert_false(loop_run_for(w.l, 150)); /* longer than it would back off for */
	listener_enable(w.x, true);
	assert_true(loop_run_for(w.l, 5000));
	assert_int_equal(w.accepted, 1);
	close(client);
	listener_free(w.x);
	close(fd);
	loop_free(w.l);
}

static void listener_that_relief_frees_never_accepts(void **state)
{
	struct world w = {.want = 1};
	int fd, client;

	(void)state;
	skip_under_memcheck();
	run_out_of_descriptors(&w, free_listener, &fd, &client);
	assert_false(loop_run_for(w.l, 150));
	assert_int_equal(w.accepted, 0);
	close(client);
	close(fd);
	loop_free(w.l);
}

static void listener_free_in_callback_is_safe(void **state)
{
	struct world w = {.l = loop_new(), .want = 1, .free_it = true};
	uint16_t port;
	int fd = bind_any(&port), a = knock(port), b = knock(port);

	(void)state;
	w.x = listener_new(w.l, fd, on_accept, &w);
	assert_true(loop_run_for(w.l, 5000));
	assert_false(loop_run_for(w.l, 50));
	assert_int_equal(w.accepted, 1);
	close(a);
	close(b);
	close(fd);
	loop_free(w.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_bind_same_port_is_shared),
		cmocka_unit_test(listener_taken_port_is_told),
		cmocka_unit_test(listener_bind_impossible_says_why),
		cmocka_unit_test(listener_enable_off_waits_on_accepts),
		cmocka_unit_test(listener_many_at_once_all_accepted),
		cmocka_unit_test(listener_out_of_descriptors_accepts_later),
		cmocka_unit_test(listener_out_of_descriptors_asks_for_room_and_does_not_back_off),
		cmocka_unit_test(listener_that_relief_switches_off_begins_at_once_when_switched_on),
		cmocka_unit_test(listener_that_relief_frees_never_accepts),
		cmocka_unit_test(listener_free_in_callback_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
