/*
 * client_subjects.c: the calls of timeglas.h about subjects: show, erase, freeze, release. Runs in
 * the library. docs/openapi.yaml.
 */
#include <stdio.h>
#include <string.h>
#include "core/subject.h"
#include "lib/abi.h"
#include "lib/answer.h"
#include "lib/client.h"

_Static_assert(TG_SUBJECT_HASH_CHARS == SUBJECT_HASH_CHARS, "one hash");

/* A peer's name goes into the query as it is. */
static int is_peer(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= TG_PEER_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int subject_path(struct tg_client *c, const char *subject, const char *uploader,
	const char *after, char out[CLIENT_PATH_CHARS])
{
	char hash[SUBJECT_HASH_CHARS + 1];

	if (subject == NULL || subject_hash("", subject, strlen(subject), hash) != 0)
		return client_fail(c, TG_EINVAL, "a subject is %d lower-case hexadecimal digits",
			TG_SUBJECT_CHARS);
	if (uploader != NULL && !is_peer(uploader))
		return client_fail(c, TG_EINVAL,
			"not an uploader's name: at most %d of a-z, 0-9 and '-'", TG_PEER_MAX);
	snprintf(out, CLIENT_PATH_CHARS, "/v1/subjects/%s%s%s%s", subject, after,
		uploader != NULL ? "?uploader=" : "", uploader != NULL ? uploader : "");
	return 0;
}

/* Is the answer about the subject that was asked for? Its name there is made of digits that the
 * server need not have sent back, and of a name that was asked for or that it says. */
static int check_subject(
	struct tg_client *c, const char *subject, const char *uploader, const tg_subject *s)
{
	char hash[SUBJECT_HASH_CHARS + 1];

	if (subject_hash(s->uploader, subject, strlen(subject), hash) != 0 ||
		strcmp(hash, s->subject) != 0 ||
		(uploader != NULL && strcmp(uploader, s->uploader) != 0))
		return client_fail(c, TG_EPROTO,
			"the server's answer is about another subject than was asked for");
	return 0;
}

static int check_erased(struct tg_client *c, const tg_subject *s)
{
	size_t n = 0;
	int err = answer_check_receipts(&c->http, &n);

	if (err == 0 && (n != s->count || s->erased_at[0] == '\0' || s->event[0] == '\0'))
		err = client_fail(c, TG_EPROTO,
			"the server's answer does not say what was erased, when and under which "
			"event");
	return err;
}

static int subject_call(struct tg_client *c, const char *method, const char *subject,
	const char *uploader, const char *after, tg_subject *out)
{
	char path[CLIENT_PATH_CHARS];
	tg_subject s;
	int err = TG_ABI_OUT_OK(out) != 0 ? client_fail_result(c) :
					    subject_path(c, subject, uploader, after, path);

	if (err == 0)
		err = client_ask(c, method, path);
	if (err == 0)
		err = answer_read_subject(&c->http, &s);
	if (err == 0)
		err = check_subject(c, subject, uploader, &s);
	if (err == 0 && strcmp(method, "DELETE") == 0)
		err = check_erased(c, &s);
	if (err == 0 && strcmp(after, "/freeze") == 0 && s.frozen_until[0] == '\0')
		err = client_fail(c, TG_EPROTO, "the server does not say until when it is frozen");
	if (err == 0 && strcmp(after, "/release") == 0 && s.frozen_until[0] != '\0')
		err = client_fail(c, TG_EPROTO, "the server says that it is still frozen");
	if (err == 0)
		TG_ABI_OUT(out, s);
	return err;
}

int tg_client_subject_show(tg_client *c, const char *subject, const char *uploader, tg_subject *out)
{
	return subject_call(c, "GET", subject, uploader, "", out);
}

int tg_client_subject_erase(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out)
{
	return subject_call(c, "DELETE", subject, uploader, "", out);
}

int tg_client_subject_freeze(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out)
{
	return subject_call(c, "POST", subject, uploader, "/freeze", out);
}

int tg_client_subject_release(
	tg_client *c, const char *subject, const char *uploader, tg_subject *out)
{
	return subject_call(c, "POST", subject, uploader, "/release", out);
}
