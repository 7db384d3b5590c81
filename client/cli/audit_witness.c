/* audit_witness.c: see audit_witness.h. What a witness answers is believed as far as it is signed.
 * Runs in the timeglas command. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/audit_policy.h"
#include "cli/audit_witness.h"
#include "cli/output.h"

#define ASK_S 15L            /* from the look-up of its name to the answer's last byte */
#define ANSWER_MAX PROOF_MAX /* bytes */
#define URL_MAX 512u
#define TARGET_MAX (URL_MAX + NOTE_NAME_MAX + 16u)

/* The logs that the files are of -------------------------------------------- */

/* The origin that the first checkpoint of a file names; "": none does, as in those of older
 * programs. A file that cannot be read is told of later. */
static void origin_of(const char *path, char out[NOTE_NAME_MAX + 1])
{
	FILE *f = fopen(path, "re");
	struct chain_line l;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	out[0] = '\0';
	while (f != NULL && out[0] == '\0' && (n = getline(&line, &cap, f)) > 0)
		if (chain_scan(line, (size_t)n - 1, &l) == 0 && l.is_check &&
			l.check.origin.p != NULL)
			snprintf(out, NOTE_NAME_MAX + 1, "%.*s", (int)l.check.origin.n,
				l.check.origin.p);
	free(line);
	if (f != NULL)
		fclose(f);
}

static bool is_listed(const struct audit_witnesses *w, const char *url, const char *origin)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->list[i].url, url) == 0 && strcmp(w->list[i].origin, origin) == 0)
			return true;
	return false;
}

/* Each witness with each log. Returns 0 or an exit status. */
static int list_all(struct audit_witnesses *w, const struct cmdline *o, const char *const *files,
	size_t n_files)
{
	const size_t n = o->n[OPT_WITNESS];
	char origin[NOTE_NAME_MAX + 1];

	w->list = calloc(n * n_files, sizeof *w->list);
	if (w->list == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	for (size_t i = 0; i < n_files; i++) {
		origin_of(files[i], origin);
		for (size_t k = 0; k < n && origin[0] != '\0'; k++) {
			const char *url = o->value[OPT_WITNESS][k];

			if (is_listed(w, url, origin))
				continue;
			w->list[w->n].url = url;
			memcpy(w->list[w->n++].origin, origin, sizeof origin);
		}
	}
	if (w->n == 0)
		return output_usage("--witness: these files name no log that a witness could know; "
				    "leave the option out");
	return 0;
}

/* Asking ------------------------------------------------------------------- */

struct answer {
	char text[ANSWER_MAX];
	size_t n;
	char error[CURL_ERROR_SIZE];
};

static size_t on_content(char *p, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;

	n *= size;
	if (n > sizeof a->text - a->n)
		return 0; /* which ends it */
	memcpy(a->text + a->n, p, n);
	a->n += n;
	return n;
}

/* Makes what the request asks for. An origin goes there as it is, whatever it has of "?" and "..",
 * and cannot change who is asked. Returns whether the URL is one. */
static bool target_of(const struct audit_witness *w, char out[TARGET_MAX])
{
	const char *at = strstr(w->url, "://");
	size_t n;

	if ((strncmp(w->url, "http://", 7) != 0 && strncmp(w->url, "https://", 8) != 0) ||
		strlen(w->url) > URL_MAX)
		return false;
	at += 3;
	at += strcspn(at, "/");
	for (n = strlen(at); n > 0 && at[n - 1] == '/'; n--)
		;
	snprintf(out, TARGET_MAX, "%.*s/latest/%s", (int)n, at, w->origin);
	return true;
}

/* Only HTTP, no redirect, no proxy: what the user named is asked. */
static bool prepare(CURL *curl, const struct cmdline *o, const struct audit_witness *w,
	const char *target, struct answer *a)
{
	const char *ca = cmdline_given(o, OPT_CA) ? cmdline_text(o, OPT_CA) : NULL;

	return curl_easy_setopt(curl, CURLOPT_URL, w->url) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, target) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, ASK_S) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, a->error) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_content) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, a) == CURLE_OK &&
		(ca == NULL || curl_easy_setopt(curl, CURLOPT_CAINFO, ca) == CURLE_OK);
}

