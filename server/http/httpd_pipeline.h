/*
 * httpd_pipeline.h: the requests of one connection, one after the other: it waits for a head, has
 * the request served, ends it when its answer is out, and refuses what is malformed or late. The
 * owner decides what a request means, and who may send one. Private to server/http.
 */
#ifndef HTTP_HTTPD_PIPELINE_H
#define HTTP_HTTPD_PIPELINE_H

#include "http/httpd_conn.h"
#include "http/httpd_req_int.h"
#include "http/httpd_req_state.h"

struct httpd_pipeline;

/* What the owner provides. */
struct httpd_pipeline_calls {
	/* Bytes came. Returns whether another request may be served; if not, the callee has killed
	 * the connection. */
	bool (*may_serve)(struct httpd_pipeline *p);
	/* A head is complete. The callee sets a handler, or replies. */
	void (*on_request)(struct httpd_pipeline *p, struct httpd_req *r);
	/* A request has ended, also one that was refused here. It is still valid. */
	void (*on_log)(struct httpd_pipeline *p, struct httpd_req *r);
	/* The code and the sentence for the client when a handler has not answered in time. */
	int late_code;
	const char *late_detail;
};

/* What all connections of a server share. */
struct httpd_pipeline_group {
	struct httpd_conn_group conns;
	struct httpd_pipeline_calls calls;
	struct httpd_req_ids ids;
};

struct httpd_pipeline { /* embedded in the owner's struct, which is zeroed at first */
	struct httpd_conn conn;
	struct httpd_pipeline_group *group;
	enum httpd_req_state state;
	struct httpd_req *req; /* from CONTENT or HANDLER to SEND */
	size_t scanned;        /* of a head that is not complete yet */
	uint64_t head_us;      /* when this head began */
	uint64_t next_us;      /* when the head behind this request began; 0: it has not */
};

/** Returns the pipeline whose connection that is. */
struct httpd_pipeline *httpd_pipeline_of(struct httpd_conn *c);

/* For the owner's struct httpd_conn_calls. */
void httpd_pipeline_on_work(struct httpd_conn *c);
void httpd_pipeline_on_room(struct httpd_conn *c);
void httpd_pipeline_on_timeout(struct httpd_conn *c, bool in, bool out);

/** Begins the handshake. Arguments and result are httpd_conn_open()'s. */
int httpd_pipeline_open(struct httpd_pipeline *p, struct httpd_pipeline_group *g, int fd, SSL *ssl);
/** Begins to wait for the first request. To be called in on_ready, when conn.peer is set. */
void httpd_pipeline_begin(struct httpd_pipeline *p);
/**
 * Refuses the request with a problem document, if no answer has begun; the connection ends after
 * it.
 *
 * @r       the request under way, p->req
 * @code    a TG_E…
 * @detail  a sentence for the client
 */
void httpd_pipeline_refuse(
	struct httpd_pipeline *p, struct httpd_req *r, int code, const char *detail);
/** Ends the request, if there is one, and the connection. p's memory is the owner's. */
void httpd_pipeline_close(struct httpd_pipeline *p);

#endif
