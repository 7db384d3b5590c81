/* A harmless function that is not on the list. Fault: imports localtime_r. */
#include <time.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&localtime_r;
