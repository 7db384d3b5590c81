/*
 * chain_note.h: the signed note (C2SP tlog-checkpoint) that a checkpoint of the evidence stands
 * for. Its text follows from the line's origin, number and root; its only signature is the line's
 * `note`. So it can be made again from the line, and the two cannot disagree.
 */
#ifndef TG_CORE_CHAIN_NOTE_H
#define TG_CORE_CHAIN_NOTE_H

#include "core/chain.h"
#include "core/checkpoint.h"
#include "core/note.h"

/* text, an empty line, and the line of a signature */
#define CHAIN_NOTE_MAX (CHECKPOINT_TEXT_MAX + 1 + NOTE_LINE_MAX)

/** Signs the note of a checkpoint that is about to be written: fills in its key and note. Its
 * origin, n and root are there. */
void chain_note_sign(struct chain_check *c, const uint8_t secret[CHAIN_SECRET]);

/** Checks the note's signature with the key that the line names. Returns 0 or TG_ESIGNATURE. */
int chain_note_verify(const struct chain_check *c);

/** Writes the note of a checkpoint that was signed or read. Returns its length without the NUL. */
size_t chain_note_text(struct sha256 *h, const struct chain_check *c, char out[CHAIN_NOTE_MAX]);

#endif
