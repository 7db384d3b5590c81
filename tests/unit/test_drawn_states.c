/* Goal: of every state and every event of a stream, of a connection of http or the admin plane, and
 * of http's requests it is known what follows: what the drawing in docs/states shows, and nothing
 * else; any other pair aborts with a message that names it. */
#include "child.h"
#include <ctype.h>
#include "admin/plane_state.h"
#include "http/httpd_conn_state.h"
#include "http/httpd_req_state.h"
#include "net/stream_state.h"

struct machine { /* what all have in common, for this test */
	const char *drawing;
	const char *const *states, *const *events;
	unsigned n_states, n_events;
	unsigned (*next)(unsigned state, unsigned event);
};

static unsigned conn_next(unsigned state, unsigned event)
{
	return httpd_conn_state_next((enum httpd_conn_state)state, (enum httpd_conn_event)event);
}

static unsigned req_next(unsigned state, unsigned event)
{
	return httpd_req_state_next((enum httpd_req_state)state, (enum httpd_req_event)event);
}

static unsigned plane_next(unsigned state, unsigned event)
{
	return plane_state_next((enum plane_state)state, (enum plane_event)event);
}

static unsigned stream_next(unsigned state, unsigned event)
{
	return stream_state_next((enum stream_state)state, (enum stream_event)event);
}

#define X_(name) #name,
static const char *const conn_states[] = {HTTPD_CONN_STATES(X_)};
static const char *const conn_events[] = {HTTPD_CONN_EVENTS(X_)};
static const char *const req_states[] = {HTTPD_REQ_STATES(X_)};
static const char *const req_events[] = {HTTPD_REQ_EVENTS(X_)};
static const char *const plane_states[] = {PLANE_STATES(X_)};
static const char *const plane_events[] = {PLANE_EVENTS(X_)};
static const char *const stream_states[] = {STREAM_STATES(X_)};
static const char *const stream_events[] = {STREAM_EVENTS(X_)};
#undef X_

static const struct machine conn = {"docs/states/httpd_conn.dot", conn_states, conn_events,
	LEN(conn_states), LEN(conn_events), conn_next};
static const struct machine req = {"docs/states/httpd_req.dot", req_states, req_events,
	LEN(req_states), LEN(req_events), req_next};
static const struct machine plane = {"docs/states/plane.dot", plane_states, plane_events,
	LEN(plane_states), LEN(plane_events), plane_next};
static const struct machine stream = {"docs/states/stream.dot", stream_states, stream_events,
	LEN(stream_states), LEN(stream_events), stream_next};

/* What the drawing says: "from" -> "to" [label="event\nevent"]; names in lower case, - for _. */
struct edge {
	char from[32], to[32], event[32];
};

static void upper(char *s)
{
	for (; *s != '\0'; s++)
		*s = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
}

/* Adds an edge for each event of a label, where a backslash and an n stand between two. */
static size_t add_edges(
	struct edge *e, size_t n, size_t max, const struct edge *drawn, char *events)
{
	for (char *at = events, *end; at != NULL; at = end) {
		end = strstr(at, "\\n");
		if (end != NULL) {
			*end = '\0';
			end += 2;
		}
		assert_true(n < max);
		e[n] = *drawn;
		snprintf(e[n].event, sizeof e[n].event, "%.31s", at);
		upper(e[n].from);
		upper(e[n].to);
		upper(e[n].event);
		n++;
	}
	return n;
}

static size_t read_drawing(const char *path, struct edge *e, size_t max)
{
	char line[256], events[128];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		struct edge x;

		if (sscanf(line, " \"%31[^\"]\" -> \"%31[^\"]\" [label=\"%127[^\"]\"", x.from, x.to,
			    events) == 3)
			n = add_edges(e, n, max, &x, events);
	}
	fclose(f);
	return n;
}

static const struct edge *find(const struct edge *e, size_t n, const char *from, const char *event)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(e[i].from, from) == 0 && strcmp(e[i].event, event) == 0)
			return &e[i];
	return NULL;
}

struct pair {
	const struct machine *m;
	unsigned state, event;
};

static int step(const void *pair)
{
	const struct pair *p = pair;

	(void)p->m->next(p->state, p->event);
	return 0;
}

/* In a child, which has to abort and to name both. */
static void assert_aborts(const struct machine *m, unsigned state, unsigned event)
{
	char said[256];
	int status = child_run(step, &(struct pair){m, state, event}, said, sizeof said);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("%s in %s is taken", m->events[event], m->states[state]);
	assert_non_null(strstr(said, m->events[event]));
	assert_non_null(strstr(said, m->states[state]));
}

static void check_all_pairs(const struct machine *m)
{
	struct edge e[64];
	const size_t n = read_drawing(m->drawing, e, LEN(e));
	size_t found = 0;

	assert_true(n > 6);
	for (unsigned s = 0; s < m->n_states; s++)
		for (unsigned ev = 0; ev < m->n_events; ev++) {
			const struct edge *x = find(e, n, m->states[s], m->events[ev]);

			if (x == NULL && m == &conn && s == HTTPD_CONN_DEAD &&
				ev == HTTPD_CONN_ON_KILL) {
				assert_int_equal(m->next(s, ev), s); /* not drawn */
			} else if (x == NULL) {
				assert_aborts(m, s, ev);
			} else {
				assert_string_equal(m->states[m->next(s, ev)], x->to);
				found++;
			}
		}
	assert_int_equal(found, n); /* the drawing names no state or event that is not there */
}

static void connection_takes_what_is_drawn_and_nothing_else(void **state)
{
	(void)state;
	check_all_pairs(&conn);
}

static void request_takes_what_is_drawn_and_nothing_else(void **state)
{
	(void)state;
	check_all_pairs(&req);
}

static void admin_connection_takes_what_is_drawn_and_nothing_else(void **state)
{
	(void)state;
	check_all_pairs(&plane);
}

static void stream_takes_what_is_drawn_and_nothing_else(void **state)
{
	(void)state;
	check_all_pairs(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_takes_what_is_drawn_and_nothing_else),
		cmocka_unit_test(request_takes_what_is_drawn_and_nothing_else),
		cmocka_unit_test(admin_connection_takes_what_is_drawn_and_nothing_else),
		cmocka_unit_test(stream_takes_what_is_drawn_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
