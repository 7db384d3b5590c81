/*
 * conf.h: the configuration file (timeglasd.conf(5)), read into one struct, checked whole before
 * anything starts and, on SIGHUP, before anything changes. Read in the master; others get the
 * struct. Pure but for reading the named files.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/retention.h>

enum role {
	ROLE_UPLOADER = 1u << 0,
	ROLE_VERIFIER = 1u << 1,
	ROLE_PROCESSOR = 1u << 2,
	ROLE_OPERATOR = 1u << 3,
};

#define CONF_NAME_MAX 31 /* a peer's name: [a-z0-9][a-z0-9-]* */
#define CONF_PEERS_MAX 256
#define CONF_TO_MAX 16 /* peers that one blob may be addressed to */
/* of a process, beside its connections: listening sockets, store, log, libraries */
#define CONF_SPARE_DESCRIPTORS 256

struct conf_peer {
	char name[CONF_NAME_MAX + 1];
	unsigned roles;   /* enum role, or'ed */
	uint8_t spki[32]; /* SHA-256 of the certificate's SubjectPublicKeyInfo */
	char to[CONF_TO_MAX][CONF_NAME_MAX + 1]; /* default addressees */
	size_t n_to;
};

struct conf {
	char listen_host[64];
	uint16_t listen_port; /* 0: any free one */
	char admin_host[64];
	uint16_t admin_port;                 /* 0: any free one */
	unsigned workers;                    /* 1..64; default: cores */
	char *certificate, *key, *client_ca; /* PEM files */
	char *user;                          /* run as; NULL: stay */
	char *log_file;                      /* NULL: stderr */
	int log_level;
	char *audit_log;             /* evidence file */
	char *audit_key;             /* signs its heads; NULL: audit_log with the ending .key */
	uint64_t audit_rotate_bytes; /* begin a new file behind that size, 256 MiB */
	unsigned audit_rotate_s;     /* or age, a day */
	unsigned audit_keep_days;    /* rotated files are removed after that; 0: never. 400 */
	unsigned audit_max_lag_s;    /* an event unrecorded for longer: nothing new is stored. 5 */

	char *store_url;          /* NULL: embedded. unix:///path, redis://host:port */
	char *redis_server;       /* program for the embedded store; default "redis-server" */
	char *run_dir;            /* embedded store's socket directory, 0700 */
	uint64_t store_max_bytes; /* embedded maxmemory; 0: half of the machine's */
	char *store_attested_by;  /* who vouches for a store that bars CONFIG; NULL: nobody */
	bool store_open_socket;   /* --dev: local commands may use the socket */

	uint64_t max_blob_bytes;      /* 32 MiB */
	unsigned max_connections;     /* per worker; 8192 */
	unsigned max_unknown;         /* per worker, in their handshake or no peer's; 1024 */
	unsigned handshake_timeout_s; /* 10 */
	/* from a request's first byte to the end of its head; and as long for a small call's
	 * content: 10 */
	unsigned head_timeout_s;
	unsigned body_idle_s;    /* no body byte for that long: 408. 20 */
	unsigned send_idle_s;    /* a reader that takes no byte for that long: closed. 20 */
	unsigned idle_timeout_s; /* between requests: 75 */
	unsigned drain_s;        /* at most that long from SIGTERM to the end: 60 */

	struct tg_policy policy;
	struct conf_peer peer[CONF_PEERS_MAX];
	size_t n_peers;
};

/** conf_new(): every default. NULL without memory. It, conf_free(), conf_copy() and
 * conf_keep_fixed() are in options.c, which knows what is a text. */
struct conf *conf_new(void);
/** conf_free(c): with its texts. NULL is fine. */
void conf_free(struct conf *c);
/**
 * conf_load(path, out, err, cap): read, apply the overrides, check. Relative paths in it count from
 * its own folder. On failure returns TG_EINVAL or TG_EIO and err holds "FILE:LINE: what is wrong;
 * what to do", one line for each thing that is wrong. On success err holds such lines about what
 * will not work all the same (a peer whose certificate has expired, a folder that is missing), or
 * is "".
 */
int conf_load(const char *path, struct conf **out, char *err, size_t cap);
/**
 * conf_override(setting): "section.key=value" (of --set) counts in every later conf_load() and
 * conf_apply_overrides() of this process and its children, over what the file says. Copied. Returns
 * 0, TG_EINVAL (no such form, too many), TG_EREUSED (that key was set before: a second value would
 * silently replace the first) or TG_ENOMEM.
 */
int conf_override(const char *setting);
/** conf_apply_overrides(c, err, cap): for a conf that was made without a file. err: "--set SETTING:
 * what is wrong; what to do". */
int conf_apply_overrides(struct conf *c, char *err, size_t cap);
/**
 * conf_keep_fixed(fresh, running, changed, cap): what only a restart can change is set in fresh to
 * what runs. changed: the names of those that differed, "" for none. Returns 0 or TG_ENOMEM.
 */
int conf_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap);
/** conf_copy(bytes): of a conf that another process made, without its texts (paths, names of
 * users), which are NULL. NULL without memory. */
struct conf *conf_copy(const struct conf *bytes);
/** conf_peer_by_spki / _by_name: NULL when there is none. */
const struct conf_peer *conf_peer_by_spki(const struct conf *c, const uint8_t spki[32]);
const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name, size_t n);
/** conf_role_text(roles, out): "uploader, operator". */
char *conf_role_text(unsigned roles, char out[64]);

#endif
