/* evidence_tag.h: how the evidence calls a blob, whose id it does not have. Not installed. */
#ifndef TG_LIB_EVIDENCE_TAG_H
#define TG_LIB_EVIDENCE_TAG_H

#define EVIDENCE_TAG_CHARS 32

/** Writes the tag of a blob: the first 16 bytes, in hex, of SHA-256("timeglas evidence 1" LF and
 * its id). */
void evidence_tag(const char *id, char out[EVIDENCE_TAG_CHARS + 1]);

#endif
