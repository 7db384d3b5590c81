/* Goal: a configuration is read as it stands, and every mistake in one is named with its line and
 * with what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <timeglas/errors.h>

#include "conf/conf.h"
#include "conf/suggest.h"
#include "master/pki.h"

#define SPKI_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SPKI_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SPKI_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
/* lines 1 to 4 */
#define SERVER "[server]\ncertificate = s.pem\nkey = s.key\nclient_ca = ca.pem\n"
#define VERIFIER "[peer v]\nrole = verifier\nspki = " SPKI_B "\n"

static char dir[64], path[128], err[4096];

static char *in_dir(const char *name)
{
	static char full[4][128];
	static unsigned turn;
	char *p = full[turn++ % 4];

	snprintf(p, sizeof full[0], "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* u.pem as it would be had it been issued long ago: valid until yesterday. */
static int age_certificate(void)
{
	FILE *in = fopen(in_dir("u.pem"), "r"), *ca = fopen(in_dir("ca.key"), "r"),
	     *out = fopen(in_dir("old.pem"), "w");
	X509 *x = in != NULL ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = ca != NULL ? PEM_read_PrivateKey(ca, NULL, NULL, NULL) : NULL;
	int ok = x != NULL && key != NULL && out != NULL &&
		X509_gmtime_adj(X509_getm_notBefore(x), -2 * 86400) != NULL &&
		X509_gmtime_adj(X509_getm_notAfter(x), -86400) != NULL &&
		X509_sign(x, key, EVP_sha256()) > 0 && PEM_write_X509(out, x) == 1;

	X509_free(x);
	EVP_PKEY_free(key);
	return fclose(in) == 0 && fclose(ca) == 0 && fclose(out) == 0 && ok ? 0 : -1;
}

static int setup(void **state)
{
	char why[256];
	struct pki *p;

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/timeglas-conf-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s", in_dir("t.conf"));
	p = pki_open(in_dir("ca.pem"), in_dir("ca.key"), why, sizeof why);
	if (p == NULL ||
		pki_issue(p, "server", PKI_SERVER, in_dir("s.pem"), in_dir("s.key"), why,
			sizeof why) != 0 ||
		pki_issue(p, "uploader", PKI_CLIENT, in_dir("u.pem"), in_dir("u.key"), why,
			sizeof why) != 0 ||
		pki_issue(p, "open", PKI_SERVER, in_dir("o.pem"), in_dir("o.key"), why,
			sizeof why) != 0)
		return -1;
	pki_free(p);
	p = pki_open(in_dir("ca2.pem"), in_dir("ca2.key"), why, sizeof why);
	if (p == NULL ||
		pki_issue(p, "elsewhere", PKI_CLIENT, in_dir("x.pem"), in_dir("x.key"), why,
			sizeof why) != 0 ||
		age_certificate() != 0)
		return -1;
	pki_free(p);
	write_file("bom.pem", "\xef\xbb\xbf-----BEGIN CERTIFICATE-----\n");
	write_file("utf16.pem", "\xff\xfe-\n");
	write_file("empty.pem", "nothing\n");
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	return chmod(in_dir("o.key"), 0644);
}

static int teardown(void **state)
{
	static const char *const names[] = {"t.conf", "ca.pem", "ca.key", "s.pem", "s.key", "u.pem",
		"u.key", "o.pem", "o.key", "empty.pem", "fifo", "ca2.pem", "ca2.key", "x.pem",
		"x.key", "old.pem", "bom.pem", "utf16.pem"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		unlink(in_dir(names[i]));
	return rmdir(dir);
}

static int load(const char *text, struct conf **out)
{
	write_file("t.conf", text);
	return conf_load(path, out, err, sizeof err);
}

static void conf_load_full_file_is_read(void **state)
{
	struct conf *c;
	const struct conf_peer *p;
	const struct tg_rule *rule;
	char text[64];

	(void)state;
	if (load("# comment\n" SERVER "listen = [::1]:0\nadmin = localhost:9\nworkers = 3\nlog = "
		 "log/a.json\nlog_level = debug\ndrain_s = 0 ; a comment\n"
		 "[store]\nurl = redis://u:p@127.0.0.1:6379\nmax_bytes = 1g\n"
		 "[limits]\nmax_blob = 300MiB\nhead_timeout_s = 2\n"
		 "[retention]\npassport = 1800\npassport.danish = 600\nvoice = 300\n"
		 "[peer app-1]\nrole = uploader, operator\ncertificate = u.pem\nto = v, "
		 "w\n" VERIFIER "[peer w]\nrole=processor\nspki=" SPKI_C "\n",
		    &c) != 0)
		fail_msg("%s", err);
	assert_string_equal(c->listen_host, "::1");
	assert_int_equal(c->listen_port, 0);
	assert_string_equal(c->admin_host, "127.0.0.1");
	assert_int_equal(c->admin_port, 9);
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->log_level, 3);
	assert_string_equal(c->log_file, in_dir("log/a.json"));
	assert_string_equal(c->certificate, in_dir("s.pem"));
	assert_int_equal(c->drain_s, 0);
	assert_string_equal(c->store_url, "redis://u:p@127.0.0.1:6379");
	assert_string_equal(c->redis_server, "redis-server");
	assert_true(c->store_max_bytes == 1u << 30);
	assert_true(c->max_blob_bytes == 300u << 20);
	assert_int_equal(c->head_timeout_s, 2);
	assert_int_equal(c->body_idle_s, 20);
	assert_int_equal(tg_policy_rule(&c->policy, "passport", "DNK", &rule), 0);
	assert_int_equal(rule->ceiling_s, 600);
	assert_int_equal(tg_policy_rule(&c->policy, "passport", "SWE", &rule), 0);
	assert_int_equal(rule->ceiling_s, 1800);
	assert_int_equal(tg_policy_rule(&c->policy, "voice", NULL, &rule), 0);
	assert_int_equal(rule->ceiling_s, 300);
	assert_int_equal(c->n_peers, 3);
	p = conf_peer_by_name(c, "app-1", 5);
	assert_non_null(p);
	assert_string_equal(conf_role_text(p->roles, text), "uploader, operator");
	assert_int_equal(p->n_to, 2);
	assert_string_equal(p->to[1], "w");
	assert_ptr_equal(conf_peer_by_spki(c, p->spki), p);
	assert_null(conf_peer_by_name(c, "app", 3));
	conf_free(c);
}

static void conf_new_has_the_documented_defaults(void **state)
{
	struct conf *c = conf_new();

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->listen_host, "127.0.0.1");
	assert_int_equal(c->listen_port, 8443);
	assert_int_equal(c->admin_port, 8480);
	assert_true(c->workers >= 1 && c->workers <= 64);
	assert_null(c->store_url);
	assert_true(c->max_blob_bytes == 32u << 20);
	assert_int_equal(c->max_connections, 8192);
	assert_int_equal(c->handshake_timeout_s, 10);
	assert_int_equal(c->head_timeout_s, 10);
	assert_int_equal(c->body_idle_s, 20);
	assert_int_equal(c->send_idle_s, 20);
	assert_int_equal(c->idle_timeout_s, 75);
	assert_int_equal(c->drain_s, 60);
	assert_int_equal(c->policy.n, 4);
	conf_free(c);
}

#define LONG_PATH \
	"/012345678901234567890123456789012345678901234567890123456789012345678901234567890123456" \
	"7890123456789/123456"

static const struct mistake {
	const char *text;
	unsigned line;
	const char *words; /* each, separated by '|', must stand in the message */
} mistakes[] = {
	/* form */
	{"listen = 127.0.0.1:1\n", 1, "before any section|[server]"},
	{"[server]\nlisten\n", 2, "neither a section nor a setting|key = value"},
	{"[server\n", 1, "no end|[name]"},
	{"[sever]\n", 1, "no section [sever]|did you mean 'server'?"},
	{"[everything]\n", 1, "no section [everything]|known here: server, store"},
	{"[server]\n\n[]\n", 3, "no section []"},
	{"[retentions]\n", 1, "did you mean 'retention'?"},
	/* keys and values */
	{"[server]\n# c\nlissten = 127.0.0.1:1\n", 3,
		"no key 'lissten' in [server]|did you mean 'listen'?"},
	{"[limits]\nmax_bolb = 1\n", 2, "did you mean 'max_blob'?"},
	{"[store]\nport = 6379\n", 2, "no key 'port' in [store]|known here: url, redis_server"},
	{"[server]\nworkers = 2\nworkers = 3\n", 3,
		"'workers' was given on line 2 already|keep one"},
	{"[server]\nlisten = 8443\n", 2, "'8443' is not an address|127.0.0.1:8443"},
	{"[server]\nlisten = 127.0.0.1:65536\n", 2, "not an address"},
	{"[server]\nlisten = ::1:8443\n", 2, "not an address|[::1]:8443"},
	{"[server]\nlisten = example.org:8443\n", 2, "not an address"},
	{"[server]\nadmin = 0.0.0.0:80\n", 2, "not this machine's own|127.0.0.1"},
	{"[server]\nadmin = [::]:80\n", 2, "not this machine's own"},
	{"[server]\nworkers = 0\n", 2, "0 is out of bounds|1 to 64"},
	{"[server]\nworkers = 65\n", 2, "65 is out of bounds"},
	{"[server]\nworkers = -1\n", 2, "'-1' is not a number|digits only"},
	{"[server]\nworkers = 2 cores\n", 2, "'2 cores' is not a number"},
	{"[store]\nstore_wipe = require\n", 2, "no store_wipe 'require'|did you mean 'required'?"},
	{"[server]\naudit_origin = a+b\n", 2, "'a+b' cannot be the name of a log|visible ASCII"},
	{"[server]\nlog_level = wran\n", 2, "no log level 'wran'|did you mean 'warn'?"},
	{"[server]\ndrain_s = 86401\n", 2, "out of bounds|0 to 86400"},
	{"[server]\nkey =\n", 2, "'key' is empty"},
	{"[limits]\nmax_blob = 32 megabytes\n", 2, "not a size|MiB"},
	{"[limits]\nmax_blob = 5g\n", 2, "5g is out of bounds|256 to 4294967296"},
	{"[limits]\nmax_blob = 99999999999999999999\n", 2, "not a size"},
	{"[limits]\nhead_timeout_s = 0\n", 2, "out of bounds|1 to 300"},
	{"[limits]\n  max_connections = 0\n", 2, "out of bounds"},
	{"[store]\nurl = rediss://:secret@host:6379\n", 2, "not a store's URL|unix:///path"},
	{"[store]\nurl = redis://127.0.0.1\n", 2, "not a store's URL"},
	{"[store]\nurl = unix://relative\n", 2, "not a store's URL"},
	{"[store]\nurl = unix://" LONG_PATH "\n", 2, "too long|107"},
	{"[store]\nrun_dir = " LONG_PATH "\n", 2, "too long for a socket|at most 96 bytes"},
	{"[store]\nmax_bytes = 1MiB\n", 2, "out of bounds"},
	/* retention: only ever shorter */
	{"[retention]\nliveness = 86401\n", 2, "not a shorter limit|86400"},
	{"[retention]\npassport = 3601\n", 2, "not a shorter limit"},
	{"[retention]\npassport.danish = 3601\n", 2, "not a shorter limit"},
	{"[retention]\nface3d = 0\n", 2, "not a shorter limit|at least 1 s"},
	{"[retention]\nvoice = 100000\n", 2, "never above 86400"},
	{"[retention]\nvoice = 1h\n", 2, "'1h' is not a number of seconds"},
	{"[retention]\nVoice = 60\n", 2, "'Voice' is not a kind's name"},
	{"[retention]\npassport.dansih = 60\n", 2,
		"no issuer class 'dansih'|did you mean 'danish'?"},
	{"[retention]\nliveness.danish = 60\n", 2, "only for passports"},
	/* peers */
	{"[peer Upper]\n", 1, "'Upper' is not a peer's name|a-z"},
	{"[peer a]\nrole = verifier\n[peer a]\n", 3, "there is a peer 'a' already"},
	{"[peer a]\nrole = uploadre\n", 2, "no role 'uploadre'|did you mean 'uploader'?"},
	{"[peer a]\nroles = uploader\n", 2, "no key 'roles' in [peer a]|did you mean 'role'?"},
	{"[peer a]\nrole = verifier processor\n", 2,
		"a processor cannot be a verifier too|two peers"},
	{"[peer a]\nspki = abc\n", 2, "64 digits|certificate"},
	{"[peer a]\ncertificate = nowhere.pem\n", 2, "nowhere.pem|No such file|check the path"},
	{"[peer a]\ncertificate = empty.pem\n", 2, "holds no certificate|PEM"},
	{"[peer a]\nto = b b\n", 2, "'b' is listed twice"},
	{"[peer a]\nto = A!\n", 2, "'A!' is not a peer's name"},
	{SERVER "[peer a]\nspki = " SPKI_A "\n", 5, "peer 'a' has no role|add role"},
	{SERVER "[peer a]\nrole = verifier\n", 5, "no key|spki = and certificate ="},
	{SERVER "[peer a]\nrole = verifier\nspki = " SPKI_A "\ncertificate = u.pem\n", 5,
		"two keys"},
	{SERVER VERIFIER "[peer a]\nrole = verifier\nspki = " SPKI_B "\n", 8,
		"'v' and 'a' have the same key"},
	{SERVER VERIFIER "[peer a]\nrole = uploader\nspki = " SPKI_A "\nto = x1, v\n", 11,
		"no peer 'x1'|known here: v"},
	{SERVER VERIFIER "[peer a]\nrole = uploader\nspki = " SPKI_A "\nto = a\n", 11,
		"'a' may not fetch"},
	{SERVER VERIFIER "[peer a]\nrole = operator\nspki = " SPKI_A "\nto = v\n", 11,
		"uploads nothing|role uploader"},
	{SERVER, 4, "no [peer NAME] section|add one"},
	/* files */
	{"[server]\nkey = s.key\nclient_ca = ca.pem\n" VERIFIER, 1,
		"no certificate|certificate = FILE.pem"},
	{"[server]\ncertificate = s.pem\n" VERIFIER, 1, "no key"},
	{"[server]\ncertificate = s.pem\nkey = u.key\nclient_ca = ca.pem\n" VERIFIER, 3,
		"does not belong to the certificate"},
	{"[server]\ncertificate = gone.pem\nkey = s.key\nclient_ca = ca.pem\n" VERIFIER, 2,
		"cannot open|gone.pem"},
	{"[server]\ncertificate = o.pem\nkey = o.key\nclient_ca = ca.pem\n" VERIFIER, 3,
		"open to everybody (mode 644)|chmod 600"},
	{"[server]\ncertificate = s.pem\nkey = empty.pem\nclient_ca = ca.pem\n" VERIFIER, 3,
		"empty.pem"},
	{"[server]\ncertificate = bom.pem\nkey = s.key\nclient_ca = ca.pem\n" VERIFIER, 2,
		"byte order mark"},
	{"[server]\ncertificate = utf16.pem\nkey = s.key\nclient_ca = ca.pem\n" VERIFIER, 2,
		"UTF-16"},
	{"[server]\ncertificate = s.pem\nkey = fifo\nclient_ca = ca.pem\n" VERIFIER, 3,
		"fifo is not a file"},
	{"[server]\ncertificate = s.pem\nkey = s.key\nclient_ca = s.key\n" VERIFIER, 4,
		"holds no certificate"},
	{SERVER "user = no-such-user-here\n" VERIFIER, 5, "no user 'no-such-user-here'"},
};

static void assert_words(const char *words)
{
	char copy[256], *word, *rest = copy;

	snprintf(copy, sizeof copy, "%s", words);
	while ((word = strsep(&rest, "|")) != NULL)
		if (strstr(err, word) == NULL)
			fail_msg("'%s' is missing in: %s", word, err);
}

static void conf_load_mistakes_are_named_with_their_line(void **state)
{
	struct conf *c;
	char at[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		if (load(mistakes[i].text, &c) == 0)
			fail_msg("accepted: %s", mistakes[i].text);
		assert_null(c);
		snprintf(at, sizeof at, "%s:%u: ", path, mistakes[i].line);
		if (strncmp(err, at, strlen(at)) != 0)
			fail_msg("expected %s… but got %s", at, err);
		if (strstr(err, "; ") == NULL)
			fail_msg("does not say what to do: %s", err);
		assert_words(mistakes[i].words);
		assert_null(strstr(err, "secret"));
	}
}

static void conf_load_several_mistakes_are_all_reported(void **state)
{
	struct conf *c;

	(void)state;
	assert_int_equal(
		load("[server]\nworkers = x\n[limits]\nmax_blob = y\n[nope]\nkey = ignored\n", &c),
		TG_EINVAL);
	assert_words("t.conf:2: |t.conf:4: |t.conf:5: ");
	assert_null(strstr(err, "'key'"));
	/* Also what must hold between lines, and nothing twice: a line that is wrong itself is not
	 * missed. */
	assert_int_equal(load("[server]\nworkers = x\ncertificate = gone.pem\nkey = \nclient_ca = "
			      "ca.pem\n[peer a]\nrole = verifyer\nspki = x\n"
			      "[peer b]\nspki = y\nto = c\n",
				 &c),
		TG_EINVAL);
	assert_words("t.conf:2: |t.conf:4: 'key' is empty|t.conf:7: no role|t.conf:8: |"
		     "t.conf:9: peer 'b' has no role|t.conf:10: ");
	assert_null(strstr(err, "has no key"));
	assert_null(strstr(err, "'a' has no role"));
	assert_null(strstr(err, "same key"));
}

/* What will not work, though it stops no start: the file is taken, and told about. */
static void conf_load_doubts_are_told(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *words;
	} doubt[] = {
		{SERVER "listen = 127.0.0.1:4711\nadmin = 127.0.0.1:4711\n" VERIFIER, 6,
			"both take port 4711"},
		{SERVER "listen = 0.0.0.0:4711\nadmin = 127.0.0.1:4711\n" VERIFIER, 6,
			"both take port 4711"},
		{SERVER "listen = 192.0.2.1:4711\n" VERIFIER, 5,
			"192.0.2.1 cannot be listened at|of this machine"},
		{SERVER "log = no/such/folder/log\n" VERIFIER, 5,
			"no folder|no/such/folder|make it"},
		{SERVER "audit_key = gone/key\n" VERIFIER, 5, "no folder|gone"},
		{SERVER "log = s.key\n" VERIFIER, 5, "log and key are the same file|s.key"},
		{SERVER "log = ./s.key\n" VERIFIER, 5, "log and key are the same file"},
		{SERVER "audit_key = ca.pem\n" VERIFIER, 5,
			"audit_key and client_ca are the same file"},
		{SERVER "audit_key = ca.pem/x\n" VERIFIER, 5, "ca.pem is not a folder"},
		{SERVER "[store]\nredis_server = no-such-program\n" VERIFIER, 6,
			"no program no-such-program in PATH"},
		{SERVER "[store]\nredis_server = /no/such/program\n" VERIFIER, 6, "cannot be run"},
		{SERVER VERIFIER "[peer u]\nrole = uploader\ncertificate = s.pem\n", 10,
			"'u' will not be let in|clientAuth"},
		{SERVER VERIFIER "[peer u]\nrole = uploader\ncertificate = x.pem\n", 10,
			"'u' will not be let in|client_ca"},
		{SERVER VERIFIER "[peer u]\nrole = uploader\ncertificate = old.pem\n", 10,
			"'u' will not be let in|expired|renew"},
		{"[server]\ncertificate = s.pem\nkey = s.key\nclient_ca = u.pem\n" VERIFIER, 4,
			"no root|nobody would be let in"},
	};
	struct conf *c;
	char at[160];

	(void)state;
	for (size_t i = 0; i < sizeof doubt / sizeof *doubt; i++) {
		if (load(doubt[i].text, &c) != 0)
			fail_msg("refused: %s: %s", doubt[i].text, err);
		conf_free(c);
		snprintf(at, sizeof at, "%s:%u: ", path, doubt[i].line);
		if (strncmp(err, at, strlen(at)) != 0 || strchr(err, '\n') != NULL)
			fail_msg("expected %s… alone but got %s", at, err);
		assert_words(doubt[i].words);
	}
	assert_int_equal(
		load(SERVER "[peer u]\nrole = uploader\ncertificate = u.pem\n" VERIFIER, &c), 0);
	assert_string_equal(err, "");
	conf_free(c);
}

