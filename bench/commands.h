/*
 * commands.h: the entry of each subcommand of timeglas-bench, for the table in main.c.
 *
 * @argc, @argv  the subcommand's name and its options
 * @dir          an empty folder for its temporary files; the caller removes it
 *
 * Each returns an exit status, or ends the process by bench_die().
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int expiry_main(int argc, char **argv, const char *dir);
int throughput_main(int argc, char **argv, const char *dir);
int latency_main(int argc, char **argv, const char *dir);
int connect_main(int argc, char **argv, const char *dir);
int scale_main(int argc, char **argv, const char *dir);
int live_main(int argc, char **argv, const char *dir);
int mixed_main(int argc, char **argv, const char *dir);
int subject_main(int argc, char **argv, const char *dir);
int seal_main(int argc, char **argv, const char *dir);
int proofs_main(int argc, char **argv, const char *dir);
int keyupdates_main(int argc, char **argv, const char *dir);

#endif
