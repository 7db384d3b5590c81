/*
 * book.h: a witness's folder: its key, a lock, and for each log the checkpoint that was cosigned
 * last, with the cosignature. What was cosigned is on the disk before anybody gets to see it, so
 * that a witness never forgets what it has said, wherever it is killed. Key and checkpoints are in
 * one folder, so that who has the key has what it said.
 */
#ifndef WITNESS_BOOK_H
#define WITNESS_BOOK_H

#include <stddef.h>
#include <stdint.h>
#include "core/note.h"
#include "witness/judge.h"

#define BOOK_LOGS_MAX 64u
#define BOOK_WHY 512 /* room for why, below */

struct book;

/**
 * Makes a folder with a new key.
 *
 * @path  of the folder; it may exist, and must hold no key
 * @name  the key's
 * @text  out: the public key, for policies
 * @why   out, on failure: "what is wrong; what to do"
 *
 * Returns 0, TG_EINVAL or TG_EIO.
 */
int book_make(const char *path, const char *name, char text[NOTE_KEY_TEXT_MAX], char why[BOOK_WHY]);

/**
 * Opens a folder, and locks it against a second witness until book_close().
 *
 * @why  as above
 *
 * Returns it, or NULL.
 */
struct book *book_open(const char *path, char why[BOOK_WHY]);
/** Closes it; the key is wiped. NULL is harmless. */
void book_close(struct book *b);
/** Returns its key. */
const struct note_key *book_key(const struct book *b);
/** Adds a log by its key, and reads what was cosigned last. Returns 0, TG_EINVAL (also for an
 * origin that is there already) or TG_EIO, with why. */
int book_add_log(struct book *b, const char *vkey, char why[BOOK_WHY]);

/**
 * Judges a submission; what is to be cosigned is cosigned, and is on the disk on return.
 *
 * @line  out, of 200: the cosignature's line
 * @out   its status is 500 when the disk does not take it
 */
void book_judge(struct book *b, const char *p, size_t n, uint64_t now_s, struct verdict *out,
	char line[NOTE_LINE_MAX]);
/** Returns the latest cosigned checkpoint of a log, until the next book_judge(); NULL: none. */
const char *book_latest(const struct book *b, const char *origin, size_t n);

#endif
