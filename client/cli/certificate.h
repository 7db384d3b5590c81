/*
 * certificate.h: what a buffer says of an erasure, as a certificate of sanitization for people and
 * files, with the fields that NIST SP 800-88r2 asks for, and with the proof of it.
 */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include <timeglas/timeglas.h>

struct certificate {
	const tg_subject *erased;
	const tg_receipt *receipt; /* n of them, one for each blob */
	size_t n;
	const tg_proof *proof; /* of the event subject-erased; NULL: there is none */
};

/**
 * Renders it as plain text. A proof stands at its end, as it is, so that `timeglas audit receipt`
 * finds it there.
 *
 * Returns a text that the caller frees; NULL without memory.
 */
char *certificate_text(const struct certificate *c);

#endif
