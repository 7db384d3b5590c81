/*
 * abi.h: copies structs that begin with a struct_size into and out of the library (timeglas.h,
 * "Structs"), so that programs built with an older or a newer header work. Every public function
 * that takes such a struct uses it. Not installed.
 */
#ifndef TG_LIB_ABI_H
#define TG_LIB_ABI_H

#include <stddef.h>
#include <timeglas/timeglas.h>

/*
 * The smallest struct_size of a type, which is that of its first published form. No struct has
 * grown yet; one that does gets a line of its own here, with the offset of its first new member.
 */
#define TG_ABI_FIRST(type) sizeof(type)
#define TG_ABI_SIZE_MAX 65536u /* no struct is larger; a larger size is memory that nobody set */

/**
 * Copies a caller's struct into one of the library's.
 *
 * @ours   size bytes; what theirs lacks becomes zero
 * @theirs begins with its struct_size
 * @first  the smallest struct_size that is a caller's
 *
 * Returns 0, or TG_EINVAL: NULL, too small, larger than TG_ABI_SIZE_MAX, or longer than ours with
 * something in it that this library does not know.
 */
int tg_abi_in(void *ours, size_t size, const void *theirs, size_t first);

/** Checks that a result can be written to theirs, which is NULL when it is not wanted. Returns 0 or
 * TG_EINVAL. */
int tg_abi_out_ok(const void *theirs, size_t first);

/** Writes as much of the result ours, of size bytes, as theirs holds; theirs keeps its struct_size.
 * NULL is fine. */
void tg_abi_out(void *theirs, const void *ours, size_t size);

/* The same for a variable of a public type (ours) and a pointer to that type (theirs). */
#define TG_ABI_IN(ours, theirs) \
	tg_abi_in(&(ours), sizeof(ours), (theirs), TG_ABI_FIRST(__typeof__(ours)))
#define TG_ABI_OUT_OK(theirs) tg_abi_out_ok((theirs), TG_ABI_FIRST(__typeof__(*(theirs))))
#define TG_ABI_OUT(theirs, ours) tg_abi_out((theirs), &(ours), sizeof(ours))

#endif
