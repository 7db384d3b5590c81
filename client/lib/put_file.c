/*
 * put_file.c: tg_put_file(): seals a file while it is sent to the buffer, under the name that
 * follows from its signature. A signed upload can therefore be repeated until it is answered, and
 * the server stores it once. A raw or already sealed file is repeated under an Idempotency-Key
 * instead. Plaintext touches no disk. Runs in the library. docs/envelope.md, docs/openapi.yaml.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "core/hex.h"
#include "lib/abi.h"
#include "lib/client.h"
#include "lib/put_file.h"
#include "lib/source.h"

#define KEY_BYTES 16

struct put {
	tg_put_file_opts o;
	tg_seal_opts seal;
	struct tg_source *source;
	char issuer[4];
	char name[TG_NAME_CHARS + 1];
	char key[2 * KEY_BYTES + 1];
	uint8_t sha256[32];
};

static const char *none_if_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

int tg_put_labels(const char *kind, const char *issuer, char canonical[4], char *why, size_t cap)
{
	const struct tg_rule *rule;
	struct tg_policy policy;

	memset(canonical, 0, 4);
	if (none_if_empty(kind) == NULL) {
		snprintf(why, cap, "the kind is missing: give passport, liveness or face3d");
		return TG_EKIND;
	}
	if (none_if_empty(issuer) != NULL &&
		tg_issuer_parse(issuer, strlen(issuer), canonical) != 0) {
		snprintf(why, cap,
			"%.8s is not an ICAO 9303 issuing state as it stands in the "
			"machine-readable zone (DNK, D, UTO)",
			issuer);
		return TG_EISSUER;
	}
	tg_policy_init(&policy);
	if (tg_policy_rule(&policy, kind, none_if_empty(canonical), &rule) != TG_EISSUER)
		return 0;
	if (canonical[0] == '\0')
		snprintf(why, cap,
			"a %.31s needs its issuer, the issuing state in its machine-readable zone",
			kind);
	else
		snprintf(why, cap, "a %.31s has no issuer", kind);
	return TG_EISSUER;
}

/* An empty text is a variable that was never filled in. It must not mean what NULL means: no
 * session, the server's default readers. */
static const char *empty_option(const tg_put_file_opts *o)
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{"issuer", o->issuer},
		{"session", o->session},
		{"subject", o->subject},
		{"to", o->to},
		{"name", o->name},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].text != NULL && texts[i].text[0] == '\0')
			return texts[i].name;
	return NULL;
}

static int check_options(struct tg_client *c, struct put *p, const tg_put_file_opts *o)
{
	int err = TG_ABI_IN(p->o, o);
	const char *empty;
	char why[160];

	if (err != 0)
		return client_fail(c, err,
			"struct_size of the options is not set, or they hold something that this "
			"library does not know");
	empty = empty_option(&p->o);
	if (empty != NULL)
		return client_fail(c, TG_EINVAL,
			"nothing is stored: %s is empty: fill it in, or leave it NULL", empty);
	if (p->o.sealed ? p->o.signer != NULL || p->o.raw || p->o.n_recipients > 0 ||
				none_if_empty(p->o.content_type) != NULL :
			  (p->o.signer == NULL) != (p->o.raw != 0))
		return client_fail(c, TG_EINVAL,
			"say how it is sealed: with a signer, or raw, or sealed already");
	if (none_if_empty(p->o.name) != NULL && !p->o.sealed)
		return client_fail(c, TG_EINVAL,
			"a name is given only with a file that is sealed already; otherwise it "
			"follows from what is sealed");
	if (p->o.raw && none_if_empty(p->o.content_type) != NULL)
		return client_fail(c, TG_EINVAL,
			"a content type is sealed into the head, and raw content has none");
	err = tg_put_labels(p->o.kind, p->o.issuer, p->issuer, why, sizeof why);
	return err == 0 ? 0 : client_fail(c, err, "nothing is stored: %s", why);
}

static int cannot_seal(struct tg_client *c, int err)
{
	return client_fail(c, err, "cannot seal: %s",
		err == TG_ESESSION ? "that is no session's id: 1 to 64 letters, digits, - or _" :
			err == TG_EMEDIA ? "the content type is not a media type" :
					   tg_strerror(err));
}

static int cannot_read(struct tg_client *c, const struct put *p, int err, const char *path)
{
	const char *why = p->source != NULL ? tg_source_why(p->source) : strerror(errno);

	return client_fail(c, err, "nothing is stored: cannot read %s: %s",
		strcmp(path, "-") == 0 ? "stdin" : path, why != NULL ? why : tg_strerror(err));
}

static int open_source(struct tg_client *c, struct put *p, const char *path)
{
	int err = tg_source_open(path, &p->source);

	if (err != 0)
		return cannot_read(c, p, err, path);
	if (p->o.sealed) {
		snprintf(p->name, sizeof p->name, "%s", p->o.name != NULL ? p->o.name : "");
		err = tg_source_digest(p->source, p->sha256);
		return err == 0 ? 0 : cannot_read(c, p, err, path);
	}
	p->seal = (tg_seal_opts){.struct_size = sizeof p->seal,
		.recipient = p->o.recipient,
		.n_recipients = p->o.n_recipients,
		.signer = p->o.signer,
		.kind = p->o.kind,
		.issuer = p->issuer,
		.session = p->o.session,
		.subject = p->o.subject,
		.content_type = p->o.content_type};
	err = tg_source_seal(p->source, &p->seal, p->name);
	return err == 0 ? 0 : cannot_seal(c, err);
}

/* A blob without a name is stored once under a key. A pipe cannot be sent again, so it needs none.
 */
static const char *choose_key(struct put *p)
{
	uint8_t raw[KEY_BYTES];

	if (p->o.idempotency_key != NULL || p->name[0] != '\0' || !tg_source_can_rewind(p->source))
		return p->o.idempotency_key;
	randombytes_buf(raw, sizeof raw);
	return tg_hex_encode(raw, sizeof raw, p->key);
}

static int send_it(struct tg_client *c, struct put *p, const char *path, tg_blob *out)
{
	const tg_put_opts o = {
		.struct_size = sizeof o,
		.kind = p->o.kind,
		.issuer = none_if_empty(p->issuer),
		.session = none_if_empty(p->o.session),
		.subject = none_if_empty(p->o.subject),
		.to = none_if_empty(p->o.to),
		.idempotency_key = choose_key(p),
		.name = none_if_empty(p->name),
		.ttl_s = p->o.ttl_s,
		.size = tg_source_size(p->source),
		.sha256 = p->o.sealed ? p->sha256 : NULL,
		.read = tg_source_read,
		.ctx = p->source,
		.rewind = tg_source_can_rewind(p->source) ? tg_source_rewind : NULL,
	};
	int err = tg_client_put(c, &o, out);

	return err == TG_EIO && tg_source_why(p->source) != NULL ? cannot_read(c, p, err, path) :
								   err;
}

int tg_put_file(tg_client *c, const tg_put_file_opts *o, const char *path, tg_blob *out)
{
	struct put p = {.name = ""};
	int err = path != NULL ? check_options(c, &p, o) :
				 client_fail(c, TG_EINVAL, "no path is given");

	if (err == 0)
		err = open_source(c, &p, path);
	if (err == 0)
		err = send_it(c, &p, path, out);
	tg_source_free(p.source);
	return err;
}
