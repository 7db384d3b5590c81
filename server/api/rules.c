/* rules.c: see rules.h. An upload's header fields (docs/openapi.yaml) against the policy
 * (timeglas/retention.h). Pure; runs in workers. */
#include <string.h>

#include <timeglas/errors.h>

#include "api/rules.h"
#include "base/text.h"
#include "core/b64.h"
#include "core/hex.h"
#include "core/num.h"
#include "core/subject.h"
#include "store/types.h"

/* of a dictionary's key: RFC 8941, section 3.1.2 */
#define DICT_KEY_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_-.*"

static int refuse(const char **detail, int err, const char *sentence)
{
	*detail = sentence;
	return err;
}

static struct h1_str trim(const char *p, size_t n)
{
	while (n > 0 && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return (struct h1_str){p, n};
}

static int copy_text(struct h1_str s, char *out, size_t cap)
{
	if (s.n >= cap || memchr(s.p, '\0', s.n) != NULL)
		return TG_EINVAL;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

/* Content-Digest ----------------------------------------------------------- */

/* One member "key=:base64:", without parameters, of the dictionary. Of algorithms other than
 * sha-256 only the form counts. */
static int digest_member(struct h1_str m, uint8_t out[32], bool *found)
{
	size_t key = 0, b64_len;
	const char *b64;
	uint8_t raw[128];
	long n;

	while (key < m.n && strchr(DICT_KEY_CHARS, m.p[key]) != NULL && m.p[key] != '\0')
		key++;
	if (key == 0 || m.n < key + 3 || m.p[key] != '=' || m.p[key + 1] != ':' ||
		m.p[m.n - 1] != ':')
		return TG_EINVAL;
	b64 = m.p + key + 2;
	b64_len = m.n - key - 3;
	n = tg_b64_decode(TG_B64_STD, b64, b64_len, raw, sizeof raw);
	if (n < 0)
		return TG_EINVAL;
	if (key != 7 || memcmp(m.p, "sha-256", 7) != 0)
		return 0;
	if (n != 32 || *found)
		return TG_EINVAL;
	memcpy(out, raw, 32);
	*found = true;
	return 0;
}

int rules_content_digest(const char *value, size_t n, uint8_t out[32], bool *found)
{
	const char *end = value + n;

	*found = false;
	for (const char *p = value;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma != NULL ? comma : end;

		if (digest_member(trim(p, (size_t)(stop - p)), out, found) != 0)
			return TG_EINVAL;
		if (comma == NULL)
			return 0;
		p = comma + 1;
	}
}

/* The fields of an upload --------------------------------------------------- */

/* A `to` has a blank before and behind each name. */
bool rules_addressed(const char *to, const char *peer)
{
	char word[CONF_NAME_MAX + 3];
	struct text t = text_in(word, sizeof word);

	text_join(&t, " ", peer, " ");
	return peer[0] != '\0' && strlen(peer) <= CONF_NAME_MAX && strstr(to, word) != NULL;
}

/* Returns a field that may stand once, and not empty; NULL: it is absent. Otherwise *err is set. An
 * empty one is an error, because a client whose variable was not set must not get the longest life
 * or the widest audience for it. */
static const struct h1_str *single(const struct h1_head *h, const char *name, int *err)
{
	bool dup = false;
	const struct h1_str *v = h1_field(h, name, &dup);

	if (dup || (v != NULL && v->n == 0))
		*err = TG_EINVAL;
	return v;
}

/* Adds one addressee to d->to, where it is not there yet; *n is their number, *roles the roles of
 * all of them, or'ed. Returns 0 or TG_ERECIPIENT. */
static int address(const struct conf *conf, struct h1_str name, struct store_desc *d, unsigned *n,
	unsigned *roles)
{
	const struct conf_peer *peer = conf_peer_by_name(conf, name.p, name.n);
	size_t have, need;
	struct text t;

	if (peer == NULL || (peer->roles & (ROLE_VERIFIER | ROLE_PROCESSOR)) == 0 ||
		*n == CONF_TO_MAX)
		return TG_ERECIPIENT;
	*roles |= peer->roles;
	if (rules_addressed(d->to, peer->name))
		return 0;
	have = strlen(d->to);
	need = strlen(peer->name) + (have == 0 ? 2 : 1);
	if (have + need >= sizeof d->to)
		return TG_ERECIPIENT;
	t = text_in(d->to + have, sizeof d->to - have);
	text_join(&t, have == 0 ? " " : "", peer->name, " ");
	(*n)++;
	return 0;
}

static int address_default(const struct conf *conf, const struct conf_peer *up,
	struct store_desc *d, unsigned *roles, const char **detail)
{
	unsigned n = 0;

	for (size_t i = 0; i < up->n_to; i++) {
		const struct h1_str name = {up->to[i], strlen(up->to[i])};

		if (address(conf, name, d, &n, roles) != 0)
			return refuse(detail, TG_ERECIPIENT,
				"the configured addressee of this uploader is no verifier any "
				"more; name one in Timeglas-To");
	}
	if (n == 0)
		return refuse(detail, TG_ERECIPIENT,
			"name the peers that may fetch the blob in Timeglas-To; no default is "
			"configured for this uploader");
	return 0;
}

static int judge_to(const struct conf *conf, const struct conf_peer *up, const struct h1_str *to,
	struct store_desc *d, unsigned *roles, const char **detail)
{
	const char *end;
	unsigned n = 0;

	if (to == NULL)
		return address_default(conf, up, d, roles, detail);
	end = to->p + to->n;
	for (const char *p = to->p;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma != NULL ? comma : end;

		if (address(conf, trim(p, (size_t)(stop - p)), d, &n, roles) != 0)
			return refuse(detail, TG_ERECIPIENT,
				"Timeglas-To lists names of configured verifiers or processors, 16 "
				"at most, separated by commas");
		if (comma == NULL)
			return 0;
		p = comma + 1;
	}
}

/* A processor may claim foreign passports and nothing else. So a blob of any other kind needs a
 * verifier among its addressees, or nobody could ever fetch it. */
static int judge_readers(const struct store_desc *d, unsigned roles, const char **detail)
{
	if ((roles & ROLE_VERIFIER) != 0 || (strcmp(d->kind, "passport") == 0 && !d->danish))
		return 0;
	return refuse(detail, TG_EPROCESSOR,
		"a processor may have no Danish passport, and no other kind; name a verifier in "
		"Timeglas-To");
}

static int judge_kind(const struct conf *conf, const struct h1_str *kind,
	const struct h1_str *issuer, struct rules_upload *out, const struct tg_rule **rule,
	const char **detail)
{
	struct store_desc *d = &out->desc;
	int err;

	if (kind == NULL || copy_text(*kind, d->kind, sizeof d->kind) != 0)
		return refuse(detail, TG_EKIND,
			"say in Timeglas-Kind what it is; GET /v1/policy lists the kinds");
	if (issuer != NULL && tg_issuer_parse(issuer->p, issuer->n, d->issuer) != 0)
		return refuse(detail, TG_EISSUER,
			"Timeglas-Issuer takes the ICAO 9303 code of the issuing state as it "
			"stands in the machine-readable zone");
	err = tg_policy_rule(&conf->policy, d->kind, issuer != NULL ? d->issuer : NULL, rule);
	if (err == TG_EISSUER)
		return refuse(detail, err,
			issuer == NULL ? "a passport needs Timeglas-Issuer, the ICAO 9303 code of "
					 "its issuing state" :
					 "Timeglas-Issuer is for passports alone; leave it out for "
					 "this kind");
	if (err != 0)
		return refuse(detail, TG_EKIND,
			"the policy in force has no such kind; GET /v1/policy lists them");
	d->danish = (*rule)->issuer == TG_ISSUER_DANISH;
	d->bound = (*rule)->session_bound != 0;
	return 0;
}

static int judge_ttl(const struct h1_str *ttl, const struct tg_rule *rule, struct rules_upload *out,
	const char **detail)
{
	uint64_t s = rule->ceiling_s;

	/* Without leading zeros: another reader might take them for octal. */
	if (ttl != NULL &&
		(tg_num_u64(ttl->p, ttl->n, UINT64_MAX, &s) != 0 ||
			(ttl->n > 1 && ttl->p[0] == '0')))
		return refuse(detail, TG_EINVAL,
			"Timeglas-Ttl takes a whole number of seconds, in decimal without leading "
			"zeros");
	if (s == 0 || s > rule->ceiling_s)
		return refuse(detail, TG_ETTL,
			"Timeglas-Ttl is at least 1 and at most the kind's ceiling; GET /v1/policy "
			"lists the ceilings");
	out->ttl_s = (uint32_t)s;
	return 0;
}

static int judge_session(
	const struct h1_str *session, struct rules_upload *out, const char **detail)
{
	struct store_desc *d = &out->desc;

	if (session == NULL)
		return d->bound ? refuse(detail, TG_ESESSION,
					  "a Danish passport is held only while a session lives; "
					  "open one and name it in Timeglas-Session") :
				  0;
	if (token_shard(session->p, session->n) < 0 ||
		copy_text(*session, d->session, sizeof d->session) != 0)
		return refuse(detail, TG_ESESSION,
			"Timeglas-Session names no open session; open one with POST /v1/sessions");
	return 0;
}

/* Keeps the first refusal, which is the one that the client is told: next and *why are those of the
 * check that was made last. */
static void first(int *err, const char **detail, int next, const char *const *why)
{
	if (*err == 0 && next != 0) {
		*err = next;
		*detail = *why;
	}
}

/* Reads Timeglas-Name; out is "" when there is none. Returns 0 or TG_EINVAL. */
static int read_name(const struct h1_head *head, char out[TOKEN_NAME_LEN + 1], const char **detail)
{
	int err = 0;
	const struct h1_str *v = single(head, "timeglas-name", &err);

	out[0] = '\0';
	if (err != 0 ||
		(v != NULL &&
			(token_name_shard(v->p, v->n) < 0 ||
				copy_text(*v, out, TOKEN_NAME_LEN + 1) != 0)))
		return refuse(detail, TG_EINVAL,
			"Timeglas-Name stands once and is 22 characters: base64url of 16 bytes, "
			"without padding");
	return 0;
}

/* NULL: absent. */
struct fields {
	const struct h1_str *kind, *issuer, *session, *ttl, *to, *digest, *subject;
};

static int find_fields(const struct h1_head *head, struct fields *f, const char **detail)
{
	int err = 0;

	*f = (struct fields){
		.kind = single(head, "timeglas-kind", &err),
		.issuer = single(head, "timeglas-issuer", &err),
		.session = single(head, "timeglas-session", &err),
		.ttl = single(head, "timeglas-ttl", &err),
		.to = single(head, "timeglas-to", &err),
		.digest = single(head, "content-digest", &err),
		.subject = single(head, "timeglas-subject", &err),
	};
	if (err == 0)
		return 0;
	return refuse(detail, err,
		"each Timeglas field and Content-Digest may stand once, and then not empty");
}

/* What does not depend on the policy. */
static int read_fields(const struct fields *f, struct rules_upload *out, const char **detail)
{
	struct store_desc *d = &out->desc;

	if (f->digest != NULL &&
		rules_content_digest(f->digest->p, f->digest->n, out->digest, &out->has_digest) !=
			0)
		return refuse(detail, TG_EINVAL,
			"Content-Digest is not as in RFC 9530: sha-256=:BASE64:");
	if (out->has_digest)
		tg_hex_encode(out->digest, sizeof out->digest, d->sha256);
	if (f->subject != NULL &&
		subject_hash(d->uploader, f->subject->p, f->subject->n, d->subject) != 0)
		return refuse(detail, TG_ESUBJECT,
			"Timeglas-Subject is 64 lower-case hexadecimal digits: a keyed pseudonym, "
			"never a document number");
	return 0;
}

/* All are read, also behind a refusal: a repeated upload is compared by what stands in out. */
static int judge_fields(const struct conf *conf, const struct conf_peer *uploader,
	const struct fields *f, struct rules_upload *out, const char **detail)
{
	const struct tg_rule *rule = NULL;
	const char *why = NULL;
	unsigned roles = 0;
	int err = 0;

	first(&err, detail, judge_kind(conf, f->kind, f->issuer, out, &rule, &why), &why);
	if (err == 0)
		first(&err, detail, judge_ttl(f->ttl, rule, out, &why), &why);
	first(&err, detail, judge_session(f->session, out, &why), &why);
	first(&err, detail, judge_to(conf, uploader, f->to, &out->desc, &roles, &why), &why);
	if (err == 0)
		first(&err, detail, judge_readers(&out->desc, roles, &why), &why);
	return err;
}

int rules_upload(const struct conf *conf, const struct conf_peer *uploader,
	const struct h1_head *head, struct rules_upload *out, const char **detail)
{
	struct fields f;
	int err;

	memset(out, 0, sizeof *out);
	text_copy(out->desc.uploader, sizeof out->desc.uploader, uploader->name);
	if ((err = find_fields(head, &f, detail)) != 0 ||
		(err = read_name(head, out->desc.name, detail)) != 0 ||
		(err = read_fields(&f, out, detail)) != 0)
		return err;
	return judge_fields(conf, uploader, &f, out, detail);
}

int rules_key(const struct h1_head *head, char out[RULES_KEY_MAX + 1], const char **detail)
{
	bool dup = false;
	const struct h1_str *v = h1_field(head, "idempotency-key", &dup);
	bool ok = !dup && (v == NULL || (v->n > 0 && copy_text(*v, out, RULES_KEY_MAX + 1) == 0));

	if (v == NULL)
		out[0] = '\0';
	for (size_t i = 0; ok && v != NULL && i < v->n; i++)
		ok = v->p[i] >= ' ' && v->p[i] <= '~';
	return ok ?
		0 :
		refuse(detail, TG_EINVAL,
			"Idempotency-Key stands once and has 1 to 255 printable ASCII characters");
}
