/*
 * table.c: prints a server's answer for people: a flat object, some of whose members may be arrays
 * of flat objects. Nothing that the server wrote can steer the terminal. Runs in the timeglas
 * command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/table.h"
#include "lib/untrusted.h"

#define CELL_CHARS 128 /* longer text is cut */
#define COLUMNS_MAX 16 /* further ones are left out */

static void cell_text(const json_t *v, char *out, size_t cap)
{
	const char *s = json_string_value(v);

	if (json_is_null(v) || v == NULL)
		snprintf(out, cap, "-");
	else if (json_is_boolean(v))
		snprintf(out, cap, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_object(v)) {
		char *text = untrusted_json_dump(v);

		untrusted_copy(out, cap, text != NULL ? text : "...");
		free(text);
	} else
		/* a server must not steer the terminal */
		untrusted_copy(out, cap, s != NULL ? s : "...");
}

static int width_of(const char *key)
{
	size_t n = strlen(key);

	return (int)(n < CELL_CHARS ? n : CELL_CHARS - 1);
}

static void print_rows(const json_t *rows)
{
	const char *column[COLUMNS_MAX];
	int width[COLUMNS_MAX];
	size_t n = 0, i;
	char cell[CELL_CHARS];
	const char *key;
	json_t *row, *v;

	json_object_foreach(json_array_get(rows, 0), key, v) if (n < COLUMNS_MAX)
	{
		width[n] = width_of(key);
		column[n++] = key;
	}
	json_array_foreach(rows, i, row) for (size_t c = 0; c < n; c++)
	{
		cell_text(json_object_get(row, column[c]), cell, sizeof cell);
		if ((int)strlen(cell) > width[c])
			width[c] = (int)strlen(cell);
	}
	for (size_t c = 0; c < n; c++) {
		untrusted_copy(cell, sizeof cell, column[c]);
		printf("  %-*s", c + 1 < n ? width[c] : 0, cell);
	}
	printf("\n");
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; c < n; c++) {
			cell_text(json_object_get(row, column[c]), cell, sizeof cell);
			printf("  %-*s", c + 1 < n ? width[c] : 0, cell);
		}
		printf("\n");
	}
}

void table_print(json_t *o)
{
	char cell[CELL_CHARS], name[CELL_CHARS];
	const char *key;
	json_t *v;
	int width = 0;

	json_object_foreach(o, key, v) if (!json_is_array(v) && width_of(key) > width) width =
		width_of(key);
	json_object_foreach(o, key, v)
	{
		if (json_is_array(v))
			continue;
		untrusted_copy(name, sizeof name, key);
		cell_text(v, cell, sizeof cell);
		printf("%-*s  %s\n", width, name, cell);
	}
	json_object_foreach(o, key, v)
	{
		if (!json_is_array(v))
			continue;
		untrusted_copy(name, sizeof name, key);
		printf("%s%s\n", name, json_array_size(v) == 0 ? ": none" : ":");
		if (json_array_size(v) > 0)
			print_rows(v);
	}
}
