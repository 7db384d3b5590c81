/* audit_tree.c: see audit_tree.h. Runs in the timeglas command. */
#include <inttypes.h>
#include <string.h>
#include "cli/audit_tree.h"
#include "core/chain_note.h"

void audit_tree_line(struct audit_tree *t, uint64_t place, const char *line, size_t n)
{
	uint8_t leaf[TREE_HASH];

	if (place != t->edge.size + 1)
		t->lost = true;
	if (t->lost)
		return;
	tree_leaf(t->sha, line, n, leaf);
	tree_add(t->sha, &t->edge, leaf);
}

bool audit_tree_root(const struct audit_tree *t, uint8_t out[TREE_HASH])
{
	if (!t->lost)
		tree_root(t->sha, &t->edge, out);
	return !t->lost;
}

/* A log keeps its name, and what it says of its tree. */
static bool check_origin(struct audit_tree *t, const struct chain_check *c, struct findings *f,
	const struct finding_place *at)
{
	if (c->origin.p == NULL) {
		if (t->origin[0] != '\0')
			findings_add(f, "root", at,
				"this checkpoint tells no root, and earlier ones do");
		return false;
	}
	if (t->origin[0] == '\0')
		memcpy(t->origin, c->origin.p, c->origin.n);
	else if (!chain_is(c->origin, t->origin))
		findings_add(f, "root", at,
			"this checkpoint is of the log %.*s, and earlier ones are of %s",
			(int)c->origin.n, c->origin.p, t->origin);
	return true;
}

static void check_root(struct audit_tree *t, const struct chain_check *c, struct findings *f,
	const struct finding_place *at)
{
	uint8_t root[TREE_HASH];

	if (c->n != t->edge.size + 1 || !audit_tree_root(t, root)) {
		t->unknown++;
	} else if (memcmp(root, c->root, TREE_HASH) == 0) {
		t->roots++;
	} else if (!t->wrong) {
		t->wrong = true;
		findings_add(f, "root", at,
			"the lines before this checkpoint are not those of the tree whose root it "
			"tells; nor, then, behind any later one");
	}
}

void audit_tree_check(struct audit_tree *t, const struct chain_check *c, struct findings *f,
	const struct finding_place *at)
{
	if (!check_origin(t, c, f, at))
		return;
	check_root(t, c, f, at);
	if (chain_note_verify(c) != 0)
		findings_add(f, "signature", at,
			"the signature of the note that this checkpoint stands for is not good");
}
