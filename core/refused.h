/*
 * refused.h: why a read was refused, as the evidence, the metrics and the store's functions call
 * it.
 */
#ifndef TG_CORE_REFUSED_H
#define TG_CORE_REFUSED_H

/* X(arg, id, text, what the peer did) */
#define REFUSED_REASONS(X, arg) \
	X(arg, NOT_ADDRESSED, "not-addressed", "asked for a blob that is not addressed to it") \
	X(arg, WRONG_ROLE, "wrong-role", \
		"asked without the role for it, or as a processor for what processors may not " \
		"have") \
	X(arg, SECOND_FETCH, "second-fetch", \
		"asked for a blob that has had its one reader, or has it now; also if that was " \
		"itself") \
	X(arg, CLAIMED_BY_OTHER, "claimed-by-other", \
		"asked for a blob that another has claimed, or used another's claim token") \
	X(arg, WRONG_CLAIM, "wrong-claim", "used a claim token whose secret is wrong") \
	X(arg, TOO_LATE, "too-late", \
		"asked for a blob that had ended unread, or read on after its own lease's end") \
	X(arg, FROZEN, "frozen", "asked for a blob whose subject is frozen") \
	X(arg, UNKNOWN, "unknown", "asked for an id under which nothing stands")

#define X_(arg, id, ...) REFUSED_##id,
enum refused { REFUSED_NONE, REFUSED_REASONS(X_, ) REFUSED_N };
#undef X_

#endif
