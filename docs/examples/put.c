/*
 * put.c: seals a file to a verifier and stores it in the buffer; prints the blob's id.
 *
 * usage: put FILE KIND [ISSUER [SESSION]]; keys, certificates and the buffer's address are in the
 * environment. cc -o put put.c $(pkg-config --cflags --libs timeglas)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/timeglas.h>

static const char usage[] = "usage: put FILE KIND [ISSUER [SESSION]], with TIMEGLAS_URL, _CA, "
			    "_CERT, _KEY, _RECIPIENT and _SIGNING_KEY (a file) set";

int main(int argc, char **argv)
{
	const char *key = getenv("TIMEGLAS_RECIPIENT"),
		   *signing_key = getenv("TIMEGLAS_SIGNING_KEY");
	tg_client_opts server = {.struct_size = sizeof server,
		.url = getenv("TIMEGLAS_URL"),
		.ca = getenv("TIMEGLAS_CA"),
		.cert = getenv("TIMEGLAS_CERT"),
		.key = getenv("TIMEGLAS_KEY")};
	tg_recipient *recipient = NULL;
	tg_signer *signer = NULL;
	tg_client *client = NULL;
	tg_blob blob = {.struct_size = sizeof blob};
	int err = argc < 3 || key == NULL || signing_key == NULL ? TG_EINVAL : tg_init();

	if (err == 0 && (err = tg_recipient_parse(key, strlen(key), &recipient)) == 0 &&
		(err = tg_signer_load(signing_key, &signer)) == 0 &&
		(err = tg_client_new(&server, &client)) == 0) {
		const tg_recipient *to[] = {recipient};
		tg_put_file_opts o = {.struct_size = sizeof o,
			.recipient = to,
			.n_recipients = 1,
			.signer = signer,
			.kind = argv[2],
			.issuer = argc > 3 ? argv[3] : NULL,
			.session = argc > 4 ? argv[4] : NULL};
		err = tg_put_file(client, &o, argv[1], &blob);
	}
	if (err == 0)
		puts(blob.blob);
	else
		fprintf(stderr, "put: %s: %s\n", tg_strerror(err),
			client != NULL ? tg_client_error(client) : usage);
	tg_client_free(client);
	tg_signer_free(signer);
	tg_recipient_free(recipient);
	return err != 0;
}
