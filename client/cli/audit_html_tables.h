/* audit_html_tables.h: the tables of the page of an audit. */
#ifndef CLI_AUDIT_HTML_TABLES_H
#define CLI_AUDIT_HTML_TABLES_H

#include <stdio.h>
#include "cli/audit_result.h"

/** Writes what was stored of each kind, and the longest that one was held. */
void audit_html_kinds(FILE *f, const struct audit_blobs *b);

/** Writes by which causes blobs ended, and what their readers said. */
void audit_html_ends(FILE *f, const struct audit_blobs *b);

/** Writes which reads were refused. */
void audit_html_attempts(FILE *f, const struct audit_attempts *a);

/** Writes what is wrong; nothing if nothing is. */
void audit_html_findings(FILE *f, const struct findings *list);

/** Writes which files were read, and who signed them. */
void audit_html_sources(FILE *f, const struct audit_report *r);

#endif
