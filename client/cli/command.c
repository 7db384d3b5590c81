/*
 * command.c: the table of commands, how a command line finds its row, and --help. Runs in the
 * timeglas command. timeglas(1).
 */
#include <stdio.h>
#include <string.h>
#include "cli/cmd.h"
#include "cli/command.h"

#define B(id) OPT_BIT(OPT_##id)
#define DEMANDS (B(KIND) | B(ISSUER) | B(SESSION) | B(SUBJECT))
#define LABELS (DEMANDS | B(CONTENT_TYPE))
#define OPENING (B(IDENTITY) | B(SENDER) | B(RAW) | B(OUTPUT) | B(MAX_AGE) | DEMANDS)
#define PROVE (B(PROOF) | B(LOG_KEY) | B(POLICY))
#define FETCH (OPENING | B(SEALED) | B(MAX_SIZE) | B(NO_KEEP) | PROVE)

static const struct command table[] = {
	{.name = "keygen",
		.what = "make a key to open with, or with --sign one to sign with",
		.options = B(OUTPUT) | B(SIGN) | B(PUBLIC),
		.run = cmd_keygen},
	{.name = "seal",
		.operand = "[FILE]",
		.what = "seal a file to the people who may read it",
		.options = B(RECIPIENT) | B(SIGN) | B(RAW) | B(OUTPUT) | LABELS,
		.required = B(RECIPIENT),
		.run = cmd_seal},
	{.name = "open",
		.operand = "[FILE]",
		.what = "open a sealed file and check who sent it",
		.options = OPENING | B(ID),
		.required = B(IDENTITY),
		.run = cmd_open},
	{.name = "session",
		.sub = "open",
		.what = "open a session; prints its id",
		.options = B(SUBJECT) | B(IDLE),
		.run = cmd_session_open},
	{.name = "session",
		.sub = "show",
		.operand = "SID",
		.what = "show a session's state, deadline and blobs",
		.run = cmd_session_show},
	{.name = "session",
		.sub = "touch",
		.operand = "SID",
		.what = "keep a session open: its idle time begins anew",
		.run = cmd_session_touch},
	{.name = "session",
		.sub = "close",
		.operand = "SID",
		.what = "end a session and erase what is bound to it",
		.options = B(ERASE_ALL) | PROVE,
		.run = cmd_session_close},
	{.name = "subject",
		.sub = "show",
		.operand = "HEX",
		.what = "show what is held of a person, how the rest ended, and who read it",
		.options = B(UPLOADER),
		.run = cmd_subject_show},
	{.name = "subject",
		.sub = "erase",
		.operand = "HEX",
		.what = "erase all that is held of a person; prints the receipts",
		.options = B(UPLOADER) | B(CERTIFICATE) | PROVE,
		.run = cmd_subject_erase},
	{.name = "subject",
		.sub = "freeze",
		.operand = "HEX",
		.what = "let nobody read of it, for a day at most; clocks run on",
		.options = B(UPLOADER),
		.run = cmd_subject_freeze},
	{.name = "subject",
		.sub = "release",
		.operand = "HEX",
		.what = "end a freeze",
		.options = B(UPLOADER),
		.run = cmd_subject_release},
	{.name = "put",
		.operand = "FILE",
		.what = "seal and upload; prints the blob's id",
		.options = B(RECIPIENT) | B(SIGN) | B(RAW) | B(SEALED) | B(NAME) | B(TO) | B(TTL) |
			B(IDEMPOTENCY) | LABELS,
		.required = B(KIND),
		.run = cmd_put},
	{.name = "get",
		.operand = "ID",
		.what = "claim a blob, fetch, open and check it; it is then erased",
		.options = FETCH | B(LEASE) | B(RECEIPT),
		.run = cmd_get},
	{.name = "take",
		.operand = "ID",
		.what = "fetch a blob without a claim: at most once, never resumed",
		.options = FETCH,
		.run = cmd_take},
	{.name = "stat",
		.operand = "ID",
		.what = "show what the buffer knows of a blob; it stays",
		.options = PROVE,
		.run = cmd_stat},
	{.name = "rm", .operand = "ID", .what = "erase a blob", .options = PROVE, .run = cmd_rm},
	{.name = "proof",
		.operand = "EVENT",
		.what = "fetch the proof of an event that a receipt named, and check it",
		.options = B(OUTPUT) | B(ID) | B(LOG_KEY) | B(POLICY),
		.run = cmd_proof},
	{.name = "audit",
		.sub = "verify",
		.operand = "FILE...",
		.what = "check that the evidence is whole and all was erased",
		.options = B(RECEIPT) | B(TILES) | B(POLICY) | B(WITNESS) | B(HTML),
		.keyless = true,
		.run = cmd_audit_verify},
	{.name = "audit",
		.sub = "show",
		.operand = "FILE...",
		.what = "tell of a moment, peer, blob, session or person",
		.options = B(AT) | B(PEER) | B(BLOB) | B(SESSION) | B(SUBJECT) | B(ATTEMPTS) |
			B(FROM) | B(TO) | B(NO_INDEX),
		.keyless = true,
		.run = cmd_audit_show},
	{.name = "audit",
		.sub = "index",
		.operand = "FILE...",
		.what = "make an index, by which show answers at once",
		.keyless = true,
		.run = cmd_audit_index},
	{.name = "audit",
		.sub = "receipt",
		.operand = "FILE...",
		.what = "check a proof that you kept, without the log",
		.options = B(TILES) | B(POLICY),
		.keyless = true,
		.run = cmd_audit_receipt},
	{.name = "policy", .what = "show how long which evidence may be held", .run = cmd_policy},
};
#define TABLE_N (sizeof table / sizeof table[0])

