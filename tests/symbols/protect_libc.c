/* A server that could make data executable. Fault: imports mprotect. */
#include <sys/mman.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&mprotect;
