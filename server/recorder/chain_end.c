/*
 * chain_end.c: see chain_end.h. It reads the end that the file has, and never repairs one but for a
 * line that was not written whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <timeglas/errors.h>

#include "base/log.h"
#include "recorder/chain_end.h"
#include "recorder/tail.h"

/* Opens the tree of a file whose end is the chain's. */
static int take_tail(
	int fd, const struct tail *t, struct evidence_tree *tree, struct chain_end *out)
{
	int rc = evidence_tree_has(tree, t->mark.n) ? 0 : evidence_tree_open(tree, fd, t);

	if (rc != 0)
		return rc;
	out->mark = t->mark;
	memcpy(out->origin, t->head_tree.origin, sizeof out->origin);
	return 0;
}

static int take_rotated(const char *path, struct evidence_tree *tree, struct chain_end *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc, saved;
	struct tail t;

	if (fd < 0)
		return TG_EIO;
	rc = tail_read(fd, &t);
	if (rc == 0 && (t.mark.n == 0 || t.torn_bytes > 0))
		rc = TG_EINVAL;
	if (rc == 0)
		rc = take_tail(fd, &t, tree, out);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

/* For a file that is new or empty: continues the chain from what is known, or from the newest
 * rotated file. When there is neither, a chain begins. */
static int continue_chain(const char *path, const struct evidence_mark *known,
	struct evidence_tree *tree, struct chain_end *out)
{
	char old[PATH_MAX];

	out->mark = *known;
	if (known->n > 0 && evidence_tree_has(tree, known->n))
		return 0;
	if (tail_newest(path, old, sizeof old))
		return take_rotated(old, tree, out);
	return known->n > 0 ? TG_ENOENT : evidence_tree_begin(tree);
}

/* The file may have more lines than are known, if it could not be cut back. It cannot have fewer,
 * nor other ones. */
static int check_not_behind(const struct evidence_mark *known, const struct evidence_mark *found)
{
	if (found->n < known->n ||
		(found->n == known->n && memcmp(found->hash, known->hash, CHAIN_HASH) != 0))
		return TG_EINVAL;
	return 0;
}

int chain_end_find(int fd, const char *path, const struct evidence_mark *known,
	struct evidence_tree *tree, struct chain_end *out)
{
	struct tail t;
	int rc = tail_read(fd, &t);

	if (rc != 0)
		return rc;
	if (t.torn_bytes > 0) {
		log_warn("audit-log",
			"the last line of the evidence file is incomplete: %llu bytes are cut off; "
			"its event will be written again",
			(unsigned long long)t.torn_bytes);
		if (ftruncate(fd, (off_t)t.whole_bytes) != 0)
			return TG_EIO;
	}
	*out = (struct chain_end){.whole_bytes = t.whole_bytes};
	if (t.mark.n == 0)
		return continue_chain(path, known, tree, out);
	rc = check_not_behind(known, &t.mark);
	if (rc != 0)
		return rc;
	out->first_n = t.first_n;
	out->first_ms = t.first_ms;
	return take_tail(fd, &t, tree, out);
}
