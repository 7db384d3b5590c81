/*
 * tls_files.c: see tls_files.h. Each file is read once, so the context and the handover hold the
 * same bytes, whatever happens to the files meanwhile. Runs in the master.
 */
#include <stdio.h>
#include <timeglas/errors.h>

#include "base/file.h"
#include "master/tls_files.h"
#include "net/tls.h"

#define PEM_BYTES_MAX (512u << 10)
#define FILES 3

_Static_assert(
	HANDOVER_KEY == HANDOVER_CERTIFICATE + 1 && HANDOVER_CLIENT_CA == HANDOVER_CERTIFICATE + 2,
	"the files stand in the order of the handover's parts");

SSL_CTX *tls_files_load(const struct conf *c, struct handover *h, char *err, size_t cap)
{
	const char *const path[FILES] = {c->certificate, c->key, c->client_ca};
	struct handover_bytes part[HANDOVER_PARTS] = {[HANDOVER_CONF] = {c, sizeof *c}};
	struct file_bytes file[FILES] = {0};
	struct tls_pem pem[FILES];
	SSL_CTX *tls = NULL;
	int rc = 0;
	size_t i;

	for (i = 0; i < FILES && rc == 0; i++) {
		rc = file_read(path[i], PEM_BYTES_MAX, &file[i], err, cap);
		pem[i] = (struct tls_pem){path[i], file[i].b, file[i].n};
		part[HANDOVER_CERTIFICATE + i] = (struct handover_bytes){file[i].b, file[i].n};
	}
	if (rc == 0)
		tls = tls_server_ctx(&pem[0], &pem[1], &pem[2], err, cap);
	if (tls != NULL && handover_put(h, part) != 0) {
		snprintf(err, cap,
			"certificate, key and client_ca are too large together; remove what they "
			"need not hold");
		SSL_CTX_free(tls);
		tls = NULL;
	}
	for (i = 0; i < FILES; i++)
		file_free(&file[i]);
	return tls;
}

int tls_files_check(const struct conf *c, char *err, size_t cap)
{
	struct handover *h = handover_new();
	SSL_CTX *tls = NULL;

	snprintf(err, cap, "out of memory; free some");
	if (h != NULL)
		tls = tls_files_load(c, h, err, cap);
	SSL_CTX_free(tls);
	handover_free(h);
	return tls != NULL ? 0 : TG_EINVAL;
}