/* Returns 0, and the status of HTTP; or an exit status after having said what is wrong. */
static int ask(
	const struct audit_witness *w, const struct cmdline *o, struct answer *a, long *status)
{
	char target[TARGET_MAX];
	CURL *curl;
	CURLcode rc;

	if (!target_of(w, target))
		return output_usage("--witness: '%s' is no URL; write http://HOST:PORT or "
				    "https://HOST",
			w->url);
	*a = (struct answer){0};
	curl = curl_easy_init();
	rc = curl != NULL && prepare(curl, o, w, target, a) ? curl_easy_perform(curl) :
							      CURLE_OUT_OF_MEMORY;
	if (rc == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	curl_easy_cleanup(curl);
	if (rc == CURLE_OUT_OF_MEMORY)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (rc != CURLE_OK)
		return output_fail(TG_ENET, "the witness %s cannot be asked: %s", w->url,
			rc == CURLE_WRITE_ERROR     ? "its answer is too long" :
				a->error[0] != '\0' ? a->error :
						      curl_easy_strerror(rc));
	if (*status != 200 && *status != 404)
		return output_fail(
			TG_EPROTO, "the witness %s answers with status %ld", w->url, *status);
	return 0;
}

static int take(struct audit_witness *w, struct sha256 *h, const struct answer *a,
	const struct receipt_key *keys, size_t n_keys, const struct policy *policy)
{
	struct audit_proof *p = audit_proof_head(h, w->url, a->text, a->n, keys, n_keys);

	if (p == NULL)
		return output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	if (p->fault == RECEIPT_GOOD && strcmp(p->receipt.head.checkpoint.origin, w->origin) != 0)
		p->fault = RECEIPT_ORIGIN;
	if (policy != NULL)
		audit_policy_apply_one(policy, p);
	audit_kept_init(&w->kept, p);
	w->kept.witness = true;
	return 0;
}

int audit_witnesses_ask(struct audit_witnesses *w, const struct cmdline *o, struct sha256 *h,
	const char *const *files, size_t n_files, const struct receipt_key *keys, size_t n_keys,
	const struct policy *policy)
{
	struct answer *a = malloc(sizeof *a);
	long status = 0;
	int rc = a != NULL ? list_all(w, o, files, n_files) :
			     output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));

	for (size_t i = 0; i < w->n && rc == 0; i++) {
		rc = ask(&w->list[i], o, a, &status);
		if (rc == 0 && status == 200)
			rc = take(&w->list[i], h, a, keys, n_keys, policy);
	}
	free(a);
	return rc;
}

/* Comparing ---------------------------------------------------------------- */

void audit_witnesses_line(struct audit_witnesses *w, const struct audit_chain *c,
	const struct chain_line *l, const struct finding_place *at)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].kept.proof != NULL)
			audit_kept_line(&w->list[i].kept, c, l, at);
}

/* Does this witness follow any of the logs? A recorder that had the store for a moment may have
 * ended before a checkpoint of its own reached it. */
static bool knows_any(const struct audit_witnesses *w, const char *url)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->list[i].url, url) == 0 && w->list[i].kept.proof != NULL)
			return true;
	return false;
}

void audit_witnesses_end(const struct audit_witnesses *w, struct findings *f, uint64_t first_n,
	uint64_t last_n, const struct finding_place *last)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct audit_witness *x = &w->list[i];

		if (x->kept.proof != NULL)
			audit_kept_end(&x->kept, f, first_n, last_n, last);
		else if (!knows_any(w, x->url))
			findings_add(f, "witness", NULL,
				"%s has cosigned nothing of the log %s: this is another log than "
				"the one that it follows, or no checkpoint reached it yet",
				x->url, x->origin);
	}
}

/* Telling ------------------------------------------------------------------ */

char *audit_witness_says(const struct audit_witness *w, char out[AUDIT_WITNESS_CHARS])
{
	const struct audit_kept *k = &w->kept;
	const int64_t ahead_s = k->proof != NULL ? audit_proof_ahead_s(k->proof) : 0;
	int n;

	if (k->proof == NULL)
		n = snprintf(out, AUDIT_WITNESS_CHARS, "%s has cosigned nothing of the log %s.",
			w->url, w->origin);
	else if (k->root_met)
		n = snprintf(out, AUDIT_WITNESS_CHARS,
			"%s was asked: everything up to line number %" PRIu64
			" is what it cosigned.",
			w->url, k->proof->receipt.head.checkpoint.size);
	else
		n = snprintf(out, AUDIT_WITNESS_CHARS,
			"%s was asked: this is NOT the log that it cosigned.", w->url);
	if (ahead_s > 0 && n > 0 && n < (int)AUDIT_WITNESS_CHARS)
		snprintf(out + n, AUDIT_WITNESS_CHARS - (size_t)n,
			" Its clock, or that of this machine, is wrong: its cosignature is dated "
			"%" PRId64 " s in the future.",
			ahead_s);
	return out;
}

void audit_witnesses_text(const struct audit_witnesses *w)
{
	char line[AUDIT_WITNESS_CHARS];

	for (size_t i = 0; i < w->n; i++)
		output_text(audit_witness_says(&w->list[i], line));
}

json_t *audit_witnesses_json(const struct audit_witnesses *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n; i++) {
		const struct audit_kept *k = &w->list[i].kept;

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:b, s:I, s:I}", "url", w->list[i].url, "origin",
				w->list[i].origin, "fits", k->root_met, "size",
				(json_int_t)(k->proof != NULL && k->proof->fault == RECEIPT_GOOD ?
						k->proof->receipt.head.checkpoint.size :
						0),
				"ahead_s",
				(json_int_t)(k->proof != NULL ? audit_proof_ahead_s(k->proof) :
								0)));
	}
	return list;
}

void audit_witnesses_free(struct audit_witnesses *w)
{
	for (size_t i = 0; i < w->n; i++)
		audit_kept_free(&w->list[i].kept);
	free(w->list);
	*w = (struct audit_witnesses){0};
}
