/*
 * proof_link.h: how a worker asks the recorder for the proof of an event: two kinds of message over
 * a pair of sockets (SOCK_SEQPACKET) of its own. The master makes the pairs and keeps them, so they
 * outlive both processes: who asks waits for a while, and no answer means that there is none.
 */
#ifndef BASE_PROOF_LINK_H
#define BASE_PROOF_LINK_H

#include <stdint.h>

#define PROOF_LINK_EVENT_MAX 47u  /* characters of an event's id: CHAIN_ID_MAX */
#define PROOF_LINK_PEER_MAX 31u   /* of a peer's name: CONF_NAME_MAX */
#define PROOF_LINK_TEXT_MAX 4096u /* bytes of a proof */

/* Who may not have the proof gets the answer that it would get if there were no such event. */
enum proof_link_status {
	PROOF_LINK_READY,   /* the proof follows */
	PROOF_LINK_PENDING, /* no checkpoint covers it yet, or it is not recorded yet */
	PROOF_LINK_UNKNOWN, /* there is no such event */
	PROOF_LINK_AWAY     /* this recorder cannot tell now */
};

struct proof_link_request {
	uint64_t tag; /* comes back in the answer */
	char event[PROOF_LINK_EVENT_MAX + 1];
	char peer[PROOF_LINK_PEER_MAX + 1]; /* who asks */
	uint32_t is_operator, is_uploader;  /* and its roles */
};

struct proof_link_answer {
	uint64_t tag;
	uint32_t status; /* enum proof_link_status */
	uint32_t text_n; /* bytes of the proof */
	char text[PROOF_LINK_TEXT_MAX];
};

#endif