static void conf_load_small_error_buffer_is_not_overrun(void **state)
{
	struct conf *c;
	char small[24];

	(void)state;
	write_file("t.conf", "[server]\nworkers = x\nlisten = y\n");
	assert_int_equal(conf_load(path, &c, small, sizeof small), TG_EINVAL);
	assert_int_equal(strlen(small), sizeof small - 1);
}

static void conf_load_long_line_is_refused(void **state)
{
	struct conf *c;
	char *text = malloc(4096);

	(void)state;
	memset(text, 'a', 4095);
	memcpy(text, "[server]\nlog = ", 15);
	memcpy(text + 4000, "\nworkers = 0\n", 14);
	assert_int_equal(load(text, &c), TG_EINVAL);
	assert_words("t.conf:2: the line is too long|t.conf:3: 0 is out of bounds");
	free(text);
}

static void conf_load_missing_file_says_so(void **state)
{
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(in_dir("absent"), &c, err, sizeof err), TG_EIO);
	assert_words("absent|cannot open|No such file");
}

static void conf_load_second_file_knows_nothing_of_the_first(void **state)
{
	struct conf *a, *b;
	const struct tg_rule *rule;

	(void)state;
	assert_int_equal(load(SERVER VERIFIER "[retention]\nliveness = 5\n", &a), 0);
	assert_int_equal(load(SERVER VERIFIER, &b), 0);
	assert_int_equal(tg_policy_rule(&b->policy, "liveness", NULL, &rule), 0);
	assert_int_equal(rule->ceiling_s, 86400);
	conf_free(a);
	conf_free(b);
}

