/*
 * cmdline.h: the options and words that the user gave on the command line, and options from the
 * environment or the client's configuration file, in this order. Each option is one row of the
 * table below. Which command takes which option is in command.c.
 */
#ifndef CLI_CMDLINE_H
#define CLI_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/timeglas.h>

/* X(id, long name, short name or 0, argument or NULL, environment or NULL, configuration key or
 * NULL, help) */
#define CLI_OPTIONS(X) \
	X(OPT_URL, "url", 0, "URL", "TIMEGLAS_URL", "url", "the buffer, https://host:port") \
	X(OPT_CA, "ca", 0, "FILE", "TIMEGLAS_CA", "ca", \
		"certificate authority of the buffer (PEM)") \
	X(OPT_CERT, "cert", 0, "FILE", "TIMEGLAS_CERT", "cert", "client certificate (PEM)") \
	X(OPT_KEY, "key", 0, "FILE", "TIMEGLAS_KEY", "key", "key of the client certificate (PEM)") \
	X(OPT_TIMEOUT, "timeout", 0, "DURATION", "TIMEGLAS_TIMEOUT", "timeout", \
		"give up after that long (1m; put: 1h, take: 15m, get: its lease)") \
	X(OPT_CONFIG, "config", 0, "FILE", "TIMEGLAS_CONFIG", NULL, \
		"read defaults from this file") \
	X(OPT_JSON, "json", 0, NULL, NULL, NULL, \
		"one JSON object on stdout; errors as JSON on stderr") \
	X(OPT_HELP, "help", 'h', NULL, NULL, NULL, "show this help") \
	X(OPT_VERSION, "version", 0, NULL, NULL, NULL, "print the version") \
	X(OPT_OUTPUT, "output", 'o', "FILE", NULL, NULL, "write there instead of to stdout") \
	X(OPT_RECIPIENT, "recipient", 'r', "RECIPIENT", "TIMEGLAS_RECIPIENT", "recipient", \
		"seal to this age1... key; repeatable, or a list") \
	X(OPT_IDENTITY, "identity", 'i', "FILE", "TIMEGLAS_IDENTITY", "identity", \
		"open with the identities in this file; repeatable") \
	X(OPT_SIGN, "sign", 0, "KEY", "TIMEGLAS_SIGNING_KEY", "signing_key", \
		"sign with the key in this file") \
	X(OPT_SENDER, "sender", 0, "PUB|FILE", "TIMEGLAS_SENDER", "sender", \
		"a sender to trust: its key, or a file of keys; repeatable") \
	X(OPT_PUBLIC, "public", 'y', "FILE", NULL, NULL, \
		"print the public half of each key in this file") \
	X(OPT_RAW, "raw", 0, NULL, NULL, NULL, \
		"make a plain age file: no head, no signature, and an id that proves nothing") \
	X(OPT_SEALED, "sealed", 0, NULL, NULL, NULL, "the file is an age file already") \
	X(OPT_NAME, "name", 0, "NAME", NULL, NULL, \
		"with --sealed: the name that seal printed for FILE") \
	X(OPT_ID, "id", 0, "ID", NULL, NULL, "refuse what was not stored as this blob") \
	X(OPT_MAX_AGE, "max-age", 0, "DURATION", NULL, NULL, \
		"refuse what was sealed longer ago (1 day and 5 minutes)") \
	X(OPT_NO_KEEP, "no-keep", 0, NULL, NULL, NULL, \
		"keep no sealed copy of what fails a check") \
	X(OPT_KIND, "kind", 0, "KIND", NULL, NULL, \
		"passport, liveness, face3d, or one that the policy adds") \
	X(OPT_ISSUER, "issuer", 0, "CCC", NULL, NULL, \
		"issuing state as in the machine-readable zone (passports)") \
	X(OPT_SESSION, "session", 0, "SID", NULL, NULL, \
		"session it belongs to (Danish passports need one)") \
	X(OPT_TO, "to", 0, "PEER", NULL, NULL, "who may fetch it; repeatable, or a list") \
	X(OPT_TTL, "ttl", 0, "DURATION", NULL, NULL, \
		"erase it after that long (90, 15m, 1h, 1d); at most the kind's ceiling") \
	X(OPT_CONTENT_TYPE, "content-type", 0, "TYPE", NULL, NULL, \
		"media type, sealed into the head") \
	X(OPT_IDEMPOTENCY, "idempotency-key", 0, "TEXT", NULL, NULL, \
		"repeat a put under the same text: it is stored once") \
	X(OPT_LEASE, "lease", 0, "DURATION", NULL, NULL, \
		"how long the claim lasts (60s; 1s to 15m)") \
	X(OPT_MAX_SIZE, "max-size", 0, "BYTES", NULL, NULL, \
		"refuse a larger blob before its first byte (1GiB)") \
	X(OPT_PROOF, "proof", 0, "FILE", NULL, NULL, \
		"keep a proof of the end there, checked against --log-key") \
	X(OPT_LOG_KEY, "log-key", 0, "KEY|FILE", "TIMEGLAS_LOG_KEY", "log_key", \
		"public key of the buffer's log, or a file with it, that must sign; repeatable") \
	X(OPT_POLICY, "policy", 0, "FILE", NULL, NULL, \
		"which witnesses must have cosigned the checkpoint (tlog-policy)") \
	X(OPT_RECEIPT, "receipt", 0, "FILE", NULL, NULL, "write the receipt of the erasure there") \
	X(OPT_SUBJECT, "subject", 0, "HEX", NULL, NULL, \
		"keyed pseudonym of the person: 64 lower-case hex digits") \
	X(OPT_IDLE, "idle", 0, "DURATION", NULL, NULL, \
		"end it when it is idle for that long (10m; 1s to 1h)") \
	X(OPT_ERASE_ALL, "erase-all", 0, NULL, NULL, NULL, \
		"erase every blob of the session, not only the bound ones") \
	X(OPT_UPLOADER, "uploader", 0, "PEER", NULL, NULL, "whose subject it is (for operators)") \
	X(OPT_CERTIFICATE, "certificate", 0, "FILE", NULL, NULL, \
		"write a certificate of the erasure there") \
	X(OPT_HTML, "html", 0, "FILE", NULL, NULL, "write the report as a page there, too") \
	X(OPT_AT, "at", 0, "TIME", NULL, NULL, "show what was held then") \
	X(OPT_PEER, "peer", 0, "NAME", NULL, NULL, \
		"show what this peer stored, read and tried to") \
	X(OPT_BLOB, "blob", 0, "ID", NULL, NULL, "show all of this blob (or of this tag)") \
	X(OPT_ATTEMPTS, "attempts", 0, NULL, NULL, NULL, "show which reads were refused") \
	X(OPT_NO_INDEX, "no-index", 0, NULL, NULL, NULL, "read all, also what an index covers") \
	X(OPT_FROM, "from", 0, "TIME", NULL, NULL, "from this moment on") \
	X(OPT_TILES, "tiles", 0, "DIR", NULL, NULL, "the log's folder of tiles (AUDIT_LOG.tiles)") \
	X(OPT_WITNESS, "witness", 0, "URL", NULL, NULL, \
		"ask this witness for its latest checkpoint; repeatable")

