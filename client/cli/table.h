/* table.h: a server's JSON answer as a table for people. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>

/** Prints an object on stdout: a line for each member, and a table below for each array. */
void table_print(json_t *o);

#endif
