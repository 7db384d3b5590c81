/*
 * proof_link.h: how a worker asks the recorder for the proof of an event: two kinds of message over
 * a pair of sockets (SOCK_SEQPACKET) of its own. The master makes the pairs and keeps them, so they
 * outlive both processes: who asks waits for a while, and no answer means that there is none.
 */
#ifndef BASE_PROOF_LINK_H
#define BASE_PROOF_LINK_H

#include <stdint.h>

#define PROOF_LINK_EVENT_MAX 47u   /* characters of an event's id: CHAIN_ID_MAX */
#define PROOF_LINK_LINE_MAX 16384u /* CHAIN_LINE_MAX */
#define PROOF_LINK_TEXT_MAX 4096u  /* bytes of a proof */

enum proof_link_status {
	PROOF_LINK_READY,   /* line and proof follow */
	PROOF_LINK_PENDING, /* no checkpoint covers it yet; the line follows if it is recorded */
	PROOF_LINK_UNKNOWN, /* there is no such event */
	PROOF_LINK_AWAY     /* this recorder cannot tell now */
};

struct proof_link_request {
	uint64_t tag; /* comes back in the answer */
	char event[PROOF_LINK_EVENT_MAX + 1];
};

struct proof_link_answer {
	uint64_t tag;
	uint32_t status; /* enum proof_link_status */
	uint32_t line_n; /* bytes of bytes[]: the record's line; the proof is behind it */
	uint32_t text_n;
	char bytes[PROOF_LINK_LINE_MAX + PROOF_LINK_TEXT_MAX];
};

#endif
