/*
 * abi.h: how structs with a struct_size cross the library's border (timeglas.h, "Structs"). Every
 * public function that takes one copies it in, or its result out, here. Not installed.
 */
#ifndef TG_LIB_ABI_H
#define TG_LIB_ABI_H

#include <stddef.h>
#include <timeglas/timeglas.h>

/*
 * The sizes that were published first. All are those of today; a struct that grows keeps the old
 * figure here, as offsetof() of its first new member.
 */
#define TG_ABI_FIRST(type) sizeof(type)
#define TG_ABI_SIZE_MAX 65536u /* no struct is so large: what stands there was never set */

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
/** tg_abi_out_ok(theirs, first): can a result be written there? NULL (not wanted) is fine. Returns
 * 0 or TG_EINVAL. */
int tg_abi_out_ok(const void *theirs, size_t first);
/** tg_abi_out(theirs, ours, size): writes as much of a result as theirs holds; struct_size stays.
 * NULL is fine. */
void tg_abi_out(void *theirs, const void *ours, size_t size);

/* For a pointer to a struct of the public header and a variable of the same type. */
#define TG_ABI_IN(ours, theirs) \
	tg_abi_in(&(ours), sizeof(ours), (theirs), TG_ABI_FIRST(__typeof__(ours)))
#define TG_ABI_OUT_OK(theirs) tg_abi_out_ok((theirs), TG_ABI_FIRST(__typeof__(*(theirs))))
#define TG_ABI_OUT(theirs, ours) tg_abi_out((theirs), &(ours), sizeof(ours))

#endif
