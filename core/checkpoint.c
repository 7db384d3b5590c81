/* checkpoint.c: see checkpoint.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <timeglas/errors.h>
#include "core/b64.h"
#include "core/checkpoint.h"
#include "core/num.h"

size_t checkpoint_text(const struct checkpoint *c, char out[CHECKPOINT_TEXT_MAX])
{
	char root[TG_B64_LEN(TREE_HASH) + 1];

	tg_b64_encode(TG_B64_STD, c->root, TREE_HASH, root);
	return (size_t)snprintf(
		out, CHECKPOINT_TEXT_MAX, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root);
}

/* Takes a line off the text: its length without the LF, which may not be missing; -1: there is
 * none, or it is empty. */
static long take_line(const char **p, size_t *n, const char **line)
{
	const char *lf = memchr(*p, '\n', *n);

	if (lf == NULL || lf == *p)
		return -1;
	*line = *p;
	*n -= (size_t)(lf - *p) + 1;
	*p = lf + 1;
	return lf - *line;
}

int checkpoint_scan(const char *p, size_t n, struct checkpoint *out)
{
	const char *origin, *size, *root, *more;
	const long origin_n = take_line(&p, &n, &origin), size_n = take_line(&p, &n, &size),
		   root_n = take_line(&p, &n, &root);

	if (origin_n < 1 || origin_n > (long)NOTE_NAME_MAX || size_n < 1 || root_n < 1)
		return TG_EINVAL;
	*out = (struct checkpoint){0};
	memcpy(out->origin, origin, (size_t)origin_n);
	if (strlen(out->origin) != (size_t)origin_n || (size_n > 1 && *size == '0') ||
		tg_num_u64(size, (size_t)size_n, INT64_MAX, &out->size) != 0 ||
		tg_b64_decode(TG_B64_STD, root, (size_t)root_n, out->root, TREE_HASH) !=
			(long)TREE_HASH)
		return TG_EINVAL;
	while (n > 0)
		if (take_line(&p, &n, &more) < 1)
			return TG_EINVAL;
	return 0;
}
