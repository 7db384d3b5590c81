/*
 * seal_at.c: seals stdin as of another time, for tests of what a verifier makes of old heads:
 * seal_at SIGNING-KEY-FILE RECIPIENT KIND TIME_MS >sealed. Prints the blob's name on stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timeglas/timeglas.h>

static int to_stdout(void *ctx, const void *p, size_t n)
{
	(void)ctx;
	return fwrite(p, 1, n, stdout) == n ? 0 : TG_EIO;
}

int main(int argc, char **argv)
{
	tg_seal_opts o = {.struct_size = sizeof o, .n_recipients = 1, .write = to_stdout};
	tg_recipient *recipient = NULL;
	tg_signer *signer = NULL;
	tg_sealer *sealer = NULL;
	static char buf[65536];
	int err = argc == 5 ? tg_init() : TG_EINVAL;
	size_t n;

	if (err == 0)
		err = tg_signer_load(argv[1], &signer);
	if (err == 0)
		err = tg_recipient_parse(argv[2], strlen(argv[2]), &recipient);
	if (err == 0) {
		o.recipient = (const tg_recipient *const *)&recipient;
		o.signer = signer;
		o.kind = argv[3];
		o.time_ms = strtoll(argv[4], NULL, 10);
		err = tg_seal_new(&o, &sealer);
	}
	while (err == 0 && (n = fread(buf, 1, sizeof buf, stdin)) > 0)
		err = tg_seal_push(sealer, buf, n);
	if (err == 0)
		err = tg_seal_finish(sealer);
	if (err == 0)
		fprintf(stderr, "%s\n", tg_seal_head(sealer)->name);
	else
		fprintf(stderr, "seal_at: %s\n", tg_strerror(err));
	tg_seal_free(sealer);
	tg_recipient_free(recipient);
	tg_signer_free(signer);
	return err != 0;
}
