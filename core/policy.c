/* policy.c: see policy.h. Names are octets: nothing here knows their encoding. */
#include <string.h>
#include <timeglas/errors.h>
#include "core/num.h"
#include "core/policy.h"

#define WORDS_MAX (POLICY_NODES + 4)

struct word {
	const char *p;
	size_t n;
};

struct reader {
	struct sha256 *h;
	struct policy *out;
	struct word word[WORDS_MAX];
	unsigned n;
	bool has_quorum;
	const char *why;
};

static int wrong(struct reader *r, const char *why)
{
	r->why = why;
	return TG_EINVAL;
}

static bool is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->p, s, w->n) == 0;
}

/* Returns POLICY_NODES: nothing has that name. */
static unsigned node_of(const struct policy *p, const struct word *w)
{
	for (unsigned i = 0; i < p->n_witnesses; i++)
		if (is(w, p->witness[i].name))
			return i;
	for (unsigned i = 0; i < p->n_groups; i++)
		if (is(w, p->group[i].name))
			return POLICY_WITNESSES_MAX + i;
	return POLICY_NODES;
}

static int new_name(struct reader *r, const struct word *w, char out[POLICY_NAME_MAX + 1])
{
	if (w->n > POLICY_NAME_MAX)
		return wrong(r, "the name is too long; at most 63 bytes");
	if (is(w, "none"))
		return wrong(r, "none is the name of no witness and no group; choose another");
	if (node_of(r->out, w) != POLICY_NODES)
		return wrong(r, "a witness or a group has that name already; choose another");
	memcpy(out, w->p, w->n);
	out[w->n] = '\0';
	return 0;
}

static int scan_key(
	struct reader *r, const struct word *w, enum note_type type, struct note_key *out)
{
	if (note_key_parse(r->h, w->p, w->n, out) != 0)
		return wrong(r, "not a key of the form name+id+base64; copy it anew");
	if (out->type != type)
		return wrong(r,
			type == NOTE_ED25519 ? "this is a witness's key, not a log's; exchange it" :
					       "this is a log's key, not a witness's; exchange it");
	return 0;
}

/* log VKEY [URL] */
static int scan_log(struct reader *r)
{
	struct policy *p = r->out;
	struct note_key k;

	if (r->n < 2 || r->n > 3)
		return wrong(r, "write: log KEY [URL]");
	if (p->n_logs == POLICY_LOGS_MAX)
		return wrong(r, "too many logs; at most 32");
	if (scan_key(r, &r->word[1], NOTE_ED25519, &k) != 0)
		return TG_EINVAL;
	for (unsigned i = 0; i < p->n_logs; i++)
		if (memcmp(p->log[i].public, k.public, NOTE_PUBLIC) == 0)
			return wrong(r, "a log has that key already; keep one of the lines");
	p->log[p->n_logs++] = k;
	return 0;
}

/* witness NAME VKEY [URL] */
static int scan_witness(struct reader *r)
{
	struct policy *p = r->out;
	struct policy_witness w = {0};

	if (r->n < 3 || r->n > 4)
		return wrong(r, "write: witness NAME KEY [URL]");
	if (p->n_witnesses == POLICY_WITNESSES_MAX)
		return wrong(r, "too many witnesses; at most 32");
	if (new_name(r, &r->word[1], w.name) != 0 ||
		scan_key(r, &r->word[2], NOTE_COSIGNATURE, &w.key) != 0)
		return TG_EINVAL;
	for (unsigned i = 0; i < p->n_witnesses; i++)
		if (memcmp(p->witness[i].key.public, w.key.public, NOTE_PUBLIC) == 0)
			return wrong(r, "a witness has that key already; keep one of the lines");
	if (r->n == 4) {
		if (r->word[3].n > POLICY_URL_MAX)
			return wrong(r, "the URL is too long; at most 255 bytes");
		memcpy(w.url, r->word[3].p, r->word[3].n);
	}
	p->witness[p->n_witnesses++] = w;
	return 0;
}

/* group NAME all|any|K NAME... */
static int scan_group(struct reader *r)
{
	struct policy *p = r->out;
	const unsigned group = p->n_groups;
	const struct word *const k = &r->word[2];
	const unsigned n = r->n > 3 ? r->n - 3 : 0;
	uint64_t least = 1;

	if (n == 0)
		return wrong(r, "write: group NAME all|any|NUMBER MEMBER...");
	if (group == POLICY_GROUPS_MAX)
		return wrong(r, "too many groups; at most 32");
	if (new_name(r, &r->word[1], p->group[group].name) != 0)
		return TG_EINVAL;
	if (is(k, "all"))
		least = n;
	else if (!is(k, "any") &&
		(tg_num_u64(k->p, k->n, n, &least) != 0 || least == 0 || *k->p == '0'))
		return wrong(r, "how many members? all, any, or a number from 1 to theirs");
	for (unsigned i = 3; i < r->n; i++) {
		unsigned node = node_of(p, &r->word[i]);

		if (node == POLICY_NODES)
			return wrong(r, "no witness and no group of that name stands above");
		if (p->member_of[node] != POLICY_NODES)
			return wrong(
				r, "a member of one group cannot be that of another, or twice");
		p->member_of[node] = POLICY_WITNESSES_MAX + group;
	}
	p->group[group].k = (unsigned)least;
	p->group[group].n = n;
	p->n_groups++;
	return 0;
}

