/* put.c: seals a file to a verifier and stores it in the buffer; prints the blob's id.
 * cc -o put put.c $(pkg-config --cflags --libs timeglas) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/timeglas.h>

static const char usage[] = "usage: put FILE KIND [ISSUER [SESSION]], with TIMEGLAS_URL, _CA, "
			    "_CERT, _KEY, _RECIPIENT and _SIGNING_KEY (a file) set";

int main(int argc, char **argv)
{
	const char *to = getenv("TIMEGLAS_RECIPIENT"), *key_file = getenv("TIMEGLAS_SIGNING_KEY");
	tg_client_opts server = {.struct_size = sizeof server,
		.url = getenv("TIMEGLAS_URL"),
		.ca = getenv("TIMEGLAS_CA"),
		.cert = getenv("TIMEGLAS_CERT"),
		.key = getenv("TIMEGLAS_KEY")};
	tg_recipient *recipient = NULL;
	tg_signer *signer = NULL;
	tg_client *client = NULL;
	tg_put_file_opts o = {.struct_size = sizeof o, .n_recipients = 1};
	tg_blob blob = {.struct_size = sizeof blob};
	int err = argc < 3 || !to || !key_file ? TG_EINVAL : tg_init();

	if (!err && !(err = tg_recipient_parse(to, strlen(to), &recipient)) &&
		!(err = tg_signer_load(key_file, &signer)) &&
		!(err = tg_client_new(&server, &client))) {
		o.recipient = (const tg_recipient *const *)&recipient;
		o.signer = signer;
		o.kind = argv[2];
		o.issuer = argc > 3 ? argv[3] : NULL;
		o.session = argc > 4 ? argv[4] : NULL;
		err = tg_put_file(client, &o, argv[1], &blob);
	}
	if (err == 0)
		puts(blob.blob);
	else
		fprintf(stderr, "put: %s: %s\n", tg_strerror(err),
			client ? tg_client_error(client) : usage);
	tg_client_free(client);
	tg_signer_free(signer);
	tg_recipient_free(recipient);
	return err != 0;
}
