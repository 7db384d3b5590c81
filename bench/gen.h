/*
 * gen.h: the load generator. Its clients put blobs and take them, on one loop in this process. A
 * client is a pair of connections, the uploader's and the verifier's, with at most one request
 * under way. Every put is of a blob that was sealed before. Every take is of the oldest live blob,
 * whoever put it, and its bytes are compared with what was put. One wrong answer makes the run
 * void.
 */
#ifndef BENCH_GEN_H
#define BENCH_GEN_H

#include <stdbool.h>
#include <stdint.h>
#include "blobs.h"
#include "histogram.h"

/* Stands in a head for the blob's key. The keys of every system have this length. */
#define GEN_KEY "************************"
#define GEN_KEY_LEN 24u
/* Stands in put for a name that the client draws (Timeglas-Name). The answer tells the key. */
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
	/* Heads of requests, up to where Content-Length is to stand. */
	char put[BLOBS_HEAD_MAX - 64], take[BLOBS_HEAD_MAX - 64];
	int put_status;   /* of the answer to a put */
	const char *says; /* a text that must stand in that answer */
	bool names;       /* the key follows says; otherwise the client chooses it */
};

struct gen_plan {
	unsigned clients;
	unsigned live; /* blobs put and not yet taken, about; at least as many as clients */
	/* Requests a second, on a schedule that the clients share; 0: a client sends as soon as it
	 * was answered. */
	double rate;
	double warm_s, measure_s;
	/* Called when measuring begins (end false) and when it ends (end true); may be NULL. */
	void (*edge)(void *ctx, bool end);
	void *ctx;
	/* The first character of the keys that the client chooses; 0: the digit '0'. Generators
	 * that run at the same time must differ in it. */
	char key;
	/* Counts every answer as it comes, for another process; may be NULL. */
	volatile uint64_t *answers;
};

struct gen_result {
	char error[240]; /* why the run is void; empty: it is valid */
	double seconds;
	uint64_t puts, takes;
	uint64_t backlog_max; /* with a rate: requests that were due while every client was busy */
	/* Durations from when a request was sent; with a rate: from when it was due. They are of
	 * the requests that were due in the time measured, however late these ended. */
	struct histogram *put, *take;
};

/**
 * Runs the load and returns when the last request is answered.
 *
 * @w  borrowed until return
 * @b  more blobs than clients; their heads are overwritten
 * @r  the result; the caller calls gen_result_free()
 */
void gen_run(
	const struct gen_wire *w, const struct gen_plan *p, struct blobs *b, struct gen_result *r);

/** Frees what r owns and clears it. */
void gen_result_free(struct gen_result *r);

#endif
