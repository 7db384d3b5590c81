/* audit_open.h: the blobs that have not ended. Memory grows with those. */
#ifndef CLI_AUDIT_OPEN_H
#define CLI_AUDIT_OPEN_H

#include "cli/audit_tags.h"

/* A blob that has not ended. Times are Unix time. */
struct audit_open_blob {
	uint8_t tag[AUDIT_TAGS_BYTES];
	int64_t stored_ms, deadline_ms;
	int64_t limit_ms; /* when its kind's limit ends it, whatever its deadline is */
	const char *file; /* and line: of the event that stored it */
	uint64_t line;
	struct chain_pos pos; /* of the same event */
	unsigned epoch;       /* of its store, as in struct audit_event */
	uint8_t shard;
	uint16_t row;                      /* index of the row in which it is counted as stored */
	int8_t dk;                         /* as in a record */
	uint32_t to, uploader, kind;       /* numbers of audit_names.h */
	uint8_t subject[AUDIT_TAGS_BYTES]; /* of its hash; zeros: none */
	size_t session; /* place in audit_sessions.h of the one it is bound to; AUDIT_TAGS_NONE */
	uint64_t reader_line; /* on which somebody claimed it or began to take it; 0: nobody has */
	int64_t read_ms, lease_ms; /* of the same event; -1: nobody has, or has no claim */
	uint8_t reader[16];        /* a hash of that one's name */
};

struct audit_open { /* zeroed before first use; audit_open_free() after the last */
	struct audit_open_blob *list; /* n of cap, in no order */
	size_t n, cap;
	struct audit_tags tags; /* the place in list of each of their tags */
};

/** Returns the blob with this tag, or NULL. */
struct audit_open_blob *audit_open_find(struct audit_open *l, struct chain_text tag);

/** Enters a blob whose tag is not there. Returns false without memory. */
bool audit_open_add(struct audit_open *l, const struct audit_open_blob *o);

/** Removes a blob of the list; another one takes its place. */
void audit_open_remove(struct audit_open *l, struct audit_open_blob *o);

/** Frees what l holds, but not l. */
void audit_open_free(struct audit_open *l);

#endif
