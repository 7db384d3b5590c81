/* audit_sessions.h: the sessions that are open, or have blobs that have not ended: when each was to
 * end, and did. Memory grows with those. */
#ifndef CLI_AUDIT_SESSIONS_H
#define CLI_AUDIT_SESSIONS_H

#include "cli/audit_event.h"
#include "cli/audit_tags.h"

struct audit_session {
	uint8_t key[AUDIT_TAGS_BYTES]; /* of its hash in the lines */
	int64_t deadline_ms;           /* -1: its opening is not in the files */
	int64_t ended_ms;              /* -1: it is open */
	uint32_t blobs;                /* bound to it, and not ended */
	bool used;
};

struct audit_sessions { /* zeroed before first use; audit_sessions_free() after the last */
	struct audit_session *list; /* n of cap; unused ones among them */
	size_t n, cap;
	size_t *spare; /* n_spare places of unused ones; as long as list */
	size_t n_spare;
	struct audit_tags tags;
	uint64_t opened, ended;
};

/** Counts session-open or session-end, and adds findings. Returns false without memory. */
bool audit_sessions_event(
	struct audit_sessions *s, struct findings *f, const struct audit_event *e);

/** Enters a blob that is bound to the session with this hash. Returns the session's place, or
 * AUDIT_TAGS_NONE without memory. */
size_t audit_sessions_bind(struct audit_sessions *s, struct chain_text hash);

/** A blob that is bound to the session at this place has ended. */
void audit_sessions_unbind(struct audit_sessions *s, size_t place);

/** The store came back empty: no session is left. No blob may be bound to one any more. */
void audit_sessions_lost(struct audit_sessions *s);

/** Frees what s holds, but not s. */
void audit_sessions_free(struct audit_sessions *s);

#endif
