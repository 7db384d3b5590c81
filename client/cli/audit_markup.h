/* audit_markup.h: writes text into a page of HTML, so that nothing in it is taken for markup. */
#ifndef CLI_AUDIT_MARKUP_H
#define CLI_AUDIT_MARKUP_H

#include <stdint.h>
#include <stdio.h>

/** Writes text, whoever chose it, fit for an element's content and for a quoted attribute. */
void audit_markup_text(FILE *f, const char *text);

/** Writes an element with text in it. class_name: NULL: none. */
void audit_markup_element(FILE *f, const char *name, const char *class_name, const char *text);

/** Writes a cell of a table with a number, its thousands set apart. */
void audit_markup_number(FILE *f, uint64_t n);

/** Begins a table. heads: column heads, then NULL; one that begins with '#' is of numbers. */
void audit_markup_table(FILE *f, const char *caption, const char *const *heads);

/** Ends it. */
void audit_markup_table_end(FILE *f);

/** Writes a number with its thousands set apart. Returns out. */
char *audit_markup_thousands(uint64_t n, char out[32]);

#endif
