/* abi.c: copies structs of callers that may be older or newer than this library. It knows no
 * struct. Runs in the library. */
#include <string.h>
#include "lib/abi.h"

static size_t size_of(const void *theirs)
{
	size_t n;

	memcpy(&n, theirs, sizeof n);
	return n;
}

int tg_abi_in(void *ours, size_t size, const void *theirs, size_t first)
{
	size_t n = theirs ? size_of(theirs) : 0;

	if (n < first || n > TG_ABI_SIZE_MAX)
		return TG_EINVAL;
	/* a newer program asks for something that this library does not know: refuse it */
	for (size_t i = size; i < n; i++)
		if (((const unsigned char *)theirs)[i] != 0)
			return TG_EINVAL;
	memset(ours, 0, size);
	memcpy(ours, theirs, n < size ? n : size);
	return 0;
}

int tg_abi_out_ok(const void *theirs, size_t first)
{
	size_t n = theirs ? size_of(theirs) : first;

	return n >= first && n <= TG_ABI_SIZE_MAX ? 0 : TG_EINVAL;
}

void tg_abi_out(void *theirs, const void *ours, size_t size)
{
	size_t n, head = sizeof(size_t);

	if (!theirs)
		return;
	n = size_of(theirs);
	memset((unsigned char *)theirs + head, 0, n - head);
	memcpy((unsigned char *)theirs + head, (const unsigned char *)ours + head,
		(n < size ? n : size) - head);
}
