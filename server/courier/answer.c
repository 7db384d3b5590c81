/* answer.c: see answer.h. */
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include "core/num.h"
#include "courier/answer.h"

/* The value of a field, without blanks in front of it; NULL. */
static const char *field(const char *head, const char *name, size_t *n)
{
	const size_t len = strlen(name);

	for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at, "\r\n")) {
		at += 2;
		if (strncasecmp(at, name, len) != 0 || at[len] != ':')
			continue;
		at += len + 1;
		at += strspn(at, " \t");
		*n = strcspn(at, "\r");
		return at;
	}
	return NULL;
}

/* Reads a head of n bytes. Returns its status; 0: it is none that can be understood. *length: of
 * the content, UINT64_MAX: up to the end of the connection. */
static int scan_head(const char *p, size_t n, uint64_t *length)
{
	char head[ANSWER_HEAD_MAX + 1];
	uint64_t status;
	const char *value;
	size_t len;

	memcpy(head, p, n);
	head[n] = '\0';
	if (strlen(head) != n || strncmp(head, "HTTP/1.1 ", 9) != 0 || n < 14 ||
		tg_num_u64(head + 9, 3, 599, &status) != 0 || status < 200 ||
		field(head, "Transfer-Encoding", &len) != NULL)
		return 0;
	value = field(head, "Content-Length", &len);
	*length = UINT64_MAX;
	if (value != NULL && tg_num_u64(value, len, ANSWER_BODY_MAX, length) != 0)
		return 0;
	return (int)status;
}

static enum answer_state bad(struct answer *out, const char *why)
{
	out->why = why;
	return ANSWER_BAD;
}

enum answer_state answer_scan(const char *p, size_t n, bool over, struct answer *out)
{
	const char *end = n > 0 ? memmem(p, n, "\r\n\r\n", 4) : NULL;
	uint64_t length;
	size_t head;

	*out = (struct answer){0};
	if (end == NULL || (size_t)(end - p) > ANSWER_HEAD_MAX - 4)
		return over || n >= ANSWER_HEAD_MAX ?
			bad(out, "its answer is cut off, or is no HTTP") :
			ANSWER_MORE;
	head = (size_t)(end - p) + 4;
	out->status = scan_head(p, head, &length);
	if (out->status == 0)
		return bad(out, "its answer is not one that a witness gives");
	if (n - head > ANSWER_BODY_MAX)
		return bad(out, "its answer is too long");
	if (n - head < length && !(over && length == UINT64_MAX))
		return over ? bad(out, "its answer is cut off") : ANSWER_MORE;
	out->text = p + head;
	out->n = n - head < length ? n - head : (size_t)length;
	return ANSWER_WHOLE;
}
