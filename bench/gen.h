/*
 * gen.h: the load generator: clients that put blobs and take them, in this process, on one loop. A
 * client is a pair of connections (the uploader's and the verifier's) with at most one request
 * under way. Every put is of a blob sealed before; every take is of the oldest live one, whoever
 * put it, and its bytes are compared with what was put. One wrong answer and the run is void.
 */
#ifndef BENCH_GEN_H
#define BENCH_GEN_H

#include <stdbool.h>
#include <stdint.h>
#include "gen_blobs.h"
#include "histogram.h"

/* in a head: where the blob's name stands; every system's names have this length */
#define GEN_KEY "************************"
#define GEN_KEY_LEN 24u
/* in put: where a name that the client draws stands (Timeglas-Name); the answer still tells the key
 */
#define GEN_NAME "++++++++++++++++++++++"
#define GEN_NAME_LEN 22u
#define GEN_PATH 256

/* How a system is spoken to. */
struct gen_wire {
	char host[64];
	unsigned port;
	bool tls;
	char ca[GEN_PATH], up_cert[GEN_PATH], up_key[GEN_PATH], down_cert[GEN_PATH],
		down_key[GEN_PATH];
	/* Heads up to where Content-Length is to stand. */
	char put[BLOBS_HEAD_MAX - 64], take[BLOBS_HEAD_MAX - 64];
	int put_status;
	const char *says; /* must stand in the answer to a put */
	/* the blob's name follows it; otherwise the client names it in put */
	bool names;
};

struct gen_plan {
	unsigned clients;
	unsigned live; /* blobs, about; at least as many as clients */
	/* requests a second, on a schedule that the clients share; 0: each client sends when it is
	 * answered */
	double rate;
	double warm_s, measure_s;
	void (*edge)(void *ctx, bool end); /* called when measuring begins and ends; may be NULL */
	void *ctx;
};

struct gen_result {
	char error[240]; /* not empty: the run is void, and why */
	double seconds;
	uint64_t puts, takes;
	/* with a rate: requests that were due while every client was busy */
	uint64_t backlog_max;
	/* From when a request was sent; with a rate: from when it was due. Of requests that were
	 * due in the time measured, however late they ended. */
	struct histogram *put, *take;
};

/** gen_run(w, p, b, r): b: more blobs than clients; their heads are overwritten. r:
 * gen_result_free() it. */
void gen_run(
	const struct gen_wire *w, const struct gen_plan *p, struct blobs *b, struct gen_result *r);
void gen_result_free(struct gen_result *r);

#endif
