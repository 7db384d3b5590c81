/* bug.h: the one way to end a process whose own code has broken a rule. */
#ifndef TG_CORE_BUG_H
#define TG_CORE_BUG_H

/**
 * Writes "timeglas: bug in MODULE: VIOLATED" and a line break to standard error, and aborts the
 * process. For a broken rule of this program alone: what a peer, a file or the system does wrong,
 * and memory that is not there, are errors.
 *
 * @module    the file that found it, without its ending
 * @violated  what is not as it must be; no secret
 */
_Noreturn void tg_bug(const char *module, const char *violated);

#endif
