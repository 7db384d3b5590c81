/* audit_markup.c: escapes for HTML. Runs in the timeglas command. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_markup.h"
#include "lib/untrusted.h"

void audit_markup_text(FILE *f, const char *text)
{
	size_t cap = strlen(text) * 3 + 1; /* a byte may become a character of three */
	char *clean = malloc(cap);

	if (clean == NULL)
		return;
	untrusted_copy(clean, cap, text);
	for (const char *p = clean; *p != '\0'; p++)
		switch (*p) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*p, f);
		}
	free(clean);
}

void audit_markup_element(FILE *f, const char *name, const char *class_name, const char *text)
{
	if (class_name != NULL)
		fprintf(f, "<%s class=\"%s\">", name, class_name);
	else
		fprintf(f, "<%s>", name);
	audit_markup_text(f, text);
	fprintf(f, "</%s>\n", name);
}

char *audit_markup_thousands(uint64_t n, char out[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

void audit_markup_number(FILE *f, uint64_t n)
{
	char text[32];

	audit_markup_element(f, "td", "n", audit_markup_thousands(n, text));
}

void audit_markup_table(FILE *f, const char *caption, const char *const *heads)
{
	fputs("<table>\n", f);
	if (caption != NULL)
		audit_markup_element(f, "caption", NULL, caption);
	fputs("<thead><tr>", f);
	for (; *heads != NULL; heads++)
		fprintf(f, "<th scope=\"col\"%s>%s</th>", **heads == '#' ? " class=\"n\"" : "",
			*heads + (**heads == '#'));
	fputs("</tr></thead>\n<tbody>\n", f);
}

void audit_markup_table_end(FILE *f)
{
	fputs("</tbody></table>\n", f);
}
