/* audit_days.c: days in a row, from the first end on. Runs in the timeglas command. */
#include <string.h>
#include "cli/audit_days.h"

#define DAY_MS 86400000

/* Makes room for days before the first one: shards are not in the order of time. */
static size_t index_of(struct audit_days *d, int64_t day)
{
	if (d->n == 0)
		d->first = day;
	if (day < d->first && (uint64_t)(d->first - day) + d->n <= AUDIT_DAYS) {
		size_t by = (size_t)(d->first - day);

		memmove(d->day + by, d->day, d->n * sizeof d->day[0]);
		memset(d->day, 0, by * sizeof d->day[0]);
		d->n += by;
		d->first = day;
	}
	if (day < d->first || day - d->first >= AUDIT_DAYS)
		return AUDIT_DAYS;
	return (size_t)(day - d->first);
}

void audit_days_add(struct audit_days *d, int64_t time_ms, bool late)
{
	size_t i = index_of(d, time_ms / DAY_MS);

	if (i == AUDIT_DAYS) {
		d->others++;
		return;
	}
	if (i >= d->n)
		d->n = i + 1;
	d->day[i].ends++;
	d->day[i].late += late;
}