enum opt_id {
#define CLI_X_(id, ...) id,
	CLI_OPTIONS(CLI_X_)
#undef CLI_X_
		OPT_N
};
#define OPT_BIT(id) (UINT64_C(1) << (id))
#define OPT_GLOBAL \
	(OPT_BIT(OPT_URL) | OPT_BIT(OPT_CA) | OPT_BIT(OPT_CERT) | OPT_BIT(OPT_KEY) | \
		OPT_BIT(OPT_TIMEOUT) | OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | \
		OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))

/* what a sender's key begins with; another value of --sender names a file of keys */
#define SENDER_PREFIX "timeglas-sender1"
/* the same for a log's key; its other form has a plus */
#define LOG_KEY_PREFIX "timeglas-audit1"

#define OPT_VALUES_MAX 20
#define OPERANDS_MAX 1024 /* command, subcommand, and what they work on */

struct cmdline {
	/* borrowed from argv, the environment or config_text */
	const char *value[OPT_N][OPT_VALUES_MAX];
	size_t n[OPT_N];
	uint64_t given; /* options that stood on the command line */
	const char *word[OPERANDS_MAX];
	size_t n_words;
	char *config_text[OPT_N]; /* owned */
};

/** Reads the command line. Options may stand anywhere before "--". Returns 0, or TG_EINVAL with a
 * sentence in why. */
int cmdline_parse(struct cmdline *o, int argc, char **argv, char why[256]);

/** Takes what was not given from the environment and the configuration file. Returns 0, TG_EINVAL
 * or TG_EIO, with a sentence in why. */
int cmdline_defaults(struct cmdline *o, char why[256]);

/** Frees what o holds, but not o. */
void cmdline_free(struct cmdline *o);

/** Returns the value of an option, the first one of several; NULL when there is none. */
const char *cmdline_text(const struct cmdline *o, enum opt_id id);

/** Returns whether an option is set, by whatever source. */
bool cmdline_flag(const struct cmdline *o, enum opt_id id);

/** Returns whether an option stood on the command line, and not only in the environment or the
 * configuration. */
bool cmdline_given(const struct cmdline *o, enum opt_id id);

struct option_row {
	const char *name, *arg, *env, *key, *help; /* NULL: it has none */
	char letter;                               /* 0: it has none */
};

/** Returns the option's row of the table. */
const struct option_row *cmdline_row(enum opt_id id);

#endif
