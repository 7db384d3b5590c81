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
	bool paused;       /* by httpd_req_pause() */
	bool left;         /* the handler did not take all of data when it was last called */
	bool continue_due; /* the client may wait for "100 Continue" */
	const char *label;
	char id[2 * 8 + 1]; /* HTTPD_REQ_ID_CHARS of hex, and a NUL */
	struct h1_head head;
	char text[]; /* the head's bytes */
};

/* An id of a request is its number, hashed with a key of this process. */
struct httpd_req_ids {
	uint8_t key[16];
	uint64_t n; /* how many were given */
};

/** Begins with a random key. */
void httpd_req_ids_init(struct httpd_req_ids *ids);
/**
 * Makes a request from a whole head.
 *
 * @began_us  when its first byte came
 * @p         n bytes, copied
 * @err       set to what h1_head_parse() returned; not 0: the request has no content, and the
 * caller refuses it
 * @why       and to its sentence
 *
 * Returns the request, for httpd_req_free(), or NULL without memory.
 */
struct httpd_req *httpd_req_new(struct httpd_conn *c, struct httpd_req_ids *ids, uint64_t began_us,
	const char *p, size_t n, int *err, const char **why);
/** Moves content from the stream to the handler as far as body_window_bytes allows. Returns 0,
 * TG_EINVAL for malformed framing, or TG_ENOMEM. */
int httpd_req_read(struct httpd_req *r);
/** Returns, when the client has ended its direction, whether the content cannot become complete
 * from what stands in the stream. */
bool httpd_req_cut_short(const struct httpd_req *r);
/** Calls the handler's on_done with ok, unless that was done before. */
void httpd_req_detach(struct httpd_req *r, bool ok);
/** Ends what was set on the stream for this request: reading goes on as between requests. */
void httpd_req_leave(struct httpd_req *r);
/** Does httpd_req_detach(), and frees the request. */
void httpd_req_free(struct httpd_req *r, bool ok);

#endif