/* quorum none|NAME */
static int scan_quorum(struct reader *r)
{
	if (r->n != 2)
		return wrong(r, "write: quorum NAME, or quorum none");
	if (r->has_quorum)
		return wrong(r, "there is a quorum line already; keep one");
	r->has_quorum = true;
	r->out->quorum = is(&r->word[1], "none") ? POLICY_NONE : node_of(r->out, &r->word[1]);
	if (r->out->quorum == POLICY_NODES && !is(&r->word[1], "none"))
		return wrong(r, "no witness and no group of that name stands above");
	return 0;
}

/* Splits a line into words. Returns 0, or TG_EINVAL for a character that no policy has. */
static int split(struct reader *r, const char *p, size_t n)
{
	r->n = 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return wrong(r, "a control character; only tabs and line feeds are fine");
	}
	for (size_t i = 0; i < n;) {
		size_t from = i;

		while (i < n && p[i] != ' ' && p[i] != '\t')
			i++;
		if (i > from && r->n == WORDS_MAX)
			return wrong(r, "too many words; split the group");
		if (i > from)
			r->word[r->n++] = (struct word){p + from, i - from};
		while (i < n && (p[i] == ' ' || p[i] == '\t'))
			i++;
	}
	return 0;
}

static int scan_line(struct reader *r, const char *p, size_t n)
{
	static const struct {
		const char *word;
		int (*scan)(struct reader *r);
	} kinds[] = {{"log", scan_log}, {"witness", scan_witness}, {"group", scan_group},
		{"quorum", scan_quorum}};

	if (split(r, p, n) != 0)
		return TG_EINVAL;
	if (r->n == 0 || r->word[0].p[0] == '#')
		return 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (is(&r->word[0], kinds[i].word))
			return kinds[i].scan(r);
	return wrong(r, "a line begins with log, witness, group, quorum or #");
}

int policy_scan(struct sha256 *h, const char *text, size_t n, struct policy *out, unsigned *line,
	const char **why)
{
	struct reader r = {.h = h, .out = out};

	*out = (struct policy){.quorum = POLICY_NONE};
	for (unsigned i = 0; i < POLICY_NODES; i++)
		out->member_of[i] = POLICY_NODES;
	*line = 0;
	for (const char *at = text, *lf; at < text + n; at = lf + 1) {
		++*line;
		lf = memchr(at, '\n', (size_t)(text + n - at));
		if (lf == NULL)
			r.why = "the last line has no end; add a line feed";
		else
			(void)scan_line(&r, at, (size_t)(lf - at));
		if (r.why != NULL) {
			*why = r.why;
			return TG_EINVAL;
		}
	}
	if (r.has_quorum)
		return 0;
	*line = 0;
	*why = "no quorum line; add quorum NAME, or quorum none";
	return TG_EINVAL;
}

bool policy_is_met(const struct policy *p, uint64_t cosigned)
{
	bool met[POLICY_NODES] = {false};

	if (p->quorum == POLICY_NONE)
		return true;
	for (unsigned i = 0; i < p->n_witnesses; i++)
		met[i] = (cosigned >> i & 1) != 0;
	for (unsigned g = 0; g < p->n_groups; g++) { /* members stand in front of their group */
		unsigned have = 0;

		for (unsigned i = 0; i < POLICY_WITNESSES_MAX + g; i++)
			have += met[i] && p->member_of[i] == POLICY_WITNESSES_MAX + g;
		met[POLICY_WITNESSES_MAX + g] = have >= p->group[g].k;
	}
	return met[p->quorum];
}

/* That a listed log signed it, and that its name is the checkpoint's origin. */
static int check_log(const struct policy *p, const struct note *note, const char *origin,
	const struct note_key **log)
{
	int result = TG_ENOENT;

	for (unsigned i = 0; i < p->n_logs && result == TG_ENOENT; i++) {
		if (strcmp(p->log[i].name, origin) != 0)
			continue;
		result = note_verify(note, &p->log[i], NULL);
		if (result == 0)
			*log = &p->log[i];
	}
	return result;
}

int policy_check(const struct policy *p, const struct note *note, struct policy_finding *out)
{
	struct checkpoint c;
	int err = checkpoint_scan(note->text.p, note->text.n, &c);

	*out = (struct policy_finding){0};
	if (err == 0 && p->n_logs > 0)
		err = check_log(p, note, c.origin, &out->log);
	for (unsigned i = 0; i < p->n_witnesses && err == 0; i++) {
		uint64_t time_s = 0;
		int found = note_verify(note, &p->witness[i].key, &time_s);

		if (found == TG_ENOENT)
			continue;
		err = found;
		if (found == TG_ESIGNATURE)
			out->wrong = &p->witness[i];
		if (found != 0)
			continue;
		out->cosigned |= UINT64_C(1) << i;
		out->first_s = out->n == 0 || time_s < out->first_s ? time_s : out->first_s;
		out->last_s = time_s > out->last_s ? time_s : out->last_s;
		out->n++;
	}
	return err == 0 && !policy_is_met(p, out->cosigned) ? TG_EPOLICY : err;
}
