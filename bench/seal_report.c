/* seal_report.c: see seal_report.h. JSON has every figure; the table rounds. */
#include <stdio.h>
#include <unistd.h>
#include "emit.h"
#include "seal_report.h"
#include "spread.h"

static const char *const place_name[] = {[SEAL_TO_FILE] = "file", [SEAL_TO_NULL] = "/dev/null"};

typedef double figure(const struct timed *t);

static double wall(const struct timed *t)
{
	return t->wall_ms;
}

static double cpu(const struct timed *t)
{
	return t->user_ms + t->sys_ms;
}

static double user(const struct timed *t)
{
	return t->user_ms;
}

static double in_kernel(const struct timed *t)
{
	return t->sys_ms;
}

/* The spread of a figure over n rounds; with over, of its ratio to over's figure in the same round.
 */
static struct spread spread(const struct timed *t, const struct timed *over, figure *f, unsigned n)
{
	double v[ROUNDS_MAX] = {0};

	for (unsigned i = 0; i < n; i++)
		v[i] = f(&t[i]) / (over != NULL ? f(&over[i]) : 1);
	return spread_of(v, n);
}

static void row(const struct seal_plan *p, const struct seal_cell *c, unsigned who)
{
	struct spread w = spread(c->t[who], NULL, wall, p->rounds),
		      u = spread(c->t[who], NULL, cpu, p->rounds), rw, ru;

	printf("%-5s %-9s  %-16s  %6.0f %6.0f %6.0f  %6.0f %6.0f %6.0f",
		c->opening ? "open" : "seal", place_name[c->place], p->program[who].name, w.min,
		w.median, w.max, u.min, u.median, u.max);
	if (who != 0) {
		rw = spread(c->t[who], c->t[0], wall, p->rounds);
		ru = spread(c->t[who], c->t[0], cpu, p->rounds);
		printf("  %5.2f %5.2f %5.2f  %5.2f %5.2f %5.2f", rw.min, rw.median, rw.max, ru.min,
			ru.median, ru.max);
		if (p->before != NULL && p->rounds >= 6)
			printf("  %5.3f to %5.3f  %5.3f to %5.3f", 1 / rw.high, 1 / rw.low,
				1 / ru.high, 1 / ru.low);
	}
	printf("\n");
}

void seal_report_table(const struct seal_plan *p)
{
	if (p->before != NULL)
		printf("%u MiB, %u rounds: minimum, median, maximum; last, 95 %% of the median "
		       "speed in wall and in processor time\n",
			p->mib, p->rounds);
	else
		printf("%u MiB, %u rounds, age %s: minimum, median, maximum\n", p->mib, p->rounds,
			p->version);
	printf("%-34s  %20s  %20s  %17s  %17s\n", "", "wall ms", "processor ms", "wall : first",
		"processor : first");
	for (unsigned i = 0; i < SEAL_CELLS; i++)
		for (unsigned who = 0; who < p->n_programs; who++)
			row(p, &p->cell[i], who);
	printf("\n%zu bytes in the library, %u times: median, 99 %%, maximum\n%-10s  %26s  %26s\n",
		p->inside_bytes, p->inside_n, "", "wall us", "processor us");
	for (unsigned i = 0; i < SEAL_LIBRARY_WAYS; i++) {
		const struct seal_library_way *w = &p->inside[i];

		printf("%-4s %-6s %8.1f %8.1f %8.0f  %8.1f %8.1f %8.0f\n",
			w->opening ? "open" : "seal", w->with_signature ? "signed" : "raw",
			w->wall.median_us, w->wall.p99_us, w->wall.max_us, w->cpu.median_us,
			w->cpu.p99_us, w->cpu.max_us);
	}
}

static json_t *cell_json(const struct seal_plan *p, const struct seal_cell *c, unsigned who)
{
	const struct timed *t = c->t[who], *first = c->t[0];
	json_t *o = json_pack("{sssssssosososo}", "operation", c->opening ? "open" : "seal", "to",
		place_name[c->place], "program", p->program[who].name, "wall_ms",
		emit_spread(spread(t, NULL, wall, p->rounds)), "cpu_ms",
		emit_spread(spread(t, NULL, cpu, p->rounds)), "user_ms",
		emit_spread(spread(t, NULL, user, p->rounds)), "sys_ms",
		emit_spread(spread(t, NULL, in_kernel, p->rounds)));

	if (o != NULL && who != 0) {
		json_object_set_new(o, p->before != NULL ? "wall_to_before" : "wall_to_age",
			emit_spread(spread(t, first, wall, p->rounds)));
		json_object_set_new(o, p->before != NULL ? "cpu_to_before" : "cpu_to_age",
			emit_spread(spread(t, first, cpu, p->rounds)));
	}
	return o;
}

static json_t *small_json(struct small s)
{
	return json_pack("{sososo}", "median", emit_number(s.median_us), "p99",
		emit_number(s.p99_us), "max", emit_number(s.max_us));
}

static json_t *inside_json(const struct seal_library_way *w)
{
	return json_pack("{sssssisoso}", "operation", w->opening ? "open" : "seal", "form",
		w->with_signature ? "signed" : "raw", "n", (int)w->n, "wall_us",
		small_json(w->wall), "cpu_us", small_json(w->cpu));
}

void seal_report_json(const struct seal_plan *p, const char *path)
{
	json_t *cells = json_array(), *inside = json_array();

	for (unsigned i = 0; i < SEAL_CELLS; i++)
		for (unsigned who = 0; who < p->n_programs; who++)
			json_array_append_new(cells, cell_json(p, &p->cell[i], who));
	for (unsigned i = 0; i < SEAL_LIBRARY_WAYS; i++)
		json_array_append_new(inside, inside_json(&p->inside[i]));
	emit_json(json_pack("{sssssssisIsIsisoso}", "benchmark", "seal", "timeglas", TG_VERSION,
			  "age", p->version, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN), "bytes",
			  (json_int_t)p->mib << 20, "library_bytes", (json_int_t)p->inside_bytes,
			  "rounds", (int)p->rounds, "cells", cells, "library", inside),
		path);
}
