/* httpd_req_int.h: what httpd_pipeline.c knows of a request. Private to server/http. */
#ifndef HTTP_HTTPD_REQ_INT_H
#define HTTP_HTTPD_REQ_INT_H

#include "http/h1.h"
#include "http/h1_body.h"
#include "http/httpd_reply_int.h"

struct httpd_handler;

/* How far the content has come. */
enum httpd_req_content {
	HTTPD_REQ_COMING, /* more of it has to come */
	HTTPD_REQ_HERE,   /* all of it is in data, or was taken */
	HTTPD_REQ_TAKEN   /* on_end was called */
};

struct httpd_req {
	struct httpd_reply reply;            /* reply.conn is its connection */
	const struct httpd_handler *handler; /* NULL: none, or it was told the end */
	void *ctx;
	struct h1_body body;
	enum httpd_req_content content;
	struct evbuffer *data; /* content for the handler; NULL: there is none */
	uint64_t began_us, in_bytes;
	size_t want;       /* content that the handler would like in one piece */
	bool paused;       /* the handler takes nothing now */
	bool left;         /* the handler has left content in data */
	bool continue_due; /* the client may wait for "100 Continue" */
	const char *label;
	char id[2 * 8 + 1]; /* HTTPD_REQ_ID_CHARS of hex, and a NUL */
	struct h1_head head;
	char text[]; /* the head's bytes */
};

/* Ids of requests are their numbers, hashed with a key of this process. */
struct httpd_req_ids {
	uint8_t key[16];
	uint64_t n; /* so far */
};

/** httpd_req_ids_init(ids): a random key. */
void httpd_req_ids_init(struct httpd_req_ids *ids);
/**
 * Makes a request from a whole head.
 *
 * @began_us  when its first byte came
 * @p         n bytes, copied
 * @err       h1_head_parse()'s verdict; other than 0: the request has no content, and waits for
 *            httpd_problem()
 * @why       and its sentence
 *
 * Returns NULL without memory.
 */
struct httpd_req *httpd_req_new(struct httpd_conn *c, struct httpd_req_ids *ids, uint64_t began_us,
	const char *p, size_t n, int *err, const char **why);
/** httpd_req_read(r): moves content from the stream to the handler as far as its window allows.
 * Returns 0, or TG_EINVAL for malformed framing. */
int httpd_req_read(struct httpd_req *r);
/** httpd_req_cut_short(r): at the end of the input: can its content not become complete from what
 * stands there? */
bool httpd_req_cut_short(const struct httpd_req *r);
/** httpd_req_detach(r, ok): the handler's on_done, unless it was called before. */
void httpd_req_detach(struct httpd_req *r, bool ok);
/** httpd_req_leave(r): nothing more happens on the connection for its sake: reading goes on as
 * between requests. */
void httpd_req_leave(struct httpd_req *r);
/** httpd_req_free(r, ok): httpd_req_detach(), and frees it. */
void httpd_req_free(struct httpd_req *r, bool ok);

#endif
