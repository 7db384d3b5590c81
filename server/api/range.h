/* range.h: which part of a blob a claimant asks for (RFC 9110, section 14): one range of bytes, or
 * all of it. Pure. */
#ifndef API_RANGE_H
#define API_RANGE_H

#include <stdint.h>
#include "http/h1.h"

/**
 * Reads Range and If-Range of a request. A Range that is malformed, repeated, of several parts or
 * of an unknown unit is passed over, and so is one whose If-Range is not the entity tag, as RFC
 * 9110 allows or demands. Only GET has ranges.
 *
 * @size  bytes of the whole content
 * @etag  its strong entity tag, with its quotes; borrowed until return
 * @from  set to the first byte that is wanted
 * @len   set to the number of bytes that are wanted
 *
 * Returns the answer's status: 200 (all of it), 206 (a part), or 416 (the range has no byte of it;
 * from and len mean nothing).
 */
int range_of(
	const struct h1_head *h, uint64_t size, const char *etag, uint64_t *from, uint64_t *len);

#endif
