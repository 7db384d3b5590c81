/* audit_compare.c: see audit_compare.h. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_compare.h"
#include "cli/audit_tiles.h"

static const struct checkpoint *head_of(const struct audit_proof *p)
{
	return &p->receipt.head.checkpoint;
}

static bool good(const struct audit_proof *p)
{
	return p->fault == RECEIPT_GOOD;
}

/* Pairs -------------------------------------------------------------------- */

static bool same_place(const struct audit_proof *a, const struct audit_proof *b)
{
	return !a->is_head && !b->is_head && a->receipt.proof.index == b->receipt.proof.index;
}

static bool same_line(const struct audit_proof *a, const struct audit_proof *b)
{
	const struct proof *x = &a->receipt.proof, *y = &b->receipt.proof;

	return x->line_n == y->line_n && memcmp(x->line, y->line, x->line_n) == 0;
}

static void compare_pair(
	struct audit_compare *c, const struct audit_proof *a, const struct audit_proof *b)
{
	const bool same_size = head_of(a)->size == head_of(b)->size;

	if (strcmp(head_of(a)->origin, head_of(b)->origin) != 0)
		findings_add(c->findings, "log", NULL, "%s and %s are of different logs", a->path,
			b->path);
	else if (same_size && memcmp(head_of(a)->root, head_of(b)->root, TREE_HASH) != 0)
		findings_add(c->findings, "split", NULL,
			"%s and %s: the log signed two histories of %" PRIu64 " lines", a->path,
			b->path, head_of(a)->size);
	else if (same_place(a, b) && !same_line(a, b))
		findings_add(c->findings, "split", NULL,
			"%s and %s: the log signed two lines number %" PRIu64, a->path, b->path,
			a->receipt.proof.index + 1);
	else if (!same_size)
		c->not_compared++;
}

void audit_compare_pairs(struct audit_compare *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = i + 1; k < c->n; k++)
			if (good(c->proof[i]) && good(c->proof[k]))
				compare_pair(c, c->proof[i], c->proof[k]);
}

/* Tiles -------------------------------------------------------------------- */

/* Do the tiles make the root that was signed? */
static bool tiles_fit(struct audit_compare *c, struct audit_tiles *t)
{
	const struct checkpoint *newest = head_of(t->head);
	struct tree_edge edge;
	uint8_t root[TREE_HASH];

	if (!good(t->head) || !t->head->is_head) {
		findings_add(c->findings, "tiles", NULL, "%s: %s", t->checkpoint,
			good(t->head) ? "this is no checkpoint" : receipt_sentence(t->head->fault));
		return false;
	}
	if (!audit_tiles_edge(t, newest->size, &edge)) {
		findings_add(c->findings, "tiles", NULL,
			"tiles that %s needs are missing, or are not whole", t->checkpoint);
		return false;
	}
	tree_root(c->sha, &edge, root);
	if (memcmp(root, newest->root, TREE_HASH) == 0)
		return true;
	findings_add(c->findings, "tiles", NULL,
		"the tiles are not those of %s: one or the other was changed", t->checkpoint);
	return false;
}

static bool is_beginning(struct audit_compare *c, struct audit_tiles *t,
	const struct checkpoint *old, const struct checkpoint *newest)
{
	struct tree_proof proof;

	return tree_consistency(
		       c->sha, tile_read_node, &t->reader, old->size, newest->size, &proof) == 0 &&
		tree_consistency_check(
			c->sha, &proof, old->size, newest->size, old->root, newest->root) == 0;
}

static void compare_with(
	struct audit_compare *c, struct audit_tiles *t, const struct audit_proof *p)
{
	const struct checkpoint *old = head_of(p), *newest = head_of(t->head);

	if (strcmp(old->origin, newest->origin) != 0)
		findings_add(c->findings, "log", NULL, "%s is of the log %s; the tiles are of %s",
			p->path, old->origin, newest->origin);
	else if (old->size > newest->size)
		findings_add(c->findings, "rollback", NULL,
			"%s: the log had %" PRIu64 " lines then, and has %" PRIu64
			" in its newest checkpoint: it was cut, or is an older copy",
			p->path, old->size, newest->size);
	else if (!is_beginning(c, t, old, newest))
		findings_add(c->findings, "history", NULL,
			"%s: the log of today does not begin with what it signed then, its first "
			"%" PRIu64 " lines: they were written anew",
			p->path, old->size);
}

int audit_compare_tiles(struct audit_compare *c, const char *dir)
{
	struct audit_tiles *t;
	int status = audit_tiles_open(c->sha, dir, c->keys, c->n_keys, &t);

	if (status != 0)
		return status;
	if (tiles_fit(c, t))
		for (size_t i = 0; i < c->n; i++)
			if (good(c->proof[i]))
				compare_with(c, t, c->proof[i]);
	audit_tiles_free(t);
	return 0;
}
