/*
 * values.h: reads the values that settings have. Pure: it knows no setting, opens no file and
 * changes nothing but what it is given.
 *
 * Where a call fails, why receives "what is wrong; what to do", of cap bytes at most, for the
 * operator; and what it should have set is as it was.
 */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conf/conf.h"

/** Reads digits; with is_size, a unit (KiB, MiB or GiB) may follow. min and max are good, too.
 * Returns 0 or TG_EINVAL. */
int values_number(const char *text, bool is_size, uint64_t min, uint64_t max, uint64_t *out,
	char *why, size_t cap);
/**
 * Reads an address and a port: "127.0.0.1:8443", "[::1]:8443", "localhost:8443". Other names are
 * refused: a server must not wait for a resolver to start.
 *
 * @loopback  refuse what others than this machine can reach
 * @host      receives the address without brackets
 *
 * Returns 0 or TG_EINVAL.
 */
int values_address(const char *text, bool loopback, char host[CONF_HOST_CHARS], uint16_t *port,
	char *why, size_t cap);
/** Reads a word of CONF_WIPES as enum conf_wipe has it. Returns 0 or TG_EINVAL. */
int values_wipe(const char *text, int *out, char *why, size_t cap);
/** Reads the name of a level as enum log_level has it. Returns 0 or TG_EINVAL. */
int values_level(const char *text, int *out, char *why, size_t cap);
/** Returns 0 when the text is the URL of a Redis, otherwise TG_EINVAL. why does not repeat it: it
 * may hold a password. */
int values_check_url(const char *text, char *why, size_t cap);
/** Returns 0 when the text can be a log's name (chain_is_origin()), otherwise TG_EINVAL. */
int values_check_origin(const char *text, char *why, size_t cap);
/** Returns 0 when a socket's path has room behind this folder, and the folder is absolute;
 * otherwise TG_EINVAL. */
int values_check_run_dir(const char *path, char *why, size_t cap);

#endif
