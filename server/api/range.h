/* range.h: which part of a blob a claimant asks for (RFC 9110, section 14): one byte range, or all
 * of it. Pure. */
#ifndef API_RANGE_H
#define API_RANGE_H

#include <stdbool.h>
#include <stdint.h>
#include "http/h1.h"

/**
 * range_of(h, size, etag, from, len): what of a content of size bytes a request's head asks for. A
 * Range that is malformed, of several parts or of an unknown unit, or whose If-Range does not name
 * the strong etag (with its quotes), is passed over, as RFC 9110 allows or demands. Returns 200
 * (all of it), 206, or 416 (nothing of it is there; from and len are not set).
 */
int range_of(
	const struct h1_head *h, uint64_t size, const char *etag, uint64_t *from, uint64_t *len);

#endif
