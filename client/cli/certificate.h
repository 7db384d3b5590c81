/*
 * certificate.h: what a buffer says of an erasure, as a certificate of sanitization for people and
 * files, with the fields that NIST SP 800-88r2 asks for.
 */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include <timeglas/timeglas.h>

/**
 * Renders it as plain text.
 *
 * @c  its last answer is the erasure's: its receipts are listed
 * @s  what that says
 *
 * Returns a text that the caller frees; NULL without memory.
 */
char *certificate_text(const tg_client *c, const tg_subject *s);

#endif
