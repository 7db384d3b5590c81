/* args.h: reads the values of options. Each function dies, and tells what is wanted, when the value
 * is not of that form. Texts of a length len need no NUL. */
#ifndef BENCH_ARGS_H
#define BENCH_ARGS_H

#include <stddef.h>
#include <stdint.h>

/** A decimal number, 1..max. */
uint64_t args_number(const char *text, size_t len, uint64_t max);

/** Seconds, 0.1..3600; a fraction is allowed. */
double args_seconds(const char *text);

/** A size from 512 bytes to 32 MiB; the suffixes k and m mean KiB and MiB. */
size_t args_bytes(const char *text, size_t len);

/** Calls each for every word of a list with commas. word is valid until each returns. */
void args_each(const char *text, void (*each)(const char *word, size_t len, void *ctx), void *ctx);

#endif