static int wrong(char why[256], const char *what, const char *word)
{
	snprintf(why, 256, "%s %.80s; try timeglas --help", what, word);
	return TG_EINVAL;
}

static bool is_audit(const struct command *c)
{
	return c != NULL && c->keyless;
}

/* Options that may be given more than once. Of any other, the last value would silently replace the
 * others. */
static uint64_t repeatable(const struct command *c)
{
	return B(RECIPIENT) | B(IDENTITY) | B(SENDER) | B(WITNESS) | B(LOG_KEY) |
		(is_audit(c) ? B(KEY) : B(TO));
}

/* Refuses an option that the command would not obey. */
static int check_options(const struct cmdline *o, const struct command *c, char why[256])
{
	uint64_t odd = o->given & ~(OPT_GLOBAL | c->options), many = repeatable(c);

	for (int id = 0; id < OPT_N; id++)
		if (o->n[id] > 1 && cmdline_row(id)->arg != NULL && (many & OPT_BIT(id)) == 0) {
			snprintf(why, 256, "--%s is given more than once; give it once",
				cmdline_row(id)->name);
			return TG_EINVAL;
		}
	if (odd == 0)
		return 0;
	for (int id = 0; id < OPT_N; id++)
		if ((odd & OPT_BIT(id)) != 0) {
			snprintf(why, 256, "%s%s%s does not take --%s", c->name,
				c->sub != NULL ? " " : "", c->sub != NULL ? c->sub : "",
				cmdline_row(id)->name);
			break;
		}
	return TG_EINVAL;
}

/* An operand such as "FILE..." stands for one or more, which are in cmdline.word. */
static bool takes_many(const struct command *c)
{
	size_t n = c->operand != NULL ? strlen(c->operand) : 0;

	return n > 3 && strcmp(c->operand + n - 3, "...") == 0;
}

static int check_operand(
	const struct cmdline *o, const struct command *c, const char **operand, char why[256])
{
	size_t words = c->sub != NULL ? 2 : 1, have = o->n_words - words;

	*operand = have > 0 ? o->word[words] : NULL;
	if (have > (c->operand != NULL ? 1u : 0u) && !takes_many(c))
		return wrong(why, "one operand too many:", o->word[o->n_words - 1]);
	if (have == 0 && c->operand != NULL && c->operand[0] != '[')
		return wrong(why, "this command needs its operand:", c->operand);
	return 0;
}

