/* args.h: values of options. All die with what was wanted. */
#ifndef BENCH_ARGS_H
#define BENCH_ARGS_H

#include <stddef.h>
#include <stdint.h>

/** args_number(text, len, max): 1..max. */
uint64_t args_number(const char *text, size_t len, uint64_t max);
/** args_seconds(text): 0.1..3600, also with a fraction. */
double args_seconds(const char *text);
/** args_bytes(text, len): 512 bytes to 16 MiB; k and m are KiB and MiB. */
size_t args_bytes(const char *text, size_t len);
/** args_each(text, each, ctx): calls each for every word of a list with commas. */
void args_each(const char *text, void (*each)(const char *word, size_t len, void *ctx), void *ctx);

#endif
