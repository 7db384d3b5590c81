/* A server that could load any library. Fault: imports dlopen. */
#include <dlfcn.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&dlopen;