/* Names what may follow the first word of a group. */
static int wrong_sub(char why[256], const char *group)
{
	int n = snprintf(why, 256, "after '%s' comes one of", group);

	for (size_t i = 0; i < TABLE_N && n < 200; i++)
		if (strcmp(table[i].name, group) == 0)
			n += snprintf(why + n, 256 - (size_t)n, " %s,", table[i].sub);
	snprintf(why + n - 1, 256 - (size_t)(n - 1), "; try timeglas --help"); /* for a comma */
	return TG_EINVAL;
}

int command_find(
	const struct cmdline *o, const struct command **out, const char **operand, char why[256])
{
	const struct command *group = NULL;

	*out = NULL;
	if (o->n_words == 0)
		return wrong(why, "no command", "is given");
	for (size_t i = 0; i < TABLE_N && *out == NULL; i++) {
		if (strcmp(table[i].name, o->word[0]) != 0)
			continue;
		group = &table[i];
		if (group->sub == NULL || (o->n_words > 1 && strcmp(group->sub, o->word[1]) == 0))
			*out = group;
	}
	if (group == NULL)
		return wrong(why, "there is no command", o->word[0]);
	if (*out == NULL)
		return cmdline_flag(o, OPT_HELP) ? 0 : wrong_sub(why, group->name);
	if (cmdline_flag(o, OPT_HELP))
		return 0;
	if (check_options(o, *out, why) != 0)
		return TG_EINVAL;
	return check_operand(o, *out, operand, why);
}

#define WIDTH 80   /* of a line of help */
#define TEXT_AT 31 /* where an option's text begins */

/* Prints words, and begins a line with `indent` spaces where one would not fit. Returns the column
 * behind the last. */
