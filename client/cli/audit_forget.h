/* audit_forget.h: removes segments of the index whose evidence is gone: what is not kept any more
 * must not be known any more either. */
#ifndef CLI_AUDIT_FORGET_H
#define CLI_AUDIT_FORGET_H

/** Removes each segment whose evidence file lies neither where it was when it was indexed, nor
 * beside that under the name that rotation gives it, and each that another version made. */
void audit_forget_lost(void);

#endif
