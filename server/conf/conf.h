/*
 * conf.h: the configuration of a server (timeglasd.conf(5)) in one struct. It is read and checked
 * as a whole, before anything starts and, at a reload, before anything changes. The master and
 * timeglasd -t read it; other processes get the struct.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <timeglas/retention.h>

/* X(ID, bit, name): what a peer may do; one may have several. */
#define CONF_ROLES(X) \
	X(UPLOADER, 0, "uploader") \
	X(VERIFIER, 1, "verifier") \
	X(PROCESSOR, 2, "processor") \
	X(OPERATOR, 3, "operator")

enum role {
#define X_(id, bit, name) ROLE_##id = 1u << (bit),
	CONF_ROLES(X_)
#undef X_
};

#define CONF_NAME_MAX 31 /* a peer's name: [a-z0-9][a-z0-9-]* */
#define CONF_PEERS_MAX 256
#define CONF_TO_MAX 16 /* peers that one blob may be addressed to */
#define CONF_WORKERS_MAX 64
#define CONF_HOST_CHARS 64 /* an address in digits, the NUL included */
/* what a process needs beside its connections: sockets that listen, store, log, libraries */
#define CONF_SPARE_DESCRIPTORS 256
/* of the embedded Redis, in run_dir */
#define CONF_SOCKET_NAME "redis.sock"

/* X(id, word): whether the store must overwrite the memory that it frees */
#define CONF_WIPES(X) \
	X(OFF, "off")             /* it is not asked */ \
	X(PREFERRED, "preferred") /* it is asked, and a warning is logged */ \
	X(REQUIRED, "required")   /* otherwise nothing new is stored */

enum conf_wipe {
#define X_(id, word) CONF_WIPE_##id,
	CONF_WIPES(X_)
#undef X_
};

struct conf_peer {
	char name[CONF_NAME_MAX + 1];
	unsigned roles;   /* enum role, or'ed */
	uint8_t spki[32]; /* SHA-256 of the certificate's SubjectPublicKeyInfo (DER) */
	/* for whom its blobs are, where an upload does not say */
	char to[CONF_TO_MAX][CONF_NAME_MAX + 1];
	size_t n_to;
};

/* Bounds and defaults stand in the table of options.c. Texts are owned; NULL: not set. */
struct conf {
	char listen_host[CONF_HOST_CHARS];
	uint16_t listen_port; /* 0: the kernel chooses one */
	char admin_host[CONF_HOST_CHARS];
	uint16_t admin_port; /* 0: the kernel chooses one */
	unsigned workers;
	char *certificate, *key, *client_ca; /* PEM files */
	char *user;                          /* to run as; NULL: stay who we are */
	char *log_file;                      /* NULL: standard error */
	int log_level;                       /* enum log_level */
	char *audit_log;                     /* the evidence file */
	char *audit_key;    /* signs its checkpoints; NULL: audit_log with the ending .key */
	char *audit_origin; /* the name of a log that begins; NULL: it is drawn */
	uint64_t audit_rotate_bytes; /* a new file begins behind that size, */
	unsigned audit_rotate_s;     /* or when the file is that old */
	unsigned audit_keep_days;    /* rotated files are removed after that; 0: never */
	/* nothing new is stored while an event has been unrecorded for longer */
	unsigned audit_max_lag_s;
	char *witnesses;  /* a policy that names the witnesses; NULL: there are none */
	char *witness_ca; /* PEM: whose certificates witnesses with https may have */
	unsigned drain_s; /* at most that long from SIGTERM to the end */

	char *store_url;          /* unix:///path or redis://host:port; NULL: an embedded Redis */
	char *redis_server;       /* the program of the embedded Redis */
	char *run_dir;            /* the folder of its socket; NULL: a temporary one */
	uint64_t store_max_bytes; /* its maxmemory; 0: half of the machine's memory */
	char *store_attested_by;  /* who vouches for a store that does not answer CONFIG GET */
	int store_wipe;           /* enum conf_wipe */
	bool store_open_socket;   /* --dev: every command of this machine may use its socket */

	uint64_t max_blob_bytes;
	unsigned max_connections; /* of peers, for each worker */
	unsigned max_unknown;     /* in their handshake or no peer's, for each worker */
	unsigned handshake_timeout_s;
	/* from a request's first byte to the end of its head; and as long again for the content of
	 * a call other than an upload */
	unsigned head_timeout_s;
	unsigned body_idle_s;    /* an upload that sends no byte for that long gets 408 */
	unsigned send_idle_s;    /* a reader that takes no byte for that long is closed */
	unsigned idle_timeout_s; /* a connection between two requests */

	struct tg_policy policy; /* the limits of [retention] */
	struct conf_peer peer[CONF_PEERS_MAX];
	size_t n_peers;
};

/** Returns a configuration of defaults, without peers; NULL without memory. Free it with
 * conf_free(). */
struct conf *conf_new(void);
/** Frees c and its texts. NULL is harmless. */
void conf_free(struct conf *c);
/** Returns a copy of a configuration that another process made, without its texts, which are NULL;
 * or NULL without memory. */
struct conf *conf_copy(const struct conf *bytes);
/**
 * Reads a file, applies the overrides to it, and checks the whole.
 *
 * @path  relative paths in the file count from its folder
 * @out   receives the configuration, to be freed; NULL on failure
 * @err   receives lines "FILE:LINE: what is wrong; what to do", one for each thing that is wrong.
 *        On success: such lines about what will not work all the same (a peer whose certificate has
 *        expired, a folder that is missing), or "". What does not fit is cut.
 *
 * Returns 0, TG_EINVAL, TG_EIO or TG_ENOMEM.
 */
int conf_load(const char *path, struct conf **out, char *err, size_t cap);
/**
 * Lets "section.key=value", a setting of --set, count over what a file says: in every later
 * conf_load() and conf_apply_overrides() of this process and of its children.
 *
 * @setting  copied; its value is not checked here
 *
 * Returns 0, TG_EINVAL (another form, or too many), TG_EREUSED (the key was set before, and the
 * second value would silently replace the first) or TG_ENOMEM.
 */
int conf_override(const char *setting);
/** Sets the overrides in a configuration that was made without a file. Returns 0; or TG_EINVAL, and
 * err receives lines "--set SETTING: what is wrong; what to do". */
int conf_apply_overrides(struct conf *c, char *err, size_t cap);
/**
 * Sets in fresh what only a restart can change to what it is in running.
 *
 * @changed  receives the names of those that differed, with commas; "" for none
 *
 * Returns 0 or TG_ENOMEM; then fresh is good for conf_free() only.
 */
int conf_keep_fixed(struct conf *fresh, const struct conf *running, char *changed, size_t cap);
/** Returns the peer with that public key, or NULL. It lives as long as c. */
const struct conf_peer *conf_peer_by_spki(const struct conf *c, const uint8_t spki[32]);
/** Returns the peer of that name of n characters, or NULL. It lives as long as c. */
const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name, size_t n);
/** Writes the names of the roles into out: "uploader, operator". Returns out. */
char *conf_role_text(unsigned roles, char out[64]);

#endif