static int print_words(const char *text, int column, int indent)
{
	while (*text != '\0') {
		int n = (int)strcspn(text, " ");

		if (column > indent && column + 1 + n > WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", n, text);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	return column;
}

/* One option of the usage line. Its brackets and its argument stay on one line: where that is too
 * long, all of it goes to the next. */
static int print_usage_option(const struct command *c, int id, int column)
{
	const struct option_row *r = cmdline_row(id);
	const char *arg = id == OPT_SIGN && c->run == cmd_keygen ? NULL : r->arg;
	bool required = (c->required & OPT_BIT(id)) != 0;
	char word[64];
	int n = snprintf(word, sizeof word, "%s--%s%s%s%s", required ? "" : "[", r->name,
		arg != NULL ? " " : "", arg != NULL ? arg : "", required ? "" : "]");

	if (column + 1 + n > WIDTH) {
		printf("\n        ");
		column = 8;
	}
	printf(" %s", word);
	return column + 1 + n;
}

static void print_usage(const struct command *c)
{
	int column = printf("usage: timeglas %s%s%s", c->name, c->sub != NULL ? " " : "",
		c->sub != NULL ? c->sub : "");

	for (int id = 0; id < OPT_N; id++)
		if ((c->options & OPT_BIT(id)) != 0)
			column = print_usage_option(c, id, column);
	if (c->operand != NULL)
		print_words(c->operand, column, 8);
	printf("\n\n  %s\n\n", c->what);
}

/* What an option is for depends on the command that takes it. */
static const char *fetch_help(int id)
{
	switch (id) {
	case OPT_RAW:
		return "a plain age file: it has no head and no signature, and its id proves "
		       "nothing";
	case OPT_SEALED:
		return "write the sealed file as it is, neither opened nor checked";
	case OPT_KIND:
		return "refuse any other kind";
	case OPT_ISSUER:
		return "refuse any other issuing state";
	case OPT_SESSION:
		return "refuse what was sealed for another session";
	case OPT_SUBJECT:
		return "refuse another person's pseudonym";
	default:
		return NULL;
	}
}

static const char *audit_help(int id)
{
	switch (id) {
	case OPT_KEY:
		return "public key (or a file with it) that must have signed; repeatable";
	case OPT_RECEIPT:
		return "a receipt that you kept: its head and its event must be there";
	case OPT_TO:
		return "up to this moment; a TIME";
	case OPT_SESSION:
		return "show all of this session, and of what is bound to it";
	case OPT_SUBJECT:
		return "show all of this person: the pseudonym that the uploader gave";
	default:
		return NULL;
	}
}

static const char *own_help(const struct command *c, int id)
{
	if (id == OPT_SIGN && c->run == cmd_keygen)
		return "make a signing key";
	if (id == OPT_PROOF && (c->run == cmd_session_close || c->run == cmd_subject_erase))
		return "keep a proof of each end in this folder, checked against --log-key";
	if (is_audit(c))
		return audit_help(id);
	return (c->options & B(MAX_AGE)) != 0 ? fetch_help(id) : NULL;
}

static void print_option(const struct command *c, int id)
{
	const struct option_row *r = cmdline_row(id);
	bool flag = r->arg == NULL || (id == OPT_SIGN && c != NULL && c->run == cmd_keygen);
	const char *own = c != NULL ? own_help(c, id) : NULL;
	char left[64], env[64] = "";
	int column;

	if (r->letter != 0)
		snprintf(left, sizeof left, "-%c, --%s%s%s", r->letter, r->name, flag ? "" : " ",
			flag ? "" : r->arg);
	else
		snprintf(left, sizeof left, "    --%s%s%s", r->name, flag ? "" : " ",
			flag ? "" : r->arg);
	if (own == NULL && r->env != NULL)
		snprintf(env, sizeof env, "[%s]", r->env);
	printf("  %-28s ", left);
	column = print_words(own != NULL ? own : r->help, TEXT_AT, TEXT_AT);
	print_words(env, column, TEXT_AT);
	putchar('\n');
}

static void print_options(const struct command *c, uint64_t set)
{
	for (int id = 0; id < OPT_N; id++)
		if ((set & OPT_BIT(id)) != 0)
			print_option(c, id);
}

/* Of the options that every command takes, those that mean something to this one. */
static uint64_t global_options(const struct command *c)
{
	if (is_audit(c))
		return B(KEY) | B(JSON) | B(HELP);
	if (c->run == cmd_keygen || c->run == cmd_seal || c->run == cmd_open)
		return B(CONFIG) | B(JSON) | B(HELP);
	return OPT_GLOBAL;
}

void command_help(const struct command *c)
{
	if (c != NULL) {
		print_usage(c);
		print_options(c, c->options);
		printf("%severywhere:\n", c->options != 0 ? "\n" : "");
		print_options(c, global_options(c));
		return;
	}
	printf("usage: timeglas COMMAND [OPTIONS] [OPERAND]\n\n");
	for (size_t i = 0; i < TABLE_N; i++) {
		char left[32];

		snprintf(left, sizeof left, "%s%s%s%s%s", table[i].name,
			table[i].sub != NULL ? " " : "", table[i].sub != NULL ? table[i].sub : "",
			table[i].operand != NULL ? " " : "",
			table[i].operand != NULL ? table[i].operand : "");
		printf("  %-20s %s\n", left, table[i].what);
	}
	printf("\neverywhere (timeglas COMMAND --help tells the rest):\n");
	print_options(NULL, OPT_GLOBAL);
	printf("\nexit status:\n"
	       "  0  done\n"
	       "  1  refused for good\n"
	       "  2  wrong usage, or a local file\n"
	       "  3  server not reached\n"
	       "  4  not authentic, or not what was asked for\n"
	       "  5  evidence not whole\n"
	       "  6  refused for now (429, 503, 507): try again later\n"
	       "  7  evidence good, but no key was given to check it against (--key)\n");
}
