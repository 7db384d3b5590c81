/* httpd_int.h: what httpd.c (connections), httpd_req.c (content) and httpd_reply.c (answers) share.
 * Not for other folders. */
#ifndef HTTP_HTTPD_INT_H
#define HTTP_HTTPD_INT_H

#include <sys/queue.h>
#include <event2/event_struct.h>

#include <netinet/in.h>

#include "http/httpd.h"
#include "http/preauth.h"
#include "net/stream.h"

enum phase {
	PH_HANDSHAKE,
	PH_IDLE,    /* between requests */
	PH_HEAD,    /* a head has begun */
	PH_CONTENT, /* a request is under way and its content is still coming */
	PH_HANDLER, /* content complete, answer not */
	PH_SEND,    /* answer given, not yet written */
	PH_LINGER   /* closing: the client may still read our answer */
};

struct httpd_req {
	struct conn *conn;
	const struct httpd_handler *handler; /* NULL: none yet, or refused before there was one */
	void *ctx;
	struct h1_body body;
	struct evbuffer *data; /* content for the handler */
	uint64_t began_us, in_bytes, out_bytes;
	/* all content has to be here by then; 0: no matter how long it takes */
	uint64_t content_by_us;
	uint64_t reply_left; /* content bytes still to be given */
	const char *label, *slug;
	char id[HTTPD_REQUEST_ID + 1];
	int status;                  /* 0: not answered yet */
	bool content_done, end_told; /* all content is in data; on_end was called */
	/* content that the handler would like in one piece; 0: it does not matter */
	size_t want;
	bool paused, continue_due;
	bool left;    /* the handler has left content in data */
	bool replied; /* the whole answer was given */
	/* the request ends when the peer's kernel has all of its answer */
	bool hold;
	/* stream_written() behind its answer, once the kernel has all of that; 0: not yet */
	uint64_t held_to;
	TAILQ_ENTRY(httpd_req) held_link;
	bool close; /* the connection ends with this answer */
	struct h1_head head;
	char text[]; /* the head's bytes */
};

TAILQ_HEAD(req_list, httpd_req);

struct conn {
	struct httpd *httpd;
	struct stream *stream;
	struct httpd_req *req; /* NULL between requests */
	void *peer;
	uint8_t spki[32];
	struct preauth_entry preauth; /* until it is a peer's */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} from;
	int64_t good_until_ms; /* its certificates end then */
	unsigned vouched;      /* httpd's `reloads` when its certificates were verified */
	enum phase phase;
	bool dead, eof;
	/* bytes came since it was last looked whether the client is there */
	bool heard;
	bool flushing;    /* lingering has to wait until the answer is out */
	size_t scanned;   /* of a head that is not complete yet */
	size_t allowance; /* lingering: bytes that may be read before the next tick */
	/* lingering ends then at the latest; 0: the answer is not out yet */
	uint64_t linger_until_us;
	struct req_list held; /* requests whose held answer the kernel has, oldest first */
	unsigned n_held;
	uint64_t acked, acked_us; /* as of the last look: stream_acked(), and when it last grew */
	bool abortive, revoked;   /* closing the descriptor resets it; and has to */
	bool waits;               /* is in httpd's waiting */
	TAILQ_ENTRY(conn) wait_link;
	uint64_t head_us;           /* when this head began */
	uint64_t next_us;           /* when the head behind this request began; 0: it has not */
	uint64_t seen_in, seen_out; /* progress at the time the timer was set */
	struct event timer;
	/* when this phase's time is over; when the timer fires, 0: it does not */
	uint64_t due_us, armed_us;
	bool rested;                /* its buffers were given back */
	uint64_t rest_in, rest_out; /* progress when it was last looked at for that */
	struct loop_task task;
	TAILQ_ENTRY(conn) link;
};

TAILQ_HEAD(conn_list, conn);

struct httpd {
	struct loop *loop;
	SSL_CTX *tls;
	struct httpd_limits limits;
	const struct httpd_calls *calls;
	void *ctx;
	struct conn_list conns;
	size_t n;
	struct preauth *preauth;
	unsigned reloads; /* of the TLS context */
	/* looks at the certificates of connections that are older than the context */
	struct loop_task reverify;
	/* of this process: ids of requests are their numbers, hashed with it */
	uint8_t id_key[16];
	uint64_t requests; /* so far */
	struct event rest; /* looks for connections that went idle, and at held answers */
	/* go on at the next tick: they lingered for their share, or hold too many answers */
	struct conn_list waiting;
	struct event tick;
	bool draining;
};

/* httpd.c */
/** conn_kill(c): over, at the end of this turn; nothing more is delivered. */
void conn_kill(struct conn *c);
/** conn_schedule(c): look at the connection again at the end of this turn. */
void conn_schedule(struct conn *c);
/** conn_resume(c): the same; its content is read on, and it has all of its time for it again. */
void conn_resume(struct conn *c);
/** conn_phase(c, ph): enter a phase, and set its timer. */
void conn_phase(struct conn *c, enum phase ph);

/* httpd_held.c */
/** held_add(c, r): the kernel has all of r's held answer: the request is logged, and ends when the
 * peer's kernel has it, too. */
void held_add(struct conn *c, struct httpd_req *r);
/** held_look(c): ask the kernel, and end the requests whose answers were delivered. Returns
 * stream_acked(). */
uint64_t held_look(struct conn *c);
/** held_full(c): are so many answers held that the next request has to wait? */
bool held_full(struct conn *c);
/** held_stalled(c): looks. Is there a held answer, and was nothing acknowledged for send_idle_s? */
bool held_stalled(struct conn *c);
/** held_drop(c): the connection ends: so do the requests, undelivered. */
void held_drop(struct conn *c);

/* httpd_req.c */
/** req_new(c, p, n): a request from a whole head of n bytes; NULL without memory. *err:
 * h1_head_parse()'s verdict. */
struct httpd_req *req_new(struct conn *c, const char *p, size_t n, int *err, const char **why);
/** req_content(r, in): move content from the stream to the handler as far as its window allows.
 * Returns 0, or TG_EINVAL for malformed framing. */
int req_content(struct httpd_req *r, struct evbuffer *in);
/** req_detach(r, ok): the handler's on_done, unless it was called before. */
void req_detach(struct httpd_req *r, bool ok);
/** req_log(r): nothing more happens on the connection for its sake: tell the log. */
void req_log(struct httpd_req *r);
/** req_free(r, ok): tell the handler, and free. */
void req_free(struct httpd_req *r, bool ok);
/** req_end(r, ok): req_log(), and req_free(). */
void req_end(struct httpd_req *r, bool ok);

#endif
