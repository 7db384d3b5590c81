/* fetch.c: fetches a blob into a file that appears only when all of it is checked; prints who
 * sealed it, and when. cc -o fetch fetch.c $(pkg-config --cflags --libs timeglas) */
#include <stdio.h>
#include <stdlib.h>
#include <timeglas/timeglas.h>

static const char usage[] = "usage: fetch ID FILE [SESSION], with TIMEGLAS_URL, _CA, _CERT, _KEY, "
			    "_IDENTITY (a file) and _SENDER set";

int main(int argc, char **argv)
{
	const char *identities = getenv("TIMEGLAS_IDENTITY"), *sender = getenv("TIMEGLAS_SENDER");
	tg_client_opts server = {.struct_size = sizeof server,
		.url = getenv("TIMEGLAS_URL"),
		.ca = getenv("TIMEGLAS_CA"),
		.cert = getenv("TIMEGLAS_CERT"),
		.key = getenv("TIMEGLAS_KEY")};
	tg_identity *ids[16];
	tg_expect expect = {.struct_size = sizeof expect, .identity = ids};
	tg_fetch_opts o = {.struct_size = sizeof o, .expect = &expect};
	tg_fetched got = {.struct_size = sizeof got};
	tg_senders *senders = NULL;
	tg_client *client = NULL;
	int err = argc < 3 || !identities || !sender ? TG_EINVAL : tg_init();

	if (!err && !(err = tg_identity_load(identities, ids, 16, &expect.n_identities)) &&
		!(err = tg_senders_new(&senders)) &&
		!(err = tg_senders_add(senders, "app", sender)) &&
		!(err = tg_client_new(&server, &client))) {
		expect.senders = senders;
		expect.session = argc > 3 ? argv[3] : NULL;
		err = tg_fetch_file(client, argv[1], &o, argv[2], &got);
	}
	if (err == 0)
		printf("%s by %s at %lld\n", got.head->kind, got.head->sender_name,
			(long long)got.head->time_ms);
	else
		fprintf(stderr, "fetch: %s: %s\n", tg_strerror(err),
			client ? tg_client_error(client) : usage);
	tg_client_free(client);
	tg_senders_free(senders);
	while (expect.n_identities > 0)
		tg_identity_free(ids[--expect.n_identities]);
	return err != 0;
}