static void suggest_far_word_lists_what_is_known(void **state)
{
	static const char *const known[] = {"alpha", "beta"};
	char out[64], small[12];

	(void)state;
	assert_string_equal(suggest("alhpa", known, 2, out, sizeof out), "did you mean 'alpha'?");
	assert_string_equal(
		suggest("zzzzzz", known, 2, out, sizeof out), "known here: alpha, beta");
	assert_int_equal(
		strlen(suggest("zzzzzz", known, 2, small, sizeof small)), sizeof small - 1);
}

/* Last: overrides stay for the rest of the process. */
static void conf_override_counts_over_the_file(void **state)
{
	const struct tg_rule *rule;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_override("limits.max_blob"), TG_EINVAL);
	assert_int_equal(conf_override("max_blob=1"), TG_EINVAL);
	assert_int_equal(conf_override("limits=a.b"), TG_EINVAL);
	assert_int_equal(conf_override("limits.max_blob=1MiB"), 0);
	assert_int_equal(conf_override("retention.passport.danish=7"), 0);
	assert_int_equal(load(SERVER VERIFIER "[limits]\nmax_blob = 2MiB\n", &c), 0);
	assert_true(c->max_blob_bytes == 1u << 20);
	assert_int_equal(tg_policy_rule(&c->policy, "passport", "DNK", &rule), 0);
	assert_int_equal(rule->ceiling_s, 7);
	conf_free(c);
	assert_int_equal(conf_override("limits.max_bolb=1"), 0);
	assert_int_equal(load(SERVER VERIFIER, &c), TG_EINVAL);
	assert_words("--set limits.max_bolb: |did you mean 'max_blob'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_load_full_file_is_read),
		cmocka_unit_test(conf_new_has_the_documented_defaults),
		cmocka_unit_test(conf_load_mistakes_are_named_with_their_line),
		cmocka_unit_test(conf_load_several_mistakes_are_all_reported),
		cmocka_unit_test(conf_load_doubts_are_told),
		cmocka_unit_test(conf_load_small_error_buffer_is_not_overrun),
		cmocka_unit_test(conf_load_long_line_is_refused),
		cmocka_unit_test(conf_load_missing_file_says_so),
		cmocka_unit_test(conf_load_second_file_knows_nothing_of_the_first),
		cmocka_unit_test(suggest_far_word_lists_what_is_known),
		cmocka_unit_test(conf_override_counts_over_the_file),
	};

	/* Every configuration needs one; it would stand in each file of the tests. */
	if (conf_override("server.audit_log=audit.log") != 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
